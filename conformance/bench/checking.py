"""
Results held against the allowed sets before they count as fast.

A call of one image is checked whole. A batch is checked whole where images share in one result, or in one mask: the
gradient with respect to filters, if its sums are no more than AFFORDABLE, and dropout. Of other batches the last image
is checked, in its own set. Whatever its batch, a call is checked on one image, too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from conformance import cases
from conformance.bench.subjects import Subject
from conformance.judge.allowed import AnyMask, Permits, permits
from conformance.judge.verdicts import verdict
from conformance.model import Array, Case, Observation, Raised, Returned, Verdict
from conformance.networks.running import case_of
from conformance.run.trials import likened
from conformance.targets.registry import Target, unsupported
from conformance.triage import waivers
from conformance.triage.waivers import Waiver
from reference.bounds import ARITHMETICS, Arithmetic

__all__ = ["ALONE", "LAST", "WHOLE", "Checked", "Sets", "known", "last_image", "last_result", "of_batch", "of_image"]

WHOLE, LAST, ALONE = "the whole result", "the last image", "one image alone"
AFFORDABLE = 400_000_000  # operations: of float64 their exact sums take a second

# Arguments of which each image has its own part, and those that are shapes of a batch.
IMAGES = ("input", "out_backprop", "grad", "orig_input", "orig_output", "argmax")
SHAPES = ("input_sizes", "output_shape", "orig_input_shape")
TOGETHER = ("conv2d_backprop_filter", "dropout", "stateless_dropout", "dropout_grad")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of a check: `correct` is None where there was no result to check, and `note` says why."""

    correct: bool | None
    part: str = ""  # what was checked: WHOLE, LAST or ALONE
    bound_used: float | None = None  # largest error over bound
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Sets:
    """The allowed sets of one call: what is the same for all contenders is computed once."""

    op: str
    dtype: str
    arguments: Mapping[str, Any]
    part: str = WHOLE  # of the result that is given to `check`
    permitted: Permits | None = field(default=None, init=False)

    def check(self, target: Target, observed: Observation) -> Checked:
        """Judge one target's result, without the times that follow it."""
        if isinstance(observed, Returned):
            shown = last_result(observed) if self.part == LAST else observed
            observed = replace(shown, arrays=shown.arrays[:-1])
        declared = ARITHMETICS[target.arithmetic.get(self.dtype, "float32")]
        arithmetic = replace(declared, more=target.roundings.get(self.op, 0))
        judged = self._judged(target, arithmetic, observed)
        if judged.outcome == "agrees":
            return Checked(correct=True, part=self.part, bound_used=finite(judged.bound_used))
        if isinstance(observed, Raised) and (limit := unsupported(target, case_of(self.op, self.arguments))):
            return Checked(correct=None, note=f"unsupported: {limit}")
        if judged.outcome != "disagrees" or not isinstance(observed, Returned):
            return Checked(correct=None, note=f"{judged.outcome}: {judged.reason}")
        cause = likened(self._permits(), arithmetic, self.dtype, observed)
        note = f"{judged.kind}: {judged.reason}{cause}"
        return Checked(correct=False, part=self.part, bound_used=finite(judged.bound_used), note=note)

    def _judged(self, target: Target, arithmetic: Arithmetic, observed: Observation) -> Verdict:
        """Hold a result against the set of an arithmetic; one of own random numbers against that of any mask."""
        own = self.op in target.own_masks
        if own:
            return verdict(AnyMask(self.arguments["x"], self.arguments["rate"], None), observed, own_masks=own)
        return verdict(self._permits()(arithmetic), observed)

    def _permits(self) -> Permits:
        """Return what the call may give, by arithmetic."""
        if self.permitted is None:
            case = Case(op=self.op, arrays={}, attributes={}, regime="normal", seed=0)
            self.permitted = permits(case, self.arguments)
        return self.permitted


def finite(share: float) -> float | None:
    """Return a share of a bound; None where nothing is bounded, or nothing may differ."""
    return share if math.isfinite(share) else None


def of_image(subject: Subject, single: Mapping[str, Any]) -> Sets:
    """Return the sets of a call of one image, which stands for any batch."""
    part = WHOLE if subject.batch == 1 else ALONE
    return Sets(op=subject.op, dtype=subject.dtype, arguments=single, part=part)


def of_batch(subject: Subject, given: Mapping[str, Any]) -> Sets | None:
    """Return the sets of a batch; None for one image, and where the whole is too much to check."""
    if subject.batch == 1:
        return None
    part = last_image(subject.op, given)
    if part is None and subject.op == "conv2d_backprop_filter" and subject.flops > AFFORDABLE:
        return None
    return Sets(op=subject.op, dtype=subject.dtype, arguments=part or given, part=LAST if part else WHOLE)


def last_image(op: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the call for the last image of a batch alone; None where the result depends on all of them."""
    if op in TOGETHER:
        return None
    parts: dict[str, Any] = {name: arguments[name][-1:] for name in IMAGES if name in arguments}
    shapes = {name: [1, *arguments[name][1:]] for name in SHAPES if name in arguments}
    return {**arguments, **parts, **shapes}


def last_result(observed: Returned) -> Returned:
    """Return the part of the last image in the results of a batch; the times that follow stay as they are."""
    *results, times = observed.arrays
    return replace(observed, arrays=(*(last(result) for result in results), times))


def last(result: Array) -> Array:
    """Return the last image of an array; a number has none, and stays."""
    return result[-1:] if np.ndim(result) else result


def known(target: str, version: str, op: str, arguments: Mapping[str, Any], note: str) -> str:
    """Return where a wrong result is described, if it is a known divergence of this version of TensorFlow; else ""."""
    case = case_of(op, arguments)
    kind, _, reason = note.partition(": ")
    row = {"op": op, "kind": kind, "target": target, "reason": reason}
    found = waivers.covering(divergences(), row, cases.attributes(case), version)
    return found.link if found else ""


@cache
def divergences() -> tuple[Waiver, ...]:
    """Return the waivers that come with the suite."""
    return tuple(waivers.load())
