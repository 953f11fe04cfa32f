"""bias_add."""

import numpy as np

from reference.checks import FLOATS, check_dtype, check_rank, check_same_dtype, check_shape
from reference.errors import SpecError, shown
from reference.floats import Array, one_nan
from reference.ops.max_pool import INTEGERS, UNSIGNED
from reference.reading import read_array

__all__ = ["DTYPES", "bias_add", "channels_second", "checked", "definition"]

DTYPES = (*FLOATS, *INTEGERS, *UNSIGNED)


def bias_add(
    value: Array,
    bias: Array,
    data_format: str | None = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Add to every channel of a tensor its bias.

        out[n, ..., c] = value[n, ..., c] + bias[c]

    Shapes:
        value [N, ..., C], bias [C] -> out [N, ..., C]. With data_format "NC...", such as "NCHW", channels come second:
        value [N, C, ...] -> out [N, C, ...].

    Rounding:
        The exact sum of the two numbers, rounded once to their dtype: to nearest, ties to even, gradually to zero,
        beyond the largest number to infinity. A sum that is exactly zero is +0. A NaN is the positive quiet one without
        payload. Integers wrap in two's complement. -0 for +0 and any NaN for NaN conform as well, and where subnormal
        numbers may count as zero, what that gives.

    Interface:
        bias_add.R1  value has rank 2 or more, and with "NC..." 3 or more; bias has rank 1.
        bias_add.R2  value and bias have one dtype: float16, bfloat16, float32, float64, int8, int16, int32, int64,
                     uint8, uint16, uint32 or uint64.
        bias_add.R3  data_format is text that begins with "NC", or begins with "N" and ends with "C", or None, which is
                     "N...C".
        bias_add.R4  bias has one element for every channel.

    Mathematics:
        bias_add.R5  NaN and infinity propagate as IEEE arithmetic has them: infinity less infinity is NaN.
        bias_add.R6  Integer sums wrap.
        bias_add.R7  A value without elements gives one of its shape.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (bias_add), core/kernels/bias_op.cc.

    >>> bias_add(np.float32([[1, 2], [3, 4]]), np.float32([10, 20])).tolist()
    [[11.0, 22.0], [13.0, 24.0]]
    """
    values, biases, axis = checked(value, bias, data_format)
    return definition(values, biases, axis)


def definition(value: Array, bias: Array, axis: int) -> Array:
    """Add along one axis; -0 becomes +0, and every NaN the positive one."""
    shape = [1] * value.ndim
    shape[axis] = len(bias)
    with np.errstate(over="ignore", invalid="ignore"):
        return one_nan(value + bias.reshape(shape) + np.zeros((), value.dtype))


def checked(value: Array, bias: Array, data_format: str | None) -> tuple[Array, Array, int]:
    """Check a call of bias_add; return its arrays, and the axis of the channels."""
    values, biases = read_array("bias_add.R2", "value", value), read_array("bias_add.R2", "bias", bias)
    second = channels_second("bias_add.R3", data_format)
    check_rank("bias_add.R1", "value", values.shape, 3 if second else 2, more=True)
    check_rank("bias_add.R1", "bias", biases.shape, 1)
    check_dtype("bias_add.R2", "value", values, DTYPES)
    check_same_dtype("bias_add.R2", ("value", values), ("bias", biases))
    axis = 1 if second else values.ndim - 1
    check_shape("bias_add.R4", "bias", biases.shape, (values.shape[axis],), "value")
    return values, biases, axis


def channels_second(rule: str, data_format: str | None) -> bool:
    """Return whether a layout has the channels second; otherwise they come last."""
    if data_format is None:
        return False
    if isinstance(data_format, str) and data_format.startswith("N"):
        if data_format.startswith("NC"):
            return True
        if data_format.endswith("C"):
            return False
    reason = f"data_format {shown(data_format)}: neither 'N...C' nor 'NC...'"
    raise SpecError(rule, reason, values={"data_format": data_format})
