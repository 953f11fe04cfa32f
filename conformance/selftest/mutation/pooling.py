"""Faults of pools, their gradients and unpooling: what wins, what counts, indices, ties, integers."""

import numpy as np

import reference
from conformance.model import Array
from conformance.ops import OPS
from conformance.selftest.mutation.calls import Call, Fault, after, filled
from conformance.selftest.mutation.faults import operands, pool_geometry, pooled, through
from conformance.selftest.mutation.numerical import leading_bit, nan_as_zero
from conformance.selftest.mutation.sums import scatter_of
from conformance.selftest.mutation.variants import Variant, variants
from reference.checks import from_nhwc, to_nhwc
from reference.engine.max_pool import first_largest
from reference.engine.patches import places
from reference.ops.avg_pool import average

__all__ = ["TABLE"]


def signed(call: Call) -> object:
    """Compare unsigned integers as signed ones."""
    image = call.first
    if image.dtype.kind != "u":
        return call.run()
    out = call.run(input=image.view(image.dtype.str.replace("u", "i"))) if image.itemsize < 8 else call.run()
    return (out[0].view(image.dtype), out[1]) if isinstance(out, tuple) else out.view(image.dtype)


def all_divided(call: Call) -> object:
    """Divide by the taps of the window, padding included."""
    arguments = {name: value for name, value in call.arguments.items() if name != "name"}
    mean = average(**arguments)
    taps = mean.geometry.rows.taps * mean.geometry.columns.taps
    total = mean.contract(*mean.finite) / taps
    if not np.isfinite(mean.left.astype(np.float64)).all():
        return call.run()
    return from_nhwc(total.astype(mean.dtype), mean.geometry.layout)


def grad_all_divided(call: Call) -> object:
    """Share a gradient among all the taps of the window, padding included."""
    arguments = {key: value for key, value in call.arguments.items() if key not in ("grad", "orig_input_shape", "name")}
    call.run()
    spread = reference.avg_unpool(call.arguments["grad"], output_shape=call.arguments["orig_input_shape"], **arguments)
    rows_, columns = call.pair("ksize")
    return np.asarray(spread / spread.dtype.type(rows_ * columns))


def padded_index(call: Call, argmax: Array) -> Array:
    """Count cells of the padded image."""
    _, geometry = pool_geometry(call)
    _, high, wide, depth = call.first.shape
    per = high * wide * depth
    images, rest = np.divmod(argmax.astype(np.int64), per)
    y, rest = np.divmod(rest, wide * depth)
    x, c = np.divmod(rest, depth)
    top, left = geometry.rows.before, geometry.columns.before
    total = wide + left + geometry.columns.after
    return np.asarray(((((y + top) * total + x + left) * depth + c) + images * per).astype(argmax.dtype))


def transposed_index(call: Call, argmax: Array) -> Array:
    """Count column by column."""
    _, high, wide, depth = call.first.shape
    images, rest = np.divmod(argmax.astype(np.int64), high * wide * depth)
    y, rest = np.divmod(rest, wide * depth)
    x, c = np.divmod(rest, depth)
    return np.asarray(((x * high + y) * depth + c + images * high * wide * depth).astype(argmax.dtype))


