"""What an op that adds products is to those who look for the order of its sums: its operands, and calls by sizes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from conformance.model import Json
from reference.arithmetic import Pair
from reference.windows import Axis, lay

__all__ = ["Linear", "Shapes", "Sizes"]

# Of a call: of arrays by name; attributes beside the common ones.
Shapes: TypeAlias = tuple[dict[str, tuple[int, ...]], dict[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """
    The sizes of the forward convolution, or pool, behind a call.

    depth and filters are what the op makes of them: a sum runs over depth (of conv2d_transpose and the input gradient
    these are the channels of the gradient), results have `filters` channels. A pool has `filters` channels; so has the
    image of a depthwise convolution, each with `depth` filters.
    """

    window: Pair  # rows, columns
    image: Pair  # rows, columns of the forward image
    depth: int = 1
    filters: int = 1
    images: int = 1  # a filter gradient sums over them
    stride: int = 1
    padding: str = "VALID"
    dtype: str = "float32"
    layout: str = "NHWC"

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Rows and columns."""
        sizes = zip(self.image, self.window, strict=True)
        rows, columns = (lay(*along, self.stride, 1, self.padding) for along in sizes)
        return rows, columns

    @property
    def out(self) -> Pair:
        """Rows and columns of the forward result."""
        rows, columns = self.axes
        return rows.out, columns.out

    def shaped(self, size: Pair, channels: int) -> tuple[int, ...]:
        """Return the shape of images of this size in the layout of the call."""
        return (self.images, channels, *size) if self.layout == "NCHW" else (self.images, *size, channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """An op that adds products of two operands, or elements of one."""

    left: str  # the operand that masks go into
    right: str | None  # the operand that all sums of a call share; None: the sums are divided instead
    many: int  # the axis of the left operand, in NHWC, along which output elements have operands of their own
    paired: bool = False  # whether they have right operands of their own, too, along the same axis
    out: int  # the axis of the output, in NHWC or HWIO, that goes with it
    shape: str | None = None  # the argument that is a shape, whose entry `out` goes with it, too
    apart: tuple[int, ...] = (3,)  # the axes of the right operand, in NHWC or HWIO, that go with the output's channels
    slides: bool = False  # whether an output element moves with its window over the left operand
    axes: tuple[str, ...]  # what the axes of the right operand (else of the left one) are called
    shapes: Callable[[Sizes], Shapes]  # what a call of these sizes has

    @property
    def of_filters(self) -> bool:
        """Whether filters are computed, and both operands are images."""
        return self.out == 2
