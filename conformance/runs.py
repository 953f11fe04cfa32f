"""
A run: the cases of its plan on its targets, shard by shard, in one process or several.

A shard is a block of consecutive cases of one op. Which cases it holds depends on the seed, the op and its number
alone, so that the same seed gives the same cases whatever the number of jobs, and a shard that a killed run has not
written is done again.
"""

import multiprocessing
import os
import queue
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance import cases
from conformance.errors import SuiteError
from conformance.store import Store
from conformance.targets.pool import Limits
from conformance.targets.registry import find
from conformance.targets.worker import die_with_parent
from conformance.trials import Outcome, Panel, row

__all__ = ["Plan", "Progress", "Shard", "execute", "shards"]

SHARD = 32  # cases of a shard: what a killed run loses at most, for each job
TELL_EVERY = 0.2  # seconds between two messages of a job


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does: with the same plan it meets the same cases."""

    ops: tuple[str, ...]
    targets: tuple[str, ...]
    cases: int  # for each op
    seed: int
    jobs: int
    budget: float | None = None  # seconds, after which no further shard is begun
    seconds: float = 10.0  # that one call may take
    python: str | None = None  # the interpreter of the workers


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """A block of consecutive cases of one op."""

    number: int
    op: str

    @property
    def name(self) -> str:
        """Its file's name, without the ending."""
        return f"{self.op}-{self.number:05d}"

    def cases(self, plan: Plan) -> Iterator[cases.Case]:
        """Yield its cases."""
        first = self.number * SHARD
        return cases.generate(self.op, plan.seed, first, min(SHARD, plan.cases - first))


