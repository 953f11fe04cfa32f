"""What a report says, worked out by hand from runs made by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from conformance import ops
from conformance.errors import SuiteError, UsageError
from conformance.model import DISAGREEMENTS
from conformance.report import specification, verdict
from conformance.report.board import GRAVITY
from conformance.report.data import gather
from conformance.report.examples import examples
from conformance.report.figures import drawing, sheet
from conformance.report.heat import heat
from conformance.report.records import Overview, Report, Tally
from conformance.run.evidence import State
from conformance.run.store import Store
from reference.geometry import geometry

Make = Callable[..., Path]


def cell(report: Report, op: str, target: str) -> Tally:
    """Return what the calls of an op came to on a target of the first run."""
    number = next(i for i, product in enumerate(report.products) if product.target == target)
    return report.cells[op, number].tally


def test_a_cell_counts_calls_by_what_they_came_to(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Two agree, one disagrees, one is unsupported: three are judged."""
    case = by_hand.founding_case()
    ends = ["agrees", "agrees", "disagrees", "unsupported"]
    rows = [by_hand.row(case, "tf-cpu-eager", end, "crashed" if end == "disagrees" else "") for end in ends]

    report = gather([make_run(rows=rows)])

    assert cell(report, "conv2d_transpose", "tf-cpu-eager") == Tally(2, 1, 1, 0, valid=3, geometries=1)
    assert cell(report, "conv2d_transpose", "tf-cpu-eager").judged == 3


def test_the_gravest_kind_is_named(make_run: Make, by_hand: SimpleNamespace) -> None:
    """A crash before two wrong values."""
    kinds = ["wrong-value", "crashed", "wrong-value"]
    rows = [by_hand.row(by_hand.founding_case(), "tf-cpu-eager", "disagrees", kind) for kind in kinds]

    found = gather([make_run(rows=rows)]).cells["conv2d_transpose", 0]

    assert (found.worst, dict(found.kinds)) == ("crashed", {"crashed": 1, "wrong-value": 2})


def test_a_remark_is_counted_and_is_no_disagreement(make_run: Make, by_hand: SimpleNamespace) -> None:
    """wrong-error on an agreeing call."""
    rows = [by_hand.row(by_hand.founding_case(), "tf-cpu-eager", "agrees", "wrong-error")]

    found = gather([make_run(rows=rows)]).cells["conv2d_transpose", 0]

    assert (found.worst, found.kinds, found.tally) == ("", (("wrong-error", 1),), Tally(1, valid=1, geometries=1))


def test_every_kind_has_its_gravity() -> None:
    """None is left out, none twice."""
    assert sorted(GRAVITY) == sorted(DISAGREEMENTS)


def test_parts_add_up_to_the_cell(make_run: Make) -> None:
    """Of valid conv2d calls every attribute's classes sum to all of them."""
    report = gather([make_run()])
    valid = sum(case.breaks is None for case in ops.generate("conv2d", 7, 0, 40))

    sums: dict[str, int] = {}
    for part in report.parts:
        if part.op == "conv2d" and part.attribute != "call" and part.tallies[0]:
            sums[part.attribute] = sums.get(part.attribute, 0) + part.tallies[0].total

    assert set(sums.values()) == {valid}
    assert {"dtype, layout", "batch", "padding", "regime"} <= sums.keys()


def test_runs_come_in_the_order_they_were_started(make_run: Make) -> None:
    """Whatever order their folders are given in; a folder given twice counts once."""
    late = make_run("late", version="2.21.0", started="2026-11-22T09:00:00+00:00", rows=[])
    early = make_run("early", version="2.20.0", started="2026-11-22T08:00:00+00:00", rows=[])

    assert [run.label for run in gather([late, early, late]).runs] == ["2.20.0", "2.21.0"]


def test_runs_of_one_version_are_told_apart_by_their_folders(make_run: Make) -> None:
    """Both are of 2.21.0."""
    folders = [make_run("a", rows=[]), make_run("b", rows=[])]

    assert [run.label for run in gather(folders).runs] == ["2.21.0 (a)", "2.21.0 (b)"]


