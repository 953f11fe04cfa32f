"""
A zygote: a process that has imported a target's adapter, and is forked for every worker of it.

To import TensorFlow takes a processor four seconds, to fork a process that has done so a hundredth of one: so cheap is
then the death of a worker. Nothing of the target has run before the fork: its devices, threads and graphs are the
worker's own.

    python -m conformance.targets.transport.zygote conformance.targets.tensorflow.adapter

Its standard input is a socket that keeps messages apart. A request is a worker's specification with the three standard
streams that the worker gets; the answers are "born PID", in the order of the requests, and "died PID CODE".
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.targets.transport import worker

__all__ = ["Forked", "Zygote", "Zygotes"]

LONGEST = 1 << 16  # bytes of a message


class Forked:
    """A forked worker as `subprocess.Popen` would show it."""

    def __init__(self, zygote: "Zygote") -> None:
        self._zygote = zygote
        self.born: int | None = None
        self.returncode: int | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None until it is born."""
        while self.born is None and self._zygote.hear(0):
            pass
        return self.born

    def poll(self) -> int | None:
        """Return its exit code (negative: the signal), None while it lives."""
        while self.returncode is None and self._zygote.hear(0):
            pass
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Return its exit code once it has ended; raises TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while self.returncode is None:
            left = deadline - time.monotonic()
            if left <= 0 or not self._zygote.hear(left):
                raise subprocess.TimeoutExpired("worker", timeout)
        return self.returncode


class Zygote:
    """The suite's end of a zygote."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._unborn: deque[Forked] = deque()
        self._alive: dict[int, Forked] = {}
        self.over = False
        with theirs:
            self._popen = subprocess.Popen(  # noqa: S603 - the interpreter that the user names is the point
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
            )

    def fork(self, specification: str, streams: Sequence[int]) -> Forked:
        """Ask for a worker with these standard streams; raises OSError where the zygote is gone."""
        forked = Forked(self)
        socket.send_fds(self._socket, [specification.encode()], streams)
        self._unborn.append(forked)
        return forked

    def hear(self, timeout: float) -> bool:
        """Take one answer, waiting for it; False if there is none."""
        if self.over or not select.select([self._socket], [], [], timeout)[0]:
            return False
        heard = b""
        with contextlib.suppress(ConnectionError):
            heard = self._socket.recv(LONGEST)
        what, *numbers = heard.split() or [b"over"]
        if what == b"born":
            forked = self._unborn.popleft()
            forked.born = int(numbers[0])
            self._alive[forked.born] = forked
        elif what == b"died":
            self._alive.pop(int(numbers[0])).returncode = int(numbers[1])
        else:  # the kernel ends its workers with it
            self.over = True
            for forked in (*self._unborn, *self._alive.values()):
                forked.returncode = -signal.SIGKILL
        return True

    def close(self) -> None:
        """End it, and with it every worker that still lives."""
        self._popen.kill()
        self._popen.wait()
        self._socket.close()
        self.over = True


class Zygotes:
    """The zygotes of a panel of targets: one for each command and environment, started by the first worker."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], Zygote] = {}

    def close(self) -> None:
        """End all."""
        for zygote in self._known.values():
            zygote.close()
        self._known.clear()

    def fork(
        self, command: tuple[str, ...], environment: Mapping[str, str], specification: str, streams: Sequence[int]
    ) -> Forked:
        """Fork a worker from the zygote of this command and environment; one that has died is replaced."""
        key = command, tuple(sorted(environment.items()))
        known = self._known.get(key)
        if known:
            with contextlib.suppress(ConnectionError):
                return known.fork(specification, streams)
            known.close()
        self._known[key] = Zygote(command, environment)
        return self._known[key].fork(specification, streams)


def main(adapter: str) -> None:
    """Import the adapter, then fork a worker for every request, until there are no more."""
    control = socket.socket(fileno=os.dup(0))
    requests = control.fileno()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    worker.die_with_parent()
    with contextlib.suppress(Exception):  # a worker meets it again, and tells
        importlib.import_module(adapter)
    gc.freeze()  # what is imported is no garbage: a worker that looked through it would copy all its pages
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([requests, woken], [], [])[0]
        if woken in ready:
            os.read(woken, LONGEST)
            tell_deaths(control)
        if requests in ready:
            request, streams, *_ = socket.recv_fds(control, LONGEST, 3)
            if not request:
                return
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                become(streams, (control.detach(), woken, waker))
                worker.main(request.decode())
                return
            for stream in streams:
                os.close(stream)
            control.send(f"born {pid}".encode())


def tell_deaths(control: socket.socket) -> None:
    """Bury every worker that has ended, and tell the suite."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            control.send(f"died {ended[0]} {os.waitstatus_to_exitcode(ended[1])}".encode())


def become(streams: Sequence[int], others: Sequence[int]) -> None:
    """Make a forked process a worker: a session and standard streams of its own, and nothing of the zygote's."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for each in (*streams, *others):
        os.close(each)


if __name__ == "__main__":
    main(sys.argv[1])
