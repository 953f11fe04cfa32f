"""Convolutions and pools whose order of additions is known: namespaces in the manner of tf.nn."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def windows(input: Array, shape: tuple[int, int]) -> Array:
    """Return the windows of images under VALID and stride 1: [N, OH, OW, FH, FW, I]."""
    found = np.lib.stride_tricks.sliding_window_view(input, shape, axis=(1, 2))
    return np.moveaxis(found, 3, -1)


def check(others: Mapping[str, object]) -> None:
    """Refuse what is not implemented."""
    if (others["strides"], others["padding"], others["data_format"]) != ([1, 1], "VALID", "NHWC"):
        raise NotImplementedError(f"{dict(others)}: VALID, stride 1 and NHWC only")


class Forwards:
    """Adds rows, columns, channels one after another, in the dtype of the call; VALID, stride 1 and NHWC only."""

    def conv2d(self, input: Array, filters: Array, **others: object) -> Array:
        """Convolve."""
        check(others)
        return added(windows(input, filters.shape[:2]), filters, list(np.ndindex(*filters.shape[:3])))

    def avg_pool(self, input: Array, ksize: list[int], **others: object) -> Array:
        """Average."""
        check(others)
        seen = windows(input, (ksize[0], ksize[1]))
        total = np.zeros_like(seen[..., 0, 0, :])
        for tap in np.ndindex(*ksize):
            total = total + seen[(..., *tap, slice(None))]
        return np.asarray(total / input.dtype.type(ksize[0] * ksize[1]))


class ByBatch(Forwards):
    """Adds from the last to the first where several images come."""

    def conv2d(self, input: Array, filters: Array, **others: object) -> Array:
        """Convolve."""
        forwards = super().conv2d(input, filters, **others)
        if len(input) == 1:
            return forwards
        return added(windows(input, filters.shape[:2]), filters, list(np.ndindex(*filters.shape[:3]))[::-1])


class Striped(Forwards):
    """Adds the odd columns of its output from the last to the first."""

    def conv2d(self, input: Array, filters: Array, **others: object) -> Array:
        """Convolve."""
        total = super().conv2d(input, filters, **others)
        turned = added(windows(input, filters.shape[:2]), filters, list(np.ndindex(*filters.shape[:3]))[::-1])
        total[:, :, 1::2] = turned[:, :, 1::2]
        return total


class Refusing:
    """Implements nothing that it is asked for."""

    def conv2d(self, input: Array, filters: Array, **others: object) -> Array:
        """Refuse."""
        raise NotImplementedError(f"{input.shape}, {filters.shape}, {len(others)} more")


def added(seen: Array, filters: Array, taps: list[tuple[int, ...]]) -> Array:
    """Add the products of these taps one after another: [N, OH, OW, O]."""
    total = np.zeros((*seen.shape[:3], filters.shape[3]), seen.dtype)
    for tap in taps:
        total = total + seen[(..., *tap, None)] * filters[tap]
    return total


FORWARDS = Forwards()
BY_BATCH = ByBatch()
STRIPED = Striped()
REFUSING = Refusing()
