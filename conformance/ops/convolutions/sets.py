"""What the convolutions may give."""

from collections.abc import Callable
from typing import Any

from conformance.cases.op import Arguments, Permits
from conformance.ops.sums import named, sums
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward

__all__ = ["of_backward", "of_conv2d", "of_filter_gradient"]


def of_conv2d(arguments: Arguments) -> Permits:
    """conv2d: open are the refusal of an empty output (R9) and of no filters (R13)."""
    call = forward(**named(arguments))
    lead = arguments["input"].shape[:-3]
    several = lead if len(lead) > 1 else None
    return sums(call, call.geometry.layout, "conv2d.R9", empty=0 in call.shape[1:], lead=several)


def of_backward(op: str, shape_name: str, gradient: str) -> Callable[[Arguments], Permits]:
    """conv2d_transpose and conv2d_backprop_input."""

    def of(arguments: Arguments) -> Permits:
        given = named(arguments)
        call = backward(op, given.pop(shape_name), given.pop("filters"), given.pop(gradient), **with_padding(given))
        return sums(call, call.geometry.layout, f"{op}.R9", empty=0 in call.shape or 0 in call.left.shape)

    return of


def with_padding(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with tf.nn's default padding."""
    return {"padding": "SAME"} | given


def of_filter_gradient(arguments: Arguments) -> Permits:
    """conv2d_backprop_filter."""
    call = filter_gradient(**named(arguments))
    return sums(call, "NHWC", "conv2d_backprop_filter.R9", empty=0 in call.right.shape)
