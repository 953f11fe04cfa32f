"""Cases next to a case: one attribute changed, toward the simplest call or elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from conformance.cases import sizes
from conformance.cases.regimes import regimes, simplified
from conformance.model import ArraySpec, Case, Json
from conformance.ops.arguments import arguments
from conformance.ops.table import OPS
from reference import SpecError

__all__ = ["broken_rule", "neighbours", "shrink", "simpler", "simplest_values"]

PLAIN = ("float32", "float64")  # dtypes, the plainest first
MOST = 1000  # steps of shrinking; each is toward the simplest call, so that far fewer are met


def shrink(case: Case, shows: Callable[[Case], bool]) -> Case:
    """Return a case that still shows something, while no simpler neighbour of it does."""
    for _ in range(MOST):
        smaller = next((other for other in simpler(case) if shows(other)), None)
        if smaller is None:
            break
        case = smaller
    return case


def neighbours(case: Case) -> Iterator[Case]:
    """Yield every case that differs in one attribute, as far as they are tried; as valid, or breaking the same rule."""
    yield from simpler(case)
    yield from _as_good(case, _others(case))


def simpler(case: Case) -> Iterator[Case]:
    """Yield the neighbours that are one step nearer to the simplest call."""
    yield from _as_good(case, chain(_plainer_values(case), _plainer_calls(case)))


def simplest_values(case: Case) -> Iterator[Case]:
    """
    Yield the case with values that a person would write, the simplest first: ones, ...

    They are no step of shrinking: by too simple values a fault of a case next to it is not seen.
    """
    yield from (replace(case, regime=regime) for regime in simplified(case.regime))


def _as_good(case: Case, others: Iterable[Case]) -> Iterator[Case]:
    """Yield, once each, the cases that differ from this one and are as valid, or break the same rule."""
    seen = {case.id}
    for other in others:
        if other.id not in seen and (case.breaks is None or broken_rule(other) == case.breaks):
            yield other
        seen.add(other.id)


def broken_rule(case: Case) -> str | None:
    """Return the rule that the reference says the case breaks."""
    try:
        OPS[case.op].reference(**arguments(case))
    except SpecError as error:
        return error.rule
    return None


def _plainer_values(case: Case) -> Iterator[Case]:
    """Yield the case with simpler values: an earlier regime, a small seed of the same parity."""
    dtype = case.dtype
    order = regimes(dtype)
    if case.regime in order:
        yield from (replace(case, regime=regime) for regime in order[: order.index(case.regime)])
    if case.seed > 1:
        yield replace(case, seed=case.seed % 2)
    yield from (OPS[case.op].cast(case, plain) for plain in (PLAIN[: PLAIN.index(dtype)] if dtype in PLAIN else PLAIN))


def _plainer_calls(case: Case) -> Iterator[Case]:
    """Yield the case with a simpler call."""
    return _of_broken(case) if case.breaks is not None else OPS[case.op].simpler(case)


def _others(case: Case) -> Iterator[Case]:
    """Yield the case with another dtype or regime, and what its op varies in the call."""
    yield from (OPS[case.op].cast(case, plain) for plain in (*PLAIN, "bfloat16") if plain != case.dtype)
    if case.breaks is None:
        yield from (replace(case, regime=regime) for regime in regimes(case.dtype))
        yield from OPS[case.op].varied(case)


def _of_broken(case: Case) -> Iterator[Case]:
    """Yield a broken call without one of its options, with a plainer one, and with arrays smaller along one axis."""
    for name in (option for option in OPS[case.op].options if option in case.attributes):
        yield replace(case, attributes={key: value for key, value in case.attributes.items() if key != name})
    for name, value in case.attributes.items():
        for plainer in (*(["VALID"] if name == "padding" and value != "VALID" else []), *_plainer(value)):
            yield replace(case, attributes={**case.attributes, name: plainer})
    for name, spec in case.arrays.items():
        for axis, side in enumerate(spec.shape):
            for less in sizes.smaller(side):
                shape = (*spec.shape[:axis], less, *spec.shape[axis + 1 :])
                yield replace(case, arrays={**case.arrays, name: ArraySpec(shape, spec.dtype)})


def _plainer(value: Json) -> Iterator[Json]:
    """
    Yield what may stand in the place of an argument, plainer: no array, one number for a list of equal ones, smaller.

    >>> list(_plainer([3, 3]))
    [3, [1, 3], [2, 3], [3, 1], [3, 2]]
    >>> list(_plainer({"array": [1], "dtype": "int64"})), list(_plainer(-5)), list(_plainer("SAME"))
    ([[1]], [-1, -2, -4], [])
    """
    match value:
        case {"array": content, "dtype": _}:
            yield content
        case [first, *others] if not isinstance(first, list) and all(other == first for other in others):
            yield first
    if isinstance(value, list):
        for place, entry in enumerate(value):
            for less in _plainer(entry):
                yield [*value[:place], less, *value[place + 1 :]]
    elif type(value) is int:
        yield from ((size if value > 0 else -size) for size in sizes.smaller(abs(value)))
