"""
What a survey of orders came to: `orders.json` in the folder of a run.

{"schema": 1, "orders": {key: {...}}, "found": [...], "calls": [...], "answers": [...]}, with the fields of the records
below. An order stands once, under a key that is derived from it: the same key is the same order, on any machine.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.cases.linear import Sizes
from conformance.errors import SuiteError
from conformance.order.invariances import Answer
from conformance.order.replay import Order
from conformance.order.trees import tree

__all__ = ["Calls", "Found", "Missed", "Survey", "key_of", "read", "write"]

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The order of one kind of call on one target."""

    target: str
    op: str
    sizes: Sizes
    many: int  # images, or channels, in a call
    axes: tuple[tuple[str, int], ...]  # along which the terms lie, outermost first
    kernel: str = ""  # that adds, where the target tells
    order: str = ""  # a key of Survey.orders; empty: not revealed
    why: str = ""  # it was not revealed
    alone: bool | None = None  # whether one image in a call has the same order; None: not tried
    threads: bool | None = None  # whether two threads have; None: not tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A small call that was not predicted bit for bit."""

    sizes: Sizes
    exact: int  # elements that were
    elements: int
    why: str  # no order was found; empty: another order than the one found
    outside: int = 0  # elements outside the bound of the order found


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How many small calls of an op were predicted bit for bit on a target, of those that one kernel serves."""

    target: str
    op: str
    dtype: str
    calls: int  # that gave a result
    missed: tuple[Missed, ...]
    kernel: str = ""

    @property
    def predicted(self) -> int:
        """The calls that were."""
        return self.calls - len(self.missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything."""

    orders: Mapping[str, Order]
    found: tuple[Found, ...] = ()
    calls: tuple[Calls, ...] = ()
    answers: tuple[tuple[str, str, Answer], ...] = ()  # target, op

    @property
    def complete(self) -> bool:
        """Whether an order was found of each op on each target."""
        asked, revealed = (
            {(one.target, one.op) for one in self.found if one.order or every} for every in (True, False)
        )
        return asked == revealed


def key_of(order: Order) -> str:
    """Return twelve hexadecimal digits derived from an order."""
    return hashlib.sha256(json.dumps(asdict(order), sort_keys=True).encode()).hexdigest()[:12]


def write(folder: Path, survey: Survey) -> None:
    """Write a survey, instead of an earlier one."""
    (folder / "orders.json").write_text(json.dumps({"schema": SCHEMA, **asdict(survey)}) + "\n")


def read(folder: Path) -> Survey | None:
    """
    Read the survey in a run's folder; None where there is none.

    Raises:
        SuiteError: it cannot be read.
    """
    path = folder / "orders.json"
    try:
        return survey(json.loads(path.read_text())) if path.exists() else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SuiteError(f"{path}: not what a survey of orders writes: {error!r}") from error


def survey(data: Mapping[str, Any]) -> Survey:
    """Make the records of their JSON data."""
    return Survey(
        orders={str(key): order(entry) for key, entry in data["orders"].items()},
        found=tuple(
            Found(
                **{**entry, "sizes": sizes(entry["sizes"]), "axes": tuple((str(a), int(n)) for a, n in entry["axes"])}
            )
            for entry in data["found"]
        ),
        calls=tuple(
            Calls(
                **{
                    **entry,
                    "missed": tuple(Missed(**{**one, "sizes": sizes(one["sizes"])}) for one in entry["missed"]),
                }
            )
            for entry in data["calls"]
        ),
        answers=tuple((str(target), str(op), answer(entry)) for target, op, entry in data["answers"]),
    )


def order(data: Mapping[str, Any]) -> Order:
    """Make a record of its JSON data."""
    shape = tree(int(data["tree"]["terms"]), data["tree"]["steps"])
    return Order(**{**data, "tree": shape, "bits": tuple(data["bits"]), "fused": tuple(data["fused"])})


def sizes(data: Mapping[str, Any]) -> Sizes:
    """Make a record of its JSON data."""
    return Sizes(**{**data, "window": tuple(data["window"]), "image": tuple(data["image"])})


def answer(data: Mapping[str, Any]) -> Answer:
    """Make a record of its JSON data."""
    smallest = data["smallest"]
    return Answer(**{**data, "smallest": sizes(smallest) if smallest else None})
