"""Faults that an implementation can have, to be combined: each takes a call of the reference and gets it wrong."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from conformance.model import Array
from conformance.selftest.mutation.calls import HWIO, Call, Fault, after, filled
from conformance.selftest.mutation.sums import convolution
from reference import SpecError
from reference.checks import from_nhwc
from reference.engine.pools import Pool
from reference.floats import FORMATS, round_to
from reference.ops.pools import pool
from reference.windows import reach

__all__ = [
    "Lost",
    "accepting",
    "afresh",
    "channels",
    "dropping",
    "explicit",
    "filtered",
    "mirrored",
    "operands",
    "overwritten",
    "pool_geometry",
    "pooled",
    "refusing",
    "shared",
    "stale",
    "symmetric",
    "through",
    "unwritten",
    "widest",
]

# Which elements of an axis are lost, from its size; None: none.
Lost: TypeAlias = Callable[[int], int | slice | None]


def mirrored(*names: str) -> Fault:
    """Turn the image, the filters and the result round along these axes: what was last comes first."""

    def fault(call: Call) -> object:
        axes = tuple(call.axis(name) for name in names)
        changed = {name: np.flip(array, axes) for name, array in call.images.items()}
        if call.filters is not None:
            changed[str(call.weights)] = np.flip(call.filters, tuple(HWIO[name] for name in names))
        return np.flip(call.run(**changed), tuple(call.out_axis(name) for name in names))

    return fault


def explicit(change: Callable[[tuple[int, int]], tuple[int, int]], *names: str) -> Fault:
    """Compute with other explicit padding along these axes."""

    def fault(call: Call) -> object:
        if not call.explicit:
            return call.run()
        pairs = [tuple(pair) for pair in call.padding]
        for name in names:
            pairs[call.axis(name)] = change(pairs[call.axis(name)])
        return call.run(padding=pairs)

    return fault


def symmetric(call: Call) -> object:
    """Pad SAME by half the window in front, whatever stride and image leave to pad."""
    if call.padding != "SAME":
        return call.run()
    pairs = [(0, 0)] * 4
    windows = call.pair("ksize") if call.filters is None else call.filters.shape[:2]
    gaps = (1, 1) if call.filters is None else call.pair("dilations")
    for i, name in enumerate(("rows", "columns")):
        stride, size, reached = call.pair("strides")[i], call.side(name), reach(windows[i], gaps[i])
        total = max((-(-size // stride) - 1) * stride + reached - size, 0)
        front = min(reached // 2, total)
        pairs[call.axis(name)] = (front, total - front)
    return call.run(padding=pairs)


def filtered(change: Callable[[Array], Array]) -> Fault:
    """Compute with other filters of the same shape; where they are the result, change that."""

    def fault(call: Call) -> object:
        filters = call.filters
        if filters is None:
            return change(call.run())
        changed = change(filters) if filters.ndim == 4 else filters
        return call.run(**{str(call.weights): changed if changed.shape == filters.shape else filters})

    return fault


def channels(change: Callable[[Array, int], Array], name: str = "channels", *, out: bool = True) -> Fault:
    """Change the order along an axis of the result, or of the first image."""

    def fault(call: Call) -> object:
        if out:
            return after(lambda call, result: change(result, call.out_axis(name)))(call)
        array_name, array = next(iter(call.images.items()))
        return call.run(**{array_name: change(array, call.axis(name))})

    return fault


def shared(change: Callable[[Array, int], Array]) -> Fault:
    """Change the filters' order by group: change(filters [FH, FW, FI, O], groups), whatever shape the op gives them."""

    def fault(call: Call) -> object:
        sums = convolution(call)
        groups, shape = sums.geometry.groups, sums.shape if call.filters is None else sums.right.shape
        if groups == 1:
            return call.run()
        return filtered(lambda filters: change(filters.reshape(shape), groups).reshape(filters.shape))(call)

    return fault


def dropping(name: str, lost: Lost, *, out: bool = True) -> Fault:
    """Write zero at some place along an axis of the result, or read it there; lost: which, from the axis's size."""

    def emptied(array: Array, axis: int) -> Array:
        place = lost(array.shape[axis])
        if place is None:
            return array
        copy = np.moveaxis(array.copy(), axis, 0)
        copy[place] = 0
        return np.moveaxis(copy, 0, axis)

    return channels(emptied, name, out=out)


