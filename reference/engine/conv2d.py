"""conv2d and its filter gradient as sums of products: patches of the image, multiplied as matrices."""

from collections.abc import Iterator
from math import prod

import numpy as np

from reference.engine.exact import CHUNK, Index, SumOfProducts, blocks, chunked_depth, chunked_product
from reference.engine.frames import Frame, framed, laid, spread_taps, used
from reference.engine.patches import meeting, seen, window_view
from reference.floats import Array
from reference.windows import Axis, Convolution

__all__ = [
    "FilterGradient",
    "Forward",
    "by_group",
    "frames_of",
    "group_channels",
    "group_patches",
    "squared",
    "ungroup",
]

BLOCK = 2**17  # elements of the patches held at once: 1 MiB of float64, which stays in the cache
NEARLY = 4  # times a window: an image no larger bounds what its windows hold well enough
MATRIX = 256  # windows that make a matrix product fast, although they take more
MOST = 2**23  # elements of them all the same: 64 MiB
WIDE = 16  # columns of windows, and channels, that make a matrix product fast without copying the image into patches
PRODUCTS = 2 * 10**6  # made at once, tap by tap: what they are made of, and their sums, stay in the cache
LEAST = 128  # windows multiplied at once all the same


class Forward(SumOfProducts):
    """conv2d as a sum of products: left is the image [N, H, W, I], right the filters [FH, FW, FI, O]."""

    def __init__(self, image: Array, filters: Array, geometry: Convolution) -> None:
        self.left, self.right, self.geometry = image, filters, geometry
        self.dtype = image.dtype
        taps_high, taps_wide, depth, outputs = filters.shape
        self.shape = (len(image), geometry.rows.out, geometry.columns.out, outputs)
        self.terms_per_element = max(taps_high * taps_wide * depth, 1)
        self.by_tap = geometry.groups == 1 and min(geometry.columns.out, depth) >= WIDE
        self.depth = (
            chunked_depth(depth) + taps_high * taps_wide if self.by_tap else chunked_depth(self.terms_per_element)
        )

    def contract(self, left: Array, right: Array) -> Array:
        """Multiply the image with the filters: with one tap after the other, or patches of it with all taps."""
        return self._contract_by_tap(left, right) if self.by_tap else self._contract_by_patch(left, right)

    def _contract_by_tap(self, left: Array, right: Array) -> Array:
        """Multiply rows of the image, as they stand there, with one tap of the filters after the other."""
        rows, columns = frames_of(self.geometry)
        taps = used(right, rows, columns)
        windows = window_view(laid(left, rows, columns), rows.axis, columns.axis)
        out = np.zeros(self.shape)
        for some in blocks(self.shape[:3], max(PRODUCTS // (CHUNK * max(self.shape[3], 1)), LEAST)):
            sums, met = out[some], windows[some]
            for h, w in np.ndindex(taps.shape[:2]):
                sums += chunked_product(met[..., h, w, :], taps[h, w])
        return out

    def _contract_by_patch(self, left: Array, right: Array) -> Array:
        """Multiply patches of the image, a block of them at a time, with the filters as a matrix."""
        groups, frames = self.geometry.groups, frames_of(self.geometry)
        matrices = by_group(used(right, *frames), groups)
        out = np.empty(self.shape)
        for some, patches in patch_blocks(left, *frames):
            out[some] = ungroup(chunked_product(group_patches(patches, groups), matrices), out[some].shape)
        return out

    def count(self) -> Array:
        """Return the taps inside the image, times the depth of the filters."""
        rows, columns = (axis.counts() for axis in (self.geometry.rows, self.geometry.columns))
        return np.outer(rows, columns)[:, :, None] * float(self.right.shape[2])

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return one output element's window of the image and its filter, inside the image."""
        n, y, x, o = index
        high, wide = seen(self.geometry.rows, y), seen(self.geometry.columns, x)
        depth = self.right.shape[2]
        first = o // max(self.right.shape[3] // self.geometry.groups, 1) * depth
        left = self.left[n, high[1], wide[1], first : first + depth]
        return left.ravel(), self.right[high[0], wide[0], :, o].ravel()

    def size(self) -> Array:
        """|window| |filter|, the norms over the taps of each, at each pixel for the largest filter: [N, OH, OW, 1]."""
        groups = self.geometry.groups
        n, high, wide, channels = self.left.shape
        image, filters = self.operands
        squares = squared(image.reshape(n, high, wide, groups, channels // groups), "nhwgi", "nhwg")
        norms = np.sqrt(squared(filters, "hwio", "o")).reshape(groups, -1).max(1, initial=0.0)
        if high * wide <= NEARLY * self.right.shape[0] * self.right.shape[1]:
            windows = squares.sum((1, 2), keepdims=True)  # of the whole image: not much larger than a window's
        else:
            ones = np.ones((*self.right.shape[:2], 1, groups))
            windows = Forward(squares, ones, self.geometry).contract(squares, ones)
        return np.asarray((np.sqrt(windows) * norms).max(3, keepdims=True))


class FilterGradient(SumOfProducts):
    """The filter gradient as a sum of products: left is the image [N, H, W, I], right the gradient [N, OH, OW, O]."""

    def __init__(self, image: Array, gradient: Array, filters: tuple[int, ...], geometry: Convolution) -> None:
        self.left, self.right, self.shape, self.geometry = image, gradient, filters, geometry
        self.dtype = image.dtype
        self.terms_per_element = max(prod(gradient.shape[:3]), 1)
        windows = gradient.shape[:3]
        at_once = windows_at_once(prod(filters[:3]) * geometry.groups)
        # Every block's chunks are added to the total one by one.
        in_block = min(at_once, self.terms_per_element)
        self.depth = min(in_block, CHUNK) + sum(1 for _ in blocks(windows, at_once)) * -(-in_block // CHUNK)

    def contract(self, left: Array, right: Array) -> Array:
        """Multiply the transposed patches of the image with the gradient, a block of windows at a time."""
        groups, (rows, columns) = self.geometry.groups, frames_of(self.geometry)
        (_, _, depth, outputs), high, wide = self.shape, rows.axis.taps, columns.axis.taps
        total = np.zeros((groups, high * wide * depth, outputs // groups))
        for some, patches in patch_blocks(left, rows, columns):
            gradient = group_channels(right[some], groups)
            chunked_product(group_patches(patches, groups).transpose(0, 2, 1), gradient, total)
        taps = np.moveaxis(total.reshape(groups, high, wide, depth, outputs // groups), 0, 3).reshape(
            high, wide, depth, outputs
        )
        return spread_taps(taps, self.shape, rows, columns)

    def count(self) -> Array:
        """Return the windows whose tap lies inside the image, times the batch."""
        rows, columns = (np.subtract(*axis.windows_inside()[::-1]) for axis in self.axes)
        return np.outer(rows, columns)[:, :, None, None] * float(len(self.left))

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Rows and columns."""
        return self.geometry.rows, self.geometry.columns

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the image cells that one tap meets, and the gradients there."""
        h, w, i, o = index
        rows, columns = meeting(self.geometry.rows, h), meeting(self.geometry.columns, w)
        channel = o // max(self.shape[3] // self.geometry.groups, 1) * self.shape[2] + i
        return self.left[:, rows[1], columns[1], channel].ravel(), self.right[:, rows[0], columns[0], o].ravel()

    def size(self) -> Array:
        """|image channel| |gradient channel|, the norms over batch and space; the same for every tap."""
        groups = self.geometry.groups
        norms = [np.sqrt(squared(side, "nhwc", "c")) for side in self.operands]
        image, gradient = norms[0].reshape(groups, -1, 1), norms[1].reshape(groups, 1, -1)
        return np.asarray(np.moveaxis(image * gradient, 0, 1).reshape(self.shape[2:]))


def frames_of(geometry: Convolution) -> tuple[Frame, Frame]:
    """Return how rows and columns are stored."""
    return framed(geometry.rows), framed(geometry.columns)


def patch_blocks(image: Array, rows: Frame, columns: Frame) -> Iterator[tuple[tuple[slice, ...], Array]]:
    """
    Yield blocks of windows: their index (images, rows, columns) and they, [n, rows, columns, FH, FW, I] in float64.

    image: [N, H, W, I]. Every block lies in the memory of the one before it: new memory costs more than the copy.
    """
    if 0 in (len(image), rows.axis.out, columns.axis.out):
        return
    windows = window_view(laid(image, rows, columns), rows.axis, columns.axis)
    at_once = min(windows_at_once(prod(windows.shape[3:])), prod(windows.shape[:3]))
    memory = np.empty(at_once * prod(windows.shape[3:]))
    for block in blocks(windows.shape[:3], at_once):
        some = windows[block]
        patches = memory[: some.size].reshape(some.shape)
        patches[...] = some
        yield block, patches


def squared(values: Array, axes: str, kept: str) -> Array:
    """Add squares in float64 along those of the named axes that are not kept: for instance of "nhwc" all but "c"."""
    return np.asarray(np.einsum(f"{axes},{axes}->{kept}", values, values, dtype=np.float64))


def windows_at_once(per_window: int) -> int:
    """Return how many windows of so many elements are one block: enough for a matrix product, if memory has them."""
    return max(BLOCK // max(per_window, 1), min(MATRIX, MOST // max(per_window, 1)), 1)


def by_group(filters: Array, groups: int) -> Array:
    """Return filters [FH, FW, FI, O] as one matrix a group: [groups, FH*FW*FI, O/groups]."""
    high, wide, depth, outputs = filters.shape
    return np.moveaxis(filters.reshape(high * wide * depth, groups, outputs // groups), 1, 0)


def group_patches(patches: Array, groups: int) -> Array:
    """Return patches [n, rows, OW, FH, FW, I] as one matrix a group: [groups, n*rows*OW, FH*FW*I/groups]."""
    *where, high, wide, channels = patches.shape
    count = prod(where)
    if groups == 1:
        return patches.reshape(1, count, high * wide * channels)
    split = patches.reshape(count, high, wide, groups, channels // groups)
    return np.moveaxis(split, 3, 0).reshape(groups, count, high * wide * (channels // groups))


def group_channels(values: Array, groups: int) -> Array:
    """Return values [n, rows, OW, O] as one matrix a group: [groups, n*rows*OW, O/groups]."""
    *where, channels = values.shape
    return values.reshape(prod(where), groups, channels // groups).transpose(1, 0, 2)


def ungroup(products: Array, shape: tuple[int, ...]) -> Array:
    """Undo group_channels: return [groups, n*rows*OW, O/groups] in the shape [n, rows, OW, O]."""
    return products.transpose(1, 0, 2).reshape(shape)
