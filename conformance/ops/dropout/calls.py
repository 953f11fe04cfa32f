"""Calls of dropout, stateless_dropout and dropout_grad."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

from conformance.cases import sizes
from conformance.cases.choices import Choices
from conformance.cases.regimes import COMMON, regime
from conformance.cases.sizes import DATA, at_most, smaller
from conformance.model import ArraySpec, Case, Json

__all__ = ["DTYPES", "cast", "changes", "of_shape", "valid"]

DTYPES = ("float32", "float32", "float32", "bfloat16", "float16", "float64")
# Of shapes, spread evenly as those of `sizes.KINDS`.
KINDS = (*("ordinary",) * 25, *("",) * 10, *("large",) * 10, *("rank 4",) * 3, "empty", "long")
SIDES = (1, 1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1023, 1025)
TELLING = (0.5, 0.25, 0.1, 0.3, 0.75, 0.9)  # rates at which a large mask tells most
LARGE_RATES = (*TELLING, *TELLING, 0.0, 0.001, 0.999)
RATES = (*TELLING, *TELLING, 0, 0.0, 0.99, 0.999, 2.0**-24, 1e-10, 0.9999, 1 - 2.0**-24)
RATES_OF = {"ordinary": TELLING, "large": LARGE_RATES, "rank 4": LARGE_RATES}
# What a tensor may hold is not looked at: all are dropped from 1 on, none below 0.
ODD_RATES: tuple[Json, ...] = (1.0, 1.5, -0.5, {"float": "nan"}, {"float": "inf"})
SEEDS = (0, 1, 2, 42, 2**31 - 1, -1, -(2**31), 87654321)
WIDE_SEEDS = (*SEEDS, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -(2**63), 2**32 + 1)
ALGORITHMS: tuple[Json, ...] = (
    "philox", "philox", "threefry", "auto_select", "Philox", "THREEFRY", "three-fry", "autoselect", 1, 2, 3, None,
)  # fmt: skip


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call."""
    kind = choices.pick(KINDS)
    return of_shape(
        op, choices, _shape(choices, kind), RATES_OF.get(kind, RATES), COMMON if kind == "ordinary" else DTYPES
    )


def of_shape(
    op: str, choices: Choices, shape: tuple[int, ...], rates: Sequence[float], dtypes: Sequence[str] = DTYPES
) -> Case:
    """Draw a valid call with x, or grad, of this shape; rates, dtypes: those that it may have."""
    dtype = choices.pick(dtypes)
    attributes: dict[str, Json] = {"rate": _rate(choices, dtype, rates)}
    if op == "dropout_grad":
        arrays = {"grad": ArraySpec(shape, dtype), "kept": ArraySpec(shape, "bool")}
    else:
        arrays = {"x": ArraySpec(shape, dtype)}
        attributes |= _seeds(op, choices)
        if choices.chance(50):
            attributes["noise_shape"] = _noise_shape(choices, shape)
    chosen = regime(choices, dtype)
    return Case(op=op, arrays=arrays, attributes=attributes, regime=chosen, seed=choices.integer(0, sizes.LARGEST))


def _shape(choices: Choices, kind: str) -> tuple[int, ...]:
    """
    Draw a shape of rank 0 to 5.

    A large one has many cells, from which masks can be judged, an empty one none; a long one has an axis past 16 bits.
    """
    if kind == "large":
        return choices.pick((255, 256, 257)), choices.pick((256, 255, 253))
    if kind == "ordinary":
        return tuple(choices.integer(1, 10) for _ in range(choices.pick((1, 2, 4, 4, 3))))
    if kind == "long":
        return choices.pick(((many := choices.pick(sizes.PAST_16_BITS), 2), (1, many), (many,)))
    rank = 4 if kind == "rank 4" else max(choices.pick((1, 2, 4, 3, 2, 5, 0)), kind == "empty")
    most = choices.pick((2**6, 2**9, 2**12, DATA))
    shape: list[int] = [choices.pick((1, 2))] if kind == "rank 4" else []
    for _ in range(rank - len(shape)):
        side = choices.pick(at_most(SIDES, most))
        most //= side
        shape.append(side)
    if kind == "empty":
        shape[choices.integer(0, rank - 1)] = 0
    return tuple(shape)


