"""Calls of the convolutions that break one rule each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from conformance.cases import breaks, sizes
from conformance.cases.choices import Choices
from conformance.cases.op import Break
from conformance.model import Case, Json
from conformance.ops.convolutions import calls
from conformance.ops.convolutions.forms import FORMS, Convolution, written
from reference.windows import Axis

__all__ = ["BREAKS"]

BUDGET = 2**9  # a refusal needs no large arrays


def small(op: str, choices: Choices, padding: str = "", *, groups: bool = False) -> Convolution:
    """Draw a small convolution; padding: the kind of it, where it matters."""
    return choices.aside(
        lambda drawn: calls.within(op, drawn, padding or drawn.pick(sizes.PADDINGS), BUDGET, groups=groups, whole=True),
        lambda: calls.plain(op, padding or "VALID", groups=2 if groups else 1),
    )


def near(call: Convolution) -> Convolution:
    """Return a convolution without far strides: with one, an image of 2^31 - 1 rows has one window too."""
    rows, columns = (sizes.axis(axis, call.padding, stride=min(axis.stride, 8)) for axis in (call.rows, call.columns))
    return replace(call, rows=rows, columns=columns)


def other_rank(op: str, choices: Choices) -> Case:
    """Give an array another rank."""
    call = small(op, choices)
    call = replace(call, lead=call.lead[-1:])
    case = written(call)
    name = choices.pick(tuple(case.arrays))
    more = not (op == "conv2d" and name == "input")  # its leading axes are one batch
    return breaks.rank(choices, case, name, more=more)


def filter_sizes(op: str, choices: Choices) -> Case:
    """Give filter_sizes that are no shape."""
    call = small(op, choices)
    return breaks.broken(written(call), filter_sizes=breaks.sizes_of(choices, call.filters))


def other_dtype(op: str, choices: Choices) -> Case:
    """Give arrays of a dtype that the op does not take."""
    return breaks.recast(choices, written(small(op, choices)), FORMS[op].dtypes)


def mixed_dtypes(op: str, choices: Choices) -> Case:
    """Give arrays of two dtypes."""
    return breaks.mixed(choices, written(small(op, choices)), FORMS[op].dtypes)


def strides(op: str, choices: Choices) -> Case:
    """Give wrong strides."""
    call = small(op, choices)
    return breaks.broken(written(call), strides=breaks.pair(choices, call.spelling.layout, channels=True))


def dilations(op: str, choices: Choices) -> Case:
    """Give wrong dilations."""
    call = small(op, choices)
    return breaks.broken(written(call), dilations=breaks.pair(choices, call.spelling.layout, channels=True))


def entries(name: str, op: str, choices: Choices) -> Case:
    """Give strides or dilations of fewer or more entries than the op takes."""
    call = small(op, choices)
    needed = call.form.strides if name == "strides" else call.form.dilations
    fewer: tuple[Json, ...] = (1, [1], [2], [1, 1] if needed == "four" else [1, 1, 1, 1])
    return breaks.broken(written(call), **{name: choices.pick(fewer)})


def padding(op: str, choices: Choices) -> Case:
    """Give a wrong padding."""
    call = small(op, choices)
    return breaks.broken(written(call), padding=breaks.padding(choices, call.spelling.layout, explicit=True))


def data_format(op: str, choices: Choices) -> Case:
    """Give a layout that does not exist."""
    return breaks.broken(written(small(op, choices)), data_format=breaks.format_(choices))


def empty_filters(op: str, choices: Choices) -> Case:
    """Give filters without rows, columns or channels."""
    call = small(op, choices)
    axis = choices.integer(0, 2)
    return written(call, filters=tuple(0 if i == axis else size for i, size in enumerate(call.filters)))


def channels(op: str, choices: Choices) -> Case:
    """Give an image whose channels do not divide into groups of the filters' depth."""
    call = small(op, choices, groups=True)
    wrong = choices.pick((call.image[-1] + 1, call.image[-1] - 1, 0, call.depth - 1))
    return written(call, image=(*call.image[:-1], wrong))


def filters(op: str, choices: Choices) -> Case:
    """Give a number of filters that the groups do not divide."""
    call = small(op, choices, groups=True)
    wrong = choices.pick((call.outputs + 1, call.outputs - 1, 1))
    return written(call, filters=(*call.filters[:-1], wrong), result=(*call.result[:-1], wrong))


def window(op: str, choices: Choices) -> Case:
    """Give a window that is longer than the image by more than the stride."""
    call = small(op, choices, "VALID")
    if choices.chance(50):
        call = replace(call, columns=_too_short(choices, call.columns.dilation))
    else:
        call = replace(call, rows=_too_short(choices, call.rows.dilation))
    return written(call, result=tuple(max(side, 0) for side in call.result))


