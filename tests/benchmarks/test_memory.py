"""What the reference holds at once, against the im2col matrix that the layer would need."""

import tracemalloc
from math import prod
from typing import Any

import pytest

from conformance.bench.subjects import Subject, arguments, subjects
from conformance.networks.running import run_reference

LAYERS = ("conv2d-56", "conv2d_transpose-28", "dqn/conv1", "vgg-16/conv2_2", "vgg-16/conv5_1", "dcgan/up2")


def peak(op: str, given: dict[str, Any]) -> int:
    """Return the most bytes held at once during a call, beside its arguments."""
    tracemalloc.start()
    try:
        run_reference(op, given)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("subject", list(subjects(LAYERS, (1,))), ids=lambda subject: f"{subject.layer}-{subject.op}")
def test_memory_is_at_most_three_times_that_of_im2col(subject: Subject) -> None:
    """In float64, in which the reference computes: 8 bytes a tap of every window, and the operands and the result."""
    given = arguments(subject)
    filters, counted = subject.row.filters, subject.row.counted
    assert filters is not None
    small = subject.row.input if subject.op == "conv2d_transpose" else counted.output
    matrix = (
        8 * prod(small[:2]) * prod(filters[:2]) * (filters[2] if "transpose" in subject.op else subject.row.input[2])
    )
    operands = 8 * (prod(subject.row.input) + prod(filters) + prod(counted.output))

    assert peak(subject.op, given) <= 3 * max(matrix, operands)
