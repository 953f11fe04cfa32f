"""
The frozen records that flow through the suite: case, observation, verdict.

A case is data: it can be written as JSON, sent to another machine and run there again, bit for bit.
An observation is a fact without opinion. A verdict is the opinion on one case and one target.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

__all__ = [
    "DISAGREEMENTS",
    "Array",
    "ArraySpec",
    "Case",
    "Crashed",
    "Json",
    "Observation",
    "OutOfMemory",
    "Raised",
    "Returned",
    "TimedOut",
    "Unsupported",
    "Verdict",
]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array argument of a call: what it looks like; its values follow from the case's regime and seed."""

    shape: tuple[int, ...]
    dtype: str  # a NumPy or ml_dtypes name


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One call of one op, complete enough to run again anywhere, bit for bit.

    The call is `op(**arrays, **attributes)`: arrays holds the array arguments by their names in the reference
    ("input", "filters", ...), attributes every other argument that is given, as JSON. What JSON has no word for is a
    dictionary with one key: {"float": "nan"}, {"float": "inf"}, {"float": "-inf"}, {"array": [...], "dtype": "..."}.
    """

    op: str
    arrays: Mapping[str, ArraySpec]
    attributes: Mapping[str, Json]
    regime: str  # how the values are drawn: conformance/cases/values.py
    seed: int  # of the counter-based stream the values come from
    breaks: str | None = None  # the one rule that this call breaks; None where the call is valid

    def to_json(self) -> dict[str, Json]:
        """Return the case as JSON data; `from_json` is its inverse."""
        return {
            "op": self.op,
            "arrays": {name: {"shape": list(a.shape), "dtype": a.dtype} for name, a in self.arrays.items()},
            "attributes": dict(self.attributes),
            "regime": self.regime,
            "seed": self.seed,
            "breaks": self.breaks,
        }

    @property
    def dtype(self) -> str:
        """The dtype of the first array, by which the call is named; "" where it has no array."""
        return next((array.dtype for array in self.arrays.values()), "")

    @property
    def id(self) -> str:
        """The op and sixteen hexadecimal digits derived from the content: the same content, the same id."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return f"{self.op}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Returned:
    """The target returned these arrays: one, or several for an op with several results."""

    arrays: tuple[Array, ...]
    seconds: float  # inside the target's call
    repeatable: bool | None = None  # whether a second run of the same call gave the same bits; None: not run
    trace_seconds: float = 0.0  # before the call: tracing a graph
    cpu_seconds: float | None = None  # processor time in it, tracing and a second run included; None: not told


@dataclass(frozen=True, slots=True)
class Raised:
    """The target raised an exception: its qualified type and its message."""

    type: str
    message: str
    seconds: float = 0.0
    cpu_seconds: float | None = None  # as of Returned


@dataclass(frozen=True, slots=True)
class Crashed:
    """The worker died: by this signal (negative) or with this exit code; the end of what it had printed."""

    code: int
    stderr: str = ""
    seconds: float = 0.0
    reason: str = ""  # where the suite ended it: what it had done wrong, such as an answer that breaks the protocol
    again: bool | None = None  # whether the call alone in a fresh worker ended the same way; None: not tried


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The call did not end within the limit."""

    seconds: float
    again: bool | None = None  # as of Crashed


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The worker went past its memory limit."""

    detail: str = ""
    seconds: float = 0.0
    again: bool | None = None  # as of Crashed


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The target says that it has no such function, or that it does not implement this call."""

    reason: str


Observation: TypeAlias = Returned | Raised | Crashed | TimedOut | OutOfMemory | Unsupported

# Every kind of disagreement. Each fails a run unless it is waived.
DISAGREEMENTS = (
    "wrong-value",
    "wrong-shape",
    "wrong-dtype",
    "accepted-invalid",
    "refused-valid",
    "crashed",
    "hung",
    "out-of-memory",
    "nondeterministic",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The opinion on one case and one target."""

    outcome: Literal["agrees", "disagrees", "unsupported", "undecided"]
    kind: str = ""  # of the disagreement, one of DISAGREEMENTS; or the remark "wrong-error" on an agreeing verdict
    reason: str = ""  # one sentence a person understands
    rule: str = ""  # the rule in question, where there is one
    worst: tuple[int, ...] = ()  # index of the worst element
    bound_used: float = float("nan")  # largest |observed - exact| / bound over all elements; 1 is the limit
    ulps: float = float("nan")  # largest distance from the correctly rounded value, in units in the last place
    measures: Mapping[str, float] = field(default_factory=dict)  # mean and root mean square of error / (u S), ...
