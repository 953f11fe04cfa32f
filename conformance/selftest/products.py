"""
Sums of products as processors and libraries compute them: in a format, in an order, from operands rounded or split.

A `Product` multiplies matrices, [G, M, K] and [G, K, N] -> [G, M, N]; `computed` lowers an op to matrix products as
libraries do, by patches (im2col) or by adding what every tap gives (col2im).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

from conformance.model import Array
from conformance.selftest.mutation.calls import CONVOLUTIONS, Call, convolution
from reference.checks import from_nhwc
from reference.engine.conv2d import FilterGradient, Forward, by_group, group_channels, group_patches, ungroup
from reference.engine.conv2d_transpose import Backward
from reference.engine.patches import length, pad, places, window_view
from reference.engine.unpool import Scatter
from reference.floats import FORMATS, round_to
from reference.ops.avg_pool import average
from reference.ops.max_pool_grad import credited
from reference.ops.max_unpool import scattered
from reference.ops.pools import spread

__all__ = ["WIDE", "Arithmetic", "blocked", "computed", "fused", "ordered", "pairwise", "permuted", "reversed_"]

Product: TypeAlias = Callable[[Array, Array], Array]
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
BLOCK = 2**14  # products that are held at once

# In what sums are kept, by the dtype of the operands.
WIDE: Mapping[str, Any] = {
    "float16": np.float32,
    "bfloat16": np.float32,
    "float32": np.float32,
    "float64": np.float64,
}


def ordered(a: Array, b: Array) -> Array:
    """Add one product after the other: `accumulate` does, unlike `sum`."""
    total = np.zeros((*a.shape[:2], b.shape[2]), a.dtype)
    step = max(BLOCK // max(total.size, 1), 1)
    for k in range(0, a.shape[2], step):
        products = a[:, :, k : k + step, None] * b[:, None, k : k + step]
        products[:, :, 0] += total
        total = np.add.accumulate(products, axis=2)[:, :, -1]
    return total


def reversed_(a: Array, b: Array) -> Array:
    """Add the products from the last to the first."""
    return ordered(a[:, :, ::-1], b[:, ::-1])


def permuted(a: Array, b: Array) -> Array:
    """Add the products in some order."""
    order = np.random.Generator(np.random.PCG64(a.shape[2])).permutation(a.shape[2])
    return ordered(a[:, :, order], b[:, order])


def pairwise(a: Array, b: Array) -> Array:
    """Add neighbours, then neighbouring sums, and so on."""
    parts = a[:, :, :, None] * b[:, None]
    while parts.shape[2] > 1:
        even = parts.shape[2] // 2 * 2
        parts = np.concatenate([parts[:, :, :even:2] + parts[:, :, 1:even:2], parts[:, :, even:]], axis=2)
    return parts[:, :, 0] if parts.shape[2] else np.zeros((*a.shape[:2], b.shape[2]), a.dtype)


def blocked(a: Array, b: Array, lanes: int = 8) -> Array:
    """Add every eighth product in a lane of its own, then the lanes."""
    total = np.zeros((*a.shape[:2], b.shape[2]), a.dtype)
    for lane in range(lanes):
        total += ordered(a[:, :, lane::lanes], b[:, lane::lanes])
    return total


def fused(a: Array, b: Array) -> Array:
    """Add one product after the other, each rounded with its sum only."""
    wide = np.float64 if a.dtype == np.float32 else np.longdouble
    total = np.zeros((*a.shape[:2], b.shape[2]), a.dtype)
    for k in range(a.shape[2]):
        total = (a[:, :, k, None].astype(wide) * b[:, k, None, :].astype(wide) + total.astype(wide)).astype(a.dtype)
    return total


def rounded_once(sums: Array, dtype: np.dtype[Any]) -> Array:
    """Round sums to the dtype of the result."""
    return round_to(sums.astype(np.float64), FORMATS[dtype.name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """How sums of products are computed."""

    product: Product = ordered
    accumulate: Mapping[str, Any] = None  # type: ignore[assignment]
    narrow: Callable[[Array], tuple[Array, ...]] = lambda side: (side,)  # what an operand is made of, largest first
    finish: Callable[[Array, np.dtype[Any]], Array] = rounded_once
    backwards: bool = False  # whether taps, too, are taken from the last

    def multiply(self, left: Array, right: Array, wide: Any) -> Array:  # noqa: ANN401 -- a dtype
        """Multiply matrices; the two lesser parts of split operands are not multiplied with one another."""
        lefts, rights = self.narrow(left), self.narrow(right)
        pairs = [(i, j) for i in range(len(lefts)) for j in range(len(rights)) if i + j < max(len(lefts), 1)]
        total = None
        for i, j in sorted(pairs, key=sum, reverse=True):
            part = self.product(lefts[i].astype(wide), rights[j].astype(wide))
            total = part if total is None else total + part
        return np.asarray(total)

    def taps(self, *sizes: int) -> list[tuple[int, ...]]:
        """Return the taps in order."""
        found = list(np.ndindex(*sizes))
        return found[::-1] if self.backwards else found


def computed(call: Call, arithmetic: Arithmetic) -> Array:
    """Return an op's result as an arithmetic computes it; integers as the reference does."""
    wide = (arithmetic.accumulate or WIDE).get(call.dtype)
    if wide is None:
        return np.asarray(call.run())
    arguments = {name: value for name, value in call.arguments.items() if name != "name"}
    if call.op in CONVOLUTIONS:
        sums = convolution(call)
        out = arithmetic.finish(_lowered(sums, arithmetic, wide), sums.dtype)
        layout = "NHWC" if isinstance(sums, FilterGradient) else sums.geometry.layout
        return _with_lead(call, from_nhwc(out, layout))
    if call.op == "avg_pool":
        mean = average(**arguments)
        values = np.stack(mean.geometry.taps(mean.left, 0)).reshape(1, -1, int(np.prod(mean.shape)))
        ones = np.ones((1, 1, values.shape[1]), values.dtype)
        total = arithmetic.multiply(ones, values, wide).reshape(mean.shape)
        return from_nhwc(arithmetic.finish(total / mean.divisor().astype(wide), mean.dtype), mean.geometry.layout)
    if call.op in ("avg_pool_grad", "avg_unpool"):
        return _spread(call, arithmetic, wide, arguments)
    scatter, layout = (scattered(**arguments), "NHWC") if call.op == "max_unpool" else credited(**arguments)
    return from_nhwc(arithmetic.finish(_scatter(scatter, arithmetic, wide), scatter.dtype), layout)


