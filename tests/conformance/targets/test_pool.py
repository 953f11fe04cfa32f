"""Each hazard is observed as what it is, once, and no other call is affected."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.errors import UsageError
from conformance.model import Crashed, OutOfMemory, Raised, Returned, TimedOut, Unsupported, inside
from conformance.targets import registry
from conformance.targets.tensorflow.targets import CHECKED_HEAP
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Limits, Worker
from conformance.targets.transport.process import Deadline, Start
from conformance.targets.transport.session import StartError
from tests.miniatures.processes import children, ended_within

MINIATURES = Path(__file__).parents[2] / "miniatures"
ONES = np.ones((1, 2, 3, 1), np.float32)
LIMITS = Limits(seconds=1.0, grace=0.3, memory=192 << 20)


def start(text: str) -> Start:
    """Return how the target that a user would name so is started, with the miniatures importable."""
    plain = registry.find(text).start()
    return Start(
        name=plain.name, command=plain.command, environment={**plain.environment, "PYTHONPATH": str(MINIATURES)}
    )


def harness(fault: str) -> Start:
    """Return how the hand-written harness is started, with this fault."""
    return registry.find(f"command:{sys.executable} {MINIATURES / 'harness.py'} {fault}").start()


def call(hazard: str = "none") -> Call:
    """Return a call of conv2d in the faulty target that runs into this hazard."""
    return Call(op="conv2d", arguments={"input": ONES, "hazard": hazard})


@pytest.fixture(scope="module")
def faulty() -> Iterator[Worker]:
    """Give a worker of the faulty target, warm over the module's tests: it must survive every one of them."""
    with Worker(start("faulty"), LIMITS, confirm=False) as worker:
        yield worker


def usable(worker: Worker) -> bool:
    """Return whether the next call is answered as if nothing had happened."""
    after = worker.run(call())
    return isinstance(after, Returned) and np.array_equal(after.arrays[0], ONES)


@pytest.mark.parametrize(
    ("hazard", "code"),
    [
        ("abort", -signal.SIGABRT),
        ("segfault", -signal.SIGSEGV),
        ("divide", -signal.SIGFPE),
        ("exit 7", 7),
        ("exit", 0),
    ],
)
def test_a_death_is_a_crash_with_its_code(faulty: Worker, hazard: str, code: int) -> None:
    """Whatever ends the process, by signal or exit code, is told as it was, and the next call is answered."""
    observed = faulty.run(call(hazard))

    assert isinstance(observed, Crashed)
    assert observed.code == code
    assert usable(faulty)


def test_a_write_beyond_a_buffer_is_told_at_its_call() -> None:
    """Where the heap is checked; elsewhere a later call of somebody's may end, or none."""
    checked = start("faulty")
    with Worker(replace(checked, environment={**checked.environment, **CHECKED_HEAP}), LIMITS, confirm=False) as worker:
        observed = worker.run(call("write beyond"))

    assert isinstance(observed, Crashed)
    assert observed.code == -signal.SIGABRT


def test_a_worker_that_a_call_has_spoilt_is_replaced(faulty: Worker) -> None:
    """After oneDNN's failure to make code, every call in the same process fails: the next one gets another."""
    observed = faulty.run(call("spoil"))

    assert isinstance(observed, Raised)
    assert usable(faulty)


def test_a_crash_keeps_where_it_happened(faulty: Worker) -> None:
    """The end of standard error names the Python function that was running."""
    observed = faulty.run(call("segfault"))

    assert isinstance(observed, Crashed)
    assert "Segmentation fault" in observed.stderr
    assert "conv2d" in observed.stderr
    assert len(observed.stderr) <= 4096


@pytest.mark.parametrize("hazard", ["hang", "spin"])
def test_a_hang_is_a_timeout(faulty: Worker, hazard: str) -> None:
    """A call that sleeps past the limit of one second is ended, and one that computes for as long."""
    observed = faulty.run(call(hazard))

    assert isinstance(observed, TimedOut)
    assert observed.seconds >= 1.0
    assert usable(faulty)


@pytest.mark.parametrize(
    ("now", "used", "passed"),
    [
        (9.9, 100.0, False),  # the clock has not come to the limit
        (10.0, 10.0, True),  # it has, and the processor's time, too
        (10.0, 9.0, False),  # it has, and the worker was given less
        (10.0, 0.1, True),  # it has, and the worker does not compute: it waits
        (59.0, 9.0, False),
        (60.0, 9.0, True),  # nobody waits for ever
    ],
)
def test_a_wait_is_over_by_the_clock_and_by_the_processor(now: float, used: float, passed: bool) -> None:
    """A machine that is busy with other work is no fault of the call: the limit is 10 seconds, the last end 60."""
    deadline = Deadline(seconds=10.0, began=100.0, used=3.0)

    assert deadline.passed(100.0 + now, 3.0 + used) is passed


