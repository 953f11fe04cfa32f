"""What a run says of the causes: which of them hold, and which no longer do where they were looked for."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from conformance import ops
from conformance.model import Case
from conformance.run.trials import Outcome, Panel
from conformance.targets.target import Target
from conformance.triage.findings import Known
from conformance.triage.known.cause import Cause, Place
from conformance.triage.known.installation import UNKNOWN, Installation
from conformance.triage.known.matching import Disagreement, by, calls, concerns, place_of

__all__ = ["Met", "disagreement_of", "outcomes", "states", "ways"]

Met = Collection[tuple[str, int]]  # ids of causes, and the numbers of their places that something lies in


def states(
    causes: Sequence[Cause],
    met: Met,
    panel: Panel,
    installations: Mapping[str, Installation],
    asked: Collection[str],
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Known, ...]:
    """
    Return the state of each cause after a run.

    met: the places that observations of the run lie in; of the others the cases are called. asked: the ops of the run.
    """
    tell(f"making the calls of the known divergences that the run did not meet, of {len(causes)}")
    today = dt.datetime.now(dt.UTC).date()
    return tuple(_known(cause, _places(cause, met, panel, installations, asked), today) for cause in causes)


def _known(cause: Cause, places: Sequence[str], today: dt.date) -> Known:
    """Return a cause with its state, by those of its places."""
    found = next((state for state in ("seen", "not there") if state in places), "not tried")
    gone = tuple(
        case.id
        for place, state in zip(cause.where, places, strict=True)
        if state == "not there"
        for case in _cases(cause, place)
    )
    return Known(
        id=cause.id,
        state="expired" if cause.expired(today) else found,
        title=cause.title,
        severity=cause.severity,
        link=cause.link,
        review=str(cause.review),
        own=cause.own,
        gone=gone,
    )


def _cases(cause: Cause, place: Place) -> Iterator[Case]:
    """Yield the cases of one place."""
    return (case for case in cause.cases if calls(place, case.op, ops.features(case)))


def _places(
    cause: Cause, met: Met, panel: Panel, installations: Mapping[str, Installation], asked: Collection[str]
) -> list[str]:
    """Return for each place whether it is seen, not there, or not tried, as no target of the run is of it."""
    return [
        "seen" if (cause.id, number) in met else _place(cause, place, panel, installations, asked)
        for number, place in enumerate(cause.where)
    ]


def _place(
    cause: Cause, place: Place, panel: Panel, installations: Mapping[str, Installation], asked: Collection[str]
) -> str:
    """Make the calls of one place, on the targets that it speaks of, until one shows the fault."""
    if any(symptom.startswith("run-") for symptom in place.symptoms):
        return "not tried"  # no call alone shows what only a whole run does
    tried = False
    for outcome in outcomes(cause, place, panel, installations, asked):
        if place_of(cause, disagreement_of(outcome, installations)) is not None:
            return "seen"
        tried = tried or outcome.verdict.outcome != "unsupported"
    return "not there" if tried else "not tried"


def outcomes(
    cause: Cause, place: Place, panel: Panel, installations: Mapping[str, Installation], asked: Collection[str]
) -> Iterator[Outcome]:
    """Yield what comes of the cases of a place."""
    names = [name for name in panel.targets if concerns(cause, place, name, installations[name])]
    for case in _cases(cause, place):
        if case.op not in asked:
            continue
        for name in names:
            for route in ways(place, case, panel.targets[name]):
                yield panel.examine(case, [name], route)[0]


def ways(place: Place, case: Case, target: Target) -> Sequence[str]:
    """Return the target's ways to compute an op that are a place's; those by constants alone where none is."""
    several = target.routes.get(case.op, ("",))
    plain = [way for way in several if by(place, way)]
    return plain or [route for way in several if by(place, route := "+".join((way, *case.arrays)))]


def disagreement_of(outcome: Outcome, installations: Mapping[str, Installation]) -> Disagreement:
    """Return an outcome as what a cause may cover."""
    case = outcome.case
    return Disagreement(
        op=case.op,
        target=outcome.target,
        judged=outcome.verdict,
        classes=ops.features(case),
        installation=installations.get(outcome.target, UNKNOWN),
        route=outcome.route,
        kernels=getattr(outcome.observation, "kernels", ()),
    )