def _with_lead(call: Call, out: Array) -> Array:
    """Give conv2d's result the leading axes of its image."""
    return out.reshape(*call.arguments["input"].shape[:-3], *out.shape[1:]) if call.op == "conv2d" else out


def _lowered(sums: Forward | Backward | FilterGradient, arithmetic: Arithmetic, wide: Any) -> Array:  # noqa: ANN401
    """Compute a convolution by matrix products; wide: the dtype of sums."""
    if isinstance(sums, Forward):
        return _forward(sums, arithmetic, wide)
    if isinstance(sums, Backward):
        return _backward(sums, arithmetic, wide)
    return _filter_gradient(sums, arithmetic, wide)


def _forward(sums: Forward, arithmetic: Arithmetic, wide: Any) -> Array:  # noqa: ANN401 -- a dtype
    """Multiply patches of the image with the filters as a matrix."""
    groups = sums.geometry.groups
    patches = _patches(sums.left, sums)
    return ungroup(arithmetic.multiply(patches, by_group(sums.right, groups), wide), sums.shape)


def _patches(image: Array, sums: Forward | FilterGradient) -> Array:
    """Return the windows of an image as one matrix a group: [groups, N*OH*OW, FH*FW*FI]."""
    rows, columns = sums.geometry.rows, sums.geometry.columns
    windows = window_view(pad(image, rows, columns), rows, columns)
    return group_patches(windows, sums.geometry.groups)


def _filter_gradient(sums: FilterGradient, arithmetic: Arithmetic, wide: Any) -> Array:  # noqa: ANN401 -- a dtype
    """Multiply the transposed patches with the gradient."""
    high, wide_, depth, _ = sums.shape
    groups = sums.geometry.groups
    if 0 in sums.right.shape:
        return np.zeros(sums.shape, wide)
    patches = _patches(sums.left, sums).transpose(0, 2, 1)
    out = arithmetic.multiply(patches, group_channels(sums.right, groups), wide)
    return np.moveaxis(out.reshape(groups, high, wide_, depth, -1), 0, 3).reshape(sums.shape)


def _backward(sums: Backward, arithmetic: Arithmetic, wide: Any) -> Array:  # noqa: ANN401 -- a dtype
    """Multiply every element with the filters of a tap, and add that where the tap lies."""
    rows, columns, groups = sums.geometry.rows, sums.geometry.columns, sums.geometry.groups
    high, wide_, depth, outputs = sums.right.shape
    frame = np.zeros((len(sums.left), length(rows), length(columns), groups * depth), wide)
    left = group_channels(sums.left, groups)
    for h, w in arithmetic.taps(high, wide_):
        right = sums.right[h, w].reshape(depth, groups, outputs // groups).transpose(1, 2, 0)
        part = arithmetic.multiply(left, right, wide)
        frame[:, places(rows, h), places(columns, w)] += ungroup(part, (*sums.left.shape[:3], groups * depth))
    return frame[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]


def _spread(call: Call, arithmetic: Arithmetic, wide: Any, arguments: dict[str, Any]) -> Array:  # noqa: ANN401 -- a dtype
    """Add every value, divided, to the cells of its window."""
    shape, values = ("orig_input_shape", "grad") if call.op == "avg_pool_grad" else ("output_shape", "input")
    sums = spread(call.op, arguments.pop(shape), arguments.pop(values), **arguments)
    rows, columns = sums.geometry.rows, sums.geometry.columns
    shares = sums.left.astype(wide) / sums.shares[:, :, None].astype(wide)
    frame = np.zeros((len(shares), length(rows), length(columns), shares.shape[3]), wide)
    for h, w in arithmetic.taps(rows.taps, columns.taps):
        frame[:, places(rows, h), places(columns, w)] += shares
    out = frame[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]
    return from_nhwc(arithmetic.finish(out, sums.dtype), sums.geometry.layout)


def _scatter(sums: Scatter, arithmetic: Arithmetic, wide: Any) -> Array:  # noqa: ANN401 -- a dtype
    """Add one value after the other at its index."""
    out = np.zeros(int(np.prod(sums.shape)), wide)
    step = -1 if arithmetic.backwards else 1
    np.add.at(out, sums.where.ravel()[::step], sums.left.ravel().astype(wide)[::step])
    return out.reshape(sums.shape)
