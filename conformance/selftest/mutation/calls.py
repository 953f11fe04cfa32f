"""Calls of the reference, as faults take them: what is in them by role, and where the axes of their arrays lie."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from conformance.cases.spelling import arranged
from conformance.model import Array
from conformance.ops import OPS
from reference.checks import spatial

__all__ = ["Call", "Fault", "after", "before", "filled", "when"]

VALUES = ("image", "tensor")  # roles
NHWC = {"batch": -4, "rows": -3, "columns": -2, "channels": -1}
NCHW = {"batch": -4, "channels": -3, "rows": -2, "columns": -1}
HWIO = {"rows": 0, "columns": 1, "channels": 2, "outputs": 3}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one op."""

    op: str
    arguments: Mapping[str, Any]

    def run(self, **changes: Any) -> Any:  # noqa: ANN401 -- whatever an op takes, and one result or two
        """Return what the reference gives, with these arguments changed."""
        return OPS[self.op].reference(**{**self.arguments, **changes})

    @property
    def images(self) -> dict[str, Array]:
        """The arrays that hold values at places: those laid out as images, and of dropout its tensor."""
        roles = OPS[self.op].operands
        return {name: self.arguments[name] for name in roles if roles[name] in VALUES and name in self.arguments}

    @property
    def first(self) -> Array:
        """The first of them."""
        return next(iter(self.images.values()))

    @property
    def weights(self) -> str | None:
        """The name of the filters, where there are any."""
        roles = OPS[self.op].operands
        return next((name for name in roles if roles[name] == "filters" and name in self.arguments), None)

    @property
    def filters(self) -> Array | None:
        """The filters, where there are any."""
        return self.arguments[self.weights] if self.weights else None

    @property
    def dtype(self) -> str:
        """The dtype of the call."""
        return self.first.dtype.name

    @property
    def layout(self) -> str:
        """"NHWC" or "NCHW"."""  # fmt: skip
        return "NCHW" if self.arguments.get("data_format") == "NCHW" else "NHWC"

    @property
    def padding(self) -> Any:  # noqa: ANN401 -- a word or four pairs
        """The padding, as given or left out."""
        return self.arguments.get("padding", "SAME")

    @property
    def explicit(self) -> bool:
        """Whether the padding is four pairs."""
        return not isinstance(self.padding, str)

    def axis(self, name: str) -> int:
        """Return where an axis lies in an image."""
        return (NHWC if self.layout == "NHWC" else NCHW)[name]

    def out_axis(self, name: str) -> int:
        """Return where an axis lies in the result."""
        return HWIO[name] if OPS[self.op].result == "filters" else self.axis(name)

    def side(self, name: str) -> int:
        """Return the size of an axis of the first image."""
        return int(self.first.shape[self.axis(name)])

    def pair(self, name: str) -> tuple[int, int]:
        """Return strides, dilations or ksize along rows and columns."""
        return spatial("", name, self.arguments.get(name), self.layout)[0]

    def spelt(self, name: str, rows: int, columns: int) -> list[int]:
        """Return other strides, dilations or ksize, with as many entries as the call has, where it has two or four."""
        given = self.arguments.get(name)
        four = isinstance(given, list) and len(given) == 4
        return list(arranged((1, rows, columns, 1), self.layout)) if four else [rows, columns]


Fault: TypeAlias = Callable[[Call], Any]


def when(condition: Callable[[Call], bool], fault: Fault) -> Fault:
    """Be faulty in some calls only."""
    return lambda call: fault(call) if condition(call) else call.run()


def before(change: Callable[[Call], Mapping[str, Any]]) -> Fault:
    """Compute with other arguments."""
    return lambda call: call.run(**change(call))


def after(change: Callable[[Call, Array], Any], result: int = 0) -> Fault:
    """Compute, then change one of the results; it may be written into."""

    def fault(call: Call) -> object:
        found = call.run()
        several = found if isinstance(found, tuple) else (found,)
        changed = tuple(change(call, one.copy()) if i == result else one for i, one in enumerate(several))
        return changed if isinstance(found, tuple) else changed[0]

    return fault


def filled(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return what memory holds that nobody wrote: bytes 5A, as the suite's workers have it."""
    return (
        np.full(max(int(np.prod(shape)) * dtype.itemsize, 1), 0x5A, np.uint8)[: int(np.prod(shape)) * dtype.itemsize]
        .view(dtype)
        .reshape(shape)
    )
