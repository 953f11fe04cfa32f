"""Calls of the pools that break one rule each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from conformance.cases import breaks, sizes
from conformance.cases.choices import Choices
from conformance.cases.op import Break
from conformance.cases.spelling import arranged
from conformance.model import Case, Json
from conformance.ops.pools import calls
from conformance.ops.pools.calls import EXPLICIT, SHAPES, Pool

__all__ = ["BREAKS"]

# The arrays of an op that have the shape of the forward pool's result, where others have not.
RESULTS = {"max_pool_grad": ("grad", "orig_output"), "max_pool_grad_grad": ("orig_output",)}
BUDGET = 2**9  # a refusal needs no large arrays


def small(op: str, choices: Choices, padding: str = "") -> Pool:
    """Draw a small pool; padding: the kind of it, where it matters."""
    kinds = sizes.PADDINGS if op in EXPLICIT else sizes.PADDINGS[:-1]
    return choices.aside(
        lambda drawn: calls.within(op, drawn, padding or drawn.pick(kinds), BUDGET, whole=True),
        lambda: calls.plain(op, padding or "VALID"),
    )


def other_rank(op: str, choices: Choices) -> Case:
    """Give the first array another rank."""
    case = calls.written(small(op, choices))
    return breaks.rank(choices, case, next(iter(case.arrays)))


def shape(op: str, choices: Choices) -> Case:
    """Give orig_input_shape or output_shape that are no shape."""
    call = small(op, choices)
    return breaks.broken(calls.written(call), **{SHAPES[op]: breaks.sizes_of(choices, call.image)})


def empty_image(op: str, choices: Choices) -> Case:
    """Give an image without elements."""
    call = small(op, choices, "SAME")
    axis = choices.integer(0, 3)
    return calls.written(call, image=tuple(0 if i == axis else size for i, size in enumerate(call.image)))


def other_dtype(op: str, choices: Choices) -> Case:
    """Give arrays of a dtype that the op does not take."""
    return breaks.recast(choices, calls.written(small(op, choices)), calls.dtypes(op))


def mixed_dtypes(op: str, choices: Choices) -> Case:
    """Give arrays of two dtypes."""
    return breaks.mixed(choices, calls.written(small(op, choices)), calls.dtypes(op))


def output_dtype(op: str, choices: Choices) -> Case:
    """Ask for an argmax that is neither int32 nor int64."""
    wrong = choices.pick(
        ("int16", "int8", "uint8", "uint32", "uint64", "float32", "float64", "bool", "int31", "integer")
    )
    return breaks.broken(calls.written(small(op, choices)), output_dtype=wrong)


def strides(op: str, choices: Choices) -> Case:
    """Give wrong strides."""
    call = small(op, choices)
    return breaks.broken(calls.written(call), strides=breaks.pair(choices, call.spelling.layout, channels=False))


def ksize(op: str, choices: Choices) -> Case:
    """Give a wrong ksize."""
    call = small(op, choices)
    return breaks.broken(calls.written(call), ksize=breaks.pair(choices, call.spelling.layout, channels=False))


def padding(op: str, choices: Choices) -> Case:
    """Give a wrong padding."""
    call = small(op, choices)
    wrong = breaks.padding(choices, call.spelling.layout, explicit=op in EXPLICIT)
    return breaks.broken(calls.written(call), padding=wrong)


def wide_padding(op: str, choices: Choices) -> Case:
    """Give explicit padding as long as the window."""
    call = small(op, choices, "EXPLICIT")
    axes: list[Json] = [[0, 0], [0, 0]]
    along = choices.integer(0, 1)
    taps = (call.rows, call.columns)[along].taps + choices.pick((0, 1, 10))
    pairs: tuple[list[Json], ...] = ([0, taps], [taps, 0], [taps, taps])
    axes[along] = choices.pick(pairs)
    none: list[Json] = [0, 0]
    return breaks.broken(
        calls.written(call),
        padding=[none, *axes, none] if call.spelling.layout == "NHWC" else [none, none, *axes],
    )


def data_format(op: str, choices: Choices) -> Case:
    """Give a layout that does not exist, or not for this op."""
    wrong = breaks.format_(choices)
    if op == "max_pool_with_argmax":
        wrong = choices.pick(("NCHW", None, wrong))
    return breaks.broken(calls.written(small(op, choices)), data_format=wrong)


def between(op: str, choices: Choices) -> Case:
    """Pool between channels, where the op does not."""
    call = small(op, choices)
    return _between(call, choices.pick(((2, 2), (2, 1), (1, 2), (3, 3))))


def between_wrongly(op: str, choices: Choices) -> Case:
    """Pool between channels in a way that max_pool does not."""
    call = small(op, choices, choices.pick(("VALID", "SAME")))
    if choices.chance(40):  # with windows in the image as well
        rows = sizes.lay(call.padding, call.rows.size, choices.pick((2, 3)), 1, 1)
        return _between(replace(call, rows=rows, channels=4), (2, 2), padding="SAME")
    rows, columns = (sizes.lay("VALID", axis.size, 1, 1, 1) for axis in (call.rows, call.columns))
    call = replace(call, rows=rows, columns=columns, padding="VALID")
    words = replace(call.spelling, data_format="NHWC")
    if choices.chance(50):  # window and stride differ, or do not divide
        window, stride, channels = choices.pick(((2, 1, 4), (1, 2, 4), (2, 4, 8), (2, 2, 3), (3, 3, 4), (8, 8, 4)))
        return _between(replace(call, channels=channels, spelling=words), (window, stride))
    call = replace(call, channels=4)
    none: Json = [[0, 0], [0, 0], [0, 0], [0, 0]]
    if choices.chance(50):
        return _between(replace(call, spelling=words), (2, 2), padding=none)
    return _between(replace(call, spelling=replace(words, data_format="NCHW")), (2, 2))


def _between(call: Pool, channels: tuple[int, int], **attributes: Json) -> Case:
    """Return the call with this window and stride between channels."""
    layout, rows, columns = call.spelling.layout, call.rows, call.columns
    ksize_: list[Json] = list(arranged((1, rows.taps, columns.taps, channels[0]), layout))
    strides_: list[Json] = list(arranged((1, rows.stride, columns.stride, channels[1]), layout))
    return breaks.broken(calls.written(call), ksize=ksize_, strides=strides_, **attributes)


def window(op: str, choices: Choices) -> Case:
    """Give a window that is longer than the image by more than the stride."""
    call = small(op, choices, "VALID")
    rows, columns, stride = call.rows, call.columns, choices.pick((1, 2, 3))
    longer = choices.pick((1, stride, 9, sizes.LARGEST))
    if choices.chance(50):
        columns = sizes.lay("VALID", columns.size, min(columns.size + stride + longer, sizes.LARGEST), stride, 1)
    else:
        rows = sizes.lay("VALID", rows.size, min(rows.size + stride + longer, sizes.LARGEST), stride, 1)
    call = replace(call, rows=rows, columns=columns)
    return calls.written(call, result=tuple(max(side, 0) for side in call.result))


def result(op: str, choices: Choices) -> Case:
    """Give one pooled array of another shape than the pool's result."""
    call = small(op, choices)
    axis = choices.integer(0, 3)
    side = choices.pick((call.result[axis] + 1, call.result[axis] - 1, call.result[axis] * 2))
    case = calls.written(call)
    other = calls.written(call, result=(*call.result[:axis], side, *call.result[axis + 1 :]))
    name = choices.pick(RESULTS.get(op) or tuple(case.arrays))
    return breaks.elsewhere(case, **{name: other.arrays[name]})


