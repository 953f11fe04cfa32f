"""max_unpool: pooled values back in their places."""

from collections.abc import Sequence
from math import prod

import numpy as np

from reference.checks import FLOATS, check_dtype, check_rank, check_shape, read_shape
from reference.engine.unpool import Scatter
from reference.errors import Fault, SpecError
from reference.floats import Array
from reference.reading import read_array, read_flag

__all__ = ["definition", "max_unpool", "scattered"]

DTYPES = (*FLOATS, "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def max_unpool(
    input: Array,
    argmax: Array,
    output_shape: Sequence[int] | Array,
    include_batch_in_index: bool = False,
) -> Array:
    """
    Put every pooled value where its argmax says, and zero elsewhere.

        out[b, Y, X, k] = sum over the (n, y, x, c) that name this cell of input[n, y, x, c]

    argmax names cell (Y, X, k) of image n as (Y*W + X)*C + k, and with include_batch_in_index cell (b, Y, X, k) as
    ((b*H + Y)*W + X)*C + k, as max_pool_with_argmax does.

    Where windows overlap, an index can come twice: its values are added, so that max_unpool is the gradient of
    max_pool, and the transpose of picking the elements at argmax.

    Shapes:
        input and argmax [N, OH, OW, C], output_shape = [N, H, W, C] -> out [N, H, W, C].

    Rounding:
        The exact sum, rounded once to the dtype of the input: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Integers wrap. Others conform as well: every result within `bounds`
        does, +0 for -0, and any NaN for NaN.

    Interface:
        max_unpool.R1  input has rank 4, and argmax its shape.
        max_unpool.R2  dtype of input: float16, bfloat16, float32, float64, or an integer of 8, 16, 32 or 64 bits,
                       signed or not; argmax is int32 or int64.
        max_unpool.R3  output_shape has 4 entries, int32 or int64, 0 to 2^31 - 1, and fewer than 2^60 elements.
        max_unpool.R4  The batch of output_shape is the input's.
        max_unpool.R5  Every index names a cell: from 0 to H*W*C - 1, or to N*H*W*C - 1 with include_batch_in_index,
                       which is True or False.

    Mathematics:
        max_unpool.R6  An index that comes twice gets the sum of its values.
        max_unpool.R7  Cells that no index names are zero.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: Zeiler, Taylor and Fergus, Adaptive deconvolutional networks, ICCV 2011 (switches); TensorFlow 2.21.0,
    tf.scatter_nd and core/kernels/maxpooling_op.cc (MaxPoolingGradWithArgmaxOp), which add.

    >>> max_unpool(np.float32([5]).reshape(1, 1, 1, 1), np.full((1, 1, 1, 1), 2), [1, 2, 2, 1])[0, :, :, 0]
    array([[0., 0.],
           [5., 0.]], dtype=float32)
    """
    return scattered(input, argmax, output_shape, include_batch_in_index).rounded()


def definition(
    input: Array, argmax: Array, output_shape: tuple[int, ...], include_batch_in_index: bool = False
) -> Array:
    """Add every value to the cell that its argmax names."""
    cells = np.zeros(prod(output_shape), input.dtype)
    for n, y, x, c in np.ndindex(input.shape):
        first = 0 if include_batch_in_index else n * prod(output_shape[1:])
        cells[first + argmax[n, y, x, c]] += input[n, y, x, c]
    return cells.reshape(output_shape)


def scattered(
    input: Array,
    argmax: Array,
    output_shape: Sequence[int] | Array,
    include_batch_in_index: bool = False,
) -> Scatter:
    """Check a call of max_unpool and return it as a sum."""
    values, argmax = read_array("max_unpool.R2", "input", input), read_array("max_unpool.R2", "argmax", argmax)
    check_rank("max_unpool.R1", "input", values.shape, 4)
    check_shape("max_unpool.R1", "argmax", argmax.shape, values.shape, "the input")
    check_dtype("max_unpool.R2", "input", values, DTYPES)
    check_dtype("max_unpool.R2", "argmax", argmax, ("int32", "int64"))
    shape = read_shape("max_unpool.R3", "output_shape", output_shape)
    if shape[0] != len(values):
        reason = f"output_shape {list(shape)} has batch {shape[0]}, the input has {len(values)}"
        raise SpecError("max_unpool.R4", reason, values={"output_shape": shape, "input.shape": values.shape})
    in_batch = read_flag("max_unpool.R5", "include_batch_in_index", include_batch_in_index)
    per_image = shape[1] * shape[2] * shape[3]
    cells = per_image * (shape[0] if in_batch else 1)
    outside = (argmax < 0) | (argmax >= cells)
    if outside.any():
        first = int(argmax[outside][0])
        reason = f"index {first} names no cell: output_shape {list(shape)} has 0 .. {cells - 1}"
        met = {"index": first, "output_shape": shape}
        raise SpecError("max_unpool.R5", reason, fault=Fault.INDEX, values=met)
    images = 0 if in_batch else np.arange(shape[0]).reshape(-1, 1, 1, 1) * per_image
    return Scatter(values, argmax.astype(np.int64) + images, shape)
