"""
The geometry of one call as data: what the windows slide over, and which input elements reach which output element.

For a convolution and a pool the windows slide, `stride` apart, over the image with its padding. For a transposed
convolution they slide, one element apart, over the image with zeros between, before and after its elements. Either way
one axis is a row of cells, and rows and columns are independent: output element (y, x) sees the product of what y sees
along the rows and what x sees along the columns.

`Geometry.windows` are the windows that `reference.conventions` reads and writes in the words of other libraries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reference.arithmetic import Padding, Pair, allowed_outputs, axes, pair, possible, read_padding, sides
from reference.errors import SpecError, shown
from reference.windows import Axis, transposed

__all__ = ["OPS", "Cell", "Geometry", "Line", "geometry"]

OPS = ("conv2d", "conv2d_transpose", "max_pool", "max_pool_with_argmax", "avg_pool")


class Cell(StrEnum):
    """What a window may meet."""

    ELEMENT = "element"  # of the input
    INSERTED = "inserted"  # a zero between two elements
    PADDING = "padding"  # at an end: zero in a convolution, absent in a pool
    EXTRA = "extra"  # the padding that the left or top has more than the right or bottom of a transposed convolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One axis: a row of cells, and the windows that slide over it. Positions count cells from the padding's first."""

    size: int  # input elements
    between: int  # zeros inserted between neighbours
    before: int  # padding on the top or left; where negative, that many cells are cut off instead
    after: int  # padding on the bottom or right; likewise
    extra: int  # of `before`, how many more than `after`, in a transposed convolution
    taps: int  # elements of the window
    dilation: int  # the distance of two taps
    step: int  # the distance of two windows
    out: int  # number of windows: output elements

    @property
    def length(self) -> int:
        """The number of cells."""
        return self.before + self.spread + self.after

    @property
    def spread(self) -> int:
        """The length of the image with the zeros between its elements."""
        return max((self.size - 1) * (self.between + 1) + 1, 0)

    def element(self, position: int) -> int | None:
        """Return the index of the input element at a position; None where there is none."""
        index, gap = divmod(position - self.before, self.between + 1)
        return index if gap == 0 and 0 <= index < self.size else None

    def cell(self, position: int) -> Cell:
        """Return what stands at a position."""
        if self.element(position) is not None:
            return Cell.ELEMENT
        if 0 <= position - self.before < self.spread:
            return Cell.INSERTED
        return Cell.EXTRA if position < self.extra else Cell.PADDING

    def window(self, output: int) -> range:
        """Return the positions that an output element sees."""
        first = output * self.step
        return range(first, first + self.taps * self.dilation, self.dilation)

    def inputs(self, output: int) -> tuple[int, ...]:
        """Return the input elements that reach an output element."""
        seen, step = self.window(output), self.between + 1
        if self.size < len(seen):
            return tuple(index for index in range(self.size) if self.before + index * step in seen)
        met = (self.element(position) for position in seen)
        return tuple(index for index in met if index is not None)

    def counts(self) -> tuple[int, ...]:
        """Return how many input elements reach each output element: [out]."""
        return tuple(len(self.inputs(output)) for output in range(self.out))


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """One call: its rows and its columns. Pairs are in that order."""

    op: str
    rows: Line
    columns: Line
    strides: Pair
    padding: Padding  # of the forward convolution, as called
    windows: tuple[Axis, Axis]  # along rows and columns; of a transposed convolution, the forward ones

    @property
    def input(self) -> Pair:
        """The input's height and width."""
        return self.rows.size, self.columns.size

    @property
    def output(self) -> Pair:
        """The output's height and width."""
        return self.rows.out, self.columns.out

    def inputs(self, y: int, x: int) -> Iterator[Pair]:
        """Give the input elements (row, column) that reach output element (y, x), in row-major order."""
        return ((row, column) for row in self.rows.inputs(y) for column in self.columns.inputs(x))

    def count(self, y: int, x: int) -> int:
        """Return how many input elements reach output element (y, x)."""
        return len(self.rows.inputs(y)) * len(self.columns.inputs(x))


