"""
The geometry of one call, drawn in the terminal: zeros inserted, padding, one window, and the result.

Plain text, readable without colour. The input counts 1, 2, 3 ... in row-major order and the filters are ones, so that
the result can be checked by eye. What cannot be drawn, because an option is not what it should be or the
specification refuses the call, raises UsageError.
"""

import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated, Any

import typer

from conformance.cases.op import Geometry as Explained
from conformance.commands.conventions import converted, translations
from conformance.errors import UsageError
from conformance.ops import OPS
from reference.arithmetic import Padding, Pair
from reference.conventions import LIBRARIES
from reference.errors import SpecError
from reference.geometry import Cell, Geometry, Line, geometry

__all__ = ["drawing", "explain"]

# In the order in which a corner shows them: a cell in an extra column is extra, whatever its row says.
MEANINGS = {
    Cell.EXTRA: "+ extra padding: on the left and top, not on the right and bottom",
    Cell.PADDING: "o padding",
    Cell.INSERTED: ". a zero inserted between elements",
}
LARGEST = 2000  # cells a side: what is larger is no drawing
COUNTS = 12  # output elements along one axis whose inputs are counted
GAP = "    "  # between two tables side by side


def explain(
    op: Annotated[str, typer.Argument(help="conv2d, conv2d_transpose, max_pool, max_pool_with_argmax or avg_pool.")],
    *,
    input: Annotated[str, typer.Option(help="Height and width of the input: 3,3.")],
    filters: Annotated[str, typer.Option(help="Height and width of the filters, or of a pool's window: 3,3.")],
    strides: Annotated[str, typer.Option(help="Rows and columns: 2,1. One number stands for both.")] = "1",
    padding: Annotated[
        str | None,
        typer.Option(help="A name, or top,bottom,left,right: 1,1,0,2; torch: rows,columns. By default SAME."),
    ] = None,
    dilations: Annotated[str, typer.Option(help="Rows and columns.")] = "1",
    output: Annotated[str | None, typer.Option(help="Height and width of a transposed convolution's output.")] = None,
    element: Annotated[str, typer.Option(help="The output element (row and column) whose window is marked.")] = "0,0",
    like: Annotated[
        str, typer.Option(help="Whose words these are: tensorflow, torch, keras or onnx, each with its own defaults.")
    ] = "tensorflow",
    output_padding: Annotated[str | None, typer.Option(help="Rows and columns: of torch, keras and onnx.")] = None,
    ceil_mode: Annotated[bool, typer.Option("--ceil-mode", help="Of the pools of torch and onnx.")] = False,
) -> None:
    """Draw the geometry of one call: zeros inserted, padding, one window, and the result; and say it in other words."""
    if like not in LIBRARIES:
        raise UsageError(f"explain: --like {like!r} is none of {', '.join(LIBRARIES)}")
    place = {"input": input, "filters": filters, "strides": strides, "dilations": dilations}
    pairs = {name: _pair(f"--{name}", text) for name, text in place.items()}
    asked = None if output is None else _pair("--output", output)
    words = {
        "output_padding": None if output_padding is None else _pair("--output-padding", output_padding),
        "ceil_mode": ceil_mode or None,
    }
    given = {word: value for word, value in words.items() if value is not None}
    try:
        if like == "tensorflow" and not given:
            pads: Padding = _padding(padding or "SAME")
        else:
            given |= _others(like, padding, asked)
            pads, asked = converted(like, op, **pairs, words=given)
        laid = geometry(op, **pairs, padding=pads, output=asked)
    except SpecError as error:
        raise UsageError(f"explain {op}: {error}") from error
    width = shutil.get_terminal_size().columns
    typer.echo(drawing(laid, element=_pair("--element", element), width=width))


