"""One worker process from start to end, as calls and observations. It never raises for what a target does in a call."""

import math
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from conformance.errors import SuiteError, UsageError
from conformance.model import Crashed, Observation, OutOfMemory, TimedOut, inside
from conformance.targets.transport import messages, protocol
from conformance.targets.transport.messages import Call, Ready, Refused
from conformance.targets.transport.process import Deadline, Limits, MemoryLimitError, Process, Start
from conformance.targets.transport.zygote import Zygotes

__all__ = ["Session", "StartError"]

LATE = 1.0  # seconds that an answer still has once it is asked for, however late the suite is to ask
FAULTS = (EOFError, BrokenPipeError, TimeoutError, MemoryLimitError, protocol.ProtocolError)


class StartError(SuiteError):
    """A worker did not start: says why, with the end of what it had printed."""


class Session:
    """A worker process. Once it is `over`, by a fault of the target or by `close`, nothing more can be sent."""

    def __init__(self, start: Start, limits: Limits, zygotes: Zygotes) -> None:
        self.start = start
        self.limits = limits
        self.over = False
        self._ready: Ready | None = None
        self._base = 0  # resident bytes when it was ready
        self._seconds = limits.seconds  # that a call which is going on may take
        self._unsent: deque[Call] = deque()
        self._sent = self._answered = 0  # calls
        self._began, self._used = time.monotonic(), 0.0  # the wait that is going on; the worker's processor time before
        self._fault: Exception | None = None  # met in sending, told once what was sent before it is answered
        self._whole = 0  # calls sent before it
        try:
            self._process = Process(start, zygotes)
        except OSError as error:
            raise UsageError(f"target {start.name}: cannot run {start.command[0]}: {error.strerror}") from error
        self._send(messages.hello(limits.memory), limits.start_seconds)

    def ready(self) -> Ready:
        """
        Wait until the target is ready, and return what it says of itself.

        Raises:
            UsageError: what was asked for does not exist. StartError: the worker does not start.
        """
        if self._ready:
            return self._ready
        try:
            state = messages.parse_start(self._read(self.limits.start_seconds))
        except FAULTS as fault:
            code, tail = self._bury(fault)
            ending = f"{type(fault).__name__} {fault}".strip() + ("" if code is None else f", exit code {code}")
            raise StartError(f"target {self.start.name}: no worker: {ending}\n{tail}".rstrip()) from fault
        if isinstance(state, Refused):
            self.close()
            kind = UsageError if state.usage else StartError
            raise kind(f"target {self.start.name}: {state.reason}")
        self._ready = state
        self._base = self._process.resident()
        return state

    @property
    def unused(self) -> bool:
        """Whether it has answered no call yet."""
        return not self._answered

    @property
    def gathered(self) -> int:
        """Bytes of memory that the worker holds beyond what it held when it was ready."""
        return self._process.resident() - self._base

    def send(self, calls: Sequence[Call], seconds: float | None = None) -> bool:
        """
        Send calls, beside those that wait for their answers; False if the worker had closed its pipe before.

        A target that takes no batches gets one at a time, the next once the last is answered. seconds: what each may
        take; by default what the limits say.
        """
        self._seconds = self.limits.seconds if seconds is None else seconds
        self._unsent.extend(calls)
        self._send_on()
        return not isinstance(self._fault, BrokenPipeError)

    def _send_on(self) -> None:
        """Send what is unsent, as far as the target takes it."""
        if self.ready().batches:
            self._send_calls(list(self._unsent))
        elif self._answered == self._sent:
            self._send_calls([self._unsent[0]])

    def _send_calls(self, calls: Sequence[Call]) -> None:
        self._whole = self._sent
        self._sent += len(calls)
        for _ in calls:
            self._unsent.popleft()
        self._send(messages.calls(self._whole + 1, calls), self._seconds)

    def _send(self, message: protocol.Frame, seconds: float) -> None:
        data = protocol.encode(message)
        now, used = time.monotonic(), self._process.processor_seconds()
        if self._answered == self._whole:
            self._began, self._used = now, used
        try:
            self._process.send(data, Deadline(seconds=seconds, began=now, used=used), self._room)
        except FAULTS as fault:
            self._fault = fault

    def receive(self) -> Observation:
        """Return what became of the next call; a crash, a hang and a lack of memory end the session."""
        try:
            observation = messages.parse_answer(self._read(self._seconds), self._answered + 1)
        except FAULTS as fault:
            return self._ended(fault)
        if isinstance(observation, OutOfMemory):
            observation = replace(observation, cpu_seconds=self._spent)
            self.close()  # what the call has left is unknown
            return observation
        self._answered += 1
        if self._answered < self._sent:
            self._wait_on(observation)
        if self._unsent:
            self._send_on()
        return observation

    def _wait_on(self, last: Observation) -> None:
        """Begin to wait for the next answer; the processor time before it is asked for once a frame, then added up."""
        self._began = time.monotonic()
        self._used = self._process.processor_seconds() if self._answered == self._whole else self._used + inside(last)

    def _ended(self, fault: Exception) -> Observation:
        """Bury the process, and say how its call ended."""
        elapsed, spent = self._elapsed, self._spent
        if isinstance(fault, TimeoutError | MemoryLimitError):
            self.close()
            hung = isinstance(fault, TimeoutError)
            return TimedOut(elapsed, spent) if hung else OutOfMemory(str(fault), elapsed, spent)
        code, tail = self._bury(fault)
        broken = f"broke the protocol: {fault}" if isinstance(fault, protocol.ProtocolError) else ""
        if code is None:
            code, broken = -signal.SIGKILL, broken or "closed its pipes and went on: killed"
        return Crashed(code, tail, elapsed, broken, spent)

    def close(self) -> None:
        """End the process now."""
        if not self.over:
            self._process.bury(0)
        self.over = True

    def _bury(self, fault: Exception) -> tuple[int | None, str]:
        """End the process; whoever closed its pipes gets a moment to end by itself, so that its exit code is known."""
        self.over = True
        return self._process.bury(self.limits.grace if isinstance(fault, EOFError | BrokenPipeError) else 0)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def _spent(self) -> float:
        """Processor seconds of the call that is waited for; 0 where the system does not say."""
        spent = self._process.processor_seconds() - self._used
        return max(spent, 0.0) if math.isfinite(spent) else 0.0

    @property
    def _room(self) -> int:
        """Resident bytes past which the worker holds too much."""
        return self._base + self.limits.memory

    def _read(self, seconds: float) -> protocol.Frame:
        if self._fault and self._answered == self._whole:
            raise self._fault
        late = time.monotonic() + min(LATE, seconds)
        deadline = Deadline(seconds=seconds, began=self._began, used=self._used, late=late)
        return protocol.read(partial(self._process.fill, deadline=deadline, memory=self._room))
