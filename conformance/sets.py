"""
What the specification allows a call to give, as data: a set, never one array.

`Results` is one set a result; `Refused` says that only an error conforms; `AnyOf` leaves open which of several sets is
met; `AnyMask` is dropout under any generator; `Unspecified` permits anything, and says why.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from conformance.model import Array
from reference.bounds import Within
from reference.errors import Fault

__all__ = ["Allowed", "AnyMask", "AnyOf", "Refused", "Results", "Totals", "Unspecified"]


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
    remark: str = ""  # what a target that meets this set, and not an earlier one, is told
    totals: Totals | None = None  # of the first result, where they are known better than its elements


@dataclass(frozen=True, slots=True)
class Refused:
    """Only an error conforms."""

    rule: str
    reason: str
    fault: Fault | None = None  # in which way the call breaks the rule


@dataclass(frozen=True, slots=True)
class AnyMask:
    """Dropout of x by whatever mask the target draws."""

    x: Array
    rate: Any
    noise_shape: Any


@dataclass(frozen=True, slots=True)
class Unspecified:
    """Anything conforms."""

    why: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these must be met; they stand in the order of preference."""

    options: tuple["Results | Refused | AnyMask | Unspecified", ...]


Allowed: TypeAlias = Results | Refused | AnyMask | Unspecified | AnyOf
