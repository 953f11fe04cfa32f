"""How calls of convolutions are written: each is given by a forward convolution, of which it holds two parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Literal, TypeAlias

from conformance.cases import sizes, spelling
from conformance.cases.regimes import FLOATS
from conformance.cases.sizes import smaller
from conformance.cases.spelling import Spelling, arranged, nhwc
from conformance.model import ArraySpec, Case, Json
from reference.checks import padding_pairs, spatial
from reference.ops.depthwise_conv2d import grouped
from reference.windows import Axis

__all__ = ["DTYPES", "FORMS", "Convolution", "Form", "changes", "more", "read", "written"]

DTYPES = (*FLOATS, "int32")
Part: TypeAlias = Literal["image", "filters", "result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the calls of an op are written."""

    arrays: Mapping[str, Part]  # argument: the part of the forward convolution that it is
    shape: str = ""  # the argument that is the shape of the other part, which is computed
    dtypes: tuple[str, ...] = DTYPES  # as they are drawn
    depthwise: bool = False  # whether each channel has filters of its own, [FH, FW, C, M]
    strides: str = ""  # their one spelling, where there is one
    dilations: str = ""  # likewise, where they are given

    @property
    def computed(self) -> Part:
        """The part that is computed."""
        parts: tuple[Part, ...] = ("image", "filters", "result")
        return next(part for part in parts if part not in self.arrays.values())


