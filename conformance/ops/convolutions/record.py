"""The records of conv2d, its transpose and its gradients; those of depthwise ones are made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import prod

import reference
from conformance.cases import classes, conditions, demands, regimes
from conformance.cases.op import Geometry, Op, Windows
from conformance.model import Array, Case
from conformance.ops import sliding
from conformance.ops.convolutions import breaks, calls, forms, layer, linear, sets, world
from conformance.targets.tensorflow.routes import ROUTES

__all__ = ["CONV2D", "CONV2D_BACKPROP_FILTER", "CONV2D_BACKPROP_INPUT", "CONV2D_TRANSPOSE"]

OPTIONS = ("data_format", "dilations")


def features(case: Case) -> dict[str, str]:
    """Classify a convolution."""
    call = forms.read(case)
    return {
        **sliding.features(call.rows, call.columns, call.padding, call.spelling),
        "longest side": classes.length(max(*call.image, *call.result)),
        "rank": str(len(call.image)),
        "batch": classes.count(prod(call.lead)),
        "channels": classes.channels(call.image[-1]),
        "filters": classes.channels(call.outputs),
        **_groups(call),
        "dilation": classes.above(max(call.rows.dilation, call.columns.dilation)),
        "terms": classes.terms(call.terms),
        "dilations spelt": call.spelling.window,
    }


def _groups(call: forms.Convolution) -> dict[str, str]:
    """Classify the groups; of a depthwise convolution, which has as many as channels, the filters of each."""
    if call.form.depthwise:
        return {"multiplier": classes.count(call.outputs // call.groups)}
    return {"groups": "1" if call.groups == 1 else "depthwise" if call.depth == 1 else "above 1"}


def simpler(case: Case) -> Iterator[Case]:
    """Yield the call with one part simpler."""
    call = forms.read(case)
    words = sliding.plainer_words(call, ("absent", "int", "two"))
    yield from map(forms.written, sliding.possible((*sliding.along(call), *forms.changes(call), *words)))


def varied(case: Case) -> Iterator[Case]:
    """Yield the call with more of a part; in another layout; with other windows."""
    call = forms.read(case)
    others = (sliding.other_layout(call), *sliding.other_sizes(call, "stride", "dilation"))
    yield from map(forms.written, sliding.possible((*forms.more(call), *others)))


def alike(case: Case, turn: int) -> Iterator[Case]:
    """Yield the call with other padding, strides or dilations, as valid."""
    return map(forms.written, sliding.possible(sliding.alike(forms.read(case), turn)))


def arrays(factors: tuple[str, str], case: Case) -> dict[str, Array]:
    """Draw the arrays of a case; factors: the two that are multiplied."""
    return demands.arrays(case, demands.products(case.dtype, forms.read(case).terms, *factors))


def windows(case: Case, *, transposed: bool = False) -> Windows:
    """Return the windows of the convolution behind a call."""
    call, op = forms.read(case), "conv2d_transpose" if transposed else "conv2d"
    axes = {"rows": call.rows, "columns": call.columns}
    return Windows(op=op, transposed=transposed, **axes, padding=call.padding, terms=call.terms)


def summed(rows: Sequence[int], columns: Sequence[int], width: int) -> str:
    """Return the sum of a window over 1, 2, 3 ... under filters of ones."""
    return str(sum(rows) * width * len(columns) + (sum(columns) + len(columns)) * len(rows))


GEOMETRY = Geometry(window="filters", meaning="the sum of its window, since the filters are ones", value=summed)

TRANSPOSE_SUM = sets.backward_sum("conv2d_transpose", "output_shape", "input")
INPUT_SUM = sets.backward_sum("conv2d_backprop_input", "input_sizes", "out_backprop")

CONV2D = Op(
    name="conv2d",
    reference=reference.conv2d,
    operands={"input": "image", "filters": "filters"},
    dtypes=forms.DTYPES,
    options=OPTIONS,
    valid=partial(calls.valid, "conv2d"),
    world=world.of("conv2d"),
    takes=partial(calls.takes, "conv2d"),
    of_layer=partial(calls.of_layer, "conv2d"),
    breaks=breaks.BREAKS["conv2d"],
    meanings={
        "conv2d.R11": (conditions.SPECIAL,),
        "conv2d.R12": (conditions.WHOLE,),
        "conv2d.R13": (
            conditions.NO_BATCH,
            conditions.NO_ROWS,
            conditions.NO_COLUMNS,
            {"filters": ("0",)},
        ),
    },
    features=features,
    simpler=simpler,
    varied=varied,
    alike=alike,
    cast=regimes.cast,
    arrays=partial(arrays, ("input", "filters")),
    allowed=sets.of_forward("conv2d", sets.conv2d_sum),
    sum=sets.conv2d_sum,
    linear=linear.CONVOLUTION,
    windows=windows,
    geometry=GEOMETRY,
    transforms=True,
    layer=layer.CONVOLUTION,
    at_layer={"conv2d_transpose": layer.TRANSPOSED_INPUT_GRADIENT},
    tensorflow=ROUTES["conv2d"],
)

CONV2D_TRANSPOSE = replace(
    CONV2D,
    name="conv2d_transpose",
    reference=reference.conv2d_transpose,
    shape_argument="output_shape",
    valid=partial(calls.valid, "conv2d_transpose"),
    world=world.of("conv2d_transpose"),
    takes=partial(calls.takes, "conv2d_transpose"),
    of_layer=partial(calls.of_layer, "conv2d_transpose"),
    breaks=breaks.BREAKS["conv2d_transpose"],
    meanings={
        "conv2d_transpose.R12": (
            {"remainder": ("above 0",)},
            {"stride above window": ("yes",)},
        ),
        "conv2d_transpose.R14": (conditions.WHOLE,),
        "conv2d_transpose.R15": (conditions.SPECIAL,),
    },
    allowed=sets.of_backward("conv2d_transpose", TRANSPOSE_SUM),
    sum=TRANSPOSE_SUM,
    linear=linear.TRANSPOSITION,
    windows=partial(windows, transposed=True),
    layer=layer.TRANSPOSITION,
    at_layer={},
    tensorflow=ROUTES["conv2d_transpose"],
)

CONV2D_BACKPROP_INPUT = replace(
    CONV2D,
    name="conv2d_backprop_input",
    reference=reference.conv2d_backprop_input,
    gradient=True,
    operands={"filters": "filters", "out_backprop": "image"},
    shape_argument="input_sizes",
    valid=partial(calls.valid, "conv2d_backprop_input"),
    world=world.of("conv2d_backprop_input"),
    takes=partial(calls.takes, "conv2d_backprop_input"),
    of_layer=partial(calls.of_layer, "conv2d_backprop_input"),
    breaks=breaks.BREAKS["conv2d_backprop_input"],
    meanings={
        "conv2d_backprop_input.R12": (
            conditions.NO_BATCH,
            conditions.NO_ROWS,
            conditions.NO_COLUMNS,
        )
    },
    arrays=partial(arrays, ("out_backprop", "filters")),
    allowed=sets.of_backward("conv2d_backprop_input", INPUT_SUM),
    sum=INPUT_SUM,
    linear=linear.INPUT_GRADIENT,
    windows=partial(windows, transposed=True),
    geometry=None,
    layer=None,
    at_layer={"conv2d": layer.INPUT_GRADIENT},
    tensorflow=ROUTES["conv2d_backprop_input"],
)

CONV2D_BACKPROP_FILTER = replace(
    CONV2D,
    name="conv2d_backprop_filter",
    reference=reference.conv2d_backprop_filter,
    gradient=True,
    operands={"input": "image", "out_backprop": "image"},
    shape_argument="filter_sizes",
    result="filters",
    image=False,
    valid=partial(calls.valid, "conv2d_backprop_filter"),
    world=world.of("conv2d_backprop_filter"),
    takes=partial(calls.takes, "conv2d_backprop_filter"),
    of_layer=partial(calls.of_layer, "conv2d_backprop_filter"),
    breaks=breaks.BREAKS["conv2d_backprop_filter"],
    meanings={
        "conv2d_backprop_filter.R11": (
            conditions.NO_BATCH,
            conditions.NO_ROWS,
            conditions.NO_COLUMNS,
        )
    },
    arrays=partial(arrays, ("input", "out_backprop")),
    allowed=sets.of_filter_gradient("conv2d_backprop_filter", sets.filter_gradient_sum),
    sum=sets.filter_gradient_sum,
    linear=linear.FILTER_GRADIENT,
    geometry=None,
    layer=None,
    at_layer={"conv2d": layer.FILTER_GRADIENT, "conv2d_transpose": layer.TRANSPOSED_FILTER_GRADIENT},
    tensorflow=ROUTES["conv2d_backprop_filter"],
)
