"""Iterations in lockstep: who agrees drifts nowhere, who errs is found, and TensorFlow stays within its bound."""

from collections.abc import Callable

import numpy as np
import pytest

from conformance.cases.network import Arguments, Runner
from conformance.model import Array
from conformance.ops.arguments import run_reference
from conformance.targets.target import Target
from examples.adaptive_deconvolution import sparse_pools, switched, unpooling
from examples.lockstep import Lockstep, Problem, Tape, continued, otherwise, stepped, tallied
from examples.sparse_coding import Linear, chained, deconvolution, filtering, limited, soft

PLAIN = Target(name="plain", about="declares float32")

STREAM = np.random.default_rng(0)
IMAGE = STREAM.standard_normal((1, 6, 6, 1)).astype(np.float32)
FILTERS = (STREAM.standard_normal((3, 3, 1, 4)) / 3).astype(np.float32)
ABOVE = (STREAM.standard_normal((3, 3, 2, 4)) / 3).astype(np.float32)
MAPS = STREAM.standard_normal((1, 8, 8, 4)).astype(np.float32)


def one(runner: Runner) -> Linear:
    """Return one layer."""
    return deconvolution(FILTERS, (6, 6), runner)


def by_filters(runner: Runner) -> Linear:
    """Return one layer as a map of its filters."""
    return filtering(MAPS, FILTERS.shape, (6, 6), runner)


def both(runner: Runner) -> Linear:
    """Return two layers, at the switches of some maps."""
    below = chained(one(runner), unpooling(switched(MAPS, run_reference), runner))
    return chained(below, deconvolution(ABOVE, (4, 4), runner))


def ista_in_step(runner: Runner) -> Lockstep:
    """Run ISTA on one layer."""
    start = np.zeros((1, 8, 8, 4), np.float32)
    return stepped(Problem(one, IMAGE, 4.0, lambda _: soft), start, 6, runner, PLAIN)


def pools_in_step(runner: Runner) -> Lockstep:
    """Run ISTA with pools on two layers."""
    start = np.zeros((1, 6, 6, 4), np.float32)
    return stepped(Problem(both, IMAGE, 4.0, sparse_pools), start, 6, runner, PLAIN)


def continuation_in_step(runner: Runner) -> Lockstep:
    """Run the continuation at p = 1/2."""
    start, betas = np.zeros((1, 8, 8, 4), np.float32), [8.0, 32.0, 128.0]
    return continued(FILTERS, IMAGE, 4.0, start, betas, runner, PLAIN)


def filters_in_step(runner: Runner) -> Lockstep:
    """Learn filters for fixed maps."""
    norm = by_filters(run_reference).norm
    problem = Problem(by_filters, IMAGE, 4.0, lambda _: limited, lambda _: norm)
    return stepped(problem, limited(FILTERS, 0), 6, runner, PLAIN)


WAYS = (ista_in_step, pools_in_step, continuation_in_step, filters_in_step)


def faulty(op: str, arguments: Arguments) -> tuple[Array, ...]:
    """Return the reference's results, one element of each transposed convolution off by 1."""
    results = run_reference(op, arguments)
    if op == "conv2d_transpose":
        results[0].flat[0] += 1
    return results


def in_halves(op: str, arguments: Arguments) -> tuple[Array, ...]:
    """Return the sum of both halves of the maps, each rounded."""
    if op != "conv2d_transpose":
        return run_reference(op, arguments)
    parts = []
    for channels in (slice(0, 2), slice(2, None)):
        half = {"input": arguments["input"][..., channels], "filters": arguments["filters"][..., channels]}
        parts.append(run_reference(op, {**arguments, **half})[0])
    return (parts[0] + parts[1],)


@pytest.mark.parametrize("way", WAYS)
def test_the_reference_does_not_drift_from_itself(way: Callable[[Runner], Lockstep]) -> None:
    """Not a bit, and every call conforms; the bound still has to be positive."""
    found = way(run_reference)

    assert not found.wrong
    assert {one.measured for one in found.drifts} == {0.0}
    assert all(one.bound > 0 for one in found.drifts)


@pytest.mark.parametrize("way", WAYS)
def test_sums_in_two_halves_drift_within_the_bound(way: Callable[[Runner], Lockstep]) -> None:
    """Another order of the same sums: conforming, other bits, and no further away than proven."""
    found = way(in_halves)

    assert found.drifts[-1].measured > 0
    assert not found.wrong


@pytest.mark.parametrize("way", WAYS)
def test_a_fault_is_found_in_its_calls(way: Callable[[Runner], Lockstep]) -> None:
    """One element of each transposed convolution, and none of other calls."""
    found = way(faulty)

    assert found.wrong
    assert {one.op for one in found.judged if one.outside} == {"conv2d_transpose"}


def test_a_fault_leaves_the_bound() -> None:
    """Were no call judged, the drift alone would tell: an element off by 1 moves z further than rounding could."""
    assert any(one.measured > one.bound for one in ista_in_step(faulty).drifts)


def test_a_tape_keeps_the_calls_since_the_last_time() -> None:
    """Two, then none."""
    tape = Tape(run_reference)
    linear = one(tape)
    linear.adjoint(linear.apply(MAPS))

    assert [call.op for call in tape.taken()] == ["conv2d_transpose", "conv2d"]
    assert tape.taken() == []


def test_pools_switched_otherwise_are_told_with_both_values() -> None:
    """One pool of four has its largest element, 5 or 6, at another place."""
    tapes = Tape(run_reference), Tape(run_reference)
    maps = np.zeros((1, 4, 4, 2), np.float32)
    mine, other = maps.copy(), maps.copy()
    mine[0, 0, 0, 0], other[0, 0, 1, 0] = 5, -6
    for tape, each in zip(tapes, (mine, other), strict=True):
        switched(each, tape)

    assert otherwise(*(tape.taken() for tape in tapes)) == [5, 6]


def test_calls_are_tallied_by_op() -> None:
    """Six steps of two calls."""
    found = list(tallied(ista_in_step(run_reference).judged))

    assert [(one.op, one.layer) for one in found] == [("conv2d_transpose", "6 calls"), ("conv2d", "6 calls")]


@pytest.mark.tensorflow
@pytest.mark.parametrize("way", WAYS)
def test_tensorflow_conforms_and_stays_within_the_bound(tensorflow: Runner, way: Callable[[Runner], Lockstep]) -> None:
    """Every call of every way of inference, and the drift after each step."""
    assert not way(tensorflow).wrong
