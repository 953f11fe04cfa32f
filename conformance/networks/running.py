"""
A network run: its layers' calls made one after the other, by the reference or by any target.

A runner makes one call: op and arguments, named as in the reference, to the arrays of the result. Bias and activation
are the suite's own, in NumPy and in the dtype of the network, so that only the ops differ between runners.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from conformance.cases.network import Arguments, Inputs, Layer, Network, Parameters, Runner, Step
from conformance.errors import SuiteError
from conformance.model import Array, ArraySpec, Case, Json, Raised, Returned, Unsupported
from conformance.networks.counting import table
from conformance.networks.kinds import kind_of
from conformance.ops import OPS
from conformance.ops.support import unsupported
from conformance.targets.target import Target
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker

__all__ = [
    "LARGEST",
    "NotOfferedError",
    "OnTarget",
    "activated",
    "case_of",
    "initialised",
    "joined",
    "run",
]
LARGEST = {"relu": np.inf, "relu6": 6.0}  # what an activation lets through, from 0 on


class NotOfferedError(SuiteError):
    """A target does not offer an op of a network."""


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


@dataclass(frozen=True, slots=True)
class OnTarget:
    """
    The runner of a target: its worker, which must return arrays for every call of a network.

    target: what it declares not to implement is not offered, whatever it raises.
    """

    worker: Worker
    target: Target | None = None

    def __call__(self, op: str, arguments: Arguments) -> tuple[Array, ...]:
        """Make one call."""
        return self.observed(op, arguments).arrays

    def observed(self, op: str, arguments: Arguments) -> Returned:
        """Make one call; its result says which kernels it has reached, too, where the target tells."""
        observed, name = self.worker.run(Call(op=op, arguments=arguments)), self.worker.start.name
        if isinstance(observed, Unsupported):
            raise NotOfferedError(f"{name} does not offer {op}: {observed.reason}")
        if (
            self.target
            and isinstance(observed, Raised)
            and (reason := unsupported(self.target, case_of(op, arguments)))
        ):
            raise NotOfferedError(f"{self.target.name} does not offer {op}: {reason}")
        if not isinstance(observed, Returned):
            raise SuiteError(f"target {name} cannot run the network: {op} gave {observed}")
        return observed


def initialised(network: Network, seed: int, dtype: str = "float32") -> dict[str, Parameters]:
    """Draw weights that keep the size of activations: normal, variance 2 / inputs of a neuron (He et al., 2015)."""
    stream = np.random.Generator(np.random.Philox(seed))
    found: dict[str, Parameters] = {}
    for row in table(network):
        if row.filters is None or row.layer.shares:
            continue
        inputs = prod(row.filters) // row.layer.outputs
        drawn = stream.standard_normal(row.filters) * np.sqrt(2 / inputs)
        bias = np.zeros(row.layer.outputs, dtype) if row.layer.bias else None
        found[row.layer.name] = Parameters(drawn.astype(dtype), bias)
    return found


def run(
    network: Network, image: Array, parameters: Mapping[str, Parameters], runner: Runner, seed: int | None = None
) -> list[Step]:
    """
    Run a network on images [N, H, W, C]; every layer gets what the one before gave, and what stands beside that.

    seed: of dropout, the same for every layer; None: nothing is dropped.
    """
    steps: list[Step] = []
    argmax: dict[str, Array] = {}
    before: dict[str, Array] = {}
    for layer in network.layers:
        if OPS[layer.op].random and seed is None:
            continue
        image = joined(layer, before, image)
        steps.append(step(layer, image, parameters, argmax, runner, seed))
        image = before[layer.name] = steps[-1].output
        if kind_of(layer).gives_argmax:
            argmax[layer.name] = steps[-1].results[1]
    return steps


def joined(layer: Layer, before: Mapping[str, Array], values: Array) -> Array:
    """Put what another layer gave before the values that enter a layer, along channels."""
    return np.concatenate([before[layer.beside], values], axis=3) if layer.beside else values


def step(
    layer: Layer,
    image: Array,
    parameters: Mapping[str, Parameters],
    argmax: Mapping[str, Array],
    runner: Runner,
    seed: int | None = None,
) -> Step:
    """Run one layer."""
    weights = parameters.get(layer.shares or layer.name)
    inputs = Inputs(
        image=activated(layer.activation, image) if layer.first else image,
        filters=weights.filters if weights else None,
        argmax=argmax.get(layer.shares),
        seed=seed or 0,
    )
    arguments = kind_of(layer).call(layer, inputs)
    results = runner(layer.op, arguments)
    output = results[0]
    if layer.bias and weights is not None and weights.bias is not None:
        output = output + weights.bias
    return Step(
        layer=layer,
        op=layer.op,
        arguments=arguments,
        results=results,
        output=output if layer.first else activated(layer.activation, output),
    )


def activated(activation: str, values: Array) -> Array:
    """Apply an activation, in the dtype of the values."""
    if activation in LARGEST:
        least, most = np.array((0.0, LARGEST[activation]), values.dtype)
        return np.clip(values, least, most)
    return np.tanh(values) if activation == "tanh" else values
