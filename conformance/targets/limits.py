"""
Declared limits: the valid calls that a target says it does not implement, or may not come to an end with, as data.

A refusal of a valid call is `unsupported` only where a limit of that target covers it. A limit speaks of a call in the
words of its features, `conformance.ops.features`, as the predicate of a finding does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["ALL_OPS", "Features", "Limit", "reason"]

Features = Mapping[str, str]  # of a call: feature, class
ALL_OPS = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Calls of which a target says one thing: those for which everything given here holds."""

    reason: str
    ops: tuple[str, ...] = ()  # any where none is given
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # each is of one of these classes
    routes: tuple[str, ...] = ()  # any where none is given
    lifted: bool = False  # by oneDNN, for the dtypes that it serves

    def covers(self, route: str, features: Features, served: Iterable[str]) -> bool:
        """Return whether a call of one of its ops falls under this limit, where oneDNN serves these dtypes."""
        return (
            (not self.routes or route in self.routes)
            and not (self.lifted and features.get("dtype", "") in served)
            and all(features.get(name) in classes for name, classes in self.features.items())
        )


def reason(limits: Iterable[Limit], op: str, features: Features, route: str, served: Iterable[str] = ()) -> str | None:
    """Return the reason of the first limit that covers the call; None where none does."""
    of_op = (limit for limit in limits if not limit.ops or op in limit.ops)
    return next((limit.reason for limit in of_op if limit.covers(route, features, served)), None)
