"""
The ops that add products, as black boxes see them: their two operands, and along which axis of one masks may lie.

Which operand elements feed an output element is not written down here: the reference gives it. A call whose operands
hold the numbers of their own elements is built as a sum of products, and asked for the factors of that output element.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from conformance.errors import UsageError
from conformance.model import ArraySpec, Case, Json
from conformance.ops import OPS
from conformance.order.kinds import Sizes
from reference.engine.exact import SumOfProducts

__all__ = ["OPERANDS", "Element", "Linear", "call", "element", "middle", "with_many"]

Shapes = tuple[dict[str, tuple[int, ...]], dict[str, Json]]  # of arrays by name; attributes beside the common ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """An op that adds products of two operands, or elements of one."""

    op: str
    left: str  # the operand that masks go into
    right: str | None  # the operand that all sums of a call share; None: the sums are divided instead
    many: int  # the axis of the left operand, in NHWC, along which output elements have operands of their own
    out: int  # the axis of the output, in NHWC or HWIO, that goes with it
    shape: str | None = None  # the argument that is a shape, whose entry `out` goes with it, too
    apart: int = 3  # the axis of the right operand, in NHWC or HWIO, that goes with the output's channels
    slides: bool = False  # whether an output element moves with its window over the left operand
    axes: tuple[str, ...]  # what the axes of the right operand (else of the left one) are called
    shapes: Callable[[Sizes], Shapes]  # what a call of these sizes has


def of_conv2d(sizes: Sizes) -> Shapes:
    """Return shapes and further attributes of conv2d."""
    filters = (*sizes.window, sizes.depth, sizes.filters)
    return {"input": sizes.shaped(sizes.image, sizes.depth), "filters": filters}, {}


def of_transposed(left: str, shape: str) -> Callable[[Sizes], Shapes]:
    """Return likewise for conv2d_transpose and conv2d_backprop_input."""

    def of(sizes: Sizes) -> Shapes:
        filters = (*sizes.window, sizes.filters, sizes.depth)
        shapes = {left: sizes.shaped(sizes.out, sizes.depth), "filters": filters}
        return shapes, {shape: list(sizes.shaped(sizes.image, sizes.filters))}

    return of


def of_filter_gradient(sizes: Sizes) -> Shapes:
    """Return likewise for conv2d_backprop_filter."""
    shapes = {
        "input": sizes.shaped(sizes.image, sizes.depth),
        "out_backprop": sizes.shaped(sizes.out, sizes.filters),
    }
    return shapes, {"filter_sizes": [*sizes.window, sizes.depth, sizes.filters]}


def of_avg_pool(sizes: Sizes) -> Shapes:
    """Return likewise for avg_pool."""
    return {"input": sizes.shaped(sizes.image, sizes.filters)}, {"ksize": list(sizes.window)}


FILTERS = ("rows", "columns", "channels", "filters")
TRANSPOSED = ("rows", "columns", "filters", "channels")
OPERANDS: Mapping[str, Linear] = {
    linear.op: linear
    for linear in (
        Linear(op="conv2d", left="input", right="filters", many=0, out=0, slides=True, axes=FILTERS, shapes=of_conv2d),
        Linear(
            op="conv2d_transpose",
            left="input",
            right="filters",
            many=0,
            out=0,
            shape="output_shape",
            apart=2,
            axes=TRANSPOSED,
            shapes=of_transposed("input", "output_shape"),
        ),
        Linear(
            op="conv2d_backprop_input",
            left="out_backprop",
            right="filters",
            many=0,
            out=0,
            shape="input_sizes",
            apart=2,
            axes=TRANSPOSED,
            shapes=of_transposed("out_backprop", "input_sizes"),
        ),
        Linear(
            op="conv2d_backprop_filter",
            left="input",
            right="out_backprop",
            many=3,
            out=2,
            shape="filter_sizes",
            axes=("images", "rows", "columns", "filters"),
            shapes=of_filter_gradient,
        ),
        Linear(
            op="avg_pool",
            left="input",
            right=None,
            many=0,
            out=0,
            slides=True,
            axes=("images", "rows", "columns", "channels"),
            shapes=of_avg_pool,
        ),
    )
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


def call(op: str, sizes: Sizes) -> Case:
    """Return a call of an op, canonically spelt."""
    shapes, attributes = OPERANDS[op].shapes(sizes)
    arrays = {name: ArraySpec(shape, sizes.dtype) for name, shape in shapes.items()}
    common: dict[str, Json] = {"strides": [sizes.stride] * 2, "padding": sizes.padding, "data_format": sizes.layout}
    return Case(op=op, arrays=arrays, attributes={**attributes, **common}, regime="normal", seed=0)


def middle(case: Case) -> tuple[int, ...]:
    """Return an output element in the middle of the result, of the first image: NHWC, of filters HWIO."""
    op = OPERANDS[case.op]
    index = [size // 2 for size in built(case).shape]
    return (*index[: op.out], 0, *index[op.out + 1 :])


def built(case: Case) -> SumOfProducts:
    """Return a call as a sum of products whose operands hold the numbers of their own elements."""
    op = OPERANDS[case.op]
    shapes = {name: case.arrays[name].shape for name in (op.left, op.right) if name}
    arrays = {name: np.arange(prod(shape), dtype=np.float64).reshape(shape) for name, shape in shapes.items()}
    add = OPS[case.op].sum
    if add is None:
        raise UsageError(f"{case.op} adds nothing up")
    return add({**arrays, **case.attributes})[0]


def element(case: Case, index: tuple[int, ...]) -> Element:
    """
    Return what feeds an output element.

    Raises:
        UsageError: the op adds no products, or there is no such element. SpecError: the call breaks a rule.
    """
    op = OPERANDS.get(case.op)
    if op is None:
        raise UsageError(f"{case.op} is no sum of products: there are {', '.join(OPERANDS)}")
    found = built(case)
    if len(index) != len(found.shape) or not all(0 <= at < size for at, size in zip(index, found.shape, strict=True)):
        raise UsageError(f"element {index} is outside the output {tuple(found.shape)}")
    left, right = (side.astype(int) for side in found.terms(index))
    order = np.argsort(right if op.right else left)
    divisor = found.divisor()
    return Element(
        case=case,
        index=index,
        left=tuple(left[order].tolist()),
        right=tuple(right[order].tolist()) if op.right else (),
        divisor=1.0 if divisor is None else float(np.broadcast_to(divisor, found.shape)[index]),
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
