"""The worked examples of the specification: small calls whose numbers can be checked by hand, with their figures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import reference
from conformance.model import Array
from reference.geometry import Geometry, geometry

__all__ = ["Example", "examples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One call on one image."""

    op: str
    title: str
    text: str
    call: str
    tables: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]  # name, rows of numbers
    geometry: Geometry | None
    element: tuple[int, int] = (0, 0)  # of the output, whose window the figure outlines


def examples() -> Mapping[str, tuple[Example, ...]]:
    """Return the worked examples of each op that has some."""
    found: dict[str, tuple[Example, ...]] = {}
    for example in (
        *(one_element(), there_and_back()),
        *(grown(5), grown(6), valid_remainder(), ones()),
        *(largest(), mean()),
        *(max_unpooled(), avg_unpooled()),
        dropped(),
    ):
        found[example.op] = (*found.get(example.op, ()), example)
    return found


def image(*rows: tuple[float, ...]) -> Array:
    """Return one image of one channel: [1, H, W, 1]."""
    return np.array(rows, np.float32)[None, :, :, None]


def filters_of(*rows: tuple[float, ...]) -> Array:
    """Return filters of one depth and number: [FH, FW, 1, 1]."""
    return np.array(rows, np.float32)[:, :, None, None]


def counting(high: int, wide: int) -> Array:
    """Return 1, 2, 3 ... as an image."""
    return np.arange(1, high * wide + 1, dtype=np.float32).reshape(1, high, wide, 1)


def table(array: Array) -> tuple[tuple[str, ...], ...]:
    """Write an image of one channel, or filters of one depth and number, row by row."""
    plane = array[0, :, :, 0] if array.shape[0] == 1 and array.ndim == 4 else array.reshape(array.shape[:2])
    return tuple(tuple(f"{float(entry):.6g}" for entry in row) for row in plane)


def one_element() -> Example:
    """Return one output element by hand."""
    window, filters = image((1, 0, 2), (5, 4, 2), (3, 4, 5)), filters_of((-1, 0, 1), (-1, 0, 1), (-1, 0, 1))
    out = reference.conv2d(window, filters, 1, "VALID")
    return Example(
        op="conv2d",
        title="One output element by hand",
        text="Each row of the window times -1, 0, 1: (2 - 1) + (2 - 5) + (5 - 3) = 0. With a bias of 1 it is 1.",
        call='conv2d(input, filters, strides=1, padding="VALID")',
        tables=(("input", table(window)), ("filters", table(filters)), ("output", table(out))),
        geometry=geometry("conv2d", input=(3, 3), filters=(3, 3)),
    )


def there_and_back() -> Example:
    """Return a convolution and its transpose: the shape comes back, the values do not."""
    filters = filters_of((1, 0), (0, 1))
    out = reference.conv2d(counting(3, 3), filters, 1, "SAME")
    back = reference.conv2d_transpose(out, filters, [1, 3, 3, 1], 1, "SAME")
    return Example(
        op="conv2d",
        title="There and back does not restore values",
        text="The transposed convolution restores the shape. The values are those of C^T C x, not of x.",
        call='conv2d_transpose(conv2d(input, filters, 1, "SAME"), filters, [1, 3, 3, 1], 1, "SAME")',
        tables=(
            ("input", table(counting(3, 3))),
            ("filters", table(filters)),
            ("forward", table(out)),
            ("back", table(back)),
        ),
        geometry=geometry("conv2d", input=(3, 3), filters=(2, 2), padding="SAME"),
    )


def grown(side: int) -> Example:
    """Return 1 to 9 grown to 5x5 or 6x6: where the extra zero goes."""
    out = reference.conv2d_transpose(counting(3, 3), np.ones((3, 3, 1, 1), np.float32), [1, side, side, 1], 2, "SAME")
    texts = {
        5: "One zero between neighbours, one around. Of the sides 3 to 7 only 5 and 6 are allowed: they shrink to 3.",
        6: "The same image with zeros between, and one more zero on the left and top: SAME padded the forward image "
        "last, on the bottom and right, and the transposed one undoes that. Row 0 equals row 1.",
    }
    return Example(
        op="conv2d_transpose",
        title=f"3x3 to {side}x{side}, stride 2, SAME",
        text=texts[side],
        call=f"conv2d_transpose(input, ones(3, 3), [1, {side}, {side}, 1], strides=2)",
        tables=(("input", table(counting(3, 3))), ("output", table(out))),
        geometry=geometry(
            "conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="SAME", output=(side, side)
        ),
    )


