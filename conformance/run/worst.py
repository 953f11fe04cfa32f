"""
The search for the worst error: Hypothesis varies the call toward the largest share of the bound that a target uses.

A correct target stays at or below 1 wherever the search leads; how near it comes says how sharp the bound is. What
disagrees, in whatever way, counts more than any share, and a kernel that no call has reached is sought as well. A
default run searches a little for each op on each target on which a new shape costs little, and keeps what disagrees
and the best of the others as observations.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings, target

from conformance.model import Case
from conformance.ops.strategies import strategy
from conformance.run.plan import Plan, scopes_of
from conformance.run.rows import rows
from conformance.run.scope import Scope
from conformance.run.store import Store
from conformance.run.trials import Outcome, Panel

__all__ = ["Worst", "search", "search_all"]

EXAMPLES = 30  # calls of a default run for each op and target: some seconds for all
MOST = 1e6  # what a disagreement counts, and a larger share


@dataclass(slots=True)
class Worst:
    """The largest share of its bound that an element used, so far, and where; and what disagreed."""

    share: float = 0.0
    best: Outcome | None = None
    disagreeing: list[Outcome] = field(default_factory=list)
    kernels: set[str] = field(default_factory=set)  # reached so far

    @property
    def case(self) -> Case | None:
        """The case of the largest share."""
        return self.best.case if self.best else None

    def add(self, outcome: Outcome) -> float:
        """Take in one more call; return what it counts."""
        share = outcome.verdict.bound_used
        if outcome.verdict.outcome == "disagrees":
            self.disagreeing.append(outcome)
        if self.share < share < math.inf:  # false for NaN as well
            self.share, self.best = share, outcome
        if outcome.verdict.outcome == "disagrees":
            return MOST
        return min(share, MOST) if share > 0 else 0.0

    def reach(self, outcome: Outcome) -> int:
        """Return how many kernels the call reached that none before it had."""
        new = set(getattr(outcome.observation, "kernels", ())) - self.kernels
        self.kernels |= new
        return len(new)


def search(op: str, panel: Panel, name: str, examples: int, start: int = 0) -> Worst:
    """Run so many calls of an op on one target, each led by the errors of those before; start: a seed."""
    worst, scope = Worst(), Scope(target=panel.targets[name])

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy(op))
    def follow(case: Case) -> None:
        (outcome,) = panel.examine(scope.spelt(case), [name])
        target(worst.add(outcome), label="share of the bound")
        target(worst.reach(outcome), label="new kernels")

    follow()
    return worst


def search_all(plan: Plan, panel: Panel, store: Store, say: Callable[[str], None]) -> float:
    """
    Search on each op and target that traces nothing, unless that is done, and store what was found.

    Returns the processor time inside the calls that are stored.
    """
    done, seconds = store.done(), 0.0
    for name, scope in scopes_of(plan, panel.targets).items():
        for op in plan.ops:
            shard = f"{op}-worst-{plan.targets.index(name):05d}"
            if scope.target.traces or shard in done or not scope.dtypes_of(op):
                continue
            say(f"searching for the worst error of {op} on {name}")
            worst = search(op, panel, name, EXAMPLES, plan.seed)
            several = (outcome for outcome in (*worst.disagreeing, worst.best) if outcome and scope.asks(outcome.case))
            kept = {outcome.case.id: outcome for outcome in several}
            found = [row for outcome in kept.values() for row in rows([outcome])]
            store.write_shard(shard, found)
            seconds += sum(row.cpu_seconds for row in found)
    return seconds
