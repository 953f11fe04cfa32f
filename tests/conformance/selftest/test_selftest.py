"""The suite run on implementations that are known: mutants and correct ones. `tox -e mutants` runs them all."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reference
from conformance.model import Returned, Verdict
from conformance.ops import OPS
from conformance.run.plan import CASES
from conformance.run.store import Store
from conformance.run.trials import Outcome
from conformance.selftest import hazards, robustness
from conformance.selftest.arithmetics import (
    Arithmetic,
    blocked,
    cut,
    flushing,
    fused,
    ordered,
    pairwise,
    permuted,
    reversed_,
    rounded,
)
from conformance.selftest.command import main, measure, sample, selftest
from conformance.selftest.correct import correct_implementations
from conformance.selftest.emulations import EMULATIONS
from conformance.selftest.false_positives import Block, FalsePositives, added_up, blocks, run_correct, share_below
from conformance.selftest.killing import run_mutants
from conformance.selftest.mutants import acceptances, mutants
from conformance.selftest.mutation.calls import Call
from conformance.selftest.mutation.faults import mirrored
from conformance.selftest.mutation.numerical import leading_bit
from conformance.selftest.mutation.variants import variants
from conformance.selftest.products import computed
from conformance.selftest.transforms import fourier, winograd
from reference.ops.conv2d import forward

ONES = {"input": np.ones((1, 4, 4, 1), np.float32), "filters": np.ones((3, 3, 1, 1), np.float32), "strides": 2}


def silent(_text: str) -> None:
    """Say nothing."""


def test_there_are_at_least_120_mutants_and_some_of_every_op() -> None:
    """Each op has some, no two have one name, and rules are counted apart."""
    found = mutants()

    assert len(found) >= 120
    assert {implementation.op for implementation in found} == set(OPS)
    assert max(Counter(implementation.name for implementation in [*found, *acceptances()]).values()) == 1


def test_every_rule_that_a_case_can_break_has_a_mutant_that_accepts_it() -> None:
    """As many as the generators of broken calls name."""
    rules = sum(len(op.breaks) for op in OPS.values())

    assert len(acceptances()) == rules


def test_the_reference_without_a_fault_survives() -> None:
    """The reference itself, planted as if it were faulty, is not killed: so a mutant is killed by its fault."""
    faultless = variants(["conv2d", "max_pool", "dropout"], ("none", "no fault", lambda call: call.run()))

    results = run_mutants([each for variant in faultless for each in variant.implementations()], 0, 24, silent)

    assert [result.killed for result in results] == [False, False, False]


def test_a_mutant_is_killed_within_a_few_cases() -> None:
    """Filters turned round give another value in the first case with more than one tap."""
    (turned,) = [implementation for implementation in mutants() if implementation.name == "conv2d: filters rotated"]

    (result,) = run_mutants([turned], 0, 24, silent)

    assert 0 < result.cases <= 24
    assert result.kind == "wrong-value"


def test_correct_arithmetic_declared_as_another_is_rejected() -> None:
    """TF32 that declares float32 is rejected; declared as what it is, it is not."""
    (tf32,) = [each for each in correct_implementations() if each.name == "conv2d: TF32 rounded"]

    (honest,) = run_correct([tf32], 0, 0, 24)
    (dishonest,) = run_correct([replace(tf32, arithmetic="float32")], 0, 0, 24)

    assert not honest.alarms
    assert dishonest.alarms


def test_mirrored_same_padding_comes_first() -> None:
    """
    4 cells, 3 taps, stride 2: SAME pads one cell at the end, so windows hold 3 and 2; padded first, 2 and 3.

    On ones, 3x3 ones give 9, 6, 6, 4; the mirrored call gives 4, 6, 6, 9.
    """
    call = Call("conv2d", {**ONES, "padding": "SAME"})

    right, wrong = call.run(), mirrored("rows", "columns")(call)

    assert right.ravel().tolist() == [9, 6, 6, 4]
    assert np.asarray(wrong).ravel().tolist() == [4, 6, 6, 9]


@pytest.mark.parametrize("product", [ordered, reversed_, permuted, pairwise, blocked, fused])
@pytest.mark.parametrize("op", ["conv2d", "avg_pool"])
def test_every_order_gives_the_same_sum_of_small_integers(product: object, op: str) -> None:
    """Sums of whole numbers below 2^24 are exact in float32, in every order."""
    image = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
    filters = np.arange(36, dtype=np.float32).reshape(3, 3, 2, 2)
    given = {"filters": filters} if op == "conv2d" else {"ksize": 2}
    call = Call(op, {"input": image, "strides": 2, "padding": "VALID", **given})

    out = computed(call, Arithmetic(product=product))  # type: ignore[arg-type]

    assert out.tolist() == call.run().tolist()


def test_a_transposed_convolution_adds_its_taps_in_any_order() -> None:
    """From 2x2 to 4x4 on whole numbers: exact."""
    image, filters = np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1), np.ones((3, 3, 1, 1), np.float32)
    call = Call("conv2d_transpose", {"input": image, "filters": filters, "output_shape": [1, 4, 4, 1], "strides": 2})

    assert computed(call, Arithmetic(backwards=True)).tolist() == reference.conv2d_transpose(**call.arguments).tolist()


def test_fma_rounds_a_product_with_its_sum_only() -> None:
    """(1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: less 1, FMA leaves the last part; a rounded product has lost it."""
    a = np.array([[[-1, 1 + 2.0**-12]]], np.float32)
    b = np.array([[[1], [1 + 2.0**-12]]], np.float32)

    assert fused(a, b).item() == 2.0**-11 + 2.0**-24
    assert ordered(a, b).item() == 2.0**-11


def test_a_subnormal_product_is_flushed() -> None:
    """2^-100 * 2^-30 is 0 where subnormal numbers are flushed, and stays where they are not."""
    a, b = np.full((1, 1, 1), 2.0**-100, np.float32), np.full((1, 1, 1), 2.0**-30, np.float32)

    assert flushing(a, b).item() == 0
    assert ordered(a, b).item() == 2.0**-130


def test_winograd_computes_3x3_filters_with_stride_1_alone() -> None:
    """F(2, 3) halves and adds: whole numbers stay exact. With stride 2 it serves no call."""
    image, filters = np.arange(25.0).reshape(1, 5, 5, 1), np.arange(9.0).reshape(3, 3, 1, 1)
    unit, double = (forward(image, filters, strides, "VALID") for strides in (1, 2))

    out = winograd(unit, m=2)

    assert out is not None
    assert out.tolist() == reference.conv2d(image, filters, 1, "VALID").tolist()
    assert winograd(double, m=2) is None


def test_every_emulation_is_a_correct_implementation_of_some_op() -> None:
    """Those by transforms of conv2d, those of units that multiply of convolutions, the others of all ops that add."""
    ops = {name: [each.op for each in correct_implementations() if each.kind == name] for name in EMULATIONS}

    assert (ops["FFT"], len(ops["TF32 rounded"]), len(ops["float64"])) == (["conv2d"], 7, 14)
    assert all(ops.values())


def test_tf32_keeps_eleven_bits() -> None:
    """1 + 2^-10 stays; 1 + 2^-11 is a tie, which goes to even, and 1 + 3 * 2^-11 rounds up, or is cut off."""
    values = np.array([1 + 2**-10, 1 + 2**-11, 1 + 3 * 2**-11], np.float32)

    assert rounded(values, 13).tolist() == [1 + 2**-10, 1, 1 + 2**-9]
    assert cut(values, 13).tolist() == [1 + 2**-10, 1, 1 + 2**-10]


def test_a_leading_bit_makes_a_subnormal_number_normal() -> None:
    """2^-149 read with a leading 1 is 2^-126 + 2^-149."""
    assert leading_bit(np.array([2.0**-149, 1], np.float32)).tolist() == [2.0**-126 + 2.0**-149, 1]


def test_the_cases_of_a_correct_arithmetic_are_shared_by_its_ops() -> None:
    """2,700 for each: 193 of each of fourteen ops that add; TF32 is in seven ops, 386 cases each, Fourier in one."""
    counts: Counter[str] = Counter()
    for block in blocks(2700, OPS):
        counts.update(block.counts)

    assert (counts["avg_pool: float64"], counts["conv2d: TF32 rounded"], counts["conv2d: FFT"]) == (193, 386, 2700)
    assert max(max(block.counts.values()) for block in blocks(2700, OPS)) == CASES


def test_a_block_that_is_kept_is_not_done_again(tmp_path: Path) -> None:
    """What its file says is believed; a file of other cases, and half a file, are not."""
    block = Block("max_unpool", 0, {"max_unpool: float64": 2})
    (done,) = block.run_once(1, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text().replace('"alarms": []', '"alarms": ["kept"]'))

    assert done.cases == 2
    assert [entry.alarms for entry in block.run_once(1, tmp_path)] == [("kept",)]
    assert block.run_once(2, tmp_path)[0].alarms == ()
    path.write_text(path.read_text()[:40])
    assert block.run_once(2, tmp_path)[0].alarms == ()


def test_blocks_are_added_up() -> None:
    """Two calls of 100 elements each, whose mean square is 1, and 100 more with one of 4: 2 over all, the root 1.4."""
    row = {"op": "conv2d", "target": "", "dtype": "float32", "regime": "normal", "elements": 200.0, "sum": 0.0}
    row |= {"squares": 200.0, "inverse": 200.0, "calls": 2, "inexact": 2, "level": 0.0}
    one = FalsePositives(name="conv2d: some", declared="float32", cases=5, alarms=("x",), sums=[row])
    other = replace(one, cases=7, alarms=(), sums=[{**row, "elements": 100.0, "squares": 400.0, "calls": 1}])

    (both,) = added_up([one, other])

    assert (both.cases, both.alarms) == (12, ("x",))
    assert (both.sums[0]["squares"], both.sums[0]["elements"], both.sums[0]["calls"]) == (600.0, 300.0, 3)


def test_what_only_all_blocks_show_is_a_false_positive_too() -> None:
    """Half a spacing of TF32 in every element, at n = 1: float32 was declared."""
    row = {"op": "conv2d", "target": "", "dtype": "float32", "regime": "normal", "elements": 1.0, "sum": 0.0}
    row |= {"squares": 2.0**24, "inverse": 1.0, "calls": 1, "inexact": 1, "level": 0.0}
    one = FalsePositives(name="conv2d: some", declared="float32", cases=1, alarms=(), sums=[row])

    (both,) = added_up([one, one])

    assert both.alarms == ("float32 looks like TF32 rounded, declared is float32",)


@pytest.mark.parametrize(("declared", "alarms"), [("tf32-rounded", 0), ("bf16x3", 1)])
def test_a_wrong_name_is_a_false_positive(declared: str, alarms: int) -> None:
    """Half a spacing of TF32 in 10,000 elements, at n = 1: that is what it is, and not bf16x3."""
    row = {"op": "conv2d", "target": "", "dtype": "float32", "regime": "normal", "elements": 1e4, "sum": 0.0}
    row |= {"squares": 2.0**24 * 1e4, "inverse": 1e4, "calls": 1, "inexact": 1, "level": 0.0}

    (whole,) = added_up([FalsePositives(name="conv2d: some", declared=declared, cases=1, alarms=(), sums=[row])])

    assert len(whole.alarms) == alarms


def test_a_transform_takes_no_padding_that_memory_cannot_hold() -> None:
    """Under a padding of 2^31 - 3 rows it leaves the call to ordinary sums, which clip to what meets the image."""
    image, filters = np.ones((1, 1, 1, 2), np.float32), np.ones((2, 2, 2, 1), np.float32)

    assert fourier(forward(image, filters, 1, "SAME")) is not None
    assert fourier(forward(image, filters, 1, [[0, 0], [2**31 - 3, 0], [0, 1], [0, 0]])) is None


def test_no_false_positive_in_3000_cases_means_below_a_thousandth() -> None:
    """The rule of three: 3 / 3,000, at 95%."""
    assert share_below(3000) == pytest.approx(0.001, rel=0.01)


def test_the_thorough_command_writes_the_scoreboard(tmp_path: Path) -> None:
    """Eleven arithmetics of max_unpool and one of dropout_grad, a case each; the functions stay in their processes."""
    page = tmp_path / "page.md"

    measure(cases=1, correct_cases=1, op=["dropout_grad", "max_unpool"], jobs=2, write=page)

    assert "| false positives | 0 in 12 cases of 12 correct implementations" in page.read_text()


@pytest.mark.parametrize("wrong", [["--op", "conv3d"], ["--jobs", "0"], ["--case", "1"]])
def test_a_mistake_is_one_line_and_exit_code_2(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An op that is none, no jobs, an option that is none."""
    monkeypatch.setattr("sys.argv", ["conformance.selftest", *wrong])

    assert main() == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_another_seed_samples_other_mutants() -> None:
    """Twelve seeds see them all, each once."""
    everything = mutants()
    names = [implementation.name for seed in range(12) for implementation in sample(everything, seed)]

    assert sorted(names) == sorted(implementation.name for implementation in everything)


def test_every_hazard_is_observed_as_what_it_is() -> None:
    """All hazards that the target has run, each between harmless calls, which are untouched."""
    found = robustness.run_hazards(seed=0)

    assert set(robustness.OUTCOMES) == set(hazards.HAZARDS)
    assert (found.hazards, found.cases, found.misclassified) == (len(hazards.HAZARDS), 3 * len(hazards.HAZARDS), ())


def test_a_misclassified_observation_is_described() -> None:
    """A call that hangs, observed to return; a harmless one, judged wrong."""
    harmless, *_ = every = list(robustness.calls(seed=0))
    hanging = next(case for case in every if case.attributes.get("name") == "hang")
    returned = Returned(arrays=(), seconds=0.0)
    agrees, disagrees = Verdict(outcome="agrees"), Verdict(outcome="disagrees", kind="wrong-value")

    assert robustness.misclassified(Outcome(hanging, "hazards", "", returned, agrees)) == "hang: returned, "
    assert (
        robustness.misclassified(Outcome(harmless, "hazards", "", returned, disagrees))
        == "harmless: returned, wrong-value"
    )
    assert robustness.misclassified(Outcome(harmless, "hazards", "", returned, agrees)) == ""


def test_the_scores_of_a_self_test_are_kept_with_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Within a second there is time for nothing but the hazards: all nine are survived."""
    store = Store.create(tmp_path / "run", {})

    assert selftest(seed=0, seconds=1.0, into=store.folder) == 0

    scores = store.read_json("selftest.json")
    assert (scores["hazards"], scores["survived"], scores["mutants"], scores["correct_cases"]) == (9, 9, 0, 0)
    assert capsys.readouterr().out.splitlines()[-1] == "hazards survived: 9 of 9"
