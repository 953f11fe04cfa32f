"""
The search for the worst error: Hypothesis varies the call toward the largest share of the bound that a target uses.

A correct target stays at or below 1 wherever the search leads; how near it comes says how sharp the bound is.
"""

from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, settings, target

from conformance.model import Case
from conformance.ops.strategies import strategy
from conformance.run.trials import Panel

__all__ = ["Worst", "search"]


@dataclass(slots=True)
class Worst:
    """The largest share of its bound that an element used, so far, and where."""

    share: float = 0.0
    case: Case | None = None

    def add(self, share: float, case: Case) -> None:
        """Take in one more case."""
        if share > self.share:
            self.share, self.case = share, case


def search(op: str, panel: Panel, name: str, examples: int) -> Worst:
    """Run so many calls of an op on one target, each led by the errors of those before; return the worst."""
    worst = Worst()

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy(op))
    def follow(case: Case) -> None:
        share = panel.examine(case, [name])[0].verdict.bound_used
        if share < float("inf"):  # false for NaN as well
            worst.add(share, case)
            target(share)

    follow()
    return worst