@pytest.mark.parametrize("hazard", ["gorge", "ask for all memory"])
def test_a_lack_of_memory_is_told_as_such(faulty: Worker, hazard: str) -> None:
    """Whether memory is taken bit by bit or at once, it ends at the limit of 192 MiB."""
    observed = faulty.run(call(hazard))

    assert isinstance(observed, OutOfMemory)
    assert usable(faulty)


def test_memory_is_watched_from_outside_too() -> None:
    """A target that no limit of the system holds back is ended once it holds more than it may."""
    plain = start("faulty")
    unlimited = tuple(part.replace('"limited": true', '"limited": false') for part in plain.command)
    limits = Limits(seconds=10.0, memory=256 << 20)
    with Worker(
        Start(name="faulty", command=unlimited, environment=plain.environment), limits, confirm=False
    ) as worker:
        observed = worker.run(call("gorge"))

    assert isinstance(observed, OutOfMemory)
    assert "more than" in observed.detail


@pytest.mark.parametrize(
    ("hazard", "kind"),
    [
        ("raise silently", "conformance.selftest.hazards.SilentError"),
        ("recurse", "builtins.RecursionError"),
        ("sys.exit", "builtins.SystemExit"),
        ("interrupt", "builtins.KeyboardInterrupt"),
    ],
)
def test_what_is_raised_is_told_by_its_type(faulty: Worker, hazard: str, kind: str) -> None:
    """Nothing that a call raises ends the worker, not even what has no message."""
    before = faulty.starts

    observed = faulty.run(call(hazard))

    assert isinstance(observed, Raised)
    assert observed.type == kind
    assert usable(faulty)
    assert faulty.starts == before


def test_not_implemented_is_unsupported(faulty: Worker) -> None:
    """NotImplementedError and a missing function are what a target does not offer."""
    assert faulty.run(call("lack")) == Unsupported("not here")
    assert faulty.run(Call(op="avg_pool", arguments={"input": ONES})) == Unsupported("no function avg_pool")


def test_prints_do_not_reach_the_protocol(faulty: Worker) -> None:
    """Two megabytes on standard output, and bytes that look like frames, change no answer."""
    observed = faulty.run(call("print"))

    assert isinstance(observed, Returned)
    assert usable(faulty)


def test_closed_pipes_are_a_crash(faulty: Worker) -> None:
    """A target that closes its pipes and lives on is killed, and the reason says so."""
    observed = faulty.run(call("close pipes"))

    assert isinstance(observed, Crashed)
    assert observed.code == -signal.SIGKILL
    assert "closed its pipes" in observed.reason
    assert usable(faulty)


@pytest.mark.parametrize(("result", "shape"), [("objects", (2,)), ("ragged", ()), ("nothing", ()), ("text", (3,))])
def test_what_is_no_array_of_numbers_is_returned_as_objects(
    faulty: Worker, result: str, shape: tuple[int, ...]
) -> None:
    """Objects, text, nothing and ragged lists come as arrays of None of their shape: a wrong dtype, not a refusal."""
    observed = faulty.run(call(result))

    assert isinstance(observed, Returned)
    assert observed.arrays[0].dtype == object
    assert observed.arrays[0].shape == shape


def test_a_death_between_calls_is_blamed_on_no_call(faulty: Worker) -> None:
    """A target that dies after it has answered costs the next call nothing."""
    deaths = len(faulty.idle_deaths)

    first = faulty.run(call("die later"))
    time.sleep(0.2)
    second = faulty.run(call())

    assert isinstance(first, Returned)
    assert isinstance(second, Returned)
    assert len(faulty.idle_deaths) == deaths + 1


def test_different_bits_are_noticed(faulty: Worker) -> None:
    """A second run that gives other bits, in the same memory, is not repeatable; an equal one is."""
    other = faulty.run(Call(op="max_pool", arguments={"input": ONES}, repeat=True))
    equal = faulty.run(Call(op="conv2d", arguments={"input": ONES}, repeat=True))

    assert isinstance(other, Returned)
    assert isinstance(equal, Returned)
    assert other.repeatable is False
    assert equal.repeatable is True


def test_several_results_come_in_order(faulty: Worker) -> None:
    """A tuple is several results."""
    observed = faulty.run(Call(op="max_pool_with_argmax", arguments={"input": ONES}))

    assert isinstance(observed, Returned)
    assert [array.dtype.name for array in observed.arrays] == ["float32", "int64"]


