"""The windows of a pool, and what combining the elements of each gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from reference.engine.exact import blocks
from reference.engine.patches import meeting
from reference.floats import Array
from reference.windows import Axis

__all__ = ["Parts", "Pool", "chain", "fold"]

FEW = 8  # taps of an axis that are combined one after the other; more are combined by runs of 1, 2, 4, ... elements

Block: TypeAlias = tuple[slice, slice]
Parts: TypeAlias = tuple[Array, ...]  # what is combined, element by element: one array, or several of one shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The geometry of a pool: windows over rows and columns, or over groups of `depth` channels."""

    rows: Axis
    columns: Axis
    depth: int  # channels of a window; above 1 the windows have one row and one column
    layout: str

    def places(self) -> list[tuple[int, int]]:
        """Return the taps (row, column) that lie inside the image for at least one window, in row-major order."""
        return list(product(self.rows.used_taps().tolist(), self.columns.used_taps().tolist()))

    def taps(self, image: Array, fill: float) -> list[Array]:
        """
        Return, for each tap of `places`, or each of the window's channels, what every window meets: [N, OH, OW, OC].

        image: [N, H, W, C]; what absent elements hold: fill.
        """
        if self.depth > 1:
            return [image[..., tap :: self.depth] for tap in range(self.depth)]
        return [self._tap(image, fill, *place) for place in self.places()]

    def _tap(self, image: Array, fill: float, h: int, w: int) -> Array:
        """Return what every window meets at one tap."""
        rows, columns = meeting(self.rows, h), meeting(self.columns, w)
        out = np.full(self._shape(image), fill, image.dtype)
        out[:, rows[0], columns[0]] = image[:, rows[1], columns[1]]
        return out

    def reduce(self, combine: Callable[..., Array], image: Array, fill: float) -> Array:
        """
        Combine the elements of every window, along rows and then along columns: [N, OH, OW, OC].

        fill: what changes nothing when it is combined; windows without elements hold it.
        """
        neutral = image.dtype.type(fill)
        if 0 in image.shape:
            return combine(np.full(self._shape(image), neutral), neutral)
        if self.depth > 1:
            first, *others = self.taps(image, fill)
            out = combine(first, neutral)
            for other in others:
                combine(out, other, out=out)
            return out
        rows = _along(combine, image, self.rows, 1, neutral)
        return _along(combine, rows, self.columns, 2, rows.dtype.type(fill))

    def parts(self, shape: tuple[int, ...], most: int) -> list[tuple[Block, Block, "Pool"]]:
        """
        Cut the windows of an image of a shape into blocks of images and rows, of about `most` elements of the image.

        Of each block: which windows, [images, rows], which cells of the image they meet, and the pool of these alone.
        No block has fewer rows of windows than a window has rows, which neighbours share.
        """
        at_once = max(most // max(self.rows.stride * shape[2] * shape[3], 1), self.rows.taps)
        parts: list[tuple[Block, Block, Pool]] = []
        for images, windows in blocks((shape[0], self.rows.out), at_once):
            cells, rows = self.rows.part(windows)
            parts.append(((images, windows), (images, cells), replace(self, rows=rows)))
        return parts

    def fold(self, combine: Callable[[Parts, Parts], Parts], parts: Parts, neutral: Sequence[Any]) -> Parts:
        """Combine what the cells of every window hold in several arrays [N, H, W, C] at once, as `fold` does."""
        if 0 in parts[0].shape:
            empty = zip(parts, neutral, strict=True)
            return tuple(np.full(self._shape(part), fill, part.dtype) for part, fill in empty)
        for along, axis in ((1, self.rows), (2, self.columns)):
            parts = fold(combine, parts, *_cells(axis), along, neutral)
        return parts

    def _shape(self, image: Array) -> tuple[int, ...]:
        """Return the shape of what is pooled from an image: [N, OH, OW, OC]."""
        return (len(image), self.rows.out, self.columns.out, image.shape[3] // self.depth)

    def reduce_back(self, combine: Callable[..., Array], values: Array, fill: float) -> Array:
        """Combine the values of all windows that hold a cell: [N, OH, OW, C] -> [N, H, W, C]; fill: as in `reduce`."""
        wide = _along(combine, values, self.columns, 2, values.dtype.type(fill), back=True)
        return _along(combine, wide, self.rows, 1, wide.dtype.type(fill), back=True)

    def counts(self) -> Array:
        """Return how many elements of the image each window holds: [OH, OW], float64."""
        rows, columns = (axis.counts().astype(np.float64) for axis in (self.rows, self.columns))
        return np.outer(rows, columns)


def chain(axis: Axis) -> int:
    """Return the longest chain of operations along one axis in `Pool.reduce` and `Pool.reduce_back`."""
    return axis.taps if axis.taps <= FEW else 2 * min(axis.taps, max(axis.size, axis.out)).bit_length()


def _cells(axis: Axis) -> tuple[Array, Array]:
    """Return the image cells of every window, from first to stop - 1."""
    first, stop = axis.taps_inside()
    return first + axis.starts(), stop + axis.starts()


def _along(
    combine: Callable[..., Array],
    array: Array,
    axis: Axis,
    along: int,
    neutral: Any,  # noqa: ANN401 -- a number of the array's dtype
    *,
    back: bool = False,
) -> Array:
    """Combine the elements of every window along one axis of the array; back: of the windows that hold every cell."""
    if axis.taps <= FEW:
        met = [meeting(axis, tap) for tap in range(axis.taps)]
        if back:
            return _tap_by_tap(combine, array, [(cells, windows) for windows, cells in met], axis.size, along, neutral)
        return _tap_by_tap(combine, array, met, axis.out, along, neutral)
    first, stop = axis.windows_over()[:2] if back else _cells(axis)
    wide = array.astype(combine(neutral, neutral).dtype, copy=False)
    return fold(lambda a, b: (combine(a[0], b[0]),), (wide,), first, stop, along, (neutral,))[0]


def _tap_by_tap(
    combine: Callable[..., Array],
    array: Array,
    met: list[tuple[slice, slice]],
    length: int,
    along: int,
    neutral: Any,  # noqa: ANN401 -- a number of the array's dtype
) -> Array:
    """Combine elements along one axis, a tap at a time: met says into which results it takes which elements."""
    lead = (slice(None),) * along
    begun = [part for part in met if part[0] == slice(0, length)][:2]
    if len(begun) == 2:
        out = combine(*(array[*lead, cells] for _, cells in begun))
    elif begun:
        out = combine(array[*lead, begun[0][1]], neutral)
    else:
        shape = (*array.shape[:along], length, *array.shape[along + 1 :])
        out = np.full(shape, neutral, combine(neutral, neutral).dtype)
    for results, cells in met:
        if (results, cells) not in begun and results.stop > results.start:
            some = out[*lead, results]
            combine(some, array[*lead, cells], out=some)
    return out


def fold(
    combine: Callable[[Parts, Parts], Parts],
    parts: Parts,
    first: Array,
    stop: Array,
    along: int,
    neutral: Sequence[Any],
) -> Parts:
    """
    Combine the elements first[i] .. stop[i] - 1 along one axis, for every i, in about log2 of their number steps.

    Each range of elements is cut into runs of 1, 2, 4, ... of them, of every length one at most, so that none is met
    twice; runs of one length are made from pairs of half the length, for all ranges at once.

    combine: associative. neutral: what changes nothing when it is combined with each part.
    """
    runs = tuple(part.swapaxes(along, 0) for part in parts)
    out: Parts | None = None
    place, length, longest = first.copy(), stop - first, int((stop - first).max(initial=0))
    for bit in (1 << power for power in range(longest.bit_length())):
        some = np.flatnonzero(length & bit)
        if len(some) == len(first):
            taken = tuple(run[place] for run in runs)
            out = taken if out is None else combine(out, taken)
        elif len(some):
            out = _nothing(runs, len(first), neutral) if out is None else out
            more = combine(tuple(side[some] for side in out), tuple(run[place[some]] for run in runs))
            for side, combined in zip(out, more, strict=True):
                side[some] = combined
        place[some] += bit
        if 2 * bit <= longest:
            runs = combine(tuple(run[:-bit] for run in runs), tuple(run[bit:] for run in runs))
    out = _nothing(runs, len(first), neutral) if out is None else out
    return tuple(side.swapaxes(along, 0) for side in out)


def _nothing(parts: Parts, length: int, neutral: Sequence[Any]) -> Parts:
    """Return what changes nothing, so many times along the first axis."""
    pairs = zip(parts, neutral, strict=True)
    return tuple(np.full((length, *part.shape[1:]), fill, part.dtype) for part, fill in pairs)
