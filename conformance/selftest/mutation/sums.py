"""The ops that add: their calls, checked, as sums of products of the reference."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from conformance.selftest.mutation.calls import Call
from reference.engine.avg_pool import Average, Spread
from reference.engine.conv2d import FilterGradient, Forward
from reference.engine.conv2d_transpose import Backward
from reference.engine.unpool import Scatter
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward
from reference.ops.max_pool_grad import credited
from reference.ops.max_unpool import scattered
from reference.ops.pools import spread

__all__ = ["CONVOLUTIONS", "SUMS", "Convolution", "Sum", "convolution", "scatter_of", "sum_of", "terms"]

Convolution: TypeAlias = Forward | Backward | FilterGradient
Sum: TypeAlias = Convolution | Average | Spread | Scatter
Given: TypeAlias = dict[str, Any]
PADDED: Given = {"padding": "SAME"}  # tf.nn's default


def transposing(op: str, shape: str, image: str) -> Callable[[Given], Backward]:
    """Return what reads a call of a transposed convolution, whose output shape and image have these names."""
    return lambda given: backward(op, given.pop(shape), given.pop("filters"), given.pop(image), **PADDED | given)


def spreading(op: str, shape: str, values: str) -> Callable[[Given], Spread]:
    """Return what reads a call that leads back through an average pool."""
    return lambda given: spread(op, given.pop(shape), given.pop(values), **given)


# What reads a call's arguments; with the layout of its result where that is not in the sum.
READERS: Mapping[str, Callable[[Given], Sum | tuple[Scatter, str]]] = {
    "conv2d": lambda given: forward(**PADDED | given),
    "conv2d_transpose": transposing("conv2d_transpose", "output_shape", "input"),
    "conv2d_backprop_input": transposing("conv2d_backprop_input", "input_sizes", "out_backprop"),
    "conv2d_backprop_filter": lambda given: filter_gradient(**PADDED | given),
    "avg_pool": lambda given: average(**given),
    "avg_pool_grad": spreading("avg_pool_grad", "orig_input_shape", "grad"),
    "avg_unpool": spreading("avg_unpool", "output_shape", "input"),
    "max_unpool": lambda given: (scattered(**given), "NHWC"),
    "max_pool_grad": lambda given: credited(**given),
}
SUMS = tuple(READERS)
CONVOLUTIONS = SUMS[:4]


def sum_of(call: Call) -> tuple[Sum, str]:
    """Return a call as a sum of products, and the layout of its result."""
    found = READERS[call.op]({name: value for name, value in call.arguments.items() if name != "name"})
    if isinstance(found, tuple):
        return found
    # The result of a filter gradient is no image.
    return found, "NHWC" if isinstance(found, FilterGradient | Scatter) else found.geometry.layout


def convolution(call: Call) -> Convolution:
    """Return a call of a convolution, its transpose or a gradient of it, as a sum of products."""
    found, _ = sum_of(call)
    if not isinstance(found, Forward | Backward | FilterGradient):
        raise TypeError(f"{call.op} is no convolution")
    return found


def scatter_of(call: Call) -> tuple[Scatter, str]:
    """Return a call that adds values at indices as a sum, and the layout of its result."""
    found, layout = sum_of(call)
    if not isinstance(found, Scatter):
        raise TypeError(f"{call.op} adds nothing at indices")
    return found, layout


def terms(call: Call) -> int:
    """Return the products of an output element, at most."""
    return convolution(call).terms_per_element
