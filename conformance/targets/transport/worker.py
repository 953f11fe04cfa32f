"""
A worker: the process in which a target runs. It reads calls, makes them, and answers with what happened.

    python -m conformance.targets.transport.worker '{"adapter": "module", "options": {...}, "limited": true}'

The adapter is a module of `conformance.targets.adapter`. `limited` says whether the memory limit in hello is set on
the process itself, too: not with a GPU, whose driver reserves more than any. The process outlives neither the end of
its standard input nor its parent.
"""

import ctypes
import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conformance.model import Array, Observation, OutOfMemory, Raised, Returned, Unsupported
from conformance.targets import machine
from conformance.targets.adapter import Adapter, NoSuchPluginError, NotOfferedError, Prepared
from conformance.targets.transport import messages, protocol
from conformance.targets.transport.messages import Call, Ready, Refused

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(specification: str) -> None:
    """Serve calls until standard input ends."""
    channel = Channel()
    die_with_parent()
    faulthandler.enable(all_threads=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    spec = json.loads(specification)
    memory = messages.parse_hello(channel.receive())
    try:
        adapter: Adapter = importlib.import_module(spec["adapter"]).load(spec["options"])
        about = {"machine": machine.described(), **adapter.about()}
        channel.send(messages.start(Ready(about, batches=True)))
    except Exception as error:  # noqa: BLE001 - whatever a target's import raises
        channel.send(messages.start(Refused(describe(error), isinstance(error, NoSuchPluginError))))
        return
    if spec["limited"]:
        limit_memory(memory)
    serve(channel, adapter)


class Channel:
    """
    The pipes to the suite, moved away from file descriptors 0 and 1.

    What the target prints goes to standard error; what it reads is empty. So neither breaks the protocol.
    """

    def __init__(self) -> None:
        self._requests = os.fdopen(os.dup(0), "rb")
        self._answers = os.fdopen(os.dup(1), "wb")
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)

    def receive(self) -> protocol.Frame:
        """Read one message; the end of the stream ends the process."""
        return protocol.read(self._fill)

    def _fill(self, view: memoryview) -> None:
        if self._requests.readinto(view) < len(view):
            sys.exit(0)

    def send(self, message: protocol.Frame) -> None:
        """Write one message."""
        self._answers.write(protocol.encode(message))
        self._answers.flush()


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends: a call that hangs reads no end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(room: int) -> None:
    """Let this process allocate `room` bytes more than it holds now; more fails, before the machine runs short."""
    status = Path("/proc/self/status")
    if status.exists():
        (held,) = (int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (held + room, held + room))


def serve(channel: Channel, adapter: Adapter) -> None:
    """Answer one call after another, each as soon as it is made."""
    while True:
        for number, call in messages.parse_calls(channel.receive()):
            observation = observe(adapter, call)
            channel.send(messages.answer(number, observation))
            sizes = [array.nbytes for array in observation.arrays] if isinstance(observation, Returned) else []
            del call, observation  # the next call finds this one's memory, spoilt
            adapter.spoil(sizes)


def observe(adapter: Adapter, call: Call) -> Observation:
    """Make one call and say what happened; nothing that it raises goes further."""
    started, idle = time.perf_counter(), time.process_time()
    try:
        prepared = adapter.prepare(call)
        tracing = min(prepared.trace_seconds, time.process_time() - idle)
        begun, busy = time.perf_counter(), time.process_time()
        result = prepared.run()
        seconds, used = time.perf_counter() - begun, time.process_time() - busy
        arrays = tuple(as_array(entry) for entry in adapter.arrays(result))
        repeatable = repeats(adapter, prepared, arrays) if call.repeat else None
    except NotOfferedError as error:
        return Unsupported(describe(error))
    except MemoryError as error:
        return OutOfMemory(describe(error), time.perf_counter() - started)
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are what the target raised, too
        spent = time.perf_counter() - started, time.process_time() - idle
        return Raised(qualified(type(error)), describe(error), *spent)
    used = tracing + used * (1 + call.repeat)
    return Returned(arrays, seconds, repeatable, prepared.trace_seconds, used, prepared.kernels())


def as_array(entry: object) -> Array:
    """Return what the target gave as an array; what is none becomes an object without shape."""
    try:
        return np.asarray(entry)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - __array__ of a foreign object may raise anything
        return np.array(None, dtype=object)


def repeats(adapter: Adapter, prepared: Prepared, arrays: Sequence[Array]) -> bool:
    """Run the call again and say whether it gave the same bits."""
    before = [bits(array) for array in arrays]  # first: the target may return the same memory twice
    try:
        again = [bits(as_array(entry)) for entry in adapter.arrays(prepared.run())]
    except Exception:  # noqa: BLE001 - it did not raise the first time
        return False
    return before == again


def bits(array: Array) -> tuple[str, tuple[int, ...], bytes]:
    """Return dtype, shape and bytes."""
    return array.dtype.str, array.shape, array.tobytes()


def qualified(kind: type[BaseException]) -> str:
    """Return a type's name with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def describe(error: BaseException) -> str:
    """Return an exception's message, even where asking for it raises."""
    try:
        return str(error)
    except BaseException as second:  # noqa: BLE001 - a target's own __str__
        return f"(its message cannot be had: str() raised {qualified(type(second))})"


if __name__ == "__main__":
    main(*sys.argv[1:])
