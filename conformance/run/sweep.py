"""
A sweep: a block of a small world on the targets of a run, many calls a frame.

On the lattice every order of summation gives the same exact numbers, so that what a target returns is compared with
the reference bit for bit (+0 and -0 are equal), and no bound is computed. A call that differs is judged as any other
case is, and is then an observation like any other; those that agree are counted.
"""

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, zip_longest
from typing import Any

import numpy as np

from conformance import ops
from conformance.cases.world import Region
from conformance.judge.allowed import permits
from conformance.model import Array, Case, Observation, Returned, inside
from conformance.ops import OPS, listed
from conformance.ops.arguments import run_reference
from conformance.ops.regions import regions
from conformance.run.scope import Scope, route_of, together
from conformance.run.trials import Outcome, Panel
from conformance.targets.transport.messages import Call

__all__ = ["BLOCK", "CORPUS", "LONG", "Block", "ListedBlock", "Swept", "SweptRow", "blocks", "cycle", "sweep"]

BATCH = 32  # calls of a frame
CORPUS = "corpus"  # the part of a block that is of no world
KEPT = ("disagrees", "undecided")  # outcomes that become observations
BLOCK = 32  # calls of a block beside other cases
LONG = 1024  # of a run that has nothing else; what a killed run loses at most, for each job


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive calls of one region of an op's small world."""

    op: str
    side: int
    region: str
    number: int
    calls: int = BLOCK

    @property
    def name(self) -> str:
        """Its file's name, without the ending."""
        return f"{self.region}-{self.number:06d}"

    @property
    def first(self) -> int:
        """Number of its first call in the region."""
        return self.number * self.calls

    @property
    def of(self) -> Region:
        """The region itself."""
        return regions(self.op, self.side)[self.region]

    @property
    def exists(self) -> bool:
        """Whether the region has so many calls."""
        return self.first < self.of.size

    def cases(self) -> Iterator[Case]:
        """Yield its calls."""
        return self.of.cases(self.first, self.calls)

    def row(self, target: str, swept: "Swept", own_seconds: float) -> "SweptRow":
        """Return what one target did with it, to be stored."""
        region = self.of
        where: dict[str, Any] = {
            "dtype": region.dtype,
            "part": region.part,
            "side": self.side,
            "size": region.size,
            "first": self.first,
        }
        return SweptRow(op=self.op, **where, target=target, **swept.columns, own_seconds=own_seconds)


@dataclass(frozen=True, slots=True)
class ListedBlock:
    """Calls of an op at layers of the corpus."""

    op: str
    seed: int
    whole: bool  # whether at every layer, not only at small ones
    number: int

    @property
    def name(self) -> str:
        """Its file's name, without the ending."""
        return f"{self.op}-corpus-{self.seed}-{self.number:05d}"

    def cases(self) -> Iterator[Case]:
        """Yield its calls."""
        places = listed.blocks(self.op, self.seed, whole=self.whole)[self.number]
        return (listed.at(self.op, self.seed, place) for place in places)

    def row(self, target: str, swept: "Swept", own_seconds: float) -> "SweptRow":
        """Return what one target did with it, to be stored."""
        size = len(listed.places(self.op, self.seed, whole=self.whole))
        where: dict[str, Any] = {
            "op": self.op,
            "dtype": "",
            "part": CORPUS,
            "side": 0,
            "size": size,
            "first": self.number,
        }
        return SweptRow(**where, target=target, **swept.columns, own_seconds=own_seconds)


def cycle(names: Sequence[str], side: int, turn: int = 0, calls: int = BLOCK) -> Iterator[Block]:
    """
    Yield the blocks of one turn through the regions of these ops, the ops taking turns.

    Each region comes as often as the generator draws its dtype.
    """
    by_op = ([*_turn(name, side, turn, calls)] for name in names)
    return (block for several in zip_longest(*by_op) for block in several if block)


def _turn(op: str, side: int, turn: int, calls: int) -> Iterator[Block]:
    """Yield the blocks of one turn through the regions of an op."""
    dtypes = OPS[op].dtypes
    for place, dtype in enumerate(dtypes):
        number = turn * dtypes.count(dtype) + dtypes[:place].count(dtype)
        for name, region in regions(op, side).items():
            block = Block(op, side, name, number, calls)
            if region.dtype == dtype and block.exists:
                yield block


def blocks(names: Sequence[str], side: int, calls: int = BLOCK) -> Iterator[Block]:
    """Yield every block of so many calls of the small worlds of these ops up to a side."""
    for turn in count():
        first = next(turned := cycle(names, side, turn, calls), None)
        if first is None:
            return
        yield from chain([first], turned)


