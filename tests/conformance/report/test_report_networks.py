"""Networks and timings in the report."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.commands.report import report
from conformance.errors import UsageError
from conformance.networks.comparing import Distance, Judged
from conformance.networks.results import NetworkRun, Results, write
from conformance.report.data import gather
from conformance.report.machine import as_json
from conformance.report.pages import page
from conformance.report.verdict import verdict

Make = Callable[..., Path]

JUDGED = Judged(layer="c1", op="conv2d", elements=4, outside=0, bound_used=0.5, kernels=("_FusedConv2D BiasAdd+Relu",))
APART = Distance(layer="c1", measured=0.5, bound=1.0, used=0.5, size=2.0)
TRIAL = NetworkRun(target="<script>t", network="n", weights="drawn at random", judged=(JUDGED,), apart=(APART,))
RESULTS = Results(trials=(TRIAL,))


def test_trials_stand_in_the_page(make_run: Make) -> None:
    """What was measured, patterns too, and the names escaped."""
    folder = make_run(rows=[])
    write(folder, Results(trials=(replace(TRIAL, patterns=(replace(JUDGED, op="pattern"),)),)))

    text = page(gather([folder]))

    assert "n on &lt;script&gt;t, weights drawn at random: conforms" in text
    assert "drawn at random, layers with a bias and relu, each as one graph" in text
    assert "<code>_FusedConv2D BiasAdd+Relu</code>" in text
    assert "<script>t" not in text


def test_a_report_without_networks_has_no_such_section(make_run: Make) -> None:
    """Neither section nor link."""
    assert 'href="#networks"' not in page(gather([make_run(rows=[])]))


def test_networks_that_went_wrong_are_remarked(make_run: Make) -> None:
    """The verdict names the target."""
    folder = make_run(rows=[])
    write(folder, Results(trials=(replace(TRIAL, judged=(replace(JUDGED, outside=1),)),)))

    assert any("went wrong on <script>t" in remark for remark in verdict(gather([folder])).remarks)


def test_networks_are_in_the_json(make_run: Make) -> None:
    """Run and trials."""
    folder = make_run(rows=[])
    write(folder, RESULTS)

    (entry,) = json.loads(as_json(gather([folder])))["networks"]

    assert (entry["run"], entry["trials"][0]["network"]) == (0, "n")


def test_timings_of_other_batches_are_not_compared(make_run: Make) -> None:
    """One image in 1 s and 32 in 8 s are both the fastest of their kind, and both are shown."""
    folder = make_run(rows=[])
    same = {
        "op": "conv2d",
        "layer": "C1",
        "target": "t",
        "dtype": "float32",
        "threads": 1,
        "of_gflops": 0.5,
        "trace": 0.25,
    }
    rows = [same | {"batch": 1, "median": 1.0, "gflops": 3.0}, same | {"batch": 32, "median": 8.0}]
    (folder / "bench.json").write_text(json.dumps({"schema": 1, "ceilings": {}, "rows": rows}))

    gathered = gather([folder])

    assert [(timing.batch, timing.ratio) for timing in gathered.timings] == [(1, 1.0), (32, 1.0)]
    assert "50%" in page(gathered)
    assert "250 ms" in page(gathered)  # of tracing, apart from the median


def test_a_row_whose_result_was_not_checked_is_not_called_wrong(make_run: Make) -> None:
    """`correct` is null in the file."""
    folder = make_run(rows=[])
    row = {"op": "conv2d", "layer": "C1", "target": "t", "median": 1.0, "correct": None}
    (folder / "bench.json").write_text(json.dumps([row]))

    assert [timing.correct for timing in gather([folder]).timings] == [True]


def test_files_among_the_folders_are_passed_over(make_run: Make, tmp_path: Path) -> None:
    """`reports/*` names a README, too; of files alone there is nothing to report."""
    folder = make_run()
    (tmp_path / "README.md").write_text("what stands here")

    assert report([folder, tmp_path / "README.md"]) == 0
    assert (folder / "report.html").exists()
    with pytest.raises(UsageError, match="name folders"):
        report([tmp_path / "README.md"])
