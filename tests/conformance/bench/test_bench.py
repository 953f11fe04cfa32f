"""Timings: what is timed, how it is checked, written, read and compared; with implementations that cheat."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conformance.bench import clock, progress, tables
from conformance.bench.checking import LAST, WHOLE, known, last_image, last_result, of_batch, of_image
from conformance.bench.peers import PEERS
from conformance.bench.results import compared, processor, read, write
from conformance.bench.shares import against, ceilings_of
from conformance.bench.subjects import CHOSEN, FEW, Subject, arguments, subjects
from conformance.bench.timing import LIMITS, BenchPlan, Timed, start, timed
from conformance.commands import bench as command
from conformance.errors import UsageError
from conformance.judge.allowed import Results
from conformance.model import Json, Returned, Symptom, Unsupported, Verdict
from conformance.networks.known import NETWORKS
from conformance.networks.running import case_of
from conformance.ops import OPS
from conformance.ops.arguments import run_reference
from conformance.report.data import gather
from conformance.targets import registry
from conformance.targets.adapter import Prepared
from conformance.targets.target import NAMESPACE, TF32, Target
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker
from conformance.triage.known.installation import Installation
from reference.bounds import ARITHMETICS

ROW = Timed(target="t", layer="l", op="conv2d", batch=1, dtype="float32", threads=1, median=1.0, rounds=(1.0, 1.0, 1.0))
TIMED_OPS = {name for name, op in OPS.items() if op.layer or op.at_layer}
VARIED = ("lenet-5", "lenet-5-mnist/dropout", "dqn/conv1", "dcgan/up4")
TENSORFLOW = Installation("tensorflow", "2.21.0")
CHEAT = Target(
    name="cheat",
    about="fast and wrong",
    adapter="conformance.targets.namespace",
    options={"object": "cheating"},
)


def test_every_chosen_layer_exists() -> None:
    """By its name, or by that of a network that it is alone in."""
    found = {subject.layer for subject in subjects(CHOSEN, (1,))}

    assert found == {name if "/" in name else f"{name}/layer" for name in CHOSEN}


@pytest.mark.parametrize("subject", list(subjects(VARIED, (2,))), ids=lambda one: one.name)
def test_every_call_is_valid(subject: Subject) -> None:
    """The reference takes it, for a batch of 2."""
    result = run_reference(subject.op, arguments(subject))

    assert np.isfinite(result[0]).all()


def test_by_default_every_op_is_timed_for_all_dtypes_and_batches_before_more_layers() -> None:
    """A few layers with every op, three dtypes by two batches of them; then the other chosen ones, the longest last."""
    dtypes = ("float32", "bfloat16", "float64")

    found = command.chosen(None, None, (1, 32), dtypes)

    few = [one for one in found if one.layer in FEW]
    assert found[: len(few)] == tuple(few)
    for batch in (1, 32):
        for dtype in dtypes:
            assert {one.op for one in few if (one.batch, one.dtype) == (batch, dtype)} == TIMED_OPS
    rest = found[len(few) :]
    assert {one.layer.removesuffix("/layer") for one in rest} == set(CHOSEN) - set(FEW)
    assert {(one.batch, one.dtype) for one in rest} == {(1, "float32")}
    assert rest[-1].flops == max(one.flops for one in found if one.batch == 1)


def test_what_is_asked_for_is_not_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A layer, an op, a batch, a dtype, a number of threads: no budget but one that is given; by default there is."""
    budgets: list[float] = []

    def conducted(plan: BenchPlan, _: object) -> list[Timed]:
        budgets.append(plan.budget)
        return []

    monkeypatch.setattr(command, "ceilings_of", lambda _: {})
    monkeypatch.setattr(command, "conducted", conducted)
    monkeypatch.setattr(command, "contenders", lambda _: ())
    picked: list[dict[str, object]] = [
        {"layer": ["dqn"]},
        {"op": ["conv2d"]},
        {"batch": [2]},
        {"dtype": ["float32"]},
        {"threads": [1]},
        {},
        {"layer": ["dqn"], "budget": 3.0},
    ]

    for options in picked:
        command.bench(**options, out=tmp_path)  # type: ignore[arg-type]

    assert budgets == [float("inf")] * 5 + [command.BUDGET, 3.0]


