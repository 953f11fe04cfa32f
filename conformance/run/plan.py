"""
The plan of a run: which shards it has.

A shard is a block of consecutive cases of one op from one source, or of consecutive calls of its small world or of the
corpus. Which cases it holds depends on the seed, the op and its number alone, so that the same seed gives the same
cases whatever the number of jobs.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeAlias

from conformance import ops
from conformance.model import Case
from conformance.ops import OPS, listed
from conformance.ops.profile_reading import loaded
from conformance.run import sweep
from conformance.run.scope import Scope, Taking
from conformance.run.sources import COVERING, SHARD, SOURCES, Part
from conformance.run.sweep import Block, ListedBlock
from conformance.targets.registry import find
from conformance.targets.target import Target

__all__ = [
    "AHEAD",
    "CASES",
    "CORE",
    "SECONDS",
    "SIDE",
    "Plan",
    "Shard",
    "Task",
    "found",
    "options",
    "own_cases",
    "own_shards",
    "scopes_of",
    "shards",
    "taking",
]

SIDE = 6  # to which a run takes its sample of the small world
CASES = 180  # of the stream for each op by default
SECONDS = 10.0  # that one call may take
LAP = CASES // SHARD  # shards of the stream that each op has in a lap
AHEAD = 4  # so many times faster than the others go the covering calls that meet triples: those of pairs come first
CORE = 2  # likewise the stream, of which each op's first shard comes next


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does: with the same plan it meets the same cases."""

    ops: tuple[str, ...]
    targets: tuple[str, ...]
    cases: int  # of the stream for each op
    seed: int
    jobs: int
    budget: float | None = None  # seconds, after which no further shard is begun
    world: int = 0  # the side of the small world: a sample of it, or where there are no cases all; 0: none of it
    more: bool = False  # whether the calls of the other sources are made, too
    corpus: str = ""  # at which layers of the corpus: "small", or "all"
    seconds: float = SECONDS  # that one call may take
    python: str | None = None  # the interpreter of the workers
    profile: str | None = None  # the file of the user's that says what the target claims
    dtypes: tuple[str, ...] = ()  # all where none is given
    layouts: tuple[str, ...] = ()  # likewise
    valid_only: bool = False  # whether no call breaks a rule on purpose
    mathematics: bool = False  # whether targets are held to the rules of mathematics alone
    part: tuple[int, int] = (1, 1)  # which of how many parts of the plan: its shards are dealt out among them
    known: tuple[str, ...] = ()  # files of what is known, beside the suite's own
    no_known: bool = False  # whether the suite's own list is left out


