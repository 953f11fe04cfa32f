"""
A worker's process seen from the suite: started, spoken to with deadlines, watched, and buried.

No wait here is without a deadline, and standard error is read in every wait, so that neither side ever blocks for good.
"""

import contextlib
import fcntl
import math
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.targets.transport.zygote import Forked, Zygotes, used_by

__all__ = ["Deadline", "Limits", "MemoryLimitError", "Process", "Start", "told"]

BURIAL = 10.0  # seconds that a killed process has to end
TAIL = 1 << 14  # bytes of standard error that are kept while the process lives
TOLD = 2048  # characters each that are kept of what was printed before Python told of its end, and of that
TICK = 0.02  # seconds between two looks at the worker's memory
PIPE = 1 << 20  # bytes that a pipe holds, where the system lets us ask
CHUNK = 1 << 16  # bytes read at once
PAGE = os.sysconf("SC_PAGE_SIZE")
PATIENCE = 6  # limits that a wait may last on a machine that gives the worker little processor time
IDLE = 0.02  # share of a processor below which a worker waits for something else


class MemoryLimitError(Exception):
    """The worker holds more memory than it may: says how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a worker is started: what to run, with exactly which environment."""

    name: str  # of the target
    command: tuple[str, ...]
    environment: Mapping[str, str]
    zygote: tuple[str, ...] = ()  # what to run instead, and to fork for this worker
    specification: str = ""  # of the worker that the zygote becomes
    patience: float = 1.0  # how many times longer it may take: where its processor is emulated


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a worker may take."""

    seconds: float = 10.0  # for one call, tracing and compiling included; of processor time, too, where it is starved
    start_seconds: float = 120.0  # from start to ready: importing TensorFlow takes 4 to 15
    grace: float = 1.0  # seconds to end by itself once it has closed its pipes
    memory: int = 4 << 30  # bytes that calls may add to what the worker held when it was ready
    recycle: int = 1 << 30  # bytes that it may gather over many calls before it is replaced by a fresh one

    def extended(self, times: float) -> "Limits":
        """Return the limits with so many times the time."""
        return replace(self, seconds=self.seconds * times, start_seconds=self.start_seconds * times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """
    When a wait for a worker is over: by the clock, and later where the machine gives the worker no processor.

    A machine that is busy with other work is no fault of the call that waits for it.
    """

    seconds: float  # of the limit
    began: float  # of time.monotonic
    used: float = 0.0  # processor seconds of the worker when the wait began
    late: float = 0.0  # of time.monotonic: not over before

    @property
    def at(self) -> float:
        """When it is over by the clock."""
        return max(self.began + self.seconds, self.late)

    def passed(self, now: float, used: float) -> bool:
        """
        Return whether the wait is over; used: processor seconds of the worker until now.

        Past the limit a worker goes on that has computed, and less than the limit: neither idle nor too slow.
        """
        spent, elapsed = used - self.used, now - self.began
        starved = IDLE * elapsed < spent < self.seconds
        return now >= self.at and not (starved and elapsed < PATIENCE * self.seconds)


def launched(start: Start, zygotes: Zygotes) -> tuple["subprocess.Popen[bytes] | Forked", Sequence[int]]:
    """Start a worker with three pipes; return it, and the suite's ends of its standard input, output and error."""
    (inlet, stdin), (stdout, outlet), (stderr, errors) = os.pipe(), os.pipe(), os.pipe()
    theirs = (inlet, outlet, errors)
    try:
        if start.zygote:
            forked = zygotes.fork(start.zygote, start.environment, start.specification, theirs)
            return forked, (stdin, stdout, stderr)
        popen = subprocess.Popen(  # noqa: S603 - running what the user names is the point
            start.command,
            stdin=inlet,
            stdout=outlet,
            stderr=errors,
            env=dict(start.environment),
            start_new_session=True,
        )
    except OSError:
        for fd in (stdin, stdout, stderr):
            os.close(fd)
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    return popen, (stdin, stdout, stderr)


def told(printed: str) -> str:
    r"""
    Return of what a process printed the end, and where it died: the innermost calls, without the modules it had loaded.

    >>> told("Check failed: n > 0\nFatal Python error: Aborted\n  File a\n\nExtension modules: numpy (total: 1)")
    'Check failed: n > 0\nFatal Python error: Aborted\n  File a\n'
    """
    before, mark, after = printed.rpartition("Fatal Python error")
    died = (mark + after).partition("\nExtension modules:")[0]
    return before[-TOLD:] + died[:TOLD] if mark else printed[-TOLD:]


