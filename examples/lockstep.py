"""
One iteration run twice, by the reference and by a target: each call judged, and how far the two may drift apart.

Every call of the reference's run is made by the target, too, on the same operands, and judged element by element. Then
each run goes its own way. Let d be the Euclidean distance between their z; u the unit roundoff.

A step of `ista`: z <- prox(z - scale adjoint(apply(z) - image)) brings no two z further apart, as scale norm^2 <= 1 and
as proximal maps of convex penalties do not. With e and e', how far each computed step lies from the exact one at the
same z (`step_error`, from the proven bounds of its calls),

    d after <= d before + e + e'

Where pools are switched otherwise, each place holds its value in one run alone: the squares of these are added to d^2.

A turn of `continuation` at p = 1/2: shrinkage moves x by at most 4/3 as much as z, but for elements that are zero in
one run alone, and count whole. The z that minimises Q moves no more than x does, and a computed z lies within
|gradient of Q at z| / beta of it. So conjugate gradients need no analysis of their rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import hypot, sqrt

import numpy as np

from conformance.cases.network import Arguments, Layer, Runner, Step
from conformance.judge.allowed import Results, allowed, preferred
from conformance.judge.judging import declared
from conformance.model import Array
from conformance.networks.comparing import Judged, judged
from conformance.networks.running import case_of
from conformance.ops.arguments import run_reference
from conformance.targets.target import Target
from examples.continuation import Split, continuation
from examples.sparse_coding import Linear, Prox, deconvolution, gain, grid, ista
from reference.floats import format_of

__all__ = ["Drift", "Lockstep", "Problem", "Tape", "continued", "stepped"]

CONVOLUTIONS = ("conv2d", "conv2d_transpose", "conv2d_backprop_filter")
STEEPEST = 4 / 3  # slope of the shrinkage for p = 1/2: just beyond its threshold


class Tape:
    """A runner that keeps the calls it makes."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.calls: list[Step] = []

    def __call__(self, op: str, arguments: Arguments) -> tuple[Array, ...]:
        """Make a call."""
        results = self.runner(op, arguments)
        layer = Layer(name=op, op=op)
        self.calls.append(Step(layer=layer, op=op, arguments=arguments, results=results, output=results[0]))
        return results

    def taken(self) -> list[Step]:
        """Return the calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


@dataclass(frozen=True, slots=True)
class Drift:
    """How far two runs are apart after a step."""

    measured: float  # Euclidean distance of z
    bound: float
    elsewhere: int  # elements that are not zero in one run alone, where that is no matter of rounding


@dataclass(frozen=True, slots=True)
class Lockstep:
    """What running an iteration twice came to."""

    judged: tuple[Judged, ...]  # every call of the reference's run
    drifts: tuple[Drift, ...]  # after every step

    @property
    def wrong(self) -> bool:
        """Whether an element is not allowed, or the drift larger than its bound."""
        return any(one.outside for one in self.judged) or any(one.measured > one.bound for one in self.drifts)


def norm_of(call: Step) -> float:
    """Bound the norm of a convolution, or of its transpose, by its filters."""
    filters: Array = call.arguments["filters"]
    sides = zip(call.arguments["input"].shape[1:3], call.output.shape[1:3], strict=True)
    rows, columns = (min(pair) for pair in sides)
    return gain(filters.transpose(2, 3, 0, 1), grid(filters.shape, (rows, columns)))


@dataclass(frozen=True, slots=True)
class Problem:
    """What `ista` minimises, for any runner."""

    linear: Callable[[Runner], Linear]
    image: Array  # N, H, W, C
    weight: float
    prox: Callable[[Runner], Prox]
    norm: Callable[[Step], float] = norm_of  # of a call, as a map of z


def stepped(problem: Problem, z: Array, steps: int, runner: Runner, target: Target) -> Lockstep:
    """Run so many steps of `ista` from z in lockstep."""
    tapes = Tape(run_reference), Tape(runner)
    runs = [ista(problem.linear(one), problem.image, problem.weight, z, problem.prox(one)) for one in tapes]
    scale = float(z.dtype.type(1 / problem.linear(run_reference).norm ** 2))
    found: list[Judged] = []
    drifts: list[Drift] = []
    before, bound = (z, z), 0.0
    for after in islice(zip(*runs, strict=True), steps):
        calls = [tape.taken() for tape in tapes]
        found += [judged(call, runner, target) for call in calls[0]]
        bound += step_error(calls[0], before[0], scale, problem.norm, rounded_once)
        bound += step_error(calls[1], before[1], scale, problem.norm, partial(bounded, target=target))
        moved = otherwise(*calls)
        bound = hypot(bound, *moved)
        drifts.append(Drift(length(after[0] - after[1].astype(np.float64)), bound, len(moved) // 2))
        before = after
    return Lockstep(tuple(found), tuple(drifts))


def length(values: Array) -> float:
    """Return the Euclidean length, in float64."""
    return float(np.linalg.norm(values.astype(np.float64)))


def rounded_once(call: Step) -> float:
    """Bound how far the reference's result lies from the exact one: half a unit in the last place."""
    fmt = format_of(call.output.dtype)
    return fmt.u * length(call.output) + fmt.smallest_subnormal * sqrt(call.output.size)


