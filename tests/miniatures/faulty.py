"""
A misbehaving target: conv2d(input, hazard="abort") aborts, hazard="none" returns the input.

Beside the hazards of the self-test it has others. The other functions have one fault each.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

import reference
from conformance.selftest import hazards

Array = np.ndarray[Any, np.dtype[Any]]


def leave() -> NoReturn:
    """Leave as a script does."""
    sys.exit(3)


def interrupt() -> NoReturn:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def lack() -> NoReturn:
    """Say that there is no such thing here."""
    raise NotImplementedError("not here")


def gorge() -> list[Array]:
    """Ask for memory without end, and write into it."""
    return [np.ones(1 << 20) for _ in range(1 << 20)]


def die_later() -> None:
    """Answer, then die."""
    threading.Timer(0.05, os._exit, [9]).start()


def spoil() -> NoReturn:
    """Fail as oneDNN does, for good."""
    STATE[0] = -1
    raise RuntimeError("Status: 5, message: could not create a primitive, in file mkl_avgpooling_op.cc:183")


def divide() -> None:
    """Raise SIGFPE as a division by zero in compiled code does."""
    signal.raise_signal(signal.SIGFPE)


def write_beyond() -> None:
    """Write 16 bytes more than a buffer has, and free it."""
    libc = ctypes.CDLL(None)
    buffers = [ctypes.c_void_p() for _ in range(64)]  # so many that others of them are neighbours
    for buffer in buffers:
        libc.posix_memalign(ctypes.byref(buffer), ctypes.c_size_t(64), ctypes.c_size_t(1000))
    for buffer in buffers:
        ctypes.memset(buffer, 1, 1016)
    for buffer in buffers:
        libc.free(buffer)


def compute_and_die() -> NoReturn:
    """Use 0.2 s of processor time, then abort."""
    ends = time.process_time() + 0.2
    while time.process_time() < ends:
        pass
    os.abort()


def wait_unless_first() -> None:
    """Sleep without end, but in a process whose first call it is."""
    STATE[1] += 1
    if STATE[1] > 1:
        hazards.HAZARDS["hang"]()


HAZARDS: Mapping[str, Callable[[], object]] = {
    **hazards.HAZARDS,
    "none": lambda: None,
    "divide": divide,
    "exit 7": lambda: os._exit(7),
    "nap": lambda: time.sleep(0.2),
    "spin": lambda: sum(iter(int, 1)),
    "sys.exit": leave,
    "interrupt": interrupt,
    "lack": lack,
    "gorge": gorge,
    "compute and die": compute_and_die,
    "die later": die_later,
    "spoil": spoil,
    "hang later": wait_unless_first,
    "write beyond": write_beyond,
}

RESULTS: Mapping[str, Callable[[], object]] = {
    "objects": lambda: np.array([None, "a"], dtype=object),
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "nothing": lambda: None,
    "text": lambda: np.array(["a", "b", "c"]),
}


def conv2d(input: Array, hazard: str = "none") -> object:
    """Misbehave, then return the input, or what the hazard is to return."""
    if hazard in RESULTS:
        return RESULTS[hazard]()
    HAZARDS["none" if STATE[0] >= 0 else "spoil"]()
    HAZARDS[hazard]()
    return input


STATE = np.zeros(2)


def max_pool(input: Array) -> Array:  # noqa: ARG001 - called as in tf.nn
    """Return other bits each time, in the same memory."""
    STATE[0] += 1
    return STATE[:1]


def max_pool_with_argmax(input: Array) -> tuple[Array, Array]:
    """Return two arrays."""
    return input, np.zeros(input.shape, np.int64)


def dropout(x: Array) -> Array:
    """Write into the argument."""
    x[...] = 0
    return x


def as_named(name: str = "none", **call: Any) -> object:  # noqa: ANN401 - called as tf.nn.max_pool
    """Misbehave as the call's name says, then return the right result."""
    if name in RESULTS:
        return RESULTS[name]()
    HAZARDS[name]()
    return reference.max_pool(**call)


named = SimpleNamespace(max_pool=as_named)  # a target of its own: faulty:named
