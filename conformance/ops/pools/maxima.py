"""What max_pool and max_pool_with_argmax may give: exact, but for what NaN and subnormal numbers leave to choose."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

import reference
from conformance.cases.op import Arguments, Permits
from conformance.model import Array
from conformance.ops.sums import always, may_refuse
from conformance.sets import Made, Results, any_of, ways
from reference.bounds import Within, exactly
from reference.checks import from_nhwc
from reference.choices import EITHER
from reference.engine.pools import Pool
from reference.floats import format_of, is_nan
from reference.ops import CHOICES
from reference.ops.pools import pool

__all__ = ["geometry_of", "of_max_pool", "of_max_pool_with_argmax", "smallest_normal", "with_nan"]

Ends: TypeAlias = tuple[float, float, bool]  # from, to, and whether NaN

BESIDE, ALONE, NAMED, TINY = "max_pool.R10", "max_pool.R13", "max_pool_with_argmax.R11", "common.R3"


def of_max_pool(arguments: Arguments) -> Permits:
    """max_pool: R10, R13 and common.R3 are choices."""
    value, image = reference.max_pool(**arguments), arguments["input"]
    met = {}
    if image.dtype.kind not in "iu":
        alone = is_nan(value)
        # A NaN that is given hides what is subnormal beside it: what it decides goes last.
        met = {TINY: _tiny(value, image), BESIDE: _with_nan("max_pool", arguments) & ~alone, ALONE: alone}
    sets = (Results((_as_made(value, met, made),), made=made) for made in _ways(met))
    return always(may_refuse(any_of(sets), "max_pool.R8", empty=0 in value.shape))


def of_max_pool_with_argmax(arguments: Arguments) -> Permits:
    """max_pool_with_argmax: R11 and common.R3 are choices; what a window of NaN alone gives is not specified."""
    value, argmax = reference.max_pool_with_argmax(**arguments)
    image = arguments["input"]
    met = {}
    if image.dtype.kind not in "iu":
        met = {NAMED: _with_nan("max_pool_with_argmax", arguments), TINY: _tiny(value, image)}
    sets = (Results(_named(value, argmax, met, made, arguments), made=made) for made in _ways(met))
    return always(may_refuse(any_of(sets), "max_pool_with_argmax.R8", empty=0 in value.shape))


def _ways(met: Mapping[str, Array]) -> Iterator[dict[str, str]]:
    """Yield the ways to make the choices that decide some element; what propagates NaN gives it for NaN alone."""
    rules = {rule: tuple(each.name for each in CHOICES[rule]) for rule, cells in met.items() if cells.any()}
    return (made for made in ways(rules) if made.get(BESIDE) != "propagated" or made.get(ALONE, "NaN") == "NaN")


def _as_made(value: Array, met: Mapping[str, Array], made: Made) -> Within:
    """Return the set of elements picked from an image, the choices being made so."""
    result = exactly(value)
    for rule, name in made.items():
        result = _allowing(result, met[rule], _ends(name, value))
    return result


def _ends(name: str, value: Array) -> Ends | None:
    """Return what an alternative allows where it decides: from, to, and whether NaN; None: nothing else."""
    fmt, nan = format_of(value.dtype), np.nan
    return {
        "propagated": (nan, nan, True),
        "NaN": (nan, nan, True),
        "-inf": (-np.inf, -np.inf, False),
        "lowest": (-fmt.largest, -fmt.largest, False),
        EITHER: (-np.inf, -fmt.largest, True),
        "flushed": (-fmt.smallest_normal, fmt.smallest_normal, False),
    }.get(name)


def _allowing(result: Within, cells: Array, ends: Ends | None) -> Within:
    """Return a set that allows other numbers in some cells."""
    if ends is None:
        return result
    low, high, nan = (
        np.where(cells, np.asarray(end).astype(array.dtype), array)
        for end, array in zip(ends, (result.low, result.high, result.nan), strict=True)
    )
    return replace(result, low=low, high=high, nan=nan)


def _named(
    value: Array, argmax: Array, met: Mapping[str, Array], made: Made, arguments: Arguments
) -> tuple[Within, Within]:
    """Return the sets of values and indices, the choices being made so."""
    values, indices = exactly(value), exactly(argmax)
    anywhere: Ends = (0, np.iinfo(argmax.dtype).max, False)
    lone = is_nan(value)
    if lone.any():
        values = _allowing(values, lone, _ends(EITHER, value))
        indices = _allowing(indices, lone, anywhere)
    if made.get(TINY) == "flushed":  # it ties with zeros
        values, indices = _allowing(values, met[TINY], _ends("flushed", value)), _allowing(indices, met[TINY], anywhere)
    match made.get(NAMED):
        case "propagated":
            values = _allowing(values, met[NAMED], _ends("propagated", value))
            indices = _allowing(indices, met[NAMED], anywhere)
        case "first":
            leads, first = _leading(arguments)
            leads &= ~lone
            values = _allowing(values, leads, _ends("propagated", value))
            at_first = np.where(leads, first, indices.low), np.where(leads, first, indices.high)
            indices = replace(indices, low=at_first[0], high=at_first[1])
    return values, indices


def _leading(arguments: Arguments) -> tuple[Array, Array]:
    """Return which windows begin with a NaN, and the index of each one's first cell, as argmax has it."""
    image, geometry = pool("max_pool_with_argmax", *geometry_of(arguments))
    places = np.broadcast_to(np.arange(image[0].size).reshape(image.shape[1:]), image.shape)
    first = geometry.reduce(np.minimum, places, image[0].size)
    nan = is_nan(image).reshape(len(image), -1)
    leads = np.take_along_axis(nan, first.reshape(len(image), -1), 1).reshape(first.shape)
    if arguments.get("include_batch_in_index"):
        first = first + np.arange(len(image)).reshape(-1, 1, 1, 1) * image[0].size
    return leads, first


def _with_nan(op: str, arguments: Arguments) -> Array:
    """Return which windows hold a NaN, in the layout of the call."""
    image, geometry = pool(op, *geometry_of(arguments))
    return from_nhwc(with_nan(image, geometry).astype(bool), geometry.layout)


def with_nan(image: Array, geometry: Pool) -> Array:
    """Return which windows hold a NaN: 1 or 0."""
    return geometry.reduce(np.maximum, is_nan(image).astype(np.uint8), 0)


def _tiny(value: Array, image: Array) -> Array:
    """Return which elements are subnormal, or tie with one that counts as zero."""
    return np.asarray(np.abs(value.astype(np.float64)) < smallest_normal(image))


def smallest_normal(image: Array) -> float:
    """Return what a subnormal is below, where the image holds any; else nothing is."""
    limit = format_of(image.dtype).smallest_normal
    small = image[np.abs(image) < image.dtype.type(limit)]
    return limit if small.any() else 0.0


def geometry_of(arguments: Arguments, name: str = "input") -> Sequence[Any]:
    """Return the arguments of `pool` after its op."""
    keys = (name, "ksize", "strides", "padding")
    return (*(arguments[key] for key in keys), arguments.get("data_format", "NHWC"))
