"""What the convolutions may give."""

from collections.abc import Callable

from conformance.cases.op import Arguments, Permits, Sum
from conformance.ops.sums import named, sums
from reference.engine.exact import SumOfProducts
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward

__all__ = ["backward_sum", "conv2d_sum", "filter_gradient_sum", "of_backward", "of_conv2d", "of_filter_gradient"]


def conv2d_sum(arguments: Arguments) -> tuple[SumOfProducts, str]:
    """Return conv2d as a sum; several leading axes are one batch."""
    call = forward(**named(arguments))
    return call, call.geometry.layout


def of_conv2d(arguments: Arguments) -> Permits:
    """conv2d: open are the refusal of an empty output (R9) and of no filters (R13)."""
    call, layout = conv2d_sum(arguments)
    lead = arguments["input"].shape[:-3]
    several = lead if len(lead) > 1 else None
    return sums(call, layout, "conv2d.R9", empty=0 in call.shape[1:], lead=several)


def backward_sum(op: str, shape_name: str, gradient: str) -> Sum:
    """Return what makes a sum of conv2d_transpose or conv2d_backprop_input; shape_name, gradient: their arguments."""

    def of(arguments: Arguments) -> tuple[SumOfProducts, str]:
        others = {"padding": "SAME"} | named(arguments)  # as tf.nn has it
        call = backward(op, others.pop(shape_name), others.pop("filters"), others.pop(gradient), **others)
        return call, call.geometry.layout

    return of


def of_backward(op: str, add: Sum) -> Callable[[Arguments], Permits]:
    """conv2d_transpose and conv2d_backprop_input: open is the refusal of an empty result (R9)."""

    def of(arguments: Arguments) -> Permits:
        call, layout = add(arguments)
        return sums(call, layout, f"{op}.R9", empty=0 in call.shape or 0 in call.left.shape)

    return of


def filter_gradient_sum(arguments: Arguments) -> tuple[SumOfProducts, str]:
    """Return conv2d_backprop_filter as a sum; its result, filters, has no other layout."""
    return filter_gradient(**named(arguments)), "NHWC"


def of_filter_gradient(arguments: Arguments) -> Permits:
    """conv2d_backprop_filter: open is the refusal of an empty gradient (R9)."""
    call, layout = filter_gradient_sum(arguments)
    return sums(call, layout, "conv2d_backprop_filter.R9", empty=0 in call.right.shape)
