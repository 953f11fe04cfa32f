"""
What a run reached of what the generators can make: single features, and pairs of them.

A value is a feature of an op's valid calls, such as "padding SAME", a dtype, a layout or a regime; a pair
is two values of one case. What can be made is what a long generation made: 4,096 cases of an op unless told otherwise.
That is a lower bound of all there is: a rarer value or pair that a run met besides counts as makeable too.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations

from conformance.model import Case
from conformance.ops.features import features
from conformance.ops.stream import generate

__all__ = ["Coverage", "Reached", "made", "makeable", "met"]

Value = tuple[str, str]  # a feature and its class
LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each value, pair and broken rule of one op was met."""

    values: Counter[Value] = field(default_factory=Counter)
    pairs: Counter[tuple[Value, Value]] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)  # by rule

    def add(self, found: dict[str, str]) -> None:
        """Count one case by its features."""
        if "breaks" in found:
            self.broken[found["breaks"]] += 1
            return
        values = sorted(found.items())
        self.values.update(values)
        self.pairs.update(combinations(values, 2))


@dataclass(frozen=True, slots=True)
class Reached:
    """How many were reached, out of how many, and which were not."""

    reached: int
    makeable: int
    missing: tuple[str, ...]


def made(cases: Iterable[Case]) -> Coverage:
    """Count the cases of one op."""
    coverage = Coverage()
    for case in cases:
        coverage.add(features(case))
    return coverage


def makeable(op: str, cases: int = LENGTH) -> Coverage:
    """Count what the generators of an op make in a long run."""
    return made(generate(op, 0, 0, cases))


def met(run: Coverage, all_: Coverage) -> dict[str, Reached]:
    """Compare what a run reached with what can be made: single values, pairs, broken rules."""
    return {
        "values": _reached({" ".join(v) for v in run.values}, {" ".join(v) for v in all_.values}),
        "pairs": _reached({_pair(p) for p in run.pairs}, {_pair(p) for p in all_.pairs}),
        "broken rules": _reached(set(run.broken), set(all_.broken)),
    }


def _reached(run: set[str], all_: set[str]) -> Reached:
    """Count one kind."""
    return Reached(len(run), len(run | all_), tuple(sorted(all_ - run)))


def _pair(pair: tuple[Value, Value]) -> str:
    """Return a pair in words."""
    return " and ".join(" ".join(value) for value in pair)