class Process:
    """
    One process with three pipes. The protocol runs on its standard input and output.

    It leads a session of its own: Ctrl-C reaches the suite alone, and killing it kills what it has started.
    """

    def __init__(self, start: Start, zygotes: Zygotes) -> None:
        self._popen, (self.stdin, self.stdout, self.stderr) = launched(start, zygotes)
        self._tail = bytearray()
        self._inbox = memoryview(b"")  # read, and not yet asked for
        self._waits = {self.stdin: select.poll(), self.stdout: select.poll()}
        for fd, poll in self._waits.items():
            poll.register(fd, select.POLLOUT if fd == self.stdin else select.POLLIN)
            poll.register(self.stderr, select.POLLIN)
        self._waits[self.stdin].register(self.stdout, select.POLLIN)
        for fd in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(fd, False)
            # Fewer turns between the two processes for large arrays; refused where the user's pipes are many.
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE)

    def send(self, data: bytes, deadline: Deadline, memory: int) -> None:
        """
        Write all of it, taking what the worker writes meanwhile: neither waits for the other for good.

        Raises:
            BrokenPipeError: the worker has closed its end. TimeoutError: the deadline has passed.
            MemoryLimitError: the worker holds more than `memory` bytes.
        """
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.stdin, view) :]
            except BlockingIOError:
                self._wait(self.stdin, deadline, memory)

    def fill(self, view: memoryview, deadline: Deadline, memory: int) -> None:
        """
        Read until the view is full; what has already arrived is taken even past the deadline.

        Raises:
            EOFError: the worker has closed its end. TimeoutError, MemoryLimitError: as of `send`.
        """
        while view:
            if not self._inbox:
                self._receive(deadline, memory)
            count = min(len(view), len(self._inbox))
            view[:count], self._inbox = self._inbox[:count], self._inbox[count:]
            view = view[count:]

    def _receive(self, deadline: Deadline, memory: int) -> None:
        """Take what the worker has written, waiting for some."""
        while True:
            try:
                self._inbox = memoryview(os.read(self.stdout, CHUNK))
            except BlockingIOError:
                self._wait(self.stdout, deadline, memory)
                continue
            if not self._inbox:
                raise EOFError
            return

    def _wait(self, fd: int, deadline: Deadline, memory: int) -> None:
        """Wait until fd can be used, reading standard error meanwhile."""
        poll = self._waits[fd]
        while True:
            now = time.monotonic()
            over = now >= deadline.at and deadline.passed(now, self.processor_seconds())
            ready = [other for other, _ in poll.poll(0 if over else TICK * 1000)]
            if self.stderr in ready and not self._drain():
                poll.unregister(self.stderr)  # closed: it would be ready for ever
            if fd in ready:
                return
            if self.stdout in ready and not self._take():
                poll.unregister(self.stdout)
            if over:
                raise TimeoutError
            if not ready and (held := self.resident()) > memory:
                raise MemoryLimitError(f"held {held >> 20} MiB, more than {memory >> 20} MiB")

    def _take(self) -> bool:
        """Keep what the worker has written for `fill`; False once its end is closed."""
        chunk = os.read(self.stdout, CHUNK)
        self._inbox = memoryview(bytes(self._inbox) + chunk)
        return bool(chunk)

    def _drain(self) -> bool:
        """Read what stands in standard error, keep its end; False once it is closed."""
        try:
            chunk = os.read(self.stderr, CHUNK)
        except BlockingIOError:
            return True
        self._tail = (self._tail + chunk)[-TAIL:]
        return bool(chunk)

    def resident(self) -> int:
        """Return how many bytes of memory the process holds; 0 where the system does not say."""
        try:
            return int(Path(f"/proc/{self._popen.pid}/statm").read_bytes().split()[1]) * PAGE
        except (OSError, IndexError):
            return 0

    def processor_seconds(self) -> float:
        """Return the processor time that the process has used, its zygote's included; infinite where nobody says."""
        if isinstance(self._popen, Forked):
            return self._popen.processor_seconds()
        return used_by(self._popen.pid, ended=False, unsaid=math.inf)

    def bury(self, grace: float) -> tuple[int | None, str]:
        """
        End the process and everything it has started, and leave no zombie.

        Returns the exit code (negative: the signal) if it ended by itself within `grace` seconds, else None; and the
        end of what it had printed to standard error.
        """
        code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._popen.wait(grace) if grace else self._popen.poll()
        if self._popen.pid:  # else it is not born yet, and will find its pipes closed
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(BURIAL)
        while select.select([self.stderr], [], [], 0)[0] and self._drain():
            pass
        for fd in (self.stdin, self.stdout, self.stderr):
            os.close(fd)
        return code, told(self._tail.decode(errors="replace"))