def shards(plan: Plan) -> list[Shard]:
    """Return every shard of a plan, the ops taking turns, so that a run cut short has seen them all."""
    count = -(-plan.cases // SHARD)
    return [Shard(number, op) for number in range(count) for op in plan.ops]


@dataclass(frozen=True, slots=True)
class Progress:
    """A message of a job: what it has done since the last one."""

    op: str
    cases: int
    verdicts: Mapping[tuple[str, str], int]  # (target, outcome or kind) -> number
    shard: str = ""  # the shard that this message ends
    target_seconds: float = 0.0
    deaths: int = 0
    failure: str = ""  # why the job cannot go on


@dataclass(frozen=True, slots=True)
class Ended:
    """The last message of a job: the processor time it and its workers have used."""

    cpu_seconds: float


def execute(plan: Plan, store: Store, tell: Callable[[Progress], None]) -> dict[str, Any]:
    """
    Run every shard that is not yet done, and return what the footer says of the time used.

    tell: called with every message of the jobs. The budget counts from now.
    """
    started = time.monotonic()
    todo = [shard for shard in shards(plan) if shard.name not in store.done()]
    totals: dict[str, Any] = {"target_seconds": 0.0, "cpu_seconds": 0.0, "deaths": 0, "complete": True}
    if todo:
        _dispatch(plan, store, todo, tell, totals, started)
    totals["seconds"] = time.monotonic() - started
    return totals


def _dispatch(
    plan: Plan,
    store: Store,
    todo: Sequence[Shard],
    tell: Callable[[Progress], None],
    totals: dict[str, Any],
    started: float,
) -> None:
    """Hand shards to the jobs until they are done or the budget is used up."""
    context = multiprocessing.get_context("spawn")
    tasks: Any = context.Queue()
    messages: Any = context.Queue()
    count = min(plan.jobs, len(todo))
    # Workers are children of the job's main thread, and the jobs of this one: all end together.
    jobs = [
        context.Process(target=_job, args=(plan, store.folder, tasks, messages), daemon=False) for _ in range(count)
    ]
    for job in jobs:
        job.start()
    waiting = list(reversed(todo))
    try:
        for _ in range(min(count, len(waiting))):
            tasks.put(waiting.pop())
        running = count
        while running:
            message = _next(messages, jobs)
            if isinstance(message, Ended):
                running -= 1
                totals["cpu_seconds"] += message.cpu_seconds
                continue
            if message.failure:
                raise SuiteError(message.failure)
            totals["target_seconds"] += message.target_seconds
            totals["deaths"] += message.deaths
            tell(message)
            if message.shard:
                over = plan.budget is not None and time.monotonic() - started > plan.budget
                totals["complete"] = totals["complete"] and not (over and waiting)
                tasks.put(waiting.pop() if waiting and not over else None)
    finally:
        for job in jobs:
            job.join(0 if job.is_alive() and running else 10)
            if job.is_alive():
                job.kill()
                job.join()


def _next(messages: Any, jobs: Sequence[Any]) -> Progress | Ended:  # noqa: ANN401 -- a queue of multiprocessing
    """Return the next message; a job that died without one is a fault of the suite."""
    while True:
        try:
            return messages.get(timeout=1.0)  # type: ignore[no-any-return]
        except queue.Empty:
            dead = [job for job in jobs if job.exitcode not in (None, 0)]
            if dead:
                raise SuiteError(
                    f"a job of the suite itself died (exit code {dead[0].exitcode}): go on with --resume"
                ) from None


def _job(plan: Plan, folder: Path, tasks: Any, messages: Any) -> None:  # noqa: ANN401 -- queues of multiprocessing
    """Do shards until there are none, in a process of its own with its own workers."""
    die_with_parent()
    try:
        targets = {name: find(name) for name in plan.targets}
        store = Store(folder)
        with Panel(targets, Limits(seconds=plan.seconds), plan.python) as panel:
            while (shard := tasks.get()) is not None:
                _run_shard(plan, shard, panel, store, messages)
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        messages.put(Ended(sum(usage.ru_utime + usage.ru_stime for usage in used)))
    except Exception as error:  # noqa: BLE001 -- whatever it is, the run must hear of it
        messages.put(Progress("", 0, {}, failure=f"{type(error).__name__}: {error}"))


def _run_shard(plan: Plan, shard: Shard, panel: Panel, store: Store, messages: Any) -> None:  # noqa: ANN401
    """Examine the cases of one shard, write its observations, and tell how it goes."""
    rows: list[dict[str, Any]] = []
    tally = Tally(shard.op, panel)
    for case in shard.cases(plan):
        outcomes = panel.examine(case)
        rows.extend(row(outcome) for outcome in outcomes)
        tally.add(outcomes)
        if tally.due():
            messages.put(tally.message())
    store.write_shard(shard.name, rows)
    messages.put(tally.message(shard.name))


class Tally:
    """What a job has done since its last message."""

    def __init__(self, op: str, panel: Panel) -> None:
        self.op, self.panel = op, panel
        self.starts = self._starts()
        self._clear()

    def _clear(self) -> None:
        self.told = time.monotonic()
        self.cases, self.seconds = 0, 0.0
        self.verdicts: Counter[tuple[str, str]] = Counter()

    def _starts(self) -> int:
        return sum(worker.starts for worker in self.panel.workers.values())

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count one case."""
        self.cases += 1
        for outcome in outcomes:
            judged = outcome.verdict
            self.verdicts[outcome.target, judged.kind or judged.outcome] += 1
            self.seconds += getattr(outcome.observation, "seconds", 0.0)
            self.seconds += getattr(outcome.observation, "trace_seconds", 0.0)

    def due(self) -> bool:
        """Return whether it is time for a message."""
        return time.monotonic() - self.told > TELL_EVERY

    def message(self, shard: str = "") -> Progress:
        """Return the message, and begin anew."""
        deaths = self._starts() - self.starts
        self.starts += deaths
        message = Progress(self.op, self.cases, dict(self.verdicts), shard, self.seconds, deaths)
        self._clear()
        return message


def default_jobs() -> int:
    """Return how many jobs keep the machine's cores busy: each has a worker for every target beside it."""
    return max((os.cpu_count() or 2) // 2, 1)


def options(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON data for the header."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(plan).items()}
