"""
Shards as tasks of Dask's `distributed`: on processes of this machine, or on whatever workers a scheduler has.

A worker does one shard at a time, with target processes of its own, in a folder of its own; what it gives back are the
files that it has written there, as bytes: nothing that a target returned is ever pickled. A worker that dies or leaves
costs its shard another try; a shard at which workers die again and again is recorded, and given up.
"""

import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Worker, WorkerPlugin, get_worker, wait

from conformance.errors import SuiteError, UsageError
from conformance.model import Case, Crashed, Verdict
from conformance.run import jobs
from conformance.run.header import this_machine
from conformance.run.jobs import Progress
from conformance.run.machines import Machines, offers
from conformance.run.plan import Plan, Shard, Task, found
from conformance.run.rows import rows
from conformance.run.scope import route_of
from conformance.run.spent import Spent
from conformance.run.store import Store
from conformance.run.sweep import Swept
from conformance.run.trials import Outcome, Panel
from conformance.targets.transport.pool import Limits

__all__ = ["LOCAL", "NEVER", "Cluster"]

LOCAL = "local"
DEATHS = 3  # of workers at one shard, after which it is given up
PATIENCE = 120.0  # seconds without any worker, after which a run ends
ANSWER = 30.0  # seconds within which a scheduler answers
FETCH = 60.0  # seconds within which a worker hands over what it has done
NEVER = 1e7  # seconds
LOOK = 2.0  # seconds between two looks at which workers there are

Work: TypeAlias = Callable[[Plan, Task, Panel, Store, Spent, Callable[[Progress], None]], None]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a shard."""

    files: Mapping[str, bytes]  # by their paths in the folder of a run
    messages: tuple[Progress, ...]
    machine: Mapping[str, Any]  # that did it: as in run.json, with the versions that the targets report


class Host(WorkerPlugin):  # type: ignore[misc]  # Dask's classes are not typed here
    """What a worker keeps from shard to shard: its target processes, and the thread that they are children of."""

    name = "conv-conformance"

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def setup(self, worker: Worker) -> None:
        """Make the thread; the target processes are started when there is something for them to do."""
        del worker
        self.stack = ExitStack()
        self.thread = self.stack.enter_context(ThreadPoolExecutor(1))
        self.panel: Panel | None = None

    def teardown(self, worker: Worker) -> None:
        """End the target processes."""
        del worker
        self.stack.close()

    def do(self, work: Work, shard: Task) -> Done:
        """Have the work done in the host's own thread: a process ends with the thread that has started it."""
        return self.thread.submit(self._do, work, shard).result()

    def _do(self, work: Work, shard: Task) -> Done:
        """Do the work in a folder of its own, and take what it has written there."""
        if self.panel is None:
            opened = Panel(found(self.plan), Limits(seconds=self.plan.seconds), self.plan.python)
            self.panel = self.stack.enter_context(opened)
            self.spent = Spent(self.panel)
        messages: list[Progress] = []
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            work(self.plan, shard, self.panel, store, self.spent, messages.append)
            files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*.*"))}
        versions = {name: about.get("versions", {}) for name, about in self.panel.about().items()}
        return Done(files, tuple(messages), {**this_machine(), "versions": versions})


def done_there(work: Work, shard: Task) -> Done:
    """Do a shard on the worker that this is called on."""
    host: Host = get_worker().plugins[Host.name]
    return host.do(work, shard)


def give_up(
    plan: Plan, shard: Task, panel: Panel, store: Store, spent: Spent, tell: Callable[[Progress], None]
) -> None:
    """Record of every call of a shard that nobody knows what it does: the workers that tried have died."""
    del spent
    lost = Crashed(0, reason=f"{DEATHS} workers of the cluster died at its shard")
    undecided = Verdict(outcome="undecided", evidence={"reason": lost.reason})
    calls = calls_of(plan, shard, panel)
    judged = [(case, name, route_of(panel.targets[name], case)) for case, names in calls for name in names]
    store.write_shard(shard.name, [row for call in judged for row in rows([Outcome(*call, lost, undecided)])])
    counts = Counter((name, "undecided") for _, name, _ in judged)
    if isinstance(shard, Shard):
        tell(Progress(shard.op, len(calls), counts, shard.name, shard.size(plan)))
    else:
        nothing_known = Swept(counts=Counter(undecided=len(calls)))
        store.write_swept(
            shard.name, [shard.row(name, nothing_known, 0.0) for name in jobs.sweeping(plan, panel, shard)]
        )
        tell(Progress(shard.op, 0, counts, shard.name, swept=len(calls)))