def _rate(choices: Choices, dtype: str, rates: Sequence[float]) -> Json:
    """Draw a rate: a number, or a tensor of x's dtype."""
    rate = choices.pick(rates)
    if not choices.chance(30):
        return rate
    odd = rates is RATES and choices.chance(10)
    return {"array": choices.pick(ODD_RATES) if odd else rate, "dtype": dtype}


def _seeds(op: str, choices: Choices) -> dict[str, Json]:
    """Draw what decides the random numbers."""
    if op == "stateless_dropout":
        seed: Json = [_seed(choices), choices.pick(SEEDS)]
        if choices.chance(50):
            seed = {"array": [choices.pick(WIDE_SEEDS), choices.pick(WIDE_SEEDS)], "dtype": "int64"}
        return {"seed": seed, "rng_alg": choices.pick(ALGORITHMS)} if choices.chance(75) else {"seed": seed}
    seeds = {"seed": _seed(choices), "global_seed": choices.pick(SEEDS)}
    return {name: seeds[name] for name in choices.pick((("seed", "global_seed"), ("seed",), ("global_seed",), ()))}


def _seed(choices: Choices) -> int:
    """Draw a seed: a telling one, or any."""
    return choices.pick(SEEDS) if choices.chance(50) else choices.integer(-(2**31), 2**31 - 1)


def _noise_shape(choices: Choices, shape: tuple[int, ...]) -> Json:
    """Draw a noise_shape that broadcasts to x's shape."""
    if choices.chance(10):
        return None
    if choices.chance(20):  # leading axes left out
        return [choices.pick((1, size)) for size in shape[choices.integer(0, len(shape)) :]]
    return [choices.pick((1, size, None)) for size in shape]


def changes(case: Case) -> Iterator[Case]:
    """Yield the call with a simpler shape, rate or algorithm; some may not be valid."""
    attributes, shape = case.attributes, next(iter(case.arrays.values())).shape
    if attributes.get("noise_shape") is not None:
        yield replace(case, attributes=_without(attributes, "noise_shape"))
    elif len(shape) > 1:
        yield _reshaped(case, (prod(shape),))
    for axis, side in enumerate(shape):
        for less in smaller(side):
            yield _reshaped(case, (*shape[:axis], less, *shape[axis + 1 :]))
    if isinstance(attributes["rate"], dict):
        yield replace(case, attributes={**attributes, "rate": attributes["rate"]["array"]})
    if attributes["rate"] != 0.5:
        yield replace(case, attributes={**attributes, "rate": 0.5})
    if attributes.get("rng_alg", "philox") != "philox":
        yield replace(case, attributes={**attributes, "rng_alg": "philox"})


def cast(case: Case, dtype: str) -> Case:
    """Return the call with x, or grad, in another dtype, and a tensor rate with it."""
    name, spec = next(iter(case.arrays.items()))
    rate = case.attributes["rate"]
    rate = {**rate, "dtype": dtype} if isinstance(rate, dict) else rate
    arrays = {**case.arrays, name: ArraySpec(spec.shape, dtype)}
    return replace(case, arrays=arrays, attributes={**case.attributes, "rate": rate})


def _without(attributes: Mapping[str, Json], name: str) -> dict[str, Json]:
    """Return the attributes without one of them."""
    return {key: value for key, value in attributes.items() if key != name}


def _reshaped(case: Case, shape: tuple[int, ...]) -> Case:
    """Return the call with arrays of another shape."""
    return replace(case, arrays={name: ArraySpec(shape, spec.dtype) for name, spec in case.arrays.items()})
