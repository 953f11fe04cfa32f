"""
A run: the shards of its plan on its targets, in one process or several.

A shard that a killed run has not written is done again.
"""

import multiprocessing
import os
import queue
import signal
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from conformance.errors import SuiteError, UsageError
from conformance.run import sweep
from conformance.run.memory import give_back
from conformance.run.plan import Plan, Shard, Task, found, own_shards, scopes_of
from conformance.run.rows import Row, rows
from conformance.run.scope import dealt
from conformance.run.spent import Spent
from conformance.run.store import Store
from conformance.run.sweep import Block, ListedBlock
from conformance.run.trials import Outcome, Panel
from conformance.targets.target import Target
from conformance.targets.transport.pool import Limits
from conformance.targets.transport.worker import die_with_parent
from conformance.targets.transport.zygote import Zygotes

__all__ = ["Dispatch", "Progress", "default_jobs", "execute", "perform", "sweeping"]

TELL_EVERY = 0.2  # seconds between two messages of a job


@dataclass(frozen=True, slots=True)
class Progress:
    """A message of a job: what it has done since the last one."""

    op: str
    cases: int
    verdicts: Mapping[tuple[str, str], int]  # (target, outcome or kind) -> number
    shard: str = ""  # the shard that this message ends
    ended: int = 0  # cases of the common stream that this shard covers
    swept: int = 0  # calls of the small world


@dataclass(frozen=True, slots=True)
class Ended:
    """The last message of a job: that there is nothing more to do, or why it cannot go on."""

    failure: str = ""
    usage: bool = False  # whether it is the user's call that is wrong


# Does what is to be done of a plan, or as much as the budget allows: whether that is all, and how many cases it was.
Dispatch = Callable[[Plan, Store, Iterator[Task], Callable[[Progress], None]], tuple[bool, int]]


def execute(
    plan: Plan, store: Store, tell: Callable[[Progress], None], zygotes: Zygotes, dispatch: Dispatch | None = None
) -> dict[str, Any]:
    """
    Run every shard that is not yet done, and return what the footer says of that: seconds, cases, complete.

    tell: called with every message of the jobs. dispatch: who does the shards; processes of this machine by default,
    whose workers these zygotes fork.
    """
    started = time.monotonic()
    done = store.done()
    left = (shard for shard in own_shards(plan) if shard.name not in done)
    todo = (shard.prepared(plan) if isinstance(shard, Shard) else shard for shard in left)

    def heard(message: Progress) -> None:
        if message.shard:
            store.pack()
        tell(message)

    complete, number = (dispatch or partial(in_processes, zygotes))(plan, store, todo, heard)
    return {"seconds": time.monotonic() - started, "cases": number, "complete": complete}


def in_processes(
    zygotes: Zygotes, plan: Plan, store: Store, todo: Iterator[Task], tell: Callable[[Progress], None]
) -> tuple[bool, int]:
    """Hand shards to jobs of this machine, each a process, until they are done or the budget is used up."""
    started = time.monotonic()
    context = multiprocessing.get_context("spawn")
    tasks: Any = context.Queue()
    messages: Any = context.Queue()
    # Zygotes and jobs are children of this process, workers of either: all end together.
    first = list(islice(todo, plan.jobs))
    jobs: list[BaseProcess] = []
    waiting = next(todo, None)
    complete, number, running = True, 0, len(first)
    try:
        with ignoring_interrupts():
            if first:
                _import(plan, zygotes)
            for _ in first:
                with zygotes.shared() as theirs:
                    jobs.append(context.Process(target=_job, args=(plan, store.folder, theirs, tasks, messages)))
                    jobs[-1].start()
        for shard in first:
            tasks.put(shard)
        while running:
            message = _next(messages, jobs)
            if isinstance(message, Ended):
                _raise(message)
                running -= 1
                continue
            number += message.cases
            tell(message)
            if message.shard:
                over = plan.budget is not None and time.monotonic() - started > plan.budget
                complete = complete and not (over and waiting)
                tasks.put(None if over else waiting)
                waiting = waiting if over else next(todo, None)
    finally:
        _end(jobs, 0 if running else 10)
    return complete, number


def _import(plan: Plan, zygotes: Zygotes) -> None:
    """Start the zygotes of a plan's targets, which import what they need while the jobs start."""
    for start in (target.start(plan.python) for target in found(plan).values()):
        if start.zygote:
            zygotes.begin(start.zygote, start.environment)


def _raise(message: Ended) -> None:
    """Raise the error that a job ended with, if it did."""
    if message.failure:
        raise (UsageError if message.usage else SuiteError)(message.failure)


