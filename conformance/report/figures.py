"""Figures as data for the templates: the geometry of a call, images of a result, and small bar charts, as SVG paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from conformance.report.records import Overview
from reference.geometry import Cell, Geometry, Line

__all__ = ["Bars", "Drawing", "Label", "Sheet", "bars", "drawing", "sheet"]

CELL = 22  # side of a cell, with the gap to the next one
GAP = 2
MOST = 14  # cells that are drawn along each side
NUMBERED = 81  # input elements up to which each has its number
BETWEEN = 64  # from the image to the output


@dataclass(frozen=True, slots=True)
class Label:
    """A number in a cell."""

    x: float
    y: float
    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """The geometry of a call: what the window slides over, and the output beside it."""

    width: int
    height: int
    paths: tuple[tuple[str, str], ...]  # class of the cells, the path of their outlines
    labels: tuple[Label, ...]
    window: tuple[int, int, int, int]  # x, y, width, height
    arrow: tuple[int, int, int]  # from x, to x, y
    caption: str
    kinds: tuple[str, ...]  # of cells, for the legend
    cut: bool  # whether only a part is drawn


def drawing(laid: Geometry, element: tuple[int, int] = (0, 0)) -> Drawing | None:
    """Draw one call and the window of one output element; None where the output is empty."""
    if 0 in laid.output:
        return None
    y, x = (min(max(i, 0), side - 1) for i, side in zip(element, laid.output, strict=True))
    lines = (laid.rows, laid.columns)
    windows = (laid.rows.window(y), laid.columns.window(x))
    seen = [_shown(line.length, window[0]) for line, window in zip(lines, windows, strict=True)]
    out = [_shown(side, i) for side, i in zip(laid.output, (y, x), strict=True)]
    left = len(seen[1]) * CELL + BETWEEN
    height = max(len(seen[0]), len(out[0])) * CELL
    tops = [(height - len(rows) * CELL) // 2 for rows in (seen[0], out[0])]
    cells = _image_cells(laid, seen, windows, tops[0])
    cells["out"] = [
        (left + (j - out[1][0]) * CELL, tops[1] + (i - out[0][0]) * CELL)
        for i in out[0]
        for j in out[1]
        if (i, j) != (y, x)
    ]
    cells["hit"] = [(left + (x - out[1][0]) * CELL, tops[1] + (y - out[0][0]) * CELL)]
    spans = [_span(window, shown) for window, shown in zip(windows, seen, strict=True)]
    return Drawing(
        width=left + len(out[1]) * CELL,
        height=height,
        paths=tuple((kind, "".join(_square(*at) for at in places)) for kind, places in cells.items() if places),
        labels=tuple(_labels(laid, seen, tops[0])),
        window=(spans[1][0], tops[0] + spans[0][0], spans[1][1], spans[0][1]),
        arrow=(left - BETWEEN + 12, left - 12, height // 2),
        caption=_caption(laid, (y, x)),
        kinds=tuple(kind for kind in ("element", "inserted", "padding", "extra") if cells[kind]),
        cut=[len(shown) for shown in (*seen, *out)] != [*(line.length for line in lines), *laid.output],
    )


def _shown(length: int, first: int) -> range:
    """Return which of the cells along one side are drawn: all, or those from a place on."""
    start = 0 if length <= MOST else min(max(first - 1, 0), length - MOST)
    return range(start, min(start + MOST, length))


def _image_cells(
    laid: Geometry, seen: Sequence[range], windows: Sequence[range], top: int
) -> dict[str, list[tuple[int, int]]]:
    """Return where the cells of each kind lie, and the taps of the window."""
    cells: dict[str, list[tuple[int, int]]] = {kind: [] for kind in (*(kind.value for kind in Cell), "tap")}
    for row in seen[0]:
        for column in seen[1]:
            at = ((column - seen[1].start) * CELL, top + (row - seen[0].start) * CELL)
            cells[_kind(laid.rows, laid.columns, row, column)].append(at)
            if row in windows[0] and column in windows[1]:
                cells["tap"].append(at)
    return cells


def _kind(rows: Line, columns: Line, row: int, column: int) -> str:
    """Return what stands at a place: padding of one side makes padding, whatever the other one has."""
    kinds = {rows.cell(row), columns.cell(column)}
    return next(kind.value for kind in (Cell.EXTRA, Cell.PADDING, Cell.INSERTED, Cell.ELEMENT) if kind in kinds)


def _labels(laid: Geometry, seen: Sequence[range], top: int) -> list[Label]:
    """Number the elements 1, 2, 3 ... in row-major order."""
    if laid.input[0] * laid.input[1] > NUMBERED:
        return []
    labels = []
    for row in seen[0]:
        for column in seen[1]:
            i, j = laid.rows.element(row), laid.columns.element(column)
            if i is not None and j is not None:
                x, y = (
                    (column - seen[1].start + 0.5) * CELL - GAP / 2,
                    top + (row - seen[0].start + 0.5) * CELL - GAP / 2,
                )
                labels.append(Label(x, y, str(i * laid.columns.size + j + 1)))
    return labels


def _span(window: range, shown: range) -> tuple[int, int]:
    """Return where the window's outline starts along one side, and how long it is."""
    first, last = max(window[0], shown.start), min(window[-1], shown.stop - 1)
    return (first - shown.start) * CELL - 1, max((last - first + 1) * CELL, 0)


