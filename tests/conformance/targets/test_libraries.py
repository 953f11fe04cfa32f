"""
The targets of libraries other than TensorFlow, each in a worker of its own; skipped where it is not installed.

Numbers by hand; and whole numbers, on which every order of a sum is exact, for every op that a target claims.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from conformance.judge.wording import sentence
from conformance.model import Array, Case, Raised, Returned
from conformance.ops import features, generate
from conformance.run.trials import Panel
from conformance.targets import registry
from conformance.targets.transport.messages import Argument, Call

# Ops of which a target gets SAME wrong, whatever the values: docs/implementations.md.
SAME_IS_WRONG = {"keras-torch": ("conv2d", "avg_pool"), "tfjs": ("avg_pool_grad",)}

# Ops whose shares a target rounds to 16 bits before it adds them: jax-storage-sums, torch-storage-sums.
ROUNDS_SHARES = {"jax": ("avg_pool_grad",), "torch": ("avg_pool_grad",)}

NAMES = [name for name, target in registry.BUILT_IN.items() if target.profile]


@pytest.fixture(scope="module", params=NAMES)
def panel(request: pytest.FixtureRequest) -> Iterator[Panel]:
    """Return the worker of one target, alone in its panel."""
    target = registry.find(request.param)
    if why := registry.available(target):
        pytest.skip(why)
    with Panel({target.name: target}, confirm=False) as running:
        yield running


def called(panel: Panel, op: str, **arguments: Argument) -> Array:
    """Return the first result of a call, flat; a target that does not offer the op skips the test."""
    ((name, target),) = panel.targets.items()
    assert target.profile
    if op not in target.profile.ops:
        pytest.skip(f"{name} offers no {op}")
    worker = panel.workers[name]
    worker.submit(Call(op=op, arguments=arguments))
    observation = worker.result()
    assert isinstance(observation, Returned), observation
    return observation.arrays[0].ravel()


def row(*values: float) -> Array:
    """Return an image of one row and one channel."""
    return np.array(values, np.float32).reshape(1, 1, -1, 1)


def test_the_odd_zero_of_same_goes_last(panel: Panel) -> None:
    """1 2 3 4 under a window 1 10: the last element meets a zero behind it."""
    filters = np.array([1, 10], np.float32).reshape(1, 2, 1, 1)

    out = called(panel, "conv2d", input=row(1, 2, 3, 4), filters=filters, strides=1, padding="SAME")

    assert out.tolist() == [21, 32, 43, 4]


@pytest.mark.parametrize("expected", [[1, 3, 2, 5, 3], [1, 1, 3, 2, 5, 3]])
def test_each_output_size_of_a_transposed_convolution_has_its_own_start(panel: Panel, expected: list[int]) -> None:
    """
    1 2 3 under a window 1 1 1 and stride 2 grows to 5, or to 6 with one zero more on the left.

    By hand: windows of three elements start at -1, 1 and 3; at 0, 2 and 4 for 6.
    """
    filters = np.ones((1, 3, 1, 1), np.float32)
    shape: Argument = [1, 1, len(expected), 1]
    strides: Argument = [1, 2]

    out = called(
        panel,
        "conv2d_transpose",
        input=row(1, 2, 3),
        filters=filters,
        output_shape=shape,
        strides=strides,
        padding="SAME",
    )

    assert out.tolist() == expected


def test_padding_is_never_the_largest(panel: Panel) -> None:
    """-5 -3 -4 under windows of 2: none of them is 0."""
    ksize: Argument = [1, 2]

    out = called(panel, "max_pool", input=row(-5, -3, -4), ksize=ksize, strides=1, padding="SAME")

    assert out.tolist() == [-3, -3, -4]


def test_padding_is_not_counted_in_a_mean(panel: Panel) -> None:
    """3 6 9 under windows of 3: the first and the last have two elements."""
    ksize: Argument = [1, 3]

    out = called(panel, "avg_pool", input=row(3, 6, 9), ksize=ksize, strides=1, padding="SAME")

    assert out.tolist() == [4.5, 6, 7.5]


def test_the_filters_of_a_channel_stand_together(panel: Panel) -> None:
    """A pixel 1 2 under filters 10 20 and 30 40: first those of channel 1, then those of channel 2."""
    filters = np.array([10, 20, 30, 40], np.float32).reshape(1, 1, 2, 2)
    pixel = np.array([1, 2], np.float32).reshape(1, 1, 1, 2)

    out = called(panel, "depthwise_conv2d", input=pixel, filter=filters, strides=[1, 1, 1, 1], padding="VALID")

    assert out.tolist() == [10, 20, 60, 80]


def test_the_gradient_of_depthwise_filters_has_their_shape(panel: Panel) -> None:
    """1 2 as an image of two channels, under gradients 10 20 30 40: each channel times its own two."""
    pixel, slope = (np.array(row, np.float32).reshape(1, 1, 1, -1) for row in ([1, 2], [10, 20, 30, 40]))
    given: dict[str, Argument] = {"input": pixel, "out_backprop": slope, "filter_sizes": [1, 1, 2, 2]}

    out = called(panel, "depthwise_conv2d_backprop_filter", **given, strides=[1, 1, 1, 1], padding="VALID")

    assert out.tolist() == [10, 20, 60, 80]


def test_a_bias_is_added_to_its_channel(panel: Panel) -> None:
    """Rows 1 2 and 3 4, bias 10 20."""
    out = called(panel, "bias_add", value=np.array([[1, 2], [3, 4]], np.float32), bias=np.array([10, 20], np.float32))

    assert out.tolist() == [11, 22, 13, 24]


def test_each_copy_of_an_index_gets_the_gradient(panel: Panel) -> None:
    """Cell 2 of 5 6 7 8, asked for twice, is 7 and 7."""
    cells = np.array([2, 2]).reshape(1, 1, 2, 1)

    out = called(panel, "max_unpool_grad", grad=np.array([5, 6, 7, 8], np.float32).reshape(1, 2, 2, 1), argmax=cells)

    assert out.tolist() == [7, 7]


def test_a_broken_call_is_refused_cleanly(panel: Panel) -> None:
    """Filters of depth 2 over an image of one channel."""
    ((name, _),) = panel.targets.items()
    arguments: dict[str, Argument] = {"input": row(1, 2), "filters": np.ones((1, 1, 2, 1), np.float32)}
    worker = panel.workers[name]

    worker.submit(Call(op="conv2d", arguments={**arguments, "strides": 1, "padding": "SAME"}))

    assert isinstance(worker.result(), Raised)


def test_a_kept_element_is_scaled(panel: Panel) -> None:
    """Half of the ones are dropped and the others doubled: both are there in 64 but once in 2^63."""
    out = called(panel, "dropout", x=np.ones(64, np.float32), rate=0.5, seed=1)

    assert set(out.tolist()) == {0, 2}


def test_each_seed_has_its_mask(panel: Panel) -> None:
    """A generator that takes 0 for 1 is not asked for either: of 64 elements no two seeds keep the same."""
    kept = [called(panel, "dropout", x=np.ones(64, np.float32), rate=0.5, seed=seed) != 0 for seed in (0, 1, 2)]

    assert len({each.tobytes() for each in kept}) == 3


def lattice(op: str, target: registry.Target) -> Iterator[Case]:
    """Yield calls of an op in whole numbers, inside what a target claims, but of kinds that several get wrong."""
    simple = {"regime": "lattice", "stride above window": "no", "batch": "1"}
    for case in generate(op, 3, 0, 400):
        found = features(case)
        wrong = op in SAME_IS_WRONG.get(target.name, ()) and case.attributes["padding"] == "SAME"
        wrong |= op in ROUNDS_SHARES.get(target.name, ()) and case.dtype in {"float16", "bfloat16"}
        if not case.breaks and not wrong and not target.unsupported(op, found) and simple.items() <= found.items():
            yield case


def test_every_op_that_is_claimed_agrees_on_whole_numbers(panel: Panel) -> None:
    """
    Four geometries an op: indices, padding and counts are right, and limits and claims are of what there is.

    Dropout is left out: what it makes of signs is a choice.
    """
    ((_, target),) = panel.targets.items()
    assert target.profile

    wrong = {
        f"{case.op} {case.attributes}: {sentence(outcome.verdict)}"
        for op in target.profile.ops
        for case in islice(lattice(op, target), 4)  # none of dropout, which has no windows
        for outcome in panel.examine(case)
        if outcome.verdict.outcome != "agrees"
    }

    assert not wrong
