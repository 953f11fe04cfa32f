"""Timings: what is timed, how it is checked, written, read and compared; with implementations that cheat."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.bench import command
from conformance.bench.checking import last_image, last_result
from conformance.bench.peers import PEERS
from conformance.bench.results import compared, processor, read, write
from conformance.bench.subjects import CHOSEN, FEW, Subject, arguments, subjects
from conformance.bench.timing import Plan, Timed, against, ceilings_of, timed
from conformance.errors import UsageError
from conformance.model import OPS, Returned
from conformance.networks.known import NETWORKS
from conformance.networks.running import run_reference
from conformance.report.data import gather
from conformance.targets import registry
from conformance.targets.registry import Target

ROW = Timed(target="t", layer="l", op="conv2d", batch=1, dtype="float32", threads=1, median=1.0, rounds=(1.0, 1.0, 1.0))
VARIED = ("lenet-5", "lenet-5-mnist/dropout", "dqn/conv1", "dcgan/up4")
CHEAT = Target(
    name="cheat",
    about="fast and wrong",
    adapter="conformance.targets.adapters.namespace",
    options={"object": "cheating"},
)


def test_every_chosen_layer_exists() -> None:
    """Each gives at least its own op."""
    found = {subject.layer for subject in subjects(CHOSEN, (1,))}

    assert found == {name if "/" in name else f"{name}/layer" for name in CHOSEN}


@pytest.mark.parametrize("subject", list(subjects(VARIED, (2,))), ids=lambda one: one.name)
def test_every_call_is_valid(subject: Subject) -> None:
    """The reference takes it, for a batch of 2."""
    result = run_reference(subject.op, arguments(subject))

    assert np.isfinite(result[0]).all()


def test_by_default_all_dtypes_and_batches_are_timed_with_every_op() -> None:
    """The chosen layers once, for one float32 image; a few of them, with every op, for the rest."""
    found = command.chosen(None, None, (1, 32), ("float32", "bfloat16"))

    assert {one.layer for one in found if (one.dtype, one.batch) != ("float32", 1)} == set(FEW) < set(CHOSEN)
    assert {one.op for one in found if (one.dtype, one.batch) == ("bfloat16", 32)} == set(OPS)


def test_tracing_and_compiling_are_told_apart() -> None:
    """Medians of 1, 3 and 8 ms, and of the two calls that compiled 20 and 40 ms."""
    times = ((0.001, 0.02), (0.003, 0.04), (0.008, 0.0))

    (text,) = command.beforehand("t", [replace(ROW, trace=trace, compile=compiled) for trace, compiled in times])

    assert text.endswith("tracing 3 ms, compiling 30 ms (median)")
    assert command.beforehand("t", [ROW]) == []


def test_every_op_is_timed() -> None:
    """Forward, gradient and way back, each at one of the chosen layers at least."""
    assert {subject.op for subject in subjects(CHOSEN, (1,))} == set(OPS)


def test_a_gradient_counts_the_operations_of_its_layer() -> None:
    """LeNet's first layer: 2 * 25 * 28 * 28 * 6 a image."""
    found = {subject.op: subject.flops for subject in subjects(("lenet-5/c1",), (2,))}

    assert found == dict.fromkeys(("conv2d", "conv2d_backprop_input", "conv2d_backprop_filter"), 2 * 235200)


def rows(target: Target) -> list[Timed]:
    """Time LeNet's first layer."""
    plan = Plan(targets=(target,), subjects=tuple(subjects(("lenet-5/c1",), (1,))), rounds=2, seconds=0.001)
    return list(timed(plan, lambda _: None))


def test_the_reference_is_timed_and_found_correct() -> None:
    """Median, spread, rates and two rounds of every op."""
    found = rows(registry.find("reference"))

    assert [row.op for row in found] == ["conv2d", "conv2d_backprop_input", "conv2d_backprop_filter"]
    for row in found:
        assert row.correct
        assert row.median is not None
        assert row.median > 0
        assert row.gflops == pytest.approx(235200e-9 / row.median)
        assert len(row.rounds) == 2


