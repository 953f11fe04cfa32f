"""The kernels that the calls of a run have reached, by target."""

import json
from collections import Counter
from dataclasses import dataclass

import polars as pl

from conformance.run.rows import BESIDE
from conformance.run.store import Store

__all__ = ["Kernel", "reached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """Compiled code that a target has run: what it computes, its name, its direction and dtype."""

    target: str
    kernel: str
    calls: int
    disagreeing: int


def reached(store: Store) -> list[Kernel]:
    """Return every kernel that a target has told of, with the calls that ran it, those of small worlds included."""
    calls: Counter[tuple[str, str]] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    columns = store.observations().filter(pl.col("kernel") != "").group_by("target", "kernel", "verdict").len()
    for target, kernels, verdict, number in store.collect(columns).iter_rows():
        for kernel in kernels.split(BESIDE):
            calls[target, kernel] += number
            wrong[target, kernel] += number * (verdict == "disagrees")
    for target, counted in store.collect(store.swept().select("target", "kernels")).iter_rows():
        for kernel, number in json.loads(counted).items():
            calls[target, kernel] += number
    return [
        Kernel(target=target, kernel=kernel, calls=number, disagreeing=wrong[target, kernel])
        for (target, kernel), number in sorted(calls.items())
    ]
