"""avg_pool, its gradient, and avg_unpool."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property, partial
from math import lcm
from typing import Any

import numpy as np

from reference.checks import (
    FLOATS,
    Size,
    check_dtype,
    check_layout,
    check_rank,
    check_shape,
    from_nhwc,
    read_shape,
    shape_to_nhwc,
    to_nhwc,
)
from reference.exact import Enclosure, Index, SumOfProducts, U, blocks, finite, two_sum
from reference.floats import Array, Format
from reference.patches import covering, length, meeting, places, taps_inside
from reference.pools import Pool, pool, pool_geometry

__all__ = ["Average", "Spread", "avg_pool", "avg_pool_grad", "avg_unpool"]


def avg_pool(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Take the mean of every window.

        out[n, y, x, c] = (sum over (h, w) inside the image of input[n, y*sh + h - top, x*sw + w - left, c]) / count
        count = how many (h, w) lie inside the image

    Shapes:
        input [N, H, W, C] -> out [N, OH, OW, C]; OH and OW by `windows.same` or `valid`. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        The exact mean rounded once to the dtype of the input.

    Rules:
        avg_pool.R1  input has rank 4.
        avg_pool.R2  dtype: float16, bfloat16, float32 or float64.
        avg_pool.R3  strides are integers from 1 to 2^31 - 1, 1 along batch.
        avg_pool.R4  ksize are integers from 1 to 2^31 - 1, 1 along batch.
        avg_pool.R5  padding is "SAME" or "VALID".
        avg_pool.R6  data_format is "NHWC" or "NCHW".
        avg_pool.R7  No pooling between channels.
        avg_pool.R8  The window is longer than the image by at most the stride: as conv2d.R9.
        avg_pool.R9  The mean is over the elements of the image: padding does not count.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (avg_pool_v2), core/kernels/avgpooling_op.cc.

    >>> avg_pool(np.arange(1.0, 10.0).reshape(1, 3, 3, 1), 2, 2, "SAME")[0, :, :, 0]
    array([[3. , 4.5],
           [7.5, 9. ]])
    """
    call = average(input, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


class Average(SumOfProducts):
    """avg_pool as a sum: left is the image [N, H, W, C], right the number 1; divided by the windows' counts."""

    free_products = True

    def __init__(self, image: Array, geometry: Pool) -> None:
        self.left, self.right, self.geometry = image, np.ones((), image.dtype), geometry
        self.dtype = image.dtype
        self.shape = (len(image), geometry.rows.out, geometry.columns.out, image.shape[3])
        self.terms_per_element = geometry.rows.taps * geometry.columns.taps
        self.depth = geometry.rows.taps + geometry.columns.taps

    def contract(self, left: Array, right: Array) -> Array:
        """Add the elements of every window, along rows and then along columns."""
        return self.geometry.reduce(partial(np.add, dtype=np.float64), left if right == 1 else left * right, 0.0)

    def absent(self, right: Array) -> Array:
        """Return nothing: padding takes no part in a mean, and 1 is finite."""
        return np.zeros(self.shape) * right

    def count(self) -> Array:
        """Return how many elements each window holds."""
        return self.windows

    @cached_property
    def windows(self) -> Array:
        """How many elements each window holds: [OH, OW, 1]."""
        return self.geometry.counts()[:, :, None]

    def steps(self) -> Iterator[tuple[Any, Array, Array]]:
        """Yield one tap of the windows after the other, where it lies inside the image."""
        image = self.finite[0]
        for h, w in np.ndindex(self.geometry.rows.taps, self.geometry.columns.taps):
            rows, columns = meeting(self.geometry.rows, h), meeting(self.geometry.columns, w)
            yield (slice(None), rows[0], columns[0]), image[:, rows[1], columns[1]], np.ones(())

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the elements of one window."""
        n, y, x, c = index
        high, wide = taps_inside(self.geometry.rows, y)[1], taps_inside(self.geometry.columns, x)[1]
        cells = self.left[n, :, :, c][np.ix_(high, wide)].ravel()
        return cells, np.ones(cells.shape)

    def size(self) -> Array:
        """Return what a window full of the largest element has."""
        low, high = self.extremes[0] if self.all_finite else (self.finite[0].min(), self.finite[0].max())
        return np.array(max(-low, high) * self.terms_per_element)

    def _enclosures(self, fmt: Format, sizes: Array) -> Iterator[Enclosure]:
        """Yield the sums in plain float64, then as pairs: without products, slices are seldom quicker."""
        if fmt.precision < 53:
            yield self.enclosure(sizes)
        yield self._compensated()

    def _compensated(self) -> Enclosure:
        """Likewise; where the rests are multiples, below 2^53, of a unit, no sum of them rounds."""
        if not self.terms_per_element * U * float(self.size()) < 2.0**52 * self.unit:
            return super()._compensated()
        high, low = np.zeros(self.shape), np.zeros(self.shape)
        for place, elements, _ in self.steps():
            sums, rests = high[place], low[place]
            for block in blocks(sums.shape):
                sums[block], rest = two_sum(sums[block], elements[block])
                rests[block] += rest
        for block in blocks(self.shape):
            high[block], low[block] = two_sum(high[block], low[block])
        return Enclosure(high, low, 0.0)

    def divisor(self) -> Array:
        """Return how many elements each window holds: [OH, OW, 1]."""
        return np.maximum(self.windows, 1)


def average(input: Array, ksize: Size, strides: Size, padding: str, data_format: str | None = None) -> Average:
    """Check a call of avg_pool and return it as a sum."""
    check_dtype("avg_pool.R2", "input", input, FLOATS)
    return Average(*pool("avg_pool", input, ksize, strides, padding, data_format))


def avg_pool_grad(
    orig_input_shape: Sequence[int] | Array,
    grad: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
    name: str | None = None,  # noqa: ARG001 -- TensorFlow has it
) -> Array:
    """
    Return the gradient of avg_pool with respect to its input: each window shares its gradient among its elements.

        out[n, Y, X, c] = sum over the windows (y, x) that hold (Y, X) of grad[n, y, x, c] / count[y, x]

    Shapes:
        orig_input_shape = [N, H, W, C], grad [N, OH, OW, C] -> out [N, H, W, C]. NCHW likewise.

    Rounding:
        The exact sum of quotients rounded once to the dtype of grad.

    Rules:
        avg_pool_grad.R1  orig_input_shape has 4 entries, int32 or int64, 0 to 2^31 - 1; grad has rank 4.
        avg_pool_grad.R2  dtype: float16, bfloat16, float32 or float64.
        avg_pool_grad.R3  strides: as avg_pool.R3.
        avg_pool_grad.R4  ksize: as avg_pool.R4.
        avg_pool_grad.R5  padding is "SAME" or "VALID".
        avg_pool_grad.R6  data_format is "NHWC" or "NCHW".
        avg_pool_grad.R7  No pooling between channels.
        avg_pool_grad.R8  Window and image: as avg_pool.R8.
        avg_pool_grad.R9  grad has the shape of avg_pool's output.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, core/kernels/avgpooling_op.cc (AvgPoolingGradOp).

    >>> avg_pool_grad([1, 3, 3, 1], np.full((1, 2, 2, 1), 4.0), 2, 2, "SAME")[0, :, :, 0]
    array([[1., 1., 2.],
           [1., 1., 2.],
           [2., 2., 4.]])
    """
    call = spread("avg_pool_grad", orig_input_shape, grad, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


def avg_unpool(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    output_shape: Sequence[int] | Array,
    data_format: str | None = "NHWC",
) -> Array:
    """
    Put every pooled value into every element of its window.

        out[n, Y, X, c] = sum over the windows (y, x) that hold (Y, X) of input[n, y, x, c]

    Where windows overlap their values are added: avg_unpool is the transpose of summing windows. Cells that no window
    holds are zero.

    Shapes:
        input [N, OH, OW, C], output_shape = [N, H, W, C] -> out [N, H, W, C], where avg_pool maps H, W to OH, OW.

    Rounding:
        The exact sum rounded once to the dtype of the input.

    Rules:
        avg_unpool.R1  input has rank 4; output_shape has 4 entries, int32 or int64, 0 to 2^31 - 1.
        avg_unpool.R2  dtype: float16, bfloat16, float32 or float64.
        avg_unpool.R3  strides: as avg_pool.R3.
        avg_unpool.R4  ksize: as avg_pool.R4.
        avg_unpool.R5  padding is "SAME" or "VALID".
        avg_unpool.R6  data_format is "NHWC" or "NCHW".
        avg_unpool.R7  No pooling between channels.
        avg_unpool.R8  Window and output image: as avg_pool.R8.
        avg_unpool.R9  avg_pool maps output_shape to the input's shape.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: the transpose of avg_pool without its division; TensorFlow users write it as AvgPoolGrad times the counts.

    >>> avg_unpool(np.float32([[1, 2]]).reshape(1, 1, 2, 1), 2, 2, "VALID", [1, 2, 4, 1])[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    call = spread("avg_unpool", output_shape, input, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


class Spread(SumOfProducts):
    """
    Values added into every element of their window, each over the window's share: left [N, OH, OW, C].

    shares: [OH, OW], each value counts 1 / share; right holds one / share, where one is a common multiple of all
    shares, by which the sums are divided in the end.
    """

    free_products = True

    def __init__(self, values: Array, shape: tuple[int, ...], geometry: Pool, shares: Array) -> None:
        self.left, self.shape, self.geometry, self.dtype = values, shape, geometry, values.dtype
        self.one = lcm(*(int(share) for share in np.unique(shares))) if shares.size else 1
        # Below 2^28 its products with values of 24 bits, and with ties between them, are exact. Above, a multiple is a
        # power of two: then the shares of it are rounded, and `rest` is what is missing.
        self.one = self.one if self.one < 2**28 else 2**200
        exact = {int(share): Fraction(self.one, int(share)) for share in np.unique(shares)}
        self.shares = shares.astype(np.int64)
        self.right = _each(self.shares, {share: float(value) for share, value in exact.items()})
        self.rest = _each(self.shares, {share: float(value - Fraction(float(value))) for share, value in exact.items()})
        self.terms_per_element = geometry.rows.taps * geometry.columns.taps
        self.depth = geometry.rows.taps + geometry.columns.taps + 2  # two more: the product and the rounded share

    def contract(self, left: Array, right: Array) -> Array:
        """Add every weighted value to the cells of its window, along columns and then along rows."""
        rows, columns = self.geometry.rows, self.geometry.columns
        values = left * right[:, :, None]
        wide = np.zeros((*values.shape[:2], length(columns), values.shape[3]))
        for tap in range(columns.taps):
            wide[:, :, places(columns, tap)] += values
        high = np.zeros((len(values), length(rows), *wide.shape[2:]))
        for tap in range(rows.taps):
            high[:, places(rows, tap)] += wide
        top, left_ = rows.before, columns.before
        return high[:, top : top + rows.size, left_ : left_ + columns.size]

    def absent(self, right: Array) -> Array:
        """Return nothing: the shares are finite."""
        return np.asarray(np.zeros(self.shape) * right.sum())

    def count(self) -> Array:
        """Return how many windows hold each cell."""
        rows, columns = self.geometry.rows.covered(), self.geometry.columns.covered()
        return np.outer(rows, columns)[:, :, None] * 1.0

    def steps(self) -> Iterator[tuple[Any, Array, Array]]:
        """Yield one tap of the windows after the other, where it lies inside the image, and what its share misses."""
        values, shares = self.finite
        for h, w in np.ndindex(self.geometry.rows.taps, self.geometry.columns.taps):
            rows, columns = meeting(self.geometry.rows, h), meeting(self.geometry.columns, w)
            place, some = (slice(None), rows[1], columns[1]), values[:, rows[0], columns[0]]
            yield place, some, shares[rows[0], columns[0], None]

    def _compensated(self) -> Enclosure:
        """Leave open what the rounded shares miss."""
        sums = super()._compensated()
        missing = np.ldexp(self.size(), -52) if self.rest.any() else 0.0
        return Enclosure(sums.high, sums.low, np.asarray(sums.error + missing))

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the values whose windows hold one cell, and the shares they give."""
        n, y, x, c = index
        window = np.ix_(covering(self.geometry.rows, y)[1], covering(self.geometry.columns, x)[1])
        return self.left[n, :, :, c][window].ravel(), self.right[window].ravel()

    def exact(self, index: Index) -> Fraction:
        """Add values over shares as fractions."""
        n, y, x, c = index
        window = np.ix_(covering(self.geometry.rows, y)[1], covering(self.geometry.columns, x)[1])
        values = finite(self.left[n, :, :, c][window]).ravel().tolist()
        pairs = zip(values, self.shares[window].ravel().tolist(), strict=True)
        return sum((Fraction(value) / share for value, share in pairs), Fraction(0))

    def size(self) -> Array:
        """S itself, as float64 adds it."""
        return self.contract(np.abs(self.operands[0]), np.abs(self.right)) * (1 + 2.0**-40)

    def divisor(self) -> Array:
        """Return the common multiple of all shares."""
        return np.array(float(self.one))

    def _sliced(self, left: Array, right: Array, most: int) -> Enclosure:
        """Add what the rounded shares miss."""
        sums = super()._sliced(left, right, most)
        if not self.rest.any():
            return sums
        missing = np.ldexp(self.contract(left, self.rest), -sums.exponent)
        error = sums.error + np.ldexp(self.size(), -100 - sums.exponent)
        return Enclosure(sums.high, sums.low + missing, error, sums.exponent)


def _each(shares: Array, values: dict[int, float]) -> Array:
    """Return the value of every share."""
    out = np.zeros(shares.shape)
    for share, value in values.items():
        out[shares == share] = value
    return out


def spread(
    op: str,
    image_shape: Sequence[int] | Array,
    values: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
) -> Spread:
    """Check a call of avg_pool_grad or avg_unpool and return it as a sum."""
    shape_name, name = ("orig_input_shape", "grad") if op == "avg_pool_grad" else ("output_shape", "input")
    layout = check_layout(f"{op}.R6", data_format)
    check_rank(f"{op}.R1", name, values.shape, 4)
    check_dtype(f"{op}.R2", name, values, FLOATS)
    image = shape_to_nhwc(read_shape(f"{op}.R1", shape_name, image_shape), layout)
    geometry = pool_geometry(op, image, ksize, strides, padding, layout)
    needed = (image[0], geometry.rows.out, geometry.columns.out, image[3])
    small = to_nhwc(values, layout)
    check_shape(f"{op}.R9", f"{name} (as NHWC)", small.shape, needed, f"the pool of {shape_name} {list(image)}")
    counts = np.maximum(geometry.counts(), 1)
    shares = counts if op == "avg_pool_grad" else np.ones(counts.shape)
    return Spread(small, image, geometry, shares)