def test_what_a_budget_ends_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A budget that is over when the workers have started: nothing is timed, and how much that is."""
    assert command.bench(target=["reference"], layer=["lenet-5/c1"], threads=[1], budget=1e-9, out=tmp_path) == 0

    assert "36 of 36 calls were left out" in capsys.readouterr().out


def test_where_there_is_no_terminal_lines_say_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call at once, the next ones after a while, on standard error; nothing on standard output."""
    subject = next(subjects(("lenet-5/c1",), (1,)))
    with progress.Live(3) as live:
        live.began(subject, 2)
        live.began(subject, 2)
        monkeypatch.setattr(progress, "EVERY", 0.0)
        live.began(subject, 4)

    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.partition(", ")[0] for line in shown.err.splitlines()] == ["1 of 3", "3 of 3"]
    assert shown.err.endswith("lenet-5/c1 conv2d x1 float32, 4 threads\n")


def test_tracing_and_compiling_are_shown_apart() -> None:
    """Medians of 1, 3 and 8 ms, and of the two calls that compiled 20 and 40 ms."""
    times = ((0.001, 0.02), (0.003, 0.04), (0.008, 0.0))

    (text,) = tables.beforehand("t", [replace(ROW, trace=trace, compile=compiled) for trace, compiled in times])

    assert text.endswith("tracing 3 ms, compiling 30 ms (median)")
    assert tables.beforehand("t", [ROW]) == []


def test_every_op_is_timed() -> None:
    """What is a layer, its gradients and ways back, each at one of the chosen layers at least."""
    assert {subject.op for subject in subjects(CHOSEN, (1,))} == TIMED_OPS


def test_a_gradient_counts_the_operations_of_its_layer() -> None:
    """LeNet's first layer: 2 * 25 * 28 * 28 * 6 an image."""
    found = {subject.op: subject.flops for subject in subjects(("lenet-5/c1",), (2,))}

    assert found == {
        **dict.fromkeys(("conv2d", "conv2d_backprop_input", "conv2d_backprop_filter", "pattern"), 2 * 235200),
        **dict.fromkeys(("bias_add", "bias_add_grad"), 0),
    }


def rows(target: Target) -> list[Timed]:
    """Time LeNet's first layer."""
    plan = BenchPlan(targets=(target,), subjects=tuple(subjects(("lenet-5/c1",), (1,))), rounds=2, seconds=0.001)
    return list(timed(plan, lambda *_: None))


def test_the_reference_is_timed_and_found_correct() -> None:
    """Median, spread, rates and two rounds of every op."""
    found = rows(registry.find("reference"))

    adding = ("bias_add", "bias_add_grad")  # of no products
    assert {row.op for row in found} == {
        "conv2d",
        "conv2d_backprop_input",
        "conv2d_backprop_filter",
        "pattern",
        *adding,
    }
    for row in found:
        assert row.correct
        assert row.median is not None
        assert row.median > 0
        assert row.gflops == (None if row.op in adding else pytest.approx(235200e-9 / row.median))
        assert len(row.rounds) == 2


def test_a_wrong_result_is_shown_as_wrong_not_as_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that returns zeros at once; what it does not offer is not timed."""
    (tmp_path / "cheating.py").write_text(
        "import numpy as np\n\n\ndef conv2d(input, filters, **_):\n    return np.zeros((1, 28, 28, 6), np.float32)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    first, second, *_ = rows(CHEAT)

    assert first.correct is False
    assert tables.cell(first) == "wrong"
    assert second.correct is None
    assert second.median is None
    assert "no function conv2d_backprop_input" in second.note


def cheated(op: str) -> list[Timed]:
    """Time the cheating target's op for one image and for two."""
    plan = BenchPlan(targets=(CHEAT,), subjects=tuple(subjects(("lenet-5/c1",), (1, 2))), rounds=1, seconds=0.001)
    return [row for row in timed(plan, lambda *_: None) if row.op == op]