DEPTHWISE = Form(
    arrays={"input": "image", "filter": "filters"}, dtypes=FLOATS, depthwise=True, strides="four", dilations="two"
)
FORMS: Mapping[str, Form] = {
    "conv2d": Form(arrays={"input": "image", "filters": "filters"}),
    "conv2d_transpose": Form(arrays={"input": "result", "filters": "filters"}, shape="output_shape"),
    "conv2d_backprop_input": Form(arrays={"filters": "filters", "out_backprop": "result"}, shape="input_sizes"),
    "conv2d_backprop_filter": Form(arrays={"input": "image", "out_backprop": "result"}, shape="filter_sizes"),
    "depthwise_conv2d": DEPTHWISE,
    "depthwise_conv2d_backprop_input": replace(
        DEPTHWISE, arrays={"filter": "filters", "out_backprop": "result"}, shape="input_sizes", dilations="four"
    ),
    "depthwise_conv2d_backprop_filter": replace(
        DEPTHWISE, arrays={"input": "image", "out_backprop": "result"}, shape="filter_sizes", dilations="four"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """The forward convolution behind a call, and how the call is spelt."""

    op: str
    lead: tuple[int, ...]  # the batch: one axis, or more for conv2d
    rows: Axis
    columns: Axis
    padding: str  # SAME, VALID or EXPLICIT
    depth: int  # of the filters, FI; 1 of depthwise ones
    groups: int  # as many as channels, of depthwise ones
    outputs: int  # filters, O
    dtype: str
    spelling: Spelling
    regime: str
    seed: int

    @property
    def form(self) -> Form:
        """How the call is written."""
        return FORMS[self.op]

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
        """The filters: [FH, FW, FI, O], depthwise ones [FH, FW, C, M]."""
        if self.form.depthwise:
            return (self.rows.taps, self.columns.taps, self.groups, self.outputs // self.groups)
        return (self.rows.taps, self.columns.taps, self.depth, self.outputs)

    @property
    def terms(self) -> int:
        """The products of one output element of the call, at most."""
        if self.form.computed == "filters":
            return prod(self.lead) * self.rows.out * self.columns.out
        channels = self.depth if self.form.computed == "result" else self.outputs // self.groups
        return self.rows.taps * self.columns.taps * channels


def written(call: Convolution, **shapes: tuple[int, ...]) -> Case:
    """
    Return the call that this convolution is behind.

    shapes: of image, filters or result, where they are to be others than the convolution's, which breaks a rule.
    """
    layout = call.spelling.layout
    parts = {name: shapes.get(name, getattr(call, name)) for name in ("image", "filters", "result")}
    given = {part: shape if part == "filters" else arranged(shape, layout) for part, shape in parts.items()}
    return Case(
        op=call.op,
        arrays={name: ArraySpec(given[part], call.dtype) for name, part in call.form.arrays.items()},
        attributes=_attributes(call, layout, parts),
        regime=call.regime,
        seed=call.seed,
    )


def _attributes(call: Convolution, layout: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Json]:
    """Return the attributes of the call; shapes: of its parts."""
    rows, columns, words, form = call.rows, call.columns, call.spelling, call.form
    gaps = (rows.dilation, columns.dilation)
    left_out = gaps == (1, 1) and words.window in ("absent", "none")
    attributes = spelling.given(
        strides=spelling.pair((rows.stride, columns.stride), form.strides or words.strides, layout),
        padding=spelling.padding(call.padding, (rows.before, rows.after), (columns.before, columns.after), layout),
        data_format=spelling.FORMATS[words.data_format],
        dilations=spelling.pair(gaps, words.window if left_out else form.dilations or words.window, layout),
    )
    if form.computed == "filters":
        attributes[form.shape] = spelling.shape(shapes["filters"], words.sizes, "NHWC")
    elif form.shape:
        two = words.sizes == "two" and call.groups > 1  # height and width leave the channels to the filters
        attributes[form.shape] = spelling.shape(shapes["image"], "list" if two else words.sizes, layout)
    return attributes


def read(case: Case) -> Convolution:
    """Return the convolution behind a valid call: the inverse of `written`."""
    layout, form = spelling.layout_of(case.attributes), FORMS[case.op]
    image, filters = _shapes(case, layout)
    strides = spatial("", "strides", spelling.decoded(case.attributes["strides"]), layout)[0]
    dilations = spatial("", "dilations", spelling.decoded(case.attributes.get("dilations")), layout)[0]
    pads = padding_pairs("", spelling.decoded(case.attributes["padding"]), layout)
    kind, pairs = (pads, ((0, 0), (0, 0))) if isinstance(pads, str) else ("EXPLICIT", pads)
    rows, columns = (sizes.lay(kind, image[i - 3], filters[i], strides[i], dilations[i], pairs[i]) for i in range(2))
    depth, outputs = (grouped(filters) if form.depthwise else filters)[2:]
    return Convolution(
        op=case.op,
        lead=image[:-3],
        rows=rows,
        columns=columns,
        padding=kind,
        depth=depth,
        groups=image[-1] // depth,
        outputs=outputs,
        dtype=case.dtype,
        spelling=Spelling(
            data_format=spelling.data_format(case.attributes),
            strides=spelling.spelt_pair(case.attributes, "strides"),
            window=spelling.spelt_pair(case.attributes, "dilations"),
            sizes=spelling.spelt_shape(case.attributes[form.shape]) if form.shape else "list",
        ),
        regime=case.regime,
        seed=case.seed,
    )


def _shapes(case: Case, layout: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the forward convolution's image [..., H, W, I], and its filters as the op has them."""
    form = FORMS[case.op]
    given = {part: case.arrays[name].shape for name, part in form.arrays.items()}
    asked = tuple(map(int, spelling.decoded(case.attributes[form.shape]))) if form.shape else ()
    filters = given.get("filters", asked)
    if "image" in given:
        return nhwc(given["image"], layout), filters
    return (given["result"][0], *asked, filters[2]) if len(asked) == 2 else nhwc(asked, layout), filters


def changes(call: Convolution) -> Iterator[Convolution]:
    """Yield the call with a simpler batch, depth, number of groups or of filters."""
    each = call.outputs // call.groups
    if len(call.lead) > 1:
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


def more(call: Convolution) -> Iterator[Convolution]:
    """Yield the call with two images; with two and eight filters for each group, channels: of the classes above one."""
    yield replace(call, lead=(*call.lead[:-1], 2))
    for several in (2, 8):
        yield replace(call, outputs=several * call.groups)
        if call.form.depthwise:
            yield replace(call, groups=several, outputs=several * (call.outputs // call.groups))
        else:
            yield replace(call, depth=several)
