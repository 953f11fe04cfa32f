"""What the cases of each run reached: values and pairs of attribute classes, small worlds, kernels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from conformance.report.observed import Observed
from conformance.report.records import Coverage
from conformance.run.extents import Extent, sentences
from conformance.run.kernels import Kernel

__all__ = ["coverage"]


def coverage(observed: Sequence[Observed]) -> tuple[Coverage, ...]:
    """Return the coverage of every run: figures from its footer, cases of each class from its observations."""
    return tuple(_of_run(run, entry) for run, entry in enumerate(observed))


def _of_run(run: int, entry: Observed) -> Coverage:
    """Return the coverage of one run."""
    figures: dict[str, tuple[int, int]] = {}
    missing: dict[str, list[str]] = {}
    footer = entry.store.footer() or {}
    for op, kind, entries in _recorded(footer.get("coverage") or {}):
        reached, possible = figures.get(kind, (0, 0))
        figures[kind] = (reached + int(entries.get("reached", 0)), possible + int(entries.get("makeable", 0)))
        missing.setdefault(kind, []).extend(f"{op}: {text}" for text in entries.get("missing") or ())
    return Coverage(
        run=run,
        figures=tuple(figures.items()),
        missing=tuple((kind, tuple(texts)) for kind, texts in missing.items() if texts),
        classes=_classes(entry),
        worlds=tuple(sentences([Extent(**each) for each in footer.get("world") or ()])),
        kernels=tuple(Kernel(**each) for each in footer.get("kernels") or ()),
    )


def _recorded(coverage: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield op, kind (values, pairs, broken rules), and what the footer says of it."""
    for op, kinds in coverage.items():
        for kind, entries in kinds.items() if isinstance(kinds, dict) else ():
            if isinstance(entries, dict):
                yield op, kind, entries


def _classes(entry: Observed) -> tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...]:
    """Return how many valid cases have each class of each attribute, by op; a case counts once."""
    cases = entry.calls.filter(pl.col("breaks") == "").unique("case", keep="any")
    columns = {"dtype": "dtype", "layout": "layout", "regime": "regime"}
    columns |= {name: f"a:{name}" for name in entry.attributes if name not in {*columns, "breaks"}}
    found = []
    for name, column in columns.items():
        counted = cases.drop_nulls(column).group_by("op", column).len().sort("op", column)
        for (op,), rows in counted.group_by(["op"], maintain_order=True):
            found.append((str(op), name, tuple(zip(rows[column].cast(pl.String), rows["len"], strict=True))))
    return tuple(sorted(found))
