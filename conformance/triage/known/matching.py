"""Whether what is known covers a disagreement: one question, answered by data alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from conformance.model import Verdict
from conformance.ops import OPS
from conformance.targets.registry import BUILT_IN
from conformance.targets.target import constants, way_of
from conformance.targets.tensorflow.releases import without_release
from conformance.triage.known.cause import Cause, Place
from conformance.triage.known.installation import UNKNOWN, Installation

__all__ = ["Disagreement", "by", "calls", "concerns", "covering", "place_of", "speaks_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """What a cause may cover: a verdict against a target."""

    op: str
    target: str
    judged: Verdict
    classes: Mapping[str, str]  # the features of the case
    installation: Installation = UNKNOWN
    route: str = ""
    kernels: tuple[str, ...] = ()


def covering(causes: Iterable[Cause], found: Disagreement) -> tuple[Cause, int] | None:
    """Return the first cause that covers a disagreement, with the number of its place; None where none does."""
    places = ((cause, place_of(cause, found)) for cause in causes)
    return next(((cause, place) for cause, place in places if place is not None), None)


def place_of(cause: Cause, found: Disagreement) -> int | None:
    """Return the number of the place of a cause that a disagreement lies in; None where it is not of this cause."""
    return next((number for number, place in enumerate(cause.where) if _holds(cause, place, found)), None)


def calls(place: Place, op: str, classes: Mapping[str, str]) -> bool:
    """
    Return whether a call of an op, by the classes of its features, is one of a place's, whatever comes of it.

    Several ops in turn are a call of the first of them, too: its kernels are theirs.
    """
    breaks = classes.get("breaks", "")
    return (
        (_fits(op, place.ops) or _fits(classes.get("first", ""), place.ops))
        and (_fits(breaks, place.rules) if place.rules else not breaks)
        and _among(classes.get("dtype", ""), place.dtypes)
        and all(classes.get(name) in several for name, several in place.features.items())
    )


def by(place: Place, route: str) -> bool:
    """Return whether a route is one of a place's: as it stands, or without the arrays that are constants."""
    return not place.routes or _fits(route, place.routes) or _fits(way_of(route), place.routes)


def speaks_of(place: Place, target: str) -> bool:
    """Return whether a place speaks of a target, of whatever release."""
    return _fits(without_release(target), place.targets)


def concerns(cause: Cause, place: Place, target: str, installation: Installation) -> bool:
    """Return whether a place speaks of a target, as far as that does not depend on the call."""
    version = installation.release(cause.library)
    return (
        version is not None
        and speaks_of(place, target)
        and place.versions.permit(version)
        and _among(installation.isa, place.isa)
        and _among(installation.device, place.devices)
    )


def _holds(cause: Cause, place: Place, found: Disagreement) -> bool:
    """Return whether a disagreement lies in a place of a cause."""
    judged, evidence = found.judged, found.judged.evidence
    return (
        calls(place, found.op, found.classes)
        and judged.kind in place.kinds
        and set(place.symptoms) <= set(judged.symptoms)
        and _among(evidence.get("error", "").rpartition(".")[2], place.errors)
        and (not place.signals or evidence.get("signal") in place.signals)
        and by(place, found.route)
        and (not place.kernels or any(_fits(kernel, place.kernels) for kernel in found.kernels))
        and any(concerns(cause, place, name, found.installation) for name in _computing(found))
    )


def _computing(found: Disagreement) -> Iterator[str]:
    """
    Yield the targets whose kernels may have computed a call: its own, and that which computes constants for it.

    A run makes all arrays of a call constants, or all but the first.
    """
    yield found.target
    target = BUILT_IN.get(without_release(found.target))
    if target and target.folds and next(iter(OPS[found.op].operands)) in constants(found.route):
        yield target.folds


def _among(text: str, several: tuple[str, ...]) -> bool:
    """Return whether a text is one of several; of none, where nothing is asked for, any is."""
    return not several or text in several


def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a text fits one of the patterns."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)
