"""The convolutions as layers of a network, and their gradients at such layers."""

from conformance.cases.network import WHOLE, Arguments, AtLayer, Call, Inputs, Layer, LayerKind, Results, Runner, Step
from conformance.model import Array
from conformance.ops.layers import bound_of_sum, describe_window, steps_and_padding
from reference import arithmetic
from reference.arithmetic import Counts, Filters, Image, Pair
from reference.engine.precision import Arithmetic
from reference.ops.conv2d import forward
from reference.ops.conv2d_transpose import backward

__all__ = [
    "CONVOLUTION",
    "FILTER_GRADIENT",
    "INPUT_GRADIENT",
    "TRANSPOSED_FILTER_GRADIENT",
    "TRANSPOSED_INPUT_GRADIENT",
    "TRANSPOSITION",
]


def window(layer: Layer, image: Image) -> Pair:
    """Return the window of a layer: that of the image where it is fully connected."""
    return image[:2] if layer.taps == WHOLE else layer.taps


def filters(layer: Layer, image: Image) -> Filters:
    """Return the shape of a convolution's filters: FH, FW, FI, O."""
    return (*window(layer, image), image[2], layer.outputs)


def transposed_filters(layer: Layer, image: Image) -> Filters:
    """Return the shape of a transposed convolution's filters: FH, FW, O, I."""
    return (*window(layer, image), layer.outputs, image[2])


def count(layer: Layer, image: Image) -> Counts:
    """Count a convolution."""
    return arithmetic.convolution(
        image, filters(layer, image), strides=layer.strides, padding=layer.padding, bias=layer.bias
    )


def count_transposed(layer: Layer, image: Image) -> Counts:
    """Count a transposed convolution."""
    shape = transposed_filters(layer, image)
    return arithmetic.transposed_convolution(
        image, shape, layer.size, strides=layer.strides, padding=layer.padding, bias=layer.bias
    )


def call(layer: Layer, inputs: Inputs) -> Call:
    """Call conv2d."""
    return {"input": inputs.image, "filters": inputs.filters, **steps_and_padding(layer)}


def call_transposed(layer: Layer, inputs: Inputs) -> Call:
    """Call conv2d_transpose."""
    shape = [len(inputs.image), *layer.size, layer.outputs]
    return {"input": inputs.image, "filters": inputs.filters, "output_shape": shape, **steps_and_padding(layer)}


def bound(step: Step, _other: Step, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through conv2d."""
    return bound_of_sum(forward(**step.arguments), before, arithmetic)


def bound_transposed(step: Step, _other: Step, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through conv2d_transpose."""
    rest = dict(step.arguments)
    shape, weights, image = (rest.pop(name) for name in ("output_shape", "filters", "input"))
    return bound_of_sum(backward("conv2d_transpose", shape, weights, image, **rest), before, arithmetic)


def back(layer: Layer, size: Pair, channels: int) -> Layer:
    """Return the transposed convolution with the same filters, after relu."""
    return Layer(
        name=f"de{layer.name}",
        op="conv2d_transpose",
        taps=layer.taps,
        outputs=channels,
        strides=layer.strides,
        padding=layer.padding,
        size=size,
        bias=False,
        activation="relu",
        first=True,
        shares=layer.name,
    )


def call_filter_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call conv2d_backprop_filter."""
    rest = dict(arguments)
    return {"filter_sizes": list(rest.pop("filters").shape), "out_backprop": gradient, **rest}


def call_input_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call conv2d_backprop_input, or that of depthwise_conv2d."""
    rest = dict(arguments)
    return {"input_sizes": list(rest.pop("input").shape), "out_backprop": gradient, **rest}


def call_transposed_input_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call conv2d, of which conv2d_transpose is the transpose."""
    rest = {name: value for name, value in arguments.items() if name != "output_shape"}
    return {**rest, "input": gradient}


def call_transposed_filter_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call conv2d_backprop_filter, of that convolution."""
    rest = {name: value for name, value in arguments.items() if name != "output_shape"}
    return {
        "filter_sizes": list(rest.pop("filters").shape),
        "out_backprop": rest.pop("input"),
        "input": gradient,
        **rest,
    }


CONVOLUTION = LayerKind(count=count, filters=filters, call=call, bound=bound, back=back, described=describe_window)
TRANSPOSITION = LayerKind(
    count=count_transposed,
    filters=transposed_filters,
    call=call_transposed,
    bound=bound_transposed,
    described=describe_window,
)
FILTER_GRADIENT = AtLayer(call=call_filter_gradient, gradient=True)
INPUT_GRADIENT = AtLayer(call=call_input_gradient, gradient=True)
TRANSPOSED_FILTER_GRADIENT = AtLayer(call=call_transposed_filter_gradient, gradient=True)
TRANSPOSED_INPUT_GRADIENT = AtLayer(call=call_transposed_input_gradient, gradient=True)
