"""Sizes of calls to reveal the order of: kinds on both sides of what vectors and tiles hold, and small ones."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from conformance.cases.linear import Sizes
from conformance.order.operands import call, element, middle

__all__ = ["KINDS", "kinds_of", "small"]


def small(seed: int, count: int, dtype: str = "float32") -> Iterator[Sizes]:
    """Yield small calls, evenly drawn: images to 6 x 6, windows to 3 x 3, strides, images and channels to 3."""
    generator = np.random.Generator(np.random.Philox(seed))
    while count:
        high, wide, taps, across, depth, filters, images, stride = map(int, generator.integers(1, SMALL))
        sizes = Sizes(
            window=(taps, across),
            image=(high, wide),
            depth=depth,
            filters=filters,
            images=images,
            stride=stride,
            padding=("VALID", "SAME")[int(generator.integers(2))],
            layout=("NHWC", "NCHW")[int(generator.integers(2))],
            dtype=dtype,
        )
        if min(sizes.out) > 0:
            count -= 1
            yield sizes


SMALL = (7, 7, 4, 4, 4, 4, 4, 4)  # one more than the largest of each

# Depths, filters and outputs below, at and above vectors of 4, 8 and 16 numbers and tiles of a few of them.
KINDS: tuple[Sizes, ...] = tuple(
    Sizes(window=window, image=(window[0] + out - 1, window[1] + out - 1), depth=depth, filters=filters)
    for window in ((1, 1), (3, 3))
    for depth in (1, 3, 8, 15, 16, 17, 33)
    for filters in (1, 8, 17)
    for out in (1, 9)
)
DTYPES = ("float16", "bfloat16", "float64")  # beside float32, on one kind of sizes
TYPICAL = Sizes(window=(3, 3), image=(11, 11), depth=16, filters=8)


def kinds_of(op: str) -> Iterator[Sizes]:
    """Yield the kinds of sizes that an op adds several terms of: float32 in all, other dtypes once; each call once."""
    asked: set[str] = set()
    for sizes in (*KINDS, *(replace(TYPICAL, dtype=dtype) for dtype in DTYPES)):
        case = call(op, sizes)
        if case.id not in asked and len(element(case, middle(case)).left) > 1:
            asked.add(case.id)
            yield sizes
