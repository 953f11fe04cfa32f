"""
Profiles: what a target claims and how it computes, as data. `conformance.ops.profile_reading` reads one.

A profile speaks of calls in the words of `conformance.ops.features`: a feature has a name and a class, such as
"dilation" and "above 1". What a profile does not say is claimed. docs/profiles.md describes the keys.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from conformance.model import Json
from conformance.targets.limits import ALL_OPS, Features, Limit, reason
from reference.choices import EITHER
from reference.engine.precision import ARITHMETICS, Arithmetic
from reference.ops import CHOICES

__all__ = ["COMMON", "EVERY", "GENERATORS", "SPELLINGS", "SUBNORMAL", "SUBNORMALS", "TENSORFLOW", "Profile", "names"]

SUBNORMALS = ("kept", "flushed", EITHER)
SPELLINGS = ("tensorflow", "canonical")
TENSORFLOW = "tensorflow"  # of choices: all of TensorFlow's
SUBNORMAL = "common.R3"  # the choice that `subnormals` makes
GENERATORS = ("dropout.R11", "stateless_dropout.R3")  # those that `own_masks` makes
EVERY = "others"  # in a table by op or dtype: those that it does not name

T = TypeVar("T")


# Of every library but TensorFlow: what its functions have no words for.
COMMON = (
    Limit(reason="images of rank 4 only", ops=("conv2d",), features={"rank": ("5",)}),
    Limit(reason="the rate is a number", features={"rate given as": ("tensor",)}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """
    What a target claims and how it computes.

    Tables by op or dtype may hold `EVERY`; what they do not name, and an empty table, is not restricted.
    """

    name: str = ""  # short: tables and causes go by it
    library: str = ""
    version: str = ""  # of the library: the one on which the limits were measured
    ops: tuple[str, ...] = ALL_OPS  # offered
    dtypes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by op
    layouts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by op
    limits: tuple[Limit, ...] = ()
    hangs: tuple[Limit, ...] = ()  # claimed calls that may not end: each has a tenth of the time
    arithmetic: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # by op, dtype: any of these
    subnormals: str = EITHER
    choices: Mapping[str, str] | str = field(default_factory=dict)  # by rule, the alternative; or TENSORFLOW
    spelling: str = "tensorflow"
    deterministic: bool = False  # the same call gives the same bits
    own_masks: tuple[str, ...] = ALL_OPS  # ops whose random numbers are not those of TensorFlow's kernels
    unseeded: tuple[str, ...] = ()  # ops whose seed it ignores: `deterministic` leaves them out

    def outside(self, op: str, features: Features, route: str = "", served: Iterable[str] = ()) -> str | None:
        """Return why a valid call is not among those claimed; None where it is."""
        if self.ops != ALL_OPS and op not in self.ops:
            return f"{self.name or 'the target'} offers no {op}"
        for name, table in (("dtype", self.dtypes), ("layout", self.layouts)):
            claimed = of(table, op)
            if claimed is not None and name in features and features[name] not in claimed:
                return f"{op} in {features[name]} is not claimed"
        return reason(self.limits, op, features, route, served)

    def arithmetics(self, op: str, dtype: str) -> tuple[Arithmetic, ...]:
        """Return the arithmetics by which an op may compute in a dtype: at least one, the usual one first."""
        names = of(of(self.arithmetic, op) or {}, dtype) or ("float32",)
        named = (ARITHMETICS[name] for name in names)
        return tuple(replace(entry, flushes=entry.flushes and self.subnormals != "kept") for entry in named)

    def adopts(self, rule: str) -> Container[str]:
        """Return which alternatives of a rule of kind choice conform: the one that it makes, or all of an open one."""
        if rule == SUBNORMAL and self.subnormals != EITHER:
            return (self.subnormals,)
        if isinstance(self.choices, str):
            return names(rule, of_tensorflow=True)
        made = self.choices.get(rule, EITHER)
        return names(rule) if made == EITHER else (made,)

    def to_json(self) -> dict[str, Json]:
        """Return the profile as JSON data; `profile_reading.parsed` is the inverse."""
        data: dict[str, Json] = asdict(self)
        return {**data, "limits": _shown(self.limits), "hangs": _shown(self.hangs)}


def _shown(limits: Iterable[Limit]) -> Json:
    """Return limits as JSON data, but for what oneDNN lifts, which is of TensorFlow's kernels alone."""
    return [{key: value for key, value in asdict(limit).items() if key != "lifted"} for limit in limits]


def names(rule: str, *, of_tensorflow: bool = False) -> tuple[str, ...]:
    """Return the alternatives of a rule of kind choice; of_tensorflow: those that TensorFlow makes."""
    return tuple(each.name for each in CHOICES[rule] if each.of_tensorflow or not of_tensorflow)


def of(table: Mapping[str, T], key: str) -> T | None:
    """Return what a table says of a key; what it says of the others where it does not name it."""
    return table.get(key, table.get(EVERY))