def test_a_killed_run_is_read(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Neither footer nor findings, and nobody knows its version; its disagreements count as new."""
    rows = [by_hand.row(by_hand.founding_case(), "tf-cpu-eager", "disagrees", "crashed")]

    report = gather([make_run(rows=rows, ended=False, version="")])

    assert (report.runs[0].ended, report.runs[0].clustered, report.runs[0].label) == ("", False, "run")
    assert verdict.verdict(report).sentence.startswith("1 call disagrees with the specification")
    assert verdict.exit_code(report) == 1


def test_a_run_without_observations_is_read(make_run: Make) -> None:
    """Killed before its first shard: nothing was judged."""
    report = gather([make_run(rows=[], ended=False)])

    assert verdict.verdict(report).sentence == "Nothing was judged."
    assert verdict.exit_code(report) == 3


def test_what_has_no_evidence_is_said_and_is_no_success(make_run: Make) -> None:
    """Though every judged call agrees."""
    folder = make_run()
    data = json.loads((folder / "run.json").read_text())
    data["footer"]["missing"] = ["max_pool on x: no call was made"]
    (folder / "run.json").write_text(json.dumps(data))

    report = gather([folder])

    assert "no evidence" in verdict.verdict(report).sentence
    assert "max_pool on x: no call was made" in verdict.verdict(report).sentence
    assert verdict.exit_code(report) == 3


def test_calls_that_were_not_judged_exercise_no_rule(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Neither a broken call nor a valid one, and a cell of them alone is not tested; one judged call is thin."""
    stream = [c for c in ops.generate("conv2d", 7, 0, 90) if c.breaks or c.dtype == "int32"]
    rows = [by_hand.row(case, "tf-cpu-eager", "unsupported") for case in stream]
    judged = by_hand.row(next(case for case in stream if not case.breaks), "tf-cpu-eager")

    nothing, thin = (gather([make_run(name, rows=some)]) for name, some in (("none", rows), ("one", [*rows, judged])))

    assert not any(rule.exercised for rule in nothing.rules)
    assert cell(nothing, "conv2d", "tf-cpu-eager").state is State.NONE
    assert cell(thin, "conv2d", "tf-cpu-eager").state is State.THIN
    assert {rule.counts[0].state for rule in thin.rules if rule.exercised} == {State.THIN}


def test_a_run_without_findings_is_good(make_run: Make) -> None:
    """Exit code 0."""
    report = gather([make_run()])

    assert verdict.verdict(report).sentence == "Every judged call agrees with the specification."
    assert verdict.exit_code(report) == 0


def test_a_new_finding_decides(full_run: Path) -> None:
    """One new, one known, one accepted cause that is not there: exit code 1, and the sentence counts the new one."""
    report = gather([full_run])

    assert verdict.verdict(report).sentence == "1 new divergence in conv2d_transpose."
    assert ([each.finding.id for each in verdict.new(report)], len(report.findings)) == (
        ["conv2d_transpose-wrong-value-0badcafe"],
        2,
    )
    assert [known.id for _, known in verdict.stale(report)] == ["old"]
    assert verdict.exit_code(report) == 1


@pytest.mark.parametrize(
    ("state", "own", "code"),
    [
        ("seen", True, 0),
        ("not tried", True, 0),
        ("not there", True, 1),
        ("expired", True, 1),
        ("not there", False, 0),
        ("expired", False, 0),
    ],
)
def test_an_accepted_cause_that_no_longer_holds_fails_the_report(
    make_run: Make, state: str, own: bool, code: int
) -> None:
    """As it fails the run; one that comes with the suite does not."""
    cause = {"id": "w", "state": state, "title": "known", "review": "2027-01-01", "own": own}

    assert verdict.exit_code(gather([make_run(causes=[cause])])) == code


def test_a_finding_of_two_runs_is_one(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Its first and last version, its cases added, the targets of both."""
    case = by_hand.founding_case()
    first = by_hand.finding("same", case, shared_by={"tf-cpu-eager": "wrong-value"})
    second = by_hand.finding("same", case, shared_by={"tf-cpu-xla": "crashed"}, status="known")
    runs = [
        make_run("a", version="2.20.0", started="2026-01-01", rows=[], findings=[first]),
        make_run("b", version="2.21.0", started="2026-02-01", rows=[], findings=[second]),
    ]

    (found,) = gather(runs).findings

    assert (found.first, found.last, found.runs, found.finding.cases) == ("2.20.0", "2.21.0", (0, 1), 24)
    assert found.finding.shared_by == {"tf-cpu-eager": "wrong-value", "tf-cpu-xla": "crashed"}
    assert found.finding.status == "new"


def test_what_is_new_gone_kept_and_not_looked_for(make_run: Make, by_hand: SimpleNamespace) -> None:
    """conv2d_transpose ran in both runs, max_pool in the first alone."""
    case = by_hand.founding_case()
    pool = next(c for c in ops.generate("max_pool", 7, 0, 99) if c.breaks is None)
    rows = [by_hand.row(case, "tf-cpu-eager")]
    kept, gone, new = (by_hand.finding(name, case) for name in ("kept", "gone", "new"))
    other = by_hand.finding("other", pool)
    runs = [
        make_run(
            "a",
            version="1",
            started="2026-01-01",
            rows=[*rows, by_hand.row(pool, "tf-cpu-eager")],
            findings=[kept, gone, other],
        ),
        make_run("b", version="2", started="2026-02-01", rows=rows, findings=[kept, new]),
    ]

    (change,) = gather(runs).changes

    assert (change.new, change.gone, change.kept) == (("finding-new",), ("finding-gone",), ("finding-kept",))
    assert change.not_looked_for == ("finding-other",)


def test_a_share_that_changed_is_told(make_run: Make, by_hand: SimpleNamespace) -> None:
    """All of one call, then half of two."""
    case = by_hand.founding_case()
    good, bad = by_hand.row(case, "tf-cpu-eager"), by_hand.row(case, "tf-cpu-eager", "disagrees", "crashed")
    runs = [make_run("a", started="2026-01-01", rows=[good]), make_run("b", started="2026-02-01", rows=[good, bad])]

    (change,) = gather(runs).changes

    assert change.shares == (
        ("conv2d_transpose", "tf-cpu-eager", Tally(1, valid=1, geometries=1), Tally(1, 1, valid=2, geometries=1)),
    )


@pytest.mark.parametrize(("after", "said"), [(0.5, "faster"), (1.15, "within noise"), (2.0, "slower")])
def test_timings_are_compared_with_their_noise(make_run: Make, after: float, said: str) -> None:
    """Medians of 1 s and another, each with a spread of 0.1 s: 0.2 s is noise."""
    folders = [make_run("a", started="2026-01-01", rows=[]), make_run("b", started="2026-02-01", rows=[])]
    for folder, median in zip(folders, (1.0, after), strict=True):
        row = {"op": "conv2d", "layer": "C1", "target": "t", "median": median, "spread": 0.1}
        (folder / "bench.json").write_text(json.dumps([row]))

    (change,) = gather(folders).changes

    assert [text for _, _, text in change.timings] == [said]


def test_a_wrong_result_is_never_the_fastest(make_run: Make) -> None:
    """The right one takes 2 s, the wrong one 1 s: ratios 1 and 1/2 of the right one's."""
    folder = make_run(rows=[])
    same = {"op": "conv2d", "layer": "C1"}
    rows = [same | {"target": "right", "median": 2.0}, same | {"target": "wrong", "median": 1.0, "correct": False}]
    (folder / "bench.json").write_text(json.dumps({"rows": rows, "ceilings": {"gflops": 90.0}}))

    report = gather([folder])

    assert [(timing.target, timing.ratio) for timing in report.timings] == [("right", 1.0), ("wrong", 0.5)]
    assert report.ceilings == ((0, {"gflops": 90.0}),)


def test_broken_benchmarks_are_the_suites_fault(make_run: Make) -> None:
    """The file is named."""
    folder = make_run(rows=[])
    (folder / "bench.json").write_text("{")

    with pytest.raises(SuiteError, match="benchmarks cannot be read"):
        gather([folder])


def test_a_folder_without_a_run_is_a_wrong_call(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(UsageError, match="holds no run"):
        gather([tmp_path])


def test_a_broken_shard_is_named(make_run: Make) -> None:
    """The store says which."""
    folder = make_run()
    (folder / "observations" / "conv2d-00000.parquet").write_bytes(b"PAR1 no more")

    with pytest.raises(SuiteError, match="conv2d-00000"):
        gather([folder])


def test_a_rule_is_exercised_by_calls_that_break_it(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Two such calls, one of which is accepted."""
    case = next(c for c in ops.generate("conv2d", 7, 0, 999) if c.breaks == "conv2d.R3")
    rows = [
        by_hand.row(case, "tf-cpu-eager"),
        by_hand.row(case, "tf-cpu-eager", "disagrees", "accepted-invalid", rule="conv2d.R3"),
    ]

    rules = {rule.id: rule for rule in gather([make_run(rows=rows)]).rules}

    assert (rules["conv2d.R3"].counts[0].exercised, rules["conv2d.R3"].counts[0].broken) == (2, 1)
    assert rules["conv2d.R4"].exercised == 0


def test_a_meaning_is_exercised_by_valid_calls_that_meet_its_condition(
    make_run: Make, by_hand: SimpleNamespace
) -> None:
    """conv2d.R12 by int32 calls: two of three, of which one disagrees."""
    valid = [c for c in ops.generate("conv2d", 7, 0, 999) if c.breaks is None]
    whole = next(c for c in valid if c.arrays["input"].dtype == "int32")
    real = next(c for c in valid if c.arrays["input"].dtype == "float32")
    rows = [by_hand.row(case, "tf-cpu-eager") for case in (whole, real)]
    rows.append(by_hand.row(whole, "tf-cpu-eager", "disagrees", "wrong-value"))

    rules = {rule.id: rule for rule in gather([make_run(rows=rows)]).rules}

    counted = rules["conv2d.R12"].counts[0]
    assert (rules["conv2d.R12"].meaning, counted.exercised, counted.broken) == (True, 2, 1)


def test_a_rule_is_a_choice_or_a_meaning_or_can_be_broken() -> None:
    """
    Of every op: a generator breaks it, a condition says what exercises it, or the verdict does.

    No case breaks max_pool_with_argmax.R12, which takes an image of more than 2^31 elements: the report says so.
    """
    stated = {rule.id for op in specification.ops() for rule in op.rules}
    broken = {case.breaks for op in ops.OPS for case in ops.generate(op, 0, 0, 1200) if case.breaks}

    meanings = {rule for op in ops.OPS.values() for rule in op.meanings}
    choices = {rule.id for op in specification.ops() for rule in op.rules if rule.kind == "choice"}
    assert meanings <= stated
    assert broken <= stated
    assert not meanings & (broken | choices)
    assert stated - meanings - broken - choices == {"max_pool_with_argmax.R12"}


def test_bound_and_ulps_are_counted_by_class(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Shares 0, 1/2 and 1 of the bound; ulps 0, 0.5 and 3: the median is the second of each."""
    case = by_hand.founding_case()
    measured = [(0.0, 0.0), (0.5, 0.5), (1.0, 3.0)]
    rows = [by_hand.row(case, "tf-cpu-eager", bound_used=b, ulps=u, elements=1.0) for b, u in measured]

    (found,) = gather([make_run(rows=rows)]).accuracy

    assert (found.bound, found.ulps) == ((0.5, 1.0, 1.0), (0.5, 3.0, 3.0))
    assert (found.bound_counts[0], found.bound_counts[-3:-1], found.ulps_counts[:5]) == (1, (1, 1), (1, 1, 0, 0, 1))


def test_a_fingerprint_is_the_root_of_the_mean_square(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Two calls of 2 and 6 elements, sums 1 and 3, squares 10 and 22: mean 1/2, root mean square 2."""
    case = next(c for c in ops.generate("conv2d", 7, 0, 999) if c.breaks is None and c.regime == "normal")
    sums = [(2.0, 1.0, 10.0), (6.0, 3.0, 22.0)]
    rows = [by_hand.row(case, "tf-cpu-eager", elements=n, sum=s, squares=q) for n, s, q in sums]
    dtype = case.arrays["input"].dtype
    name = {"op": "conv2d", "target": "tf-cpu-eager", "dtype": dtype, "regime": "normal", "name": "TF32 rounded"}

    (found,) = gather([make_run(rows=rows, footer={"fingerprints": [name]})]).fingerprints

    assert (found.mean, found.rms, found.name) == (0.5, 2.0, "TF32 rounded")


def test_growth_is_by_the_octave_of_n(make_run: Make, by_hand: SimpleNamespace) -> None:
    """A 3x3 window of one channel has 9 products: the octave of 8."""
    case = ops.case_from_json({**by_hand.founding_case().to_json(), "regime": "normal"})
    rows = [by_hand.row(case, "tf-cpu-eager", elements=4.0, squares=16.0)]

    (found,) = gather([make_run(rows=rows)]).growth

    assert (found.op, found.n, found.rms) == ("conv2d_transpose", 8, 2.0)


def test_heat_marks_what_is_not_allowed(tmp_path: Path, by_hand: SimpleNamespace) -> None:
    """Of 2x3 elements one is off by 1 where the largest is 10, one is NaN: levels 2 to 4 by distance."""
    value = np.array([[10.0, 0, 0], [0, 0, 0]]).reshape(1, 2, 3, 1)
    observed = value.copy()
    observed[0, 0, 1, 0], observed[0, 1, 2, 0] = 1.0, np.nan
    (tmp_path / "arrays.npz").write_bytes(by_hand.arrays(observed, value))

    seen = heat(tmp_path / "arrays.npz", {"op": "conv2d", "attributes": {}}, (0, 1, 2, 0))

    assert seen is not None
    assert (seen.different, seen.elements, seen.overviews[0].level) == (2, 6, ((0, 3, 0), (0, 0, 4)))
    assert (seen.grid.title, seen.grid.worst, seen.grid.observed) == (
        "[0, :, :, 0]",
        (1, 2),
        (("10", "1", "0"), ("0", "0", "nan")),
    )


def test_heat_shows_as_many_digits_as_differ(tmp_path: Path, by_hand: SimpleNamespace) -> None:
    """1 and 1.0000001 differ in the eighth digit."""
    value = np.ones((1, 1, 1, 1))
    (tmp_path / "arrays.npz").write_bytes(by_hand.arrays(value + 1e-7, value))

    seen = heat(tmp_path / "arrays.npz", {"op": "conv2d"}, ())

    assert seen is not None
    assert (seen.grid.allowed, seen.grid.observed, seen.grid.level) == ((("1",),), (("1.0000001",),), ((1,),))


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_heat_needs_arrays(tmp_path: Path, content: bytes | None) -> None:
    """A missing or broken file gives none."""
    if content is not None:
        (tmp_path / "arrays.npz").write_bytes(content)

    assert heat(tmp_path / "arrays.npz", {}, ()) is None


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (1, 2, 3, 4), (1, 1, 2, 3, 4)])
def test_heat_takes_results_of_any_rank(tmp_path: Path, by_hand: SimpleNamespace, shape: tuple[int, ...]) -> None:
    """All elements differ, and all are counted."""
    (tmp_path / "arrays.npz").write_bytes(by_hand.arrays(np.ones(shape), np.zeros(shape)))

    seen = heat(tmp_path / "arrays.npz", {"op": "dropout"}, (0,) * len(shape))

    assert seen is not None
    assert seen.different == seen.elements == np.prod(shape)


def test_a_large_image_is_seen_in_blocks(tmp_path: Path, by_hand: SimpleNamespace) -> None:
    """32x64 elements in blocks of 2x4: the one that differs, at (31, 0), is in the last row of blocks."""
    value = np.zeros((1, 32, 64, 1))
    observed = value.copy()
    observed[0, 31, 0, 0] = 5
    (tmp_path / "arrays.npz").write_bytes(by_hand.arrays(observed, value))

    seen = heat(tmp_path / "arrays.npz", {"op": "conv2d"}, ())

    assert seen is not None
    (overview,) = seen.overviews
    assert (overview.block, len(overview.level), len(overview.level[0])) == ((2, 4), 16, 16)
    assert [(y, x) for y, row in enumerate(overview.level) for x, level in enumerate(row) if level] == [(15, 0)]


def test_a_drawing_has_the_extra_zeros_on_the_left_and_top() -> None:
    """3x3 to 6x6: 8x8 cells, of which 9 are elements, 15 extra, 1 + 7 + 7 of them in the corner, row and column."""
    laid = geometry("conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="SAME", output=(6, 6))

    drawn = drawing(laid)

    assert drawn is not None
    cells = {kind: path.count("M") for kind, path in drawn.paths}
    assert cells == {"element": 9, "inserted": 16, "padding": 24, "extra": 15, "tap": 9, "out": 35, "hit": 1}
    assert [label.text for label in drawn.labels] == list("123456789")


def test_an_empty_output_is_not_drawn() -> None:
    """A 3x3 window over 2x2."""
    assert drawing(geometry("conv2d", input=(2, 2), filters=(3, 3))) is None


def test_a_large_call_is_drawn_in_part() -> None:
    """224x224 under 3x3: the part around the window of the last output element, and the caption says so."""
    drawn = drawing(geometry("conv2d", input=(224, 224), filters=(3, 3)), (221, 221))

    assert drawn is not None
    assert drawn.cut
    assert max(drawn.width, drawn.height) < 1000


def test_a_sheet_has_a_square_a_block() -> None:
    """Level 0 two squares wide, then one; level 4 one: squares of 9 with a gap of 1."""
    drawn = sheet(Overview("[:, :]", ((0, 0), (0, 4)), (1, 1)))

    assert drawn.paths == ((0, "M0 5h19M0 15h9"), (4, "M10 15h9"))


def test_worked_examples_have_the_published_numbers() -> None:
    """3x3 to 6x6 by ones under stride 2: the numbers that the project started from."""
    example = examples()["conv2d_transpose"][1]

    rows = "1 1 3 2 5 3/1 1 3 2 5 3/5 5 12 7 16 9/4 4 9 5 11 6/11 11 24 13 28 15/7 7 15 8 17 9"
    assert example.tables[1][1] == tuple(tuple(row.split()) for row in rows.split("/"))


def test_targets_may_have_any_name(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Two names that differ in signs alone have addresses of their own."""
    names = ["command:./x --a", "command:./x --a ", "my.module:object", "<script>", "ümlaut", ""]
    rows = [by_hand.row(by_hand.founding_case(), name) for name in names]

    report = gather([make_run(rows=rows, targets=names)])

    anchors = {product.anchor for product in report.products}
    assert len(anchors) == len(names)
    assert all(anchor.isascii() and " " not in anchor for anchor in anchors)


def test_a_report_of_the_same_runs_is_the_same(full_run: Path) -> None:
    """Gathered twice."""
    assert gather([full_run]) == gather([full_run])


def test_observations_of_an_unplanned_target_have_a_column(make_run: Make, by_hand: SimpleNamespace) -> None:
    """The header does not know it."""
    rows = [by_hand.row(by_hand.founding_case(), "surprise")]

    assert "surprise" in [product.target for product in gather([make_run(rows=rows)]).products]


def test_a_run_of_another_schema_is_refused(make_run: Make) -> None:
    """By its number."""
    folder = make_run(rows=[])
    Store(folder).write_json("run.json", {"schema": 99, "header": {}})

    with pytest.raises(SuiteError, match="not of schema"):
        gather([folder])
