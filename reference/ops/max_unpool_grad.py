"""The gradient of max_unpool."""

from math import prod

import numpy as np

from reference.checks import check_dtype, check_rank
from reference.errors import Fault, SpecError
from reference.floats import Array, one_nan
from reference.ops.max_unpool import DTYPES
from reference.reading import read_array, read_flag

__all__ = ["definition", "max_unpool_grad"]


def max_unpool_grad(grad: Array, argmax: Array, include_batch_in_index: bool = False) -> Array:
    """
    Return the gradient of max_unpool with respect to its input: what stands where each argmax says.

        out[n, y, x, c] = grad[b, Y, X, k], the cell that argmax[n, y, x, c] names

    argmax names cell (Y, X, k) of image n as (Y*W + X)*C + k, and with include_batch_in_index cell (b, Y, X, k) as
    ((b*H + Y)*W + X)*C + k, as max_pool_with_argmax does. Where an index comes twice, each copy gets the gradient,
    since max_unpool adds both values there.

    Shapes:
        grad [N, H, W, C], argmax [N, OH, OW, K] -> out [N, OH, OW, K].

    Rounding:
        None: out holds elements of grad, bit for bit, but a NaN is the positive quiet one without payload. A subnormal
        number may count as zero.

    Interface:
        max_unpool_grad.R1  grad and argmax have rank 4.
        max_unpool_grad.R2  dtype of grad: float16, bfloat16, float32, float64, or an integer of 8, 16, 32 or 64 bits,
                            signed or not; argmax is int32 or int64.
        max_unpool_grad.R3  The batch of argmax is that of grad.
        max_unpool_grad.R4  Every index names a cell: from 0 to H*W*C - 1, or to N*H*W*C - 1 with
                            include_batch_in_index, which is True or False.

    Mathematics:
        max_unpool_grad.R5  Each copy of an index gets what stands there.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/array_grad.py (_ScatterNdGrad), the gradient of tf.scatter_nd.

    >>> slopes = np.float32([[5, 6], [7, 8]]).reshape(1, 2, 2, 1)
    >>> max_unpool_grad(slopes, np.array([2, 2]).reshape(1, 1, 2, 1)).ravel()
    array([7., 7.], dtype=float32)
    """
    op = "max_unpool_grad"
    slopes, where = read_array(f"{op}.R2", "grad", grad), read_array(f"{op}.R2", "argmax", argmax)
    check_rank(f"{op}.R1", "grad", slopes.shape, 4)
    check_rank(f"{op}.R1", "argmax", where.shape, 4)
    check_dtype(f"{op}.R2", "grad", slopes, DTYPES)
    check_dtype(f"{op}.R2", "argmax", where, ("int32", "int64"))
    if len(where) != len(slopes):
        values = {"grad.shape": slopes.shape, "argmax.shape": where.shape}
        raise SpecError(f"{op}.R3", f"argmax has batch {len(where)}, grad has {len(slopes)}", values=values)
    in_batch = read_flag(f"{op}.R4", "include_batch_in_index", include_batch_in_index)
    cells = slopes.size if in_batch else prod(slopes.shape[1:])
    outside = (where < 0) | (where >= cells)
    if outside.any():
        first = int(where[outside][0])
        met = {"index": first, "grad.shape": slopes.shape}
        raise SpecError(f"{op}.R4", f"index {first} names no cell of 0 .. {cells - 1}", fault=Fault.INDEX, values=met)
    return definition(slopes, where.astype(np.int64), in_batch)


def definition(grad: Array, argmax: Array, include_batch_in_index: bool = False) -> Array:
    """Take the element that each index names."""
    per_image = 0 if include_batch_in_index else prod(grad.shape[1:])
    images = np.arange(len(argmax)).reshape(-1, 1, 1, 1) * per_image
    return one_nan(grad.reshape(-1)[argmax + images])
