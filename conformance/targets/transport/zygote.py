"""
A zygote: a process that has imported a target's adapter, and is forked for every worker of it.

To import TensorFlow takes a processor four seconds, to fork a process that has done so a hundredth of one: so cheap is
then the death of a worker. Nothing of the target has run before the fork: its devices, threads and graphs are the
worker's own.

    python -m conformance.targets.transport.zygote conformance.targets.tensorflow.adapter

Its standard input is a socket that keeps messages apart. A request is a worker's specification with the three standard
streams that the worker gets; the answers are "born PID", in the order of the requests, and "died PID CODE SECONDS",
where the seconds are of processor time. A request with one file descriptor brings another such socket, for another
process of the suite: the jobs of a run and its search for findings share their zygotes.
"""

import contextlib
import gc
import importlib
import math
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
from types import TracebackType
from typing import Self

from conformance.targets.transport import worker

__all__ = ["Forked", "Zygote", "Zygotes", "used_by"]

LONGEST = 1 << 16  # bytes of a message


class Forked:
    """A forked worker as `subprocess.Popen` would show it."""

    def __init__(self, zygote: "Zygote") -> None:
        self._zygote = zygote
        self.born: int | None = None
        self.returncode: int | None = None
        self.spent = math.inf  # processor seconds, once it has ended and its zygote has told

    @property
    def pid(self) -> int | None:
        """Its process id; None until it is born."""
        while self.born is None and self._zygote.hear(0):
            pass
        return self.born

    def processor_seconds(self) -> float:
        """Return the processor time of it and of its zygote, which imports for it; infinite where nobody says."""
        ended = self.poll() is not None
        own = self.spent if ended else used_by(self.born, ended=False, unsaid=math.inf) if self.born else 0.0
        return own + used_by(self._zygote.process, ended=False, unsaid=math.inf)

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
    """An end of a zygote: of the process that has started it, or of another one."""

    def __init__(self, end: socket.socket, process: int, popen: "subprocess.Popen[bytes] | None" = None) -> None:
        self._socket = end
        self.process = process  # its id
        self._popen = popen  # of who has started it
        self._unborn: deque[Forked] = deque()
        self._alive: dict[int, Forked] = {}
        self._ended = 0.0  # processor seconds of workers that have
        self.over = False

    @classmethod
    def started(cls, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start a zygote."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            popen = subprocess.Popen(  # noqa: S603 - the interpreter that the user names is the point
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
            )
        return cls(ours, popen.pid, popen)

    def shared(self) -> "Zygote":
        """Return an end for another process, without workers; raises OSError where the zygote is gone."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._socket, [b"share"], [theirs.fileno()])
        return Zygote(ours, self.process)

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
        what, *words = heard.split() or [b"over"]
        if what == b"born":
            forked = self._unborn.popleft()
            forked.born = int(words[0])
            self._alive[forked.born] = forked
        elif what == b"died":
            forked = self._alive.pop(int(words[0]))
            forked.returncode, forked.spent = int(words[1]), float(words[2])
            self._ended += forked.spent
        else:  # the kernel ends its workers with it
            self.over = True
            for forked in (*self._unborn, *self._alive.values()):
                forked.returncode = -signal.SIGKILL
        return True

    @property
    def pid(self) -> int | None:
        """Its process id, where this process has started it."""
        return self._popen.pid if self._popen else None

    def seconds(self) -> float:
        """Return the processor time of the workers of this end, and the zygote's own if this process has started it."""
        while self.hear(0):
            pass
        own = used_by(self.pid, ended=False) if self.pid else 0.0
        return own + self._ended + sum(map(used_by, self._alive))

    def close(self) -> None:
        """End its workers that still live, and the zygote itself if this process has started it."""
        if self._popen:
            self._popen.kill()
            self._popen.wait()
        self._socket.close()
        self.over = True


