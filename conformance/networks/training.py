"""
Training: the way back through a network by the gradient ops, and stochastic gradient descent on a target.

Every gradient of an op is a call of the runner, so that TensorFlow trains in TensorFlow, and each call can be judged as
those of the way there. Loss, biases, activations and the descent itself are the suite's own, in NumPy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.model import Array
from conformance.networks.layers import Network
from conformance.networks.running import Parameters, Runner, Step, initialised, run, run_reference

__all__ = ["Recipe", "backward", "loss", "predictions", "stepped", "trained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained."""

    epochs: int = 4
    batch: int = 50
    rate: float = 0.02  # of learning
    momentum: float = 0.9
    seed: int = 0  # of weights, order and dropout


def loss(logits: Array, labels: Array) -> tuple[float, Array]:
    """Return the mean cross entropy of softmax, and its gradient; logits [N, 1, 1, classes], labels [N]."""
    wide = logits.astype(np.float64) - logits.max(3, keepdims=True)
    chances = np.exp(wide) / np.exp(wide).sum(3, keepdims=True)
    rows = np.arange(len(labels))
    mean = -float(np.log(chances[rows, 0, 0, labels]).mean())
    chances[rows, 0, 0, labels] -= 1
    return mean, (chances / len(labels)).astype(logits.dtype)


def backward(steps: Sequence[Step], gradient: Array, runner: Runner) -> tuple[list[Step], dict[str, Parameters]]:
    """
    Go back through a run: the calls of gradient ops, and the gradient of every parameter.

    steps: of `running.run`; gradient: of the loss with respect to the last one's output.
    """
    calls: list[Step] = []
    found: dict[str, Parameters] = {}
    for step in reversed(steps):
        gradient = activation_gradient(step, gradient)
        made = [gradient_call(step, op, gradient, runner) for op in GRADIENTS[step.op]]
        calls += made
        if step.layer.convolves:
            bias = gradient.sum((0, 1, 2), np.float64).astype(gradient.dtype)
            found[step.layer.name] = Parameters(made[0].output, bias)
        gradient = made[-1].output
    return calls, found


GRADIENTS: Mapping[str, tuple[str, ...]] = {
    "conv2d": ("conv2d_backprop_filter", "conv2d_backprop_input"),
    "max_pool": ("max_pool_grad",),
    "avg_pool": ("avg_pool_grad",),
    "stateless_dropout": ("dropout_grad",),
}


def activation_gradient(step: Step, gradient: Array) -> Array:
    """Go back through a layer's activation."""
    if step.layer.activation == "relu":
        return np.where(step.output > 0, gradient, np.zeros((), gradient.dtype))
    if step.layer.activation == "tanh":
        return np.asarray(gradient * (1 - step.output * step.output))
    return gradient


def gradient_call(step: Step, op: str, gradient: Array, runner: Runner) -> Step:
    """Make the call of one gradient op of a layer."""
    given = dict(step.arguments)
    if op == "conv2d_backprop_filter":
        given["filter_sizes"] = list(given.pop("filters").shape)
        given["out_backprop"] = gradient
    elif op == "conv2d_backprop_input":
        given["input_sizes"] = list(given.pop("input").shape)
        given["out_backprop"] = gradient
    elif op == "max_pool_grad":
        given |= {"orig_input": given.pop("input"), "orig_output": step.results[0], "grad": gradient}
    elif op == "avg_pool_grad":
        given |= {"orig_input_shape": list(given.pop("input").shape), "grad": gradient}
    else:
        ones = np.ones(gradient.shape, gradient.dtype)
        kept = runner("stateless_dropout", {**given, "x": ones})[0] != 0
        given = {"grad": gradient, "kept": kept, "rate": given["rate"]}
    results = runner(op, given)
    return Step(layer=step.layer, op=op, arguments=given, results=results, output=results[0])


def stepped(
    network: Network, images: Array, labels: Array, weights: Mapping[str, Parameters], seed: int | None
) -> list[Step]:
    """Return the calls of the gradient ops in one training step of the reference, dropout included."""
    steps = run(network, images, weights, run_reference, seed)
    return backward(steps, loss(steps[-1].output, labels)[1], run_reference)[0]


def trained(
    network: Network, images: Array, labels: Array, runner: Runner, recipe: Recipe | None = None
) -> dict[str, Parameters]:
    """Train a network on a target from weights drawn at random: images [N, H, W, C], labels [N]."""
    recipe = recipe or Recipe()
    weights = initialised(network, recipe.seed)
    velocity = {name: Parameters(np.zeros_like(one.filters), 0 * one.filters[0, 0, 0]) for name, one in weights.items()}
    for number, chosen in enumerate(batches(len(images), recipe)):
        steps = run(network, images[chosen], weights, runner, seed=recipe.seed + number)
        _, slope = loss(steps[-1].output, labels[chosen])
        for name, gradient in backward(steps, slope, runner)[1].items():
            velocity[name] = combined(velocity[name], recipe.momentum, gradient, -recipe.rate)
            weights[name] = combined(weights[name], 1.0, velocity[name], 1.0)
    return weights


def combined(one: Parameters, share: float, other: Parameters, other_share: float) -> Parameters:
    """Return a weighted sum of two layers' parameters."""
    bias = None
    if one.bias is not None and other.bias is not None:
        bias = share * one.bias + other_share * other.bias
    return Parameters(share * one.filters + other_share * other.filters, bias)


def predictions(
    network: Network, images: Array, weights: Mapping[str, Parameters], runner: Runner, batch: int = 100
) -> Array:
    """Return the class that a network gives each image: [N]."""
    parts = [images[first : first + batch] for first in range(0, len(images), batch)]
    return np.concatenate([run(network, part, weights, runner)[-1].output.argmax(3).ravel() for part in parts])


def batches(count: int, recipe: Recipe) -> Iterator[Array]:
    """Yield the images of each step: every epoch in another order."""
    stream = np.random.Generator(np.random.Philox(recipe.seed))
    for _ in range(recipe.epochs):
        order = stream.permutation(count)
        for first in range(0, count - recipe.batch + 1, recipe.batch):
            yield order[first : first + recipe.batch]
