"""
The search for the call that goes before: of a case that is right alone, and was wrong in a run.

A kernel that keeps something by shapes alone uses it for another call: what a case needs to be wrong is then an earlier
one of the same process. The calls of its shard are tried, each in a fresh worker, and the pair is made smaller with the
arrays of both kept alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias

from conformance import ops
from conformance.model import Case
from conformance.triage.attempts import Search
from conformance.triage.clusters import Cluster

__all__ = ["paired"]

TRIED = 8  # calls that may go before, the likeliest first

Pair: TypeAlias = tuple[Case, Case]  # in the order of the calls


def paired(begun: Cluster, search: Search, earlier: Sequence[Case]) -> Cluster | None:
    """
    Return a cluster with the call that must go before its case, both as small as they get; None where none was found.

    earlier: the calls that its worker had made, the latest first.
    """
    likely = sorted(earlier, key=lambda each: _shapes(each) != _shapes(begun.case))
    for before in likely[:TRIED]:
        if search.shows(begun.case, begun, [before]):
            return _described(begun, search, _smallest((before, begun.case), begun, search))
    return None


def _described(begun: Cluster, search: Search, pair: Pair) -> Cluster | None:
    """Return a cluster of a pair of calls: what its calls differ in, and who shares it."""
    before, case = pair
    shown = {name: search.shows(case, replace(begun, target=name), [before]) for name in search.panel.targets}
    outcome = shown[begun.target]
    if outcome is None:
        return None
    first = ops.features(before)
    return replace(
        begun,
        case=case,
        before=before,
        verdict=outcome.verdict,
        shown=outcome,
        predicate={name: text for name, text in ops.features(case).items() if first.get(name) != text},
        shared_by={name: begun.kind for name, each in shown.items() if each},
        not_shared_by=tuple(name for name, each in shown.items() if each is None),
    )


def _smallest(pair: Pair, begun: Cluster, search: Search) -> Pair:
    """Return the smallest pair of calls, the second of which is wrong: it is made simpler, then the first."""
    search.begin()
    place = 1
    while place >= 0 and not search.paused:
        smaller = (
            each for each in _simpler(pair, place) if not search.paused and search.shows(each[1], begun, [each[0]])
        )
        found = next(smaller, None)
        pair, place = (found, place) if found else (pair, place - 1)
    return pair


def _simpler(pair: Pair, place: int) -> Iterator[Pair]:
    """Yield the pairs whose call at a place is simpler, with arrays of the same shapes in both where they were."""
    one, other = pair[place], pair[1 - place]
    for each in chain(ops.simplest_values(one), ops.simpler(one)):
        if moved := _alike(other, one, each):
            yield (moved, each) if place else (each, moved)


def _alike(other: Case, one: Case, simpler: Case) -> Case | None:
    """Return the other call with arrays as the simpler one's, if it had one's; None where no valid call has them."""
    if _shapes(other) != _shapes(one):
        return other
    arrays = {name: replace(spec, shape=simpler.arrays[name].shape) for name, spec in other.arrays.items()}
    moved = replace(other, arrays=arrays)
    return moved if ops.broken_rule(moved) == moved.breaks else None


def _shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a call's arrays."""
    return {name: spec.shape for name, spec in case.arrays.items()}