def drawing(laid: Geometry, *, element: Pair = (0, 0), width: int = 80, height: int = 40) -> str:
    """
    Draw one call as plain text, at most `width` characters wide.

    The image with its zeros and padding stands beside the result, or above it where the width is short. Of a table of
    more than `height` rows, or too wide, the part from the marked window on is drawn, and its title says which.

    Raises:
        UsageError: the call has more than LARGEST cells a side, or no output element `element`.
    """
    if max(laid.rows.length, laid.columns.length, *laid.output) > LARGEST:
        raise UsageError(f"explain {laid.op}: more than {LARGEST} cells a side are too many to draw")
    # An empty output has no window to mark, and is drawn all the same.
    if 0 not in laid.output and not all(i in range(side) for i, side in zip(element, laid.output, strict=True)):
        raise UsageError(f"explain {laid.op}: --element {_listed(element)} lies outside the {_by(laid.output)} output")
    image, result = _image(laid, element), _result(laid, element)
    tables = _beside(_drawn(image, width, height), _drawn(result, width, height), width)
    prose = [
        [_call(laid)],
        [_axis("rows", laid.rows, "top", "bottom"), _axis("columns", laid.columns, "left", "right")],
        _legend(laid, element),
        ["the same windows:", *translations(laid)],
    ]
    call, axes, legend, elsewhere = ([line for text in texts for line in _wrapped(text, width)] for texts in prose)
    return "\n\n".join("\n".join(lines) for lines in (call, axes, tables, legend, elsewhere))


@dataclass(frozen=True, slots=True)
class _Table:
    """What stands at each row and column, and which rows and columns are marked where they cross."""

    title: str
    sides: Pair
    text: Callable[[int, int], str]
    marked: tuple[range, range]


def _image(laid: Geometry, element: Pair) -> _Table:
    """Return what the windows slide over: the input's elements as 1, 2, 3 ..., the other cells as signs."""
    rows, columns = laid.rows, laid.columns

    def text(y: int, x: int) -> str:
        row, column = rows.element(y), columns.element(x)
        if row is not None and column is not None:
            return str(row * columns.size + column + 1)
        return next(meaning[0] for cell, meaning in MEANINGS.items() if cell in {rows.cell(y), columns.cell(x)})

    sides = (rows.length, columns.length)
    empty = 0 in laid.output
    marked = (range(0), range(0)) if empty else (rows.window(element[0]), columns.window(element[1]))
    return _Table(f"what the windows slide over, {_by(sides)}", sides, text, marked)


def _result(laid: Geometry, element: Pair) -> _Table:
    """Return the result under filters of ones."""
    rows = [laid.rows.inputs(y) for y in range(laid.output[0])]
    columns = [laid.columns.inputs(x) for x in range(laid.output[1])]

    def text(y: int, x: int) -> str:
        return _explained(laid).value(rows[y], columns[x], laid.columns.size)

    marked = (range(element[0], element[0] + 1), range(element[1], element[1] + 1))
    return _Table(f"output, {_by(laid.output)}", laid.output, text, marked)


def _explained(laid: Geometry) -> Explained:
    """Return how the op's windows are explained."""
    explained = OPS[laid.op].geometry
    if explained is None:
        raise UsageError(f"explain {laid.op}: it has no geometry to draw")
    return explained


