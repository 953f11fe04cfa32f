"""The specification rule by rule: how many calls exercised each on every product, and how many broke it."""

from collections.abc import Mapping, Sequence

import polars as pl

from conformance.report.observed import Observed
from conformance.report.records import Product, Rule, RuleCount
from conformance.report.specification import ops
from conformance.report.wording import anchor

__all__ = ["rules"]

Condition = Mapping[str, tuple[str, ...]]  # attribute: the classes it is in

_SPECIAL: Condition = {"regime": ("special",)}
_TIES: Condition = {"regime": ("ties",)}
_WHOLE: Condition = {"dtype": ("int32",)}
_PADDED: Condition = {"padding": ("SAME", "EXPLICIT")}
_NO_BATCH: Condition = {"batch": ("0",)}
_NO_ROWS: Condition = {"output height": ("0",)}
_NO_COLUMNS: Condition = {"output width": ("0",)}

# What a valid call needs to exercise a rule that states a meaning: any of these conditions, of which all parts hold. A
# rule that is not here is exercised by the calls that break it on purpose.
EXERCISED: Mapping[str, tuple[Condition, ...]] = {
    "conv2d.R10": ({**_SPECIAL, **_PADDED},),
    "conv2d.R11": (_SPECIAL,),
    "conv2d.R12": (_WHOLE,),
    "conv2d.R13": (_NO_BATCH, _NO_ROWS, _NO_COLUMNS, {"filters": ("0",)}),
    "conv2d_transpose.R12": ({"remainder": ("above 0",)}, {"stride above window": ("yes",)}),
    "conv2d_transpose.R13": (_SPECIAL,),
    "conv2d_transpose.R14": (_WHOLE,),
    "conv2d_backprop_input.R12": (_NO_BATCH, _NO_ROWS, _NO_COLUMNS),
    "conv2d_backprop_filter.R11": (_NO_BATCH, _NO_ROWS, _NO_COLUMNS),
    "max_pool.R9": (_PADDED,),
    "max_pool.R10": (_SPECIAL,),
    "max_pool.R11": (_SPECIAL,),
    "max_pool_with_argmax.R9": (_PADDED,),
    "max_pool_with_argmax.R10": (_TIES,),
    "max_pool_with_argmax.R11": (_SPECIAL,),
    "max_pool_grad.R10": ({},),
    "max_pool_grad.R11": (_TIES,),
    "max_pool_grad.R12": (_SPECIAL,),
    "avg_pool.R9": (_PADDED,),
    "max_unpool.R6": ({"argmax drawn": ("anywhere",)},),
    "max_unpool.R7": ({},),
    "dropout.R4": ({"rate": ("outside",), "rate given as": ("tensor",)},),
    "dropout.R5": ({"rate": ("0",), "rate given as": ("number",)},),
    "dropout.R8": ({"rate": ("small", "1/2", "between")},),
    "dropout.R9": (_SPECIAL,),
    "dropout.R10": ({"noise_shape": ("shared",)},),
    "dropout.R11": ({"seeds": ("seed", "global_seed", "seed and global_seed")},),
    "dropout.R12": ({"seeds": ("none",)},),
    "stateless_dropout.R3": ({},),
    "dropout_grad.R2": (_SPECIAL,),
}
_NUMBERS = (pl.len(), (pl.col("verdict") == "disagrees").sum().alias("wrong"))
# Ops that share rules of another one.
SHARING = {"dropout": ("dropout", "stateless_dropout")}


def rules(seen: Sequence[Observed], products: Sequence[Product]) -> tuple[Rule, ...]:
    """Return every rule of every op."""
    counts = {(run, *key): count for run, entry in enumerate(seen) for key, count in _counts(entry).items()}
    none = RuleCount(0, 0)
    return tuple(
        Rule(
            id=rule.id,
            op=op.name,
            anchor=anchor("rule", rule.id),
            text=rule.text,
            meaning=rule.id in EXERCISED,
            counts=tuple(counts.get((product.run, product.target, rule.id), none) for product in products),
        )
        for op in ops()
        for rule in op.rules
    )


def _counts(entry: Observed) -> dict[tuple[str, str], RuleCount]:
    """
    Count the calls of one run that exercised a rule, and those that broke it: by target and rule.

    Calls break a rule on purpose; those that disagree broke it. Valid calls meet the condition of a meaning; of those
    that disagree the verdict does not say which meaning they miss: all count.
    """
    counts: dict[tuple[str, str], RuleCount] = {}
    for target, rule, *numbers in entry.calls.group_by("target", "breaks").agg(*_NUMBERS).iter_rows():
        counts[target, rule] = RuleCount(*numbers)
    valid = entry.calls.filter(pl.col("breaks") == "")
    for rule, conditions in EXERCISED.items():
        op = rule.partition(".")[0]
        of_op = pl.col("op").is_in(SHARING.get(op, (op,)))
        met = valid.filter(of_op & pl.any_horizontal(*(_holds(condition, valid) for condition in conditions)))
        for target, *numbers in met.group_by("target").agg(*_NUMBERS).iter_rows():
            counts[target, rule] = RuleCount(*numbers)
    return counts


def _holds(condition: Condition, calls: pl.DataFrame) -> pl.Expr:
    """Return whether all parts of a condition hold; an attribute that no call has is in no class."""
    columns = {name: name if name in calls.columns else f"a:{name}" for name in condition}
    parts = [
        pl.col(columns[name]).is_in(several) if columns[name] in calls.columns else pl.lit(value=False)
        for name, several in condition.items()
    ]
    return pl.all_horizontal(pl.lit(value=True), *parts).fill_null(value=False)
