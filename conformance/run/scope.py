"""
Which cases each target gets: those of one stream that it claims, and others in the place of those that it does not.

The stream is common to all targets, so that they can be compared. Where a target does not claim a call, it gets the
same geometry in a dtype that it claims, or else a call drawn anew: it meets as many geometries as one that claims all.
Which one depends on the seed, the op, the case's number and the claim alone. A few calls outside the claim stay: a
target should refuse them, and where it answers them rightly its profile is out of date.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from conformance import ops
from conformance.model import Case
from conformance.ops import OPS
from conformance.ops.stream import GROUP, numbered, redrawn
from conformance.targets.target import Target

__all__ = ["PROBED", "Scope", "Taking", "dealt", "either", "is_probe", "route_of", "shared", "together"]

PROBED = 4  # of so many groups outside the claim, one keeps its first call: one valid call in twenty at most
VALID = Fraction(5, 6)  # of all cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a run asks of one target."""

    target: Target
    dtypes: tuple[str, ...] = ()  # asked for by the user; all where none is given
    layouts: tuple[str, ...] = ()  # likewise

    def dtypes_of(self, op: str) -> tuple[str, ...]:
        """Return the dtypes of an op, as often as they are drawn, in which some call is asked for and claimed."""
        pairs = self._pairs(op)
        return tuple(dtype for dtype in OPS[op].dtypes if any(dtype == claimed for claimed, _ in pairs))

    def layouts_of(self, op: str) -> tuple[str, ...]:
        """Return the layouts of an op in which some call is asked for and claimed; none where its calls have none."""
        pairs = self._pairs(op)
        return tuple(layout for layout in OPS[op].layouts if any(layout == claimed for _, claimed in pairs))

    def _pairs(self, op: str) -> set[tuple[str, str]]:
        """Return the pairs of dtype and layout in which some call of an op is asked for and claimed."""
        if not self.target.offers(op):
            return set()
        known = OPS[op]
        return {
            (dtype, layout)
            for dtype in set(self.dtypes or known.dtypes) & set(known.dtypes)
            for layout in known.layouts or ("",)
            if not known.layouts or layout in (self.layouts or known.layouts)
            if self._claims(op, {"dtype": dtype} | ({"layout": layout} if layout else {}))
        }

    def _claims(self, op: str, classes: Mapping[str, str]) -> bool:
        """Return whether calls of these classes are claimed by some route."""
        routes = self.target.routes.get(op, ("",))
        return any(self.target.unsupported(op, classes, route) is None for route in routes)

    def asks(self, case: Case, classes: Mapping[str, str] | None = None) -> bool:
        """Return whether the user asks for calls of this dtype and layout, and the target offers the op."""
        if classes is None:
            classes = ops.features(case) if self._simple or self.layouts else {}
        ordinary = case.dtype in OPS[case.op].dtypes  # a break of a rule about dtypes has another
        return (
            self.target.offers(case.op)
            and not (self._simple and classes.get("shape spelt") == "two")  # height and width alone are no shape
            and (not self.dtypes or not ordinary or case.dtype in self.dtypes)
            and (not self.layouts or classes.get("layout", self.layouts[0]) in self.layouts)
        )

    def claims(self, case: Case, classes: Mapping[str, str] | None = None) -> bool:
        """Return whether the call is among those that the target claims; classes: of its features, once known."""
        classes = dict(ops.features(case) if classes is None else classes)
        if case.breaks and case.dtype not in OPS[case.op].dtypes:
            del classes["dtype"]
        return self.target.unsupported(case.op, classes, route_of(self.target, case)) is None

    def taken(self, case: Case) -> Case | None:
        """Return a call as the target gets it; None where it is not asked for, or not claimed."""
        spelt = self.spelt(case)
        return spelt if self.asks(spelt) and self.claims(spelt) else None

    def spelt(self, case: Case) -> Case:
        """Return a call in the words that the target reads."""
        return ops.canonical(case) if self._simple and not case.breaks else case

    @property
    def _simple(self) -> bool:
        """Whether the target reads canonical spellings only."""
        return self.target.profile is not None and self.target.profile.spelling == "canonical"

    def fitted(self, case: Case, seed: int, number: int, dtypes: Sequence[str]) -> Case | None:
        """
        Return the call that the target gets in the place of a case; None where no such call was found.

        number: the case's among the valid ones of its stream, or among the broken ones; dtypes: `dtypes_of` its op.
        """
        spelt = self.spelt(case)
        if self.asks(case) and (self.claims(spelt) or is_probe(case, number)):
            return spelt
        if not dtypes:
            return None
        # The same dtype for all of a group, whose calls share what is traced and compiled.
        dtype = dtypes[number // GROUP % len(dtypes)]
        others = redrawn(case, seed, number)
        if case.breaks is None:
            others = (each if each.dtype in dtypes else OPS[case.op].cast(each, dtype) for each in others)
        return next((taken for each in others if (taken := self.taken(each))), None)


@dataclass(frozen=True, slots=True, eq=False)
class Taking:
    """Several targets: a call is taken where one of them does."""

    scopes: tuple[Scope, ...]

    def __call__(self, case: Case) -> Mapping[str, str] | None:
        """Return the features of a valid call as the first gets it that takes it; None where none does."""
        plain = ops.features(case)
        for scope in self.scopes:
            spelt = scope.spelt(case)
            classes = plain if spelt is case else ops.features(spelt)
            if scope.asks(spelt, classes) and scope.claims(spelt, classes):
                return classes
        return None


def is_probe(case: Case, number: int) -> bool:
    """Return whether a call is made even where a target does not claim it."""
    return case.breaks is None and number % (GROUP * PROBED) == 0


def route_of(target: Target, case: Case) -> str:
    """
    Return the way to compute the op that this case takes, by its seed: the first, or the others in turn.

    Where each is traced, the valid calls of one shape take the same way. One in a group has arrays that are constants
    of what is traced: all of them, or all but the first.
    """
    traced = target.traces and not case.breaks
    first, *others = target.routes.get(case.op, ("",))
    turn, other = divmod(_shared_number(case) if traced else case.seed, 2)
    way = others[turn % len(others)] if other and others else first
    if not traced or not target.folds or case.seed % GROUP:
        return way
    held = list(case.arrays)[case.seed // GROUP % min(len(case.arrays), 2) :]
    return "+".join((way, *held))


def _shared_number(case: Case) -> int:
    """Return a number that calls have in common which differ in their values and dtypes alone."""
    shapes = {name: spec.shape for name, spec in case.arrays.items()}
    return zlib.crc32(json.dumps([shapes, case.attributes], sort_keys=True).encode())


def dealt(names: Sequence[str], turn: int) -> tuple[str, ...]:
    """
    Return the first of several targets, and one of the others in turn: a run can pay for more calls than on all.

    >>> dealt(("eager", "graph", "xla"), 3)
    ('eager', 'xla')
    """
    others = names[1:]
    return (*names[:1], *(others[turn % len(others) :][:1] if others else ()))


def either(names: Sequence[str], turn: int) -> tuple[str, ...]:
    """
    Return one of several targets: every other turn the first, and the others in turn.

    >>> [either(("eager", "graph", "xla"), turn) for turn in range(4)]
    [('eager',), ('graph',), ('eager',), ('xla',)]
    """
    pair = dealt(names, turn // 2)
    return pair[turn % max(len(pair), 1) :][:1]


def shared(
    op: str, seed: int, first: int, count: int, scopes: Mapping[str, Scope], *, valid_only: bool = False
) -> Iterator[tuple[Case, tuple[str, ...]]]:
    """Yield the calls that come of cases first .. first + count - 1 of an op's stream, each with those who get it."""
    dtypes = {name: scope.dtypes_of(op) for name, scope in scopes.items()}
    for number, case in numbered(op, seed, first, count, 1 if valid_only else VALID):
        yield from together({name: scope.fitted(case, seed, number, dtypes[name]) for name, scope in scopes.items()})


def together(calls: Mapping[str, Case | None]) -> Iterator[tuple[Case, tuple[str, ...]]]:
    """Yield each different call of several targets once, with those who get it."""
    several: list[tuple[Case, list[str]]] = []
    for name, case in calls.items():
        if case is None:
            continue
        for other, names in several:
            if other is case or other.id == case.id:
                names.append(name)
                break
        else:
            several.append((case, [name]))
    for call, names in several:
        yield call, tuple(names)
