"""
Where the judged calls of a run come from, and which targets get them.

    stream    the common core, for every target: `scope.shared`
    refusals  every way to break a rule of a plain call
    covering  few calls that meet every triple of classes that can meet on targets on which a new geometry costs little

A broken call is for two targets, `scope.dealt`, a covering one for either of two. A run has one lap or, under a budget,
one after another: in each a broken call goes by another route and to another target, and the covering calls are others.

Which draws cover takes a second an op to find: who hands out the work does so once, and tells who does it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from conformance import ops
from conformance.model import Case
from conformance.ops import OPS
from conformance.ops.coverage import DRAWS, Taken
from conformance.run.scope import Scope, dealt, either, shared, together

__all__ = ["COVERING", "SHARD", "SOURCES", "Part", "Source"]

SHARD = 30  # cases of a shard, whole groups: what a killed run loses at most, for each job
COVERING = DRAWS // 3 // SHARD * SHARD  # calls that cover, at most: every triple needs fewer

Calls = Iterator[tuple[Case, tuple[str, ...]]]  # each with the targets that get it
Deal = Callable[[Sequence[str], int], tuple[str, ...]]  # of several targets, those that get a call; a turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Consecutive calls of a source."""

    op: str
    seed: int
    first: int
    count: int
    valid_only: bool = False
    taken: Taken = ops.features  # what becomes of a call where a new geometry costs little
    draws: tuple[int, ...] | None = None  # what `Source.draws` has said; None: not asked yet


@dataclass(frozen=True, slots=True)
class Source:
    """Where calls of every op come from."""

    calls: Callable[[Part, Mapping[str, Scope]], Calls]
    length: Callable[[str], int | None]  # calls of an op; None: without end
    draws: Callable[[Part], tuple[int, ...]] = lambda _: ()  # the numbers of a part's calls, where they are chosen


def stream(part: Part, scopes: Mapping[str, Scope]) -> Calls:
    """Yield calls of the stream, or what takes their place."""
    return shared(part.op, part.seed, part.first, part.count, scopes, valid_only=part.valid_only)


def refusals(part: Part, scopes: Mapping[str, Scope]) -> Calls:
    """Yield broken calls, each by one route, with the targets that get it."""
    broken = _refusals(part.op)
    lap, first = divmod(part.first, -(-len(broken) // SHARD) * SHARD)
    for number, case in enumerate(broken[first : first + part.count], first + lap):
        turn, way = divmod(number, max(len(OPS[part.op].tensorflow), 1))
        # The seed that `route_of` takes for a route: 0 the first one, 1, 3, 5 ... the others.
        routed = replace(case, seed=max(2 * way - 1, 0))
        yield from _shared_out(routed, scopes, dealt, turn)


@cache
def _refusals(op: str) -> tuple[Case, ...]:
    """Return every broken call of an op."""
    return tuple(ops.refusals(op))


def covering(part: Part, scopes: Mapping[str, Scope]) -> Calls:
    """Yield calls of a covering array, with the targets that trace nothing."""
    cheap = {name: scope for name, scope in scopes.items() if not scope.target.traces and scope.dtypes_of(part.op)}
    if not cheap:
        return
    for turn, number in enumerate(chosen(part) if part.draws is None else part.draws, part.first % COVERING):
        (case,) = ops.drawn(part.op, part.seed, number)
        yield from _shared_out(case, cheap, either, turn)


def chosen(part: Part) -> tuple[int, ...]:
    """Return which draws the calls of a covering array are."""
    lap, first = divmod(part.first, COVERING)
    return ops.covering(part.op, part.seed, lap, taken=part.taken)[first : first + part.count]


def _shared_out(case: Case, scopes: Mapping[str, Scope], deal: Deal, turn: int) -> Calls:
    """Yield a call, in the words that each reads, with those that get it of the targets in whose scope it is."""
    taken = {name: call for name, scope in scopes.items() if (call := scope.taken(case))}
    return together({name: taken[name] for name in deal(tuple(taken), turn)})


SOURCES: Mapping[str, Source] = {
    "stream": Source(stream, lambda _: None),
    "refusals": Source(refusals, lambda op: len(_refusals(op))),
    "covering": Source(covering, lambda _: COVERING, chosen),
}
