"""
The masks of a whole run: what is wrong with a generator of random numbers, where no single mask shows it.

A generator other than TensorFlow's is right if its numbers are even and independent. Over all masks of a run, one for
each seed, two kinds of sums are zero but for chance:

    sum of (m - p) / q                       m whether a cell is dropped, p the rate, q = 1 - p
    sum of (m - p) (m' - p) / (p q)          over pairs of cells, m and m', at one distance from one another

A sum of independent terms of mean zero, of variance V in all and each at most M, is beyond t with a probability of at
most 2 exp(-t^2 / (2 V + 2 M t / 3)) (Bernstein; Boucheron, Lugosi and Massart, Concentration Inequalities, 2013, 2.8).
The pairs of one distance are disjoint, which makes their products independent. One budget of false alarms, 1e-6, is
shared by all sums of all targets of a run.

And the same seed gives the same mask, another seed another one, and so do two calls without a seed.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any
from zlib import crc32

import numpy as np

from conformance import ops
from conformance.model import Array, Case, Evidence, Symptom, Verdict
from reference.ops.masks import possible

__all__ = ["Mask", "observed", "read", "verdict"]

NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})
RISK = 1e-6  # of a false alarm in a run
DISTANCES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
# Over many masks, numbers of fewer bits are uneven: of 128 different ones, 0.3 of them cannot lie below 0.3.
DTYPES = ("float32", "float64")
MODERATE = (0.05, 0.95)  # rates whose pairs are looked at: beyond, one pair would weigh too much
HEAVIEST = 64.0  # weight of a cell, where q is small
TELLING = 64.0  # bits of chance in a mask that comes twice by no accident


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What is kept of one mask: enough for the sums."""

    seed: str  # all that seeds the call; "" where nothing does
    call: str  # all that decides the mask: the seed, the shapes, the rate
    bits: int  # a check sum of the mask; -1 where part of it is not known
    chance: float  # bits of chance in the mask
    cells: int
    excess: float  # the first sum
    variance: float  # of it
    products: tuple[float, ...]  # the second sum, for each distance
    pairs: tuple[int, ...]  # its terms: each has a variance of 1

    def to_json(self) -> str:
        """Return the mask as one line of JSON; `read` is its inverse."""
        return json.dumps(asdict(self))


def read(text: str) -> Mask:
    """Return the mask that `to_json` has written."""
    data = json.loads(text)
    return Mask(**{**data, "products": tuple(data["products"]), "pairs": tuple(data["pairs"])})


def observed(case: Case, result: Array, made: Mapping[str, Sequence[str]] = NOTHING) -> Mask | None:
    """
    Return what a result of dropout that conforms tells of its mask; None: nothing that could be used.

    made: the alternatives of choices that its verdict says it meets.
    """
    arguments = ops.arguments(case)
    x, rate = arguments["x"], float(arguments["rate"])
    if x.dtype.name not in DTYPES or not 0 < rate < 1:
        return None
    choices = {rule: names[0] for rule, names in made.items()}
    found = possible(x, arguments["rate"], arguments.get("noise_shape"), result, choices)
    clear = ~found.ambiguous.ravel()
    return _summed(case, ~found.kept.ravel() & clear, clear, rate)


def _summed(case: Case, dropped: Array, clear: Array, rate: float) -> Mask:
    """Add up one mask; clear: the cells that say whether they were dropped."""
    cells = int(clear.sum())
    weight = 1 / max(1 - rate, 1 / HEAVIEST)
    apart = np.where(clear, dropped - rate, 0.0)
    sums = [_pairs(apart, clear, distance) for distance in DISTANCES] if MODERATE[0] <= rate <= MODERATE[1] else []
    scale = rate * (1 - rate)
    seed = _seed(case)
    decided = {"seed": _seeds(case), "rate": case.attributes["rate"], "noise": case.attributes.get("noise_shape")}
    return Mask(
        seed=seed,
        call=json.dumps([decided, case.arrays["x"].shape, case.arrays["x"].dtype]),
        bits=crc32(np.packbits(dropped).tobytes()) if clear.all() else -1,
        chance=-cells * math.log2(rate**2 + (1 - rate) ** 2),
        cells=cells,
        excess=weight * float(apart.sum()),
        variance=weight**2 * cells * scale,
        products=tuple(total / scale for total, _ in sums),
        pairs=tuple(number for _, number in sums),
    )


def _pairs(apart: Array, clear: Array, distance: int) -> tuple[float, int]:
    """Add the products of cells at a distance: the first half of each block with the second, and count them."""
    whole = len(apart) // (2 * distance) * 2 * distance
    first, second = np.moveaxis(apart[:whole].reshape(-1, 2, distance), 1, 0)
    both = np.logical_and(*np.moveaxis(clear[:whole].reshape(-1, 2, distance), 1, 0))
    return float((first * second).sum()), int(both.sum())


def _seed(case: Case) -> str:
    """Return what seeds a call, as far as every generator tells seeds apart: as doubles, in 32 bits."""
    seeds = {
        name: [int(float(part)) % 2**32 for part in value] if isinstance(value, list) else value
        for name, value in _seeds(case).items()
    }
    return json.dumps(seeds) if {"seed", "global_seed"} & set(seeds) else ""


