"""What running networks came to: bounds, pictures, files, and the command."""

import struct
import sys
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.errors import SuiteError, UsageError
from conformance.model import Array
from conformance.networks import command, tables, trying
from conformance.networks.bounding import carried
from conformance.networks.comparing import Distance, Judged, distance, judged
from conformance.networks.known import DQN, MNIST, conv
from conformance.networks.layers import Layer
from conformance.networks.png import SIGNATURE, bright, png, signed
from conformance.networks.results import Lesson, Results, Shown, Trial, read, write
from conformance.networks.running import Step, initialised, run_reference
from conformance.networks.training import Recipe
from conformance.networks.trying import Taught, examined, tried
from conformance.targets import registry
from reference.bounds import ARITHMETICS

JUDGED = Judged(layer="c1", op="conv2d", elements=4, outside=0, bound_used=float("nan"))
APART = Distance(layer="c1", measured=0.5, bound=1.0, used=0.5, size=2.0)
TRIAL = Trial(target="t", network="n", weights="drawn at random", judged=(JUDGED,), apart=(APART,), gradients=(JUDGED,))
LESSON = Lesson(teacher="t", target="u", network="n", tested=3, right=2, other=(1,))
SHOWN = Shown(
    target="t",
    network="n",
    digit=7,
    feature=3,
    place=(1, 2),
    strength=0.25,
    judged=(JUDGED,),
    stages=(replace(APART, used=float("inf"), elsewhere=2),),
    pictures=tuple(png(np.full((1, 1, 1), grey, np.uint8)) for grey in (0, 128, 255)),
)


def chunks(file: bytes) -> dict[bytes, bytes]:
    """Take a PNG file apart, and check every check sum."""
    found, rest = {}, file.removeprefix(SIGNATURE)
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data, check = rest[4:8], rest[8 : 8 + length], rest[8 + length : 12 + length]
        assert check == struct.pack(">I", zlib.crc32(kind + data))
        found[kind] = data
        rest = rest[12 + length :]
    return found


def test_a_grey_picture_is_rows_of_pixels_each_after_a_zero() -> None:
    """Two rows of three: width 3, height 2, 8 bits, grey."""
    found = chunks(png(np.array([[0, 1, 2], [3, 4, 255]], np.uint8)[:, :, None]))

    assert list(found) == [b"IHDR", b"IDAT", b"IEND"]
    assert found[b"IHDR"] == bytes([0, 0, 0, 3, 0, 0, 0, 2, 8, 0, 0, 0, 0])
    assert zlib.decompress(found[b"IDAT"]) == bytes([0, 0, 1, 2, 0, 3, 4, 255])


def test_a_picture_in_colour_has_three_bytes_a_pixel() -> None:
    """One pixel: colour type 2."""
    found = chunks(png(np.array([[[9, 8, 7]]], np.uint8)))

    assert found[b"IHDR"][9] == 2
    assert zlib.decompress(found[b"IDAT"]) == bytes([0, 9, 8, 7])


def test_zero_is_black_in_an_image_and_grey_where_there_are_signs() -> None:
    """0 and 1 are 0 and 255; -2, 0 and 2 of at most 2 are 1, 128 and 255; what is beyond stays in range."""
    assert bright(np.array([0.0, 1.0, 1.5])).tolist() == [0, 255, 255]
    assert signed(np.array([-2.0, 0.0, 2.0, 9.0]), 2.0).tolist() == [1, 128, 255, 255]
    assert signed(np.zeros(2), 0.0).tolist() == [128, 128]


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
    bound = carried(unpooled(2, 5), unpooled(2, 5.25), np.full((1, 1, 1, 1), 0.25), {})

    assert bound.ravel().tolist() == [0, 0, 0.25, 0]