@dataclass(slots=True)
class Swept:
    """What one target did with the calls of a block."""

    counts: Counter[str] = field(default_factory=Counter)  # by verdict; what it does not claim is unsupported
    kept: list[Outcome] = field(default_factory=list)  # what is of KEPT
    seconds: float = 0.0  # processor time inside the target's calls, but for what is kept
    kernels: Counter[str] = field(default_factory=Counter)  # that it has run, likewise

    @property
    def columns(self) -> dict[str, Any]:
        """What it says of itself in a row."""
        counts = {what: self.counts[what] for what in ("agrees", "disagrees", "undecided", "unsupported")}
        return {**counts, "kernels": json.dumps(self.kernels), "cpu_seconds": self.seconds}


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptRow:
    """What one target did with one block: a row of swept/*.parquet."""

    op: str
    dtype: str  # "" of calls of several
    part: str  # of the op's world, or CORPUS
    side: int  # of the world; 0 of the corpus
    size: int  # calls of the region, or at layers
    first: int  # number of the block's first call, or of the block of the corpus
    target: str
    agrees: int
    disagrees: int
    undecided: int
    unsupported: int  # calls that the target does not claim: they were not made
    kernels: str  # how many calls ran each, as JSON, but for those that are observations
    cpu_seconds: float  # inside the target's calls, likewise
    own_seconds: float  # outside


@dataclass(frozen=True, slots=True)
class Sent:
    """A call on its way: by which routes, and what is to come back."""

    case: Case
    arguments: dict[str, Any]
    routes: dict[str, str]  # by target, of those that claim the call
    expected: tuple[Array, ...]


def sweep(panel: Panel, scopes: Mapping[str, Scope], cases: Sequence[Case]) -> dict[str, Swept]:
    """
    Make calls on targets, as far as they are in their scope, and return what came of them, by target.

    A target computes one frame while the next is prepared and the last is compared.
    """
    found = {name: Swept() for name in scopes}
    frames: deque[list[Sent]] = deque()
    for start in range(0, len(cases), BATCH):
        frames.append(_send(panel, scopes, found, cases[start : start + BATCH]))
        if len(frames) > 1:
            _take(panel, found, frames.popleft())
    while frames:
        _take(panel, found, frames.popleft())
    return found


def _send(panel: Panel, scopes: Mapping[str, Scope], found: Mapping[str, Swept], cases: Sequence[Case]) -> list[Sent]:
    """Send a frame of calls to each target, those that it claims; compute what must come back meanwhile."""
    claimed = [
        (call, ops.arguments(call), {name: route_of(scopes[name].target, call) for name in names})
        for case in cases
        for call, names in together({name: scope.taken(case) for name, scope in scopes.items()})
    ]
    for name in scopes:
        calls = [
            Call(
                op=case.op,
                arguments={**case.attributes, **{key: arguments[key] for key in case.arrays}},
                route=by[name],
            )
            for case, arguments, by in claimed
            if name in by
        ]
        found[name].counts["unsupported"] += len(cases) - len(calls)
        if calls:
            panel.workers[name].submit(*calls)
    return [Sent(case, arguments, by, run_reference(case.op, arguments)) for case, arguments, by in claimed]


def _take(panel: Panel, found: dict[str, Swept], frame: Sequence[Sent]) -> None:
    """Take the answers to a frame as they come, and compare them."""
    for sent in frame:
        permitted = None
        for name, route in sent.routes.items():
            observation, swept = panel.workers[name].result(), found[name]
            panel.target_seconds += inside(observation)
            what = "agrees"
            if not _equals(observation, sent.expected):
                permitted = permitted or permits(sent.case, sent.arguments)
                outcome = panel.outcome(name, sent.case, route, observation, permitted)
                what = outcome.verdict.outcome
            swept.counts[what] += 1
            if what in KEPT:
                swept.kept.append(outcome)
            else:
                swept.seconds += inside(observation)
                swept.kernels.update(getattr(observation, "kernels", ()))


def _equals(observation: Observation, expected: tuple[Array, ...]) -> bool:
    """Return whether a target returned these arrays."""
    return (
        isinstance(observation, Returned)
        and len(observation.arrays) == len(expected)
        and all(
            one.dtype == other.dtype and np.array_equal(one, other)
            for one, other in zip(observation.arrays, expected, strict=True)
        )
    )
