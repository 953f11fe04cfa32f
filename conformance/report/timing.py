"""
The benchmarks of a run, read from `bench.json` or `bench.parquet` in its folder, if there is one.

Rows have at least `op`, `layer`, `target` and `median` (seconds); `batch`, `dtype`, `threads`, `spread`, `trace`,
`compile` (seconds), `gflops`, `gbs`, `of_gflops`, `of_gbs` and `correct` where they are known. `bench.json` is a list
of rows, or an object with `rows` and `ceilings`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from conformance.errors import SuiteError
from conformance.report.observed import Observed
from conformance.report.records import Timing

__all__ = ["ceilings", "timings"]

NEEDED = ("op", "layer", "target", "median")


def timings(observed: Sequence[Observed]) -> tuple[Timing, ...]:
    """Return every row of every run, with its ratio to the fastest that computes the same."""
    return tuple(entry for run, one in enumerate(observed) for entry in _of_run(run, one.store.folder))


def ceilings(observed: Sequence[Observed]) -> tuple[tuple[int, Mapping[str, Any]], ...]:
    """Return what each run measured the machine to be capable of: `gflops`, `gbs` and the like."""
    read = ((run, _read(entry.store.folder)[1]) for run, entry in enumerate(observed))
    return tuple((run, measured) for run, measured in read if measured)


def _of_run(run: int, folder: Path) -> list[Timing]:
    """Return the rows of one run."""
    rows = [row for row in _read(folder)[0] if all(row.get(name) is not None for name in NEEDED)]
    best: dict[tuple[str, ...], float] = {}
    for row in rows:
        if row.get("correct") is not False:
            best[_same(row)] = min(best.get(_same(row), math.inf), float(row["median"]))
    return [_timing(run, row, best.get(_same(row), math.nan)) for row in rows]


def _same(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what rows must share to be compared."""
    return tuple(str(row.get(name, "")) for name in ("op", "layer", "batch", "dtype", "threads"))


def _timing(run: int, row: Mapping[str, Any], fastest: float) -> Timing:
    """Return one row as a record."""
    return Timing(
        run=run,
        target=str(row["target"]),
        op=str(row["op"]),
        layer=str(row["layer"]),
        batch=int(row.get("batch") or 0),
        dtype=str(row.get("dtype", "")),
        threads=int(row.get("threads") or 0),
        median=float(row["median"]),
        spread=_number(row, "spread"),
        trace=_number(row, "trace"),
        compile=_number(row, "compile"),
        gflops=_number(row, "gflops"),
        gbs=_number(row, "gbs"),
        of_gflops=_number(row, "of_gflops"),
        of_gbs=_number(row, "of_gbs"),
        correct=row.get("correct") is not False,
        ratio=float(row["median"]) / fastest if fastest > 0 else math.nan,
    )


def _number(row: Mapping[str, Any], name: str) -> float:
    """Return a number of a row; NaN where there is none."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def _read(folder: Path) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the rows and the ceilings of one run; none where nothing was timed."""
    try:
        if (folder / "bench.json").exists():
            data = json.loads((folder / "bench.json").read_text())
            if isinstance(data, list):
                return [row for row in data if isinstance(row, dict)], {}
            return [row for row in data.get("rows", []) if isinstance(row, dict)], data.get("ceilings") or {}
        if (folder / "bench.parquet").exists():
            return pl.read_parquet(folder / "bench.parquet").to_dicts(), {}
    except (OSError, ValueError, AttributeError, pl.exceptions.PolarsError) as error:
        raise SuiteError(f"{folder}: its benchmarks cannot be read: {error}") from error
    return [], {}
