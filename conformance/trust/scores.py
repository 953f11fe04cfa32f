"""The scores: how many faulty implementations are caught, and how often a correct one is found fault with."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from conformance import masks
from conformance.cases import attributes
from conformance.fingerprints import fingerprints, worse_than_declared
from conformance.model import OPS, Returned
from conformance.trust.subjects import Subject, Trial, trials

if TYPE_CHECKING:
    from conformance.store import Store

__all__ = ["Caught", "Quiet", "hunt", "listen", "share_below"]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """How a faulty implementation was caught; cases 0: it survived."""

    subject: Subject
    cases: int  # until it was caught, that one included
    seconds: float
    how: str  # the kind of disagreement, or what told it over a whole run
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """How a correct implementation fared."""

    subject: Subject
    cases: int
    found: tuple[str, ...]  # false alarms: a case and its reason each
    named: tuple[str, ...]  # what its errors look like, a dtype each


class Notes:
    """What a run keeps of one subject, to be judged at its end: the errors' sums, and the masks."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.rows: list[dict[str, Any]] = []
        self.masks: list[masks.Mask] = []

    def add(self, trial: Trial) -> None:
        """Take in one case that agrees."""
        measured = trial.verdict.measures
        if measured:
            dtype = next(iter(trial.case.arrays.values())).dtype
            kind = {"op": trial.case.op, "target": "", "dtype": dtype, "regime": trial.case.regime}
            numbers = {name: float(measured.get(name, 0.0)) for name in ("elements", "sum", "squares", "inverse")}
            self.rows.append(kind | numbers)
        if self.subject.own_masks and isinstance(trial.observation, Returned) and not trial.case.breaks:
            mask = masks.seen(trial.case, trial.observation.arrays[0])
            self.masks += [mask] if mask else []

    def fingerprints(self) -> list[dict[str, Any]]:
        """Return the fingerprints of the run."""
        return fingerprints(cast("Store", _Table(self.rows))) if self.rows else []

    def faults(self) -> list[str]:
        """Return what only the whole run shows."""
        worse = [
            f"{entry['dtype']} looks like {entry['name']}, declared is {self.subject.arithmetic}"
            for entry in self.fingerprints()
            if worse_than_declared(self.subject.arithmetic, entry)
        ]
        return worse + masks.faults(self.masks)


class _Table:
    """Rows in memory, read as those of a run."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows

    def observations(self) -> pl.LazyFrame:
        """Return all rows."""
        return pl.LazyFrame(self._rows)

    def collect(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """Return the rows of a frame."""
        return frame.collect()


def hunt(subjects: Iterable[Subject], seed: int, count: int, tell: Tell) -> list[Caught]:
    """Try faulty implementations on a campaign's cases until each is caught."""
    found = []
    for op, group in by_op(subjects).items():
        notes = {subject.name: Notes(subject) for subject in group}
        caught: dict[str, Caught] = {}
        last: dict[str, Trial] = {}
        for trial in trials(group, seed, 0, count, once=True):
            name, judged = trial.subject.name, trial.verdict
            last[name] = trial
            if judged.outcome == "disagrees":
                caught[name] = Caught(
                    subject=trial.subject,
                    cases=trial.number + 1,
                    seconds=trial.seconds,
                    how=judged.kind,
                    reason=judged.reason,
                )
            else:
                notes[name].add(trial)
        for subject in group:
            if subject.name not in caught:
                caught[subject.name] = at_the_end(notes[subject.name], last[subject.name])
        found += [caught[subject.name] for subject in group]
        tell(f"{op}: {sum(caught[subject.name].cases > 0 for subject in group)} of {len(group)} caught")
    return found


def at_the_end(notes: Notes, last: Trial) -> Caught:
    """Judge a subject that no single case has caught by the whole run."""
    faults = notes.faults()
    return Caught(
        subject=notes.subject,
        cases=last.number + 1 if faults else 0,
        seconds=last.seconds,
        how="the whole run" if faults else "",
        reason="; ".join(faults),
    )


def listen(subjects: Iterable[Subject], seed: int, count: int, tell: Tell) -> list[Quiet]:
    """Try correct implementations on so many cases of each of their ops."""
    found = []
    for op, group in by_op(subjects).items():
        notes = {subject.name: Notes(subject) for subject in group}
        alarms: dict[str, list[str]] = defaultdict(list)
        done: Counter[str] = Counter()
        for trial in trials(group, seed, 0, count):
            name = trial.subject.name
            done[name] += 1
            if trial.verdict.outcome == "disagrees":
                alarms[name].append(f"case {trial.number} ({described(trial)}): {trial.verdict.reason}")
            else:
                notes[name].add(trial)
        for subject in group:
            alarms[subject.name] += notes[subject.name].faults()
            named = tuple(f"{entry['dtype']}: {entry['name']}" for entry in notes[subject.name].fingerprints())
            found.append(
                Quiet(subject=subject, cases=done[subject.name], found=tuple(alarms[subject.name]), named=named)
            )
        tell(f"{op}: {sum(map(len, alarms.values()))} false alarms in {sum(done.values())} observations")
    return found


def described(trial: Trial) -> str:
    """Return a case in a few words."""
    classes = attributes(trial.case)
    return f"{next(iter(trial.case.arrays.values())).dtype}, {trial.case.regime}, {classes.get('layout', '')}"


def by_op(subjects: Iterable[Subject]) -> dict[str, list[Subject]]:
    """Return the subjects of each op, in the suite's order."""
    found: dict[str, list[Subject]] = {op: [] for op in OPS}
    for subject in subjects:
        found[subject.op].append(subject)
    return {op: group for op, group in found.items() if group}


def share_below(cases: int, confidence: float = 0.95) -> float:
    """
    Return below which share false alarms surely lie where none was seen: (1 - share)^cases = 1 - confidence.

    >>> round(share_below(3000) * 1000, 1)
    1.0
    """
    return float(1 - (1 - confidence) ** (1 / cases)) if cases else 1.0
