"""Faults of the call itself: what it takes and refuses, shape and dtype of what it gives, what it remembers."""

from collections.abc import Callable

import numpy as np

from conformance.model import Array
from conformance.ops import OPS
from conformance.selftest.mutation.calls import Call, Fault, after
from conformance.selftest.mutation.dropouts import counted
from conformance.selftest.mutation.faults import afresh, refusing, stale
from conformance.selftest.mutation.geometric import POOLS, nchw
from conformance.selftest.mutation.sums import CONVOLUTIONS, CROSSING, convolution
from conformance.selftest.mutation.variants import Variant, variants

__all__ = ["TABLE"]

EVERY = tuple(OPS)
# max_pool_with_argmax refuses an empty image.
MAY_BE_EMPTY = (
    *CONVOLUTIONS,
    *POOLS,
    "bias_add",
    "max_unpool",
    "max_unpool_grad",
    "dropout",
    "stateless_dropout",
    "dropout_grad",
)
SEEDED = ("conv2d", "conv2d_transpose", "max_pool", "avg_pool", "max_unpool", "dropout_grad")


def in_float64(_call: Call, result: Array) -> Array:
    """Return float64."""
    return result.astype(np.float64)


def squeezed(_call: Call, result: Array) -> Array:
    """Leave a batch, or another first axis, of one out."""
    return result[0] if result.ndim and result.shape[0] == 1 else result


def flat_when_empty(_call: Call, result: Array) -> Array:
    """Give an empty result one axis."""
    return result.reshape(-1) if result.size == 0 else result


def mutating(call: Call) -> object:
    """Write the first array's absolute values into it."""
    result = call.run()
    np.abs(call.first, out=call.first) if call.first.dtype.kind != "V" else call.first.fill(0)
    return result


def noisy_buffer() -> Fault:
    """Return a fault that adds up in a buffer that it never clears, every seventh call."""
    calls: list[Array] = []

    def fault(call: Call) -> object:
        result = call.run()
        calls.append(result)
        old = calls[-2] if len(calls) > 1 else None
        if len(calls) % 7 or old is None or old.shape != result.shape or old.dtype != result.dtype:
            return result
        return result + old

    return fault


def remembering(make: Callable[[], Fault], name: str, about: str, *ops: str) -> Variant:
    """Return the row of a fault that remembers."""
    return Variant(name=name, about=about, ops=ops, fault=make)


def empty(call: Call) -> bool:
    """Return whether a batch is empty."""
    return 0 in call.first.shape[:1]


def strides_none(call: Call) -> bool:
    """Return whether strides are None."""
    return call.arguments.get("strides") is None


def four(name: str) -> Callable[[Call], bool]:
    """Return whether an attribute is spelt with four numbers."""
    return lambda call: isinstance(call.arguments.get(name), list) and len(call.arguments[name]) == 4


def array_shape(call: Call) -> bool:
    """Return whether a shape is given as an array."""
    names = ("output_shape", "input_sizes", "filter_sizes", "orig_input_shape")
    return any(isinstance(call.arguments.get(name), np.ndarray) for name in names)


