"""
How often a correct implementation is found fault with.

The cases of an op are done in blocks as long as a run, each judged as a run is: case by case, then by what all of them
show together. What is known of a block is a few sums, so that blocks can be done side by side, kept, and added up.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from conformance.cases import attributes
from conformance.judge.fingerprints import DECLARED, told
from conformance.run.jobs import CASES
from conformance.selftest.emulations import emulations
from conformance.selftest.notes import Notes, Sums, worse
from conformance.selftest.subjects import Subject, Trial, trials

__all__ = ["Block", "Quiet", "blocks", "listen", "share_below", "together"]

TELLING = 10_000  # elements of normal data, by which an arithmetic can be named


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """How a correct implementation fared."""

    name: str
    declared: str
    cases: int
    found: tuple[str, ...]  # false alarms: a case and its reason each
    sums: Sums  # of its errors

    @property
    def kind(self) -> str:
        """Its name without the op."""
        return self.name.partition(": ")[2]

    @property
    def looks(self) -> list[str]:
        """What its errors look like, a dtype each."""
        return [f"{entry['dtype']}: {entry['name']}" for entry in told(self.sums)]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive cases of an op, and how many of them each implementation does."""

    op: str
    first: int
    counts: Mapping[str, int]

    def listen(self, seed: int) -> list[Quiet]:
        """Do the cases."""
        subjects = {subject.name: subject for subject in emulations()}
        found = []
        for count in sorted(set(self.counts.values())):
            group = [subjects[name] for name, cases in self.counts.items() if cases == count]
            found += listen(group, seed, self.first, count)
        return found

    def kept(self, seed: int, folder: Path | None) -> list[Quiet]:
        """Do the cases, or read what became of them when they were last done: a file each block in a folder."""
        if folder is None:
            return self.listen(seed)
        path = folder / f"{self.op}-{self.first:07d}.json"
        asked = {"seed": seed, "counts": dict(self.counts)}
        if done := _read(path, asked):
            return done
        quiet = self.listen(seed)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"asked": asked, "quiet": [asdict(entry) for entry in quiet]}))
        new.replace(path)
        return quiet


def _read(path: Path, asked: Mapping[str, Any]) -> list[Quiet]:
    """Return what a file says of a block; nothing if there is none, or one of another block."""
    try:
        data = json.loads(path.read_text())
        entries = data["quiet"] if data["asked"] == asked else []
        return [Quiet(**{**entry, "found": tuple(entry["found"])}) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def blocks(cases: int, ops: Iterable[str]) -> Iterator[Block]:
    """
    Yield the blocks that give every kind of correct arithmetic so many cases, shared evenly by its ops.

    ops: those whose blocks are wanted. They take turns.
    """
    subjects = emulations()
    among = Counter(subject.name.partition(": ")[2] for subject in subjects)
    share = {subject.name: -(-cases // among[subject.name.partition(": ")[2]]) for subject in subjects}
    chosen = {op: [subject.name for subject in subjects if subject.op == op] for op in ops}
    for first in range(0, max(share.values()), CASES):
        for op, names in chosen.items():
            counts = {name: min(CASES, share[name] - first) for name in names if share[name] > first}
            if counts:
                yield Block(op, first, counts)


def listen(subjects: Sequence[Subject], seed: int, first: int, count: int) -> list[Quiet]:
    """Try correct implementations of one op on its cases first .. first + count - 1."""
    notes = {subject.name: Notes(subject) for subject in subjects}
    alarms: dict[str, list[str]] = defaultdict(list)
    for trial in trials(subjects, seed, first, count):
        name = trial.subject.name
        if trial.verdict.outcome == "disagrees":
            alarms[name].append(f"case {trial.number} ({described(trial)}): {trial.verdict.reason}")
        else:
            notes[name].add(trial)
    return [
        Quiet(
            name=name,
            declared=of_one.subject.arithmetic,
            cases=count,
            found=(*alarms[name], *of_one.faults()),
            sums=of_one.sums(),
        )
        for name, of_one in notes.items()
    ]


def together(parts: Iterable[Quiet]) -> list[Quiet]:
    """Add up the blocks of each implementation; what all of them together show is judged once more, and its name."""
    grouped: dict[str, list[Quiet]] = defaultdict(list)
    for part in parts:
        grouped[part.name].append(part)
    found = []
    for group in grouped.values():
        sums = added(row for part in group for row in part.sums)
        alarms = [alarm for part in group for alarm in part.found]
        if len(group) > 1:
            alarms += worse(group[0].declared, sums)
        whole = replace(group[0], cases=sum(part.cases for part in group), sums=sums)
        found.append(replace(whole, found=(*alarms, *misnamed(whole))))
    return found


def misnamed(quiet: Quiet) -> list[str]:
    """Say where a convolution in float32 is not named as what it is, though there are elements enough to tell."""
    right = {"reference": ("correctly rounded",), "float64": ("float64", "correctly rounded")}.get(
        quiet.kind, (DECLARED.get(quiet.declared, "float32"),)
    )
    return [
        f"{entry['dtype']} looks like {entry['name']}, it is {right[0]}"
        for entry in told(quiet.sums)
        if (entry["op"], entry["dtype"]) == ("conv2d", "float32")
        and entry["elements"] >= TELLING
        and entry["name"] not in right
    ]


def added(rows: Iterable[Mapping[str, Any]]) -> Sums:
    """Add up the sums of each op, dtype and regime."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        texts = tuple(value for value in row.values() if isinstance(value, str))
        before = found.get(texts)
        found[texts] = {
            name: value if before is None or isinstance(value, str) else value + before[name]
            for name, value in row.items()
        }
    return list(found.values())


def described(trial: Trial) -> str:
    """Return a case in a few words."""
    classes = attributes(trial.case)
    return f"{next(iter(trial.case.arrays.values())).dtype}, {trial.case.regime}, {classes.get('layout', '')}"


def share_below(cases: int, confidence: float = 0.95) -> float:
    """
    Return below which share false alarms surely lie where none was seen: (1 - share)^cases = 1 - confidence.

    >>> round(share_below(3000) * 1000, 1)
    1.0
    """
    return float(1 - (1 - confidence) ** (1 / cases)) if cases else 1.0