def calls_of(plan: Plan, shard: Task, panel: Panel) -> list[tuple[Case, tuple[str, ...]]]:
    """Return the cases of a shard, each with the targets that get it."""
    if isinstance(shard, Shard):
        return list(shard.cases(plan, panel.targets))
    return [(case, tuple(jobs.sweeping(plan, panel, shard))) for case in shard.cases()]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers that do shards."""

    address: str  # of a scheduler, such as tcp://scheduler:8786; or LOCAL
    on: tuple[str, ...] = ()  # what a machine must offer: `machines.offers`

    def dispatch(
        self, plan: Plan, store: Store, todo: Iterator[Task], tell: Callable[[Progress], None]
    ) -> tuple[bool, int]:
        """Have the shards done until all are, or the budget is used up: whether all are, and how many cases it was."""
        ends = time.monotonic() + (float("inf") if plan.budget is None else plan.budget)
        with connected(self.address, plan.jobs) as client, Machines(store) as machines:
            client.register_plugin(Host(plan))
            crew = Crew(client, frozenset(self.on))
            number = 0
            for shard, done in crew.work(todo, ends):
                for name, content in done.files.items():
                    store.write_file(name, content)
                machines.add(shard.name, done.machine)
                for message in done.messages:
                    number += message.cases
                    tell(message)
        return next(todo, None) is None, number


@dataclass(frozen=True, slots=True)
class Job:
    """A shard, what is done with it, and the address of the worker that it is at."""

    work: Work
    shard: Task
    worker: str = ""


class Crew:
    """The workers of a cluster that offer what is asked for, and the shards that they are at: one each."""

    def __init__(self, client: Client, needs: frozenset[str]) -> None:
        self.client, self.needs = client, needs
        self.offered: dict[str, frozenset[str]] = {}  # by the address of a worker
        self.at: dict[Future, Job] = {}
        self.again: deque[Job] = deque()  # whose worker has died
        self.deaths: Counter[str] = Counter()  # of workers, by shard
        self.seen = time.monotonic()  # when there was a worker that can do shards

    def work(self, todo: Iterator[Task], ends: float) -> Iterator[tuple[Task, Done]]:
        """
        Yield what comes of one shard after the other, until all are done, or time is up and those begun are.

        Raises:
            UsageError: no worker offers what is asked for. SuiteError: there is no worker, or one cannot go on.
        """
        job = self._next(todo, ends)
        while job or self.at:
            for worker in self._free():
                if job:
                    self._send(replace(job, worker=worker))
                    job = self._next(todo, ends)
            yield from self._ended()
            job = job or self._next(todo, ends)

    def _next(self, todo: Iterator[Task], ends: float) -> Job | None:
        """Return what is to be done next: what a death has left first; None where nothing is, or time is up."""
        if self.again:
            return self.again.popleft()
        shard = next(todo, None) if time.monotonic() < ends else None
        return Job(jobs.perform, shard) if shard else None

    def _able(self) -> set[str]:
        """Return the workers that can do shards now."""
        known = set(self.client.scheduler_info()["workers"])
        new = list(known - self.offered.keys())
        asked = self.client.run(offers, workers=new, on_error="ignore") if new else {}
        self.offered |= {worker: frozenset(offered) for worker, offered in asked.items()}
        able = {worker for worker in known if self.needs <= self.offered.get(worker, frozenset())}
        self._check(able, known)
        return able

    def _check(self, able: set[str], known: set[str]) -> None:
        """Say why nobody can go on."""
        if able:
            self.seen = time.monotonic()
        elif known and known <= self.offered.keys():
            offered = sorted({name for worker in known for name in self.offered[worker]})
            raise UsageError(
                f"--on {', '.join(sorted(self.needs))}: no worker offers that; they offer {', '.join(offered)}"
            )
        elif time.monotonic() - self.seen > PATIENCE:
            raise SuiteError(f"no worker of the cluster for {PATIENCE:.0f} s: go on with --resume")

    def _free(self) -> list[str]:
        """Return the workers that can do a shard and have none; take back those of workers that have died or left."""
        able = self._able()
        for future, job in list(self.at.items()):
            if job.worker not in able and not future.done():
                self._died(future)
        return sorted(able - {job.worker for job in self.at.values()})

    def _send(self, job: Job) -> None:
        """Have a shard done."""
        future = self.client.submit(done_there, job.work, job.shard, workers=[job.worker], pure=False)
        self.at[future] = job

    def _died(self, future: Future) -> None:
        """Have a shard done again whose worker has died, or given up where as many as DEATHS have."""
        job = self.at.pop(future)
        future.cancel()
        self.deaths[job.shard.name] += 1
        if job.work is give_up:
            raise SuiteError(f"workers of the cluster die at {job.shard.name}: go on with --resume")
        given_up = self.deaths[job.shard.name] >= DEATHS
        self.again.append(Job(give_up, job.shard) if given_up else job)

    def _ended(self) -> Iterator[tuple[Task, Done]]:
        """Yield what has ended within a while."""
        if not self.at:
            time.sleep(LOOK / 10)
            return
        with suppress(TimeoutError):
            wait(list(self.at), timeout=LOOK, return_when="FIRST_COMPLETED")
        for future in [future for future in self.at if future.done()]:
            job = self.at[future]
            try:
                done = future.result(timeout=FETCH)
            except (TimeoutError, KilledWorker):  # what it had done went with it
                self._died(future)
                continue
            except (UsageError, SuiteError):
                raise
            except Exception as error:
                raise SuiteError(f"the cluster, at {job.shard.name}: {type(error).__name__}: {error}") from error
            del self.at[future]
            yield job.shard, done


@contextmanager
def connected(address: str, workers: int) -> Iterator[Client]:
    """
    Give a client of the scheduler there; LOCAL makes one, with so many processes as workers.

    Raises:
        UsageError: no scheduler answers.
    """
    if address == LOCAL:
        options = {"threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None, "silence_logs": "CRITICAL"}
        # Dask ends a worker of its own that is away so long after a death: it may be away for another one.
        settings = {"distributed.deploy.lost-worker-timeout": NEVER}
        with dask.config.set(settings), LocalCluster(n_workers=workers, **options) as local, Client(local) as client:
            yield client
        return
    try:
        client = Client(address, timeout=ANSWER)
    except (OSError, ValueError) as error:
        raise UsageError(f"--cluster {address}: no scheduler of Dask answers there") from error
    with client:
        yield client
