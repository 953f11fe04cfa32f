"""
What the specification allows a call to give, as data: a set, never one array.

`Results` is one set a result; `Refused` says that only an error conforms; `AnyOf` leaves open which of several sets is
met; `AnyMask` is dropout under any generator; `Unspecified` permits anything, and says why. Where a rule of kind choice
decides the result, each alternative has a set of its own, which says by `made` whose it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from conformance.model import Array
from reference.bounds import Within
from reference.errors import Fault

__all__ = [
    "Allowed",
    "AnyMask",
    "AnyOf",
    "Made",
    "Option",
    "Refused",
    "Results",
    "Totals",
    "Unspecified",
    "any_of",
    "marked",
    "options",
    "ways",
]

Made: TypeAlias = Mapping[str, str]  # by rule of kind choice, the alternative


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the elements of a result add up to along some axes, from low to high, both float64 with those axes of 1."""

    axes: tuple[int, ...]
    low: Array
    high: Array

    def admits(self, observed: Array) -> Array:
        """Return for every sum whether the observed one is allowed; where low is infinite, NaN is, too."""
        total = observed.astype(np.float64).sum(self.axes, keepdims=True)
        return np.asarray(((self.low <= total) & (total <= self.high)) | np.isinf(self.low))


@dataclass(frozen=True, slots=True)
class Results:
    """The allowed numbers of every element of every result."""

    arrays: tuple[Within, ...]
    totals: Totals | None = None  # of the first result, where they are known better than its elements
    made: Made = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """Only an error conforms."""

    rule: str
    reason: str
    fault: Fault | None = None  # in which way the call breaks the rule
    made: Made = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnyMask:
    """Dropout of x by whatever mask the target draws."""

    x: Array
    rate: Any
    noise_shape: Any
    made: Made = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unspecified:
    """Anything conforms."""

    why: str
    made: Made = field(default_factory=dict)


Option: TypeAlias = Results | Refused | AnyMask | Unspecified


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these must be met; they stand in the order of preference."""

    options: tuple[Option, ...]


Allowed: TypeAlias = Option | AnyOf


def any_of(several: Iterable[Option]) -> Allowed:
    """Return the set that is met by what meets one of several; one alone is it itself."""
    found = tuple(several)
    return found[0] if len(found) == 1 else AnyOf(found)


def options(sets: Allowed) -> tuple[Option, ...]:
    """Return the sets of which one must be met."""
    return sets.options if isinstance(sets, AnyOf) else (sets,)


def marked(sets: Allowed, made: Made) -> tuple[Option, ...]:
    """Return the sets of which one must be met, as those of these alternatives, too."""
    return tuple(replace(option, made={**option.made, **made}) for option in options(sets))


def ways(choices: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """
    Yield every way to make some choices: by rule, the alternatives.

    >>> list(ways({"a": ("x", "y"), "b": ("z",)}))
    [{'a': 'x', 'b': 'z'}, {'a': 'y', 'b': 'z'}]
    """
    return (dict(zip(choices, made, strict=True)) for made in product(*choices.values()))
