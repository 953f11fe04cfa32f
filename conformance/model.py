"""
The frozen records that flow through the suite: case, observation, verdict.

A case is data: it can be written as JSON, sent to another machine and run there again, bit for bit.
An observation is a fact without opinion. A verdict is the opinion on one case and one target.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np

from reference.errors import Fault

__all__ = [
    "DISAGREEMENTS",
    "SYMPTOMS",
    "Array",
    "ArraySpec",
    "Case",
    "Crashed",
    "Evidence",
    "Json",
    "Observation",
    "OutOfMemory",
    "Raised",
    "Returned",
    "Symptom",
    "TimedOut",
    "Unsupported",
    "Verdict",
    "inside",
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
    cpu_seconds: float | None = None  # processor time in it, tracing and a second run included; None: not recorded
    kernels: tuple[str, ...] = ()  # the compiled code that computed it, where the target tells
    again: bool | None = None  # False: it did not end at first, or ran out of memory, and did neither when it was alone


@dataclass(frozen=True, slots=True)
class Raised:
    """The target raised an exception: its qualified type and its message."""

    type: str
    message: str
    seconds: float = 0.0
    cpu_seconds: float | None = None  # as of Returned
    again: bool | None = None  # as of Returned


@dataclass(frozen=True, slots=True)
class Crashed:
    """The worker died: by this signal (negative) or with this exit code; what it had printed of that."""

    code: int
    stderr: str = ""
    seconds: float = 0.0
    reason: str = ""  # where the suite ended it: what it had done wrong, such as an answer that breaks the protocol
    cpu_seconds: float = 0.0  # processor time until then; 0 where the system does not say
    again: bool | None = None  # whether the call alone in a fresh worker ended that way; None: not tried


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The call did not end within the limit."""

    seconds: float
    cpu_seconds: float = 0.0  # as of Crashed
    again: bool | None = None  # as of Crashed


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The worker went past its memory limit."""

    detail: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0  # as of Crashed
    again: bool | None = None  # as of Crashed


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The target says that it has no such function, or that it does not implement this call."""

    reason: str


Observation: TypeAlias = Returned | Raised | Crashed | TimedOut | OutOfMemory | Unsupported


def inside(observation: Observation) -> float:
    """Return the processor time in a target's call, whatever ended it; the time where an answer does not tell it."""
    match observation:
        case Returned() | Raised():
            tracing = observation.trace_seconds if isinstance(observation, Returned) else 0.0
            used = observation.cpu_seconds
            return observation.seconds + tracing if used is None else used
        case Unsupported():
            return 0.0
    return observation.cpu_seconds


# Every kind of disagreement. Each fails a run unless its cause is known.
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


class Symptom(StrEnum):
    """
    What a disagreement looks like, beyond its kind: a verdict has any number of these.

    Words are made of them in `conformance.judge.wording` alone; findings, causes and tables read the values.
    """

    # What the wrong elements have in common, each of them.
    NAN = "nan"  # is NaN
    INFINITE = "infinite"
    ZERO = "zero"  # is 0, or what is allowed lies on both sides of 0
    LOWEST = "lowest"  # is the lowest finite number where -inf is due
    NOT_ABOVE = "not-above"  # is not larger than what is allowed
    UNWRITTEN = "unwritten"  # is memory that was handed out and never written
    # What the whole result shows.
    TOTALS_AGREE = "totals-agree"  # the elements of each image and channel add up to what they should
    TOTALS_DIFFER = "totals-differ"  # they do not, though each element could be right
    NOT_SCALED = "not-scaled"  # an element of dropout is neither its input scaled nor zero
    SHARE_KEPT = "share-kept"  # a mask keeps more or fewer elements than chance would
    RESULTS = "results"  # another number of arrays than is due
    SHAPE = "shape"
    DTYPE = "dtype"
    NOT_REPEATED = "not-repeated"  # other bits the second time
    DIVISOR = "divisor"  # means over another number of elements give it
    # Another arithmetic that explains the result.
    FLOAT16_SUMS = "float16-sums"
    BFLOAT16_SUMS = "bfloat16-sums"
    WINOGRAD_2 = "winograd-2"
    WINOGRAD_4 = "winograd-4"
    FFT = "fft"
    TF32_FACTORS = "tf32-factors"
    BFLOAT16_FACTORS = "bfloat16-factors"
    # How a call ended that gave no result.
    RAISED = "raised"
    SIGNAL = "signal"  # a signal ended the process
    EXIT = "exit"  # the process ended itself, with an exit code
    NO_ANSWER = "no-answer"
    NO_MEMORY = "no-memory"
    # What only a whole run shows.
    RUN_SHARE = "run-share"  # masks drop more or fewer elements than the rates say
    RUN_CORRELATION = "run-correlation"  # cells of a mask depend on one another
    RUN_CALL = "run-call"  # one call gave several masks
    RUN_SEEDS = "run-seeds"  # several seeds gave one mask
    RUN_UNSEEDED = "run-unseeded"  # several calls without a seed gave one mask
    RUN_ARITHMETIC = "run-arithmetic"  # errors like those of a worse arithmetic than the declared one
    RUN_CHOICE = "run-choice"  # no alternative of a choice is what all calls show


SYMPTOMS: Mapping[str, Symptom | Fault] = {each.value: each for each in (*Symptom, *Fault)}


class Evidence(TypedDict, total=False):
    """The numbers behind a verdict, as JSON: those that its symptoms need. Elements are written as their dtype does."""

    different: int  # elements that are not allowed
    elements: int  # of the result
    observed: str  # the worst element
    low: str  # what it may be, from here
    high: str  # to there
    input: str  # the element of dropout's input at the place of the worst one
    observed_shape: list[int]
    allowed_shape: list[int]
    observed_dtype: str
    allowed_dtype: str
    observed_results: int
    allowed_results: int
    kept: int  # elements of a mask
    cells: int  # of a mask, or of all masks of a run, that tell whether they were kept
    rate: float
    seconds: float  # waited for an answer
    signal: int  # that ended the process
    exit_code: int  # with which it ended
    error: str  # the qualified type of an exception
    message: str  # of an exception, or what the suite or the system says of the end of a process
    reason: str  # why the specification refuses a call or leaves it open, or why a target does not support it
    deviations: float  # standard deviations by which masks drop too much (above 0) or too little
    correlations: list[tuple[int, float]]  # of cells at a distance
    call: str  # all that decides a mask
    masks: int  # that one call gave
    seeds: list[str]  # that gave one mask
    arithmetic: str  # what the errors look like
    declared: str  # what the target declares
    alternatives: dict[str, int]  # of a choice, each with the calls that show it


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The opinion on one case and one target; its words: `conformance.judge.wording`."""

    outcome: Literal["agrees", "disagrees", "unsupported", "undecided"]
    kind: str = ""  # of the disagreement, one of DISAGREEMENTS; or a remark: "wrong-error", "answered"
    symptoms: tuple[Symptom | Fault, ...] = ()  # of a call that is accepted: the way in which it breaks its rule
    evidence: Evidence = field(default_factory=Evidence)
    rule: str = ""  # the rule in question, where there is one
    worst: tuple[int, ...] = ()  # index of the worst element
    bound_used: float = float("nan")  # largest |observed - exact| / bound over all elements; 1 is the limit
    ulps: float = float("nan")  # largest distance from the correctly rounded value, in units in the last place
    measures: Mapping[str, float] = field(default_factory=dict)  # mean and root mean square of error / (u S), ...
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by rule of kind choice, the alternatives met
