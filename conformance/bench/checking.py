"""
Results held against the allowed sets before they count as fast.

A call of one image is checked whole. A batch is checked whole where images share in one result, or in one mask: the
gradients with respect to filters, if its sums are no more than AFFORDABLE, and to a bias, and dropout; so is bias_add,
which knows no images. Of other batches the last image is checked, in its own set. Whatever its batch, a call is checked
on one image, too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from conformance import ops
from conformance.bench.subjects import Subject
from conformance.judge.allowed import Permitted, permits
from conformance.judge.judging import judge
from conformance.judge.wording import sentence
from conformance.model import Array, Case, Observation, Returned, Verdict
from conformance.networks.running import case_of
from conformance.targets.target import Target
from conformance.triage.known.cause import Cause
from conformance.triage.known.installation import Installation
from conformance.triage.known.matching import Disagreement, covering
from conformance.triage.known.reading import shipped

__all__ = ["ALONE", "LAST", "WHOLE", "Checked", "Sets", "known", "last_image", "last_result", "of_batch", "of_image"]

WHOLE, LAST, ALONE = "the whole result", "the last image", "one image alone"
AFFORDABLE = 400_000_000  # operations: of float64 their exact sums take a second

# Arguments of which each image has its own part, and those that are shapes of a batch.
IMAGES = ("input", "value", "out_backprop", "grad", "orig_input", "orig_output", "argmax")
SHAPES = ("input_sizes", "output_shape", "orig_input_shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of a check: the verdict, and of what."""

    verdict: Verdict
    part: str = ""  # what was checked: WHOLE, LAST or ALONE; "" where there was no result to check

    @property
    def correct(self) -> bool | None:
        """Whether the result is right; None where there was none, and where the target claims none."""
        return self.verdict.outcome == "agrees" if self.part else None

    @property
    def bound_used(self) -> float | None:
        """The largest error over bound; None where nothing is bounded, or nothing may differ."""
        used = self.verdict.bound_used
        return used if self.part and math.isfinite(used) else None

    @property
    def note(self) -> str:
        """What is wrong, or why there is no result; "" where it is right."""
        judged = self.verdict
        return "" if self.correct else f"{judged.kind or judged.outcome}: {sentence(judged)}"


@dataclass(frozen=True, kw_only=True)
class Sets:
    """The allowed sets of one call: what is the same for all contenders is computed once."""

    case: Case
    arguments: Mapping[str, Any]
    part: str = WHOLE  # of the result that `check` takes

    @cached_property
    def permitted(self) -> Permitted:
        """What the call may give, by arithmetic."""
        return permits(self.case, self.arguments)

    def check(self, target: Target, observed: Observation) -> Checked:
        """Judge one target's result, without the times that follow it."""
        returned = isinstance(observed, Returned)
        if isinstance(observed, Returned):
            shown = last_result(observed) if self.part == LAST else observed
            observed = replace(shown, arrays=shown.arrays[:-1])
        judged = judge(self.case, self.permitted, observed, target)
        decided = returned and judged.outcome in ("agrees", "disagrees")
        return Checked(verdict=judged, part=self.part if decided else "")


def of_image(subject: Subject, single: Mapping[str, Any]) -> Sets:
    """Return the sets of a call of one image, which stands for any batch."""
    part = WHOLE if subject.batch == 1 else ALONE
    return Sets(case=case_of(subject.op, single), arguments=single, part=part)


def of_batch(subject: Subject, arguments: Mapping[str, Any]) -> Sets | None:
    """Return the sets of a batch; None for one image, and where the whole is too much to check."""
    if subject.batch == 1:
        return None
    if subject.timed.shares and subject.flops > AFFORDABLE:
        return None
    part = None if subject.timed.shares else last_image(arguments)
    checked = part or arguments
    return Sets(case=case_of(subject.op, checked), arguments=checked, part=LAST if part else WHOLE)


def last_image(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the call for the last image of a batch alone."""
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


def known(target: str, installation: Installation, case: Case, judged: Verdict) -> str:
    """Return the id of the cause of a wrong result, if it is a known divergence of what is judged; else ""."""
    classes = ops.features(case)
    found = Disagreement(op=case.op, target=target, judged=judged, classes=classes, installation=installation)
    match = covering(divergences(), found)
    return match[0].id if match else ""


@cache
def divergences() -> tuple[Cause, ...]:
    """Return the causes that come with the suite."""
    return tuple(shipped())
