"""How many cases it takes to kill each mutant."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from conformance.judge.wording import sentence
from conformance.model import Case
from conformance.ops import OPS
from conformance.run.plan import SIDE, Plan, Shard, shards
from conformance.selftest.aggregates import Aggregate
from conformance.selftest.implementations import Implementation, Trial, trials
from conformance.targets.registry import find

__all__ = ["MutantResult", "run_mutants"]

TARGET = "reference"  # which claims every call, and traces nothing
WHOLE_RUN = "the whole run"


@dataclass(frozen=True, slots=True, kw_only=True)
class MutantResult:
    """What became of a mutant."""

    mutant: Implementation
    cases: int  # until it was killed, the one that killed it included; 0: it survived
    seconds: float
    kind: str  # of the disagreement that killed it, or WHOLE_RUN; "" where it survived
    reason: str

    @property
    def killed(self) -> bool:
        """Whether the suite found the fault."""
        return self.cases > 0


def run_mutants(
    mutants: Iterable[Implementation], seed: int, count: int, report: Callable[[str], None], *, more: bool = False
) -> list[MutantResult]:
    """
    Run mutants on the cases of a run, `count` of each op's stream, until each is killed.

    more: those of the other sources and of the small world, too, as a run by default has them.
    """
    found = []
    for op, group in by_op(mutants).items():
        results = list(run_op(group, calls(op, seed, count, more=more)))
        found += results
        report(f"{op}: {sum(result.killed for result in results)} of {len(group)} killed")
    return found


def calls(op: str, seed: int, count: int, *, more: bool) -> Iterator[Case]:
    """Yield the calls of a run of one op on one target, in their order; more: beside those of the stream."""
    plan = Plan(ops=(op,), targets=(TARGET,), cases=count, seed=seed, jobs=1, more=more, world=SIDE if more else 0)
    targets = {TARGET: find(TARGET)}
    for shard in shards(plan):
        if isinstance(shard, Shard):
            yield from (case for case, names in shard.cases(plan, targets) if names)
        else:
            yield from shard.cases()


def run_op(mutants: list[Implementation], stream: Iterable[Case]) -> list[MutantResult]:
    """Run the mutants of one op."""
    aggregates = {mutant.name: Aggregate(mutant) for mutant in mutants}
    killed: dict[str, MutantResult] = {}
    last: dict[str, Trial] = {}
    for trial in trials(mutants, stream, once=True):
        name, judged = trial.implementation.name, trial.verdict
        last[name] = trial
        if judged.outcome == "disagrees":
            killed[name] = MutantResult(
                mutant=trial.implementation,
                cases=trial.number + 1,
                seconds=trial.seconds,
                kind=judged.kind,
                reason=sentence(judged),
            )
        else:
            aggregates[name].add(trial)
    return [killed.get(name) or by_whole_run(aggregates[name], last[name]) for name in aggregates]


def by_whole_run(aggregate: Aggregate, last: Trial) -> MutantResult:
    """Judge a mutant that no single case has killed by all cases together."""
    faults = aggregate.faults()
    return MutantResult(
        mutant=aggregate.implementation,
        cases=last.number + 1 if faults else 0,
        seconds=last.seconds,
        kind=WHOLE_RUN if faults else "",
        reason="; ".join(faults),
    )


def by_op(mutants: Iterable[Implementation]) -> dict[str, list[Implementation]]:
    """Return the mutants of each op, in the suite's order."""
    found: dict[str, list[Implementation]] = {op: [] for op in OPS}
    for mutant in mutants:
        found[mutant.op].append(mutant)
    return {op: group for op, group in found.items() if group}
