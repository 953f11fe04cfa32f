"""Where the windows of a call lie, as other libraries want to know it: the padding of rows and columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from reference.engine.patches import length
from reference.windows import Axis, lay

__all__ = ["axes", "ends"]


def axes(arguments: Mapping[str, Any], taps: Sequence[int], size: Sequence[int]) -> tuple[Axis, Axis]:
    """Lay the windows of a call over rows and columns of an image."""
    padding = arguments["padding"]
    sides = (padding, padding) if isinstance(padding, str) else padding[1:3]
    rows, columns = (lay(size[i], taps[i], arguments["strides"][i], 1, sides[i]) for i in range(2))
    return rows, columns


def ends(axis: Axis) -> tuple[int, int]:
    """Return the padding of an axis, or what cuts off the elements that no window meets (negative)."""
    return axis.before, length(axis) - axis.before - axis.size
