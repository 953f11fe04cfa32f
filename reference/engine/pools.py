"""The windows of a pool, and what combining the elements of each gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.engine.patches import meeting, pad, places
from reference.floats import Array
from reference.windows import Axis

__all__ = ["Pool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The geometry of a pool: windows over rows and columns, or over groups of `depth` channels."""

    rows: Axis
    columns: Axis
    depth: int  # channels of a window; above 1 the windows have one row and one column
    layout: str

    def taps(self, image: Array, fill: float) -> list[Array]:
        """
        Return, for each tap of the window in row-major order, the element that each window meets: [N, OH, OW, OC].

        image: [N, H, W, C]; what absent elements hold: fill.
        """
        if self.depth > 1:
            return [image[..., tap :: self.depth] for tap in range(self.depth)]
        padded = pad(image, self.rows, self.columns, fill)
        rows, columns = ([places(axis, tap) for tap in range(axis.taps)] for axis in (self.rows, self.columns))
        return [padded[:, high, wide] for high in rows for wide in columns]

    def reduce(self, combine: Callable[..., Array], image: Array, fill: float) -> Array:
        """
        Combine the elements of every window, along rows and then along columns: [N, OH, OW, OC].

        fill: what changes nothing when it is combined; windows without elements hold it.
        """
        neutral = image.dtype.type(fill)
        if self.depth > 1:
            first, *others = self.taps(image, fill)
            out = combine(first, neutral)
            for other in others:
                combine(out, other, out=out)
            return out
        rows = _along(combine, image, self.rows, 1, neutral)
        return _along(combine, rows, self.columns, 2, rows.dtype.type(fill))

    def counts(self) -> Array:
        """Return how many elements of the image each window holds: [OH, OW], float64."""
        rows, columns = (axis.counts().astype(np.float64) for axis in (self.rows, self.columns))
        return np.outer(rows, columns)


def _along(combine: Callable[..., Array], image: Array, axis: Axis, along: int, neutral: Any) -> Array:  # noqa: ANN401
    """Combine the elements of every window along one axis of the array, each tap where it lies inside the image."""
    parts = [meeting(axis, tap) for tap in range(axis.taps)]
    lead = (slice(None),) * along
    everywhere = [part for part in parts if part[0] == slice(0, axis.out)]
    begun = everywhere[:2]
    if len(begun) == 2:
        out = combine(*(image[*lead, cells] for _, cells in begun))
    elif begun:
        out = combine(image[*lead, begun[0][1]], neutral)
    else:
        shape = (*image.shape[:along], axis.out, *image.shape[along + 1 :])
        out = combine(np.full(shape, neutral, image.dtype), neutral)
    for windows, cells in parts:
        if (windows, cells) not in begun and windows.stop > windows.start:
            some = out[*lead, windows]
            combine(some, image[*lead, cells], out=some)
    return out