def operands(change: Callable[[Array], Array], *dtypes: str) -> Fault:
    """Compute with every number of the arrays changed; dtypes: only in calls of these."""

    def fault(call: Call) -> object:
        names = [name for name, array in call.arguments.items() if isinstance(array, np.ndarray) and name != "argmax"]
        arrays = {name: call.arguments[name] for name in names if call.arguments[name].dtype.name == call.dtype}
        if call.dtype not in FORMATS or (dtypes and call.dtype not in dtypes):
            return call.run()
        return call.run(**{name: change(array) for name, array in arrays.items()})

    return fault


def through(dtype: str, *dtypes: str, back: Callable[[Array, np.dtype[Any]], Array] | None = None) -> Fault:
    """Compute calls of some dtypes in another one, and convert."""

    def fault(call: Call) -> object:
        own = call.first.dtype
        if own.name not in dtypes:
            return call.run()
        arrays = {
            name: array.astype(dtype)
            for name, array in call.arguments.items()
            if isinstance(array, np.ndarray) and array.dtype == own
        }
        result = call.run(**arrays)
        if isinstance(result, tuple):
            return (result[0].astype(own), *result[1:])
        return back(result, own) if back else result.astype(own)

    return fault


def widest(change: Callable[[Array], Array]) -> Fault:
    """Change the exact result before it is rounded to a 16-bit dtype or float32."""

    def back(values: Array, dtype: np.dtype[Any]) -> Array:
        return round_to(change(values), FORMATS[dtype.name])

    return through("float64", "float16", "bfloat16", "float32", back=back)


def pooled(combine: Callable[..., Array], fill: float) -> Fault:
    """Pool by another reduction, with something else where the image ends."""

    def fault(call: Call) -> object:
        call.run()
        image, geometry = pool_geometry(call)
        if image.dtype.kind == "u" and fill < 0:
            return call.run()
        return from_nhwc(geometry.reduce(combine, image, fill), geometry.layout)

    return fault


def overwritten(call: Call) -> object:
    """Let a later tap overwrite what an earlier one gave, where windows overlap; windows of a few taps."""
    sums = convolution(call)
    high, wide = sums.right.shape[:2]
    out = np.zeros_like(call.run())
    if high * wide > 25:
        return call.run()
    ones = {name: np.ones_like(array) for name, array in call.images.items()}
    filters, name = np.asarray(call.filters), str(call.weights)
    for h, w in np.ndindex(high, wide):
        tap, mark = np.zeros_like(filters), np.zeros_like(filters)
        tap[h, w], mark[h, w] = filters[h, w], 1
        out = np.where(call.run(**{name: mark}, **ones) != 0, call.run(**{name: tap}), out)
    return out


def unwritten(call: Call) -> object:
    """Leave cells that nothing reaches as the memory was."""
    result = call.run()
    ones = {name: np.ones_like(array) for name, array in call.images.items() if name != "argmax"}
    if call.filters is not None:
        ones[str(call.weights)] = np.ones_like(call.filters)
    return np.where(call.run(**ones) != 0, result, filled(result.shape, result.dtype))


def afresh() -> Callable[[], Fault]:
    """Return what makes a fault that gives the result of the last call of the same shapes and attributes."""

    def make() -> Fault:
        kept: dict[str, Any] = {}

        def fault(call: Call) -> object:
            key = repr([(name, getattr(value, "shape", value)) for name, value in call.arguments.items()])
            if key not in kept:
                kept.clear()
                kept[key] = call.run()
            return kept[key]

        return fault

    return make


def stale() -> Callable[[], Fault]:
    """Return what makes a fault that keeps the filters of the first of several calls of the same shape."""

    def make() -> Fault:
        kept: dict[str, Any] = {}

        def fault(call: Call) -> object:
            array = np.asarray(call.filters)
            key = repr((array.shape, array.dtype))
            if key not in kept:
                kept.clear()
                kept[key] = array
            return call.run(**{str(call.weights): kept[key]})

        return fault

    return make


def refusing(condition: Callable[[Call], bool], reason: str) -> Fault:
    """Refuse some valid calls."""

    def fault(call: Call) -> object:
        result = call.run()
        if condition(call):
            raise ValueError(reason)
        return result

    return fault


def accepting(rule: str) -> Fault:
    """Give zeros where a rule is broken."""

    def fault(call: Call) -> object:
        try:
            return call.run()
        except SpecError as error:
            if error.rule != rule:
                raise
            return np.zeros(call.first.shape, call.first.dtype)

    return fault


def pool_geometry(call: Call, name: str = "input") -> tuple[Array, Pool]:
    """Return the image of a pool's call, as N H W C, and the geometry of its windows."""
    ksize, strides, padding = (call.arguments[key] for key in ("ksize", "strides", "padding"))
    return pool(call.op, call.arguments[name], ksize, strides, padding, call.arguments.get("data_format", "NHWC"))
