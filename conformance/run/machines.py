"""The machines of a run: what each offers, and which did which shard."""

import importlib.metadata
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from conformance.errors import UsageError
from conformance.run.store import Store
from conformance.targets import machine

__all__ = ["FILE", "Machines", "condition", "offers"]

FILE = "machines.json"
SCHEMA = 1
WRITE_EVERY = 5.0  # seconds: what is not yet written when a run is killed is not known later
TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu")  # distributions that have one


def offers() -> tuple[str, ...]:
    """Return what this machine offers to a plan that asks for some: instruction sets, and releases of TensorFlow."""
    flags = machine.cpu_flags()
    levels = [f"isa={name.lower()}" for name in machine.ISA_LEVELS if machine.required(name) <= flags]
    return (*levels, *(f"tensorflow={version}" for name in TENSORFLOWS if (version := _installed(name))))


def _installed(name: str) -> str:
    """Return the version of a distribution; "" where there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def condition(text: str) -> str:
    """
    Return what a plan asks for, as machines offer it.

    Raises:
        UsageError: no machine offers anything of this name.
    """
    name, _, value = text.lower().partition("=")
    levels = [level.lower() for level in machine.ISA_LEVELS]
    if (name == "isa" and value in levels) or (name == "tensorflow" and value):
        return f"{name}={value}"
    raise UsageError(f"--on {text}: tensorflow=VERSION, or isa= one of {', '.join(levels)}")


class Machines:
    """Which machine did which shard, in a run's folder: a context manager, at whose end all of it is written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        kept = store.read_json(FILE) if (store.folder / FILE).exists() else {"machines": [], "shards": {}}
        self._machines: list[Mapping[str, Any]] = kept["machines"]
        self._shards: dict[str, int] = kept["shards"]
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is known."""
        self._write()

    def add(self, shard: str, did: Mapping[str, Any]) -> None:
        """Record who did a shard."""
        known = json.loads(json.dumps(did))  # as it will be read
        if known not in self._machines:
            self._machines.append(known)
        self._shards[shard] = self._machines.index(known)
        if time.monotonic() - self._written > WRITE_EVERY:
            self._write()

    def _write(self) -> None:
        """Write the file whole."""
        data = {"schema": SCHEMA, "machines": self._machines, "shards": dict(sorted(self._shards.items()))}
        self._store.write_json(FILE, data)
        self._written = time.monotonic()
