"""Handwritten digits to train on: scikit-learn's 1797 of 8x8, enlarged to LeNet's 28x28 (extra `examples`)."""

import numpy as np

from conformance.errors import UsageError
from conformance.model import Array

__all__ = ["TESTED", "digits", "enlarged", "small_digits"]

TESTED = 360  # the last ones, by other writers, which training never sees


def small_digits() -> tuple[Array, Array]:
    """
    Return images [1797, 8, 8], float64 whole numbers from 0 to 16, and labels [1797].

    Raises:
        UsageError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UsageError("scikit-learn is not installed: pip install -e '.[examples]'") from error
    found = load_digits()
    return found.images, found.target.astype(np.int64)


def digits() -> tuple[Array, Array]:
    """Return images [1797, 28, 28, 1] float32 between 0 and 1, and labels [1797]; errors as of `small_digits`."""
    images, labels = small_digits()
    return enlarged(images), labels


def enlarged(images: Array) -> Array:
    """Make 28x28 of 8x8, values 0 to 16 of 0 to 1: every element three times along both axes, a margin of two."""
    large = np.kron(images / 16, np.ones((1, 3, 3)))
    return np.pad(large, ((0, 0), (2, 2), (2, 2)))[..., None].astype(np.float32)
