"""The scoreboard: each op on each product, and its parts by dtype, layout and attribute."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from conformance.ops import OPS
from conformance.report.observed import ENDS, Observed, tallies
from conformance.report.records import Cell, Part, Product, Shown, Tally
from conformance.report.wording import anchor

__all__ = ["GRAVITY", "cells", "ops", "parts"]

# The gravest first: what ends a process loses more than one result; what gives a wrong number is not noticed.
GRAVITY = (
    "crashed",
    "hung",
    "out-of-memory",
    "wrong-value",
    "nondeterministic",
    "wrong-shape",
    "wrong-dtype",
    "accepted-invalid",
    "refused-valid",
)
DTYPE_LAYOUT = "dtype, layout"
TOLD = {"dtype", "layout", "regime", "breaks"}  # attribute classes that are columns of their own


def ops(seen: Sequence[Observed]) -> tuple[str, ...]:
    """Return the ops of all runs: the suite's own in its order, then any other."""
    met = {op for entry in seen for op in entry.calls["op"].unique().to_list()}
    planned = {op for entry in seen for op in entry.store.header().get("options", {}).get("ops") or ()}
    return (*(op for op in OPS if op in met | planned), *sorted((met | planned) - set(OPS)))


def cells(
    seen: Sequence[Observed], products: Sequence[Product], findings: Sequence[Shown]
) -> Mapping[tuple[str, int], Cell]:
    """Return every op on every product that was called at least once."""
    found = {}
    for run, entry in enumerate(seen):
        numbers = _numbers(products, run)
        counted = entry.calls.group_by("op", "target", "verdict", "kind").len().sort("op", "target", "verdict", "kind")
        for (op, target), rows in counted.group_by("op", "target", maintain_order=True):
            product = numbers[str(target)]
            found[str(op), product] = _cell(str(op), product, products[product], rows, findings)
    return found


def _numbers(products: Sequence[Product], run: int) -> dict[str, int]:
    """Return the number of each target's product in one run."""
    return {product.target: number for number, product in enumerate(products) if product.run == run}


def _cell(op: str, number: int, product: Product, rows: pl.DataFrame, findings: Sequence[Shown]) -> Cell:
    """Return one op on one product; rows: verdict, kind, len."""
    ends = dict(rows.group_by("verdict").agg(pl.col("len").sum()).iter_rows())
    kinds = dict(rows.filter(pl.col("kind") != "").group_by("kind").agg(pl.col("len").sum()).iter_rows())
    against = dict(rows.filter(pl.col("verdict") == "disagrees").group_by("kind").agg(pl.col("len").sum()).iter_rows())
    order = (*GRAVITY, *sorted(set(kinds) - set(GRAVITY)))
    shown = [
        each.anchor
        for each in findings
        if each.finding.op == op and product.run in each.runs and product.target in each.finding.shared_by
    ]
    return Cell(
        op=op,
        product=number,
        anchor=anchor("cell", op, product.anchor.removeprefix("product-")),
        tally=Tally(*(ends.get(end, 0) for end in ENDS)),
        worst=next((kind for kind in order if kind in against), ""),
        kinds=tuple((kind, kinds[kind]) for kind in order if kind in kinds),
        findings=tuple(shown),
    )


def parts(seen: Sequence[Observed], products: Sequence[Product]) -> tuple[Part, ...]:
    """Return every op's calls by dtype and layout, and by each class of each attribute."""
    gathered: dict[tuple[str, str, str], dict[int, Tally]] = {}
    for run, entry in enumerate(seen):
        numbers = _numbers(products, run)
        for key, target, tally in _parted(entry):
            gathered.setdefault(key, {})[numbers[target]] = tally
    everyone = range(len(products))
    return tuple(
        Part(*key, tuple(found.get(number) for number in everyone))
        for key, found in sorted(gathered.items(), key=_order)
    )


def _order(item: tuple[tuple[str, str, str], object]) -> tuple[str, bool, str, tuple[float, str]]:
    """Put dtype and layout first, and numbers before words."""
    op, attribute, value = item[0]
    leading = value.split("-")[0].split("+")[0].strip("<>= ")
    rank = float(leading) if leading.isdecimal() else float("inf")
    return op, attribute not in {DTYPE_LAYOUT, "call"}, attribute, (rank, value)


def _parted(entry: Observed) -> Iterator[tuple[tuple[str, str, str], str, Tally]]:
    """Yield (op, attribute, value), target and tally."""
    both = pl.concat_str([pl.col("dtype"), pl.col("layout")], separator=", ").str.strip_suffix(", ")
    by_class = {DTYPE_LAYOUT: both.cast(pl.Categorical), "regime": pl.col("regime")}
    by_class |= {name: pl.col(f"a:{name}") for name in entry.attributes if name not in TOLD}
    valid = entry.calls.filter(pl.col("breaks") == "")
    for op, target, *ends in tallies(entry.calls.filter(pl.col("breaks") != ""), "op", "target").iter_rows():
        yield (op, "call", "breaks a rule on purpose"), target, Tally(*ends)
    for attribute, column in by_class.items():
        counted = tallies(valid.with_columns(column.alias("value")), "op", "target", "value")
        for op, target, value, *ends in counted.drop_nulls("value").iter_rows():
            yield (op, attribute, value), target, Tally(*ends)
