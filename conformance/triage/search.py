"""
The search for what disagreeing observations have in common.

A cluster starts with one disagreeing observation. Its case is shrunk on the live worker: each step makes one part of
the call simpler and keeps it valid, as long as the fault stays. Then each attribute of the smallest case is changed,
one at a time: those whose change makes the fault go are the predicate, unless the first case has the fault and another
class of it; what the target does not claim says nothing.
What a known cause covers is another fault: no step leads there.
Every observation of the same op and kind that meets the predicate, or that failed with the same signature, or by the
same rule, belongs to the cluster; what is left starts the next one. Calls and seconds are budgeted, for each cluster
and for all; where the first budget ended before a case was as small as it gets, what all leave over goes on with it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from conformance import ops
from conformance.cases.regimes import class_of
from conformance.judge.diagnosis import ARITHMETIC
from conformance.model import Case
from conformance.run.rows import Row
from conformance.run.trials import Outcome
from conformance.triage.attempts import TOTAL, Search
from conformance.triage.clusters import DEADLY, Cluster, signature
from conformance.triage.known.cause import Cause
from conformance.triage.known.installation import UNKNOWN, Installation
from conformance.triage.known.matching import Disagreement, calls, covering, place_of
from conformance.triage.known.state import disagreement_of
from conformance.triage.pairs import paired

__all__ = ["NOT_ALONE", "find_all", "merged"]

RARE = 8  # values on which a call is tried while it is shrunk, where few are special
MISSED = 0.05  # in so few of its trials may chance alone say that a fault is gone
CRASHES = 3  # times that a call is made alone before its crash is another call's: what memory holds is chance
NOT_SHRUNK = f"not shrunk: {TOTAL} calls went into other findings"
NOT_ALONE = "not again when the case was run alone"


def find_all(
    rows: Sequence[Row], search: Search, causes: Sequence[Cause], installations: Mapping[str, Installation]
) -> list[Cluster]:
    """
    Return the clusters of disagreeing observations: those of known causes, one an op and kind, then the others.

    rows: those whose verdict is "disagrees"; installations: what each target is.
    """
    left: list[Row] = []
    found = {id(row): disagreement(row, installations) for row in rows}
    known: dict[tuple[str, str, str], list[tuple[Row, Cause, int]]] = {}
    for row in sorted(rows, key=order):
        match = covering(causes, found[id(row)])
        if match:
            known.setdefault((match[0].id, row.op, row.kind), []).append((row, *match))
        else:
            left.append(row)
    search.tell(
        f"{len(rows) - len(left)} disagreeing observations are of {len({key[0] for key in known})} known causes"
    )
    clusters = [_known(covered, search, installations) for covered in known.values()]
    search.tell(f"looking for the causes of the other {len(left)}")
    search.known = lambda outcome: covering(causes, disagreement_of(outcome, installations)) is not None
    while left:
        library = found[id(left[0])].installation.library
        cluster = replace(_cluster(left[0], left, search), library=library)
        taken = {id(row) for row in left if explains(cluster, found[id(row)])} | {id(left[0])}
        if cluster.kind != "crashed" or cluster.remark != NOT_ALONE:  # else an earlier call had damaged the process
            clusters.append(_gathered(cluster, [row for row in left if id(row) in taken]))
        left = [row for row in left if id(row) not in taken]
        search.tell(f"{cluster.title}: {len(taken)} observations; {len(left)} left")
    return merged([_further(cluster, search) for cluster in clusters])


def _further(cluster: Cluster, search: Search) -> Cluster:
    """Go on with a case that was left larger than it need be, as far as the budget of all clusters goes."""
    while cluster.cut_off and cluster.shown and not search.over:
        smallest, outcome, cut_off = _shrunk(cluster, cluster.shown, search)
        cluster = replace(cluster, case=smallest, verdict=outcome.verdict, shown=outcome, cut_off=cut_off)
    return cluster


def _gathered(cluster: Cluster, rows: Sequence[Row]) -> Cluster:
    """Return a cluster with the number of its cases, and what its observations have in common and in all."""
    # Where it was not looked for, what governs it may be any feature.
    governing = ops.features(cluster.case) if cluster.remark == NOT_SHRUNK else cluster.predicate
    classes = {name: tuple(sorted({row.classes.get(name, text) for row in rows})) for name, text in governing.items()}
    common = tuple(each for each in rows[0].symptoms if all(each in row.symptoms for row in rows))
    kernels = tuple(sorted({kernel for row in rows for kernel in row.kernels}))
    return replace(cluster, cases=len({row.case for row in rows}), classes=classes, common=common, kernels=kernels)


def disagreement(row: Row, installations: Mapping[str, Installation]) -> Disagreement:
    """Return a row as what a cause may cover."""
    return Disagreement(
        op=row.op,
        target=row.target,
        judged=row.judged,
        classes=row.classes,
        installation=installations.get(row.target, UNKNOWN),
        route=row.route,
        kernels=row.kernels,
    )


def order(row: Row) -> tuple[str, str, bool, str, int, str]:
    """
    Return the order in which observations start clusters: the simplest first.

    What a weaker arithmetic would allow comes last: of many products it allows what another fault does, too.
    """
    return row.op, row.kind, not set(ARITHMETIC).isdisjoint(row.symptoms), row.target, len(row.content), row.case


def explains(cluster: Cluster, found: Disagreement) -> bool:
    """Return whether a cluster has a disagreement: library, op, kind, rule, and signature or where it is are its."""
    judged = found.judged
    same = (found.op, judged.kind, judged.rule) == (cluster.op, cluster.kind, cluster.verdict.rule)
    same &= found.installation.library == cluster.library
    same &= cluster.signature in ((), signature(judged))  # what another fault does, weaker arithmetic may do, too
    if not same or cluster.before:  # what another case is like after this one's call is not known
        return False
    if cluster.kind == "accepted-invalid" or (cluster.signature and cluster.kind not in DEADLY):
        return True
    if found.target not in cluster.shared_by:
        return False
    if cluster.kind == "wrong-value" and judged.rule:
        return True  # what one choice decides
    return all(found.classes.get(name) == text for name, text in cluster.predicate.items())


def merged(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Join clusters with the same id: they were reached from two sides."""
    joined: dict[str, Cluster] = {}
    for cluster in clusters:
        other = joined.get(cluster.id)
        if other is None:
            joined[cluster.id] = cluster
            continue
        shared = {**other.shared_by, **cluster.shared_by}
        agree = dict.fromkeys((*other.not_shared_by, *cluster.not_shared_by))
        joined[cluster.id] = replace(
            cluster,
            shared_by=shared,
            not_shared_by=tuple(name for name in agree if name not in shared),
            cases=other.cases + cluster.cases,
        )
    return list(joined.values())


