"""
Results held against the allowed sets before they count as fast.

Every call is checked on one image. Of a batch the last image is checked, too, where its result depends on it alone: all
ops but the gradient with respect to filters, which sums over images, and dropout, whose mask runs on through the batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from conformance.allowed import Allowed, AnyMask, allowed
from conformance.model import Array, Case, Observation, Returned
from conformance.targets.registry import Target
from conformance.verdicts import verdict
from reference.bounds import ARITHMETICS, Arithmetic

__all__ = ["Checked", "Sets", "last_image", "last_result"]

# Arguments of which each image has its own part, and those that are shapes of a batch.
IMAGES = ("input", "out_backprop", "grad", "orig_input", "orig_output", "argmax")
SHAPES = ("input_sizes", "output_shape", "orig_input_shape")
TOGETHER = ("conv2d_backprop_filter", "dropout", "stateless_dropout", "dropout_grad")


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check: `correct` is None where there was no result to check, and `note` says why."""

    correct: bool | None
    note: str = ""


@dataclass(slots=True)
class Sets:
    """The allowed sets of one call, by arithmetic: computed once for all contenders that declare it."""

    op: str
    arguments: Mapping[str, Any]
    found: dict[Arithmetic, Allowed] = field(default_factory=dict)

    def check(self, target: Target, dtype: str, observed: Observation) -> Checked:
        """Judge one target's result, without the times that follow it."""
        if isinstance(observed, Returned):
            observed = replace(observed, arrays=observed.arrays[:-1])
        declared = ARITHMETICS[target.arithmetic.get(dtype, "float32")]
        arithmetic = replace(declared, more=target.roundings.get(self.op, 0))
        own = self.op in target.own_masks
        judged = verdict(self._of(arithmetic, own=own), observed, own_masks=own)
        if judged.outcome == "agrees":
            return Checked(correct=True)
        wrong = judged.outcome == "disagrees" and isinstance(observed, Returned)
        return Checked(correct=False if wrong else None, note=f"{judged.outcome}: {judged.reason}")

    def _of(self, arithmetic: Arithmetic, *, own: bool) -> Allowed:
        """Return the set of an arithmetic; of own random numbers that of any mask."""
        if own:
            return AnyMask(self.arguments["x"], self.arguments["rate"], None)
        if arithmetic not in self.found:
            case = Case(op=self.op, arrays={}, attributes={}, regime="normal", seed=0)
            self.found[arithmetic] = allowed(case, self.arguments, arithmetic)
        return self.found[arithmetic]


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
