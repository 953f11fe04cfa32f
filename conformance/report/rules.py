"""The specification rule by rule: how many calls exercised each on every product, and how many broke it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from conformance.cases.conditions import Condition
from conformance.ops import OPS
from conformance.report.columns import RULE, totals
from conformance.report.observed import TEXTS, Observed
from conformance.report.records import Product, Rule, RuleCount
from conformance.report.specification import ops
from conformance.report.wording import anchor

__all__ = ["rules"]


def rules(observed: Sequence[Observed], products: Sequence[Product]) -> tuple[Rule, ...]:
    """Return every rule of every op."""
    counts = {(run, *key): count for run, entry in enumerate(observed) for key, count in _counts(entry).items()}
    none = RuleCount(0, 0)
    return tuple(
        Rule(
            id=rule.id,
            op=op.name,
            anchor=anchor("rule", rule.id),
            text=rule.text,
            kind=rule.kind,
            counts=tuple(counts.get((product.run, product.target, rule.id), none) for product in products),
        )
        for op in ops()
        for rule in op.rules
    )


def _counts(entry: Observed) -> dict[tuple[str, str], RuleCount]:
    """
    Count the calls of one run that exercised a rule, and those that broke it: by target and rule.

    Calls break a rule of the interface on purpose; those that disagree broke it. Valid calls meet the condition of one
    of mathematics; of those that disagree the verdict does not say which they miss: all count. Of calls that agree the
    verdict says which choices decided them.
    """
    counts: dict[tuple[str, str], RuleCount] = {}
    for row in totals(entry.calls, ("target", "breaks"), RULE):
        counts[row["target"], row["breaks"]] = RuleCount(row["exercised"], row["broken"])
    for target, rule, number in exercised(entry.calls):
        counts[target, rule] = RuleCount(number, 0)
    valid = entry.calls.filter(pl.col("breaks") == "")
    for name, rule, conditions in ((op.name, *item) for op in OPS.values() for item in op.meanings.items()):
        some = pl.any_horizontal(*(_holds(condition, valid) for condition in conditions))
        for row in totals(valid.filter((pl.col("op") == name) & some), ("target",), RULE):
            key = (row["target"], rule)
            before = counts.get(key, RuleCount(0, 0))  # of another op with the same rule
            counts[key] = RuleCount(before.exercised + row["exercised"], before.broken + row["broken"])
    return counts


def exercised(calls: pl.DataFrame) -> Iterator[tuple[str, str, int]]:
    """Yield how many calls each choice decided: target, rule, number."""
    found: Counter[tuple[str, str]] = Counter()
    decided = calls.filter(pl.col("choices") != "").group_by("target", "choices").len()
    for target, text, number in decided.iter_rows():
        found.update(dict.fromkeys(((target, rule) for rule in json.loads(text)), number))
    return ((*key, number) for key, number in found.items())


def _holds(condition: Condition, calls: pl.DataFrame) -> pl.Expr:
    """Return whether all parts of a condition hold; an attribute that no call has is in no class."""
    columns = {name: name if name in TEXTS else f"a:{name}" for name in condition}
    parts = [
        pl.col(columns[name]).is_in(several) if columns[name] in calls.columns else pl.lit(value=False)
        for name, several in condition.items()
    ]
    return pl.all_horizontal(pl.lit(value=True), *parts).fill_null(value=False)
