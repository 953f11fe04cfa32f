"""The record of a cause: one known fault of one library, the places where it was observed, and its smallest cases."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from conformance.model import Case, Symptom
from reference.errors import Fault

__all__ = ["ANY_VERSION", "Cause", "Place", "Versions", "spoken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The releases of a library in which a fault was observed, and those in which it was looked for and not there."""

    first: str = ""  # "" in both: of a target that tells no version
    last: str = ""
    absent: tuple[str, ...] = ()

    def permit(self, version: str) -> bool:
        """
        Return whether the fault may be in this version, by what was measured.

        It may where no release in which it is not there lies between this one and those that have it; of a version
        that was never measured the nearest measurement speaks.
        """
        if not self.first:
            return True
        if not version or version in self.absent:
            return False
        at, first, last = _read(version), _read(self.first), _read(self.last)
        without = [_read(each) for each in self.absent]
        mended = any(last < each <= at for each in without)
        not_yet = any(at <= each < first for each in without)
        return not mended and not not_yet


ANY_VERSION = Versions()


def spoken(versions: Versions) -> str:
    """
    Say which releases have a fault, and which have it not.

    >>> spoken(Versions(first="2.16.2", last="2.21.0", absent=("2.15.1",)))
    '2.16.2 to 2.21.0; not in 2.15.1'
    """
    observed = versions.first if versions.first == versions.last else f"{versions.first} to {versions.last}"
    return observed + (f"; not in {', '.join(versions.absent)}" if versions.absent else "")


def _read(text: str) -> Version:
    """Return a version; one that PEP 440 does not know is older than all others."""
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0.dev0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where a cause was observed: what all of its disagreements there have.

    An empty field asks for nothing, but for `rules`: a place without rules is one of valid calls.
    """

    ops: tuple[str, ...]  # names, with * and ?
    kinds: tuple[str, ...]  # of DISAGREEMENTS
    targets: tuple[str, ...]  # names without release, with * and ?
    routes: tuple[str, ...] = ()  # with * and ?; "*+*" is every one with an array that is a constant
    dtypes: tuple[str, ...] = ()
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the call: its classes
    rules: tuple[str, ...] = ()  # that the call breaks, one of them: names, with * and ?
    symptoms: tuple[Symptom | Fault, ...] = ()  # of the verdict, all of them
    errors: tuple[str, ...] = ()  # types of exceptions, without their modules
    signals: tuple[int, ...] = ()  # that end the process
    kernels: tuple[str, ...] = ()  # names, with * and ?
    isa: tuple[str, ...] = ()  # levels of oneDNN
    devices: tuple[str, ...] = ()  # CPU, GPU
    versions: Versions = ANY_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One known fault of one library."""

    id: str
    library: str  # as its targets name it among their versions; "" where they name none
    title: str
    severity: str  # one of SEVERITIES
    review: dt.date  # when to look again
    where: tuple[Place, ...]
    cases: tuple[Case, ...]  # the smallest ones, at least one a place
    link: str = ""  # upstream
    description: str = ""  # Markdown
    traced: str = ""  # Markdown: where in whose source it stands
    hides: str = ""  # why another fault of the same calls could not be told from it
    own: bool = False  # whether it is of the user's file, not one that comes with the suite

    def expired(self, today: dt.date) -> bool:
        """Return whether it is past its review date."""
        return today > self.review
