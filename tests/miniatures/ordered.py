"""Convolutions and pools whose order of additions is known: namespaces in the manner of tf.nn."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def windows(input: Array, shape: tuple[int, int]) -> Array:
    """Return the windows of images under VALID and stride 1: [N, OH, OW, FH, FW, I]."""
    found = np.lib.stride_tricks.sliding_window_view(input, shape, axis=(1, 2))
    return np.moveaxis(found, 3, -1)


class Forwards:
    """Adds rows, columns, channels one after another, in the dtype of the call; VALID, stride 1 and NHWC only."""

    def conv2d(self, input: Array, filters: Array, **others: object) -> Array:
        """Convolve."""
        del others
        return added(windows(input, filters.shape[:2]), filters, list(np.ndindex(*filters.shape[:3])))

    def avg_pool(self, input: Array, ksize: list[int], **others: object) -> Array:
        """Average."""
        del others
        seen = windows(input, (ksize[0], ksize[1]))
        total = np.zeros_like(seen[..., 0, 0, :])
        for tap in np.ndindex(*ksize):
            total = total + seen[(..., *tap, slice(None))]
        return np.asarray(total / input.dtype.type(ksize[0] * ksize[1]))


class ByBatch(Forwards):
    """Adds from the last to the first where several images come."""

    def conv2d(self, input: Array, filters: Array, **others: object) -> Array:
        """Convolve."""
        if len(input) == 1:
            return super().conv2d(input, filters, **others)
        return added(windows(input, filters.shape[:2]), filters, list(np.ndindex(*filters.shape[:3]))[::-1])


def added(seen: Array, filters: Array, taps: list[tuple[int, ...]]) -> Array:
    """Add the products of these taps one after another: [N, OH, OW, O]."""
    total = np.zeros((*seen.shape[:3], filters.shape[3]), seen.dtype)
    for tap in taps:
        total = total + seen[(..., *tap, None)] * filters[tap]
    return total


FORWARDS = Forwards()
BY_BATCH = ByBatch()
