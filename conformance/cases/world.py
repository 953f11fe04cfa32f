"""
The small world of an op: every call up to a side, numbered, as axes that are data of the op's record.

Most faults show in some small call (the small-scope hypothesis: Jackson, Software Abstractions, 2006), and of small
calls all can be made. A record says the axes of its calls up to a side; any combination of their entries is one valid
call. The calls of one part of a world, in one dtype, are a `Region`. It numbers them in an order that is a fixed
permutation, the same everywhere: any beginning of it is an even sample, and all of it is a proof.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np

from conformance.model import Array, Case

__all__ = ["Axes", "Region", "World", "half", "order"]

Axes: TypeAlias = Mapping[str, Sequence[Any]]  # entries by axis; every combination is a valid call

ROUNDS = 4  # of the permutation
MIX = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)  # odd multipliers, one a round


def half(side: int) -> range:
    """Return 1 .. side / 2, or 2: taps, strides, batches and channels of a world whose images go to `side`."""
    return range(1, max(min(side, 2), (side + 1) // 2) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The small world of an op, as its record has it."""

    parts: Callable[[int], Mapping[str, Axes]]  # of a side: the axes of each part, such as "SAME"
    call: Callable[..., Case]  # of (dtype, number, one entry of each axis by its name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The calls of one part of an op's world up to a side, in one dtype."""

    op: str
    dtype: str
    part: str
    side: int
    axes: Axes
    call: Callable[..., Case]

    @property
    def size(self) -> int:
        """How many calls there are."""
        return prod(map(len, self.axes.values()))

    @property
    def name(self) -> str:
        """Its name, of which those of files are made."""
        return f"{self.op}-{self.dtype}-{self.part}-side-{self.side}"

    def cases(self, first: int, count: int) -> Iterator[Case]:
        """Yield calls first .. first + count - 1, as many as there are; the number of a call seeds its values."""
        numbers = range(first, min(first + count, self.size))
        for number, place in zip(numbers, order(self.name, self.size, numbers), strict=True):
            yield self.call(self.dtype, number, **self._entries(int(place)))

    def _entries(self, place: int) -> dict[str, Any]:
        """Return the entries at a place: its digits, each axis being one of them."""
        entries = {}
        for name, options in self.axes.items():
            place, digit = divmod(place, len(options))
            entries[name] = options[digit]
        return entries


def order(name: str, size: int, numbers: range) -> Array:
    """
    Return where a permutation of 0 .. size - 1, which depends on the name, takes these numbers: uint64.

    A Feistel network permutes the numbers of 2h bits, the least that hold them all; what it takes beyond the size is
    taken on until it falls inside (Black and Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002).
    """
    bits = np.uint64(max(-(-(size - 1).bit_length() // 2), 1))
    places = _permuted(np.arange(numbers.start, numbers.stop, dtype=np.uint64), bits, crc32(name.encode()))
    while (outside := places >= size).any():
        places[outside] = _permuted(places[outside], bits, crc32(name.encode()))
    return places


def _permuted(numbers: Array, bits: np.uint64, key: int) -> Array:
    """Permute numbers of 2 * bits bits: halves change places, and one is mixed into the other, round by round."""
    mask = np.uint64((1 << int(bits)) - 1)
    left, right = numbers >> bits, numbers & mask
    for turn in range(ROUNDS):
        mixed = ((right + np.uint64(key >> turn)) * np.uint64(MIX[turn])) & np.uint64(0xFFFFFFFF)
        mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(MIX[turn - 1])) & np.uint64(0xFFFFFFFF)
        left, right = right, left ^ ((mixed >> np.uint64(7)) & mask)
    return (left << bits) | right
