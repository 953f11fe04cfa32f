"""Valid calls of the convolutions, their gradients and transposes, drawn by their forward convolution."""

from collections.abc import Sequence
from math import isqrt

from conformance.cases import sizes, spelling
from conformance.cases.choices import Choices
from conformance.cases.layers import CONVOLUTIONS, DEPTHWISE, Layer
from conformance.cases.regimes import COMMON, regime
from conformance.cases.sizes import DATA, at_most
from conformance.cases.spelling import Spelling
from conformance.model import Case
from conformance.ops.convolutions.forms import FORMS, Convolution, written
from reference import windows
from reference.windows import Axis

__all__ = ["of_layer", "plain", "real", "takes", "valid", "within"]

# Which side is long in a kind, by op: of "wide" the channels of the result, of "deep" what its sums run over.
LONG = {"batch": sizes.MANY, "wide": sizes.WIDE, "deep": sizes.DEEP}
ANY_SIDE = ("lead", "outputs", "depth")
SIDES = {
    "conv2d": {"batch": "lead", "wide": "outputs", "deep": "depth"},
    "conv2d_transpose": {"batch": "lead", "wide": "depth", "deep": "outputs"},
    "conv2d_backprop_input": {"batch": "lead", "wide": "depth", "deep": "outputs"},
    "conv2d_backprop_filter": {"batch": "lead", "wide": "depth", "deep": "lead"},
}
# Likewise of depthwise ones, by what is computed; their sums run over the window, the filters of a channel, or images.
DEPTHWISE_SIDES = ("lead", "channels", "each")
# Large windows are theirs (ConvNeXt, RepLKNet), leading axes are not.
DEPTHWISE_LONG = {
    part: {"batch": "lead", "wide": "channels", "deep": deep, "leading axes": "windows"}
    for part, deep in (("result", "windows"), ("image", "each"), ("filters", "lead"))
}
LARGE = {"deep": (*sizes.WINDOWS, sizes.WINDOWS[-1]), "leading axes": (11, 11, 7, 31)}  # taps
MULTIPLIERS = (1, 1, 1, 1, 2, 2, 3, 4, 5, 8, 9, 16)  # filters of each channel of a depthwise convolution


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call."""
    return written(drawn(op, choices))


def drawn(op: str, choices: Choices) -> Convolution:
    """Draw a forward convolution."""
    kind = choices.pick(sizes.KINDS)
    if kind == "layer":
        return real(op, choices)
    return within(op, choices, choices.pick(sizes.PADDINGS), choices.pick(sizes.BUDGETS), kind)


def real(op: str, choices: Choices) -> Convolution:
    """Draw a convolution at a layer of a real network."""
    return _at(op, choices.pick(DEPTHWISE if FORMS[op].depthwise else CONVOLUTIONS), choices)


def within(
    op: str,
    choices: Choices,
    padding: str,
    budget: int,
    kind: str = "",
    *,
    groups: bool = False,
    whole: bool = False,
) -> Convolution:
    """
    Draw a forward convolution with this padding and at most so many multiplications.

    kind: one of `sizes.KINDS`. groups: with two or more groups of two or more channels. whole: nothing is empty.
    """
    if FORMS[op].depthwise:
        return _depthwise(op, choices, padding, budget, kind, channels=1 + groups, whole=whole)
    dtype = choices.pick(COMMON if kind == "ordinary" else FORMS[op].dtypes)
    values = regime(choices, dtype)
    # A long side takes most of the room; the others share the rest.
    long = choices.pick(ANY_SIDE) if kind == "past 16 bits" else SIDES[op].get(kind)
    many = choices.pick(LONG.get(kind, sizes.PAST_16_BITS)) if long else 1
    channels, batches, groupings = sizes.outer(kind)
    budget, data = (max(budget, 2**6 * many) // many, DATA // many)
    rows, columns = sizes.axes(choices, padding, budget, kind=kind, empty=not whole and kind in sizes.MAY_BE_EMPTY)
    taps = rows.taps * columns.taps
    area = max(rows.size * columns.size, rows.out * columns.out, 1)
    spent = max(rows.out * columns.out, 1) * taps
    most = min(budget // spent, data // area)
    depth = choices.pick(at_most(channels, isqrt(most) if kind == "as many" else most))
    depth = many if long == "depth" else max(depth, 1 + (groups or kind == "as many"))
    several = choices.pick((2, 3, 4) if groups else at_most(groupings, data // (area * depth)))
    most = min(budget // (spent * depth), data // (area * several), data // (taps * depth)) // several
    filters = choices.pick(at_most(channels, most))
    filters = many if long == "outputs" else {"as many": depth, "nothing": 0}.get(kind, filters)
    outputs = filters * several
    most = min(budget // (spent * depth * max(outputs, 1)), data // (area * max(depth * several, outputs)))
    lead = (many,) if long == "lead" else _lead(op, choices, at_most(batches, most), kind)
    return Convolution(
        op=op,
        lead=lead,
        rows=rows,
        columns=columns,
        padding=padding,
        depth=depth,
        groups=several,
        outputs=outputs,
        dtype=dtype,
        spelling=_spelling(op, choices, rows, columns, may_be_two=several == 1, layouts=len(lead) == 1),
        regime=values,
        seed=choices.integer(0, sizes.LARGEST),
    )


def _depthwise(
    op: str, choices: Choices, padding: str, budget: int, kind: str, *, channels: int, whole: bool
) -> Convolution:
    """Draw a depthwise convolution; channels: the least number of them."""
    form = FORMS[op]
    dtype = choices.pick(COMMON if kind == "ordinary" else form.dtypes)
    values = regime(choices, dtype)
    long = choices.pick(DEPTHWISE_SIDES) if kind == "past 16 bits" else DEPTHWISE_LONG[form.computed].get(kind)
    many = choices.pick(LONG.get(kind, sizes.PAST_16_BITS)) if long in DEPTHWISE_SIDES else 1
    budget, data = max(budget, 2**6 * many) // many, DATA // many
    if long == "windows":
        taps, channels = choices.pick(LARGE[kind]), 2
        dilation = choices.pick((1, 1, 4))
        rows, columns = _large(choices, padding, taps, dilation), _large(choices, padding, taps, dilation)
    else:
        rows, columns = sizes.axes(choices, padding, budget, kind=kind, empty=not whole and kind in sizes.MAY_BE_EMPTY)
    area = max(rows.size * columns.size, rows.out * columns.out, rows.taps * columns.taps)
    most = min(budget // (max(rows.out * columns.out, 1) * rows.taps * columns.taps), data // area)
    counts, batches, _ = sizes.outer(kind)
    count = choices.pick(at_most(counts, isqrt(most) if kind == "as many" else most))
    count = many if long == "channels" else max(count, channels)
    each = choices.pick(at_most(MULTIPLIERS, most // count))
    each = many if long == "each" else {"as many": count, "nothing": 0}.get(kind, each)
    batch = choices.pick(at_most(batches, most // (count * max(each, 1))))
    return Convolution(
        op=op,
        lead=(many if long == "lead" else 0 if kind == "no batch" else batch,),
        rows=rows,
        columns=columns,
        padding=padding,
        depth=1,
        groups=count,
        outputs=count * each,
        dtype=dtype,
        spelling=_spelling(op, choices, rows, columns, may_be_two=False, layouts=True),
        regime=values,
        seed=choices.integer(0, sizes.LARGEST),
    )


def _large(choices: Choices, padding: str, taps: int, dilation: int) -> Axis:
    """Draw a few large windows along one axis."""
    size = windows.reach(taps, dilation)
    if padding == "SAME":
        return sizes.lay(padding, size, taps, choices.pick((taps // 2, taps // 3)), dilation)
    pads = (choices.integer(0, 1), choices.integer(0, 1))
    return sizes.lay(padding, size + choices.integer(0, 2), taps, 1, dilation, pads)


def plain(op: str, padding: str, groups: int = 1) -> Convolution:
    """Return an ordinary call: two images of 5x6 in float32, windows of 3x2, four filters; depthwise two a channel."""
    depthwise = FORMS[op].depthwise
    rows, columns = (sizes.lay(padding, size, taps, 1, 1) for size, taps in ((5, 3), (6, 2)))
    return Convolution(
        op=op,
        lead=(2,),
        rows=rows,
        columns=columns,
        padding=padding,
        depth=1 if depthwise else 2,
        groups=2 if depthwise else groups,
        outputs=4,
        dtype="float32",
        spelling=Spelling(data_format="absent", strides="int", window="absent", sizes="list"),
        regime="lattice",
        seed=0,
    )


def _lead(op: str, choices: Choices, batches: Sequence[int], kind: str) -> tuple[int, ...]:
    """Draw the batch: empty, or of several axes for conv2d, where the kind says so."""
    if kind == "no batch":
        return (0,)
    batch = choices.pick(batches)
    if op != "conv2d" or kind != "leading axes":
        return (batch,)
    return (1, batch) if batch % 2 or choices.chance(50) else (2, batch // 2)


def _spelling(op: str, choices: Choices, rows: Axis, columns: Axis, *, may_be_two: bool, layouts: bool) -> Spelling:
    """Choose the words of a call."""
    form = FORMS[op]
    two = may_be_two and form.computed == "image"
    return Spelling(
        data_format=choices.pick(("absent", "NHWC", "none", "NCHW", "NCHW")[: 5 if layouts else 3]),
        strides=spelling.pair_spelling(choices, (rows.stride, columns.stride)),
        window=spelling.pair_spelling(choices, (rows.dilation, columns.dilation), optional=True),
        sizes=spelling.shape_spelling(choices, two=two) if form.shape else "list",
    )


def takes(op: str, layer: Layer) -> bool:
    """Return whether a layer is such a convolution."""
    kind = "deconv" if op == "conv2d_transpose" else "conv"
    return layer.kind == kind and (not FORMS[op].depthwise or layer.groups == layer.channels)


def of_layer(op: str, layer: Layer, choices: Choices) -> Case:
    """Draw a call at a layer that the op takes."""
    return written(_at(op, layer, choices))


def _at(op: str, layer: Layer, choices: Choices) -> Convolution:
    """Draw a convolution at a layer."""
    form, rows, columns = FORMS[op], layer.rows, layer.columns
    dtype = choices.pick(form.dtypes)
    may_be_two = layer.groups == 1 and not form.depthwise
    return Convolution(
        op=op,
        lead=(layer.batch,),
        rows=rows,
        columns=columns,
        padding=layer.padding,
        depth=layer.channels // layer.groups,
        groups=layer.groups,
        outputs=layer.outputs,
        dtype=dtype,
        spelling=_spelling(op, choices, rows, columns, may_be_two=may_be_two, layouts=True),
        regime=regime(choices, dtype),
        seed=choices.integer(0, sizes.LARGEST),
    )
