"""What running networks came to: bounds, files, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.cases.network import Layer, Step
from conformance.commands import networks as command
from conformance.errors import SuiteError, UsageError
from conformance.networks import tables
from conformance.networks.comparing import Distance, Judged, carried, distance, judged
from conformance.networks.known import DQN, MNIST, conv
from conformance.networks.results import NetworkRun, Results, read, write
from conformance.networks.trying import tried
from conformance.ops.arguments import run_reference
from conformance.targets import registry
from conformance.targets.target import Target

PLAIN = Target(name="plain", about="declares float32")
NARROW = replace(PLAIN, arithmetic={"float32": "tf32"})

JUDGED = Judged(
    layer="c1", op="conv2d", elements=4, outside=0, bound_used=float("nan"), kernels=("_FusedConv2D BiasAdd+Relu",)
)
APART = Distance(layer="c1", measured=0.5, bound=1.0, used=0.5, size=2.0)
TRIAL = NetworkRun(
    target="t",
    network="n",
    weights="drawn at random",
    judged=(JUDGED,),
    apart=(APART,),
    patterns=(JUDGED,),
    gradients=(JUDGED,),
)


def unpooled(place: int, value: float) -> Step:
    """Return the step that unpools one value into four cells."""
    arguments = {
        "input": np.full((1, 1, 1, 1), value, np.float32),
        "argmax": np.full((1, 1, 1, 1), place),
        "output_shape": [1, 2, 2, 1],
    }
    results = run_reference("max_unpool", arguments)
    layer = Layer(name="unpool", op="max_unpool", size=(2, 2))
    return Step(layer=layer, op="max_unpool", arguments=arguments, results=results, output=results[0])


def test_a_bound_goes_where_its_value_goes() -> None:
    """Both runs unpool at cell 2."""
    bound = carried(unpooled(2, 5), unpooled(2, 5.25), np.full((1, 1, 1, 1), 0.25), {}, PLAIN)

    assert bound.ravel().tolist() == [0, 0, 0.25, 0]


def test_a_value_unpooled_elsewhere_may_differ_by_all_of_it_in_both_places() -> None:
    """5 at cell 0 of one run, 5.25 at cell 3 of the other: bounds 5 and 5.25, finite, all used; and it is said."""
    mine, other = unpooled(0, 5), unpooled(3, 5.25)
    bound = carried(mine, other, np.full((1, 1, 1, 1), 0.25), {}, PLAIN)
    after = distance(mine, other, bound)

    assert bound.ravel().tolist() == [5, 0, 0, 5.25]
    assert (after.elsewhere, after.measured, after.used) == (1, 5.25, 1.0)
    assert "1 value is unpooled at another place" in next(tables.moved((after,)))


def test_narrowed_operands_widen_the_bound() -> None:
    """1 * 1 in truncated TF32, u = 2^-10: 2 u + u^2 for operands, 2 * 2^-24 (1 + u)^2 for the sum, and underflow."""
    ones = np.ones((1, 1, 1, 1), np.float32)
    given = {"input": ones, "filters": ones, "strides": [1, 1], "padding": "VALID"}
    step = Step(
        layer=conv("c", 1, 1, bias=False, activation=""), op="conv2d", arguments=given, results=(ones,), output=ones
    )

    narrowed, plain = (carried(step, step, 0 * ones, {}, target).item() for target in (NARROW, PLAIN))

    underflow = 2 * 2.0**-126
    assert plain == 2 * 2.0**-24 + underflow
    assert narrowed == 2 * 2.0**-24 * (1 + 2.0**-10) ** 2 + 2 * 2.0**-10 + 2.0**-20 + underflow


def test_too_few_results_are_all_wrong() -> None:
    """max_pool_with_argmax without its argmax: 4 values and 4 indices."""
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    given = {"input": image, "ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    op = "max_pool_with_argmax"
    results = run_reference(op, given)
    step = Step(layer=Layer(name="p", op=op), op=op, arguments=given, results=results, output=results[0])

    assert judged(step, lambda *_: results[:1], PLAIN).outside == 8


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Numbers that JSON has no word for among it."""
    write(tmp_path, Results(trials=(TRIAL, TRIAL)))
    write(tmp_path, Results(trials=(TRIAL,)))

    assert repr(read(tmp_path)) == repr(Results(trials=(TRIAL,)))  # NaN equals nothing


def test_trials_of_the_first_schema_are_read(tmp_path: Path) -> None:
    """What LeNet-5 learned, and features led back to pixels, stood in the file, too."""
    write(tmp_path, Results(trials=(TRIAL,)))
    path = tmp_path / "networks.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 1, "lessons": [{}], "shown": [{}]}))

    assert repr(read(tmp_path)) == repr(Results(trials=(TRIAL,)))


def test_a_folder_without_networks_has_none(tmp_path: Path) -> None:
    """No file, no results."""
    assert read(tmp_path) == Results()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"trials": [{}]}'])
def test_files_that_are_not_of_the_suite_are_refused(tmp_path: Path, content: bytes) -> None:
    """The file is named."""
    (tmp_path / "networks.json").write_bytes(content)

    with pytest.raises(SuiteError, match=r"networks\.json: not what running networks writes"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("trial", "wrong"),
    [
        (TRIAL, ()),
        (replace(TRIAL, judged=(replace(JUDGED, outside=1),)), ("t",)),
        (replace(TRIAL, gradients=(replace(JUDGED, outside=1),)), ("t",)),
        (replace(TRIAL, patterns=(replace(JUDGED, outside=1),)), ("t",)),
        (replace(TRIAL, apart=(replace(APART, used=1.5),)), ("t",)),
    ],
)
def test_what_is_wrong_is_told_by_target(trial: NetworkRun, wrong: tuple[str, ...]) -> None:
    """An element, a gradient, a distance beyond its bound."""
    assert Results(trials=(trial,)).wrong_on == wrong


def test_masks_that_are_the_targets_own_are_left_out() -> None:
    """XLA draws others: the layers after dropout are compared without it, and that is said; DQN has none."""
    trial = tried(MNIST, registry.find("tf-cpu-xla"), run_reference, 0)

    assert "dropout" not in {one.layer for one in (*trial.judged, *trial.gradients)}
    assert "masks of its own" in trial.note
    assert tried(DQN, registry.find("tf-cpu-xla"), run_reference, 0).note == ""


def test_only_lenets_training_step_is_tried() -> None:
    """DQN is run forward."""
    assert tried(DQN, registry.find("reference"), run_reference, 0).gradients == ()


def test_a_target_that_lacks_an_op_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Convolutions alone run DQN and not LeNet-5; that is said, and no fault; what is being run is told meanwhile."""
    (tmp_path / "convolving.py").write_text("from reference import conv2d\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert command.networks(["dqn", "lenet-5"], target=["convolving"], out=tmp_path / "run") == 0

    dqn, lenet = read(tmp_path / "run").trials
    assert [one.outside for one in dqn.judged] == [0, 0, 0, 0]
    assert lenet.judged == ()
    shown = capsys.readouterr()
    assert "lenet-5 on convolving: Not run: convolving does not offer avg_pool" in shown.out
    assert shown.err.splitlines() == ["dqn on convolving", "lenet-5 on convolving"]


def test_a_network_that_does_not_exist_is_refused() -> None:
    """By name, with those that do."""
    with pytest.raises(UsageError, match="alexnet"):
        command.networks(["alexnet"])


def test_numbers_without_a_bound_are_told_in_words() -> None:
    """No inf, no nan."""
    assert tables.short(float("inf")) == tables.share(float("nan")) == "unbounded"