def _square(x: float, y: float, side: float = CELL - GAP) -> str:
    """Return the outline of a cell."""
    return f"M{x:g} {y:g}h{side:g}v{side:g}h{-side:g}z"


def _caption(laid: Geometry, element: tuple[int, int]) -> str:
    """Say in words what the drawing shows."""
    rows, columns = laid.rows, laid.columns
    between = max(rows.between, columns.between)
    inserted = f", {rows.between}x{columns.between} zeros inserted between elements" if between else ""
    extra = (
        f", of which {rows.extra} on top and {columns.extra} on the left are extra"
        if rows.extra or columns.extra
        else ""
    )
    return (
        f"Input {rows.size}x{columns.size}{inserted}; padding {rows.before} above, {rows.after} below, "
        f"{columns.before} left, {columns.after} right{extra}; window {rows.taps}x{columns.taps}, "
        f"steps of {rows.step}x{columns.step}; output {rows.out}x{columns.out}. "
        f"The window of output element ({element[0]}, {element[1]}) is outlined."
    )


@dataclass(frozen=True, slots=True)
class Sheet:
    """One image of a result from afar: rows of squares, as dashed lines."""

    title: str
    side: int  # of a square, with the gap to the next one
    width: int
    height: int
    paths: tuple[tuple[int, str], ...]  # level, and a line for each run of squares of this level


def sheet(overview: Overview) -> Sheet:
    """Draw an image of a result: a square a block, by level."""
    side = 10 if max(len(overview.level), len(overview.level[0])) <= 12 else 6
    lines: dict[int, list[str]] = {}
    for y, row in enumerate(overview.level):
        start = 0
        for level, run in groupby(row):
            length = len(list(run))
            lines.setdefault(level, []).append(f"M{start * side} {y * side + side // 2}h{length * side - 1}")
            start += length
    paths = tuple((level, "".join(runs)) for level, runs in sorted(lines.items()))
    return Sheet(overview.title, side, len(overview.level[0]) * side, len(overview.level) * side, paths)


@dataclass(frozen=True, slots=True)
class Bars:
    """A small bar chart: one bar a class, as high as its share of all."""

    path: str
    over: str  # the last bar: what is past the last end
    width: int
    height: int


def bars(counts: Sequence[int], height: int = 22, width: int = 8) -> Bars:
    """Draw counts as bars; a class that is not empty is at least a line high."""
    most = max(counts, default=0) or 1
    shapes = []
    for i, number in enumerate(counts):
        high = max(round(number / most * height, 1), 1.2) if number else 0.4
        shapes.append(f"M{i * width} {height - high:g}h{width - 1}v{high:g}h{1 - width}z")
    return Bars("".join(shapes[:-1]), shapes[-1], len(counts) * width, height)
