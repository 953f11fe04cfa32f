"""Windows that slide over an image, as convolutions and pools have them: their features, and calls next to a call."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from conformance.cases import classes, sizes
from conformance.cases.spelling import Spelling, arranged, nhwc
from conformance.ops.convolutions.forms import Convolution
from conformance.ops.pools.calls import Pool
from reference.windows import Axis

__all__ = ["alike", "along", "features", "laid", "other_layout", "other_sizes", "plainer_words", "possible"]

Sliding = TypeVar("Sliding", Convolution, Pool)

GROWTH = 16  # of the windows, at most, where an attribute is another
NOTHING: Mapping[str, int] = {}  # no change


def features(rows: Axis, columns: Axis, padding: str, words: Spelling) -> dict[str, str]:
    """Classify windows and sizes."""
    both = (rows, columns)
    return {
        "padding": padding,
        "padding ends": "alike" if all(axis.before == axis.after for axis in both) else "unlike",
        "window": "1" if max(rows.taps, columns.taps) == 1 else "square" if rows.taps == columns.taps else "oblong",
        "padding above window": "yes" if any(max(axis.before, axis.after) > axis.reach for axis in both) else "no",
        "longest window": classes.length(max(axis.reach for axis in both)),
        "stride": classes.stride(max(rows.stride, columns.stride)),
        "strides": "equal" if rows.stride == columns.stride else "unequal",
        "stride above window": "yes" if any(axis.stride > axis.reach for axis in both) else "no",
        "window above image": "yes" if any(axis.reach > axis.size for axis in both) else "no",
        "remainder": "0" if all(remainder(axis) == 0 for axis in both) else "above 0",
        "image height": classes.side(rows.size),
        "image width": classes.side(columns.size),
        "output height": classes.side(rows.out),
        "output width": classes.side(columns.out),
        "strides spelt": words.strides,
        "data_format spelt": words.data_format,
        "shape spelt": words.sizes,
    }


def remainder(axis: Axis) -> int:
    """Return how many elements at the end of the padded image no window reaches."""
    return axis.padded - ((axis.out - 1) * axis.stride + axis.reach) if axis.out > 0 else 0


def along(call: Sliding) -> Iterator[Sliding]:
    """Yield the call with smaller windows, strides, dilations and images, and with simpler padding."""
    kinds = ("VALID", "SAME", "EXPLICIT")
    for padding in kinds[: kinds.index(call.padding)]:
        yield laid(replace(call, padding=padding))
    for name in ("stride", "dilation"):
        yield laid(call, rows={name: 1}, columns={name: 1})
    for name in ("size", "taps", "stride", "dilation"):
        yield from (laid(call, rows={name: less}) for less in sizes.smaller(getattr(call.rows, name)))
        yield from (laid(call, columns={name: less}) for less in sizes.smaller(getattr(call.columns, name)))


def other_sizes(call: Sliding, *names: str) -> Iterator[Sliding]:
    """Yield the call with each of these attributes of its windows at 2, and with one row or column more."""
    for name in names:
        yield laid(call, rows={name: 2}, columns={name: 2})
    yield laid(call, rows={"size": call.rows.size + 1})
    yield laid(call, columns={"size": call.columns.size + 1})


def other_layout(call: Sliding) -> Sliding:
    """Return the call with the other layout."""
    layout = "NHWC" if call.spelling.layout == "NCHW" else "NCHW"
    return replace(call, spelling=replace(call.spelling, data_format=layout))


def laid(call: Sliding, rows: Mapping[str, int] = NOTHING, columns: Mapping[str, int] = NOTHING) -> Sliding:
    """Return the call with windows over other axes: with these changes of size, taps, stride or dilation."""
    return replace(
        call,
        rows=sizes.axis(call.rows, call.padding, **rows),
        columns=sizes.axis(call.columns, call.padding, **columns),
    )


def alike(call: Sliding, turn: int) -> Iterator[Sliding]:
    """
    Yield the call with one attribute other, whose arrays may have the same shapes: a cache by shapes confuses both.

    turn: which change comes first.
    """
    window = "taps" if isinstance(call, Pool) else "dilation"
    ways: list[Callable[[], Sliding]] = [
        lambda: laid(replace(call, padding="VALID" if call.padding == "SAME" else "SAME")),
        lambda: laid(call, rows={"stride": 2}, columns={"stride": 2}),
        lambda: _transposed(call),
        lambda: laid(call, rows={window: 2}, columns={window: 2}),
        lambda: laid(call, rows={"stride": 1}, columns={"stride": 1}),
        lambda: laid(call, rows={window: 1}, columns={window: 1}),
    ]
    for number in range(len(ways)):
        other = ways[(turn + number) % len(ways)]()
        if other.rows.out * other.columns.out <= GROWTH * max(call.rows.out * call.columns.out, 1):
            yield other


def _transposed(call: Sliding) -> Sliding:
    """Return a pool with the other layout of an image of the same shape, whose axes then are others."""
    if not isinstance(call, Pool) or call.op == "max_pool_with_argmax":
        return call
    turned = other_layout(call)
    _, rows, columns, channels = nhwc(arranged(call.image, call.spelling.layout), turned.spelling.layout)
    return replace(laid(turned, rows={"size": rows}, columns={"size": columns}), channels=channels)


def plainer_words(call: Sliding, window: Sequence[str]) -> Iterator[Sliding]:
    """Yield the call in plainer words, one at a time; window: spellings of ksize or dilations, the plainest first."""
    plain = {"data_format": ("absent", "NHWC"), "strides": ("int", "two"), "window": window, "sizes": ("list",)}
    for name, options in plain.items():
        now = getattr(call.spelling, name)
        for option in options[: options.index(now)] if now in options else options:
            yield replace(call, spelling=replace(call.spelling, **{name: option}))


def possible(calls: Iterable[Sliding], also: Callable[[Sliding], bool] = lambda _: True) -> Iterator[Sliding]:
    """Yield the calls that have an output, and of which `also` holds."""
    return (call for call in calls if min(call.rows.out, call.columns.out) >= 0 and also(call))
