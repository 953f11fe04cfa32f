"""
The ops that add products, as black boxes see them: their two operands, and along which axis of one masks may lie.

Which operand elements feed an output element is not written down here: the reference gives it. A call whose operands
hold the numbers of their own elements is built as a sum of products, and asked for the factors of that output element.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from conformance.cases.linear import Linear, Sizes
from conformance.errors import UsageError
from conformance.model import ArraySpec, Case, Json
from conformance.ops import OPS
from reference.engine.exact import SumOfProducts

__all__ = ["OPERANDS", "Element", "call", "element", "middle", "with_many"]


OPERANDS: Mapping[str, Linear] = {name: op.linear for name, op in OPS.items() if op.linear}


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """
    One element of one call's output, and what feeds it.

    A call's layout is NHWC or NCHW; index is in NHWC (of filters HWIO or HWCM). Terms are numbered as the right operand
    (else the left one) has them in memory.
    """

    case: Case
    index: tuple[int, ...]
    left: tuple[int, ...]  # for each term the flat index of its element in the left operand, as the call has it
    right: tuple[int, ...]  # likewise in the right operand; empty where there is none
    divisor: float  # of the sum

    @property
    def op(self) -> Linear:
        """The op."""
        return OPERANDS[self.case.op]

    @property
    def many_axis(self) -> int:
        """The axis of the left operand that masks lie along, in the layout of the call."""
        return many_axis(self.case)

    @property
    def channels_first(self) -> bool:
        """Whether the call is in NCHW."""
        return self.case.attributes.get("data_format") == "NCHW"

    def axes(self) -> tuple[tuple[str, int], ...]:
        """
        Return names and lengths of the axes along which the terms lie, outermost first.

        Terms of one axis only where they fill no grid of several.
        """
        name = self.op.right or self.op.left
        shape = self.case.arrays[name].shape
        places = np.unravel_index(self.right or self.left, shape)
        if self.channels_first and (self.op.of_filters or not self.op.right):
            places = (places[0], *places[2:], places[1])
        lengths = [len(set(place.tolist())) for place in places]
        if prod(lengths) != len(self.left):
            return (("terms", len(self.left)),)
        return tuple((name, length) for name, length in zip(self.op.axes, lengths, strict=True) if length > 1)


def call(op: str, sizes: Sizes) -> Case:
    """Return a call of an op, canonically spelt."""
    shapes, attributes = OPERANDS[op].shapes(sizes)
    arrays = {name: ArraySpec(shape, sizes.dtype) for name, shape in shapes.items()}
    common: dict[str, Json] = {"strides": [sizes.stride] * 2, "padding": sizes.padding, "data_format": sizes.layout}
    return Case(op=op, arrays=arrays, attributes={**common, **attributes}, regime="normal", seed=0)


def middle(case: Case) -> tuple[int, ...]:
    """Return an output element in the middle of the result, of the first image: NHWC, of filters HWIO or HWCM."""
    op = OPERANDS[case.op]
    index = [size // 2 for size in built(case)[1]]
    return (*index[: op.out], 0, *index[op.out + 1 :])


def built(case: Case) -> tuple[SumOfProducts, tuple[int, ...]]:
    """
    Return a call as a sum of products whose operands hold the numbers of their own elements; the shape of its result.

    The shape is in NHWC (of filters HWIO or HWCM); depthwise filters have another one as a sum.
    """
    op = OPERANDS[case.op]
    shapes = {name: case.arrays[name].shape for name in (op.left, op.right) if name}
    arrays = {name: np.arange(prod(shape), dtype=np.float64).reshape(shape) for name, shape in shapes.items()}
    add = OPS[case.op].sum
    if add is None:
        raise UsageError(f"{case.op} adds nothing up")
    found, shown = add({**arrays, **case.attributes})
    return found, shown(np.empty(found.shape)).shape if op.of_filters else found.shape


def element(case: Case, index: tuple[int, ...]) -> Element:
    """
    Return what feeds an output element.

    Raises:
        UsageError: the op adds no products, or there is no such element. SpecError: the call breaks a rule.
    """
    op = OPERANDS.get(case.op)
    if op is None:
        raise UsageError(f"{case.op} is no sum of products: there are {', '.join(OPERANDS)}")
    found, shape = built(case)
    if len(index) != len(shape) or not all(0 <= at < size for at, size in zip(index, shape, strict=True)):
        raise UsageError(f"element {index} is outside the output {tuple(shape)}")
    inside = tuple(map(int, np.unravel_index(np.ravel_multi_index(index, shape), found.shape)))
    left, right = (side.astype(int) for side in found.terms(inside))
    order = np.argsort(right if op.right else left)
    divisor = found.divisor()
    return Element(
        case=case,
        index=index,
        left=tuple(left[order].tolist()),
        right=tuple(right[order].tolist()) if op.right else (),
        divisor=1.0 if divisor is None else float(np.broadcast_to(divisor, found.shape)[inside]),
    )


def many_axis(case: Case) -> int:
    """Return the axis of a call's left operand that masks lie along, in its layout."""
    many = OPERANDS[case.op].many
    return 1 if many == 3 and case.attributes.get("data_format") == "NCHW" else many


def with_many(case: Case, many: int) -> Case:
    """Return the call with another length of the axis that masks lie along."""
    op, axis = OPERANDS[case.op], many_axis(case)
    before = case.arrays[op.left].shape[axis]
    arrays, attributes = dict(case.arrays), dict(case.attributes)
    for name in (op.left, op.right) if op.paired else (op.left,):
        shape, dtype = arrays[str(name)].shape, arrays[str(name)].dtype
        arrays[str(name)] = ArraySpec((*shape[:axis], shape[axis] // before * many, *shape[axis + 1 :]), dtype)
    if op.shape and isinstance(given := attributes[op.shape], list):
        attributes[op.shape] = [*given[: op.out], many, *given[op.out + 1 :]]
    return replace(case, arrays=arrays, attributes=attributes)
