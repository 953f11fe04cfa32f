"""The ops that add: their calls, checked, as sums of products of the reference."""

from typing import Any, TypeAlias

from conformance.cases.op import Shown
from conformance.ops import OPS
from conformance.selftest.mutation.calls import Call
from reference.engine.avg_pool import Average, Spread
from reference.engine.conv2d import FilterGradient, Forward
from reference.engine.conv2d_transpose import Backward
from reference.engine.unpool import Scatter

__all__ = ["CONVOLUTIONS", "CROSSING", "SUMS", "Convolution", "Sum", "convolution", "scatter_of", "sum_of", "terms"]

Convolution: TypeAlias = Forward | Backward | FilterGradient
Sum: TypeAlias = Convolution | Average | Spread | Scatter
SUMS = tuple(name for name, op in OPS.items() if op.sum)
CONVOLUTIONS = tuple(name for name, op in OPS.items() if op.transforms)
CROSSING = tuple(name for name in CONVOLUTIONS if "int32" in OPS[name].dtypes)  # channels: the others are depthwise


def sum_of(call: Call) -> tuple[Any, Shown]:
    """Return a call as a sum of products, one of `Sum`, and how its result is laid out."""
    add = OPS[call.op].sum
    if add is None:
        raise TypeError(f"{call.op} adds nothing up")
    return add(call.arguments)


def convolution(call: Call) -> Convolution:
    """Return a call of a convolution, its transpose or a gradient of it, as a sum of products."""
    found, _ = sum_of(call)
    if not isinstance(found, Forward | Backward | FilterGradient):
        raise TypeError(f"{call.op} is no convolution")
    return found


def scatter_of(call: Call) -> tuple[Scatter, Shown]:
    """Return a call that adds values at indices as a sum, and how its result is laid out."""
    found, shown = sum_of(call)
    if not isinstance(found, Scatter):
        raise TypeError(f"{call.op} adds nothing at indices")
    return found, shown


def terms(call: Call) -> int:
    """Return the products of an output element, at most."""
    return convolution(call).terms_per_element