TABLE: list[Variant] = [
    *variants(
        EVERY,
        ("gives float64", "the result is float64, whatever the input", after(in_float64)),
        ("gives one image without its batch", "a batch of one is left out", after(squeezed)),
        ("writes into its input", "the input changes", mutating),
        ("refuses float64", "float64 refused", refusing(lambda call: call.dtype == "float64", "float64")),
        ("refuses bfloat16", "bfloat16 refused", refusing(lambda call: call.dtype == "bfloat16", "bfloat16")),
    ),
    *variants(
        MAY_BE_EMPTY,
        ("empty results flat", "an empty result has one axis", after(flat_when_empty)),
    ),
    *variants(
        (*CONVOLUTIONS, *POOLS),
        ("NCHW gives NHWC", "the result's channels last in NCHW",
         after(lambda call, y: np.moveaxis(y, 1, 3) if nchw(call) and y.ndim == 4 else y)),
        ("refuses NCHW", "NCHW refused", refusing(nchw, "NCHW")),
        ("refuses four strides", "strides of four numbers refused", refusing(four("strides"), "four")),
        ("refuses far strides", "strides past 100 refused",
         refusing(lambda call: max(call.pair("strides")) > 100, "far")),
    ),
    *variants(
        (*CROSSING, *POOLS),
        ("refuses strides None", "strides None refused", refusing(strides_none, "None")),
    ),
    *variants(CROSSING, ("refuses int32", "int32 refused", refusing(lambda call: call.dtype == "int32", "int32"))),
    *variants(
        CONVOLUTIONS,
        ("refuses groups", "groups refused",
         refusing(lambda call: convolution(call).geometry.groups > 1, "groups")),
        ("refuses dilations", "dilations refused", refusing(lambda call: max(call.pair("dilations")) > 1, "dilated")),
        ("refuses explicit padding", "four pairs refused", refusing(lambda call: call.explicit, "explicit")),
        ("refuses windows past the image", "a window longer than the padded image refused",
         refusing(lambda call: any(axis.reach > axis.size and axis.out > 0 for axis in (
             convolution(call).geometry.rows, convolution(call).geometry.columns)), "long")),
    ),
    *variants(
        ["conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter", "avg_pool_grad", "avg_unpool"],
        ("refuses shapes in arrays", "a shape given as an array refused", refusing(array_shape, "array")),
    ),
    *variants(
        ["conv2d_transpose", "conv2d_backprop_input"],
        ("refuses height and width alone", "a shape of two entries refused",
         refusing(lambda call: any(np.ndim(call.arguments.get(name, 0)) and len(call.arguments[name]) == 2
                                   for name in ("output_shape", "input_sizes")), "two")),
    ),
    *variants(
        ["conv2d"],
        ("refuses an empty batch", "a batch of none refused", refusing(empty, "empty")),
        ("refuses two batches", "leading axes refused", refusing(lambda call: call.first.ndim > 4, "rank")),
    ),
    *variants(
        ["max_pool"],
        ("refuses channels", "pooling between channels refused",
         refusing(lambda call: four("ksize")(call) and call.arguments["ksize"][3] > 1 and not nchw(call), "channels")),
        ("refuses uint16", "uint16 refused", refusing(lambda call: call.dtype == "uint16", "uint16")),
    ),
    *variants(
        ["max_pool_with_argmax"],
        ("refuses uint64", "uint64 refused", refusing(lambda call: call.dtype == "uint64", "uint64")),
        ("refuses int32 indices", "output_dtype int32 refused",
         refusing(lambda call: call.arguments.get("output_dtype") == "int32", "int32")),
    ),
    *variants(
        ["dropout", "stateless_dropout", "dropout_grad"],
        ("refuses rate 0", "rate 0 refused", refusing(lambda call: float(call.arguments["rate"]) == 0, "rate")),
        ("refuses rates in tensors", "a rate that is an array refused",
         refusing(lambda call: isinstance(call.arguments["rate"], np.ndarray), "tensor")),
        ("refuses scalars", "rank 0 refused", refusing(lambda call: call.first.ndim == 0, "rank")),
    ),
    remembering(afresh(), "result of the call before", "the last result for the same shapes", *SEEDED),
    remembering(stale(), "filters of the call before", "filters of the same shape packed once",
                "conv2d", "conv2d_transpose", "conv2d_backprop_input", "depthwise_conv2d",
                "depthwise_conv2d_backprop_input"),
    remembering(noisy_buffer, "buffer not cleared", "every seventh call adds to the result before", *SEEDED),
    Variant(name="own numbers, another mask at every call", about="the seed does not decide",
            ops=("stateless_dropout",), fault=counted, own_masks=True),
]  # fmt: skip
