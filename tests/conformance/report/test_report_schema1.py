"""Runs of schema 1, which earlier suites wrote, are reported and replayed, and not gone on with."""

from pathlib import Path

import pytest

from conformance.commands import replay
from conformance.errors import UsageError
from conformance.report import machine, pages, verdict
from conformance.report.data import gather
from conformance.run.store import Store

# conformance run --target planted:several --target reference --op conv2d_transpose --op max_pool --cases 24
# --no-waivers, as commit 014393b wrote it; what it said of the machine is left out.
RUN = Path(__file__).parent / "schema1"
FINDING = "conv2d_transpose-wrong-value-fc774a07"


def test_a_run_of_schema_1_is_reported() -> None:
    """Its five wrong values on planted:several are counted, and its finding stands there in its own words."""
    report = gather([RUN])
    (shown,) = report.findings

    assert report.runs[0].tally.disagrees == 5
    assert (shown.finding.id, shown.finding.predicate) == (FINDING, {"padding ends": "unlike"})
    assert "1 of 1 elements differ" in shown.finding.reason
    assert shown.heat is not None
    assert verdict.exit_code(report) == 1
    assert FINDING in pages.page(report)
    assert FINDING in machine.as_json(report)


def test_the_case_of_a_run_of_schema_1_is_found() -> None:
    """By the id of its finding."""
    assert [case.op for case in replay.find(FINDING, RUN, Path("nowhere"))] == ["conv2d_transpose"]


def test_a_run_of_schema_1_is_not_gone_on_with() -> None:
    """Its rows have no symptoms, by which findings are told apart."""
    with pytest.raises(UsageError, match="is of schema 1: it can be reported, and not gone on with"):
        Store.resume(RUN)