def _seeds(case: Case) -> dict[str, Any]:
    """Return what seeds a call: lists of integers, and the algorithm."""
    seeds: dict[str, Any] = {}
    for name in ("seed", "global_seed", "rng_alg"):
        value: Any = case.attributes.get(name)
        value = value["array"] if isinstance(value, dict) else value
        if value is not None:
            seeds[name] = [value] if isinstance(value, int) else value
    return seeds


def _kinds(seed: str) -> tuple[str, ...]:
    """Return which kinds of seeds a call has."""
    return tuple(re.findall(r'"(\w+)":', seed))


def verdict(masks: Iterable[Mask], share: int = 1) -> Verdict:
    """
    Judge the generator behind the masks of one op and target.

    share: among how many ops and targets the run's risk of a false alarm is divided.
    """
    known = list(masks)
    risk = RISK / share / (len(DISTANCES) + 1)
    one_each = _one_a_seed(known)
    found = _excess(one_each, risk) | _correlations(one_each, risk) | _one_call(known) | _several_seeds(known)
    found |= _unseeded(known)
    if not found:
        return Verdict(outcome="agrees")
    evidence: Evidence = {}
    for part in found.values():
        evidence |= part
    return Verdict(outcome="disagrees", kind="wrong-value", symptoms=tuple(found), evidence=evidence)


def _excess(masks: Sequence[Mask], risk: float) -> dict[Symptom, Evidence]:
    """Return whether more or less is dropped than the rates say."""
    excess, variance = sum(mask.excess for mask in masks), sum(mask.variance for mask in masks)
    if not beyond(excess, variance, HEAVIEST, risk):
        return {}
    cells = sum(mask.cells for mask in masks)
    return {Symptom.RUN_SHARE: {"deviations": excess / math.sqrt(variance), "cells": cells}}


def _correlations(masks: Sequence[Mask], risk: float) -> dict[Symptom, Evidence]:
    """Return at which distances cells depend on one another."""
    paired = [mask for mask in masks if mask.pairs]
    found = []
    for place, distance in enumerate(DISTANCES):
        total, pairs = sum(mask.products[place] for mask in paired), sum(mask.pairs[place] for mask in paired)
        if beyond(total, pairs, MODERATE[1] / MODERATE[0], risk):
            found.append((distance, total / pairs))
    return {Symptom.RUN_CORRELATION: {"correlations": found}} if found else {}


def beyond(total: float, variance: float, largest: float, risk: float) -> bool:
    """Return whether a sum of independent terms of mean zero lies so far out in less than this share of all runs."""
    if not total:
        return False
    return total * total / (2 * variance + 2 * largest * abs(total) / 3) > -math.log(risk / 2)


def _one_a_seed(masks: Sequence[Mask]) -> list[Mask]:
    """Return, of the masks of each seed, which may hold the same numbers, the one with the most cells."""
    best: dict[str, Mask] = {}
    for number, mask in enumerate(masks):
        key = mask.seed or str(number)
        if key not in best or mask.cells > best[key].cells:
            best[key] = mask
    return list(best.values())


def _one_call(masks: Iterable[Mask]) -> dict[Symptom, Evidence]:
    """Return the first call that gave two masks by one seed."""
    by_call: dict[str, set[int]] = {}
    for mask in filter(_seeded, masks):
        by_call.setdefault(mask.call, set()).add(mask.bits)
    call = next((call for call, bits in by_call.items() if len(bits) > 1), None)
    return {Symptom.RUN_CALL: {"call": call, "masks": len(by_call[call])}} if call else {}


def _several_seeds(masks: Iterable[Mask]) -> dict[Symptom, Evidence]:
    """
    Return the first seeds that gave one mask.

    A global and an op's seed are given apart or together: what a generator makes of 42 as either need not differ.
    """
    by_bits: dict[tuple[int, int, tuple[str, ...]], set[str]] = {}
    for mask in filter(_seeded, masks):
        by_bits.setdefault((mask.cells, mask.bits, _kinds(mask.seed)), set()).add(mask.seed)
    shared = next((sorted(seeds) for seeds in by_bits.values() if len(seeds) > 1), None)
    return {Symptom.RUN_SEEDS: {"seeds": shared}} if shared else {}


def _unseeded(masks: Iterable[Mask]) -> dict[Symptom, Evidence]:
    """Return how many calls without a seed gave one mask, where some did: with equal check sums, all sums are equal."""
    alike = Counter(
        (mask.cells, mask.bits, mask.excess, mask.products) for mask in masks if not mask.seed and _telling(mask)
    )
    most = max(alike.values(), default=0)
    return {Symptom.RUN_UNSEEDED: {"masks": most}} if most > 1 else {}


def _seeded(mask: Mask) -> bool:
    """Return whether a mask has a seed, and comes twice by no accident."""
    return bool(mask.seed) and _telling(mask)


def _telling(mask: Mask) -> bool:
    """Return whether a mask comes twice by no accident."""
    return mask.bits >= 0 and mask.chance >= TELLING
