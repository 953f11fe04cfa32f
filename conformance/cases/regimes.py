"""The value regimes by name; `values.py` draws them."""

from conformance.cases.choices import Choices

__all__ = ["FLOAT_REGIMES", "INTEGER_REGIMES", "regime", "regimes", "rotated"]

FLOAT_REGIMES = ("lattice", "normal", "positive", "wide", "ill-conditioned", "special", "ties")
INTEGER_REGIMES = ("lattice", "wide", "ties", "extremes")


def regimes(dtype: str) -> tuple[str, ...]:
    """Return the regimes of a dtype."""
    return FLOAT_REGIMES if "float" in dtype else INTEGER_REGIMES


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