def bounded(call: Step, target: Target) -> float:
    """Bound how far the target's result lies from the exact one: the length of the elements' bounds."""
    case = case_of(call.op, call.arguments)
    found = preferred(allowed(case, call.arguments, declared(target, case)))
    if not isinstance(found, Results):
        raise TypeError(f"{call.op}: no bounds, but {found}")
    return length(found.arrays[0].bound)


def step_error(
    calls: Sequence[Step], z: Array, scale: float, norm: Callable[[Step], float], own: Callable[[Step], float]
) -> float:
    """
    Bound how far a computed step of `ista` lies from the exact one at the same z.

    An error grows by no more than the norm of each convolution that follows, and each adds its own. The difference of
    apply(z) and the image, scale * slope, z less that, and the proximal map are rounded once each; one rounding more is
    counted for the float64 in `limited`. Pools and unpooling round nothing.
    """
    fmt = format_of(z.dtype)
    convolutions = [call for call in calls if call.op in CONVOLUTIONS]
    back = next(number for number, call in enumerate(convolutions) if call.op != "conv2d_transpose")
    error = 0.0
    for number, call in enumerate(convolutions):
        if number == back:
            error += fmt.u * length(call.arguments["input"])
        error = norm(call) * error + own(call)
    move = scale * convolutions[-1].output.astype(np.float64)
    host = fmt.u * (length(move) + 3 * length(z - move)) + fmt.smallest_subnormal * sqrt(z.size)
    return scale * error + host


def otherwise(mine: Sequence[Step], other: Sequence[Step]) -> list[float]:
    """Return the values of all pools that the two runs switch differently, zeros left out, two a pool."""
    values: list[float] = []
    for one, two in zip(mine, other, strict=True):
        if one.op == "max_pool_with_argmax":
            differs = (one.results[1] != two.results[1]) & ((one.results[0] > 0) | (two.results[0] > 0))
            values += [*one.results[0][differs].tolist(), *two.results[0][differs].tolist()]
    return values


def continued(
    filters: Array,
    image: Array,
    weight: float,
    z: Array,
    betas: Sequence[float],
    runner: Runner,
    target: Target,
) -> Lockstep:
    """Run `continuation` at p = 1/2 from z in lockstep: filters [FH, FW, C, K], image [N, H, W, C]."""
    tapes = Tape(run_reference), Tape(runner)
    size = image.shape[1:3]
    mine, other = (continuation(deconvolution(filters, size, one), image, weight, 0.5, z, betas) for one in tapes)
    exact = deconvolution(filters.astype(np.float64), size, run_reference)
    found: list[Judged] = []
    drifts: list[Drift] = []
    bound, u = 0.0, format_of(z.dtype).u
    for one, two in zip(mine, other, strict=True):
        found += [judged(call, runner, target) for call in tapes[0].taken()]
        jumped = (one.x != 0) != (two.x != 0)
        moved = length((one.x - two.x)[jumped])
        # Computed in float64, x is rounded to its dtype: 2 u covers both.
        bound = hypot(STEEPEST * bound, moved) + 2 * u * (length(one.x) + length(two.x))
        bound += sum(left(exact, image, weight, each) / each.beta for each in (one, two))
        drifts.append(Drift(length(one.z - two.z.astype(np.float64)), bound, int(jumped.sum())))
    return Lockstep(tuple(found), tuple(drifts))


def left(exact: Linear, image: Array, weight: float, split: Split) -> float:
    """Bound the length of Q's gradient at z, which conjugate gradients have left; computed by the reference."""
    x, z, image = (values.astype(np.float64) for values in (split.x, split.z, image))
    gradient = weight * exact.adjoint(exact.apply(z) - image) + split.beta * (z - x)
    terms = weight * exact.norm * (length(image) + exact.norm * length(z)) + split.beta * (length(x) + length(z))
    return length(gradient) + 2.0**-50 * terms  # eight roundings of float64


def tallied(found: Sequence[Judged]) -> Iterator[Judged]:
    """Yield one record an op: all its calls together."""
    for op in dict.fromkeys(one.op for one in found):
        several = [one for one in found if one.op == op]
        yield Judged(
            layer=f"{len(several)} calls",
            op=op,
            elements=sum(one.elements for one in several),
            outside=sum(one.outside for one in several),
            bound_used=max(one.bound_used for one in several),
        )
