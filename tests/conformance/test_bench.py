"""Timings: what is timed, how it is checked, written, read and compared; with implementations that cheat."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.bench import command
from conformance.bench.peers import PEERS
from conformance.bench.results import compared, read, write
from conformance.bench.subjects import CHOSEN, Subject, arguments, subjects
from conformance.bench.timing import Plan, Timed, ceilings_of, timed
from conformance.errors import UsageError
from conformance.networks.known import NETWORKS
from conformance.networks.running import run_reference
from conformance.targets import registry
from conformance.targets.registry import Target

ROW = Timed(target="t", layer="l", op="conv2d", batch=1, dtype="float32", threads=1, median=1.0, rounds=(1.0, 1.0, 1.0))
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


@pytest.mark.parametrize(
    "subject", list(subjects(("lenet-5", "dqn/conv1", "dcgan/up4"), (2,))), ids=lambda one: one.name
)
def test_every_call_is_valid(subject: Subject) -> None:
    """The reference takes it, for a batch of 2."""
    result = run_reference(subject.op, arguments(subject))

    assert np.isfinite(result[0]).all()


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


def test_rounds_that_vary_more_than_they_differ_are_within_noise() -> None:
    """1, 2, 3 s against 1.1, 2.1, 3.1 s."""
    (one,) = compared([replace(ROW, median=2.1, rounds=(1.1, 2.1, 3.1))], [replace(ROW, median=2.0, rounds=(1, 2, 3))])

    assert one.says == "within noise"


def test_rows_that_only_one_run_has_are_not_compared() -> None:
    """Another dtype, and a row without a time."""
    assert compared([ROW, replace(ROW, op="max_pool", median=None)], [replace(ROW, dtype="float64")]) == []


def test_a_regression_is_an_exit_code(tmp_path: Path) -> None:
    """The old run is rewritten as if everything had taken a thousandth of the time."""
    options = {"target": ["reference"], "layer": ["lenet-5/f6"], "batch": [1], "dtype": ["float32"], "threads": [1]}
    assert command.bench(**options, out=tmp_path / "now") == 0  # type: ignore[arg-type]
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


def test_all_networks_can_be_named() -> None:
    """Each has something to time."""
    assert all(list(subjects((name,), (1,))) for name in NETWORKS)
