"""Dropout as a layer of a network, and its gradient at such a layer."""

import numpy as np

from conformance.cases.network import Arguments, AtLayer, Call, Inputs, Layer, LayerKind, Results, Runner, Step
from conformance.model import Array
from conformance.ops.layers import nothing
from reference.arithmetic import Counts, Image, Pair
from reference.engine.precision import Arithmetic
from reference.floats import format_of

__all__ = ["DROPPING", "DROPPING_GRADIENT", "UNSEEDED"]


def count(_layer: Layer, image: Image) -> Counts:
    """Count dropout, which only drops elements."""
    return nothing(image)


def call(layer: Layer, inputs: Inputs) -> Call:
    """Call stateless_dropout."""
    seed = np.array([inputs.seed, 0], np.int32)
    return {"x": inputs.image, "rate": layer.rate, "seed": seed, "rng_alg": inputs.rng_alg}


def bound(step: Step, _other: Step, before: Array, _arithmetic: Arithmetic) -> Array:
    """Carry a bound through dropout under one mask: elements are scaled, and rounded twice, or 0 in both runs."""
    scale = 1 / (1 - step.layer.rate)
    rounding = 2 * format_of(step.output.dtype).u
    size = np.abs(step.arguments["x"].astype(np.float64)) + before
    return np.where(step.results[0] == 0, 0.0, before * scale + rounding * size * scale)


def described(layer: Layer, _taps: Pair) -> str:
    """Say dropout with its rate."""
    return f"dropout {layer.rate}"


def call_gradient(arguments: Arguments, _results: Results, gradient: Array, runner: Runner) -> Call:
    """Call dropout_grad, with the mask that the runner draws for the layer's seed."""
    ones = np.ones(gradient.shape, gradient.dtype)
    kept = runner("stateless_dropout", {**arguments, "x": ones})[0] != 0
    return {"grad": gradient, "kept": kept, "rate": arguments["rate"]}


def call_unseeded(arguments: Arguments, _results: Results, _gradient: Array, _runner: Runner) -> Call:
    """Call dropout without a seed."""
    return {"x": arguments["x"], "rate": arguments["rate"]}


DROPPING = LayerKind(count=count, call=call, bound=bound, described=described)
DROPPING_GRADIENT = AtLayer(call=call_gradient, gradient=True)
UNSEEDED = AtLayer(call=call_unseeded)