def geometry(
    op: str,
    *,
    input: Pair,
    filters: Pair,
    strides: int | Pair = 1,
    padding: Padding = "VALID",
    dilations: int | Pair = 1,
    output: Pair | None = None,
) -> Geometry:
    """
    Lay out one call: input (H, W), filters or ksize (FH, FW).

    `output` is needed for nothing but a transposed convolution whose output is not the smallest one allowed.

    Rules, besides those of `reference.arithmetic.axis`:
        geometry.R1  op is one of OPS.
        geometry.R2  A pool has no dilations; avg_pool and max_pool_with_argmax have no explicit padding; max_pool's is
                     smaller than its window.
        geometry.R3  output is what the windows give; for a transposed convolution it is one that shrinks to input.

    Raises:
        SpecError: naming the rule that the call breaks.

    >>> laid = geometry("conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="SAME", output=(6, 6))
    >>> [laid.rows.cell(p).value for p in range(laid.rows.length)]
    ['extra', 'padding', 'element', 'inserted', 'element', 'inserted', 'element', 'padding']
    >>> laid.rows.counts(), list(laid.inputs(2, 4))
    ((1, 1, 2, 1, 2, 1), [(0, 1), (0, 2), (1, 1), (1, 2)])
    """
    if not isinstance(op, str) or op not in OPS:
        raise SpecError("geometry.R1", f"op {shown(op)} is none of {', '.join(OPS)}", values={"op": op})
    image, window, gaps = sides("input", input), sides("filters", filters), pair("dilations", dilations)
    steps, pads = pair("strides", strides), read_padding(padding)
    asked = None if output is None else sides("output", output)
    if op == "conv2d_transpose":
        asked = asked or _smallest(image, window, steps, pads, gaps)
        laid = axes(asked, window, steps, pads, gaps)
    else:
        _check_window(op, window, pads, gaps)
        laid = axes(image, window, steps, pads, gaps)
    rows, columns = map(_transposed_line if op == "conv2d_transpose" else _forward_line, laid)
    call = Geometry(op=op, rows=rows, columns=columns, strides=steps, padding=pads, windows=laid)
    if call.input != image:
        allowed = allowed_outputs(image, window, steps, pads, gaps)
        reason = f"output {asked} shrinks to {call.input}; the input is {image}; {possible(*allowed)}"
        raise SpecError("geometry.R3", reason, values={"output": asked, "input": image, "allowed": allowed})
    if asked not in {None, call.output}:
        reason = f"output {asked}; the windows over input {image} give {call.output}"
        raise SpecError("geometry.R3", reason, values={"output": asked, "input": image})
    return call


def _forward_line(laid: Axis) -> Line:
    """Lay out one axis of a convolution or a pool."""
    return Line(
        size=laid.size,
        between=0,
        before=laid.before,
        after=laid.after,
        extra=0,
        taps=laid.taps,
        dilation=laid.dilation,
        step=laid.stride,
        out=laid.out,
    )


def _transposed_line(forward: Axis) -> Line:
    """Lay out one axis of a transposed convolution as the stride-1 convolution of the image with its zeros."""
    laid = transposed(forward)
    return Line(
        size=laid.size,
        between=laid.between,
        before=laid.before,
        after=laid.after,
        extra=laid.extra_before,
        taps=forward.taps,
        dilation=forward.dilation,
        step=1,
        out=laid.out,
    )


def _smallest(image: Pair, window: Pair, strides: Pair, padding: Padding, dilations: Pair) -> Pair:
    """Return the smallest output that a transposed convolution may have."""
    heights, widths = allowed_outputs(image, window, strides, padding, dilations)
    if not (heights and widths):
        reason = f"padding {padding} cuts off more than input {image} grows to"
        raise SpecError("geometry.R3", reason, values={"padding": padding, "input": image})
    return heights[0], widths[0]


def _check_window(op: str, window: Pair, padding: Padding, dilations: Pair) -> None:
    """Refuse what a pool does not have."""
    if op == "conv2d":
        return
    why = ""
    if dilations != (1, 1):
        why = f"{op} with dilations {dilations}: a pool has none"
    elif op != "max_pool" and not isinstance(padding, str):
        why = f"{op} with explicit padding {padding}: it takes SAME or VALID"
    elif not isinstance(padding, str) and any(max(ends) >= taps for ends, taps in zip(padding, window, strict=True)):
        why = f"padding {padding} is not smaller than the window {window}"
    if why:
        raise SpecError("geometry.R2", why, values={"padding": padding, "window": window, "dilations": dilations})
