"""depthwise_conv2d as a layer of a network, and its gradients at such layers."""

from conformance.cases.network import Arguments, AtLayer, Call, Inputs, Layer, LayerKind, Results, Runner, Step
from conformance.model import Array
from conformance.ops.layers import bound_of_sum, describe_window, steps_and_padding
from reference import arithmetic
from reference.arithmetic import Counts, Filters, Image
from reference.engine.precision import Arithmetic
from reference.ops.depthwise_conv2d import forward, grouped

__all__ = ["DEPTHWISE", "FILTER_GRADIENT"]


def filters(layer: Layer, image: Image) -> Filters:
    """Return the shape of the filters: FH, FW, C, M."""
    return (*layer.taps, image[2], layer.outputs // image[2])


def count(layer: Layer, image: Image) -> Counts:
    """Count a depthwise convolution, as one whose groups are the channels."""
    shape = grouped(filters(layer, image))
    return arithmetic.convolution(image, shape, strides=layer.strides, padding=layer.padding, bias=layer.bias)


def call(layer: Layer, inputs: Inputs) -> Call:
    """Call depthwise_conv2d."""
    placed = steps_and_padding(layer)
    return {"input": inputs.image, "filter": inputs.filters, **placed, "strides": [1, *layer.strides, 1]}


def bound(step: Step, _other: Step, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through depthwise_conv2d."""
    return bound_of_sum(forward(**step.arguments), before, arithmetic)


def call_filter_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call depthwise_conv2d_backprop_filter."""
    rest = dict(arguments)
    return {"filter_sizes": list(rest.pop("filter").shape), "out_backprop": gradient, **rest}


DEPTHWISE = LayerKind(count=count, filters=filters, call=call, bound=bound, described=describe_window)
FILTER_GRADIENT = AtLayer(call=call_filter_gradient, gradient=True)
