"""
How often a correct implementation is found to be wrong.

The cases of an op are run in blocks as long as a run, each judged as a run is: case by case, then all of them together.
A block's result is a few sums, so that blocks can run side by side, be kept in files, and be added up.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from conformance.judge.fingerprints import DECLARED, from_sums
from conformance.judge.wording import sentence
from conformance.ops import OPS, features, generate
from conformance.run.plan import CASES
from conformance.selftest.aggregates import Aggregate, Sums, weaker
from conformance.selftest.correct import correct_implementations
from conformance.selftest.implementations import Implementation, Trial, trials

__all__ = ["Block", "FalsePositives", "added_up", "blocks", "run_correct", "share_below"]

TELLING = 10_000  # elements of normal data, by which an arithmetic can be named


@dataclass(frozen=True, slots=True, kw_only=True)
class FalsePositives:
    """What became of a correct implementation."""

    name: str
    declared: str  # its arithmetic
    cases: int
    alarms: tuple[str, ...]  # the false positives: a case and its reason each
    sums: Sums  # of its errors

    @property
    def kind(self) -> str:
        """Its name without the op."""
        return self.name.partition(": ")[2]

    @property
    def looks(self) -> list[str]:
        """What its errors look like, a dtype each."""
        return [f"{entry['dtype']}: {entry['name']}" for entry in from_sums(self.sums)]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive cases of an op, and how many of them each implementation runs."""

    op: str
    first: int
    counts: Mapping[str, int]

    def run(self, seed: int) -> list[FalsePositives]:
        """Run the cases."""
        implementations = {each.name: each for each in correct_implementations()}
        found = []
        for count in sorted(set(self.counts.values())):
            group = [implementations[name] for name, cases in self.counts.items() if cases == count]
            found += run_correct(group, seed, self.first, count)
        return found

    def run_once(self, seed: int, folder: Path | None) -> list[FalsePositives]:
        """Run the cases, or read what became of them when they last ran: a folder has a file for each block."""
        if folder is None:
            return self.run(seed)
        path = folder / f"{self.op}-{self.first:07d}.json"
        block = {"seed": seed, "counts": dict(self.counts)}
        if found := _read(path, block):
            return found
        found = self.run(seed)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"block": block, "results": [asdict(entry) for entry in found]}))
        new.replace(path)
        return found


def _read(path: Path, block: Mapping[str, Any]) -> list[FalsePositives]:
    """Return the results that a file holds of a block; none if there is no file, or one of another block."""
    try:
        data = json.loads(path.read_text())
        entries = data["results"] if data["block"] == block else []
        return [FalsePositives(**{**entry, "alarms": tuple(entry["alarms"])}) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def blocks(cases: int, ops: Iterable[str]) -> Iterator[Block]:
    """
    Yield the blocks that give every kind of correct arithmetic so many cases, shared evenly by its ops.

    ops: those whose blocks are wanted. They take turns.
    """
    implementations = correct_implementations()
    among = Counter(each.kind for each in implementations)
    share = {each.name: -(-cases // among[each.kind]) for each in implementations}
    chosen = {op: [each.name for each in implementations if each.op == op] for op in ops}
    for first in range(0, max(share.values()), CASES):
        for op, names in chosen.items():
            counts = {name: min(CASES, share[name] - first) for name in names if share[name] > first}
            if counts:
                yield Block(op, first, counts)


def run_correct(implementations: Sequence[Implementation], seed: int, first: int, count: int) -> list[FalsePositives]:
    """Run correct implementations of one op on its cases first .. first + count - 1."""
    aggregates = {each.name: Aggregate(each) for each in implementations}
    alarms: dict[str, list[str]] = defaultdict(list)
    stream = generate(implementations[0].op, seed, first, count) if implementations else ()
    for trial in trials(implementations, stream, first=first):
        name = trial.implementation.name
        if trial.verdict.outcome == "disagrees":
            alarms[name].append(f"case {trial.number} ({described(trial)}): {sentence(trial.verdict)}")
        else:
            aggregates[name].add(trial)
    return [
        FalsePositives(
            name=name,
            declared=aggregate.implementation.arithmetic,
            cases=count,
            alarms=(*alarms[name], *aggregate.faults()),
            sums=aggregate.sums(),
        )
        for name, aggregate in aggregates.items()
    ]


def added_up(parts: Iterable[FalsePositives]) -> list[FalsePositives]:
    """Add up the blocks of each implementation; what all of them show together is judged once more."""
    grouped: dict[str, list[FalsePositives]] = defaultdict(list)
    for part in parts:
        grouped[part.name].append(part)
    found = []
    for group in grouped.values():
        sums = _sums(row for part in group for row in part.sums)
        alarms = [alarm for part in group for alarm in part.alarms]
        if len(group) > 1:
            alarms += weaker(group[0].declared, sums)
        whole = replace(group[0], cases=sum(part.cases for part in group), sums=sums)
        found.append(replace(whole, alarms=(*alarms, *misnamed(whole))))
    return found


def misnamed(result: FalsePositives) -> list[str]:
    """Say where the fingerprint of a float32 convolution names another arithmetic, given enough elements to tell."""
    right = {"reference": ("correctly rounded",), "float64": ("float64", "correctly rounded")}.get(
        result.kind, (DECLARED.get(result.declared, "float32"),)
    )
    return [
        f"{entry['dtype']} looks like {entry['name']}, it is {right[0]}"
        for entry in from_sums(result.sums)
        if entry["dtype"] == "float32"
        and OPS[entry["op"]].transforms
        and not OPS[entry["op"]].shape_argument  # the forward one
        and entry["elements"] >= TELLING
        and entry["name"] not in right
    ]


def _sums(rows: Iterable[Mapping[str, Any]]) -> Sums:
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
    return f"{trial.case.dtype}, {trial.case.regime}, {features(trial.case).get('layout', '')}"


def share_below(cases: int, confidence: float = 0.95) -> float:
    """
    Return the share below which false positives lie where none was found: (1 - share)^cases = 1 - confidence.

    >>> round(share_below(3000) * 1000, 1)
    1.0
    """
    return float(1 - (1 - confidence) ** (1 / cases)) if cases else 1.0
