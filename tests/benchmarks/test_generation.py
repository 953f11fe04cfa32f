"""What generating cases costs: the target is 20 microseconds a case."""

from typing import Any

import pytest

from conformance import ops

COUNT = 1200


@pytest.mark.parametrize("op", ["conv2d", "max_pool", "max_unpool", "dropout"])
def test_generation(benchmark: Any, op: str) -> None:  # noqa: ANN401 -- pytest-benchmark has no types
    """Generate 1,200 cases of the op, valid and broken; divide the printed time by that."""
    stream = benchmark(lambda: list(ops.generate(op, 0, 0, COUNT)))

    assert [case.op for case in stream] == [op] * COUNT
    assert {case.breaks is None for case in stream} == {True, False}


@pytest.mark.parametrize("op", ["conv2d", "max_pool"])
def test_values(benchmark: Any, op: str) -> None:  # noqa: ANN401 -- pytest-benchmark has no types
    """Draw all arguments of 60 cases: the arrays are as the cases say."""
    stream = list(ops.generate(op, 0, 0, 60))
    drawn = benchmark(lambda: [ops.arguments(case) for case in stream])

    for case, arguments in zip(stream, drawn, strict=True):
        for name, spec in case.arrays.items():
            assert (arguments[name].shape, arguments[name].dtype.name) == (spec.shape, spec.dtype)
