"""How much of the small worlds a run has covered, by target."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from conformance.ops.regions import regions
from conformance.run.store import Store

__all__ = ["Extent", "extents", "sentences"]

SUMS = ("agrees", "disagrees", "undecided", "unsupported", "cpu_seconds", "own_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The calls of an op's small world, in one dtype, that a run has made on a target."""

    op: str
    side: int
    target: str
    dtype: str
    size: int  # calls of the world
    agrees: int
    disagrees: int
    undecided: int
    unsupported: int  # calls that the target does not claim: they were not made
    cpu_seconds: float  # inside the target's calls
    own_seconds: float  # outside

    @property
    def calls(self) -> int:
        """The calls that were looked at."""
        return self.agrees + self.disagrees + self.undecided + self.unsupported

    @property
    def complete(self) -> bool:
        """Whether they are all of the world."""
        return self.calls == self.size


def extents(store: Store) -> list[Extent]:
    """Return what a run has covered, of ops, sides, targets and dtypes in order."""
    by = ("op", "side", "target", "dtype")
    found = store.collect(store.swept().group_by(*by).agg(*map(pl.sum, SUMS)).sort(*by))
    return [Extent(**row, size=_size(row["op"], row["side"], row["dtype"])) for row in found.iter_rows(named=True)]


def _size(op: str, side: int, dtype: str) -> int:
    """Return how many calls a small world has in a dtype, the regions that no call was made of included."""
    return sum(region.size for region in regions(op, side).values() if region.dtype == dtype)


def sentences(found: Sequence[Extent]) -> Iterator[str]:
    """Say which small worlds are complete, and how much of the others is known."""
    for (op, side, target), several in groupby(found, lambda each: (each.op, each.side, each.target)):
        dtypes = list(several)
        for every, some in (("every ", [e for e in dtypes if e.complete]), ("", [e for e in dtypes if not e.complete])):
            if some:
                names = " and ".join(filter(None, (", ".join(e.dtype for e in some[:-1]), some[-1].dtype)))
                calls, size = (sum(getattr(e, name) for e in some) for name in ("calls", "size"))
                yield f"{every}{op} of {names} to side {side} on {target}: {calls:,} of {size:,}{_wrong(some)}"


def _wrong(some: Sequence[Extent]) -> str:
    """Say how many calls disagree or are not claimed."""
    counts: Mapping[str, Any] = {
        "disagree": sum(e.disagrees for e in some),
        "not claimed": sum(e.unsupported for e in some),
    }
    said = [f"{number:,} {what}" for what, number in counts.items() if number]
    return f" ({', '.join(said)})" if said else ""