def test_a_result_that_is_wrong_for_a_batch_alone_is_shown_as_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that is right for one image, and returns zeros for two."""
    (tmp_path / "cheating.py").write_text(
        "import reference\n\n\ndef conv2d(input, filters, strides, padding):\n"
        "    return reference.conv2d(input, filters, strides, padding) * (len(input) == 1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    found = cheated("conv2d")

    assert [(row.batch, row.correct, tables.cell(row) == "wrong") for row in found] == [
        (1, True, False),
        (2, False, True),
    ]


def test_what_the_first_run_takes_longer_is_compiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target, named as those that compile, that sleeps 50 ms in its first call, which is the check."""
    (tmp_path / "cheating.py").write_text(
        "import time\nimport reference\n\nslept = []\n\n\ndef conv2d(input, filters, strides, padding):\n"
        "    slept or slept.append(time.sleep(0.05))\n    return reference.conv2d(input, filters, strides, padding)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    first = rows(replace(CHEAT, name="cheat-xla"))[0]

    assert first.first is not None
    assert first.median is not None
    assert first.first >= 0.05
    assert first.compile == first.first - first.median


def test_what_raises_is_not_timed_and_not_called_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no result that could be wrong; the note says what was raised."""
    (tmp_path / "cheating.py").write_text("def conv2d(**_):\n    raise ValueError('not today')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    first = rows(CHEAT)[0]

    assert (first.correct, first.median) == (None, None)
    assert "not today" in first.note


def test_a_call_is_repeated_without_its_arguments() -> None:
    """The answer to AGAIN is times alone, first run and others; before any call there is nothing to repeat."""
    call = Call(op="dropout_grad", arguments={"grad": np.ones(3, np.float32), "kept": np.ones(3, bool), "rate": 0.5})
    with Worker(start(registry.find("reference"), 1, 0.001), LIMITS) as worker:
        before = worker.run(clock.AGAIN)
        whole, again = worker.run(call), worker.run(clock.AGAIN)

    assert before == Unsupported("there is no call before this one")
    assert isinstance(whole, Returned)
    assert isinstance(again, Returned)
    assert whole.arrays[0].tolist() == [2, 2, 2]
    assert [len(times) for times in again.arrays] == [2]


@pytest.mark.parametrize(("compiles", "runs"), [(False, 1), (True, 2)])
def test_a_long_first_run_is_the_only_one_unless_it_compiles(
    monkeypatch: pytest.MonkeyPatch, *, compiles: bool, runs: int
) -> None:
    """Any run is longer than 0 s."""
    monkeypatch.setattr(clock, "LONG", 0.0)
    monkeypatch.setattr(clock, "ENOUGH", 0.0)
    options: dict[str, Json] = {"adapter": NAMESPACE, "options": {"object": "math"}, "seconds": 0, "most": 9}
    made: list[int] = []
    one = clock.load({**options, "compiles": compiles})
    one.inner = SimpleNamespace(prepare=lambda _: Prepared(lambda: made.append(1)))

    one.prepare(Call(op="any", arguments={})).run()

    assert len(made) == runs


def test_the_last_image_of_a_batch_is_a_call_of_its_own() -> None:
    """Three images of two rows: the last one, its gradient and its shape; filters are everybody's."""
    images = np.arange(6).reshape(3, 2)
    given = {"filters": "f", "out_backprop": images, "input_sizes": [3, 2], "strides": [1, 1]}

    part = last_image(given)

    assert part["out_backprop"].tolist() == [[4, 5]]
    assert (part["input_sizes"], part["filters"], part["strides"]) == ([1, 2], "f", [1, 1])


def test_the_result_of_the_last_image_keeps_the_times() -> None:
    """Two results of three images, and the times."""
    observed = Returned((np.arange(3), np.arange(3, 6), np.arange(9)), seconds=1.0)

    assert [array.tolist() for array in last_result(observed).arrays] == [[2], [5], list(range(9))]


def test_dropout_biases_and_the_gradient_of_filters_are_checked_on_the_whole_batch() -> None:
    """Of 2 images; of the others the last image; of filters' gradients of too many operations, and of one, nothing."""
    layers = ("lenet-5/c1", "lenet-5/s2", "lenet-5-mnist/dropout")
    found = {one.op: of_batch(one, arguments(one)) for one in subjects(layers, (2,))}
    single = next(subjects(("lenet-5-mnist/dropout",), (1,)))
    large = next(one for one in subjects(("lenet-5/c1",), (2000,)) if one.op == "conv2d_backprop_filter")

    parts = {op: sets.part for op, sets in found.items() if sets}
    assert {op for op, part in parts.items() if part == WHOLE} == {
        "conv2d_backprop_filter",
        "bias_add",
        "bias_add_grad",
        "dropout",
        "stateless_dropout",
        "dropout_grad",
    }
    assert {part for part in parts.values() if part != WHOLE} == {LAST}
    assert of_batch(single, {}) is None
    assert of_batch(large, {}) is None


def test_a_filter_gradient_that_forgets_an_image_is_shown_as_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that sums over one image whatever the batch: right for one, wrong for two, and checked whole."""
    (tmp_path / "cheating.py").write_text(
        "import reference\n\n\ndef conv2d_backprop_filter(input, filter_sizes, out_backprop, **attributes):\n"
        "    return reference.conv2d_backprop_filter(input[:1], filter_sizes, out_backprop[:1], **attributes)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    found = cheated("conv2d_backprop_filter")

    assert [(row.batch, row.correct, row.checked) for row in found] == [(1, True, WHOLE), (2, False, WHOLE)]


def test_what_was_checked_is_said() -> None:
    """Two results whole, one by its last image, one not at all."""
    several = [replace(ROW, checked=part) for part in (WHOLE, WHOLE, LAST, "")]

    assert list(tables.checks(several)) == [
        "Checked before they were timed, of 3 results: the whole result of 2, the last image of 1."
    ]


def test_why_a_cell_is_empty_is_said() -> None:
    """Two calls that one target does not offer; what is wrong has no empty cell, and what was timed none."""
    none = replace(ROW, median=None, note="unsupported: no kernel")

    assert list(tables.empty([none, ROW, none, replace(none, correct=False)])) == [
        "not timed: 2 of t: unsupported: no kernel"
    ]


def test_sums_kept_in_bfloat16_are_wrong_with_their_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A target that sums a filter gradient in bfloat16: what is known of TensorFlow is new of it.

    784 products of normal numbers: sums that are rounded to 8 bits each time leave the bound of float32 sums.
    """
    (tmp_path / "cheating.py").write_text(
        "import ml_dtypes\nimport numpy as np\n\n\n"
        "def conv2d_backprop_filter(input, filter_sizes, out_backprop, **_):\n"
        "    out = np.zeros(filter_sizes, ml_dtypes.bfloat16)\n"
        "    for y, x in np.ndindex(28, 28):\n"
        "        out += input[0, y : y + 5, x : x + 5, :, None] * out_backprop[0, y, x]\n    return out\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    subject = next(one for one in subjects(("lenet-5/c1",), (1,), ("bfloat16",)) if one.op == "conv2d_backprop_filter")

    (row,) = timed(BenchPlan(targets=(CHEAT,), subjects=(subject,), rounds=1, seconds=0.001), lambda *_: None)
    (line,) = tables.faults([row])

    assert row.correct is False
    assert row.bound_used is not None
    assert row.bound_used > 1
    assert line.startswith(
        "wrong: conv2d_backprop_filter bfloat16 on cheat: consistent with sums in bfloat16, by up to "
    )
    assert line.endswith("times what may be; new: of no known cause")


def test_sums_kept_in_bfloat16_are_known_of_tensorflow() -> None:
    """The largest filter gradient that sums in bfloat16 allow, on TensorFlow and on another library."""
    subject = next(one for one in subjects(("lenet-5/c1",), (1,), ("bfloat16",)) if one.op == "conv2d_backprop_filter")
    sets = of_image(subject, arguments(subject))
    weaker = sets.permitted(ARITHMETICS["storage"])
    assert isinstance(weaker, Results)

    checked = sets.check(CHEAT, Returned((weaker.arrays[0].high, np.zeros((2, 2))), seconds=0.0))

    assert known("tf-cpu-eager", TENSORFLOW, sets.case, checked.verdict) == "accumulates-in-storage-type"
    assert known("tf-cpu-eager", replace(TENSORFLOW, library="jax"), sets.case, checked.verdict) == ""


def test_the_fault_of_any_call_can_be_looked_up() -> None:
    """No known cause has such a symptom; every op's arguments make a case."""
    wrong = Verdict(outcome="disagrees", kind="wrong-value", symptoms=(Symptom.TF32_FACTORS,))
    calls = list(subjects(CHOSEN, (1,)))

    assert {one.op for one in calls} == TIMED_OPS
    assert {known("t", TENSORFLOW, case_of(one.op, arguments(one)), wrong) for one in calls} == {""}


def test_a_gpu_is_held_to_the_arithmetic_that_it_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operands cut to TF32's 11 bits are right for a target that declares it, and wrong for one that does not."""
    (tmp_path / "cheating.py").write_text(
        "import numpy as np\nimport reference\n\n\ndef cut(array):\n"
        "    return (array.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)\n\n\n"
        "def conv2d(input, filters, **attributes):\n"
        "    return reference.conv2d(cut(input), cut(filters), **attributes)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    declared, plain = (rows(one)[0] for one in (replace(CHEAT, arithmetic=TF32), CHEAT))

    assert (declared.correct, plain.correct) == (True, False)
    assert "tf32-factors" in plain.symptoms


def test_what_a_target_declares_not_to_implement_is_unsupported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XLA, on a GPU too, has no max_pool_with_argmax, and raises: the note says so in the declaration's words."""
    (tmp_path / "cheating.py").write_text("def max_pool_with_argmax(**_):\n    raise ValueError('no kernel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    target = replace(CHEAT, limits=registry.find("tf-gpu-xla").limits)
    chosen = tuple(subjects(("vgg-16/pool5",), (1, 2)))

    found = list(timed(BenchPlan(targets=(target,), subjects=chosen, rounds=1, seconds=0.001), lambda *_: None))

    assert [(row.correct, row.note) for row in found] == [
        (None, "unsupported: MaxPoolWithArgmax has no XLA kernel")
    ] * 2


def test_a_gpus_worker_is_neither_forked_nor_held_to_an_address_space() -> None:
    """Its driver bears neither; device and mode are the inner adapter's; a processor's worker is forked."""
    one, other = (start(registry.find(name), 2, 0.1) for name in ("tf-gpu-xla", "tf-cpu-xla"))
    specification = json.loads(one.specification)

    assert one.zygote == ()
    assert specification["limited"] is False
    assert specification["options"]["options"] == {"mode": "xla", "device": "GPU:0", "threads": 2}
    assert one.environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert other.zygote != ()
    assert other.environment["OMP_NUM_THREADS"] == "2"


@pytest.mark.tensorflow
def test_another_device_is_timed_on_every_number_of_threads(second_cpu: Target) -> None:
    """A second logical CPU, as a GPU would be: all right, what is compiled told apart; eager fuses no pattern."""
    chosen = tuple(one for one in subjects(("lenet-5/c1", "lenet-5-mnist/dropout"), (2,)))
    about: dict[str, Any] = {}
    plan = BenchPlan(targets=(second_cpu,), subjects=chosen, threads=(1, 2), rounds=1, seconds=0.001)

    found = list(timed(plan, lambda *_: None, about.__setitem__))

    assert about[second_cpu.name]["device"] == "CPU:1"
    wrong = {(row.op, row.note) for row in found if not row.correct}
    assert wrong <= {("pattern", "unsupported: a separable convolution is a depthwise and a pointwise one")}
    assert [row.threads for row in found] == [1, 2] * len(chosen)
    assert all((row.compile > 0) == (second_cpu.options["mode"] == "xla") for row in found)


def test_shares_of_the_ceilings_are_those_of_dtype_and_threads() -> None:
    """3 of 12 GFLOP/s and 1 of 8 GB/s; a GPU has no share of a processor's."""
    most = {"gflops float32, threads 1": 12.0, "gflops float64, threads 1": 6.0, "gbs, threads 1": 8.0}
    row = replace(ROW, gflops=3.0, gbs=1.0)

    assert (against(row, most).of_gflops, against(row, most).of_gbs) == (0.25, 0.125)
    assert against(replace(row, dtype="bfloat16"), most).of_gflops is None
    assert against(replace(row, target="tf-gpu-eager"), most).of_gflops is None


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_peers_are_called_for_the_same_result(name: str) -> None:
    """Every op that an installed peer offers conforms, at odd sizes, strides and explicit padding too."""
    if reason := registry.available(PEERS[name]):
        pytest.skip(reason)
    layers = ("lenet-5/c1", "lenet-5/s2", "dqn/conv1", "dcgan/up4", "resnet-50/pool1")
    plan = BenchPlan(targets=(PEERS[name],), subjects=tuple(subjects(layers, (1,))), rounds=1, seconds=0.001)

    found = list(timed(plan, lambda *_: None))

    assert any(row.correct for row in found)
    assert not [row.note for row in found if row.correct is False]


def test_the_machine_has_ceilings() -> None:
    """One of each kind, above nothing."""
    found = ceilings_of((1,))

    assert set(found) == {"gflops float32, threads 1", "gflops float64, threads 1", "gbs, threads 1"}
    assert min(found.values()) > 0


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Rows with and without a time; the JSON file has neither NaN nor rounds."""
    left_out = replace(ROW, op="max_pool", median=None, rounds=(), note="left out")

    write(tmp_path, [ROW, left_out], {"gbs": 1.5})
    data = json.loads((tmp_path / "bench.json").read_text())

    assert read(tmp_path) == [ROW, left_out]
    assert data["ceilings"] == {"gbs": 1.5}
    assert [row["median"] for row in data["rows"]] == [1.0, None]
    assert "rounds" not in data["rows"][0]


@pytest.mark.parametrize(("now", "says"), [(2.0, "slower"), (0.5, "faster"), (1.0, "within noise")])
def test_rounds_without_noise_decide(now: float, says: str) -> None:
    """All rounds take 1 s in the old run, and all take 2, 0.5 or 1 s now: the interval is one number."""
    (one,) = compared([replace(ROW, median=now, rounds=(now,) * 3)], [ROW])

    assert one.says == says
    assert one.ratio == one.low == one.high == now


def test_too_few_rounds_say_nothing() -> None:
    """Twice as slow, in two rounds: no interval, and no failure."""
    (one,) = compared([replace(ROW, median=2.0, rounds=(2.0, 2.0))], [ROW])

    assert one.says == "too few rounds"
    assert (one.ratio, one.low) == (2.0, 0.0)


def test_rounds_that_vary_more_than_they_differ_are_within_noise() -> None:
    """1, 2, 3 s against 1.1, 2.1, 3.1 s."""
    (one,) = compared([replace(ROW, median=2.1, rounds=(1.1, 2.1, 3.1))], [replace(ROW, median=2.0, rounds=(1, 2, 3))])

    assert one.says == "within noise"


def test_rows_that_only_one_run_has_are_not_compared() -> None:
    """Another dtype, and a row without a time."""
    assert compared([ROW, replace(ROW, op="max_pool", median=None)], [replace(ROW, dtype="float64")]) == []


def test_a_run_names_its_processor(tmp_path: Path) -> None:
    """From the header of the run; of timings alone there is none."""
    assert processor(tmp_path) == ""
    (tmp_path / "run.json").write_text(json.dumps({"schema": 1, "header": {"machine": {"cpu": "Z80"}}}))

    assert processor(tmp_path) == "Z80"


def test_a_regression_is_an_exit_code(tmp_path: Path) -> None:
    """The old run is rewritten as if everything had taken a thousandth of the time."""
    options = {"target": ["reference"], "layer": ["lenet-5/f6"], "batch": [1], "dtype": ["float32"], "threads": [1]}
    assert command.bench(**options, out=tmp_path / "now") == 0  # type: ignore[arg-type]
    (head,) = gather([tmp_path / "now"]).runs  # the folder is that of a run
    assert [target["name"] for target in head.targets] == ["reference"]
    old = [
        replace(row, median=(row.median or 0) / 1000, rounds=tuple(one / 1000 for one in row.rounds))
        for row in read(tmp_path / "now")
    ]
    write(tmp_path / "old", old, {})

    assert command.bench(**options, out=tmp_path / "again", compare=tmp_path / "old") == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": ["alexnet/conv1"]}, "alexnet"),
        ({"dtype": ["int8"]}, "int8"),
        ({"op": ["conv3d"], "layer": ["lenet-5"]}, "conv3d"),
        ({"compare": Path("nowhere")}, "nowhere"),
    ],
)
def test_what_does_not_exist_is_refused(options: dict[str, object], message: str) -> None:
    """By name, before anything is timed."""
    with pytest.raises(UsageError, match=message):
        command.bench(**options, target=["reference"])  # type: ignore[arg-type]


def test_a_program_of_its_own_cannot_be_timed() -> None:
    """One line says why, and what to do instead."""
    with pytest.raises(UsageError, match=r"command:\./harness cannot be timed: .* module:object") as raised:
        command.bench(target=["command:./harness"])

    assert "\n" not in str(raised.value)


def test_all_networks_can_be_named() -> None:
    """Each has something to time."""
    assert all(list(subjects((name,), (1,))) for name in NETWORKS)
