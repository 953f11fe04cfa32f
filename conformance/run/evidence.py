"""
On how much a judgement rests: the judged calls, and the geometries that they have.

Only a judged call is evidence: one that the target does not implement, or that the specification leaves open, shows
nothing. Few are thin evidence, none is none, and neither is agreement.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

from conformance.run.scope import Scope
from conformance.run.store import Store
from conformance.targets.limits import ALL_OPS

__all__ = [
    "BROKEN",
    "GEOMETRIES",
    "JUDGED",
    "THIN",
    "THIN_RULE",
    "VALID",
    "Missing",
    "State",
    "answered",
    "evidence",
    "missing",
    "state",
]

# The rule of three (Hanley and Lippman-Hand, JAMA 249(13), 1983): a fault in one of ten geometries is missed by thirty
# that agree in one of twenty runs; by fewer, more often.
THIN = 30  # geometries; fewer are thin evidence
THIN_RULE = 3  # judged calls; fewer are thin evidence for one rule: they may have been refused for another reason

# Of a group of observations.
JUDGED = pl.col("verdict").cast(pl.String).is_in(["agrees", "disagrees"])
VALID = JUDGED & (pl.col("breaks") == "")
BROKEN = JUDGED & (pl.col("breaks") != "")
GEOMETRIES = pl.col("geometry").filter(VALID).drop_nulls().n_unique()


class State(StrEnum):
    """How far something is tested."""

    NONE = "not tested"
    THIN = "thin"
    TESTED = "tested"


def state(number: int, enough: int) -> State:
    """Return how far so many geometries, or calls, test something."""
    return State.TESTED if number >= enough else State.THIN if number else State.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that a target claims, that was asked for, and on which no valid call was judged."""

    target: str
    op: str
    what: str = ""  # a dtype or a layout of the op; "" where it is all of it
    calls: int = 0  # that were made

    def __str__(self) -> str:
        """Name it, with the calls that came to nothing."""
        made = "no call was made" if not self.calls else f"none of {self.calls} calls could be judged"
        return f"{self.op}{f' in {self.what}' if self.what else ''} on {self.target}: {made}"


def evidence(store: Store) -> dict[str, dict[str, dict[str, int]]]:
    """
    Return what a run's judgement of each op on each target rests on: `valid`, `broken`, `geometries` and `small`.

    Small: calls of the small world that agree, no two of them alike; those that disagree are among the valid ones.
    """
    keys = ("op", "target")
    counts = (VALID.sum().alias("valid"), BROKEN.sum().alias("broken"), GEOMETRIES.alias("geometries"))
    observed = store.observations().group_by(keys).agg(counts)
    small = store.swept().group_by(keys).agg(pl.col("agrees").sum().alias("small"))
    rows = store.collect(observed.join(small, on=keys, how="full", coalesce=True).fill_null(0).sort(keys))
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows.to_dicts():
        found.setdefault(row.pop("op"), {})[row.pop("target")] = row
    return found


def answered(store: Store) -> list[dict[str, Any]]:
    """
    Return the limits that are out of date: of which some call was answered, and rightly.

    Each: `target`, `op`, `reason`, `answered`, and `calls`, all that were made outside of it.
    """
    outside = store.observations().filter((pl.col("verdict") == "unsupported") & (pl.col("breaks") == ""))
    reason = pl.col("evidence").str.json_path_match("$.reason").alias("reason")
    counts = ((pl.col("kind") == "answered").sum().alias("answered"), pl.len().alias("calls"))
    keys = ("target", "op", "reason")
    counted = outside.with_columns(reason).group_by(keys).agg(counts).filter(pl.col("answered") > 0).sort(keys)
    return store.collect(counted).to_dicts()


def missing(store: Store, scopes: Mapping[str, Scope], asked: Sequence[str]) -> tuple[Missing, ...]:
    """
    Return what has no evidence though it was asked for and is claimed: an op; else a dtype or layout of it.

    A dtype or layout in which no claimed call was made is missing only where it was asked for by name.
    """
    valid = store.observations().filter(pl.col("breaks") == "").with_columns(JUDGED.alias("judged"))
    keys = ("target", "op", "dtype", "layout")
    counts = valid.group_by(keys).agg(pl.len().cast(pl.Int64).alias("calls"), pl.col("judged").sum().cast(pl.Int64))
    made = pl.col("agrees").cast(pl.Int64)
    small = store.swept().select(*keys[:3], pl.lit("").alias("layout"), made.alias("calls"), made.alias("judged"))
    counted = store.collect(pl.concat([counts, small]))
    return tuple(
        each
        for name, scope in scopes.items()
        for op in asked
        for each in _of_op(store, scope, op, counted.filter((pl.col("target") == name) & (pl.col("op") == op)))
    )


def _of_op(store: Store, scope: Scope, op: str, counted: pl.DataFrame) -> Iterator[Missing]:
    """Yield what is missing of one op on one target; counted: calls and judged ones by dtype and layout."""
    name, profile = scope.target.name, scope.target.profile
    dtypes = dict.fromkeys(scope.dtypes_of(op))
    named = profile is not None and profile.ops != ALL_OPS and op in profile.ops
    if not dtypes and not (named and not scope.target.offers(op)):
        return
    if not counted["judged"].sum():
        yield Missing(target=name, op=op, calls=int(counted["calls"].sum()))
        return
    for column, classes, wanted in (("dtype", dtypes, scope.dtypes), ("layout", scope.layouts_of(op), scope.layouts)):
        for each in classes:
            of_class = counted.filter(pl.col(column) == each)
            if of_class["judged"].sum():
                continue
            calls = _claimed(store, scope, op, column, each) if len(of_class) else 0
            if calls or each in wanted:
                yield Missing(target=name, op=op, what=each, calls=calls)


def _claimed(store: Store, scope: Scope, op: str, column: str, text: str) -> int:
    """Return how many calls of one class were made inside the claim."""
    here = (pl.col("op") == op) & (pl.col("target") == scope.target.name) & (pl.col(column) == text)
    return sum(scope.claims(row.call) for row in store.rows(here & (pl.col("breaks") == "")))
