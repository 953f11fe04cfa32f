"""
Kinds of layers: what the suite knows of each op as a layer of a network, one record an op.

How a layer is counted (`reference.arithmetic` says what: connections to padding are none), which call it makes, how far
two conforming runs of it may be apart, which ops give its gradient, and which layer leads back through it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from conformance.model import Array
from conformance.networks import bounding
from conformance.networks.layers import WHOLE, Layer
from conformance.networks.steps import Arguments, Inputs, Runner
from reference import arithmetic
from reference.arithmetic import Filters, Image, Pair

__all__ = ["KINDS", "Gradient", "LayerKind"]

Call: TypeAlias = dict[str, Any]  # arguments, as tf.nn takes them
Results: TypeAlias = Callable[[], tuple[Array, ...]]  # of an op, computed where they are asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """
    One gradient op of a layer.

    Its call is made of the arguments of the layer's own op, its results, the gradient with respect to the first one,
    and a runner, which may be asked for more.
    """

    op: str
    call: Callable[[Arguments, Results, Array, Runner], Call]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerKind:
    """Layers of one op."""

    layer: str  # as `Layer.op` names it
    op: str  # that computes the layer
    count: Callable[[Layer, Image], arithmetic.Counts]
    filters: Callable[[Layer, Image], Filters | None] = lambda _layer, _image: None  # their shape
    call: Callable[[Layer, Inputs], Call]
    bound: bounding.Bound
    gradients: tuple[Gradient, ...] = ()  # that of the filters, where there are any, first; that of the input last
    back: Callable[[Layer, Pair, int], Layer] | None = None  # leads back to an image of this size and channels
    described: Callable[[Layer, Pair], str]  # in words; the pair is its window
    random: bool = False  # whether it draws by a seed
    gives_argmax: bool = False  # as its second result


# Shapes and counts.


def window(layer: Layer, image: Image) -> Pair:
    """Return the window of a layer: that of the image where it is fully connected."""
    return image[:2] if layer.taps == WHOLE else layer.taps


def filters(layer: Layer, image: Image) -> Filters:
    """Return the shape of a convolution's filters: FH, FW, FI, O."""
    return (*window(layer, image), image[2], layer.outputs)


def transposed_filters(layer: Layer, image: Image) -> Filters:
    """Return the shape of a transposed convolution's filters: FH, FW, O, I."""
    return (*window(layer, image), layer.outputs, image[2])


def count_convolution(layer: Layer, image: Image) -> arithmetic.Counts:
    """Count a convolution."""
    return arithmetic.convolution(
        image, filters(layer, image), strides=layer.strides, padding=layer.padding, bias=layer.bias
    )


def count_transposition(layer: Layer, image: Image) -> arithmetic.Counts:
    """Count a transposed convolution."""
    shape = transposed_filters(layer, image)
    return arithmetic.transposed_convolution(
        image, shape, layer.size, strides=layer.strides, padding=layer.padding, bias=layer.bias
    )


def count_pool(layer: Layer, image: Image) -> arithmetic.Counts:
    """Count a pool."""
    return arithmetic.pooling(image, layer.taps, layer.strides, layer.padding)


def count_unpooling(layer: Layer, image: Image) -> arithmetic.Counts:
    """Count an unpooling, which only moves elements."""
    return nothing((*layer.size, image[2]))


def count_dropout(_layer: Layer, image: Image) -> arithmetic.Counts:
    """Count dropout, which only drops elements."""
    return nothing(image)


def nothing(image: Image) -> arithmetic.Counts:
    """Count a layer without weights and connections."""
    return arithmetic.Counts(output=image, weights=0, neurons=0, connections=0, parameters=0, flops=0)


# Words.


def describe_window(layer: Layer, taps: Pair) -> str:
    """Say an op with its window and stride."""
    stride = "" if layer.strides == (1, 1) else f" / {layer.strides[0]}"
    return f"{layer.op} {taps[0]}x{taps[1]}{stride}"


def describe_unpooling(layer: Layer, _taps: Pair) -> str:
    """Say an unpooling with the pool that it undoes."""
    return f"{layer.op} at {layer.shares}"


def describe_dropout(layer: Layer, _taps: Pair) -> str:
    """Say dropout with its rate."""
    return f"{layer.op} {layer.rate}"


# Calls.


def padding(layer: Layer) -> str | list[list[int]]:
    """Spell a padding as tf.nn does."""
    if isinstance(layer.padding, str):
        return layer.padding
    return [[0, 0], *map(list, layer.padding), [0, 0]]


def steps_and_padding(layer: Layer) -> Call:
    """Return what places the windows."""
    return {"strides": list(layer.strides), "padding": padding(layer)}


def call_convolution(layer: Layer, inputs: Inputs) -> Call:
    """Call conv2d."""
    return {"input": inputs.image, "filters": inputs.filters, **steps_and_padding(layer)}


