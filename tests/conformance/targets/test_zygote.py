"""A zygote imports once what its workers need, and each of them lives and dies by itself."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.model import Crashed, Returned, TimedOut
from conformance.targets import registry
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Limits, Worker
from conformance.targets.transport.process import Process, Start
from conformance.targets.transport.session import StartError
from conformance.targets.transport.zygote import Zygotes
from tests.miniatures.processes import ended_within, status

MINIATURES = Path(__file__).parents[2] / "miniatures"
ONES = np.ones((1, 2, 3, 1), np.float32)
LIMITS = Limits(seconds=1.0, grace=0.3, memory=192 << 20)
LOAD = "conformance.targets.namespace"


def forked(text: str = "faulty", adapter: str = LOAD) -> Start:
    """Return how a user's target is started by a zygote, which those of the registry are not."""
    plain = registry.find(text).start()
    environment = {**plain.environment, "PYTHONPATH": str(MINIATURES)}
    command = (sys.executable, "-m", "conformance.targets.transport.zygote", adapter)
    return replace(plain, environment=environment, zygote=command)


def call(hazard: str = "none") -> Call:
    """Return a call of conv2d in the faulty target that runs into this hazard."""
    return Call(op="conv2d", arguments={"input": ONES, "hazard": hazard})


@pytest.fixture(scope="module")
def faulty() -> Iterator[Worker]:
    """Give a forked worker of the faulty target."""
    with Worker(forked(), LIMITS, confirm=False) as worker:
        yield worker


@pytest.mark.parametrize(
    ("hazard", "code"),
    [("abort", -signal.SIGABRT), ("segfault", -signal.SIGSEGV), ("exit 7", 7), ("exit", 0)],
)
def test_a_death_is_told_with_its_code(faulty: Worker, hazard: str, code: int) -> None:
    """The zygote hands the exit code on, and the next call is answered by another fork."""
    observed = faulty.run(call(hazard))

    assert isinstance(observed, Crashed)
    assert observed.code == code
    assert isinstance(faulty.run(call()), Returned)


def test_a_hang_is_ended(faulty: Worker) -> None:
    """Past the limit of a second, the worker is killed, and the next call is answered."""
    assert isinstance(faulty.run(call("hang")), TimedOut)
    assert isinstance(faulty.run(call()), Returned)


def test_standard_error_is_the_worker_s_own(faulty: Worker) -> None:
    """Where a worker crashed is kept."""
    observed = faulty.run(call("segfault"))

    assert isinstance(observed, Crashed)
    assert "Segmentation fault" in observed.stderr


def test_workers_of_one_environment_share_a_zygote() -> None:
    """Two workers at once have one parent, which is not the suite."""
    zygotes = Zygotes()
    with Worker(forked(), LIMITS, zygotes=zygotes) as one, Worker(forked(), LIMITS, zygotes=zygotes) as other:
        parents = {parent(pid_of(worker)) for worker in (one, other)}
    zygotes.close()

    assert len(parents) == 1
    assert parents != {os.getpid()}


def test_another_process_shares_a_zygote_and_takes_its_own_workers_along() -> None:
    """Workers of either are children of one zygote; an end that closes ends its workers, and no others."""
    with Zygotes() as zygotes, Worker(forked(), LIMITS, zygotes=zygotes) as one:
        first, zygote = pid_of(one), parent(pid_of(one))
        theirs = zygotes.shared()
        with Worker(forked(), LIMITS, zygotes=theirs) as other, Worker(forked(), LIMITS, zygotes=theirs) as third:
            second, last = pid_of(other), pid_of(third)
            assert parent(second) == parent(last) == zygote
            os.kill(last, signal.SIGKILL)
            assert ended_within(last, 5.0)  # and nobody has heard of it
            theirs.close()
            assert ended_within(second, 5.0)

        assert isinstance(one.run(call()), Returned)
        one.renew()
        assert pid_of(one) != first
        assert parent(pid_of(one)) == zygote


