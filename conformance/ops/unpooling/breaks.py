"""Calls of max_unpool and of its gradient that break one rule each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from conformance.cases import breaks
from conformance.cases.choices import Choices
from conformance.cases.op import Break
from conformance.model import ArraySpec, Case, Json
from conformance.ops.unpooling import calls
from conformance.ops.unpooling.calls import Unpool

__all__ = ["BREAKS"]


PLAIN = Unpool(
    result=(2, 2, 3, 2),
    size=(4, 6),
    argmax="int64",
    include_batch_in_index=None,
    sizes="list",
    dtype="float32",
    regime="lattice",
    seed=0,
)


def small(op: str, choices: Choices) -> Unpool:
    """Draw a small call."""
    return choices.aside(lambda drawn: calls.within(op, drawn, 2**6, whole=True), lambda: replace(PLAIN, op=op))


def values(op: str) -> str:
    """Return the array beside argmax."""
    return "grad" if op == "max_unpool_grad" else "input"


def other_rank(op: str, choices: Choices) -> Case:
    """Give both arrays another rank."""
    name = values(op)
    case = breaks.rank(choices, calls.written(small(op, choices)), name)
    return breaks.elsewhere(case, argmax=ArraySpec(case.arrays[name].shape, case.arrays["argmax"].dtype))


def other_shape(op: str, choices: Choices) -> Case:
    """Give argmax another shape than the values."""
    call = small(op, choices)
    axis = choices.integer(0, 3)
    side = choices.pick((call.result[axis] + 1, call.result[axis] - 1))
    shape = (*call.result[:axis], side, *call.result[axis + 1 :])
    return breaks.elsewhere(calls.written(call), argmax=ArraySpec(shape, call.argmax))


def other_dtype(op: str, choices: Choices) -> Case:
    """Give values, or argmax, of a dtype that the op does not take."""
    call = small(op, choices)
    name, case = choices.pick((values(op), "argmax")), calls.written(call)
    wrong = ("int16", "uint8", "uint32", "float32") if name == "argmax" else ("bool", "complex64", "complex128")
    return breaks.elsewhere(case, **{name: ArraySpec(case.arrays[name].shape, choices.pick(wrong))})


def shape(op: str, choices: Choices) -> Case:
    """Give an output_shape that is no shape."""
    call = small(op, choices)
    return breaks.broken(calls.written(call), output_shape=breaks.sizes_of(choices, call.image))


def batch(op: str, choices: Choices) -> Case:
    """Ask for an image of another batch."""
    call = small(op, choices)
    n = call.result[0]
    other: list[Json] = [choices.pick((n + 1, n - 1, 2 * n, 2**31 - 1)), *call.image[1:]]
    return breaks.broken(calls.written(call), output_shape=other)


def other_batch(op: str, choices: Choices) -> Case:
    """Give indices of another batch than the gradient's."""
    call = small(op, choices)
    n, *inner = call.result
    shape = (choices.pick((n + 1, n - 1, 2 * n)), *inner)
    return breaks.elsewhere(calls.written(call), argmax=ArraySpec(shape, call.argmax))


def index(op: str, choices: Choices) -> Case:
    """Give an index that names no cell."""
    call = small(op, choices)
    case = calls.written(call)
    wrong = breaks.integers(choices, 0, call.cells - 1)
    dtype = "int32" if call.argmax == "int32" and abs(wrong) <= 2**31 - 1 else "int64"
    flat = [0] * prod(call.result)
    flat[choices.integer(0, len(flat) - 1)] = wrong
    arrays = {values(op): case.arrays[values(op)]}
    nested: Json = _nested(flat, call.result)
    attributes = {**case.attributes, "argmax": {"array": nested, "dtype": dtype}}
    return Case(op=case.op, arrays=arrays, attributes=attributes, regime=case.regime, seed=case.seed)


def _nested(flat: Sequence[int], shape: Sequence[int]) -> Json:
    """Return flat numbers as lists of lists of this shape."""
    if len(shape) == 1:
        return list(flat)
    step = len(flat) // shape[0]
    return [_nested(flat[start : start + step], shape[1:]) for start in range(0, len(flat), step)]


BREAKS: Mapping[str, Mapping[str, Sequence[Break]]] = {
    "max_unpool": {
        "max_unpool.R1": (other_rank, other_shape),
        "max_unpool.R2": (other_dtype,),
        "max_unpool.R3": (shape,),
        "max_unpool.R4": (batch,),
        "max_unpool.R5": (index,),
    },
    "max_unpool_grad": {
        "max_unpool_grad.R1": (other_rank,),
        "max_unpool_grad.R2": (other_dtype,),
        "max_unpool_grad.R3": (other_batch,),
        "max_unpool_grad.R4": (index,),
    },
}
