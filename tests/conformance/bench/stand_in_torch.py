"""The part of PyTorch that the peer calls, by the reference: copied as torch.py to where a worker imports it."""
# ruff: noqa: ANN401 -- it stands in for a library without types

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import reference

__version__ = "2.0-stand-in"


@dataclass
class Tensor:
    """An array with PyTorch's methods."""

    array: Any

    @property
    def dtype(self) -> str:
        """Return the name of the dtype."""
        return f"torch.{self.array.dtype}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape."""
        return tuple(self.array.shape)

    def permute(self, *order: int) -> "Tensor":
        """Return the axes in another order."""
        return Tensor(self.array.transpose(order))

    def numpy(self) -> Any:
        """Return the array."""
        return self.array

    def __getitem__(self, index: Any) -> "Tensor":
        return Tensor(self.array[index])


def set_num_threads(count: int) -> None:
    """Take a number of threads."""
    assert count >= 1


def from_numpy(array: Any) -> Tensor:
    """Return a tensor."""
    return Tensor(array)


def last(image: Tensor) -> Any:
    """Return an image with its channels last."""
    return image.array.transpose(0, 2, 3, 1)


def first(image: Any) -> Tensor:
    """Return an image with its channels first."""
    return Tensor(image.transpose(0, 3, 1, 2))


def explicit(padding: Sequence[int]) -> list[list[int]]:
    """Spell a padding that both ends share."""
    return [[0, 0], *([side, side] for side in padding), [0, 0]]


def pad(image: Tensor, sides: Sequence[int], value: float) -> Tensor:
    """Add, or cut off where negative: left, right, top, bottom."""
    left, right, top, bottom = sides
    added = [(0, 0), (0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    wide = np.pad(image.array, added, constant_values=value)
    high, long = wide.shape[2:]
    return Tensor(wide[:, :, max(-top, 0) : high + min(bottom, 0), max(-left, 0) : long + min(right, 0)])


def conv2d(image: Tensor, filters: Tensor, *, stride: Sequence[int], padding: Sequence[int]) -> Tensor:
    """Convolve; filters O I FH FW."""
    return first(reference.conv2d(last(image), filters.array.transpose(2, 3, 1, 0), list(stride), explicit(padding)))


def conv_transpose2d(
    image: Tensor, filters: Tensor, *, stride: Sequence[int], padding: Sequence[int], output_padding: Sequence[int]
) -> Tensor:
    """Convolve the other way; filters I O FH FW; sizes (i - 1) s - 2 p + k + output_padding."""
    assert all(extra < step for extra, step in zip(output_padding, stride, strict=True))
    count, _, *sides = image.shape
    each = zip(sides, stride, padding, filters.shape[2:], output_padding, strict=True)
    sizes = [(side - 1) * step - 2 * edge + taps + extra for side, step, edge, taps, extra in each]
    shape = [count, *sizes, filters.shape[1]]
    turned = filters.array.transpose(2, 3, 1, 0)
    return first(reference.conv2d_transpose(last(image), turned, shape, list(stride), explicit(padding)))


def conv2d_weight(
    image: Tensor, shape: Sequence[int], slope: Tensor, *, stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """Return the gradient with respect to filters, O I FH FW."""
    sizes = [*shape[2:], shape[1], shape[0]]
    found = reference.conv2d_backprop_filter(last(image), sizes, last(slope), list(stride), explicit(padding))
    return Tensor(found.transpose(3, 2, 0, 1))


def max_pool2d(image: Tensor, *, kernel_size: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> Tensor:
    """Pool; of the padding no more than half a window."""
    assert all(2 * edge <= taps for edge, taps in zip(padding, kernel_size, strict=True))
    return first(reference.max_pool(last(image), list(kernel_size), list(stride), explicit(padding)))


nn = SimpleNamespace(
    functional=SimpleNamespace(conv2d=conv2d, conv_transpose2d=conv_transpose2d, max_pool2d=max_pool2d, pad=pad)
)
sys.modules["torch.nn.grad"] = SimpleNamespace(conv2d_weight=conv2d_weight)  # type: ignore[assignment]
