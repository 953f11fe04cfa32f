"""
A target's worker, kept alive: each call submitted to it ends in exactly one observation, whatever the worker does.

Crash, hang and lack of memory cost the one call that met them: the worker is replaced, and that call is made once more
alone in the fresh one, to tell a fault of the call from one that an earlier call had left behind. The first call of a
worker that crashes was alone. A call that does not end, or runs out of memory, and does neither when it is alone, is
observed as it is alone; so is one that crashes a process which may be damaged. Calls that were submitted after it are
made by the fresh one.
"""

from collections import deque
from dataclasses import replace
from types import TracebackType
from typing import Self

from conformance.model import Crashed, Observation, OutOfMemory, Raised, Returned, TimedOut, inside
from conformance.targets.transport.messages import Call, Ready
from conformance.targets.transport.process import Limits, Start
from conformance.targets.transport.session import Session, StartError
from conformance.targets.transport.zygote import Zygotes

__all__ = ["Limits", "Worker"]

CHECK_EVERY = 64  # calls between two looks at how much memory a worker has gathered
ATTEMPTS = 2  # to start a worker
HURRY = 10  # of the usual time, so small a part has a call that may not end

# What oneDNN says once it could not make the code of a kernel. It remembers that error and makes no code from then on
# (docs/known-divergences.md): the calls that follow would be blamed.
SPOILT = "could not create a primitive,"


class Worker:
    """
    One target's worker, as a context manager: `submit` calls, do other work meanwhile, take the `result` of each.

    It must not outlive the thread that starts it: the worker's processes end with that thread.
    """

    def __init__(
        self, start: Start, limits: Limits | None = None, *, confirm: bool = True, zygotes: Zygotes | None = None
    ) -> None:
        self.start = start
        self.limits = (limits or Limits()).extended(start.patience)
        self.confirm = confirm  # whether a call that ended its worker is made once more, alone
        self.calls = 0  # whose results were taken
        self.starts = 0  # of processes
        self.damaged = False  # whether a call may have written where it should not: to be renewed, or not blamed
        self.idle_deaths: list[Observation] = []  # of processes that died between calls, by nobody's call
        self._zygotes = zygotes or Zygotes()
        self._owned = zygotes is None  # its zygotes end with it
        self._session: Session | None = None
        self._pending: deque[Call] = deque()  # submitted, their results not yet taken
        self._hurried = False  # whether they have less time than usual

    def __enter__(self) -> Self:
        """Start the process; `ready` waits for it."""
        self.renew()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process now; no zombie is left."""
        self._end()
        self._pending.clear()
        if self._owned:
            self._zygotes.close()

    def _end(self) -> None:
        """End the session that is going on."""
        if self._session:
            self._session.close()
        self._session = None

    def renew(self) -> Session:
        """Replace the process by a fresh one, which starts while the suite goes on; return the session with it."""
        self._end()
        self.starts += 1
        self.damaged = False
        self._session = Session(self.start, self.limits, self._zygotes)
        return self._session

    def _ready_session(self) -> Session:
        """Return a session that can be called."""
        session = self._session or self.renew()
        for _ in range(ATTEMPTS - 1):
            try:
                session.ready()
            except StartError:
                session = self.renew()
        session.ready()
        return session

    def ready(self) -> Ready:
        """
        Wait until the target is ready, and return what it says of itself.

        Raises:
            UsageError: what was asked for does not exist. StartError: the worker does not start.
        """
        return self._ready_session().ready()

    def run(self, call: Call) -> Observation:
        """Make one call and wait for what becomes of it."""
        self.submit(call)
        return self.result()

    def submit(self, *calls: Call, hurried: bool = False) -> None:
        """
        Send calls, to be made one after another.

        hurried: where none waits, whether each has but a part of the usual time; then none is made again if it ends the
        worker.
        """
        seconds = self.limits.seconds / HURRY if hurried else None
        session = self._ready_session()
        if not session.send(calls, seconds) and not self._pending:
            # It died between the calls. Whatever ended it, these have not, and shall not be blamed.
            self.idle_deaths.append(session.receive())
            self.renew()
            self._ready_session().send(calls, seconds)
        self._pending.extend(calls)
        self._hurried = hurried

    def result(self) -> Observation:
        """Return what became of the first of the calls whose result has not been taken."""
        session = self._session
        if not self._pending or not session:
            raise RuntimeError("no call was submitted")
        alone = session.unused
        observation = session.receive()
        call = self._pending.popleft()
        self.calls += 1
        if session.over:
            damaged = self.damaged
            self.renew()
            if alone and isinstance(observation, Crashed):
                observation = replace(observation, again=True)
            elif self.confirm and not self._hurried:
                observation = self._confirmed(call, observation, blamed=not damaged)
            self._resubmit()
            return observation
        gathered = self.calls % CHECK_EVERY == 0 and session.gathered > self.limits.recycle
        if gathered or (isinstance(observation, Raised) and SPOILT in observation.message):
            self.renew()
            self._resubmit()
        return observation

    def _resubmit(self) -> None:
        """Send the calls that the last process has not made to the fresh one."""
        if self._pending:
            self._ready_session().send(list(self._pending))

    def _confirmed(self, call: Call, observation: Observation, *, blamed: bool) -> Observation:
        """
        Make the call alone in the fresh worker, and say of the observation whether it ended that one, too.

        blamed: whether a crash is the call's where it does not crash alone.
        """
        session = self._ready_session()
        session.send([call])
        alone = session.receive()
        self.renew()  # if it has not died this time, it may be damaged
        spent = inside(observation) + inside(alone)
        if isinstance(alone, Returned | Raised) and not (blamed and isinstance(observation, Crashed)):
            return replace(alone, cpu_seconds=spent, again=False)
        if isinstance(observation, Crashed | TimedOut | OutOfMemory):
            return replace(observation, cpu_seconds=spent, again=isinstance(alone, type(observation)))
        return observation
