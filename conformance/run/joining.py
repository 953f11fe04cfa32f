"""The parts of a plan that were run apart, put together as the one run that they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.run.machines import Machines
from conformance.run.store import Store

__all__ = ["joined"]

APART = ("part", "jobs")  # options in which the parts of one plan may differ


def joined(parts: Sequence[Path], out: Path) -> Store:
    """
    Put what all parts of a plan have observed into a new folder: a run that is done but for its findings.

    Raises:
        UsageError: they are not all the parts of one plan, or one has not ended; out holds a run.
    """
    stores = [Store.resume(part) for part in parts]
    heads = [store.header() for store in stores]
    feet = [store.footer() or {} for store in stores]
    _check(stores, heads)
    whole = Store.create(out, {**heads[0], "options": {**heads[0]["options"], "part": [1, 1]}})
    with Machines(whole) as machines:
        for store, head in zip(stores, heads, strict=True):
            for path in (*store.shards.files(), *store.blocks.files()):
                whole.write_file(str(path.relative_to(store.folder)), path.read_bytes())
            for name in store.done():
                machines.add(name, head["machine"])
    whole.close({name: sum(foot[name] for foot in feet) for name in ("seconds", "cases")})
    return whole


def _check(stores: Sequence[Store], heads: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what are not all the parts of one plan, done by one version of the suite."""
    count, first = heads[0]["options"]["part"][1], _common(heads[0])
    numbers: dict[int, Path] = {}
    for store, head in zip(stores, heads, strict=True):
        number, of = head["options"]["part"]
        if (differing := [name for name, value in _common(head).items() if value != first[name]]) or of != count:
            told = ", ".join(differing or [f"part {number} of {of}"])
            raise UsageError(f"{store.folder} is no part of the plan of {stores[0].folder}: another {told}")
        if number in numbers:
            raise UsageError(f"{store.folder} is part {number}/{count}, and so is {numbers[number]}")
        if not (store.footer() or {}).get("complete"):
            raise UsageError(f"{store.folder} is not complete: go on with --resume {store.folder}")
        numbers[number] = store.folder
    if absent := [number for number in range(1, count + 1) if number not in numbers]:
        raise UsageError(f"of {count} parts {', '.join(map(str, absent))} are missing: name all of them")


def _common(head: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the parts of one plan have in common: options, and the version of the suite."""
    return {"suite": head["suite"]} | {name: value for name, value in head["options"].items() if name not in APART}