def test_a_wrong_result_is_shown_as_wrong_not_as_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that returns zeros at once; what it does not offer is not timed."""
    (tmp_path / "cheating.py").write_text(
        "import numpy as np\n\n\ndef conv2d(input, filters, **_):\n    return np.zeros((1, 28, 28, 6), np.float32)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    first, second, _ = rows(CHEAT)

    assert first.correct is False
    assert command.cell(first) == "wrong"
    assert second.correct is None
    assert second.median is None
    assert "no function conv2d_backprop_input" in second.note


def test_a_result_that_is_wrong_for_a_batch_alone_is_shown_as_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that is right for one image, and returns zeros for two."""
    (tmp_path / "cheating.py").write_text(
        "import reference\n\n\ndef conv2d(input, filters, strides, padding):\n"
        "    return reference.conv2d(input, filters, strides, padding) * (len(input) == 1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    plan = Plan(targets=(CHEAT,), subjects=tuple(subjects(("lenet-5/c1",), (1, 2))), rounds=1, seconds=0.001)

    found = [row for row in timed(plan, lambda _: None) if row.op == "conv2d"]

    assert [(row.batch, row.correct, command.cell(row) == "wrong") for row in found] == [
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


def test_the_last_image_of_a_batch_is_a_call_of_its_own() -> None:
    """Three images of two rows: the last one, its gradient and its shape; filters are everybody's."""
    images = np.arange(6).reshape(3, 2)
    given = {"filters": "f", "out_backprop": images, "input_sizes": [3, 2], "strides": [1, 1]}

    part = last_image("conv2d_backprop_input", given)

    assert part is not None
    assert part["out_backprop"].tolist() == [[4, 5]]
    assert (part["input_sizes"], part["filters"], part["strides"]) == ([1, 2], "f", [1, 1])
    assert last_image("conv2d_backprop_filter", given) is None


def test_the_result_of_the_last_image_keeps_the_times() -> None:
    """Two results of three images, and the times."""
    observed = Returned((np.arange(3), np.arange(3, 6), np.arange(9)), seconds=1.0)

    assert [array.tolist() for array in last_result(observed).arrays] == [[2], [5], list(range(9))]


def test_shares_of_the_ceilings_are_those_of_dtype_and_threads() -> None:
    """3 of 12 GFLOP/s and 1 of 8 GB/s; a GPU has no share of a processor's."""
    most = {"gflops float32, threads 1": 12.0, "gflops float64, threads 1": 6.0, "gbs, threads 1": 8.0}
    row = replace(ROW, gflops=3.0, gbs=1.0)

    assert (against(row, most).of_gflops, against(row, most).of_gbs) == (0.25, 0.125)
    assert against(replace(row, dtype="bfloat16"), most).of_gflops is None
    assert against(replace(row, target="tf-gpu-eager"), most).of_gflops is None


def test_pytorch_is_called_for_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in of its functions: paddings that both ends share, that they do not, and sizes that leave a rest."""
    shutil.copy(Path(__file__).parent / "stand_in_torch.py", tmp_path / "torch.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    layers = ("lenet-5/c1", "dqn/conv1", "dcgan/up4", "lenet-5-mnist/conv1", "lenet-5-mnist/pool1", "resnet-50/pool1")
    forward = ("conv2d", "conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter", "max_pool")
    chosen = tuple(subject for subject in subjects(layers, (1,)) if subject.op in forward)

    found = list(timed(Plan(targets=(PEERS["torch"],), subjects=chosen, rounds=1, seconds=0.001), lambda _: None))

    assert [(row.layer, row.op, row.note) for row in found if not row.correct] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_peers_are_called_for_the_same_result(name: str) -> None:
    """Every op that an installed peer offers conforms, at odd sizes, strides and explicit padding too."""
    if reason := registry.available(PEERS[name]):
        pytest.skip(reason)
    layers = ("lenet-5/c1", "lenet-5/s2", "dqn/conv1", "dcgan/up4", "resnet-50/pool1")
    plan = Plan(targets=(PEERS[name],), subjects=tuple(subjects(layers, (1,))), rounds=1, seconds=0.001)

    found = list(timed(plan, lambda _: None))

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
