"""
Causes by target and release: where each is seen and where not, measured by its cases; and the first that differs.

A cause's cases are called on a target whatever releases the cause is said to be of, and each of its places comes out as
one of STATES, or None where it does not speak of the target. What was measured is kept by the content of the place, so
that it is not measured again.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from packaging.version import Version

from conformance.errors import SuiteError
from conformance.ops import OPS, features
from conformance.run.trials import Panel
from conformance.triage.known.cause import ANY_VERSION, Cause, Place, Versions
from conformance.triage.known.installation import Installation
from conformance.triage.known.matching import calls, concerns, place_of, speaks_of
from conformance.triage.known.state import disagreement_of, outcomes
from conformance.triage.known.writing import cases_text, text

__all__ = [
    "FILE",
    "STATES",
    "Column",
    "History",
    "State",
    "first_that_differs",
    "key_of",
    "measured",
    "read",
    "versions",
    "write",
]

SCHEMA = 2
FILE = "history.json"
# Of a place on a target: its cases show the fault; they fail in another way; they conform; none could be judged.
State: TypeAlias = Literal["seen", "otherwise", "not there", "not run"]
STATES: tuple[State, ...] = ("seen", "otherwise", "not there", "not run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One target with one release."""

    target: str  # without release
    release: str  # as it was asked for; "" for the TensorFlow that is installed beside the suite
    version: str = ""  # as the target says
    isa: str = ""
    why: str = ""  # it could not run


@dataclass(slots=True)
class History:
    """What is known of causes by column."""

    columns: dict[str, Column]  # by the full name of the target
    found: dict[str, dict[str, State | None]]  # by the full name of the target and the key of the place

    def state(self, name: str, cause: Cause) -> State | None:
        """Return the gravest state of a cause's places of a target; None where it has none, or one is unknown."""
        if self.columns[name].why:
            return "not run"
        found = self.found.get(name, {})
        keys = [key_of(cause, place) for place in cause.where if speaks_of(place, name)]
        states = {found.get(key) for key in keys}
        known = STATES if all(key in found for key in keys) else STATES[:1]
        return next((state for state in known if state in states), None)


def key_of(cause: Cause, place: Place) -> str:
    """Return twelve hexadecimal digits derived from a place of a cause and its cases, but for its releases."""
    told = Cause(id="", library="", title="", severity="", review=dt.date.min, where=(), cases=())
    one = alone(cause, place)
    plain = replace(told, where=one.where, cases=one.cases)
    return hashlib.sha256((text([plain]) + cases_text([plain])).encode()).hexdigest()[:12]


def alone(cause: Cause, place: Place) -> Cause:
    """Return a cause of one place alone, as one that may be in any release."""
    cases = tuple(case for case in cause.cases if calls(place, case.op, features(case)))
    return replace(cause, where=(replace(place, versions=ANY_VERSION),), cases=cases)


def measured(cause: Cause, place: Place, panel: Panel, name: str, installation: Installation) -> State | None:
    """Call the cases of a place of a cause on one target, and return its state."""
    plain = alone(cause, place)
    (timeless,) = plain.where
    if not concerns(plain, timeless, name, installation):
        return None
    met: set[State] = set()
    for outcome in outcomes(plain, timeless, panel, {name: installation}, OPS):
        if place_of(plain, disagreement_of(outcome, {name: installation})) is not None:
            return "seen"
        met.add(ENDS.get(outcome.verdict.outcome, "not run"))
    return next((state for state in STATES if state in met), "not run")


ENDS: Mapping[str, State] = {"agrees": "not there", "disagrees": "otherwise"}


def versions(history: History, cause: Cause) -> Cause:
    """Return a cause with the releases in which its places were seen, and those in which they were not there."""
    return replace(cause, where=tuple(_dated(history, cause, place) for place in cause.where))


def _dated(history: History, cause: Cause, place: Place) -> Place:
    """Return a place with its releases; as it was where it was seen in none."""
    by_state: dict[State, set[str]] = {state: set() for state in STATES}
    for name, column in history.columns.items():
        state = history.found.get(name, {}).get(key_of(cause, place))
        if state and column.version:
            by_state[state].add(column.version)
    seen = sorted(by_state["seen"], key=Version)
    if not seen:
        return place
    absent = sorted(by_state["not there"] - by_state["seen"], key=Version)
    return replace(place, versions=Versions(first=seen[0], last=seen[-1], absent=tuple(absent)))


def first_that_differs(names: Sequence[str], state: Callable[[str], State | None]) -> str | None:
    """
    Return the first of these columns, in the order of their releases, whose state is not that of the first one.

    By bisection: between the two ends, which are asked for first, the state is taken to change once. None where the
    ends have the same state.
    """
    low, high = 0, len(names) - 1
    before = state(names[low])
    if state(names[high]) == before:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if state(names[middle]) == before else (low, middle)
    return names[high]


def write(folder: Path, history: History) -> None:
    """Write what is known into a folder, instead of an earlier one."""
    columns = {name: asdict(column) for name, column in history.columns.items()}
    data = {"schema": SCHEMA, "columns": columns, "found": history.found}
    part = folder / f"{FILE}.part"
    part.write_text(json.dumps(data, indent=1) + "\n")
    part.replace(folder / FILE)


def read(folder: Path) -> History:
    """
    Read what is known from a folder; nothing where there is none.

    Raises:
        SuiteError: the file cannot be read, or is no such file.
    """
    path = folder / FILE
    try:
        data = json.loads(path.read_text()) if path.exists() else {"columns": {}, "found": {}}
        columns = {str(name): Column(**entry) for name, entry in data["columns"].items()}
        return History(columns=columns, found={str(name): dict(_found(each)) for name, each in data["found"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SuiteError(f"{path}: not what a history writes: {error!r}") from error


def _found(entries: Mapping[str, Any]) -> Iterator[tuple[str, State | None]]:
    """Yield the states of places, each of them checked."""
    for key, state in entries.items():
        if state not in (*STATES, None):
            raise ValueError(f"{key}: {state}")
        yield str(key), state
