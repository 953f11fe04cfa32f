"""Calls of conv2d, its gradients and its transpose: each is given by a forward convolution."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod

from conformance.cases import sizes, spelling
from conformance.cases.choices import Choices
from conformance.cases.layers import CONVOLUTIONS
from conformance.cases.regimes import COMMON, regime
from conformance.cases.sizes import DATA, at_most, smaller
from conformance.cases.spelling import Spelling, arranged, nhwc
from conformance.model import ArraySpec, Case, Json
from reference.checks import padding_pairs, spatial
from reference.windows import Axis

__all__ = ["DTYPES", "SHAPES", "Convolution", "changes", "read", "valid", "within", "written"]

DTYPES = ("float32", "float32", "float32", "bfloat16", "float16", "float16", "float64", "int32")
# Which side is long in a kind, by op: of "wide" the channels of the result, of "deep" what its sums run over.
LONG = {"batch": sizes.MANY, "wide": sizes.WIDE, "deep": sizes.DEEP}
ANY_SIDE = ("lead", "outputs", "depth")
SIDES = {
    "conv2d": {"batch": "lead", "wide": "outputs", "deep": "depth"},
    "conv2d_transpose": {"batch": "lead", "wide": "depth", "deep": "outputs"},
    "conv2d_backprop_input": {"batch": "lead", "wide": "depth", "deep": "outputs"},
    "conv2d_backprop_filter": {"batch": "lead", "wide": "depth", "deep": "lead"},
}
SHAPES = {
    "conv2d_transpose": "output_shape",
    "conv2d_backprop_input": "input_sizes",
    "conv2d_backprop_filter": "filter_sizes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """The forward convolution behind a call, and how the call is spelt."""

    op: str
    lead: tuple[int, ...]  # the batch: one axis, or more for conv2d
    rows: Axis
    columns: Axis
    padding: str  # SAME, VALID or EXPLICIT
    depth: int  # of the filters, FI
    groups: int
    outputs: int  # filters, O
    dtype: str
    spelling: Spelling
    regime: str
    seed: int

    @property
    def image(self) -> tuple[int, ...]:
        """The image of the forward convolution: [..., H, W, I]."""
        return (*self.lead, self.rows.size, self.columns.size, self.depth * self.groups)

    @property
    def result(self) -> tuple[int, ...]:
        """The result of the forward convolution: [..., OH, OW, O]."""
        return (*self.lead, self.rows.out, self.columns.out, self.outputs)

    @property
    def filters(self) -> tuple[int, int, int, int]:
        """The filters: [FH, FW, FI, O]."""
        return (self.rows.taps, self.columns.taps, self.depth, self.outputs)

    @property
    def terms(self) -> int:
        """The products of one output element of the call, at most."""
        if self.op == "conv2d_backprop_filter":
            return prod(self.lead) * self.rows.out * self.columns.out
        channels = self.depth if self.op == "conv2d" else self.outputs // self.groups
        return self.rows.taps * self.columns.taps * channels


def valid(op: str, choices: Choices) -> Case:
    """Draw a valid call."""
    return written(drawn(op, choices))


def drawn(op: str, choices: Choices) -> Convolution:
    """Draw a forward convolution."""
    kind = choices.pick(sizes.KINDS)
    if kind == "layer":
        return _layer(op, choices)
    return within(op, choices, choices.pick(sizes.PADDINGS), choices.pick(sizes.BUDGETS), kind)


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
    dtype = choices.pick(COMMON if kind == "ordinary" else DTYPES)
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
    filters = op == "conv2d_backprop_filter"
    return Spelling(
        data_format=choices.pick(("absent", "NHWC", "none", "NCHW", "NCHW")[: 5 if layouts else 3]),
        strides=spelling.pair_spelling(choices, (rows.stride, columns.stride)),
        window=spelling.pair_spelling(choices, (rows.dilation, columns.dilation), optional=True),
        sizes="list" if op == "conv2d" else spelling.shape_spelling(choices, two=may_be_two and not filters),
    )


def _layer(op: str, choices: Choices) -> Convolution:
    """Draw a layer of a real network."""
    layer = choices.pick(CONVOLUTIONS)
    high, wide, depth = layer.image
    rows, columns = (sizes.lay(layer.padding, size, layer.taps, layer.stride, 1) for size in (high, wide))
    return Convolution(
        op=op,
        lead=(1,),
        rows=rows,
        columns=columns,
        padding=layer.padding,
        depth=depth // layer.groups,
        groups=layer.groups,
        outputs=layer.outputs,
        dtype=(dtype := choices.pick(DTYPES)),
        spelling=_spelling(op, choices, rows, columns, may_be_two=layer.groups == 1, layouts=True),
        regime=regime(choices, dtype),
        seed=choices.integer(0, sizes.LARGEST),
    )


def written(call: Convolution, **shapes: tuple[int, ...]) -> Case:
    """
    Return the call that this convolution is behind.

    shapes: of image, filters or result, where they are to be others than the convolution's, which breaks a rule.
    """
    layout = call.spelling.layout
    image, result = (arranged(shapes.get(name, getattr(call, name)), layout) for name in ("image", "result"))
    filters = shapes.get("filters", call.filters)
    operands = {
        "conv2d": {"input": image, "filters": filters},
        "conv2d_transpose": {"input": result, "filters": filters},
        "conv2d_backprop_input": {"filters": filters, "out_backprop": result},
        "conv2d_backprop_filter": {"input": image, "out_backprop": result},
    }[call.op]
    return Case(
        op=call.op,
        arrays={name: ArraySpec(shape, call.dtype) for name, shape in operands.items()},
        attributes=_attributes(call, layout, {"image": call.image, "filters": filters, **shapes}),
        regime=call.regime,
        seed=call.seed,
    )


def _attributes(call: Convolution, layout: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Json]:
    """Return the attributes of the call; shapes: of image and filters, where they are arguments."""
    rows, columns, words = call.rows, call.columns, call.spelling
    attributes = spelling.given(
        strides=spelling.pair((rows.stride, columns.stride), words.strides, layout),
        padding=spelling.padding(call.padding, (rows.before, rows.after), (columns.before, columns.after), layout),
        data_format=spelling.FORMATS[words.data_format],
        dilations=spelling.pair((rows.dilation, columns.dilation), words.window, layout),
    )
    if call.op == "conv2d_backprop_filter":
        attributes["filter_sizes"] = spelling.shape(shapes["filters"], words.sizes, "NHWC")
    elif call.op != "conv2d":
        two = words.sizes == "two" and call.groups > 1  # height and width leave the channels to the filters
        attributes[SHAPES[call.op]] = spelling.shape(shapes["image"], "list" if two else words.sizes, layout)
    return attributes


def read(case: Case) -> Convolution:
    """Return the convolution behind a valid call: the inverse of `written`."""
    layout = spelling.layout_of(case.attributes)
    image, filters, outputs = _shapes(case, layout)
    strides = spatial("", "strides", spelling.decoded(case.attributes["strides"]), layout)[0]
    dilations = spatial("", "dilations", spelling.decoded(case.attributes.get("dilations")), layout)[0]
    pads = padding_pairs("", spelling.decoded(case.attributes["padding"]), layout)
    kind, pairs = (pads, ((0, 0), (0, 0))) if isinstance(pads, str) else ("EXPLICIT", pads)
    rows, columns = (sizes.lay(kind, image[i - 3], filters[i], strides[i], dilations[i], pairs[i]) for i in range(2))
    name = SHAPES.get(case.op)
    return Convolution(
        op=case.op,
        lead=image[:-3],
        rows=rows,
        columns=columns,
        padding=kind,
        depth=filters[2],
        groups=image[-1] // filters[2],
        outputs=outputs,
        dtype=case.dtype,
        spelling=Spelling(
            data_format=spelling.data_format(case.attributes),
            strides=spelling.spelt_pair(case.attributes, "strides"),
            window=spelling.spelt_pair(case.attributes, "dilations"),
            sizes=spelling.spelt_shape(case.attributes[name]) if name else "list",
        ),
        regime=case.regime,
        seed=case.seed,
    )


def _shapes(case: Case, layout: str) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return the forward convolution's image [..., H, W, I], its filters, and their number."""
    shapes = {name: array.shape for name, array in case.arrays.items()}
    if case.op in ("conv2d", "conv2d_backprop_filter"):
        filters = shapes.get("filters") or tuple(map(int, spelling.decoded(case.attributes["filter_sizes"])))
        return nhwc(shapes["input"], layout), filters, filters[3]
    filters = shapes["filters"]
    asked = tuple(map(int, spelling.decoded(case.attributes[SHAPES[case.op]])))
    batch = shapes["input" if case.op == "conv2d_transpose" else "out_backprop"][0]
    return (batch, *asked, filters[2]) if len(asked) == 2 else nhwc(asked, layout), filters, filters[3]


def changes(call: Convolution) -> Iterator[Convolution]:
    """Yield the call with a simpler batch, depth, number of groups or of filters."""
    each = call.outputs // call.groups
    if call.op == "conv2d" and len(call.lead) > 1:
        yield replace(call, lead=(prod(call.lead),))
    for batch in smaller(call.lead[-1]):
        yield replace(call, lead=(*call.lead[:-1], batch))
    if call.groups > 1:
        yield replace(call, groups=1, outputs=each)
        yield replace(call, groups=2, outputs=2 * each)
    for depth in smaller(call.depth):
        yield replace(call, depth=depth)
    for filters in smaller(each):
        yield replace(call, outputs=filters * call.groups)
