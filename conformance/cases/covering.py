"""
Covering arrays: few rows of many, in which every combination of classes is met that is met in any of them.

Most faults need one, two or three conditions at once (Kuhn, Wallace and Gallo, IEEE TSE 30(6), 2004). Rows are kept
greedily, those with the most new combinations first, as AETG does (Cohen, Dalal, Fredman and Patton, IEEE TSE 23(7),
1997); what counts as many falls from pass to pass (Badanidiyuru and Vondrak, SODA 2014), so that each row is looked at
a few times, not once for every row that is kept.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from conformance.model import Array

__all__ = ["Table", "Value", "covering", "table"]

Value = tuple[str, str]  # a feature and its class
FALL = 4  # from pass to pass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of features as numbers: equal ones are the same class of the same feature."""

    codes: Array  # int16 [rows, features]
    values: tuple[Value, ...]  # the class behind each number

    def met(self, strength: int, rows: slice = slice(None)) -> Array:
        """Return which combinations of so many classes some rows meet: bool [values^strength]."""
        found = np.zeros(len(self.values) ** strength, bool)
        places = _places(self.codes.shape[1], strength)
        for row in self.codes[rows]:
            found[_numbers(row, places, len(self.values))] = True
        return found

    def named(self, numbers: Sequence[int], strength: int) -> Iterator[tuple[Value, ...]]:
        """Yield the classes of combinations that are given by their numbers."""
        for number in numbers:
            digits = (number // len(self.values) ** place % len(self.values) for place in range(strength))
            yield tuple(self.values[digit] for digit in digits)[::-1]


def table(rows: Sequence[Mapping[str, str]]) -> Table:
    """Number the classes of rows, which all have the same features."""
    names = sorted(rows[0]) if rows else []
    index: dict[Value, int] = {}
    codes = [[index.setdefault((name, row[name]), len(index)) for name in names] for row in rows]
    return Table(np.array(codes, np.int16).reshape(len(rows), len(names)), tuple(index))


def covering(rows: Table, strength: int, later: Collection[Value] = ()) -> list[int]:
    """
    Return the numbers of rows that meet all combinations of so many classes that any row meets, the best first.

    Those that meet all pairs come before those that meet all triples besides, and so on; of each, rows of the classes
    `later` after the others.
    """
    last = np.isin(rows.codes, [code for code, value in enumerate(rows.values) if value in later]).any(1)
    kept: dict[int, None] = {}
    for size in range(min(2, strength), strength + 1):
        places = _places(rows.codes.shape[1], size)
        numbers = [_numbers(row, places, len(rows.values)) for row in rows.codes]
        met = np.zeros(len(rows.values) ** size, bool)
        for row in kept:
            met[numbers[row]] = True
        for part in (~last, last):
            kept |= dict.fromkeys(_chosen(np.flatnonzero(part).tolist(), numbers, met))
    return list(kept)


def _chosen(left: list[int], numbers: Sequence[Array], met: Array) -> Iterator[int]:
    """Yield the rows that meet what `met` does not say yet, and say it there."""
    enough = max((len(numbers[row]) for row in left), default=0)
    while left:
        poorer = []
        for row in left:
            new = len(numbers[row]) - np.count_nonzero(met[numbers[row]])
            if new >= enough:
                met[numbers[row]] = True
                yield row
            elif new:
                poorer.append(row)
        left, enough = poorer, max(enough // FALL, 1)


def _places(features: int, strength: int) -> Array:
    """Return all ways to choose so many features, in ascending order: int64 [strength, ways]."""
    return np.array(list(combinations(range(features), strength)), np.int64).reshape(-1, strength).T


def _numbers(row: Array, places: Array, base: int) -> Array:
    """Number the combinations of a row, by its codes as digits."""
    digits = row.astype(np.int64)
    total: Array = digits[places[0]]
    for place in places[1:]:
        total = total * base + digits[place]
    return total