def _known(
    covered: Sequence[tuple[Row, Cause, int]], search: Search, installations: Mapping[str, Installation]
) -> Cluster:
    """
    Return what a cause covers of one op and kind, as its own case shows it where that does: nothing is searched.

    What did not end in all of its time is not waited for as long again, on each target; who has not answered by then
    counts as hung only where the cause says so.
    """
    row, cause, number = covered[0]
    begun = replace(
        _begun(row, [each for each, *_ in covered]), cause=cause, places=frozenset(place for *_, place in covered)
    )
    place, hurried = cause.where[number], row.kind == "hung"
    for case in cause.cases:
        if not calls(place, case.op, ops.features(case)) or case.op != row.op:
            continue
        outcomes = {each.target: each for each in search.panel.examine(case, route=row.route, hurried=hurried)}
        shown = outcomes[row.target]
        here = {
            name for name, each in outcomes.items() if place_of(cause, disagreement_of(each, installations)) is not None
        }
        told = [each for name, each in outcomes.items() if each.verdict.kind != "hung" or name in here]
        if row.target in here and shown.verdict.kind == row.kind:
            return replace(
                begun,
                verdict=row.judged if hurried else shown.verdict,
                case=case,
                predicate={name: " or ".join(several) for name, several in place.features.items()},
                shared_by=_kinds(told),
                not_shared_by=tuple(name for name, each in outcomes.items() if each.verdict.outcome == "agrees"),
                shown=shown,
            )
    return begun


