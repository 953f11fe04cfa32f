"""The gradient of bias_add with respect to the bias."""

import numpy as np

from reference.checks import check_dtype, check_layout, check_rank
from reference.engine.unpool import Scatter
from reference.floats import Array
from reference.ops.bias_add import DTYPES
from reference.reading import read_array

__all__ = ["bias_add_grad", "definition", "totals"]


def bias_add_grad(
    out_backprop: Array,
    data_format: str | None = "NHWC",
    name: str | None = None,  # noqa: ARG001 -- TensorFlow has it
) -> Array:
    """
    Return the gradient of bias_add with respect to the bias: what is in each channel, added up.

        out[c] = sum over all n, ... of out_backprop[n, ..., c]

    Shapes:
        out_backprop [N, ..., C] -> out [C]. With data_format "NCHW" channels come second: [N, C, ...] -> [C].

    Rounding:
        The exact sum, rounded once to its dtype: to nearest, ties to even, gradually to zero, beyond the largest number
        to infinity. A sum that is exactly zero is +0. A NaN is the positive quiet one without payload. Integers wrap in
        two's complement. Others conform as well: every result within `bounds` does, +0 for -0, and any NaN for NaN; n
        counts the elements of a channel, and 16-bit dtypes are added in float32 at least.

    Interface:
        bias_add_grad.R1  out_backprop has rank 2 or more, and with "NCHW" 3 or more.
        bias_add_grad.R2  Its dtype is float16, bfloat16, float32, float64, int8, int16, int32, int64, uint8, uint16,
                          uint32 or uint64.
        bias_add_grad.R3  data_format is "NHWC", "NCHW" or None, which is "NHWC".

    Mathematics:
        bias_add_grad.R4  NaN and infinity propagate as IEEE arithmetic has them, in their channel alone.
        bias_add_grad.R5  Integer sums wrap.
        bias_add_grad.R6  No elements add up to zero.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, core/kernels/bias_op.cc (BiasGradOp), python/ops/nn_grad.py (_BiasAddGrad).

    >>> bias_add_grad(np.float32([[1, 2], [3, 4]])).tolist()
    [4.0, 6.0]
    """
    return totals(out_backprop, data_format).rounded()


def definition(out_backprop: Array, axis: int) -> Array:
    """Add up what lies along one axis."""
    out = np.zeros(out_backprop.shape[axis], out_backprop.dtype)
    for index in np.ndindex(out_backprop.shape):
        out[index[axis]] += out_backprop[index]
    return out


def totals(out_backprop: Array, data_format: str | None = "NHWC") -> Scatter:
    """Check a call of bias_add_grad and return it as a sum of the elements of each channel."""
    op = "bias_add_grad"
    gradient = read_array(f"{op}.R2", "out_backprop", out_backprop)
    second = check_layout(f"{op}.R3", data_format) == "NCHW"
    check_rank(f"{op}.R1", "out_backprop", gradient.shape, 3 if second else 2, more=True)
    check_dtype(f"{op}.R2", "out_backprop", gradient, DTYPES)
    axis = 1 if second else gradient.ndim - 1
    return Scatter(gradient, channels(gradient.shape, axis), (gradient.shape[axis],))


def channels(shape: tuple[int, ...], axis: int) -> Array:
    """
    Return the channel of every element.

    >>> channels((2, 3), 1).tolist()
    [[0, 1, 2], [0, 1, 2]]
    """
    return np.broadcast_to(np.arange(shape[axis]).reshape(-1, *(1 for _ in shape[axis + 1 :])), shape)