def slopes(op: str, choices: Choices) -> Case:
    """Give a gradient of another shape than the image's."""
    call = small(op, choices)
    axis = choices.integer(0, 3)
    side = choices.pick((call.image[axis] + 1, call.image[axis] - 1, call.image[axis] * 2))
    other = calls.written(call, image=(*call.image[:axis], side, *call.image[axis + 1 :]))
    return breaks.elsewhere(calls.written(call), grad=other.arrays["grad"])


def result_rank(op: str, choices: Choices) -> Case:
    """Give one pooled array another rank."""
    return breaks.rank(choices, calls.written(small(op, choices)), choices.pick(("grad", "orig_output")))


def image(op: str, choices: Choices) -> Case:
    """Ask for an image that the pool maps to another size."""
    call = small(op, choices)
    # With a far stride, an image of 2^31 - 1 rows has one window too.
    rows, columns = (sizes.axis(axis, call.padding, stride=min(axis.stride, 8)) for axis in (call.rows, call.columns))
    call = replace(call, rows=rows, columns=columns)
    axis = choices.integer(0, 3)
    step = (1, rows.stride, columns.stride, 1)[axis]
    side = choices.pick((call.image[axis] + step, sizes.LARGEST))
    return calls.written(call, image=(*call.image[:axis], side, *call.image[axis + 1 :]))


