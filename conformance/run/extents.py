"""How much of the small worlds, and of the corpus, a run has covered, by target."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from conformance.ops.listed import left_out
from conformance.ops.regions import regions
from conformance.run.store import Store
from conformance.run.sweep import CORPUS

__all__ = ["Extent", "extents", "in_short", "listed_extent", "listed_sentences", "sentences"]

VERDICTS = ("agrees", "disagrees", "undecided", "unsupported")
NAMED = 3  # ops that a line names, instead of counting them
SUMS = (*VERDICTS, "cpu_seconds", "own_seconds")


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
    found = store.collect(
        store.swept().filter(pl.col("part") != CORPUS).group_by(*by).agg(*map(pl.sum, SUMS)).sort(*by)
    )
    return [Extent(**row, size=_size(row["op"], row["side"], row["dtype"])) for row in found.iter_rows(named=True)]


def listed_extent(store: Store, *, whole: bool) -> dict[str, Any]:
    """
    Return what a run has made of the corpus: calls by verdict and seconds by target, what was left out by the reason.

    whole: whether layers of any size were asked for.
    """
    rows = store.swept().filter(pl.col("part") == CORPUS).group_by("target").agg(*map(pl.sum, SUMS)).sort("target")
    counts = {row.pop("target"): row for row in store.collect(rows).iter_rows(named=True)}
    return {"targets": counts, "left_out": dict(left_out(whole=whole))} if counts else {}


def listed_sentences(extent: Mapping[str, Any]) -> Iterator[str]:
    """Say how many geometries of the corpus were called on each target, and which were left out."""
    for target, counts in extent.get("targets", {}).items():
        made = sum(counts[name] for name in VERDICTS) - counts["unsupported"]
        wrong = f" ({counts['disagrees']:,} disagree)" if counts["disagrees"] else ""
        yield f"{made:,} calls at layers of the corpus on {target}{wrong}"
    if reasons := extent.get("left_out"):
        yield f"left out of the corpus: {', '.join(f'{number:,} ({reason})' for reason, number in reasons.items())}"


def _size(op: str, side: int, dtype: str) -> int:
    """Return how many calls a small world has in a dtype, the regions that no call was made of included."""
    return sum(region.size for region in regions(op, side).values() if region.dtype == dtype)


def sentences(found: Sequence[Extent]) -> Iterator[str]:
    """Say which small worlds are complete, and how much of the others is known; nothing of what is not claimed."""
    for (op, side, target), several in groupby(found, lambda each: (each.op, each.side, each.target)):
        dtypes = [each for each in several if each.calls > each.unsupported]
        for every, some in (("every ", [e for e in dtypes if e.complete]), ("", [e for e in dtypes if not e.complete])):
            if some:
                names = " and ".join(filter(None, (", ".join(e.dtype for e in some[:-1]), some[-1].dtype)))
                calls, size = (sum(getattr(e, name) for e in some) for name in ("calls", "size"))
                yield f"{every}{op} of {names} to side {side} on {target}: {calls:,} of {size:,}{_wrong(some)}"


def in_short(found: Sequence[Extent]) -> Iterator[str]:
    """Say which small worlds are complete, and how much of the others is known, in a line a target."""
    yield from sentences([each for each in found if each.complete])
    for target in dict.fromkeys(each.target for each in found):
        some = [each for each in found if each.target == target and each.calls > each.unsupported and not each.complete]
        if some:
            ops = list(dict.fromkeys(each.op for each in some))
            calls, size = (sum(getattr(each, name) for each in some) for name in ("calls", "size"))
            named = ", ".join(ops) if len(ops) <= NAMED else f"{len(ops)} ops"
            yield f"{calls:,} of {size:,} calls of {named} on {target}{_wrong(some)}"


def _wrong(some: Sequence[Extent]) -> str:
    """Say how many calls disagree or are not claimed."""
    counts: Mapping[str, Any] = {
        "disagree": sum(e.disagrees for e in some),
        "not claimed": sum(e.unsupported for e in some),
    }
    said = [f"{number:,} {what}" for what, number in counts.items() if number]
    return f" ({', '.join(said)})" if said else ""
