"""Variants of the reference: what is changed in it, and in which ops."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from conformance.selftest.implementations import Implementation
from conformance.selftest.mutation.calls import Call, Fault

__all__ = ["Variant", "planted", "variants"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One change of the reference, and the ops that it is made in: each of them gives one implementation."""

    name: str
    about: str
    ops: tuple[str, ...]
    fault: Callable[[], Fault]  # makes it anew, so that what it remembers is its own
    arithmetic: str = "float32"  # what it declares
    own_masks: bool = False
    deterministic: bool = True

    def implementations(self) -> Iterator[Implementation]:
        """Yield the implementations."""
        for op in self.ops:
            yield Implementation(
                name=f"{op}: {self.name}",
                about=self.about,
                op=op,
                functions=SimpleNamespace(**{op: partial(planted, op, self.fault())}),
                arithmetic=self.arithmetic,
                own_masks=self.own_masks,
                deterministic=self.deterministic,
            )


def planted(op: str, fault: Fault, **arguments: Any) -> object:  # noqa: ANN401 -- those of any op
    """Compute an op with a fault."""
    return fault(Call(op, arguments))


def variants(
    ops: Sequence[str],
    *faults: tuple[str, str, Fault],
    **declared: Any,  # noqa: ANN401 -- of a Variant
) -> list[Variant]:
    """Return a variant for each fault (name, what it is, itself), all in the same ops."""
    return [
        Variant(name=name, about=about, ops=tuple(ops), fault=partial(_same, fault), **declared)
        for name, about, fault in faults
    ]


def _same(fault: Fault) -> Fault:
    """Return a fault that remembers nothing."""
    return fault