def test_a_job_s_workers_have_the_environment_of_the_run_s() -> None:
    """A child that imports what a job imports asks for the same zygote."""
    script = (
        "import json; from conformance.run import jobs; from conformance.targets import registry;"
        "print(json.dumps(registry.find('tf-cpu-eager').start().environment))"
    )
    asked = subprocess.run(  # noqa: S603 - this file
        [sys.executable, "-c", script], env=dict(os.environ), capture_output=True, check=True
    )

    assert json.loads(asked.stdout) == registry.find("tf-cpu-eager").start().environment


def test_an_end_counts_the_processor_time_of_its_own_workers_alone() -> None:
    """Beside a worker of the process that has started the zygote it counts nothing; then its own, which has ended."""
    with Zygotes() as zygotes, Worker(forked(), LIMITS, zygotes=zygotes) as one, zygotes.shared() as theirs:
        pid_of(one)
        assert theirs.seconds() == 0
        with Worker(forked(), LIMITS, zygotes=theirs) as other:
            pid_of(other)

        assert theirs.seconds() > 0


def test_what_a_zygote_imports_is_the_time_of_the_worker_that_waits_for_it() -> None:
    """So a start is not given up on a machine that is busy; a process that does not exist yet would tell no time."""
    with Zygotes() as zygotes:
        process = Process(forked(), zygotes)

        assert process.processor_seconds() < math.inf

        process.bury(0)


def test_a_zygote_that_has_died_is_replaced() -> None:
    """Its workers end with it, which is nobody's call's fault; the next is forked from a new one."""
    with Worker(forked(), LIMITS, confirm=False) as worker:
        last, first = pid_of(worker), parent(pid_of(worker))
        os.kill(first, signal.SIGKILL)
        assert ended_within(last, 5.0)

        assert isinstance(worker.run(call()), Returned)
        assert parent(pid_of(worker)) != first


def test_what_cannot_be_imported_is_told_by_the_worker() -> None:
    """An adapter that does not exist is named in the error."""
    start = forked(adapter="no_such_adapter")
    specification = json.dumps({**json.loads(start.specification), "adapter": "no_such_adapter"})
    worker = Worker(replace(start, specification=specification), LIMITS)

    with worker, pytest.raises(StartError, match="no_such_adapter"):
        worker.ready()


def test_a_forked_worker_dies_with_the_suite() -> None:
    """A suite that is killed leaves neither zygote nor worker."""
    script = (
        "import os, sys; sys.path[:0] = [os.path.dirname(sys.argv[1])]\n"
        "from test_zygote import *\n"
        "worker = Worker(forked(), LIMITS); worker.__enter__()\n"
        "print(pid_of(worker), parent(pid_of(worker)), flush=True); worker.run(call('hang'))"
    )
    with subprocess.Popen(  # noqa: S603 - this file
        [sys.executable, "-c", script, __file__], stdout=subprocess.PIPE
    ) as suite:
        assert suite.stdout
        pids = [int(pid) for pid in suite.stdout.readline().split()]
        suite.kill()

    assert all(ended_within(pid, 5.0) for pid in pids)


def test_the_built_in_targets_are_forked_but_for_those_of_a_gpu() -> None:
    """A driver of a GPU does not survive a fork, and a user's import may begin threads."""
    kinds = {name: target.forks for name, target in registry.builtin().items()}

    assert kinds["tf-cpu-eager"]
    assert not any(forks for name, forks in kinds.items() if "gpu" in name or name == "reference")
    assert not registry.find("faulty").forks


def pid_of(worker: Worker) -> int:
    """Return a ready worker's process id."""
    worker.ready()
    session = worker._session
    assert session
    pid = session._process._popen.pid
    assert pid
    return pid


def parent(pid: int) -> int:
    """Return the process that a process is a child of."""
    return status(pid)[1]
