"""
A network on a target against the reference: layer by layer, and end to end.

Layer by layer each layer gets the reference's activations, and every element of its result is judged by the set that
the specification allows. End to end the target gets its own activations; its distance from the reference is measured,
and held against a bound carried through the layers (`bounding`).

Patterns: a layer's op with a bias and relu, in one call, as graph optimisers fuse them; judged as a layer alone is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conformance.cases.network import Network, Parameters, Runner, Step
from conformance.judge.allowed import permits
from conformance.judge.judging import declared, judge
from conformance.model import Array, Returned
from conformance.networks.kinds import kind_of
from conformance.networks.running import NotOfferedError, OnTarget, case_of, joined, run
from conformance.ops import OPS
from conformance.ops.arguments import run_reference
from conformance.ops.support import unsupported
from conformance.targets.target import Target
from reference.floats import format_of

__all__ = ["Distance", "Judged", "carried", "distance", "end_to_end", "judged", "layer_by_layer", "patterns"]

TANH = 4  # NumPy's tanh is right to so many units in the last place


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One layer of a target, given the reference's activations."""

    layer: str
    op: str
    elements: int
    outside: int  # elements that are not allowed; all of them where shape or dtype is another
    bound_used: float  # largest |observed - reference| / bound; NaN where nothing is bounded
    kernels: tuple[str, ...] = ()  # that computed it, where the target tells; a fused op is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far a target's own activations are from the reference's, after one layer."""

    layer: str
    measured: float  # largest difference of an element
    bound: float  # largest bound of an element
    used: float  # largest difference over bound of an element: above 1 the target is wrong
    size: float  # largest activation of the reference
    elsewhere: int = 0  # values that the target unpools at another place, which their bound then is as large as


def layer_by_layer(steps: Sequence[Step], runner: Runner, target: Target) -> list[Judged]:
    """Judge every layer of a target on the reference's activations: the steps are its own; runner: the target's."""
    return [judged(one, runner, target) for one in steps]


def patterns(steps: Sequence[Step], runner: Runner, target: Target) -> list[Judged]:
    """Judge the pattern at every layer that has one, where the target claims it; as `layer_by_layer`."""
    at = OPS["pattern"].at_layer if target.offers("pattern") else {}
    several = [fused(step) for step in steps if step.op in at]
    claimed = [one for one in several if not unsupported(target, case_of(one.op, one.arguments))]
    try:
        return [judged(one, runner, target) for one in claimed]
    except NotOfferedError:  # which ops it has a target may say when they are called only
        return []


def fused(step: Step) -> Step:
    """Return the pattern at a layer of a run; its bias is the first pixel of the layer's output."""
    at = OPS["pattern"].at_layer[step.op]
    arguments = at.call(step.arguments, lambda: step.results, step.output, run_reference)
    return replace(step, op="pattern", arguments=arguments)


def judged(step: Step, runner: Runner, target: Target) -> Judged:
    """Judge the target's results of one call."""
    case = case_of(step.op, step.arguments)
    observed = (
        runner.observed(step.op, step.arguments)
        if isinstance(runner, OnTarget)
        else Returned(runner(step.op, step.arguments), seconds=0.0)
    )
    verdict = judge(case, permits(case, step.arguments), observed, target)
    elements = sum(result.size for result in step.results)
    return Judged(
        layer=step.layer.name,
        op=step.op,
        elements=elements,
        outside=0 if verdict.outcome == "agrees" else verdict.evidence.get("different", elements),
        bound_used=verdict.bound_used,
        kernels=observed.kernels,
    )


def part(error: Array, bound: Array) -> float:
    """Return the largest error over bound; where nothing may differ and nothing does, 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(error == 0, 0.0, error / bound)
    return float(parts.max(initial=0.0))


def end_to_end(
    network: Network,
    image: Array,
    parameters: Mapping[str, Parameters],
    runner: Runner,
    target: Target,
    seed: int | None = None,
) -> list[Distance]:
    """Measure and bound how far a target moves away from the reference, layer after layer; as `layer_by_layer`."""
    steps = run(network, image, parameters, run_reference, seed)
    observed = run(network, image, parameters, runner, seed)
    bound, before = np.zeros(image.shape), dict[str, Array]()
    found: list[Distance] = []
    for mine, other in zip(steps, observed, strict=True):
        entering = joined(mine.layer, before, bound)
        bound = before[mine.layer.name] = carried(mine, other, entering, parameters, target)
        found.append(distance(mine, other, bound))
    return found


def carried(mine: Step, other: Step, before: Array, parameters: Mapping[str, Parameters], target: Target) -> Array:
    """
    Return the bound after a layer with its bias and activation, float64, in the shape of its output.

    mine: the reference's step, other: the target's, both with dropout's same seed; before: the bound of the activations
    that enter. Relu, relu6 and tanh move by no more than their operand.
    """
    fmt = format_of(mine.output.dtype)
    arithmetic = declared(target, case_of(mine.op, mine.arguments))
    bound = kind_of(mine.layer).bound(mine, other, before, arithmetic)
    weights = parameters.get(mine.layer.shares or mine.layer.name)
    if mine.layer.bias and weights is not None and weights.bias is not None:
        # Both runs round the sum with the bias.
        bound = bound + 2 * fmt.u * (np.abs(mine.results[0].astype(np.float64)) + np.abs(weights.bias) + bound)
    return bound + (2 * TANH * 2 * fmt.u if mine.layer.activation == "tanh" else 0.0)


def distance(mine: Step, other: Step, bound: Array) -> Distance:
    """Compare the activations of one layer."""
    error = np.abs(mine.output.astype(np.float64) - other.output.astype(np.float64))
    return Distance(
        layer=mine.layer.name,
        measured=float(error.max(initial=0.0)),
        bound=float(bound.max(initial=0.0)),
        used=part(error, bound),
        size=float(np.abs(mine.output.astype(np.float64)).max(initial=0.0)),
        elsewhere=elsewhere(mine, other) if "argmax" in mine.arguments else 0,
    )


def elsewhere(mine: Step, other: Step) -> int:
    """Count the values that two runs of an unpooling put at different places."""
    return int((mine.arguments["argmax"] != other.arguments["argmax"]).sum())
