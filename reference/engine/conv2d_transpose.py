"""conv2d_transpose as a sum of products: every element times the filters, added to the cells of its window."""

from functools import cached_property
from itertools import product
from math import prod

import numpy as np

from reference.engine.conv2d import LEAST, PRODUCTS, frames_of, group_channels, squared, ungroup
from reference.engine.exact import CHUNK, Index, SumOfProducts, blocks, chunked_depth, chunked_product
from reference.engine.frames import cut, used
from reference.engine.patches import covering, length, overlap, run, window_view
from reference.floats import Array
from reference.windows import Convolution, Indices

__all__ = ["Backward"]


class Backward(SumOfProducts):
    """The input gradient as a sum of products: left is [N, OH, OW, O], right the filters [FH, FW, FI, O]."""

    def __init__(self, gradient: Array, filters: Array, shape: tuple[int, ...], geometry: Convolution) -> None:
        self.left, self.right, self.shape, self.geometry = gradient, filters, shape, geometry
        self.dtype = gradient.dtype
        per_group = filters.shape[3] // geometry.groups
        high, wide = overlap(geometry.rows), overlap(geometry.columns)
        self.terms_per_element = max(high * wide * per_group, 1)
        self.depth = chunked_depth(max(per_group, 1)) + high * wide

    def contract(self, left: Array, right: Array) -> Array:
        """Multiply every element with the taps of the filters, and add one after the other to the cell it meets."""
        (rows, columns), groups = frames_of(self.geometry), self.geometry.groups
        taps = by_tap(used(right, rows, columns), groups)
        frame = np.zeros((len(left), length(rows.axis), length(columns.axis), self.shape[3]))
        windows = window_view(frame, rows.axis, columns.axis, writeable=True)
        at_once = max(PRODUCTS // (CHUNK * max(taps.shape[-1], 1)), LEAST)
        parts = [(some, group_channels(left[some], groups)) for some in blocks(left.shape[:3], at_once)]
        met = [windows[:, :, :, h, w] for h, w in np.ndindex(windows.shape[3:5])]  # the cells of each tap
        largest = max(prod(left.shape[:3]) * CHUNK * taps.shape[-1], taps[:1].size, 1)  # products or factors of a tap
        together = max(PRODUCTS // largest, 1)
        for start, (some, elements) in product(range(0, len(taps), together), parts):
            several = slice(start, start + together)
            products = chunked_product(elements, taps[several].astype(np.float64, order="C"))
            for each, added in zip(met[several], products, strict=True):
                cells = each[some]
                cells += ungroup(added, cells.shape)
        return cut(frame, rows, columns, (self.geometry.rows.size, self.geometry.columns.size))

    def absent(self, right: Array) -> Array:
        """Sum the taps of each output's window that meet no input element: inserted zeros and padding."""
        high, wide, depth, outputs = right.shape
        groups = self.geometry.groups
        everything = right.reshape(high, wide, depth, groups, outputs // groups).sum((0, 1, 4)).T.reshape(-1)
        return np.asarray(everything - self.contract(np.ones(self.left.shape), right))

    def count(self) -> Array:
        """Return the taps that meet each cell, times the filters of a group."""
        rows, columns = self.geometry.rows.covered(), self.geometry.columns.covered()
        per_group = self.right.shape[3] // self.geometry.groups
        return np.outer(rows, columns)[:, :, None] * float(per_group)

    @cached_property
    def over(self) -> tuple[tuple[Indices, Indices, int], tuple[Indices, Indices, int]]:
        """The windows over every row and over every column."""
        return self.geometry.rows.windows_over(), self.geometry.columns.windows_over()

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the input elements whose windows cover one cell, and the filter taps they meet it with."""
        n, y, x, channel = index
        depth, outputs = self.right.shape[2:]
        group, i = divmod(channel, depth)
        per_group = outputs // self.geometry.groups
        filters = slice(group * per_group, (group + 1) * per_group)
        axes = (self.geometry.rows, self.geometry.columns)
        high, wide = (covering(*side) for side in zip(axes, self.over, (y, x), strict=True))
        left = self.left[n, high[1][:, None], wide[1], filters]
        return left.ravel(), self.right[high[0][:, None], wide[0], i, filters].ravel()

    def size(self) -> Array:
        """|elements that cover a cell| |taps that meet one|, the norms; of the largest channel: [N, H, W, 1]."""
        groups = self.geometry.groups
        high, wide, depth, outputs = self.right.shape
        image, filters = self.operands
        squares = squared(image.reshape(*image.shape[:3], groups, outputs // groups), "nhwgo", "nhwg")
        ones = np.ones((high, wide, 1, groups))
        elements = Backward(squares, ones, (*self.shape[:3], groups), self.geometry).contract(squares, ones)
        taps = squared(filters.reshape(high, wide, depth, groups, outputs // groups), "hwigo", "hwig").max(2)
        runs = run(self.geometry.rows), run(self.geometry.columns)
        classes = [taps[h :: runs[0], w :: runs[1]].sum((0, 1)) for h, w in np.ndindex(*np.minimum(runs, (high, wide)))]
        return np.asarray((np.sqrt(elements) * np.sqrt(np.max(classes, 0))).max(3, keepdims=True))


def by_tap(filters: Array, groups: int) -> Array:
    """Return filters [FH, FW, FI, O] as a matrix a tap and group: [FH*FW, groups, O/groups, FI]."""
    high, wide, depth, outputs = filters.shape
    return filters.reshape(high * wide, depth, groups, outputs // groups).transpose(0, 2, 3, 1)
