"""A run on Dask's workers is the run of one machine, whatever becomes of them."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="Dask's distributed is not installed: the extra `cluster`")

import dask
from distributed import LocalCluster

from conformance.errors import UsageError
from conformance.run import jobs
from conformance.run.cluster import LOCAL, NEVER, Cluster
from conformance.run.header import header
from conformance.run.jobs import Progress
from conformance.run.machines import condition, offers
from conformance.run.plan import Plan, own_shards
from conformance.run.store import Store
from conformance.targets.transport.zygote import Zygotes
from conformance.triage import campaign
from tests.conformance.run.test_jobs import importable, plan, result, timeless

__all__ = ["importable"]  # a fixture: workers import the miniatures

Tell = Callable[[Progress], None]


def silent(_: object) -> None:
    """Hear nothing."""


def done(folder: Path, chosen: Plan, cluster: Cluster | None = None, tell: Tell = silent) -> Store:
    """Do the shards of a plan, without the search for findings."""
    store = Store.create(folder, header(chosen))
    with Zygotes() as zygotes:
        jobs.execute(chosen, store, tell, zygotes, cluster.dispatch if cluster else None)
    return store


@contextmanager
def scheduler(workers: int) -> Iterator[LocalCluster]:
    """Give a cluster that the suite has not made."""
    options = {"threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0, "silence_logs": "CRITICAL"}
    patience = {"distributed.deploy.lost-worker-timeout": NEVER}
    with dask.config.set(patience), LocalCluster(n_workers=workers, **options) as cluster:
        yield cluster


def worker_ids(cluster: LocalCluster) -> list[int]:
    """Return the processes of a cluster's workers that live now."""
    return [nanny.process.pid for nanny in cluster.workers.values() if nanny.process and nanny.process.pid]


@contextmanager
def harassed(cluster: LocalCluster, seconds: float, chance: random.Random) -> Iterator[list[int]]:
    """Kill a worker at random every so many seconds; give the list of those that were."""
    killed: list[int] = []
    over = threading.Event()

    def harass() -> None:
        while not over.wait(seconds):
            if living := worker_ids(cluster):
                killed.append(chance.choice(living))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=harass)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_processes_of_this_machine_give_what_jobs_give(tmp_path: Path) -> None:
    """Observations, findings and page are those of one job, but for times; every shard has its machine."""
    whole, ours = Store.create(tmp_path / "jobs", header(plan())), Store.create(tmp_path / "tasks", header(plan()))
    campaign.conduct(plan(), whole, [], silent, silent)
    campaign.conduct(plan(jobs=2), ours, [], silent, silent, dispatch=Cluster(LOCAL).dispatch)

    assert result(ours) == result(whole)
    recorded = ours.read_json("machines.json")
    assert recorded["shards"] == dict.fromkeys(ours.done(), 0)
    assert recorded["machines"][0]["cpu"] == ours.header()["machine"]["cpu"]
    assert set(recorded["machines"][0]["versions"]) == set(plan().targets)


def test_a_worker_that_is_killed_costs_no_result(tmp_path: Path) -> None:
    """One of two dies once the first shard is done; its shard is done again by another."""
    chosen = plan(cases=96)
    killed: list[int] = []

    def kill_once(message: Progress) -> None:
        if message.shard and not killed:
            killed.append(worker_ids(cluster)[0])
            os.kill(killed[0], signal.SIGKILL)

    with scheduler(2) as cluster:
        store = done(tmp_path / "tasks", chosen, Cluster(cluster.scheduler_address), kill_once)

    assert killed
    assert repr(timeless(store)) == repr(timeless(done(tmp_path / "jobs", chosen)))


def test_a_shard_that_kills_its_workers_is_recorded_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target ends the worker in every call of dropout_grad: nobody knows what those do, and the rest is judged."""
    monkeypatch.setattr("conformance.run.cluster.DEATHS", 1)  # each takes seconds
    chosen = plan(targets=("parricide",), cases=32, world=0)
    store = done(tmp_path / "run", chosen, Cluster(LOCAL))

    said = {(row.op, row.verdict, row.observation) for row in timeless(store)}
    assert {entry for entry in said if entry[0] == "dropout_grad"} == {("dropout_grad", "undecided", "crashed")}
    assert ("conv2d_transpose", "agrees", "returned") in said
    assert store.done() == {shard.name for shard in own_shards(chosen)}


def test_machines_that_are_asked_for_are_taken(tmp_path: Path) -> None:
    """This one offers what it offers; what none offers is refused before anything is done."""
    chosen = plan(cases=1, world=0, ops=("dropout_grad",))
    with scheduler(1) as cluster:
        address = cluster.scheduler_address
        store = done(tmp_path / "run", chosen, Cluster(address, offers()[:1]))
        with pytest.raises(UsageError, match=r"--on tensorflow=1\.0: no worker offers that; they offer"):
            done(tmp_path / "none", chosen, Cluster(address, ("tensorflow=1.0",)))

    assert store.done() == {"dropout_grad-00000"}


@pytest.mark.parametrize("text", ["isa=sse9", "cpu=fast", "isa", "tensorflow="])
def test_what_no_machine_offers_is_refused(text: str) -> None:
    """The message says what can be asked for."""
    with pytest.raises(UsageError, match=r"tensorflow=VERSION, or isa= one of sse41, avx, avx2, avx512_core"):
        condition(text)


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Port 9 of this machine has none."""
    monkeypatch.setattr("conformance.run.cluster.ANSWER", 0.5)

    with pytest.raises(UsageError, match=r"--cluster tcp://127\.0\.0\.1:9: no scheduler of Dask answers there"):
        done(tmp_path / "run", plan(), Cluster("tcp://127.0.0.1:9"))


@pytest.mark.slow
def test_four_workers_one_slow_and_one_killed_every_few_seconds_change_nothing(tmp_path: Path) -> None:
    """As many cases as four workers need half a minute for, with one of them held half of the time."""
    chosen = plan(cases=1600)
    with scheduler(4) as cluster, harassed(cluster, 3.0, random.Random(3)) as killed, halved(worker_ids(cluster)[0]):  # noqa: S311
        store = done(tmp_path / "tasks", chosen, Cluster(cluster.scheduler_address))

    assert len(killed) > 2
    assert repr(timeless(store)) == repr(timeless(done(tmp_path / "jobs", replace(chosen, jobs=2))))


@contextmanager
def halved(process: int) -> Iterator[None]:
    """Stop a process for every second tenth of a second, as long as it lives."""
    over = threading.Event()

    def hold() -> None:
        try:
            while not over.is_set():
                for number in (signal.SIGSTOP, signal.SIGCONT):
                    os.kill(process, number)
                    time.sleep(0.1)
        except ProcessLookupError:
            return

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
