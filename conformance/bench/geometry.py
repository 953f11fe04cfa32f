"""Where the windows of a call lie, as other libraries want to know it: the padding of rows and columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from reference import windows
from reference.engine.patches import length
from reference.windows import Axis

__all__ = ["axes", "ends"]


def axes(given: Mapping[str, Any], taps: Sequence[int], size: Sequence[int]) -> tuple[Axis, Axis]:
    """Lay the windows of a call over rows and columns of an image."""
    padding = given["padding"]
    sides = (padding, padding) if isinstance(padding, str) else padding[1:3]
    rows, columns = (laid(size[i], taps[i], given["strides"][i], sides[i]) for i in range(2))
    return rows, columns


def laid(size: int, taps: int, stride: int, padding: str | Sequence[int]) -> Axis:
    """Lay the windows of one axis."""
    if padding == "SAME":
        return windows.same(size, taps, stride)
    before, after = (0, 0) if isinstance(padding, str) else padding
    return windows.explicit(size, taps, stride, 1, int(before), int(after))


def ends(axis: Axis) -> tuple[int, int]:
    """Return the padding of an axis, or what cuts off the elements that no window meets (negative)."""
    return axis.before, length(axis) - axis.before - axis.size
