"""
The gradient of a network's loss, by the gradient ops: back through the layers of a run.

Every gradient of an op, and of a bias, is a call of the runner, and can be judged as the calls of the run are. The
gradients of loss and activations are the suite's own, in NumPy.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from conformance.cases.network import AtLayer, Layer, Network, Parameters, Runner, Step
from conformance.cases.op import Op
from conformance.model import Array
from conformance.networks.kinds import at_layer
from conformance.networks.running import LARGEST, run
from conformance.ops.arguments import run_reference

__all__ = ["backward", "loss", "stepped"]


def loss(logits: Array, labels: Array) -> tuple[float, Array]:
    """Return the mean cross entropy of softmax, and its gradient; logits [N, H, W, classes], labels [N] of images."""
    wide = logits.astype(np.float64) - logits.max(3, keepdims=True)
    chances = np.exp(wide) / np.exp(wide).sum(3, keepdims=True)
    due = np.arange(logits.shape[3]) == labels.reshape(-1, 1, 1, 1)
    mean = -float(np.log(chances.max(3, where=due, initial=0.0)).mean())
    return mean, ((chances - due) / logits[..., 0].size).astype(logits.dtype)


def backward(steps: Sequence[Step], gradient: Array, runner: Runner) -> tuple[list[Step], dict[str, Parameters]]:
    """
    Go back through a run: the calls of gradient ops, and the gradient of every parameter.

    steps: of `running.run`; gradient: of the loss with respect to the last one's output.
    """
    calls: list[Step] = []
    found: dict[str, Parameters] = {}
    channels = {step.layer.name: step.output.shape[3] for step in steps}
    skipped: dict[str, Array] = {}  # the gradient of what a layer gave to a later one beside the next, by its name
    for step in reversed(steps):
        gradient = gradient + skipped.pop(step.layer.name) if step.layer.name in skipped else gradient
        gradient = activation_gradient(step, gradient)
        made = {op.result: called(step, op.name, at, gradient, runner) for op, at in gradient_ops(step.layer)}
        calls += made.values()
        if "filters" in made:
            found[step.layer.name] = Parameters(made.pop("filters").output, made.pop("tensor").output)
        (of_input,) = made.values()
        gradient = of_input.output
        if name := step.layer.beside:
            part, gradient = np.split(gradient, [channels[name]], axis=3)
            skipped[name] = skipped[name] + part if name in skipped else part
    return calls, found


def activation_gradient(step: Step, gradient: Array) -> Array:
    """Go back through a layer's activation."""
    if most := LARGEST.get(step.layer.activation):
        inside = (step.output > 0) & (step.output < most)
        return np.where(inside, gradient, np.zeros((), gradient.dtype))
    if step.layer.activation == "tanh":
        return np.asarray(gradient * (1 - step.output * step.output))
    return gradient


def gradient_ops(layer: Layer) -> Iterator[tuple[Op, AtLayer]]:
    """Yield the gradient ops of a layer: those of filters and bias, where it has any, and that of what it takes."""
    yield from ((op, at) for op, at in at_layer(layer.op) if at.gradient)


def called(step: Step, op: str, at: AtLayer, gradient: Array, runner: Runner) -> Step:
    """Make the call of one gradient op of a layer."""
    arguments = at.call(step.arguments, lambda: step.results, gradient, runner)
    results = runner(op, arguments)
    return Step(layer=step.layer, op=op, arguments=arguments, results=results, output=results[0])


def stepped(
    network: Network, images: Array, labels: Array, weights: Mapping[str, Parameters], seed: int | None
) -> list[Step]:
    """Return the calls of the gradient ops in one training step of the reference, dropout included."""
    steps = run(network, images, weights, run_reference, seed)
    return backward(steps, loss(steps[-1].output, labels)[1], run_reference)[0]