def _drawn(table: _Table, width: int, height: int) -> list[str]:
    """Return a table's title and rows, with brackets around what is marked."""
    ys = _shown(table.sides[0], height, table.marked[0])
    longest = max((len(table.text(y, x)) for y in ys for x in range(table.sides[1])), default=1)
    xs = _shown(table.sides[1], max(width // (longest + 2), 1), table.marked[1])
    title = table.title
    if (len(ys), len(xs)) != table.sides:
        title += f"; shown: rows {ys.start} to {ys.stop - 1}, columns {xs.start} to {xs.stop - 1}"
    rows = ("".join(_cell(table, y, x, longest) for x in xs).rstrip() for y in ys)
    return [*_wrapped(title, width), *rows]


def _cell(table: _Table, y: int, x: int, longest: int) -> str:
    """Return one entry of a table, in brackets where it is marked."""
    text = table.text(y, x).rjust(longest)
    return f"[{text}]" if y in table.marked[0] and x in table.marked[1] else f" {text} "


def _shown(size: int, room: int, marked: range) -> range:
    """Return which of `size` rows or columns are drawn: all, or as many as there is room for, the marked ones first."""
    first = 0 if size <= room else min(marked.start, size - room)
    return range(first, min(first + room, size))


def _beside(left: list[str], right: list[str], width: int) -> list[str]:
    """Put two tables side by side, or one above the other where the width is short."""
    wide = max(map(len, left))
    if wide + len(GAP) + max(map(len, right)) > width:
        return [*left, "", *right]
    return [f"{a.ljust(wide)}{GAP}{b}".rstrip() for a, b in zip_longest(left, right, fillvalue="")]


def _call(laid: Geometry) -> str:
    """Return the call in one sentence, without what it leaves out."""
    taps, dilations = (laid.rows.taps, laid.columns.taps), (laid.rows.dilation, laid.columns.dilation)
    window = _explained(laid).window
    padding = laid.padding if isinstance(laid.padding, str) else _listed((*laid.padding[0], *laid.padding[1]))
    dilated = "" if dilations == (1, 1) else f", dilations {_by(dilations)}"
    return (
        f"{laid.op}: input {_by(laid.input)}, {window} {_by(taps)}, strides {_by(laid.strides)}, "
        f"padding {padding}{dilated}, output {_by(laid.output)}"
    )


def _axis(name: str, line: Line, first: str, last: str) -> str:
    """Say what one axis is made of, and how far apart its windows lie."""
    between = f", {_count(line.between, 'zero')} between" if line.between and line.size > 1 else ""
    extra = f" ({line.extra} extra)" if line.extra else ""
    cut = " (negative: cut off)" if min(line.before, line.after) < 0 else ""
    padding = f"padding {first} {line.before}{extra}, {last} {line.after}{cut}"
    return f"{name}: {_count(line.size, 'element')}{between}, {padding}; step {line.step}"


def _legend(laid: Geometry, element: Pair) -> list[str]:
    """Say what the signs mean, and how many input elements reach the output."""
    kinds = {line.cell(position) for line in (laid.rows, laid.columns) for position in range(line.length)}
    signs = [meaning for cell, meaning in MEANINGS.items() if cell in kinds]
    if 0 in laid.output:
        return [*signs, "the output is empty: no window fits"]
    reached = _count(laid.count(*element), "input element")
    return [
        f"[ ] the window of output element {_listed(element)}, reached by {reached}",
        *signs,
        f"each output element is {_explained(laid).meaning}",
        f"input rows that reach each output row: {_counts(laid.rows)}",
        f"input columns that reach each output column: {_counts(laid.columns)}",
    ]


def _counts(line: Line) -> str:
    """Return how many input elements reach each output element along one axis, the first few."""
    counts = " ".join(str(len(line.inputs(output))) for output in range(min(line.out, COUNTS)))
    return counts if line.out <= COUNTS else f"{counts} ..."


def _count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 zero, 2 zeros."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(numbers: tuple[int, ...]) -> str:
    """Return numbers as an option takes them: 1,1,0,2."""
    return ",".join(map(str, numbers))


def _by(sides: Pair) -> str:
    """Return two sides as people write them: 3x3."""
    return f"{sides[0]}x{sides[1]}"


def _wrapped(text: str, width: int) -> list[str]:
    """Break a sentence into lines."""
    return textwrap.wrap(text, width, subsequent_indent="  ")


def _padding(text: str) -> Padding:
    """Read SAME, VALID, or four numbers; another word is the specification's to refuse."""
    if "," not in text:
        return text
    top, bottom, left, right = _numbers("--padding", text, (4,), "top,bottom,left,right: 1,1,0,2")
    return (top, bottom), (left, right)


def _others(like: str, padding: str | None, output: Pair | None) -> dict[str, Any]:
    """Read what another library says of padding, and of its output."""
    words: dict[str, Any] = {} if output is None else {"output_shape": output}
    if padding is None:
        return words
    name = "auto_pad" if like == "onnx" else "padding"
    if not padding.replace(",", "").replace(" ", "").isdecimal():
        return words | {name: padding}
    if like == "torch":
        return words | {name: _pair("--padding", padding)}
    ends = _numbers("--padding", padding, (4,), "top,bottom,left,right: 1,1,0,2")
    return words | {"pads" if like == "onnx" else name: tuple(ends)}


def _pair(option: str, text: str) -> Pair:
    """Read rows and columns, or one number for both."""
    numbers = _numbers(option, text, (1, 2), "rows and columns: 3,3")
    return numbers[0], numbers[-1]


def _numbers(option: str, text: str, lengths: tuple[int, ...], meant: str) -> list[int]:
    """Read whole numbers between commas."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in lengths or not all(part.isdecimal() for part in parts):
        raise UsageError(f"explain: {option} {text!r} is not {meant}")
    return [int(part) for part in parts]