def without_channels(call: Call, argmax: Array) -> Array:
    """Count cells without their channels."""
    return np.asarray(argmax // max(call.first.shape[3], 1))


def per_window(call: Call, argmax: Array) -> Array:
    """Count with every image of the batch, asked for or not."""
    if call.arguments.get("include_batch_in_index"):
        return argmax
    _, high, wide, depth = call.first.shape
    images = np.arange(len(argmax)).reshape(-1, 1, 1, 1)
    return np.asarray(argmax + (images * high * wide * depth).astype(argmax.dtype))


def batch_left_out(call: Call, argmax: Array) -> Array:
    """Never count with the images of the batch."""
    _, high, wide, depth = call.first.shape
    return np.asarray(argmax % (high * wide * depth))


def through_dtype(dtype: type[np.generic]) -> Fault:
    """Keep indices in a narrower dtype on the way."""
    return after(lambda _, argmax: argmax.astype(dtype).astype(argmax.dtype), 1)


def last_of_ties(call: Call) -> object:
    """Name the last of the largest elements."""
    values, argmax = call.run()
    image, geometry = pool_geometry(call)
    _, where = first_largest(image, geometry)
    cells = np.arange(image.shape[1] * image.shape[2]).reshape(1, *image.shape[1:3], 1)
    for value, place in zip(geometry.taps(image, image.dtype.type(0)), geometry.taps(cells, -1), strict=True):
        match = (value == values) & (place >= 0)
        where = np.where(match, place * image.shape[3] + np.arange(image.shape[3]), where)
    if call.arguments.get("include_batch_in_index"):
        where = where + np.arange(len(image)).reshape(-1, 1, 1, 1) * image[0].size
    return values, where.astype(argmax.dtype)


def positive_zero_first(call: Call) -> object:
    """Take +0 for more than -0."""
    image = call.first
    if image.dtype.kind in "iu":
        return call.run()
    tiny = np.where(np.signbit(image) & (image == 0), image.dtype.type(-2e-30), image)
    values, where = call.run(input=tiny.astype(image.dtype))
    return np.where(values == image.dtype.type(-2e-30), image.dtype.type(0), values), where


def last_writer(call: Call) -> object:
    """Let the last value that goes to a cell stay alone."""
    call.run()
    sums, shown = scatter_of(call)
    out = np.zeros(int(np.prod(sums.shape)), sums.dtype)
    out[sums.where.ravel()] = sums.left.ravel()
    return shown(out.reshape(sums.shape))


def spread_last(call: Call) -> object:
    """Let the last row of windows that holds a cell stay alone."""
    result = call.run()
    (name, values), axis = next(iter(call.images.items())), call.axis("rows")
    if 0 in result.shape or values.shape[axis] > 64:
        return result
    out = np.zeros_like(result)
    for row in range(values.shape[axis]):
        mark = _mark(values, axis, row)
        alone = np.where(mark != 0, values, values.dtype.type(0))
        out = np.where(call.run(**{name: mark}) != 0, call.run(**{name: alone}), out)
    return out


def _mark(values: Array, axis: int, row: int) -> Array:
    """Return ones in one row, zeros elsewhere."""
    mark = np.zeros_like(values)
    np.moveaxis(mark, axis, 0)[row] = 1
    return mark


def ties_all(call: Call) -> object:
    """Credit every one of tied elements in full."""
    result = call.run()
    image, geometry = pool_geometry(call, "orig_input")
    grad = to_nhwc(call.arguments["grad"], call.layout)
    best, _ = first_largest(image, geometry)
    if geometry.rows.taps * geometry.columns.taps > 64 or image.dtype.kind != "f" or 0 in result.shape:
        return result
    high, wide = (
        max(axis.padded, (axis.out - 1) * axis.stride + axis.reach) for axis in (geometry.rows, geometry.columns)
    )
    frame = np.zeros((len(image), high, wide, image.shape[3]))
    taps = geometry.taps(image, image.dtype.type(0))
    for tap, (h, w) in zip(taps, geometry.places(), strict=True):
        frame[:, places(geometry.rows, h), places(geometry.columns, w)] += np.where(tap == best, grad, 0).astype(
            frame.dtype
        )
    top, left = geometry.rows.before, geometry.columns.before
    out = frame[:, top : top + image.shape[1], left : left + image.shape[2]].astype(image.dtype)
    return from_nhwc(out, call.layout)


def ties_none(call: Call) -> object:
    """Credit none of tied elements: those that equal another of their image and channel."""
    result = call.run()
    image = call.arguments["orig_input"]
    if image.dtype.kind != "f":
        return result
    flat = to_nhwc(image, call.layout)
    twice = np.zeros(flat.shape, bool)
    for n, c in np.ndindex(flat.shape[0], flat.shape[3]):
        _, inverse, counts = np.unique(flat[n, :, :, c], return_inverse=True, return_counts=True)
        twice[n, :, :, c] = (counts[inverse] > 1).reshape(flat.shape[1:3])
    return np.where(from_nhwc(twice, call.layout), result.dtype.type(0), result)


def unnamed_unwritten(call: Call) -> object:
    """Leave cells that no index names as the memory was."""
    result = call.run()
    ones = np.ones_like(call.arguments["input"])
    return np.where(call.run(input=ones) != 0, result, filled(result.shape, result.dtype))


def batch_in_index(flag: object) -> Fault:
    """Take indices with, or without, the batch, whatever was asked for."""

    def fault(call: Call) -> object:
        call.run()
        per = int(np.prod([int(size) for size in call.arguments["output_shape"]][1:]))
        return call.run(include_batch_in_index=flag, argmax=call.arguments["argmax"] % max(per, 1))

    return fault


def to_the_last_copy(call: Call) -> object:
    """Give the gradient to the last of the indices that are the same in an image, and zero to the others."""
    result, argmax = call.run(), call.arguments["argmax"]
    later = result.copy()
    for image, (where, values) in enumerate(zip(argmax, result, strict=True)):
        last = {int(index): place for place, index in enumerate(where.ravel())}
        kept = np.isin(np.arange(values.size), list(last.values())).reshape(values.shape)
        later[image] = np.where(kept, values, values.dtype.type(0))
    return later


def tied_elsewhere(call: Call) -> object:
    """Take what stands at a cell that is not the largest, where the largest is tied."""
    image = call.arguments["orig_input"]
    return call.run(orig_input=-image) if image.dtype.kind == "f" and len(np.unique(image)) < 4 else call.run()


MAXIMA = ("max_pool", "max_pool_with_argmax")
TABLE: list[Variant] = [
    *variants(
        ["max_pool"],
        ("padding wins", "padded zeros take part in the maximum", pooled(np.maximum, 0)),
        ("starts at -100", "absent elements count as -100", pooled(np.maximum, -100)),
        ("NaN wins", "NaN is handed on", pooled(np.maximum, -np.inf)),
        ("minimum", "the smallest element", pooled(np.minimum, np.inf)),
        ("by absolute value", "the largest by size", after(lambda _, y: np.abs(y))),
    ),
    *variants(
        MAXIMA,
        ("unsigned as signed", "uint8 and uint16 compared as signed", signed),
        ("int64 by way of float64", "int64 compared in float64", through("float64", "int64")),
        ("int32 by way of float32", "int32 compared in float32", through("float32", "int32")),
        ("float64 by way of float32", "float64 compared in float32", through("float32", "float64")),
        ("float32 by way of bfloat16", "float32 compared in bfloat16", through("bfloat16", "float32")),
        ("int16 as int8", "int16 compared by their low bytes", through("int8", "int16")),
        ("NaN as zero", "NaN counts as zero", operands(nan_as_zero)),
        ("subnormals with a leading 1", "subnormal numbers read as normal ones", operands(leading_bit)),
    ),
    *variants(
        ["max_pool_with_argmax"],
        ("indices of the padded image", "argmax counts padding", after(padded_index, 1)),
        ("indices column by column", "argmax as x*H + y", after(transposed_index, 1)),
        ("indices without channels", "argmax counts cells without channels", after(without_channels, 1)),
        ("batch always in the index", "the batch counts unasked", after(per_window, 1)),
        ("batch never in the index", "the batch never counts", after(batch_left_out, 1)),
        ("indices in int16", "indices past 32,767 wrap", through_dtype(np.int16)),
        ("indices in float16", "indices past 2,048 rounded", through_dtype(np.float16)),
        ("indices in uint8", "indices past 255 wrap", through_dtype(np.uint8)),
        ("last of ties", "the last of the largest elements is named", last_of_ties),
        ("+0 above -0", "+0 counts for more than -0", positive_zero_first),
        ("index int64 only", "argmax is int64 whatever was asked for",
         after(lambda _, argmax: argmax.astype(np.int64), 1)),
    ),
    *variants(
        ["avg_pool"],
        ("padding counts", "the mean is over padding too", all_divided),
    ),
    *variants(
        ["avg_pool_grad"],
        ("padding counts", "gradients are shared with padding", grad_all_divided),
    ),
    *variants(
        ["avg_pool_grad", "avg_unpool"],
        ("overlaps overwritten", "the last row of windows that holds a cell stays alone", spread_last),
    ),
    *variants(
        ["max_unpool", "max_pool_grad"],
        ("overlaps overwritten", "the last value of a cell stays alone", last_writer),
    ),
    *variants(
        ["max_pool_grad"],
        ("ties credited each", "every tied element gets the gradient", ties_all),
        ("ties credited none", "no tied element gets the gradient", ties_none),
    ),
    *variants(
        ["max_pool_grad_grad"],
        ("the slopes' maximum", "the largest slope of a window, not the one at its largest element",
         lambda call: call.run(orig_input=call.arguments["grad"])),
        ("smallest where few values differ", "what stands at the smallest element, of images of few values",
         tied_elsewhere),
    ),
    *variants(
        ["max_unpool_grad"],
        ("to the last copy alone", "of several copies of an index the last alone gets the gradient", to_the_last_copy),
        ("batch never in the index", "the indices of all images name cells of the first",
         lambda call: call.run(include_batch_in_index=True)
         if not call.arguments.get("include_batch_in_index") else call.run()),
        ("indices clipped to int16", "indices past 32,767 wrap",
         lambda call: call.run(argmax=(call.arguments["argmax"] & 0x7FFF).astype(call.arguments["argmax"].dtype))),
    ),
    *variants(
        ["avg_unpool_grad"],
        ("divided", "the mean of every window", lambda call: OPS["avg_pool"].reference(
            call.arguments["grad"], **{name: value for name, value in call.arguments.items() if name != "grad"})),
    ),
    *variants(
        ["max_unpool"],
        ("unnamed cells unwritten", "cells that no index names hold what was there", unnamed_unwritten),
        ("batch never in the index", "include_batch_in_index ignored", batch_in_index(False)),
        ("indices clipped to int16", "indices past 32,767 wrap",
         lambda call: call.run(argmax=(call.arguments["argmax"] & 0x7FFF).astype(call.arguments["argmax"].dtype))),
    ),
]  # fmt: skip
