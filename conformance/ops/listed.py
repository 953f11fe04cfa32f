"""
Calls at the layers of the corpus.

A run makes each small layer once, by one of the ops that have it, which one depends on the seed; or every layer by
every op.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from conformance.cases.choices import streams
from conformance.cases.corpus import LARGE, SMALL, corpus
from conformance.cases.layers import Layer
from conformance.model import Case
from conformance.ops.table import OPS

__all__ = ["at", "blocks", "left_out", "places"]


TOGETHER = 64  # calls of a block, where they are small
PRODUCTS = 16 * SMALL  # in a block, unless one layer alone has more


def at(op: str, seed: int, place: int) -> Case:
    """Return the call of an op at the layer of this place, which it takes, with values on the lattice."""
    draw = OPS[op].of_layer
    if draw is None:
        raise ValueError(f"{op} has no calls at layers")
    (choices,) = streams(seed, f"{op}, corpus", place, 1)
    return replace(draw(corpus().layers[place], choices), regime="lattice")


@cache
def blocks(op: str, seed: int, *, whole: bool) -> tuple[tuple[int, ...], ...]:
    """Return the places of `places` in blocks that are about as much work."""
    found: list[list[int]] = []
    room = 0
    for place in places(op, seed, whole=whole):
        products = corpus().layers[place].products
        if room < products or len(found[-1]) == TOGETHER:
            found.append([])
            room = PRODUCTS
        found[-1].append(place)
        room -= products
    return tuple(map(tuple, found))


@cache
def places(op: str, seed: int, *, whole: bool) -> tuple[int, ...]:
    """Return at which layers an op makes a call; whole: of all layers, not only of small ones."""
    return tuple(
        place for place, layer in enumerate(corpus().layers) if op in _takers(layer, place + seed, whole=whole)
    )


def _takers(layer: Layer, turn: int, *, whole: bool) -> tuple[str, ...]:
    """Return the ops that make a call at a layer: all that have it, or the one whose turn it is."""
    if layer.products > (LARGE if whole else SMALL):
        return ()
    takers = tuple(name for name, op in OPS.items() if op.takes(layer))
    return takers if whole or not takers else (takers[turn % len(takers)],)


def left_out(*, whole: bool) -> Mapping[str, int]:
    """Return how many geometries of the corpus no call is made at, by the reason."""
    limit = LARGE if whole else SMALL
    reasons = Counter(corpus().left_out)
    for layer in corpus().layers:
        if layer.products > limit:
            reasons[f"more than {limit:,} products"] += 1
        elif not any(op.takes(layer) for op in OPS.values()):
            reasons["no op has such windows"] += 1
    return reasons
