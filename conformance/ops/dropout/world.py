"""The small worlds of dropout, stateless_dropout and their gradient."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from conformance.cases.world import Axes, World, half
from conformance.model import ArraySpec, Case, Json

__all__ = ["of"]

RANKS = 5
RATES = (0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9)
SEEDS = (0, -1, 2**31 - 1)
ALGORITHMS: tuple[Json, ...] = ("philox", "threefry", "auto_select")
# What decides the random numbers, by op.
DRAWN: Mapping[str, Axes] = {
    "dropout": {"seed": SEEDS, "global_seed": (None, *SEEDS)},
    "stateless_dropout": {"seed": SEEDS, "second": SEEDS, "rng_alg": ALGORITHMS},
    "dropout_grad": {},
}
NOISE = "axis "  # begins the names of the axes that are a size and what noise_shape says of it: None, as x


def of(op: str) -> World:
    """Return the small world of an op."""
    return World(parts=partial(parts, op), call=partial(call, op))


def parts(op: str, side: int) -> Mapping[str, Axes]:
    """Return the axes of the calls up to a side, by rank; above rank 2 up to half the side."""
    drawn = DRAWN[op]
    return {
        f"rank-{rank}": {
            **{
                f"{NOISE}{axis}": _sizes(side if rank < 3 else half(side)[-1], noise=bool(drawn))
                for axis in range(rank)
            },
            **drawn,
            "rate": RATES,
            "tensor": (False, True),
        }
        for rank in range(RANKS)
    }


def _sizes(side: int, *, noise: bool) -> Sequence[tuple[int, int | None]]:
    """Return the sizes of an axis, each with what noise_shape says of it: nothing, all of it, or 1."""
    plain = tuple((size, None) for size in range(1, side + 1))
    given = tuple((size, entry) for size, _ in plain for entry in dict.fromkeys((size, 1)))
    return (*plain, *given) if noise else plain


def call(op: str, dtype: str, number: int, **chosen: Any) -> Case:  # noqa: ANN401 -- an entry of each axis
    """Return the call, without noise_shape where it would say nothing; tensor: whether the rate is one."""
    axes = [entry for name, entry in chosen.items() if name.startswith(NOISE)]
    shape = tuple(size for size, _ in axes)
    rate: Json = {"array": chosen["rate"], "dtype": dtype} if chosen["tensor"] else chosen["rate"]
    attributes: dict[str, Json] = {"rate": rate}
    if op == "dropout_grad":
        arrays = {"grad": ArraySpec(shape, dtype), "kept": ArraySpec(shape, "bool")}
    else:
        arrays = {"x": ArraySpec(shape, dtype)}
        attributes |= _seeds(op, chosen)
        if any(noise is not None for _, noise in axes):
            attributes["noise_shape"] = [noise for _, noise in axes]
    return Case(op=op, arrays=arrays, attributes=attributes, regime="lattice", seed=number)


def _seeds(op: str, chosen: Mapping[str, Any]) -> dict[str, Json]:
    """Return what decides the random numbers."""
    if op == "stateless_dropout":
        return {"seed": [chosen["seed"], chosen["second"]], "rng_alg": chosen["rng_alg"]}
    seeds = {name: chosen[name] for name in ("seed", "global_seed")}
    return {name: seed for name, seed in seeds.items() if seed is not None}
