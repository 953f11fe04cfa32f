"""What the convolutions may give."""

from collections.abc import Callable

from conformance.cases.op import Arguments, Permits, Shown, Sum
from conformance.model import Array
from conformance.ops.sums import as_it_is, in_layout, named, sums
from reference.engine.exact import SumOfProducts
from reference.ops import depthwise_conv2d, depthwise_conv2d_backprop_filter, depthwise_conv2d_backprop_input
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward

__all__ = [
    "backward_sum",
    "conv2d_sum",
    "depthwise_filter_sum",
    "depthwise_input_sum",
    "depthwise_sum",
    "filter_gradient_sum",
    "of_backward",
    "of_filter_gradient",
    "of_forward",
]


def conv2d_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return conv2d as a sum; several leading axes are one batch."""
    call, lead = forward(**named(arguments)), arguments["input"].shape[:-3]
    shown = in_layout(call.geometry.layout)

    def with_lead(array: Array) -> Array:
        out = shown(array)
        return out.reshape(*lead, *out.shape[1:])

    return call, shown if len(lead) == 1 else with_lead


def depthwise_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return depthwise_conv2d as a sum."""
    call = depthwise_conv2d.forward(**named(arguments))
    return call, in_layout(call.geometry.layout)


def of_forward(op: str, add: Sum) -> Callable[[Arguments], Permits]:
    """conv2d and depthwise_conv2d: an empty output may be refused (common.R1)."""

    def of(arguments: Arguments) -> Permits:
        call, shown = add(arguments)
        return sums(call, shown, f"{op}.R9", empty=0 in call.shape[1:], padded=f"{op}.R10")

    return of


def backward_sum(op: str, shape_name: str, gradient: str) -> Sum:
    """Return what makes a sum of conv2d_transpose or conv2d_backprop_input; shape_name, gradient: their arguments."""

    def of(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
        others = {"padding": "SAME"} | named(arguments)  # as tf.nn has it
        call = backward(op, others.pop(shape_name), others.pop("filters"), others.pop(gradient), **others)
        return call, in_layout(call.geometry.layout)

    return of


def depthwise_input_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return depthwise_conv2d_backprop_input as a sum."""
    call = depthwise_conv2d_backprop_input.backward(**named(arguments))
    return call, in_layout(call.geometry.layout)


def of_backward(op: str, add: Sum) -> Callable[[Arguments], Permits]:
    """conv2d_transpose and the input gradients: an empty result may be refused (common.R1)."""

    def of(arguments: Arguments) -> Permits:
        call, shown = add(arguments)
        empty = 0 in call.shape or 0 in call.left.shape
        return sums(call, shown, f"{op}.R9", empty=empty, padded=f"{op}.R13")

    return of


def filter_gradient_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return conv2d_backprop_filter as a sum."""
    return filter_gradient(**named(arguments)), as_it_is


def depthwise_filter_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return depthwise_conv2d_backprop_filter as a sum."""
    call = depthwise_conv2d_backprop_filter.filter_gradient(**named(arguments))
    return call, lambda array: depthwise_conv2d.ungrouped(array, call.geometry.groups)


def of_filter_gradient(op: str, add: Sum) -> Callable[[Arguments], Permits]:
    """The filter gradients: an empty one may be refused (common.R1)."""

    def of(arguments: Arguments) -> Permits:
        call, shown = add(arguments)
        return sums(call, shown, f"{op}.R9", empty=0 in call.right.shape, padded=f"{op}.R12")

    return of
