"""What generating cases costs: the target is 20 microseconds a case."""

from typing import Any

import pytest

from conformance import ops

COUNT = 1200


@pytest.mark.parametrize("op", ["conv2d", "max_pool", "max_unpool", "dropout"])
def test_generation(benchmark: Any, op: str) -> None:  # noqa: ANN401 -- pytest-benchmark has no types
    """Generate 1,200 cases; divide the printed time by that."""
    stream = benchmark(lambda: list(ops.generate(op, 0, 0, COUNT)))

    assert len(stream) == COUNT


@pytest.mark.parametrize("op", ["conv2d", "max_pool"])
def test_values(benchmark: Any, op: str) -> None:  # noqa: ANN401 -- pytest-benchmark has no types
    """Draw all arguments of 60 cases."""
    stream = list(ops.generate(op, 0, 0, 60))
    drawn = benchmark(lambda: [ops.arguments(case) for case in stream])

    assert len(drawn) == len(stream)
