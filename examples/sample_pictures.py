"""Pieces of scikit-learn's two sample photographs, their contrast made even (extra `examples`)."""

import numpy as np

from conformance.errors import UsageError
from conformance.model import Array

__all__ = ["even", "pieces", "shrunken"]

SHRINK = 4  # pixels of a photograph that become one, along each axis
REACH = 4  # pixels to each side over which contrast is made even


def pieces(count: int, side: int, seed: int) -> Array:
    """
    Return pieces of the photographs, drawn at random: float64 [count, side, side, 1], of mean near 0.

    Raises:
        UsageError: scikit-learn, or Pillow, which reads its photographs, is not installed.
    """
    try:
        from sklearn.datasets import load_sample_images  # noqa: PLC0415 -- an extra

        photographs = load_sample_images().images
    except ImportError as error:
        raise UsageError("scikit-learn and Pillow are not installed: pip install -e '.[examples]'") from error
    pictures = [even(shrunken(photograph.mean(2) / 255)) for photograph in photographs]
    stream = np.random.default_rng(seed)
    found = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        row, column = (int(stream.integers(length - side + 1)) for length in picture.shape)
        found.append(picture[row : row + side, column : column + side])
    return np.array(found)[..., None]


def shrunken(picture: Array) -> Array:
    """Return the means of squares of a picture [H, W]; what is left at the right and the bottom is cut off."""
    rows, columns = (length // SHRINK for length in picture.shape)
    whole = picture[: rows * SHRINK, : columns * SHRINK]
    return np.asarray(whole.reshape(rows, SHRINK, columns, SHRINK).mean((1, 3)))


def even(picture: Array) -> Array:
    """
    Subtract the local mean of a picture [H, W], and divide by the local deviation, or by the mean one where it is less.

    Source: Jarrett, Kavukcuoglu, Ranzato and LeCun, What is the best multi-stage architecture for object recognition?,
    ICCV 2009 (local contrast normalisation).
    """
    centred = picture - blurred(picture)
    deviation = np.sqrt(blurred(centred**2))
    return np.asarray(centred / np.maximum(deviation, deviation.mean()))


def blurred(picture: Array) -> Array:
    """Return the means around each pixel, weighted by a Gaussian; the picture is mirrored at its sides."""
    weights = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / (REACH / 2)) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        margin = [(REACH, REACH) if each == axis else (0, 0) for each in (0, 1)]
        padded = np.pad(picture, margin, mode="reflect")
        picture = np.apply_along_axis(np.convolve, axis, padded, weights, "valid")
    return picture