def found(plan: Plan) -> dict[str, Target]:
    """Return the targets of a plan, with the profile that its user gives."""
    given = loaded(Path(plan.profile)) if plan.profile else None
    targets = {name: find(name).claiming(given) if given else find(name) for name in plan.targets}
    return {name: replace(target, mathematics=plan.mathematics) for name, target in targets.items()}


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """A block of consecutive cases of one op, from one source."""

    number: int
    op: str
    source: str = "stream"
    draws: tuple[int, ...] | None = field(default=None, compare=False)  # its calls, once they are chosen: `prepared`

    @property
    def name(self) -> str:
        """Its file's name, without the ending."""
        source = "" if self.source == "stream" else f"-{self.source}"
        return f"{self.op}{source}-{self.number:05d}"

    def size(self, plan: Plan) -> int:
        """Return how many cases it has, at most: what a target does not claim may be left out."""
        length = SOURCES[self.source].length(self.op)
        whole, number = (plan.cases, self.number) if length is None else (length, self.number % -(-length // SHARD))
        return min(SHARD, whole - number * SHARD)

    def cases(self, plan: Plan, targets: Mapping[str, Target]) -> Iterator[tuple[Case, tuple[str, ...]]]:
        """Yield its cases, each with the targets that get it; targets: with what they say of themselves."""
        return SOURCES[self.source].calls(self._part(plan), scopes_of(plan, targets))

    def _part(self, plan: Plan) -> Part:
        """Return which calls of its source it has."""
        return Part(
            op=self.op,
            seed=plan.seed,
            first=self.number * SHARD,
            count=self.size(plan),
            valid_only=plan.valid_only,
            taken=taking(plan),
            draws=self.draws,
        )

    def prepared(self, plan: Plan) -> "Shard":
        """Return it with what is found once for several shards: whoever hands them out does so."""
        return replace(self, draws=SOURCES[self.source].draws(self._part(plan)))


Task: TypeAlias = Shard | Block | ListedBlock


def scopes_of(plan: Plan, targets: Mapping[str, Target]) -> dict[str, Scope]:
    """Return what a run asks of each target."""
    return {name: Scope(target=target, dtypes=plan.dtypes, layouts=plan.layouts) for name, target in targets.items()}


@cache
def taking(plan: Plan) -> Taking:
    """Return who takes what a plan can make: of covering calls, the targets that trace nothing, where there are any."""
    scopes = tuple(scopes_of(plan, found(plan)).values())
    return Taking(tuple(scope for scope in scopes if plan.more and not scope.target.traces) or scopes)


def shards(plan: Plan) -> Iterator[Task]:
    """
    Yield every shard of a plan, the ops taking turns and the sources too: each beginning is a sample of the whole.

    First come the covering calls that meet all pairs, then each op on every target. The other covering calls and the
    stream are ahead of the others. Laps follow one another, each with other calls than the last.
    """
    if not plan.cases:
        yield from sweep.blocks(plan.ops, plan.world, sweep.LONG)
        return
    for lap, rounds in _laps(plan):
        yield from _lap(plan, lap, rounds)


def _laps(plan: Plan) -> Iterator[tuple[int, range]]:
    """Yield every lap, with the numbers of its shards of the stream of an op."""
    rounds = -(-plan.cases // SHARD)
    for lap, first in enumerate(range(0, rounds, LAP)):
        yield lap, range(first, min(first + LAP, rounds))


def _lap(plan: Plan, lap: int, rounds: range) -> Iterator[Task]:
    """Yield a lap: the covering calls of all pairs, a shard of each op's stream, then each source by its pace."""
    first: dict[Task, None] = {}
    for shard in chain(_of_pairs(plan, lap), _of_stream(plan, rounds[:1])):
        first[shard] = None
        yield shard
    kinds = [([task for task in tasks if task not in first], pace) for tasks, pace in _sources(plan, lap, rounds)]
    places = [
        (place / len(tasks) / pace, kind, place)
        for kind, (tasks, pace) in enumerate(kinds)
        for place in range(len(tasks))
    ]
    yield from (kinds[kind][0][place] for _, kind, place in sorted(places))


def _of_pairs(plan: Plan, lap: int) -> Iterator[Shard]:
    """Yield the shards of covering calls that meet all pairs of classes, the ops taking turns."""
    for shard in _of_source(plan, "covering", lap) if plan.more else ():
        before = shard.number * SHARD - lap * COVERING
        if not before or before < ops.of_pairs(shard.op, plan.seed, lap, taken=taking(plan)):
            yield shard


def _sources(plan: Plan, lap: int, rounds: range) -> Iterator[tuple[Sequence[Task], int]]:
    """Yield the shards of each source in a lap, in which each op has so many of the stream, with its pace."""
    yield _of_stream(plan, rounds), CORE
    yield _worlds(plan, lap, len(rounds)), 1
    yield _listed(plan, plan.seed + lap) if plan.corpus else (), 1
    if plan.more:
        yield _of_source(plan, "covering", lap), AHEAD
        if not plan.valid_only:
            yield _of_source(plan, "refusals", lap), 1


def _of_stream(plan: Plan, rounds: range) -> list[Shard]:
    """Return shards of the stream, the ops taking turns."""
    return [Shard(number, op) for number in rounds for op in plan.ops if number % OPS[op].sparse == 0]


def _worlds(plan: Plan, lap: int, rounds: int) -> Sequence[Task]:
    """Return the blocks of the small worlds in a lap; of one that has fewer rounds, fewer."""
    blocks = [*sweep.cycle(plan.ops, plan.world, lap)] if plan.world else []
    return blocks[: -(-len(blocks) * rounds // LAP)]


def _of_source(plan: Plan, source: str, lap: int) -> list[Shard]:
    """Return the shards of a source in a lap, the ops taking turns."""
    lengths = {op: -(-(SOURCES[source].length(op) or 0) // SHARD) for op in plan.ops}
    places = range(max(lengths.values(), default=0))
    return [Shard(lap * most + place, op, source) for place in places for op, most in lengths.items() if place < most]


def _listed(plan: Plan, seed: int) -> Sequence[Task]:
    """Return the blocks of the corpus, the ops taking turns."""
    whole = plan.corpus == "all"
    numbers = {op: len(listed.blocks(op, seed, whole=whole)) for op in plan.ops}
    places = range(max(numbers.values(), default=0))
    return [ListedBlock(op, seed, whole, place) for place in places for op, most in numbers.items() if place < most]


def own_shards(plan: Plan) -> Iterator[Task]:
    """Yield the shards of a plan that belong to its part: by their names, so that each part has some of every kind."""
    return _own(plan, shards(plan))


def _own(plan: Plan, tasks: Iterable[Task]) -> Iterator[Task]:
    """Yield those of a plan's shards that belong to its part."""
    number, parts = plan.part
    return (shard for shard in tasks if zlib.crc32(shard.name.encode()) % parts == number - 1)


def own_cases(plan: Plan) -> dict[str, int]:
    """Return how many cases of each op a plan's part has, beside small worlds and corpus; under a budget of a lap."""
    counts = dict.fromkeys(plan.ops, 0)
    alone = replace(plan, world=0, corpus="")
    for lap, rounds in islice(_laps(alone), None if plan.budget is None else 1):
        for tasks, _ in _sources(alone, lap, rounds):
            for shard in _own(plan, tasks):
                counts[shard.op] += shard.size(plan) if isinstance(shard, Shard) else 0
    return counts


def options(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON data for the header."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(plan).items()}
