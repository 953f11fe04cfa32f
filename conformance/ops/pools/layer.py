"""The pools as layers of a network, and what goes back through them."""

from dataclasses import replace

import numpy as np

from conformance.cases.network import Arguments, AtLayer, Call, Inputs, Layer, LayerKind, Results, Runner, Step
from conformance.model import Array
from conformance.ops.layers import bound_of_sum, describe_window, steps_and_padding
from reference import arithmetic
from reference.arithmetic import Counts, Image, Pair
from reference.engine.precision import Arithmetic
from reference.ops.avg_pool import average
from reference.ops.pools import pool

__all__ = [
    "AVERAGE",
    "AVERAGE_GRADIENT",
    "MAXIMUM",
    "MAXIMUM_GRADIENT",
    "MAXIMUM_SECOND_DERIVATIVE",
    "MAXIMUM_WITH_ARGMAX",
    "SPREADING",
    "SUMMING",
]


def count(layer: Layer, image: Image) -> Counts:
    """Count a pool."""
    return arithmetic.pooling(image, layer.taps, layer.strides, layer.padding)


def call(layer: Layer, inputs: Inputs) -> Call:
    """Call a pool."""
    return {"input": inputs.image, "ksize": list(layer.taps), **steps_and_padding(layer)}


def bound_of_maximum(step: Step, _other: Step, before: Array, _arithmetic: Arithmetic) -> Array:
    """Carry a bound through a max pool, which moves by no more than the largest operand of each window."""
    windows = {name: step.arguments[name] for name in ("ksize", "strides", "padding")}
    _, geometry = pool("max_pool", step.arguments["input"], **windows, data_format="NHWC")
    return geometry.reduce(np.maximum, before, 0.0)


def bound_of_average(step: Step, _other: Step, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through avg_pool."""
    return bound_of_sum(average(**step.arguments), before, arithmetic)


def unpooling(layer: Layer, size: Pair, _channels: int) -> Layer:
    """Return the unpooling at the layer's argmax."""
    return Layer(name=f"un{layer.name}", op="max_unpool", size=size, shares=layer.name)


def call_max_pool_grad(arguments: Arguments, results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call max_pool_grad."""
    rest = dict(arguments)
    return {"orig_input": rest.pop("input"), "orig_output": results()[0], "grad": gradient, **rest}


def call_max_pool_grad_grad(arguments: Arguments, results: Results, _gradient: Array, _runner: Runner) -> Call:
    """Call max_pool_grad_grad, of a gradient as large as the image."""
    rest = dict(arguments)
    image = rest.pop("input")
    return {"orig_input": image, "orig_output": results()[0], "grad": image, **rest}


def call_avg_pool_grad(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call avg_pool_grad."""
    rest = dict(arguments)
    return {"orig_input_shape": list(rest.pop("input").shape), "grad": gradient, **rest}


def call_avg_unpool(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call avg_unpool, back through the pool's sums."""
    rest = dict(arguments)
    return {"input": gradient, "output_shape": list(rest.pop("input").shape), **rest}


def call_avg_unpool_grad(arguments: Arguments, _results: Results, _gradient: Array, _runner: Runner) -> Call:
    """Call avg_unpool_grad: the sums of the pool's windows."""
    rest = dict(arguments)
    return {"grad": rest.pop("input"), **rest}


MAXIMUM = LayerKind(count=count, call=call, bound=bound_of_maximum, described=describe_window)
MAXIMUM_WITH_ARGMAX = replace(MAXIMUM, back=unpooling, gives_argmax=True)
AVERAGE = replace(MAXIMUM, bound=bound_of_average)
MAXIMUM_GRADIENT = AtLayer(call=call_max_pool_grad, gradient=True)
MAXIMUM_SECOND_DERIVATIVE = AtLayer(call=call_max_pool_grad_grad)
AVERAGE_GRADIENT = AtLayer(call=call_avg_pool_grad, gradient=True)
SPREADING = AtLayer(call=call_avg_unpool)
SUMMING = AtLayer(call=call_avg_unpool_grad)
