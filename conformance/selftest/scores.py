"""How many cases it takes to catch each faulty implementation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conformance.model import OPS
from conformance.selftest.notes import Notes
from conformance.selftest.subjects import Subject, Trial, trials

__all__ = ["Caught", "hunt"]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """How a faulty implementation was caught; cases 0: it survived."""

    subject: Subject
    cases: int  # until it was caught, that one included
    seconds: float
    how: str  # the kind of disagreement, or what told it over a whole run
    reason: str


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


def by_op(subjects: Iterable[Subject]) -> dict[str, list[Subject]]:
    """Return the subjects of each op, in the suite's order."""
    found: dict[str, list[Subject]] = {op: [] for op in OPS}
    for subject in subjects:
        found[subject.op].append(subject)
    return {op: group for op, group in found.items() if group}
