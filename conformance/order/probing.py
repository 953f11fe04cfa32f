"""One output element of a target as a black box: masks go into an operand, a call to the worker, sums come out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from conformance.model import Array, Case, Observation, Raised, Returned, Unsupported
from conformance.order.operands import OPERANDS, Element, element, with_many
from conformance.order.summation import UnrevealedError
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker
from reference.floats import format_of

__all__ = ["Probed", "described", "in_layout", "in_nhwc", "kernel_of", "probed"]

BESIDE = "reorder"  # oneDNN's word for a change of layout, which adds nothing


@dataclass(slots=True)
class Probed:
    """
    A target's sums of products for one output element, many in a call or one.

    Each call has `many` images (or channels) of which those at `places` hold a mask each; all others are zero.
    """

    worker: Worker
    element: Element  # of a call with one image
    many: int
    places: Sequence[int]
    route: str = ""
    kernel: str = field(default="", init=False)  # of the last call: `kernel_of`

    @property
    def terms(self) -> int:
        """The number of products."""
        return len(self.element.left)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The dtype of the call."""
        return np.dtype(format_of(self.element.case.arrays[self.element.op.left].dtype).dtype)

    @property
    def multiplies(self) -> bool:
        """Whether there are right factors."""
        return self.element.op.right is not None

    @property
    def divisor(self) -> float:
        """What ends each sum: a division by this."""
        return self.element.divisor

    def sums(self, left: Array, right: Array) -> Array:
        """Make as many calls as it takes."""
        size = len(self.places)
        parts = [self._called(left[start : start + size], right) for start in range(0, len(left), size)]
        return np.concatenate(parts)

    def _called(self, left: Array, right: Array) -> Array:
        """Make one call: at most as many sums as there are places."""
        found, case = self.element, with_many(self.element.case, self.many)
        places = list(self.places[: len(left)])
        axis = found.many_axis
        shape = case.arrays[found.op.left].shape
        images = np.zeros((self.many, *shape[:axis], *shape[axis + 1 :]), self.dtype)
        flat = images.reshape(self.many, -1)
        flat[np.ix_(places, found.left)] = left
        arrays = {found.op.left: np.ascontiguousarray(np.moveaxis(images, 0, axis))}
        if found.op.right:
            one, all_of_them = (each.arrays[found.op.right].shape for each in (found.case, case))
            other = np.zeros(one, self.dtype)
            other.reshape(-1)[list(found.right)] = right
            arrays[found.op.right] = np.tile(other, [size // part for size, part in zip(all_of_them, one, strict=True)])
        observed = self.worker.run(Call(op=case.op, arguments={**case.attributes, **arrays}, route=self.route))
        self.kernel = kernel_of(observed)
        return self._read(observed)[places]

    def _read(self, observed: Observation) -> Array:
        """Take the output elements out of a result: [many]."""
        if not isinstance(observed, Returned):
            raise UnrevealedError(described(observed))
        found = self.element
        result = in_nhwc(observed.arrays[0], found.case)
        index: list[int | slice] = list(found.index)
        index[found.op.out] = slice(None)
        values = np.asarray(result[tuple(index)])
        if values.shape != (self.many,) or values.dtype != self.dtype:
            raise UnrevealedError(f"the target returned {result.dtype.name} {list(observed.arrays[0].shape)}")
        return values


def kernel_of(observed: Observation) -> str:
    """Return the name of the compiled code that a call ran, changes of layout left out; "" where no target tells."""
    kernels = observed.kernels if isinstance(observed, Returned) else ()
    return "; ".join(kernel for kernel in kernels if not kernel.startswith(BESIDE))


def in_nhwc(result: Array, case: Case) -> Array:
    """Return a result of a call in NHWC; filters are HWIO in every layout."""
    images = not OPERANDS[case.op].of_filters
    return np.moveaxis(result, 1, 3) if images and case.attributes.get("data_format") == "NCHW" else result


def in_layout(case: Case, left: Array, right: Array | None) -> tuple[Array, Array | None]:
    """Return the operands of a call in its layout, from images in NHWC and filters in HWIO."""
    if case.attributes.get("data_format") != "NCHW":
        return left, right
    turned = np.ascontiguousarray(np.moveaxis(left, 3, 1))
    if right is None or not OPERANDS[case.op].of_filters:
        return turned, right
    return turned, np.ascontiguousarray(np.moveaxis(right, 3, 1))


def described(observed: Observation) -> str:
    """Return what a target did that gave no sums."""
    match observed:
        case Raised(kind, message):
            return f"the target raised {kind}: {message.splitlines()[0][:200] if message else ''}"
        case Unsupported(reason):
            return f"not supported: {reason}"
    return f"the target's call ended as {type(observed).__name__}"


def probed(
    worker: Worker, case: Case, index: tuple[int, ...], many: int, places: Sequence[int] | None = None, route: str = ""
) -> Probed:
    """
    Return an output element of a target's call as a black box.

    index: in NHWC (of filters HWIO); its entry along the axis of many has no meaning. places: all of many by default.
    """
    one = with_many(case, 1)
    found = element(one, index)
    return Probed(worker, found, many, range(many) if places is None else places, route)
