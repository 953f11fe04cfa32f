"""
A target that does what its calls say: conv2d(input, deed="abort") aborts, deed="none" returns the input.

The other functions have one fault each.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

import reference

Array = np.ndarray[Any, np.dtype[Any]]


class SilentError(Exception):
    """An exception whose message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no message")


def raises_silently() -> NoReturn:
    """Raise what cannot be printed."""
    raise SilentError


def recurse() -> int:
    """Recurse without end."""
    return recurse() + 1


def exits() -> NoReturn:
    """Leave as a script does."""
    sys.exit(3)


def interrupts() -> NoReturn:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def lacks() -> NoReturn:
    """Say that there is no such thing here."""
    raise NotImplementedError("not here")


def gorge() -> list[Array]:
    """Ask for memory without end, and write into it."""
    return [np.ones(1 << 20) for _ in range(1 << 20)]


def gorge_at_once() -> Array:
    """Ask for more memory than there is, in one piece."""
    return np.ones(1 << 50)


def close_pipes() -> None:
    """Close every pipe and stay alive."""
    os.closerange(3, 64)
    time.sleep(60)


def print_much() -> None:
    """Write to standard output, by Python and past it, more than a pipe holds."""
    for _ in range(2000):
        print("x" * 1000)  # noqa: T201 - the deed
    os.write(1, b"CNF1" * 1000)


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


DEEDS: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "divide": divide,
    "exit": lambda: os._exit(7),
    "exit well": lambda: os._exit(0),
    "nap": lambda: time.sleep(0.2),
    "hang": lambda: time.sleep(60),
    "spin": lambda: sum(iter(int, 1)),
    "raise silently": raises_silently,
    "recurse": recurse,
    "sys.exit": exits,
    "interrupt": interrupts,
    "lack": lacks,
    "gorge": gorge,
    "gorge at once": gorge_at_once,
    "close pipes": close_pipes,
    "print": print_much,
    "die later": die_later,
    "spoil": spoil,
}

RESULTS: dict[str, Callable[[], object]] = {
    "objects": lambda: np.array([None, "a"], dtype=object),
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "nothing": lambda: None,
    "text": lambda: np.array(["a", "b", "c"]),
}


def conv2d(input: Array, deed: str = "none") -> object:
    """Do the deed, then return the input (or what the deed is to return)."""
    if deed in RESULTS:
        return RESULTS[deed]()
    DEEDS["none" if STATE[0] >= 0 else "spoil"]()
    DEEDS[deed]()
    return input


STATE = np.zeros(1)


def max_pool(input: Array) -> Array:  # noqa: ARG001 - called as in tf.nn
    """Return other bits each time, in the same memory."""
    STATE[0] += 1
    return STATE


def max_pool_with_argmax(input: Array) -> tuple[Array, Array]:
    """Return two arrays."""
    return input, np.zeros(input.shape, np.int64)


def dropout(x: Array) -> Array:
    """Write into the argument."""
    x[...] = 0
    return x


def as_named(name: str = "none", **call: Any) -> object:  # noqa: ANN401 - called as tf.nn.max_pool
    """Do the deed that the call is named after, then do what is right."""
    if name in RESULTS:
        return RESULTS[name]()
    DEEDS[name]()
    return reference.max_pool(**call)


named = SimpleNamespace(max_pool=as_named)  # a target of its own: faulty:named
