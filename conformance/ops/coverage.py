"""
What a run reached of what the generators can make: classes of features, pairs and triples of them, and broken rules.

A value is a class of a feature of an op's valid calls, such as "padding SAME", a dtype, a layout or a regime; a pair
or a triple is two or three values of one case. What can be made is what many draws make, of those that some target
claims: a lower bound of all there is; a rarer one that a run met besides counts as makeable too. `covering` chooses the
draws that a run makes of them, `drawn` makes them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

import numpy as np

from conformance.cases.choices import streams
from conformance.cases.covering import Table, Value, table
from conformance.cases.covering import covering as chosen
from conformance.model import Case
from conformance.ops.features import features
from conformance.ops.stream import valid
from conformance.ops.table import OPS

__all__ = ["DRAWS", "Coverage", "Reached", "Taken", "covering", "drawn", "made", "makeable", "met", "of_pairs"]

# The features of a call as a target takes it; None where none does.
Taken: TypeAlias = Callable[[Case], Mapping[str, str] | None]
DRAWS = 4096  # valid calls of an op, from which what can meet is learnt
LENGTHY = {("stride", "huge"), ("longest window", "above 65,535")}  # one in twenty such calls does not end
STRENGTHS = {"values": 1, "pairs": 2, "triples": 3}
LISTED = 50  # of what was not reached, at most


@dataclass(frozen=True, slots=True)
class Coverage:
    """The distinct valid calls of one op, by their features, and the rules that its broken calls broke."""

    rows: set[tuple[Value, ...]] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    def add(self, found: dict[str, str]) -> None:
        """Take in one case by its features."""
        if "breaks" in found:
            self.broken.add(found["breaks"])
        else:
            self.rows.add(tuple(sorted(found.items())))

    @property
    def values(self) -> set[Value]:
        """The classes that were met."""
        return {value for row in self.rows for value in row}


@dataclass(frozen=True, slots=True)
class Reached:
    """How many were reached, out of how many, and which were not: the first of them."""

    reached: int
    makeable: int
    missing: tuple[str, ...]


def made(cases: Iterable[Case]) -> Coverage:
    """Take in the cases of one op."""
    coverage = Coverage()
    for case in cases:
        coverage.add(features(case))
    return coverage


def makeable(op: str, seed: int = 0, draws: int = DRAWS, taken: Taken = features) -> Coverage:
    """Return what so many draws of a seed make, and every rule that a call can break."""
    _, found = _taken(op, seed, 0, draws, taken)
    rows = {tuple(found.values[code] for code in codes) for codes in found.codes.tolist()}
    return Coverage(rows, set(OPS[op].breaks))


@cache
def covering(op: str, seed: int, lap: int = 0, draws: int = DRAWS, taken: Taken = features) -> tuple[int, ...]:
    """
    Return the numbers of few of so many draws: they meet each triple of classes that any meets, and so each pair.

    The best come first, and those last that may take TensorFlow long. lap: each has draws of its own.
    """
    numbers, found = _taken(op, seed, lap * draws, draws, taken)
    return tuple(numbers[row] for row in chosen(found, STRENGTHS["triples"], LENGTHY))


@cache
def of_pairs(op: str, seed: int, lap: int = 0, draws: int = DRAWS, taken: Taken = features) -> int:
    """Return how many of the covering draws, the first, meet all pairs of classes."""
    _, found = _taken(op, seed, lap * draws, draws, taken)
    return len(chosen(found, STRENGTHS["pairs"], LENGTHY))


@cache
def _taken(op: str, seed: int, first: int, draws: int, taken: Taken) -> tuple[tuple[int, ...], Table]:
    """Return the numbers of those of so many draws that are taken, and their features."""
    several = enumerate(map(taken, drawn(op, seed, first, draws)), first)
    kept = {number: classes for number, classes in several if classes is not None}
    return tuple(kept), table(list(kept.values()))


def drawn(op: str, seed: int, first: int, count: int = 1) -> Iterator[Case]:
    """Yield valid calls, apart from those of the op's stream."""
    return (valid(op, choices) for choices in streams(seed, f"{op}, covering", first, count))


def met(run: Coverage, all_: Coverage) -> dict[str, Reached]:
    """Compare what a run reached with what can be made: values, pairs and triples of them, broken rules."""
    both = table([dict(row) for row in (*sorted(run.rows), *sorted(all_.rows - run.rows))])
    found = {name: _reached(both, len(run.rows), strength) for name, strength in STRENGTHS.items()}
    missing = tuple(sorted(all_.broken - run.broken))
    return found | {"broken rules": Reached(len(run.broken), len(run.broken | all_.broken), missing)}


def _reached(both: Table, rows: int, strength: int) -> Reached:
    """Count the combinations of so many classes that the first rows meet, of those that any row meets."""
    mine, all_ = both.met(strength, slice(rows)), both.met(strength)
    missing = np.flatnonzero(all_ & ~mine)[:LISTED].tolist()
    words = tuple(" and ".join(" ".join(value) for value in values) for values in both.named(missing, strength))
    return Reached(int(mine.sum()), int(all_.sum()), words)
