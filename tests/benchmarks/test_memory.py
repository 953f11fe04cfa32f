"""What the reference holds at once, against the im2col matrix that the layer would need."""

import tracemalloc
from math import prod
from typing import Any

import pytest

from conformance.bench.subjects import Subject, arguments, subjects
from conformance.ops.arguments import run_reference

LAYERS = (
    "conv2d-56",
    "conv2d_transpose-28",
    "max_pool-3",
    "avg_pool-2",
    "avg_pool-3",
    "lenet-5/c3",
    "dqn/conv1",
    "vgg-16/conv2_2",
    "vgg-16/conv5_1",
    "vgg-16-mirror/deconv5_1",
    "resnet-50/conv1",
    "resnet-50/conv2_1c",
    "resnet-50/conv3_1a",
    "resnet-50/conv5_1b",
    "dcgan/up2",
    "dcgan/up4",
)
OPS = ("conv2d", "conv2d_transpose", "max_pool", "avg_pool", "conv2d_backprop_input", "conv2d_backprop_filter")


def peak(op: str, given: dict[str, Any]) -> int:
    """Return the most bytes held at once during a call, its result included, beside its arguments."""
    tracemalloc.start()
    try:
        run_reference(op, given)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def im2col(subject: Subject) -> int:
    """
    Return the bytes of the matrix that has a row for each window and a column for each tap, in float64.

    The reference adds in float64, so that an im2col matrix of its own would be of that. Of a transposed convolution the
    matrix is the product that col2im adds up: a row for each element of the input.
    """
    row = subject.row
    small = row.input if subject.op == "conv2d_transpose" else row.counted.output
    if row.filters is None:
        return 8 * prod(small) * prod(row.layer.taps)
    return 8 * prod(small[:2]) * prod(row.filters[:3])


def result(subject: Subject) -> int:
    """Return the bytes of the result in float64, in which its sums are kept until they are rounded."""
    row = subject.row
    shapes = {"conv2d_backprop_input": row.input, "conv2d_backprop_filter": row.filters}
    return 8 * prod(shapes.get(subject.op) or row.counted.output)


def named(subject: Subject) -> str:
    """Return a test's name."""
    return f"{subject.layer}-{subject.op}"


SUBJECTS = [subject for subject in subjects(LAYERS, (1,)) if subject.op in OPS]
EXPANDING = [subject for subject in SUBJECTS if result(subject) > im2col(subject)]


@pytest.mark.parametrize("subject", [each for each in SUBJECTS if each not in EXPANDING], ids=named)
def test_memory_is_at_most_three_times_that_of_im2col(subject: Subject) -> None:
    """
    Of a layer in float32, value or gradient, whose windows are tens at least.

    No operand is copied as a whole: beside the result and its sums in float64, blocks are held. One of them is a chunk
    of 128 taps of all filters in float64: a fully connected layer, whose matrix has one row, takes more than three.
    """
    assert peak(subject.op, arguments(subject)) <= 3 * im2col(subject)


@pytest.mark.parametrize("subject", EXPANDING, ids=named)
def test_memory_is_at_most_three_times_that_of_a_result_larger_than_im2col(subject: Subject) -> None:
    """1x1 filters that make more channels of few, or fewer in the gradient, and gradients of many filters."""
    assert peak(subject.op, arguments(subject)) <= 3 * result(subject)