def test_a_value_unpooled_elsewhere_may_differ_by_all_of_it_in_both_places() -> None:
    """5 at cell 0 of one run, 5.25 at cell 3 of the other: bounds 5 and 5.25, finite, all used; and it is said."""
    mine, other = unpooled(0, 5), unpooled(3, 5.25)
    bound = carried(mine, other, np.full((1, 1, 1, 1), 0.25), {})
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

    narrowed, plain = (carried(step, step, 0 * ones, {}, ARITHMETICS[name]).item() for name in ("tf32", "float32"))

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

    assert judged(step, lambda *_: results[:1]).outside == 8


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Records and pictures, numbers that JSON has no word for among them; earlier pictures are gone."""
    write(tmp_path, Results(shown=(SHOWN, SHOWN)))
    write(tmp_path, Results(trials=(TRIAL,), lessons=(LESSON,), shown=(SHOWN,)))

    found = read(tmp_path)

    assert repr(found) == repr(Results(trials=(TRIAL,), lessons=(LESSON,), shown=(SHOWN,)))  # NaN equals nothing
    assert len(list((tmp_path / "networks").iterdir())) == 3


def test_a_folder_without_networks_has_none(tmp_path: Path) -> None:
    """No file, no results."""
    assert read(tmp_path) == Results()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("networks.json", b"{"),
        ("networks.json", b"[]"),
        ("networks.json", b'{"trials": [{}], "lessons": [], "shown": []}'),
        ("networks/0-target.png", b"GIF89a"),
    ],
)
def test_files_that_are_not_of_the_suite_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """The file is named."""
    write(tmp_path, Results(shown=(SHOWN,)))
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SuiteError, match=r"networks\.json: not what running networks writes"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("results", "wrong"),
    [
        (Results(trials=(TRIAL,)), ()),
        (Results(trials=(replace(TRIAL, judged=(replace(JUDGED, outside=1),)),)), ("t",)),
        (Results(trials=(replace(TRIAL, gradients=(replace(JUDGED, outside=1),)),)), ("t",)),
        (Results(trials=(replace(TRIAL, apart=(replace(APART, used=1.5),)),)), ("t",)),
        (Results(lessons=(replace(LESSON, other=()),)), ()),
        (Results(lessons=(LESSON,)), ("u",)),
        (Results(shown=(SHOWN,)), ("t",)),
    ],
)
def test_what_is_wrong_is_told_by_target(results: Results, wrong: tuple[str, ...]) -> None:
    """An element, a gradient, a distance beyond its bound, another prediction, a stage of a picture."""
    assert results.wrong_on == wrong


def few_digits() -> tuple[Array, Array]:
    """Return 54 images, of which the last four are for testing."""
    stream = np.random.default_rng(0)
    return stream.random((54, 28, 28, 1), np.float32), stream.integers(10, size=54)


def reversed_classes(op: str, arguments: Any) -> tuple[Array, ...]:  # noqa: ANN401 -- as of a runner
    """Return the reference's results, the ten classes in reverse."""
    results = run_reference(op, arguments)
    return (results[0][..., ::-1],) if results[0].shape[-1] == 10 else results


def test_predictions_that_differ_are_counted() -> None:
    """No class of ten is its own mirror: all four predictions differ."""
    images, labels = few_digits()
    known = Taught(teacher="t", weights=initialised(MNIST, 0), images=images[-4:], labels=labels[-4:])

    same, other = (examined(known, registry.find("reference"), one) for one in (run_reference, reversed_classes))

    assert same.other == ()
    assert other.other == (0, 1, 2, 3)


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


def test_the_command_trains_compares_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference teaches itself one step: all conforms, six pictures, and the folder is that of a run."""
    monkeypatch.setattr(trying, "digits", few_digits)
    monkeypatch.setattr(trying, "TESTED", 4)
    monkeypatch.setattr(command, "read_digits", few_digits)
    monkeypatch.setattr(command, "Recipe", partial(Recipe, epochs=1))

    assert command.networks(target=["reference"], pictures=True, out=tmp_path) == 0

    found = read(tmp_path)
    assert [lesson.tested for lesson in found.lessons] == [4]
    assert [trial.weights for trial in found.trials] == ["trained by reference"]
    assert [picture.digit for picture in found.shown] == [int(few_digits()[1][n]) for n in (50, 50, 50, 51, 51, 51)]
    assert (tmp_path / "run.json").exists()


def test_digits_need_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said before anything is trained."""
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)

    with pytest.raises(UsageError, match=r"conv-conformance\[digits\]"):
        command.networks(digits=True)


def test_a_network_that_does_not_exist_is_refused() -> None:
    """By name, with those that do."""
    with pytest.raises(UsageError, match="alexnet"):
        command.networks(["alexnet"])


def test_numbers_without_a_bound_are_told_in_words() -> None:
    """No inf, no nan."""
    assert tables.short(float("inf")) == tables.share(float("nan")) == "unbounded"
