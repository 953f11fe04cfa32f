"""A misbehaving target: max_pool(name="abort") aborts, and so on; a call of another name is the reference's."""

import ctypes
import os
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np

import reference
from conformance.model import Array

__all__ = ["HAZARDS", "max_pool"]


class SilentError(Exception):
    """An exception whose message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no message")


def raise_silently() -> NoReturn:
    """Raise what cannot be printed."""
    raise SilentError


def recurse() -> int:
    """Recurse without end."""
    return recurse() + 1


def print_much() -> None:
    """Write more to standard output than a pipe holds, by Python and past it, and what looks like an answer."""
    for _ in range(2000):
        print("x" * 1000)  # noqa: T201 -- the hazard
    os.write(1, b"CNF1" * 1000)


def close_pipes() -> None:
    """Close every pipe and stay alive."""
    os.closerange(3, 64)
    time.sleep(60)


HAZARDS: Mapping[str, Callable[[], object]] = {
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(0),
    "close pipes": close_pipes,
    "hang": lambda: time.sleep(60),
    "ask for all memory": lambda: np.ones(1 << 50),
    "raise silently": raise_silently,
    "recurse": recurse,
    "print": print_much,
}


def max_pool(name: str = "", **call: object) -> Array:
    """Misbehave as the call's name says, then return the right result."""
    if name in HAZARDS:
        HAZARDS[name]()
    return reference.max_pool(**call)  # type: ignore[arg-type]
