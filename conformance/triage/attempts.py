"""
Attempts to show a disagreement again on the live targets, counted: calls and seconds are budgeted.

`conformance.triage.search` looks for what the disagreements of a run have in common by them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from conformance.model import Case, Crashed, OutOfMemory, TimedOut
from conformance.ops.support import unsupported
from conformance.run.rows import Row
from conformance.run.scope import Scope
from conformance.run.trials import Outcome, Panel
from conformance.triage.clusters import Cluster, signature

__all__ = ["TOTAL", "Search"]

STEPS = 400  # calls that may go into shrinking a case, and as many into its predicate
TOTAL = 10 * STEPS  # that may go into all clusters of a run: counted, so that the same run finds the same
SECONDS = 30.0  # likewise, where a call takes as long as a compiler does
WHOLE = 10 * SECONDS
TELL_EVERY = 5.0  # seconds
ENDING = 25  # steps that starting another worker counts for
WAITING = 20  # steps that a second of waiting for a call that hangs counts for


@dataclass(slots=True)
class Search:
    """How findings are looked for: the live targets, and what may go into shrinking."""

    panel: Panel
    total: int = TOTAL  # steps left: below 1 no further case is shrunk
    tell: Callable[[str], None] = field(default=lambda _: None)
    earlier: Callable[[Row], Sequence[Case]] = field(default=lambda _: ())  # what its worker had been called with
    known: Callable[[Outcome], bool] = field(default=lambda _: False)  # whether a cause covers it: another fault, then
    steps: int = STEPS  # left for the shrinking that is going on
    seconds: float = SECONDS  # likewise
    whole: float = WHOLE  # seconds left
    clock: Callable[[], float] = time.monotonic
    told: float = field(default_factory=time.monotonic)
    right: Case | None = None  # the first call that was right in the search that is going on
    agreeing: set[str] = field(default_factory=set)  # kernels of the calls that were right in it

    def begin(self) -> None:
        """Allow the next shrinking its steps."""
        self.steps, self.seconds, self.right = STEPS, SECONDS, None
        self.agreeing.clear()

    @property
    def over(self) -> bool:
        """Whether nothing is left for all clusters."""
        return self.total <= 0 or self.whole <= 0

    @property
    def paused(self) -> bool:
        """Whether nothing is left for the shrinking that is going on."""
        return self.steps <= 0 or self.seconds <= 0 or self.over

    def claimed(self, case: Case, target: str) -> bool:
        """Return whether a target claims to implement a case, as it is spelt: of others nothing can be learnt."""
        scope = Scope(target=self.panel.targets[target])
        read = scope.asks(case) and scope.spelt(case) == case
        return case.breaks is not None or (read and not unsupported(scope.target, case))

    def cost(self, outcome: Outcome) -> int:
        """Return how many steps a call counts for: a worker that has ended is replaced, after the wait for a hang."""
        match outcome.observation:
            case TimedOut():
                return int(WAITING * self.panel.limits.seconds) + 1
            case Crashed() | OutOfMemory():
                return ENDING
        return 1

    def shows(self, case: Case, like: Cluster, after: Sequence[Case] | None = None) -> Outcome | None:
        """
        Run a case as a cluster's was run; return the outcome if it is the same disagreement.

        after: the calls that a fresh worker makes before; None: whatever the worker has made.
        """
        began = self.clock()
        if after is not None:
            self.panel.workers[like.target].renew()
        *_, (outcome,) = (self.panel.examine(each, [like.target], like.route) for each in (*(after or ()), case))
        cost, passed = self.cost(outcome), self.clock() - began
        self.steps, self.total = self.steps - cost, self.total - cost
        self.seconds, self.whole = self.seconds - passed, self.whole - passed
        if began - self.told > TELL_EVERY:
            self.told = began
            calls, seconds = max(self.total, 0), max(self.whole, 0)
            self.tell(f"{like.op} {like.kind} on {like.target}: {calls} calls and {seconds:.0f} s left")
        judged = outcome.verdict
        if judged.outcome == "agrees":
            self.right = self.right or case
            self.agreeing.update(getattr(outcome.observation, "kernels", ()))
        same = (judged.outcome, judged.kind, judged.rule, signature(judged))
        alike = same == ("disagrees", like.kind, like.verdict.rule, like.signature)
        return outcome if alike and not self.known(outcome) else None