def _too_short(choices: Choices, dilation: int) -> Axis:
    """Draw an axis whose image is shorter than the window by more than the stride."""
    stride = choices.pick((1, 2, 3))
    taps = stride + 1 + choices.pick((1, 0, 2, 5, 9))
    size = choices.integer(0, (taps - 1) * dilation - stride)
    return sizes.lay("VALID", size, taps, stride, dilation)


def shape(op: str, choices: Choices) -> Case:
    """Give output_shape or input_sizes that are no shape."""
    call = small(op, choices)
    wrong = breaks.sizes_of(choices, call.image, two=not call.form.depthwise)
    return breaks.broken(written(call), **{call.form.shape: wrong})


def image(op: str, choices: Choices) -> Case:
    """Ask for an image that the forward convolution maps to another size."""
    call = near(small(op, choices))
    if choices.chance(50):
        call = replace(call, columns=_resized(choices, call.columns))
    else:
        call = replace(call, rows=_resized(choices, call.rows))
    return written(call)


def _resized(choices: Choices, axis: Axis) -> Axis:
    """Return an axis of another size than the one that its windows were laid on."""
    larger = axis.size + axis.stride * choices.pick((1, 1, 2, 3))
    smaller = axis.size - axis.stride if axis.out > 1 else larger
    return replace(axis, size=choices.pick((larger, smaller, sizes.LARGEST)))


def batch(op: str, choices: Choices) -> Case:
    """Ask for an image of another batch, or give a result of another number of filters."""
    call = small(op, choices)
    call = replace(call, spelling=replace(call.spelling, sizes="list"))
    if choices.chance(50):
        return written(call, result=(*call.result[:-1], call.outputs + choices.pick((1, 2, 7))))
    return written(call, image=(choices.pick((0, call.lead[0] + 1, 2**31 - 1)), *call.image[1:]))


def result(op: str, choices: Choices) -> Case:
    """Give a gradient of another shape than the result's."""
    call = small(op, choices)
    call = replace(call, spelling=replace(call.spelling, sizes="list"))
    axis = choices.integer(0, 3)
    side = choices.pick((call.result[axis] + 1, call.result[axis] - 1, call.result[axis] * 2))
    return written(call, result=(*call.result[:axis], side, *call.result[axis + 1 :]))


def _shared(op: str) -> dict[str, Sequence[Break]]:
    """Return what breaks the rules that all convolutions have."""
    return {
        f"{op}.R1": (other_rank,),
        f"{op}.R2": (other_dtype, mixed_dtypes),
        f"{op}.R3": (strides,),
        f"{op}.R4": (dilations,),
        f"{op}.R5": (padding,),
        f"{op}.R6": (data_format,),
        f"{op}.R7": (empty_filters,),
        f"{op}.R8": (channels, filters),
        f"{op}.R9": (window,),
    }


def _depthwise(op: str) -> dict[str, Sequence[Break]]:
    """Return what breaks them where each channel has filters of its own."""
    return _shared(op) | {
        f"{op}.R3": (strides, partial(entries, "strides")),
        f"{op}.R4": (dilations, partial(entries, "dilations")),
        f"{op}.R8": (channels,),
    }


BREAKS: Mapping[str, Mapping[str, Sequence[Break]]] = {
    "conv2d": _shared("conv2d"),
    "conv2d_transpose": _shared("conv2d_transpose")
    | {"conv2d_transpose.R10": (shape,), "conv2d_transpose.R11": (image, image, batch)},
    "conv2d_backprop_input": _shared("conv2d_backprop_input")
    | {"conv2d_backprop_input.R10": (shape,), "conv2d_backprop_input.R11": (image, batch, result)},
    "conv2d_backprop_filter": _shared("conv2d_backprop_filter")
    | {"conv2d_backprop_filter.R1": (other_rank, filter_sizes), "conv2d_backprop_filter.R10": (result,)},
    "depthwise_conv2d": _depthwise("depthwise_conv2d"),
    "depthwise_conv2d_backprop_input": _depthwise("depthwise_conv2d_backprop_input")
    | {
        "depthwise_conv2d_backprop_input.R10": (shape,),
        "depthwise_conv2d_backprop_input.R11": (image, batch, result),
    },
    "depthwise_conv2d_backprop_filter": _depthwise("depthwise_conv2d_backprop_filter")
    | {
        "depthwise_conv2d_backprop_filter.R1": (other_rank, filter_sizes),
        "depthwise_conv2d_backprop_filter.R10": (result,),
    },
}