def valid_remainder() -> Example:
    """Return an output that ends in zeros."""
    out = reference.conv2d_transpose(counting(3, 3), np.ones((3, 3, 1, 1), np.float32), [1, 8, 8, 1], 2, "VALID")
    return Example(
        op="conv2d_transpose",
        title="3x3 to 8x8, stride 2, VALID",
        text="Of the sides 6 to 9 only 7 and 8 are allowed. In 8 no forward window reaches the last row and column.",
        call='conv2d_transpose(input, ones(3, 3), [1, 8, 8, 1], strides=2, padding="VALID")',
        tables=(("input", table(counting(3, 3))), ("output", table(out))),
        geometry=geometry("conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="VALID", output=(8, 8)),
        element=(7, 7),
    )


def ones() -> Example:
    """Return windows that do not overlap."""
    filters = filters_of((1, 0), (-1, -2))
    small = reference.conv2d(np.ones((1, 4, 4, 1), np.float32), filters, 2, "SAME")
    out = reference.conv2d_transpose(small, filters, [1, 4, 4, 1], 2, "SAME")
    return Example(
        op="conv2d_transpose",
        title="Windows side by side",
        text="Windows of 2 at a stride of 2 do not overlap: the output is the filters, once an element, times it.",
        call="conv2d_transpose(input, filters, [1, 4, 4, 1], strides=2)",
        tables=(("input", table(small)), ("filters", table(filters)), ("output", table(out))),
        geometry=geometry("conv2d_transpose", input=(2, 2), filters=(2, 2), strides=2, padding="SAME", output=(4, 4)),
    )


def largest() -> Example:
    """Return a maximum whose last windows reach past the image."""
    text = "The windows on the right and bottom reach past the image. Padding takes no part: it never wins."
    return pooled("max_pool", text, reference.max_pool(counting(3, 3), 2, 2, "SAME"))


def mean() -> Example:
    """Return a mean whose last windows reach past the image."""
    text = "The windows on the right and bottom hold 2, 2 and 1 elements, and are divided by as many."
    return pooled("avg_pool", text, reference.avg_pool(counting(3, 3), 2, 2, "SAME"))


def pooled(op: str, text: str, out: Array) -> Example:
    """Return 1 to 9 under 2x2 windows."""
    return Example(
        op=op,
        title="2x2 windows over 3x3, stride 2, SAME",
        text=text,
        call=f'{op}(input, ksize=2, strides=2, padding="SAME")',
        tables=(("input", table(counting(3, 3))), ("output", table(out))),
        geometry=geometry(op, input=(3, 3), filters=(2, 2), strides=2, padding="SAME"),
        element=(1, 1),
    )


def max_unpooled() -> Example:
    """Return pooled values back where they stood."""
    x = image((1, 9, 2, 0), (9, 3, 4, 8), (5, 6, 7, 7), (0, 1, 2, 3))
    values, argmax = reference.max_pool_with_argmax(x, 2, 2, "VALID")
    out = reference.max_unpool(values, argmax, [1, 4, 4, 1])
    return Example(
        op="max_unpool",
        title="Back to where they stood",
        text="Of the two 9s, and of the two 7s, argmax names the first in row-major order. Everything else is zero.",
        call="max_unpool(*max_pool_with_argmax(input, 2, 2, 'VALID'), [1, 4, 4, 1])",
        tables=(("input", table(x)), ("pooled", table(values)), ("argmax", table(argmax)), ("unpooled", table(out))),
        geometry=None,
    )


def avg_unpooled() -> Example:
    """Return pooled values all over their windows."""
    values = image((1, 2), (3, 4))
    out = reference.avg_unpool(values, 2, 2, "VALID", [1, 4, 4, 1])
    return Example(
        op="avg_unpool",
        title="All over their windows",
        text="Each value goes into every element of its window; windows that overlap add.",
        call='avg_unpool(input, 2, 2, "VALID", [1, 4, 4, 1])',
        tables=(("input", table(values)), ("unpooled", table(out))),
        geometry=None,
    )


def dropped() -> Example:
    """Return the mask of one seed."""
    out = reference.stateless_dropout(np.ones((2, 6), np.float32), 0.25, [1, 2], "philox")
    return Example(
        op="stateless_dropout",
        title="One seed, one mask",
        text="Survivors are scaled by 1 / (1 - 0.25), rounded to float32. The same seed always gives this mask.",
        call='stateless_dropout(ones(2, 6), rate=0.25, seed=[1, 2], rng_alg="philox")',
        tables=(("output", tuple(tuple(f"{entry:.6g}" for entry in row) for row in out)),),
        geometry=None,
    )
