"""
Where a generator's choices come from: a counter-based random stream in bulk, or all of them one after the other.

`strategies` has Hypothesis's.

A generator asks for small integers only. The simplest answer comes first: the low end of a range, the first option,
"no"; that is where Hypothesis shrinks to.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar
from zlib import crc32

import numpy as np

from conformance.model import Array

__all__ = ["STRATA", "Choices", "Every", "Stream", "every", "streams", "words"]

T = TypeVar("T")

MOST = 100  # integers of a range that are all gone through
STRATA = 50  # consecutive cases whose words are spread evenly: what one in 50 draws is drawn by one of them
WORDS = 64  # of 32 bits, for each case; a case that needs more draws more


class Choices(ABC):
    """A source of choices."""

    @abstractmethod
    def integer(self, low: int, high: int) -> int:
        """Return an integer from low to high, both possible; high - low < 2^32."""

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, the simplest of which comes first."""
        return options[self.integer(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """Say yes so many times in a hundred."""
        return self.integer(0, 99) >= 100 - percent

    def aside(self, draw: Callable[["Choices"], T], plain: Callable[[], T]) -> T:  # noqa: ARG002 -- plain is for `Every`
        """Return what a choice is made on: drawn too, or plain where all choices are gone through."""
        return draw(self)


class Every(Choices):
    """All choices, one after the other: each time a generator is called it goes the next way through its choices."""

    def __init__(self) -> None:
        self._way: list[tuple[int, int]] = []  # which option, of how many, at each choice
        self._choice = 0

    def integer(self, low: int, high: int) -> int:
        """Return every integer of a short range, the ends of a long one."""
        count = high - low + 1
        if count > MOST:
            return (low, high)[self._option(2)]
        return low + self._option(count)

    def chance(self, percent: int) -> bool:  # noqa: ARG002 -- however rare
        """Say no, then yes."""
        return bool(self._option(2))

    def aside(self, draw: Callable[[Choices], T], plain: Callable[[], T]) -> T:  # noqa: ARG002
        """Return the plain one."""
        return plain()

    def _option(self, count: int) -> int:
        """Return which of so many options is taken at this choice."""
        if self._choice == len(self._way):
            self._way.append((0, count))
        self._choice += 1
        return self._way[self._choice - 1][0]

    def advance(self) -> bool:
        """Turn to the next way, which differs as late as possible; False where there is none."""
        while self._way and self._way[-1][0] + 1 == self._way[-1][1]:
            self._way.pop()
        if not self._way:
            return False
        option, count = self._way.pop()
        self._way.append((option + 1, count))
        self._choice = 0
        return True


def every(make: Callable[[Choices], T]) -> Iterator[T]:
    """Yield what a generator makes of all choices."""
    choices = Every()
    yield make(choices)
    while choices.advance():
        yield make(choices)


class Stream(Choices):
    """Choices from a random stream: those of one case, the same whatever is drawn before or beside it."""

    def __init__(self, first: Sequence[int], more: Callable[[], Iterator[int]]) -> None:
        self._next = chain(first, _calls(more)).__next__

    def integer(self, low: int, high: int) -> int:
        """Scale a 32-bit word down to the range."""
        return low + (self._next() * (high - low + 1) >> 32)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, as `integer` would say: most choices are this one."""
        return options[self._next() * len(options) >> 32]


def streams(seed: int, stream: str, first: int, count: int) -> Iterator[Stream]:
    """
    Yield the choices of cases first .. first + count - 1 of the stream of this seed and name.

    The first words of 50 consecutive cases are spread evenly, so that a rare option is met by about as many of a run's
    few cases as its chance says: a Latin hypercube (McKay, Beckman and Conover, Technometrics 21(2), 1979). What
    matters most is drawn first: later words mean something else in every case.
    """
    for start in range(first - first % STRATA, first + count, STRATA):
        rows = spread(words(seed, stream, start * WORDS, STRATA * WORDS).reshape(STRATA, WORDS))
        for case, row in enumerate(rows.tolist(), start):
            if first <= case < first + count:
                yield Stream(row, lambda case=case: _further(seed, stream, case))  # type: ignore[misc]


def spread(rows: Array) -> Array:
    """
    Move the words of each column to equal parts of their range, one to each part, in the order that they have.

    Shapes:
        rows uint64 [cases, words], of 32 bits each -> the same.
    """
    part = 2**32 // len(rows)
    ranks = rows.argsort(axis=0).argsort(axis=0).astype(np.uint64)
    return np.asarray(ranks * np.uint64(part) + rows % np.uint64(part))


def words(seed: int, stream: str, first: int, count: int, page: int = 0) -> Array:
    """
    Return 32-bit words first .. first + count - 1 of a random stream: uint64 [count].

    The words of Philox 4x64-10 under the key (seed, CRC-32 of the stream's name), at the counters (first / 8 ..., page,
    0, 0), the low half of each 64-bit word first; first is a multiple of 8. They are the raw ones, which are the same
    in every version of NumPy.
    """
    key = np.array([seed % 2**64, crc32(stream.encode())], np.uint64)
    philox = np.random.Philox(key=key, counter=np.array([first // 8, page, 0, 0], np.uint64))
    raw = philox.random_raw(-(-count // 2))
    halves = np.stack([raw & np.uint64(0xFFFFFFFF), raw >> np.uint64(32)], axis=-1)
    return halves.reshape(-1)[:count]


def _further(seed: int, stream: str, case: int) -> Iterator[int]:
    """Yield words without end, apart from those of all cases' first ones."""
    for start in range(0, 2**32, WORDS):
        yield from words(seed, stream, start, WORDS, page=case + 1).tolist()


def _calls(more: Callable[[], Iterator[int]]) -> Iterator[int]:
    """Ask for more words only once they are needed."""
    yield from more()
