"""
The ops that add products, as black boxes see them: their two operands, and along which axis of one masks may lie.

Which operand elements feed an output element is not written down here: the reference gives it. A call whose operands
hold the numbers of their own elements is built as a sum of products, and asked for the factors of that output element.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from conformance.errors import UsageError
from conformance.model import Array, ArraySpec, Case, Json
from reference.engine.exact import SumOfProducts
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward

__all__ = ["OPERANDS", "Element", "Linear", "element", "with_many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """An op that adds products of two operands, or elements of one."""

    left: str  # the operand that masks go into
    right: str | None  # the operand that all sums of a call share; None: the sums are divided instead
    build: Callable[..., SumOfProducts]  # of the call's arguments
    many: int  # the axis of the left operand, in NHWC, along which output elements have operands of their own
    out: int  # the axis of the output, in NHWC or HWIO, that goes with it
    shape: str | None = None  # the argument that is a shape, whose entry `out` goes with it, too
    apart: int = 3  # the axis of the right operand, in NHWC or HWIO, that goes with the output's channels
    axes: tuple[str, ...]  # what the axes of the right operand (else of the left one) are called


def scattered(op: str, shape: str, left: str) -> Callable[..., SumOfProducts]:
    """Return what builds a call of conv2d_transpose or conv2d_backprop_input: they differ in names only."""

    def build(*, filters: Array, **others: Any) -> SumOfProducts:  # noqa: ANN401 -- the op's own arguments
        return backward(op, others.pop(shape), filters, others.pop(left), **others)

    return build


FILTERS = ("rows", "columns", "channels", "filters")
TRANSPOSED = ("rows", "columns", "filters", "channels")
OPERANDS: Mapping[str, Linear] = {
    "conv2d": Linear(left="input", right="filters", build=forward, many=0, out=0, axes=FILTERS),
    "conv2d_transpose": Linear(
        left="input",
        right="filters",
        build=scattered("conv2d_transpose", "output_shape", "input"),
        many=0,
        out=0,
        shape="output_shape",
        apart=2,
        axes=TRANSPOSED,
    ),
    "conv2d_backprop_input": Linear(
        left="out_backprop",
        right="filters",
        build=scattered("conv2d_backprop_input", "input_sizes", "out_backprop"),
        many=0,
        out=0,
        shape="input_sizes",
        apart=2,
        axes=TRANSPOSED,
    ),
    "conv2d_backprop_filter": Linear(
        left="input",
        right="out_backprop",
        build=filter_gradient,
        many=3,
        out=2,
        shape="filter_sizes",
        axes=("images", "rows", "columns", "filters"),
    ),
    "avg_pool": Linear(
        left="input", right=None, build=average, many=0, out=0, axes=("images", "rows", "columns", "channels")
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """
    One element of one call's output, and what feeds it.

    A call's layout is NHWC or NCHW; index is in NHWC (of filters HWIO). Terms are numbered as the right operand (else
    the left one) has them in memory.
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
        return 1 if self.channels_first and self.op.many == 3 else self.op.many

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
        if self.channels_first and name != "filters":
            places = (places[0], *places[2:], places[1])
        lengths = [len(set(place.tolist())) for place in places]
        if prod(lengths) != len(self.left):
            return (("terms", len(self.left)),)
        return tuple((name, length) for name, length in zip(self.op.axes, lengths, strict=True) if length > 1)


def element(case: Case, index: tuple[int, ...]) -> Element:
    """
    Return what feeds an output element.

    Raises:
        UsageError: the op adds no products, or there is no such element. SpecError: the call breaks a rule.
    """
    op = OPERANDS.get(case.op)
    if op is None:
        raise UsageError(f"{case.op} is no sum of products: there are {', '.join(OPERANDS)}")
    sides = [name for name in (op.left, op.right) if name]
    codes = {name: np.arange(prod(case.arrays[name].shape), dtype=np.float64) for name in sides}
    arrays = {name: code.reshape(case.arrays[name].shape) for name, code in codes.items()}
    call = op.build(**arrays, **case.attributes)
    if len(index) != len(call.shape) or not all(0 <= at < size for at, size in zip(index, call.shape, strict=True)):
        raise UsageError(f"element {index} is outside the output {tuple(call.shape)}")
    left, right = (side.astype(int) for side in call.terms(index))
    order = np.argsort(right if op.right else left)
    divisor = call.divisor()
    return Element(
        case=case,
        index=index,
        left=tuple(left[order].tolist()),
        right=tuple(right[order].tolist()) if op.right else (),
        divisor=1.0 if divisor is None else float(np.broadcast_to(divisor, call.shape)[index]),
    )


def with_many(case: Case, many: int) -> Case:
    """Return the call with another length of the axis that masks lie along."""
    op = OPERANDS[case.op]
    axis = 1 if op.many == 3 and case.attributes.get("data_format") == "NCHW" else op.many
    spec = case.arrays[op.left]
    shape = (*spec.shape[:axis], many, *spec.shape[axis + 1 :])
    attributes: dict[str, Json] = dict(case.attributes)
    if op.shape and isinstance(given := attributes[op.shape], list):
        attributes[op.shape] = [*given[: op.out], many, *given[op.out + 1 :]]
    return replace(case, arrays={**case.arrays, op.left: ArraySpec(shape, spec.dtype)}, attributes=attributes)
