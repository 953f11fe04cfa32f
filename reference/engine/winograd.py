"""
The error bound of Winograd's convolution: the algorithm itself, run on absolute values.

F(m, 3) computes m x m outputs of a 3x3 convolution with stride 1 from a tile d of (m + 2) x (m + 2) inputs:

    Y = A^T [ (G g G^T) o (B^T d B) ] A

Its error is at most c u |A^T| [ (|G| |g| |G^T|) o (|B^T| |d| |B|) ] |A|, summed over the channels, with c the number of
roundings along the longest path through the transforms, the products and the sum over channels.

What an operation loses to underflow is in no proportion to its result; it is u times the smallest number that loses no
more than that, as which every number counts that is smaller.

Sources: Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR 2016 (the matrices); Barabasz,
Anderson, Soodhalter and Gregg, ACM Trans. Math. Softw. 46(4), 2020 (the bound).
"""

from typing import TypeGuard

import numpy as np

from reference.engine.conv2d import Forward
from reference.engine.exact import SumOfProducts
from reference.engine.patches import pad
from reference.floats import Array

__all__ = ["MATRICES", "can_winograd", "transformed"]

# m: (A^T, G, B^T)
MATRICES = {
    2: (
        np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float64),
        np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
        np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float64),
    ),
    4: (
        np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float64),
        np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
        np.array(
            [
                [4, 0, -5, 0, 1, 0],
                [0, -4, -4, 1, 1, 0],
                [0, 4, -4, -1, 1, 0],
                [0, -2, -1, 2, 1, 0],
                [0, 2, -1, -2, 1, 0],
                [0, 4, 0, -5, 0, 1],
            ],
            np.float64,
        ),
    ),
}


def can_winograd(call: SumOfProducts) -> TypeGuard[Forward]:
    """Return whether Winograd's algorithm F(m, 3) serves this call: 3x3 filters, stride and dilation 1, forward."""
    if not isinstance(call, Forward) or 0 in call.shape:
        return False
    axes = (call.geometry.rows, call.geometry.columns)
    return all((axis.taps, axis.stride, axis.dilation) == (3, 1, 1) for axis in axes)


def transformed(call: Forward, m: int, least: float = 0.0) -> Array:
    """
    Return the bound of every output element in units of u: [N, OH, OW, O].

    least: the number that smaller ones count as. Tiles start at the first output row and column. A tile that reaches
    past the output is completed with zeros.
    """
    at, g, bt = (np.abs(matrix) for matrix in MATRICES[m])
    tile = m + 2
    filters = np.einsum("ah,hwio,bw->abio", g, np.maximum(np.abs(call.finite[1]), least), g)
    tiles, out_high, out_wide = _tiles(np.abs(call.finite[0]), call, m)
    tiles = np.maximum(tiles, least)
    images = np.einsum("ah,nyxhwi,bw->nyxabi", bt, tiles, bt)
    n, high, wide = images.shape[:3]
    groups, depth = call.geometry.groups, filters.shape[2]
    left = images.reshape(n * high * wide, tile * tile, groups, depth).transpose(2, 1, 0, 3)
    right = filters.reshape(tile * tile, depth, groups, filters.shape[3] // groups).transpose(2, 0, 1, 3)
    products = (left @ right).transpose(2, 1, 0, 3).reshape(n, high, wide, tile, tile, filters.shape[3])
    outputs = np.einsum("ha,nyxabo,wb->nyhxwo", at, products + depth * least, at)
    whole = outputs.reshape(n, high * m, wide * m, filters.shape[3])[:, :out_high, :out_wide]
    # Each of the six transforms is a dot product (of tile, tile, 3, 3, tile, tile terms); G's entries are rounded too,
    # twice; then one product a channel, and their sum.
    roundings = 4 * tile + 2 * (3 + 1) + depth
    return np.asarray(whole * roundings)


def _tiles(image: Array, call: Forward, m: int) -> tuple[Array, int, int]:
    """Return the overlapping tiles [N, rows, columns, m + 2, m + 2, I] of the padded image, and the output's sides."""
    padded = pad(image, call.geometry.rows, call.geometry.columns)
    out_high, out_wide = call.geometry.rows.out, call.geometry.columns.out
    high, wide = -(-out_high // m), -(-out_wide // m)
    needed = [(0, max(count * m + 2 - side, 0)) for count, side in zip((high, wide), padded.shape[1:3], strict=True)]
    padded = np.pad(padded, [(0, 0), *needed, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (m + 2, m + 2), axis=(1, 2))
    tiles = np.moveaxis(windows[:, : high * m : m, : wide * m : m], 3, -1)
    return tiles, out_high, out_wide
