"""What a result shows of zeros and of subnormal numbers, which conform either way: common.R3 and common.R6."""

from collections.abc import Mapping

import numpy as np

from conformance.model import Array
from conformance.sets import Results
from reference.bounds import Within
from reference.choices import EITHER
from reference.floats import FORMATS, format_of

__all__ = ["Shown", "shown"]

Shown = Mapping[str, tuple[str, ...]]  # by rule, the alternatives that are met


def shown(results: Results, arrays: tuple[Array, ...]) -> Shown:
    """Return which alternatives the results of a call that agrees meet, where they tell."""
    found: dict[str, tuple[str, ...]] = {}
    for result, array in zip(results.arrays, arrays, strict=True):
        if array.dtype.name in FORMATS:
            found |= _of_zeros(result, array) | _of_subnormals(result, array)
    return found


def _of_zeros(result: Within, array: Array) -> dict[str, tuple[str, ...]]:
    """Return whether zeros have the signs that the reference gives them."""
    both = (result.value == 0) & (array == 0)
    if not both.any():
        return {}
    alike = np.signbit(array[both]) == np.signbit(result.value[both])
    return {"common.R6": ("as stated", EITHER) if alike.all() else (EITHER,)}


def _of_subnormals(result: Within, array: Array) -> dict[str, tuple[str, ...]]:
    """Return whether subnormal numbers are kept."""
    tiny = (result.value != 0) & (np.abs(result.value.astype(np.float64)) < format_of(array.dtype).smallest_normal)
    if not tiny.any():
        return {}
    return {"common.R3": ("kept", "flushed") if (array[tiny] != 0).all() else ("flushed",)}
