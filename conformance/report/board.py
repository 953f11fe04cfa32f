"""The scoreboard: each op on each product, and its parts by dtype, layout and attribute."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from conformance.ops import OPS
from conformance.report.columns import KIND, TALLY, totals
from conformance.report.observed import Observed
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
APART = {"dtype", "layout", "regime", "breaks"}  # attribute classes that are columns of their own


def ops(observed: Sequence[Observed]) -> tuple[str, ...]:
    """Return the ops of all runs: the suite's own in its order, then any other."""
    called = {op for entry in observed for op in entry.calls["op"].unique().to_list()}
    planned = {op for entry in observed for op in entry.store.header().get("options", {}).get("ops") or ()}
    return (*(op for op in OPS if op in called | planned), *sorted((called | planned) - set(OPS)))


def cells(
    observed: Sequence[Observed], products: Sequence[Product], findings: Sequence[Shown]
) -> Mapping[tuple[str, int], Cell]:
    """Return every op on every product that was called at least once."""
    found = {}
    for run, entry in enumerate(observed):
        numbers = _numbers(products, run)
        kinds: dict[tuple[str, str], dict[str, Mapping[str, int]]] = {}
        for row in totals(entry.calls.filter(pl.col("kind") != ""), ("op", "target", "kind"), KIND):
            kinds.setdefault((row["op"], row["target"]), {})[row["kind"]] = row
        small = swept(entry)
        for row in totals(entry.calls, ("op", "target"), TALLY):
            op, target = row["op"], row["target"]
            row["small"] = small.get((op, target), 0)
            of_op = [each for each in findings if each.finding.op == op]
            product = numbers[target]
            found[op, product] = _cell(row, product, products[product], kinds.get((op, target), {}), of_op)
    return found


def _numbers(products: Sequence[Product], run: int) -> dict[str, int]:
    """Return the number of each target's product in one run."""
    return {product.target: number for number, product in enumerate(products) if product.run == run}


def _cell(
    row: Mapping[str, Any],
    number: int,
    product: Product,
    kinds: Mapping[str, Mapping[str, int]],
    findings: Sequence[Shown],
) -> Cell:
    """Return one op on one product; kinds: of disagreements and remarks, with their calls; findings: the op's."""
    order = (*GRAVITY, *sorted(set(kinds) - set(GRAVITY)))
    return Cell(
        op=row["op"],
        product=number,
        anchor=anchor("cell", row["op"], product.anchor.removeprefix("product-")),
        tally=_tally(row),
        worst=next((kind for kind in order if kind in kinds and kinds[kind]["disagrees"]), ""),
        kinds=tuple((kind, kinds[kind]["calls"]) for kind in order if kind in kinds),
        findings=tuple(
            each.anchor for each in findings if product.run in each.runs and product.target in each.finding.shared_by
        ),
    )


def swept(entry: Observed) -> dict[tuple[str, str], int]:
    """Return how many calls of the small world agree, by op and target."""
    counted = entry.store.swept().group_by("op", "target").agg(pl.col("agrees").sum())
    return {(op, target): number for op, target, number in entry.store.collect(counted).iter_rows()}


def _tally(row: Mapping[str, Any]) -> Tally:
    """Return the tally in a row of totals."""
    return Tally(**{column.name: row[column.name] for column in TALLY}, small=row.get("small", 0))


def parts(observed: Sequence[Observed], products: Sequence[Product]) -> tuple[Part, ...]:
    """Return every op's calls by dtype and layout, and by each class of each attribute."""
    gathered: dict[tuple[str, str, str], dict[int, Tally]] = {}
    for run, entry in enumerate(observed):
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
    by_class |= {name: pl.col(f"a:{name}") for name in entry.attributes if name not in APART}
    valid = entry.calls.filter(pl.col("breaks") == "")
    for row in totals(entry.calls.filter(pl.col("breaks") != ""), ("op", "target"), TALLY):
        yield (row["op"], "call", "breaks a rule on purpose"), row["target"], _tally(row)
    for attribute, column in by_class.items():
        of_class = valid.with_columns(column.alias("value")).drop_nulls("value")
        for row in totals(of_class, ("op", "target", "value"), TALLY):
            yield (row["op"], attribute, row["value"]), row["target"], _tally(row)
