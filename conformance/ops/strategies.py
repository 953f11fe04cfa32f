"""Cases drawn by Hypothesis, which shrinks them. Apart from the other modules: importing it takes half a second."""

from hypothesis import strategies as st

from conformance.cases.choices import Choices
from conformance.model import Case
from conformance.ops.stream import invalid, valid

__all__ = ["Drawn", "strategy"]


class Drawn(Choices):
    """Choices made by Hypothesis."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Let Hypothesis choose."""
        return self._draw(st.integers(low, high))


def strategy(op: str, *, broken: bool = False) -> st.SearchStrategy[Case]:
    """Return Hypothesis's strategy of an op's valid calls, or of its broken ones."""
    make = invalid if broken else valid
    return st.composite(lambda draw: make(op, Drawn(draw)))()
