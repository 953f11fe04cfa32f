"""Calls of bias_add and its gradient that break one rule each."""

from collections.abc import Mapping, Sequence
from functools import partial

from conformance.cases import breaks
from conformance.cases.choices import Choices
from conformance.cases.op import Break
from conformance.model import ArraySpec, Case, Json
from conformance.ops.bias import calls
from conformance.ops.bias.calls import Addition

__all__ = ["BREAKS"]

NAMES: tuple[Json, ...] = ("NHW", "HWC", "CN", "nhwc", "channels_last", "channels_first", "", "CHWN", "HWCN", 4)


def small(op: str, choices: Choices) -> Case:
    """Draw a small call; where all choices are gone through, an ordinary one."""
    return calls.written(choices.aside(partial(_drawn, op), partial(calls.plain, op)))


def _drawn(op: str, choices: Choices) -> Addition:
    """Draw a call of a small shape."""
    shape = tuple(choices.pick((2, 3, 4)) for _ in range(choices.pick((2, 3, 4, 5))))
    return calls.of_shape(op, choices, shape)


def other_rank(op: str, choices: Choices) -> Case:
    """Give a value of too small a rank, or a bias that is no vector."""
    case = small(op, choices)
    name = choices.pick(tuple(case.arrays))
    spec = case.arrays[name]
    if name == "bias":
        return breaks.elsewhere(
            case, bias=ArraySpec(choices.pick(((), (1, *spec.shape), (*spec.shape, 1))), spec.dtype)
        )
    least = 2 if calls.read(case).first else 1
    return breaks.elsewhere(case, **{name: ArraySpec(spec.shape[-choices.integer(0, least) :][:least], spec.dtype)})


def other_dtype(op: str, choices: Choices) -> Case:
    """Give a dtype that the op does not take; TensorFlow takes complex numbers, which are not specified."""
    case = small(op, choices)
    return breaks.elsewhere(case, **{name: ArraySpec(spec.shape, "bool") for name, spec in case.arrays.items()})


def mixed_dtypes(op: str, choices: Choices) -> Case:
    """Give arrays of two dtypes."""
    return breaks.mixed(choices, small(op, choices), calls.DTYPES)


def data_format(op: str, choices: Choices) -> Case:
    """Give a layout that does not exist."""
    names = NAMES if op == "bias_add" else (*NAMES, *breaks.FORMATS)
    return breaks.broken(small(op, choices), data_format=choices.pick(names))


def biases(op: str, choices: Choices) -> Case:
    """Give more or fewer biases than channels."""
    case = small(op, choices)
    (count,) = case.arrays["bias"].shape
    return breaks.elsewhere(case, bias=ArraySpec((choices.pick((count + 1, count - 1, 1, 0, 8 * count)),), case.dtype))


BREAKS: Mapping[str, Mapping[str, Sequence[Break]]] = {
    "bias_add": {
        "bias_add.R1": (other_rank,),
        "bias_add.R2": (other_dtype, mixed_dtypes),
        "bias_add.R3": (data_format,),
        "bias_add.R4": (biases,),
    },
    "bias_add_grad": {
        "bias_add_grad.R1": (other_rank,),
        "bias_add_grad.R2": (other_dtype,),
        "bias_add_grad.R3": (data_format,),
    },
}