def nothing_to_pad(op: str, choices: Choices) -> Case:
    """Give explicit padding, into which windows fit, around an image without rows or columns."""
    call = small(op, choices, "VALID")
    taps = choices.pick((2, 3, 4))
    empty, other = sizes.lay("EXPLICIT", 0, taps, 1, 1, (taps - 1, choices.pick((1, taps - 1)))), call.rows
    other = sizes.lay("EXPLICIT", other.size, 1, 1, 1)
    rows, columns = (empty, other) if choices.chance(50) else (other, empty)
    return calls.written(replace(call, rows=rows, columns=columns, padding="EXPLICIT"))


def _shared(op: str) -> dict[str, Sequence[Break]]:
    """Return what breaks the rules that all pools have."""
    return {
        f"{op}.R1": (other_rank,),
        f"{op}.R2": (other_dtype,),
        f"{op}.R3": (strides,),
        f"{op}.R4": (ksize,),
        f"{op}.R5": (padding, wide_padding) if op in EXPLICIT else (padding,),
        f"{op}.R6": (data_format,),
        f"{op}.R7": (between_wrongly,) if op == "max_pool" else (between,),
        f"{op}.R8": (window,),
    }


BREAKS: Mapping[str, Mapping[str, Sequence[Break]]] = {
    "max_pool": _shared("max_pool") | {"max_pool.R12": (nothing_to_pad,)},
    "max_pool_with_argmax": _shared("max_pool_with_argmax")
    | {
        "max_pool_with_argmax.R1": (other_rank, empty_image),
        "max_pool_with_argmax.R2": (other_dtype, output_dtype),
    },
    "max_pool_grad": _shared("max_pool_grad")
    | {
        "max_pool_grad.R2": (other_dtype, mixed_dtypes),
        "max_pool_grad.R9": (result, result_rank),
        "max_pool_grad.R13": (nothing_to_pad,),
    },
    "max_pool_grad_grad": _shared("max_pool_grad_grad")
    | {
        "max_pool_grad_grad.R2": (other_dtype, mixed_dtypes),
        "max_pool_grad_grad.R9": (result, slopes, result_rank),
        "max_pool_grad_grad.R13": (nothing_to_pad,),
    },
    "avg_pool": _shared("avg_pool"),
    "avg_pool_grad": _shared("avg_pool_grad")
    | {"avg_pool_grad.R1": (other_rank, shape), "avg_pool_grad.R9": (result, image)},
    "avg_unpool_grad": _shared("avg_unpool_grad"),
    "avg_unpool": _shared("avg_unpool") | {"avg_unpool.R1": (other_rank, shape), "avg_unpool.R9": (result, image)},
}
