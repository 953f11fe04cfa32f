"""max_pool_with_argmax."""

from math import isnan, prod
from operator import itemgetter
from typing import Any

import numpy as np

from reference.checks import (
    Size,
    check_dtype,
)
from reference.choices import TENSORFLOW, Alternative, Choices
from reference.engine.max_pool import first_largest
from reference.engine.pools import Pool
from reference.errors import SpecError, shown
from reference.floats import Array
from reference.ops.max_pool import DTYPES, UNSIGNED
from reference.ops.pools import pool
from reference.reading import read_array, read_flag
from reference.windows import Axis

__all__ = ["CHOICES", "definition", "indexed", "max_pool_with_argmax"]

CHOICES: Choices = {
    "max_pool_with_argmax.R11": (
        Alternative("dropped", "the largest of the numbers", (TENSORFLOW,), "core/kernels/maxpooling_op_gpu.cu.cc"),
        Alternative(
            "first",
            "NaN where it comes first in its window, else the largest of the numbers",
            (TENSORFLOW,),
            "core/kernels/maxpooling_op.cc: a NaN to start with is never smaller",
        ),
        Alternative("propagated", "NaN, and an index of one", ("PyTorch",), "ATen/native/cpu/MaxPoolKernel.cpp"),
    ),
}


def max_pool_with_argmax(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
    output_dtype: Any = "int64",  # noqa: ANN401 -- whatever np.dtype takes
    include_batch_in_index: bool = False,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> tuple[Array, Array]:
    """
    Take the largest element of every window, and where it stood.

        out[n, y, x, c] = max over (h, w) inside the image of input[n, y*sh + h - top, x*sw + w - left, c]
        argmax[n, y, x, c] = (Y*W + X)*C + c, plus n*H*W*C with include_batch_in_index

    where (Y, X) is the first cell of the window, in row-major order, that holds the largest element.

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: they never win. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + KH - H, 0) absent rows
        VALID     OH = ceil((H - KH + 1) / sh); top = 0

    Shapes:
        input [N, H, W, C] -> out [N, OH, OW, C], argmax [N, OH, OW, C] of output_dtype.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        None: out holds the elements that argmax names, +0 or -0 as it is. A NaN is the positive quiet one without
        payload. Others conform as well: either zero, and any NaN for NaN.

    Interface:
        max_pool_with_argmax.R1   input has rank 4 and is not empty.
        max_pool_with_argmax.R2   dtype: float16, bfloat16, float32, float64, or an integer of 8, 16, 32 or 64 bits,
                                  signed or not; output_dtype: int32 or int64.
        max_pool_with_argmax.R3   strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        max_pool_with_argmax.R4   ksize are integers from 1 to 2^31 - 1, 1 along batch and channels.
        max_pool_with_argmax.R5   padding is "SAME" or "VALID".
        max_pool_with_argmax.R6   data_format is "NHWC".
        max_pool_with_argmax.R7   There is no pooling between channels: ksize and strides along them are 1.
        max_pool_with_argmax.R8   The window is longer than the image by at most the stride.
        max_pool_with_argmax.R12  include_batch_in_index is True or False, and every index fits output_dtype.

    Mathematics:
        max_pool_with_argmax.R9   argmax counts cells of the image without its padding.
        max_pool_with_argmax.R10  Of equal elements the first in row-major order of the window is named; so -inf alone
                                  names the first cell.

    Choices:
        max_pool_with_argmax.R11  NaN is dropped where the window holds another value, and not named.

    A window of NaN alone gives NaN and names its first cell.

    R7: with ksize [1, 1, 1, k] TensorFlow's kernel does not pool. It gives the image itself, and every element's own
    index, in the image's shape, where its shape function says C / k channels; its test has that as a fault to be
    mended.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (max_pool_with_argmax_v2), core/kernels/maxpooling_op.cc.

    >>> values, where = max_pool_with_argmax(np.float32([[1, 9], [9, 3]]).reshape(1, 2, 2, 1), 2, 2, "VALID")
    >>> values.item(), where.item()
    (9.0, 1)
    """
    image, geometry, in_batch, index_dtype = indexed(
        input, ksize, strides, padding, data_format, output_dtype, include_batch_in_index
    )
    out, argmax = first_largest(image, geometry)
    if in_batch:
        argmax += np.arange(len(image)).reshape(-1, 1, 1, 1) * prod(image.shape[1:])
    return out, argmax.astype(index_dtype)


def indexed(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
    output_dtype: Any = "int64",  # noqa: ANN401 -- whatever np.dtype takes
    include_batch_in_index: bool = False,
) -> tuple[Array, Pool, bool, str]:
    """Check a call; return its image, its windows, whether indices count images, and the dtype of argmax."""
    op = "max_pool_with_argmax"
    image = read_array(f"{op}.R2", "input", input)
    check_dtype(f"{op}.R2", "input", image, (*DTYPES, *UNSIGNED))
    if not isinstance(data_format, str) or data_format != "NHWC":
        reason = f"data_format {shown(data_format)}: only 'NHWC'"
        raise SpecError(f"{op}.R6", reason, values={"data_format": data_format})
    index_dtype = _index_dtype(f"{op}.R2", output_dtype)
    in_batch = read_flag(f"{op}.R12", "include_batch_in_index", include_batch_in_index)
    image, geometry = pool(op, image, ksize, strides, padding, data_format)
    if 0 in image.shape:
        reason = f"input of shape {list(image.shape)} is empty"
        raise SpecError(f"{op}.R1", reason, values={"input.shape": image.shape})
    per_image = prod(image.shape[1:])
    largest_index = per_image * (len(image) if in_batch else 1) - 1
    if largest_index > np.iinfo(index_dtype).max:
        values = {"largest index": largest_index, "output_dtype": index_dtype}
        raise SpecError(f"{op}.R12", f"index {largest_index} does not fit {index_dtype}", values=values)
    return image, geometry, in_batch, index_dtype


def definition(input: Array, rows: Axis, columns: Axis, include_batch_in_index: bool = False) -> tuple[Array, Array]:
    """Take the largest that is no NaN, the first where several are, and its flat index."""
    _, high, wide, channels = input.shape
    out = np.empty((len(input), rows.out, columns.out, channels), input.dtype)
    argmax = np.empty(out.shape, np.int64)
    for n, y, x, c in np.ndindex(out.shape):
        window = [(input[n, Y, X, c], Y, X) for Y in rows.cells(y) for X in columns.cells(x)]
        numbers = [element for element in window if not isnan(element[0])]
        out[n, y, x, c], Y, X = max(numbers or window[:1], key=itemgetter(0))
        argmax[n, y, x, c] = (Y * wide + X) * channels + c + include_batch_in_index * n * high * wide * channels
    return out, argmax


def _index_dtype(rule: str, given: Any) -> str:  # noqa: ANN401 -- whatever the caller was given
    """Read the dtype of argmax: anything that names int32 or int64."""
    try:
        name = getattr(given, "name", None) or getattr(given, "__name__", given)
    except Exception:  # noqa: BLE001 -- another library's object answers as it likes
        name = None
    if not isinstance(name, str) or name not in ("int32", "int64"):
        reason = f"output_dtype {shown(given)}: neither int32 nor int64"
        raise SpecError(rule, reason, values={"output_dtype": given})
    return str(name)
