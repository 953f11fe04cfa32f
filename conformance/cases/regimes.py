"""Dtypes, and the value regimes by name; `values.py` draws them."""

from dataclasses import replace

from conformance.cases.choices import Choices
from conformance.model import ArraySpec, Case

__all__ = [
    "COMMON",
    "FLOATS",
    "FLOAT_REGIMES",
    "INTEGERS",
    "INTEGER_REGIMES",
    "PLAIN",
    "SINGLE",
    "UNSIGNED",
    "cast",
    "class_of",
    "regime",
    "regimes",
    "rotated",
    "simplified",
]

# The common ones more than once: so often are they drawn.
COMMON = ("float32", "float32", "float32", "bfloat16", "float16")  # of ordinary calls
FLOATS = ("float32", "float32", "float32", "bfloat16", "float16", "float16", "float64")
INTEGERS = ("int32", "int64", "int16", "int8", "uint8", "uint16")
UNSIGNED = ("uint32", "uint64")

FLOAT_REGIMES = ("lattice", "normal", "positive", "wide", "ill-conditioned", "special", "ties")
INTEGER_REGIMES = ("lattice", "wide", "ties", "extremes")
# Never drawn: what the values of a finding are simplified to where they still show it, each with its class.
SINGLE = "single special"
PLAIN = ("ones", "counting")
CLASSES = {SINGLE: "special", **dict.fromkeys(PLAIN, "lattice")}


def regimes(dtype: str) -> tuple[str, ...]:
    """Return the regimes of a dtype."""
    return FLOAT_REGIMES if "float" in dtype else INTEGER_REGIMES


def simplified(regime: str) -> tuple[str, ...]:
    """
    Return the regimes, never drawn, whose values are simpler than those of one that is, the simplest first.

    >>> simplified("special"), simplified("wide"), simplified("counting")
    (('ones', 'counting', 'single special'), ('ones', 'counting'), ('ones',))
    """
    order = (*PLAIN, SINGLE) if class_of(regime) == "special" else PLAIN
    return order[: order.index(regime)] if regime in order else order


def class_of(regime: str) -> str:
    """Return the drawn regime that one is a plainer form of; itself, mostly."""
    return CLASSES.get(regime, regime)


def regime(choices: Choices, dtype: str) -> str:
    """Choose a regime."""
    return choices.pick(regimes(dtype))


def rotated(dtype: str, first: str, steps: int) -> str:
    """
    Return the regime of another member of a group of cases that share everything else.

    Member 0 is on the lattice, where an indexing fault shows bit for bit; the others go round from `first`.
    """
    if steps == 0:
        return "lattice"
    others = regimes(dtype)[1:]
    return others[(others.index(first) + steps - 1 if first in others else steps - 1) % len(others)]


def cast(case: Case, dtype: str, fixed: tuple[str, ...] = ()) -> Case:
    """
    Return the case with the arrays of its first one's dtype in another; its regime too, where that has no such one.

    fixed: arrays that keep their dtype.
    """
    now = case.dtype
    arrays = {
        name: ArraySpec(spec.shape, dtype) if spec.dtype == now and name not in fixed else spec
        for name, spec in case.arrays.items()
    }
    known = (*regimes(dtype), *PLAIN, *([SINGLE] if "float" in dtype else []))
    return replace(case, arrays=arrays, regime=case.regime if case.regime in known else "lattice")
