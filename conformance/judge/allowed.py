"""What a case may give: the sets of its op's record, under the arithmetic that a target declares."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from conformance.cases.op import Arguments, Permits
from conformance.model import Array, Case
from conformance.ops import OPS
from conformance.sets import (
    Allowed,
    AnyMask,
    AnyOf,
    Option,
    Refused,
    Results,
    Totals,
    Unspecified,
    any_of,
    marked,
    options,
)
from conformance.targets.target import Target
from reference import SpecError
from reference.bounds import ARITHMETICS, Arithmetic
from reference.errors import Fault

__all__ = [
    "Allowed",
    "AnyMask",
    "AnyOf",
    "Permits",
    "Permitted",
    "Refused",
    "Results",
    "Totals",
    "Unspecified",
    "adopted",
    "allowed",
    "permits",
    "preferred",
]

REAL = ("rate",)  # arguments that are no integers
EMPTY = Unspecified("an empty result", made={"common.R2": "empty"})


def allowed(case: Case, arguments: Arguments, arithmetic: Arithmetic = ARITHMETICS["float32"]) -> Allowed:
    """
    Return what a case may give.

    arguments: those of the call, as the reference takes them; arithmetic: what the target declares.
    """
    return permits(case, arguments)(arithmetic)


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a call may give under an arithmetic; what is the same under all of them is computed once."""

    case: Case
    arguments: Arguments
    sets: Permits

    def __call__(self, arithmetic: Arithmetic) -> Allowed:
        """Return what it may give under this one."""
        return self.sets(arithmetic)

    @property
    def arrays(self) -> dict[str, Array]:
        """Its operands."""
        return {name: self.arguments[name] for name in self.case.arrays}

    def of(self, operands: Mapping[str, Array]) -> "Permitted":
        """Return what the call may give with other operands."""
        return permits(self.case, {**self.arguments, **operands})


def permits(case: Case, arguments: Arguments) -> Permitted:
    """Return what a case may give."""
    return Permitted(case, arguments, _sets(case, arguments))


def _sets(case: Case, arguments: Arguments) -> Permits:
    """Return what a case may give, by arithmetic."""
    quiet = np.errstate(all="ignore")  # overflow and NaN are among what is judged
    try:
        return cache(quiet(quiet(OPS[case.op].allowed)(arguments)))
    except SpecError as error:
        return _unless_taken(case, arguments, error)


def _unless_taken(case: Case, arguments: Arguments, error: SpecError) -> Permits:
    """Return the refusal of a call, and what else it may come to: common.R2 and R4."""
    refused = Refused(error.rule, error.reason, error.fault)
    if error.open_to_empty:
        sets = AnyOf((replace(refused, made={"common.R2": "refused"}), EMPTY))
        return lambda _arithmetic: sets
    whole = {name: as_integers(value) for name, value in arguments.items() if name not in REAL}
    if error.fault != Fault.NO_INTEGERS or all(value is arguments[name] for name, value in whole.items()):
        return lambda _arithmetic: refused
    taken = permits(case, {**arguments, **whole})
    first = replace(refused, made={"common.R4": "refused"})
    return lambda arithmetic: AnyOf((first, *marked(taken(arithmetic), {"common.R4": "taken"})))


def as_integers(value: Any) -> Any:  # noqa: ANN401 -- an argument
    """
    Return an argument with every float that is a whole number as an integer; itself where it holds none.

    >>> as_integers([1, 2.0]), as_integers(2.5)
    ([1, 2], 2.5)
    """
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if not isinstance(value, list):
        return value
    entries = [as_integers(entry) for entry in value]
    return value if all(new is old for new, old in zip(entries, value, strict=True)) else entries


def adopted(sets: Allowed, target: Target, op: str) -> Allowed:
    """Return, of the sets that the alternatives of choices allow, those of the alternatives that a target may make."""
    kept = [
        option for option in options(sets) if all(name in target.adopts(op, rule) for rule, name in option.made.items())
    ]
    return any_of(kept) if kept else sets


def preferred(sets: Allowed) -> Option:
    """Return the set that comes first where several are allowed."""
    return options(sets)[0]
