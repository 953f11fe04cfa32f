"""What the cases of each run reached: values and pairs of attribute classes."""

from collections.abc import Sequence

import polars as pl

from conformance.report.observed import Observed
from conformance.report.records import Coverage

__all__ = ["coverage"]


def coverage(seen: Sequence[Observed]) -> tuple[Coverage, ...]:
    """Return the coverage of every run: figures from its footer, cases of each class from its observations."""
    return tuple(_of_run(run, entry) for run, entry in enumerate(seen))


def _of_run(run: int, entry: Observed) -> Coverage:
    """Return the coverage of one run."""
    told = (entry.store.footer() or {}).get("coverage") or {}
    return Coverage(
        run=run,
        figures=tuple((name, (int(pair[0]), int(pair[1]))) for name, pair in told.items() if _is_pair(pair)),
        missing=tuple(_words(entry) for entry in told.get("missing") or ()),
        classes=_classes(entry),
    )


def _is_pair(value: object) -> bool:
    """Return whether a value of the footer is [reached, possible]."""
    return isinstance(value, list) and len(value) == 2 and all(isinstance(number, int) for number in value)


def _words(missing: object) -> str:
    """Write what was not reached: text, or a list of names and classes."""
    return missing if isinstance(missing, str) else ", ".join(map(str, missing)) if isinstance(missing, list) else str(missing)


def _classes(entry: Observed) -> tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...]:
    """Return how many valid cases have each class of each attribute, by op; a case counts once."""
    cases = entry.calls.filter(pl.col("breaks") == "").unique("case", keep="any")
    columns = {"dtype": "dtype", "layout": "layout", "regime": "regime"}
    columns |= {name: f"a:{name}" for name in entry.attributes if name not in {*columns, "breaks"}}
    found = []
    for name, column in columns.items():
        counted = cases.drop_nulls(column).group_by("op", column).len().sort("op", column)
        for (op,), rows in counted.group_by(["op"], maintain_order=True):
            found.append((str(op), name, tuple((str(value), number) for _, value, number in rows.iter_rows())))
    return tuple(sorted(found))