class Zygotes:
    """
    The zygotes of targets, one for each command and environment; a context manager.

    Each is started by `begin`, or by its first worker. Those that are `shared` can be handed to a process that
    `multiprocessing` starts.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], Zygote] = {}

    def __enter__(self) -> Self:
        """Start none yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all."""
        self.close()

    def close(self) -> None:
        """End all that were started here, and the workers of the others that were."""
        for zygote in self._known.values():
            zygote.close()
        self._known.clear()

    def begin(self, command: tuple[str, ...], environment: Mapping[str, str]) -> Zygote:
        """Return the zygote of this command and environment, started where it is not yet."""
        key = command, tuple(sorted(environment.items()))
        if key not in self._known or self._known[key].over:
            self._known[key] = Zygote.started(command, environment)
        return self._known[key]

    def shared(self) -> "Zygotes":
        """Return those that there are for another process."""
        others = Zygotes()
        for key, zygote in self._known.items():
            with contextlib.suppress(ConnectionError):
                others._known[key] = zygote.shared()
        return others

    def owns(self, pid: int) -> bool:
        """Return whether a process is a zygote of these."""
        return any(zygote.pid == pid for zygote in self._known.values())

    def seconds(self) -> float:
        """Return the processor time of their workers, and of those zygotes that this process has started."""
        return sum(zygote.seconds() for zygote in self._known.values())

    def fork(
        self, command: tuple[str, ...], environment: Mapping[str, str], specification: str, streams: Sequence[int]
    ) -> Forked:
        """Fork a worker from the zygote of this command and environment; one that has died is replaced."""
        zygote = self.begin(command, environment)
        try:
            return zygote.fork(specification, streams)
        except ConnectionError:
            zygote.close()
            return self.begin(command, environment).fork(specification, streams)


def used_by(pid: int, *, ended: bool = True, unsaid: float = 0.0) -> float:
    """
    Return the processor time of a process, and of its children that have ended: proc(5), stat.

    unsaid: what is returned where the system does not say.
    """
    try:
        # Its second field, the name in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return unsaid
    return sum(map(int, fields[11 : 15 if ended else 13])) / os.sysconf("SC_CLK_TCK")


def main(adapter: str) -> None:
    """Import the adapter, then serve requests until who has started it ends."""
    owner = socket.socket(fileno=os.dup(0))
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
    controls, workers = {owner.fileno(): owner}, dict[int, socket.socket]()
    while owner.fileno() in controls:
        ready = select.select([*controls, woken], [], [])[0]
        if woken in ready:
            os.read(woken, LONGEST)
            tell_deaths(workers)
        for control in [controls[each] for each in ready if each != woken]:
            specification = serve(control, controls, workers, (woken, waker))
            if specification is not None:
                worker.main(specification)
                return


def serve(
    control: socket.socket,
    controls: dict[int, socket.socket],
    workers: dict[int, socket.socket],
    others: Sequence[int],
) -> str | None:
    """
    Serve one request; return the specification of a worker in the process that is to become it.

    controls: the zygote's ends of its sockets, by file descriptor; workers: by process id, by whom each was asked for;
    others: file descriptors that a worker must not keep.
    """
    request, streams = b"", list[int]()
    with contextlib.suppress(ConnectionError):  # its end was closed, with answers in it
        request, streams, *_ = socket.recv_fds(control, LONGEST, 3)
    if not request:
        del controls[control.fileno()]
        forget(control, workers)
    elif len(streams) == 1:
        controls[streams[0]] = socket.socket(fileno=streams[0])
    elif pid := os.fork():
        for stream in streams:
            os.close(stream)
        workers[pid] = control
        tell(control, f"born {pid}")
    else:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        become(streams, (*(each.detach() for each in controls.values()), *others))
        return request.decode()
    return None


def forget(control: socket.socket, workers: dict[int, socket.socket]) -> None:
    """End the workers of a process of the suite that has ended."""
    for pid in [pid for pid, asker in workers.items() if asker is control]:
        del workers[pid]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    control.close()


def tell(control: socket.socket, message: str) -> None:
    """Tell a process of the suite something; one that has ended is forgotten at its end of file."""
    with contextlib.suppress(ConnectionError):
        control.send(message.encode())


def tell_deaths(workers: dict[int, socket.socket]) -> None:
    """Bury every worker that has ended, and tell who has asked for it."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.wait4(-1, os.WNOHANG))[0]:
            pid, status, used = ended
            if control := workers.pop(pid, None):
                code = os.waitstatus_to_exitcode(status)
                tell(control, f"died {pid} {code} {used.ru_utime + used.ru_stime}")


def become(streams: Sequence[int], others: Sequence[int]) -> None:
    """Make a forked process a worker: a session and standard streams of its own, and nothing of the zygote's."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for each in (*streams, *others):
        os.close(each)


if __name__ == "__main__":
    main(sys.argv[1])
