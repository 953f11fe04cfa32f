"""What a case may give: the sets of its op's record, under the arithmetic that a target declares."""

from functools import cache

import numpy as np

from conformance.cases.op import Arguments, Permits
from conformance.model import Case
from conformance.ops import OPS
from conformance.sets import Allowed, AnyMask, AnyOf, Refused, Results, Totals, Unspecified
from reference import SpecError
from reference.bounds import ARITHMETICS, Arithmetic

__all__ = [
    "Allowed",
    "AnyMask",
    "AnyOf",
    "Permits",
    "Refused",
    "Results",
    "Totals",
    "Unspecified",
    "allowed",
    "permits",
    "preferred",
]

EMPTY = Unspecified("an empty result, which the rule leaves open")


def allowed(case: Case, arguments: Arguments, arithmetic: Arithmetic = ARITHMETICS["float32"]) -> Allowed:
    """
    Return what a case may give.

    arguments: those of the call, as the reference takes them; arithmetic: what the target declares.
    """
    return permits(case, arguments)(arithmetic)


def permits(case: Case, arguments: Arguments) -> Permits:
    """Return what a case may give under an arithmetic; what is the same under all of them is computed once."""
    quiet = np.errstate(all="ignore")  # overflow and NaN are among what is judged
    try:
        return cache(quiet(quiet(OPS[case.op].allowed)(arguments)))
    except SpecError as error:
        refused = Refused(error.rule, error.reason, error.fault)
        what = AnyOf((refused, EMPTY)) if error.open_to_empty else refused
        return lambda _arithmetic: what


def preferred(sets: Allowed) -> Results | Refused | AnyMask | Unspecified:
    """Return the set that comes first where several are allowed."""
    return sets.options[0] if isinstance(sets, AnyOf) else sets
