"""A case as it stands in the store, read as a call: its geometry, and the products in one element of its result."""

from collections.abc import Mapping
from typing import Any

from conformance.cases import conv2d, pools
from conformance.model import ArraySpec, Case
from reference.errors import SpecError
from reference.geometry import Geometry, geometry

__all__ = ["geometry_of", "terms"]

# The op that each op's windows are those of.
FORWARD = {
    "conv2d": "conv2d",
    "conv2d_transpose": "conv2d_transpose",
    "conv2d_backprop_input": "conv2d_transpose",
    "conv2d_backprop_filter": "conv2d",
    "max_pool": "max_pool",
    "max_pool_with_argmax": "max_pool_with_argmax",
    "max_pool_grad": "max_pool",
    "avg_pool": "avg_pool",
    "avg_pool_grad": "avg_pool",
    "avg_unpool": "avg_pool",
}
# What reading may meet in an invalid call, or in the run of a suite that spells its cases in another way.
UNREADABLE = (ArithmeticError, LookupError, TypeError, ValueError, StopIteration, SpecError)


def terms(content: Mapping[str, Any]) -> int:
    """Return the products in one output element, at most; 0 where the case does not say."""
    try:
        return int(_windows(content).terms)
    except UNREADABLE:
        return 0


def geometry_of(content: Mapping[str, Any]) -> Geometry | None:
    """Return what the call's windows slide over; None for an op without windows and for a call that has none."""
    try:
        laid = _windows(content)
        rows, columns = laid.rows, laid.columns
        ends = ((rows.before, rows.after), (columns.before, columns.after))
        op, image, result = FORWARD[content["op"]], (rows.size, columns.size), (rows.out, columns.out)
        transposed = op == "conv2d_transpose"
        return geometry(
            op,
            input=result if transposed else image,
            filters=(rows.taps, columns.taps),
            strides=(rows.stride, columns.stride),
            padding=ends if laid.padding == "EXPLICIT" else laid.padding,
            dilations=(rows.dilation, columns.dilation),
            output=image if transposed else result,
        )
    except UNREADABLE:
        return None


def _windows(content: Mapping[str, Any]) -> conv2d.Convolution | pools.Pool:
    """Return the forward convolution or pool behind a call."""
    arrays = {name: ArraySpec(tuple(entry["shape"]), entry["dtype"]) for name, entry in content["arrays"].items()}
    case = Case(**{**content, "arrays": arrays})
    if case.op not in FORWARD or case.breaks:
        raise ValueError(f"{case.op}, {case.breaks}: no windows")
    return conv2d.read(case) if case.op.startswith("conv2d") else pools.read(case)
