"""
A network run: its layers' calls made one after the other, by the reference or by any target.

A runner makes one call: op and arguments, named as in the reference, to the arrays of the result. Bias and activation
are the suite's own, in NumPy and in the dtype of the network, so that only the ops differ between runners.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import reference
from conformance.errors import SuiteError
from conformance.model import Array, ArraySpec, Case, Json, Raised, Returned, Unsupported
from conformance.networks.counting import filters
from conformance.networks.layers import Layer, Network
from conformance.targets.registry import Target, unsupported
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker

__all__ = [
    "NotOfferedError",
    "Parameters",
    "Runner",
    "Step",
    "activated",
    "called",
    "case_of",
    "initialised",
    "on_target",
    "run",
    "run_reference",
]

Arguments: TypeAlias = Mapping[str, Any]
Runner: TypeAlias = Callable[[str, Arguments], tuple[Array, ...]]


class NotOfferedError(SuiteError):
    """A target does not offer an op of a network."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The weights of one layer."""

    filters: Array  # FH, FW, FI, O; of a transposed convolution FH, FW, O, I
    bias: Array | None  # O


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One layer of one run."""

    layer: Layer
    op: str
    arguments: Arguments  # of the op
    results: tuple[Array, ...]  # of the op
    output: Array  # after bias and activation


def run_reference(op: str, arguments: Arguments) -> tuple[Array, ...]:
    """Make a call of the reference."""
    result = getattr(reference, op)(**arguments)
    return result if isinstance(result, tuple) else (result,)


def case_of(op: str, arguments: Arguments) -> Case:
    """Return a call as a case: the shapes and dtypes of its arrays, and its attributes."""
    arrays = {
        name: ArraySpec(entry.shape, entry.dtype.name)
        for name, entry in arguments.items()
        if isinstance(entry, np.ndarray) and name != "seed"
    }
    attributes: dict[str, Json] = {name: entry for name, entry in arguments.items() if name not in arrays}
    if "seed" in attributes:
        attributes["seed"] = {"array": arguments["seed"].tolist(), "dtype": arguments["seed"].dtype.name}
    return Case(op=op, arrays=arrays, attributes=attributes, regime="normal", seed=0)


def on_target(worker: Worker, target: Target | None = None) -> Runner:
    """
    Return the runner of a target: its worker, which must return arrays for every call of a network.

    target: what it declares not to implement is not offered, whatever it raises.
    """

    def made(op: str, arguments: Arguments) -> tuple[Array, ...]:
        observed = worker.run(Call(op=op, arguments=arguments))
        if isinstance(observed, Unsupported):
            raise NotOfferedError(f"{worker.start.name} does not offer {op}: {observed.reason}")
        if target and isinstance(observed, Raised) and (reason := unsupported(target, case_of(op, arguments))):
            raise NotOfferedError(f"{target.name} does not offer {op}: {reason}")
        if not isinstance(observed, Returned):
            raise SuiteError(f"target {worker.start.name} cannot run the network: {op} gave {observed}")
        return observed.arrays

    return made


def initialised(network: Network, seed: int, dtype: str = "float32") -> dict[str, Parameters]:
    """Draw weights that keep the size of activations: normal, variance 2 / inputs of a neuron (He et al., 2015)."""
    stream = np.random.Generator(np.random.Philox(seed))
    found: dict[str, Parameters] = {}
    for name, shape in filters(network).items():
        layer = next(layer for layer in network.layers if layer.name == name)
        inputs = shape[0] * shape[1] * (shape[2] if layer.op == "conv2d" else shape[3])
        drawn = stream.standard_normal(shape) * np.sqrt(2 / inputs)
        bias = np.zeros(layer.outputs, dtype) if layer.bias else None
        found[name] = Parameters(drawn.astype(dtype), bias)
    return found


def run(
    network: Network, image: Array, parameters: Mapping[str, Parameters], runner: Runner, seed: int | None = None
) -> list[Step]:
    """
    Run a network on images [N, H, W, C]; every layer gets what the one before gave.

    seed: of dropout, the same for every layer; None: nothing is dropped.
    """
    steps: list[Step] = []
    argmax: dict[str, Array] = {}
    for layer in network.layers:
        if layer.op == "dropout" and seed is None:
            continue
        steps.append(step(layer, image, parameters, argmax, runner, seed))
        image = steps[-1].output
        if layer.op == "max_pool_with_argmax":
            argmax[layer.name] = steps[-1].results[1]
    return steps


def step(
    layer: Layer,
    image: Array,
    parameters: Mapping[str, Parameters],
    argmax: Mapping[str, Array],
    runner: Runner,
    seed: int | None = None,
) -> Step:
    """Run one layer."""
    given = activated(layer.activation, image) if layer.first else image
    weights = parameters.get(layer.shares or layer.name)
    arguments = called(layer, given, weights, argmax.get(layer.shares), seed)
    op = "stateless_dropout" if layer.op == "dropout" else layer.op
    results = runner(op, arguments)
    output = results[0]
    if layer.bias and weights is not None and weights.bias is not None:
        output = output + weights.bias
    return Step(
        layer=layer,
        op=op,
        arguments=arguments,
        results=results,
        output=output if layer.first else activated(layer.activation, output),
    )


def called(
    layer: Layer, image: Array, weights: Parameters | None, argmax: Array | None, seed: int | None
) -> dict[str, Any]:
    """Return the arguments of a layer's call, in the spelling that tf.nn takes."""
    if layer.op == "dropout":
        return {"x": image, "rate": layer.rate, "seed": np.array([seed or 0, 0], np.int32), "rng_alg": "philox"}
    shape = [len(image), *layer.size, image.shape[3]]
    if layer.op == "max_unpool":
        return {"input": image, "argmax": argmax, "output_shape": shape}
    window = {"strides": list(layer.strides), "padding": padding(layer)}
    if weights is None:
        return {"input": image, "ksize": list(layer.taps), **window}
    if layer.op == "conv2d_transpose":
        shape[3] = layer.outputs
        return {"input": image, "filters": weights.filters, "output_shape": shape, **window}
    return {"input": image, "filters": weights.filters, **window}


def padding(layer: Layer) -> str | list[list[int]]:
    """Spell a padding as tf.nn does."""
    if isinstance(layer.padding, str):
        return layer.padding
    return [[0, 0], *map(list, layer.padding), [0, 0]]


def activated(activation: str, values: Array) -> Array:
    """Apply an activation, in the dtype of the values."""
    if activation == "relu":
        return np.maximum(values, np.zeros((), values.dtype))
    return np.tanh(values) if activation == "tanh" else values
