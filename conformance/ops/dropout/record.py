"""The records of dropout, stateless_dropout and the gradient of both."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

import reference
from conformance.cases import classes, demands
from conformance.cases.op import Op
from conformance.cases.spelling import decoded
from conformance.model import Array, Case, Json
from conformance.ops.dropout import breaks, calls, layer, sets, world
from conformance.targets.tensorflow.routes import ROUTES
from reference import SpecError, random_bits
from reference.ops.dropout import general_dropout, keeps, scaled
from reference.random_bits import algorithm

__all__ = ["DROPOUT", "DROPOUT_GRAD", "STATELESS_DROPOUT"]


def features(case: Case) -> dict[str, str]:
    """Classify the shape and the rate."""
    shape = next(iter(case.arrays.values())).shape
    return {
        "longest side": classes.length(max(shape, default=1)),
        "rank": str(len(shape)),
        "elements": "0" if 0 in shape else "1" if prod(shape) == 1 else classes.terms(prod(shape)),
        "rate": _rate(case.attributes["rate"]),
        "rate given as": "tensor" if isinstance(case.attributes["rate"], dict) else "number",
    }


def seeded_features(case: Case) -> dict[str, str]:
    """Classify a call of dropout: its noise_shape and which seeds it is given, too."""
    seeds = [name for name in ("seed", "global_seed") if name in case.attributes]
    return features(case) | _noise(case) | {"seeds": " and ".join(seeds) or "none"}


def stateless_features(case: Case) -> dict[str, str]:
    """Classify a call of stateless_dropout: its noise_shape, its algorithm and how its seed is given, too."""
    spelt = case.attributes.get("rng_alg", "default")
    return {
        **features(case),
        **_noise(case),
        "rng_alg": str(spelt),
        "algorithm": algorithm(None if spelt == "default" else decoded(spelt)),
        "seed given as": "tensor" if isinstance(case.attributes["seed"], dict) else "list",
    }


def gradient_arrays(case: Case) -> dict[str, Array]:
    """Draw a gradient, and a mask that a forward call could have: all is kept at a rate of 0, nothing from 1 on."""
    drawn, rate = demands.arrays(case, {}), float(decoded(case.attributes["rate"]))
    if rate <= 0:
        return {**drawn, "kept": np.ones_like(drawn["kept"])}
    return drawn if rate < 1 else {**drawn, "kept": np.zeros_like(drawn["kept"])}


def _noise(case: Case) -> dict[str, str]:
    """Classify a noise_shape."""
    noise = case.attributes.get("noise_shape")
    if not isinstance(noise, list):
        return {"noise_shape": "none", "noise_shape with None": "no"}
    shared = any(entry == 1 for entry in noise) or len(noise) < len(next(iter(case.arrays.values())).shape)
    return {"noise_shape": "shared" if shared else "full", "noise_shape with None": "yes" if None in noise else "no"}


def _rate(rate: Json) -> str:
    """Classify a rate."""
    value = float(decoded(rate))
    if 0 <= value < 1:
        return "0" if value == 0 else "1/2" if value == 0.5 else "small" if value < 1e-3 else "between"
    return "outside"


def simpler(case: Case) -> Iterator[Case]:
    """Yield the call with a simpler shape, rate or algorithm, where it is valid."""
    return (other for other in calls.changes(case) if _is_valid(other))


def _is_valid(case: Case) -> bool:
    """Return whether the specification takes a call."""
    arguments = demands.arrays(case, {}) | {name: decoded(value) for name, value in case.attributes.items()}
    try:
        getattr(reference, case.op)(**arguments)
    except SpecError:
        return False
    return True


def varied(case: Case) -> Iterator[Case]:
    """Yield the call with a rate of another class, and as a tensor."""
    rate = case.attributes["rate"]
    if not isinstance(rate, dict):
        others: tuple[Json, ...] = ({"array": rate, "dtype": case.dtype}, 0.75, 2.0**-24)
        yield from (replace(case, attributes={**case.attributes, "rate": other}) for other in others if other != rate)


def alike(case: Case, _turn: int) -> Iterator[Case]:
    """Yield the call with another seed, if it has any, or rate."""
    for name in ("seed", "global_seed"):
        if name in case.attributes:
            yield replace(case, attributes={**case.attributes, name: _next(case.attributes[name])})
    rate = case.attributes["rate"]
    yield replace(
        case, attributes={**case.attributes, "rate": {**rate, "array": 0.75} if isinstance(rate, dict) else 0.75}
    )


def _next(seed: Json) -> Json:
    """Return another seed, spelt likewise."""
    match seed:
        case {"array": [first, second], "dtype": dtype}:
            return {"array": [second, first ^ 1], "dtype": dtype}  # type: ignore[operator]
        case [first, second]:
            return [second, first ^ 1]  # type: ignore[operator]
    return int(str(seed)) ^ 1


def seeded(case: Case) -> bool:
    """Return whether a call of dropout is given a seed, with which it gives the same bits again."""
    return any(case.attributes.get(name) is not None for name in ("seed", "global_seed"))


DROPOUT = Op(
    name="dropout",
    result="tensor",
    reference=reference.dropout,
    stated_in=(general_dropout,),
    defined_with=(keeps, scaled, random_bits),
    operands={"x": "tensor"},
    layouts=(),
    dtypes=calls.DTYPES,
    options=("noise_shape", "global_seed"),
    valid=partial(calls.valid, "dropout"),
    world=world.of("dropout"),
    breaks=breaks.BREAKS["dropout"],
    meanings={
        "dropout.R5": ({"rate": ("0",), "rate given as": ("number",)},),
        "dropout.R8": ({"rate": ("small", "1/2", "between")},),
        "dropout.R16": ({"rate": ("small", "1/2", "between")},),
        "dropout.R10": ({"noise_shape": ("shared",)},),
        "dropout.R12": ({"seeds": ("none",)},),
    },
    features=seeded_features,
    simpler=simpler,
    varied=varied,
    alike=alike,
    cast=calls.cast,
    arrays=partial(demands.arrays, demands={}),
    allowed=sets.of_dropout,
    random=True,
    seeded=seeded,
    seeding=lambda number: {"global_seed": number},
    at_layer={"stateless_dropout": layer.UNSEEDED},
    tensorflow=ROUTES["dropout"],
)

STATELESS_DROPOUT = replace(
    DROPOUT,
    name="stateless_dropout",
    reference=reference.stateless_dropout,
    stated_in=(),
    options=("noise_shape", "rng_alg"),
    valid=partial(calls.valid, "stateless_dropout"),
    world=world.of("stateless_dropout"),
    breaks=breaks.BREAKS["stateless_dropout"],
    features=stateless_features,
    allowed=sets.of_stateless_dropout,
    seeded=lambda _: True,
    seeding=lambda number: {"seed": [number, number]},
    layer=layer.DROPPING,
    at_layer={},
    tensorflow=ROUTES["stateless_dropout"],
)

DROPOUT_GRAD = Op(
    name="dropout_grad",
    gradient=True,
    result="tensor",
    reference=reference.dropout_grad,
    defined_with=(scaled,),
    operands={"grad": "tensor", "kept": "mask"},
    layouts=(),
    dtypes=calls.DTYPES,
    valid=partial(calls.valid, "dropout_grad"),
    world=world.of("dropout_grad"),
    breaks=breaks.BREAKS["dropout_grad"],
    meanings={},
    features=features,
    simpler=simpler,
    varied=varied,
    alike=alike,
    cast=calls.cast,
    arrays=gradient_arrays,
    allowed=sets.of_dropout_grad,
    at_layer={"stateless_dropout": layer.DROPPING_GRADIENT},
    tensorflow=ROUTES["dropout_grad"],
)
