"""What the report of a million observations takes: 20 s and a page of 6 MB are aimed at."""

from pathlib import Path
from typing import Any

import polars as pl

from conformance import ops
from conformance.report.data import gather
from conformance.report.pages import page
from tests.conformance.report.conftest import TARGETS, make, row

COUNT = 1_000_000
DRAWN = 200  # cases of an op; all others differ from these in what tells them apart alone
LARGEST = 6 * 2**20  # bytes


def grown(folder: Path, count: int) -> int:
    """Make more observations of those of a run: as many in all, with cases of their own. Returns their number."""
    first = pl.read_parquet(folder / "observations" / "*.parquet")
    copies = count // len(first)
    for number in range(1, copies):
        several = first.with_columns(pl.col("case") + f"-{number}")
        several.write_parquet(folder / "observations" / f"all-{number:05}.parquet")
    return copies * len(first)


def test_report_of_a_million(benchmark: Any, tmp_path: Path) -> None:  # noqa: ANN401 -- pytest-benchmark has no types
    """Read them, and make the page."""
    cases = (case for op in ops.OPS for case in ops.generate(op, 7, 0, DRAWN))
    folder = make(tmp_path / "run", rows=[row(case, target) for case in cases for target in TARGETS])
    made = grown(folder, COUNT if benchmark.enabled else 4 * len(ops.OPS) * DRAWN)

    text = benchmark.pedantic(lambda: page(gather([folder])), rounds=1)

    benchmark.extra_info["observations"] = made
    assert f"{made:,} calls".replace(",", "\u202f") in text
    assert len(text.encode()) <= LARGEST