def _end(jobs: Sequence[BaseProcess], grace: float) -> None:
    """Wait for the jobs that have been started, and end those that do not end."""
    for job in jobs:
        if job.pid is None:
            continue
        job.join(grace)
        if job.is_alive():
            job.kill()
            job.join()


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """
    Have the processes that are started here ignore Ctrl-C, which reaches every process: the run ends them itself.

    Outside the main thread, where this is not possible, nor needed, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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


def _job(plan: Plan, folder: Path, zygotes: Zygotes, tasks: Any, messages: Any) -> None:  # noqa: ANN401 -- queues of multiprocessing
    """Do shards until there are none, in a process of its own with its own workers."""
    die_with_parent()
    parent = multiprocessing.parent_process()
    if parent and os.getppid() != parent.pid:
        return  # it ended while this process was starting, so that nothing told the kernel to end this one
    try:
        targets = found(plan)
        store = Store(folder)
        with zygotes, Panel(targets, Limits(seconds=plan.seconds), plan.python, zygotes=zygotes) as panel:
            spent = Spent(panel)
            while (shard := tasks.get()) is not None:
                perform(plan, shard, panel, store, spent, messages.put)
        messages.put(Ended())
    except (UsageError, SuiteError) as error:
        messages.put(Ended(str(error), isinstance(error, UsageError)))
    except Exception as error:  # noqa: BLE001 -- whatever it is, the run must hear of it
        messages.put(Ended(f"a fault of the suite itself: {type(error).__name__}: {error}"))


def perform(
    plan: Plan, shard: Task, panel: Panel, store: Store, spent: Spent, tell: Callable[[Progress], None]
) -> None:
    """
    Do one shard: make its calls, write what came of them, and tell how it goes.

    One that no target takes part in, as none offers its op, takes nothing of a budget.
    """
    give_back()  # what the last one has left
    taking = panel.targets if isinstance(shard, Shard) else sweeping(plan, panel, shard)
    if not any(target.offers(shard.op) for target in taking.values()):
        tell(Progress(shard.op, 0, {}, shard.name, shard.size(plan) if isinstance(shard, Shard) else 0))
        return
    if not isinstance(shard, Shard):
        tell(_sweep(plan, shard, panel, store, spent))
        return
    judged = _examined(plan, shard, panel, tell)
    share = spent.outside() / max(len(judged), 1)
    store.write_shard(shard.name, [replace(row, own_seconds=share) for row in judged])
    tell(Progress(shard.op, 0, {}, shard.name, shard.size(plan)))


def _examined(plan: Plan, shard: Shard, panel: Panel, tell: Callable[[Progress], None]) -> list[Row]:
    """Examine the cases of one shard, telling how it goes, and return its observations."""
    judged: list[Row] = []
    tally = Tally(shard.op)
    for outcomes in panel.examined(shard.cases(plan, panel.targets)):
        judged.extend(rows(outcomes))
        tally.add(outcomes)
        if tally.due():
            tell(tally.message())
    tell(tally.message())
    return judged


def _sweep(plan: Plan, block: Block | ListedBlock, panel: Panel, store: Store, spent: Spent) -> Progress:
    """Sweep a block, and write what came of it."""
    cases = list(block.cases())
    found = sweep.sweep(panel, scopes_of(plan, sweeping(plan, panel, block)), cases)
    kept = [row for swept in found.values() for outcome in swept.kept for row in rows([outcome])]
    if kept:
        store.write_shard(block.name, kept)
    share = spent.outside() / max(len(found), 1)
    store.write_swept(block.name, [block.row(name, swept, share) for name, swept in found.items()])
    verdicts = Counter({(name, what): number for name, each in found.items() for what, number in each.counts.items()})
    return Progress(block.op, 0, verdicts, block.name, swept=len(cases))


def sweeping(plan: Plan, panel: Panel, block: Block | ListedBlock) -> dict[str, Target]:
    """Return the targets that sweep a block: where the run has other cases, too, two of those that trace nothing."""
    if not plan.cases:
        return panel.targets
    cheap = [name for name, target in panel.targets.items() if not target.traces and target.offers(block.op)]
    return {name: panel.targets[name] for name in dealt(cheap, zlib.crc32(block.name.encode()))}


class Tally:
    """What a job has done since its last message."""

    def __init__(self, op: str) -> None:
        self.op = op
        self._clear()

    def _clear(self) -> None:
        self.sent, self.cases = time.monotonic(), 0
        self.verdicts: Counter[tuple[str, str]] = Counter()

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count one case."""
        self.cases += 1
        for outcome in outcomes:
            judged = outcome.verdict
            what = judged.outcome if judged.outcome == "unsupported" else judged.kind or judged.outcome
            self.verdicts[outcome.target, what] += 1

    def due(self) -> bool:
        """Return whether it is time for a message."""
        return time.monotonic() - self.sent > TELL_EVERY

    def message(self) -> Progress:
        """Return the message, and begin anew."""
        message = Progress(self.op, self.cases, dict(self.verdicts))
        self._clear()
        return message


def default_jobs() -> int:
    """Return how many jobs keep the machine's cores busy: each uses more than one, by its workers."""
    cores = os.cpu_count() or 2
    return min(cores, cores // 2 + 1)