def test_arguments_cannot_be_written_to(faulty: Worker) -> None:
    """A target that writes into its input is told by NumPy."""
    observed = faulty.run(Call(op="dropout", arguments={"x": ONES}))

    assert isinstance(observed, Raised)
    assert "read-only" in observed.message


def test_a_real_crash_happens_again_alone() -> None:
    """A call that ended its worker is made once more in a fresh one; a crash that was the call's own is there, too."""
    with Worker(start("faulty"), LIMITS) as worker:
        assert usable(worker)
        observed = worker.run(call("abort"))
        assert worker.starts == 3
        assert usable(worker)

    assert isinstance(observed, Crashed)
    assert observed.again is True


def test_what_a_call_computed_that_ended_its_worker_is_time_inside_it(faulty: Worker) -> None:
    """Of a frame the second call computes for 0.2 s and dies; the system counts in hundredths of a second."""
    faulty.submit(call(), call("compute and die"))
    first, second = faulty.result(), faulty.result()

    assert isinstance(second, Crashed)
    assert inside(second) >= 0.18
    assert inside(first) < 0.1


def test_both_attempts_at_a_call_are_time_inside_it() -> None:
    """A crash that comes again alone in a fresh worker has computed for 0.2 s twice."""
    with Worker(start("faulty"), LIMITS) as worker:
        worker.run(call())
        observed = worker.run(call("compute and die"))

    assert inside(observed) >= 0.36


def test_the_first_call_of_a_worker_was_alone() -> None:
    """That it crashes needs no second attempt."""
    with Worker(start("faulty"), LIMITS) as worker:
        observed = worker.run(call("abort"))
        assert worker.starts == 2

    assert isinstance(observed, Crashed)
    assert observed.again is True


def test_a_call_that_ends_when_it_is_alone_is_observed_so() -> None:
    """Its first attempt does not end; alone in a fresh worker it returns, and that is said of the observation."""
    with Worker(start("faulty"), LIMITS) as worker:
        first = worker.run(call("hang later"))
        second = worker.run(call("hang later"))

    assert isinstance(first, Returned)
    assert first.again is None
    assert isinstance(second, Returned)
    assert second.again is False


def test_a_crash_left_behind_does_not_happen_again_alone() -> None:
    """A call that met what an earlier one had left is marked as not crashing by itself."""
    with Worker(start("faulty"), LIMITS) as worker:
        worker.run(call("die later"))
        observed = worker.run(call("nap"))

    assert isinstance(observed, Crashed)
    assert observed.code == 9
    assert observed.again is False


def test_a_crash_of_a_process_that_may_be_damaged_is_not_blamed_on_its_call() -> None:
    """The call is observed as it is alone, in a process of which nothing is suspected."""
    with Worker(start("faulty"), LIMITS) as worker:
        worker.run(call("die later"))
        worker.damaged = True
        observed = worker.run(call("nap"))
        assert not worker.damaged

    assert isinstance(observed, Returned)
    assert observed.again is False


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("huge", "1152921504606846976 bytes: the limits are"),
        ("magic", "HTTP"),
        ("number", "answer to call"),
        ("shape", "ends at byte"),
        ("dtype", "describes no array"),
        ("kind", "no answer"),
        ("seconds", "seconds"),
    ],
)
def test_a_broken_answer_is_a_crash_that_says_how(fault: str, reason: str) -> None:
    """What is no answer is never taken for one; the calls around it are answered."""
    with Worker(harness(fault), LIMITS, confirm=False) as worker:
        assert usable(worker)
        observed = worker.run(Call(op="max_pool", arguments={"input": ONES}))
        assert usable(worker)

    assert isinstance(observed, Crashed)
    assert "broke the protocol" in observed.reason
    assert reason in observed.reason


def test_a_truncated_answer_is_a_crash_or_a_hang() -> None:
    """Half an answer and the end is a crash with the exit code; half an answer and silence a hang."""
    with Worker(harness("truncated"), LIMITS, confirm=False) as worker:
        truncated = worker.run(Call(op="max_pool", arguments={"input": ONES}))
    with Worker(harness("stalled"), LIMITS, confirm=False) as worker:
        stalled = worker.run(Call(op="max_pool", arguments={"input": ONES}))

    assert isinstance(truncated, Crashed)
    assert truncated.code == 0
    assert isinstance(stalled, TimedOut)


