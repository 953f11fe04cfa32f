"""A row of the tables of faults: what is planted, and in which ops."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from conformance.selftest.mutation.calls import Call, Fault
from conformance.selftest.subjects import Subject

__all__ = ["Row", "planted", "rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault, and the ops that it is planted in: each of them is one faulty implementation."""

    name: str
    about: str
    ops: tuple[str, ...]
    fault: Callable[[], Fault]  # makes it anew, so that what it remembers is its own
    arithmetic: str = "float32"  # what it declares
    own_masks: bool = False
    deterministic: bool = True

    def subjects(self) -> Iterator[Subject]:
        """Yield the implementations."""
        for op in self.ops:
            yield Subject(
                name=f"{op}: {self.name}",
                about=self.about,
                op=op,
                functions=SimpleNamespace(**{op: partial(planted, op, self.fault())}),
                arithmetic=self.arithmetic,
                own_masks=self.own_masks,
                deterministic=self.deterministic,
            )


def planted(op: str, fault: Fault, **arguments: Any) -> object:  # noqa: ANN401 -- those of any op
    """Do a call of an op with a fault."""
    return fault(Call(op, arguments))


def rows(ops: Sequence[str], *faults: tuple[str, str, Fault], **declared: Any) -> list[Row]:  # noqa: ANN401 -- Row's
    """Return a row for each fault (name, what it is, itself), all in the same ops."""
    return [
        Row(name=name, about=about, ops=tuple(ops), fault=partial(_same, fault), **declared)
        for name, about, fault in faults
    ]


def _same(fault: Fault) -> Fault:
    """Return a fault that remembers nothing."""
    return fault
