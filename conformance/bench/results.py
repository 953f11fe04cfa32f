"""
The timings of a run on disk, and two of them compared.

`bench.json`: {"schema": 1, "ceilings": {name: number}, "rows": [{...}]}, a row as `timing.Timed` has it but for
`rounds`; what was not measured is null. `bench.parquet`: the rows with `rounds`, a list of seconds.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from conformance.bench.timing import Timed
from conformance.errors import UsageError
from conformance.run.store import Store

__all__ = ["Compared", "compared", "processor", "read", "write"]

KEY = ("target", "layer", "op", "batch", "dtype", "threads")
RESAMPLES = 2000
LISTS: Mapping[str, Any] = {"rounds": pl.List(pl.Float64), "symptoms": pl.List(pl.String)}
LEAST = 3  # rounds of both runs below which nothing can be said


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One row now against the same row of another run."""

    row: Timed
    ratio: float  # median of the rounds now / then
    low: float  # 99% bootstrap interval of the ratio; 0 to infinity where the rounds are too few
    high: float

    @property
    def says(self) -> str:
        """Faster, slower, within noise, or too few rounds to say."""
        if not math.isfinite(self.high):
            return "too few rounds"
        if self.high < 1:
            return "faster"
        return "slower" if self.low > 1 else "within noise"


def write(folder: Path, rows: Sequence[Timed], ceilings: Mapping[str, float]) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    data = [asdict(row) for row in rows]
    frame = pl.DataFrame(data, schema_overrides=LISTS, infer_schema_length=None)
    frame.write_parquet(folder / "bench.parquet")
    plain = [{name: value for name, value in row.items() if name != "rounds"} for row in data]
    text = json.dumps({"schema": 1, "ceilings": dict(ceilings), "rows": plain}, indent=1, allow_nan=False)
    (folder / "bench.json").write_text(text + "\n")


def read(folder: Path) -> list[Timed]:
    """Read the rows of a run's folder."""
    path = folder / "bench.parquet" if folder.is_dir() else folder
    if not path.is_file():
        raise UsageError(f"{folder} holds no bench.parquet")
    try:
        rows = pl.read_parquet(path).to_dicts()
        return [Timed(**row | {name: tuple(row.get(name) or ()) for name in LISTS}) for row in rows]
    except (TypeError, KeyError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{path} holds no timings: {error}") from error


def processor(folder: Path) -> str:
    """Name the processor that a run was timed on; nothing where the folder does not say."""
    return str(Store(folder).header().get("machine", {}).get("cpu", "")) if (folder / "run.json").is_file() else ""


def compared(now: Sequence[Timed], then: Sequence[Timed]) -> list[Compared]:
    """Compare the rows that both runs timed."""
    old = {tuple(getattr(row, name) for name in KEY): row for row in then if row.median}
    pairs = [(row, old.get(tuple(getattr(row, name) for name in KEY))) for row in now if row.median]
    return [_of_pair(row, other) for row, other in pairs if other]


def _of_pair(row: Timed, other: Timed) -> Compared:
    """
    Resample the rounds of both runs, and take the middle 99% of the ratios of medians.

    Of hundreds of rows the middle 95% would call one in twenty changed by chance.
    Runs within a round share what else the machine did meanwhile: rounds, not runs, are what varies independently.
    """
    ratio = float(np.median(row.rounds) / np.median(other.rounds)) if row.rounds and other.rounds else math.nan
    if min(len(row.rounds), len(other.rounds)) < LEAST:
        return Compared(row=row, ratio=ratio, low=0.0, high=math.inf)
    stream = np.random.Generator(np.random.Philox(0))
    medians = [
        np.median(stream.choice(np.array(one.rounds), (RESAMPLES, len(one.rounds))), axis=1) for one in (row, other)
    ]
    low, high = np.percentile(medians[0] / medians[1], [0.5, 99.5])
    return Compared(row=row, ratio=ratio, low=float(low), high=float(high))
