"""The reference with its bounds, as a target: each op computes the whole allowed set of every element."""

from functools import partial
from types import SimpleNamespace
from typing import Any

from conformance.judge.allowed import AnyOf, Results, allowed
from conformance.model import Array, Case
from conformance.ops import OPS

__all__ = ["FUNCTIONS"]


def bounded(op: str, **arguments: Any) -> tuple[Array, ...]:  # noqa: ANN401 -- as of the op
    """Return the values of the first allowed set, and so compute value and bound together."""
    result = allowed(Case(op=op, arrays={}, attributes={}, regime="normal", seed=0), arguments)
    options = result.options if isinstance(result, AnyOf) else (result,)
    values = [tuple(one.value for one in option.arrays) for option in options if isinstance(option, Results)]
    if not values:
        raise NotImplementedError(f"{op} of these arguments has no set of numbers: its mask is open")
    return values[0]


FUNCTIONS = SimpleNamespace(**{op: partial(bounded, op) for op in OPS})