def call_transposition(layer: Layer, inputs: Inputs) -> Call:
    """Call conv2d_transpose."""
    shape = [len(inputs.image), *layer.size, layer.outputs]
    return {"input": inputs.image, "filters": inputs.filters, "output_shape": shape, **steps_and_padding(layer)}


def call_pool(layer: Layer, inputs: Inputs) -> Call:
    """Call a pool."""
    return {"input": inputs.image, "ksize": list(layer.taps), **steps_and_padding(layer)}


def call_unpooling(layer: Layer, inputs: Inputs) -> Call:
    """Call max_unpool."""
    shape = [len(inputs.image), *layer.size, inputs.image.shape[3]]
    return {"input": inputs.image, "argmax": inputs.argmax, "output_shape": shape}


def call_dropout(layer: Layer, inputs: Inputs) -> Call:
    """Call stateless_dropout, by an algorithm that is the same on every device."""
    return {
        "x": inputs.image,
        "rate": layer.rate,
        "seed": np.array([inputs.seed, 0], np.int32),
        "rng_alg": "philox",
    }


# Gradients.


def call_filter_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call conv2d_backprop_filter."""
    rest = dict(arguments)
    return {"filter_sizes": list(rest.pop("filters").shape), "out_backprop": gradient, **rest}


def call_input_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call conv2d_backprop_input."""
    rest = dict(arguments)
    return {"input_sizes": list(rest.pop("input").shape), "out_backprop": gradient, **rest}


def call_max_pool_grad(arguments: Arguments, results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call max_pool_grad."""
    rest = dict(arguments)
    return {"orig_input": rest.pop("input"), "orig_output": results()[0], "grad": gradient, **rest}


def call_avg_pool_grad(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call avg_pool_grad."""
    rest = dict(arguments)
    return {"orig_input_shape": list(rest.pop("input").shape), "grad": gradient, **rest}


def call_dropout_grad(arguments: Arguments, _results: Results, gradient: Array, runner: Runner) -> Call:
    """Call dropout_grad, with the mask that the runner draws for the layer's seed."""
    ones = np.ones(gradient.shape, gradient.dtype)
    kept = runner("stateless_dropout", {**arguments, "x": ones})[0] != 0
    return {"grad": gradient, "kept": kept, "rate": arguments["rate"]}


# Ways back.


def transposition(layer: Layer, size: Pair, channels: int) -> Layer:
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


def unpooling(layer: Layer, size: Pair, _channels: int) -> Layer:
    """Return the unpooling at the layer's argmax."""
    return Layer(name=f"un{layer.name}", op="max_unpool", size=size, shares=layer.name)


KINDS: Mapping[str, LayerKind] = {
    kind.layer: kind
    for kind in (
        LayerKind(
            layer="conv2d",
            op="conv2d",
            count=count_convolution,
            filters=filters,
            call=call_convolution,
            bound=bounding.of_convolution,
            gradients=(
                Gradient(op="conv2d_backprop_filter", call=call_filter_gradient),
                Gradient(op="conv2d_backprop_input", call=call_input_gradient),
            ),
            back=transposition,
            described=describe_window,
        ),
        LayerKind(
            layer="conv2d_transpose",
            op="conv2d_transpose",
            count=count_transposition,
            filters=transposed_filters,
            call=call_transposition,
            bound=bounding.of_transposition,
            described=describe_window,
        ),
        LayerKind(
            layer="max_pool",
            op="max_pool",
            count=count_pool,
            call=call_pool,
            bound=bounding.of_maximum,
            gradients=(Gradient(op="max_pool_grad", call=call_max_pool_grad),),
            described=describe_window,
        ),
        LayerKind(
            layer="max_pool_with_argmax",
            op="max_pool_with_argmax",
            count=count_pool,
            call=call_pool,
            bound=bounding.of_maximum,
            back=unpooling,
            described=describe_window,
            gives_argmax=True,
        ),
        LayerKind(
            layer="avg_pool",
            op="avg_pool",
            count=count_pool,
            call=call_pool,
            bound=bounding.of_average,
            gradients=(Gradient(op="avg_pool_grad", call=call_avg_pool_grad),),
            described=describe_window,
        ),
        LayerKind(
            layer="max_unpool",
            op="max_unpool",
            count=count_unpooling,
            call=call_unpooling,
            bound=bounding.of_unpooling,
            described=describe_unpooling,
        ),
        LayerKind(
            layer="dropout",
            op="stateless_dropout",
            count=count_dropout,
            call=call_dropout,
            bound=bounding.of_dropout,
            gradients=(Gradient(op="dropout_grad", call=call_dropout_grad),),
            described=describe_dropout,
            random=True,
        ),
    )
}
