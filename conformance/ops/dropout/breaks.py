"""Calls of the dropouts that break one rule each."""

from collections.abc import Mapping, Sequence

from conformance.cases import breaks
from conformance.cases.choices import Choices
from conformance.cases.op import Break
from conformance.model import ArraySpec, Case, Json
from conformance.ops.dropout import calls

__all__ = ["BREAKS"]

RATES: tuple[Json, ...] = (1, 1.0, -1, -0.1, 1.5, 1e300, -1e-300, 100, {"float": "nan"}, {"float": "inf"},
    {"float": "-inf"}, "0.5", "half", None, [0.5], [], {"array": [0.5], "dtype": "float32"}, 2**63,
)  # fmt: skip
ALGORITHMS: tuple[Json, ...] = ("mersenne", "filox", "", "philox4x32", "auto", 0, 4, -1, 2**31, "1")
SEEDS: tuple[Json, ...] = (
    [1], [1, 2, 3], [], 1, [1, None], [2**70, 1], [[1, 2]], [0.5, 1.5], ["1", "2"],
    {"array": [1.0, 2.0], "dtype": "float32"},
    {"array": [[1, 2]], "dtype": "int32"}, {"array": [1], "dtype": "int64"},
)  # fmt: skip


def small(op: str, choices: Choices, *, rank: Sequence[int] = (1, 2, 4)) -> Case:
    """Draw a small call with a rate of 0.5; rank: of the array that is dropped from."""
    return choices.aside(lambda drawn: _drawn(op, drawn, rank), lambda: _plain(op))


def _drawn(op: str, choices: Choices, ranks: Sequence[int]) -> Case:
    """Draw a small call with sides of 2 to 4."""
    return calls.of_shape(op, choices, tuple(choices.pick((2, 3, 4)) for _ in range(choices.pick(ranks))), (0.5,))


def _plain(op: str) -> Case:
    """Return an ordinary call: 3x4 numbers in float32, with a seed."""
    shape, attributes = (3, 4), dict[str, Json](rate=0.5)
    if op == "dropout_grad":
        arrays = {"grad": ArraySpec(shape, "float32"), "kept": ArraySpec(shape, "bool")}
    else:
        arrays = {"x": ArraySpec(shape, "float32")}
        attributes["seed"] = 1 if op == "dropout" else [1, 2]
    return Case(op=op, arrays=arrays, attributes=attributes, regime="lattice", seed=0)


def first(case: Case) -> tuple[str, ArraySpec]:
    """Return the name and the look of the array that is dropped from."""
    return next(iter(case.arrays.items()))


def other_dtype(op: str, choices: Choices) -> Case:
    """Give a dtype that cannot be scaled."""
    case = small(op, choices)
    name, spec = first(case)
    return breaks.elsewhere(case, **{name: ArraySpec(spec.shape, choices.pick(breaks.DTYPES))})


def rate(op: str, choices: Choices) -> Case:
    """Give a rate outside [0, 1), or none at all."""
    return breaks.broken(small(op, choices), rate=choices.pick(RATES))


def rate_dtype(op: str, choices: Choices) -> Case:
    """Give a tensor rate of another dtype."""
    case = small(op, choices)
    others = [dtype for dtype in dict.fromkeys(calls.DTYPES) if dtype != first(case)[1].dtype]
    return breaks.broken(case, rate={"array": 0.5, "dtype": choices.pick((*others, "int32"))})


def noise_shape(op: str, choices: Choices) -> Case:
    """Give a noise_shape that is none."""
    case = small(op, choices, rank=(2, 3, 4))
    sides: list[Json] = list(first(case)[1].shape)
    options: tuple[Json, ...] = (
        [-1, *sides[1:]], [-(2**31), *sides[1:]], [1.5, *sides[1:]], ["2", *sides[1:]], [None], [None, *sides],
        [None, *sides[2:]], 3, 1.5,
    )  # fmt: skip
    return breaks.broken(case, noise_shape=choices.pick(options))


def broadcast(op: str, choices: Choices) -> Case:
    """Give a noise_shape that does not broadcast to x's shape."""
    case = small(op, choices)
    sides = list(first(case)[1].shape)
    axis = choices.integer(0, len(sides) - 1)
    other = choices.pick((sides[axis] + 1, sides[axis] * 2, 0, 2**31 - 1))
    near: Json = [*sides[:axis], other, *sides[axis + 1 :]]
    longer: Json = [1, *sides]
    return breaks.broken(case, noise_shape=choices.pick((near, near, longer)))


def seed(op: str, choices: Choices) -> Case:
    """Give a seed that is not two integers."""
    return breaks.broken(small(op, choices), seed=choices.pick(SEEDS))


def algorithm(op: str, choices: Choices) -> Case:
    """Ask for an algorithm that does not exist."""
    return breaks.broken(small(op, choices), rng_alg=choices.pick(ALGORITHMS))


def mask(op: str, choices: Choices) -> Case:
    """Give what is no mask of grad."""
    case = small(op, choices)
    shape = first(case)[1].shape
    options = (
        ArraySpec(shape, "float32"),
        ArraySpec(shape, "uint8"),
        ArraySpec((*shape[:-1], shape[-1] + 1), "bool"),
        ArraySpec((*shape[:-1], 1), "bool"),
        ArraySpec(shape[1:], "bool"),
        ArraySpec((1, *shape), "bool"),
    )
    return breaks.elsewhere(case, kept=choices.pick(options))


SHARED: Mapping[str, Sequence[Break]] = {
    "dropout.R1": (other_dtype,),
    "dropout.R2": (rate,),
    "dropout.R3": (rate_dtype,),
}
NOISE: Mapping[str, Sequence[Break]] = {"dropout.R6": (noise_shape,), "dropout.R7": (broadcast,)}

BREAKS: Mapping[str, Mapping[str, Sequence[Break]]] = {
    "dropout": {**SHARED, **NOISE},
    "stateless_dropout": {
        **SHARED,
        **NOISE,
        "stateless_dropout.R1": (seed,),
        "stateless_dropout.R2": (algorithm,),
    },
    "dropout_grad": {**SHARED, "dropout_grad.R1": (mask,)},
}