def _kinds(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return who disagrees, with its kind."""
    return {each.target: each.verdict.kind for each in outcomes if each.verdict.outcome == "disagrees"}


def _begun(row: Row, others: Sequence[Row]) -> Cluster:
    """Return a cluster as one observation shows it, before anything is searched for."""
    return Cluster(
        op=row.op,
        target=row.target,
        route=row.route,
        verdict=row.judged,
        case=row.call,
        predicate={},
        shared_by={each.target: each.kind for each in others if each.case == row.case},
        not_shared_by=(),
        cases=len({each.case for each in others}),
        kernels=row.kernels,
    )


def _cluster(row: Row, others: Sequence[Row], search: Search) -> Cluster:
    """Shrink one observation's case, and find out what governs it and who shares it."""
    begun = _begun(row, others)
    if search.over:
        return replace(begun, remark=NOT_SHRUNK)
    alone = (search.shows(begun.case, begun, []) for _ in range(CRASHES if begun.kind == "crashed" else 1))
    first = next(filter(None, alone), None)
    if first is None:
        # What it needs is not in the case alone: without a call that goes before, it is reported as it was observed.
        unexplained = replace(begun, predicate=ops.features(begun.case), remark=NOT_ALONE)
        return paired(begun, search, search.earlier(row)) or unexplained
    smallest, outcome, cut_off = _shrunk(begun, first, search)
    # Which values round wrongly is chance: the arithmetic governs it, and its dtype; and what NaN does the rule alone.
    rounds = begun.kind == "wrong-value" and begun.signature
    governed: dict[str, str] = {"dtype": begun.case.dtype} if rounds else {}
    search.begin()
    if not rounds and not (begun.kind == "wrong-value" and begun.verdict.rule):
        governed = _predicate(smallest, search, begun)
    nearest, agreeing = search.right, tuple(sorted(search.agreeing))
    simplest = (_shown(each, search, begun, RARE) for each in ops.simplest_values(smallest) if not search.paused)
    alike = (each for each in simplest if each and each.verdict.symptoms == outcome.verdict.symptoms)
    outcome = next(alike, outcome)
    rest = search.panel.examine(outcome.case, [name for name in search.panel.targets if name != row.target])
    return replace(
        begun,
        verdict=outcome.verdict,
        case=outcome.case,
        predicate=governed,
        nearest=nearest,
        agreeing_kernels=agreeing,
        shared_by={row.target: row.kind, **_kinds(rest)},
        not_shared_by=tuple(other.target for other in rest if other.verdict.outcome == "agrees"),
        shown=outcome,
        cut_off=cut_off,
    )


def _shrunk(like: Cluster, outcome: Outcome, search: Search) -> tuple[Case, Outcome, bool]:
    """Return the smallest case that shows the same disagreement, its outcome, and whether the budget ended before."""
    best = [outcome]
    search.begin()

    def shows(candidate: Case) -> bool:
        if search.paused or candidate.breaks != like.case.breaks or not search.claimed(candidate, like.target):
            return False
        seeds = RARE if class_of(candidate.regime) == "special" else 1
        shown = _shown(candidate, search, like, seeds)
        if shown:
            best.append(shown)
        return shown is not None

    ops.shrink(like.case, shows)
    return best[-1].case, best[-1], search.paused


def _predicate(case: Case, search: Search, like: Cluster) -> dict[str, str]:
    """Return the attributes any change of which makes the fault go, with their classes in the smallest case."""
    classes = ops.features(case)
    seeds = _needed(case, search, like)
    gone: list[list[str]] = []
    # Attributes that may change, and the fault stays: first those in which the case differs that this was shrunk from.
    free = {name for name, text in ops.features(like.case).items() if classes.get(name) != text}
    for neighbour in ops.neighbours(case):
        others = ops.features(neighbour)
        changed = [name for name, text in classes.items() if others.get(name) != text]
        if free.issuperset(changed) or search.paused or not search.claimed(neighbour, like.target):
            continue
        if _shown(neighbour, search, like, seeds):
            free.update(changed)
        else:
            gone.append(changed)
    return {
        name: classes[name] for name in _governing([[name for name in names if name not in free] for names in gone])
    }


def _governing(gone: Sequence[Sequence[str]]) -> list[str]:
    """Return few attributes, at least one of which is in every change that made the fault go: the commonest first."""
    found: list[str] = []
    while left := [names for names in gone if names and not set(names) & set(found)]:
        counts = Counter(name for names in left for name in names)
        found.append(counts.most_common(1)[0][0])
    return found


def _needed(case: Case, search: Search, like: Cluster) -> int:
    """
    Return on how many values a neighbour is to be tried before the fault is said to be gone there.

    A neighbour that shows it as often as the case itself, which is tried on other values first, then hides it from
    all of them in MISSED of the trials: (1 - share)^n. The share is Laplace's, so that it is never 0 or 1.
    """
    if like.kind != "wrong-value":
        return 1
    others = (replace(case, seed=case.seed + step) for step in range(2, 2 * RARE + 1, 2))
    share = (1 + sum(search.shows(other, like) is not None for other in others)) / (RARE + 2)
    return math.ceil(math.log(MISSED) / math.log(1 - share))


def _shown(case: Case, search: Search, like: Cluster, seeds: int) -> Outcome | None:
    """Return the outcome of a case that shows the disagreement, with the first of so many seeds by which it does."""
    tried = (search.shows(replace(case, seed=case.seed + step), like) for step in range(0, 2 * seeds, 2))
    return next((outcome for outcome in tried if outcome), None)
