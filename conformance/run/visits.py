"""
Calls next to those that were the first to reach a kernel: where code is new, more of it is looked at.

What one case alone has reached is little tested. On each target that tells its kernels the first valid case that ran
one, in the order of the shards' names, gets a few of its neighbours beside it, evenly spread. A call of a small world
needs none: its neighbours are in that world.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from conformance import ops
from conformance.model import Case
from conformance.run.plan import Plan, scopes_of
from conformance.run.rows import BESIDE, rows
from conformance.run.scope import Scope
from conformance.run.store import Store
from conformance.run.trials import Panel

__all__ = ["first_visits", "vary"]

NEAR = 4  # calls beside each


def vary(plan: Plan, panel: Panel, store: Store, say: Callable[[str], None]) -> float:
    """
    Make the calls next to first visits, unless that is done, and store what came of them.

    Returns the processor time inside them.
    """
    scopes, done, before = scopes_of(plan, panel.targets), store.done(), panel.target_seconds
    for (op, name), cases in first_visits(store).items():
        shard = f"{op}-kernels-{plan.targets.index(name):05d}"
        if shard in done:
            continue
        say(f"varying the calls of {op} that were the first to reach a kernel on {name}")
        beside = {each.id: each for case in cases for each in _near(case, scopes[name])}
        outcomes = panel.examined((each, (name,)) for each in beside.values())
        store.write_shard(shard, [row for each in outcomes for row in rows(each)])
    return panel.target_seconds - before


def first_visits(store: Store) -> Mapping[tuple[str, str], Sequence[Case]]:
    """Return the valid cases that were the first to run a kernel, by op and target."""
    valid = store.observations().filter(pl.col("kernel") != "", pl.col("breaks") == "")
    told = valid.unique(["target", "kernel"], keep="first", maintain_order=True)
    reached: set[tuple[str, str]] = set()
    found: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for op, target, kernels, content in store.collect(told.select("op", "target", "kernel", "content")).iter_rows():
        new = {(target, kernel) for kernel in kernels.split(BESIDE)} - reached
        if new:
            found[op, target].append(ops.case_from_json(json.loads(content)))
        reached |= new
    return found


def _near(case: Case, scope: Scope) -> Sequence[Case]:
    """Return some neighbours of a case, as the target gets those that it is asked for and claims."""
    several = [taken for other in ops.neighbours(case) if (taken := scope.taken(other))]
    return several[:: max(len(several) // NEAR, 1)][:NEAR]