def test_another_version_of_the_protocol_is_refused() -> None:
    """A harness that speaks version 2 does not start, and the message says why."""
    with Worker(harness("version"), LIMITS) as worker, pytest.raises(StartError, match="version 2"):
        worker.ready()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no_such_module:thing", "No module named 'no_such_module'"),
        ("faulty:no_such_thing", "faulty has no no_such_thing"),
        ("command:./no-such-harness", "cannot run ./no-such-harness"),
    ],
)
def test_a_target_that_is_not_there_is_the_users_error(text: str, message: str) -> None:
    """One line says what was looked for."""
    with pytest.raises(UsageError, match=message), Worker(start(text), LIMITS) as worker:
        worker.ready()


def test_the_suite_can_work_while_a_call_runs(faulty: Worker) -> None:
    """Submitting does not wait: a call that never ends is submitted, and only its result is waited for."""
    faulty.submit(call("hang"))
    calls = faulty.calls

    assert isinstance(faulty.result(), TimedOut)
    assert faulty.calls == calls + 1


def test_large_arrays_pass_whole(faulty: Worker) -> None:
    """Forty megabytes there and back, many times what a pipe holds."""
    image = np.arange(10_000_000, dtype=np.float32).reshape(1, 1000, 1000, 10)

    observed = faulty.run(Call(op="conv2d", arguments={"input": image}))

    assert isinstance(observed, Returned)
    assert np.array_equal(observed.arrays[0], image)


def test_no_zombie_is_left() -> None:
    """After workers that crashed, hung and were closed, no child waits to be reaped."""
    with Worker(start("faulty"), LIMITS) as worker:
        worker.run(call("abort"))
        worker.run(call("hang"))

    assert not [pid for pid, state in children() if state == "Z"]


def test_a_worker_dies_with_the_suite() -> None:
    """A suite that is killed while a call hangs leaves no worker behind."""
    script = (
        "import os, sys; sys.path[:0] = [os.path.dirname(sys.argv[1])]\n"
        "from test_pool import Worker, call, start\n"
        "worker = Worker(start('faulty')); worker.ready()\n"
        "print(worker._session._process._popen.pid, flush=True); worker.run(call('hang'))"
    )
    with subprocess.Popen(  # noqa: S603 - this file
        [sys.executable, "-c", script, __file__], stdout=subprocess.PIPE
    ) as suite:
        assert suite.stdout
        pid = int(suite.stdout.readline())
        suite.kill()

    assert ended_within(pid, 5.0)


def test_a_death_in_a_batch_costs_the_call_that_died(faulty: Worker) -> None:
    """Of five calls in one frame the third kills the process: the other four are answered, by two processes."""
    before = faulty.starts

    faulty.submit(call(), call(), call("abort"), call(), call())
    observed = [faulty.result() for _ in range(5)]

    assert [isinstance(each, Crashed) for each in observed] == [False, False, True, False, False]
    assert all(isinstance(each, Returned) for each in observed if not isinstance(each, Crashed))
    assert faulty.starts == before + 1


def test_a_hang_in_a_batch_costs_the_call_that_hung(faulty: Worker) -> None:
    """The limit of one second is that of a call, not of the frame: what comes before and after it is answered."""
    faulty.submit(call("nap"), call("hang"), call("nap"))

    assert [type(faulty.result()) for _ in range(3)] == [Returned, TimedOut, Returned]


def test_calls_are_submitted_while_others_wait(faulty: Worker) -> None:
    """Answers come in the order of the calls, whichever frame they went in."""
    images = [np.full((1, 2, 3, 1), number, np.float32) for number in range(6)]
    calls = [Call(op="conv2d", arguments={"input": image, "hazard": "none"}) for image in images]

    faulty.submit(*calls[:4])
    first = [faulty.result() for _ in range(2)]
    faulty.submit(*calls[4:])
    observed = [*first, *(faulty.result() for _ in range(4))]

    assert [each.arrays[0].flat[0] for each in observed if isinstance(each, Returned)] == [0, 1, 2, 3, 4, 5]


def test_a_target_that_takes_no_batches_gets_one_call_at_a_time() -> None:
    """The hand-written harness knows single calls alone: three submitted at once come back all the same."""
    with Worker(harness(""), LIMITS) as worker:
        worker.submit(call(), call(), call())

        assert all(isinstance(worker.result(), Returned) for _ in range(3))


def test_frames_larger_than_the_pipes_block_neither_side(faulty: Worker) -> None:
    """Two frames of eight calls whose arrays and answers are 1 MB each, more than a pipe holds, submitted at once."""
    image = np.ones((1, 500, 500, 1), np.float32)
    calls = [Call(op="conv2d", arguments={"input": image, "hazard": "none"})] * 8

    faulty.submit(*calls)
    faulty.submit(*calls)

    assert all(isinstance(faulty.result(), Returned) for _ in range(16))
