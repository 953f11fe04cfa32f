"""Cases next to a case: one attribute changed, toward the simplest call or elsewhere."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import TypeVar

import reference
from conformance.cases import conv2d, dropout, pools, sizes, unpool
from conformance.cases.arguments import arguments
from conformance.cases.regimes import regimes
from conformance.model import ArraySpec, Case
from reference import SpecError

__all__ = ["neighbours", "shrink", "simpler"]

Sliding = TypeVar("Sliding", conv2d.Convolution, pools.Pool)

NOTHING: Mapping[str, int] = {}  # no change
PLAIN = ("float32", "float64")  # dtypes, the plainest first
OPTIONS = (
    "data_format",
    "dilations",
    "output_dtype",
    "include_batch_in_index",
    "noise_shape",
    "rng_alg",
    "global_seed",
)
MOST = 1000  # steps of shrinking; each is toward the simplest call, so that far fewer are met


def shrink(case: Case, shows: Callable[[Case], bool]) -> Case:
    """Return a case that still shows something, while no simpler neighbour of it does."""
    for _ in range(MOST):
        smaller = next((other for other in simpler(case) if shows(other)), None)
        if smaller is None:
            break
        case = smaller
    return case


def neighbours(case: Case) -> Iterator[Case]:
    """Yield every case that differs in one attribute, as far as they are tried; as valid, or breaking the same rule."""
    yield from simpler(case)
    yield from _as_good(case, _others(case))


def simpler(case: Case) -> Iterator[Case]:
    """Yield the neighbours that are one step nearer to the simplest call."""
    yield from _as_good(case, chain(_plainer_values(case), _plainer_calls(case)))


def _as_good(case: Case, others: Iterable[Case]) -> Iterator[Case]:
    """Yield, once each, the cases that differ from this one and are as valid, or break the same rule."""
    seen = {case.id}
    for other in others:
        if other.id not in seen and (case.breaks is None or _broken_rule(other) == case.breaks):
            yield other
        seen.add(other.id)


def _broken_rule(case: Case) -> str | None:
    """Return the rule that the reference says the case breaks."""
    try:
        getattr(reference, case.op)(**arguments(case))
    except SpecError as error:
        return error.rule
    return None


def _plainer_values(case: Case) -> Iterator[Case]:
    """Yield the case with simpler values: an earlier regime, a small seed of the same parity."""
    dtype = _dtype(case)
    order = regimes(dtype)
    yield from (replace(case, regime=regime) for regime in order[: order.index(case.regime)])
    if case.seed > 1:
        yield replace(case, seed=case.seed % 2)
    yield from (_cast(case, plain) for plain in (PLAIN[: PLAIN.index(dtype)] if dtype in PLAIN else PLAIN))


def _plainer_calls(case: Case) -> Iterator[Case]:
    """Yield the case with a simpler call."""
    if case.breaks is not None:
        yield from _of_broken(case)
    elif case.op.startswith("conv2d"):
        call = conv2d.read(case)
        yield from map(conv2d.written, _possible((*_along(call), *conv2d.changes(call), *_words(call))))
    elif case.op == "max_unpool":
        changed = unpool.changes(unpool.read(case))
        yield from (unpool.written(call) for call in changed if call.cells or 0 in call.result)
    elif "pool" in case.op:
        pool = pools.read(case)
        yield from map(pools.written, _possible((*_along(pool), *pools.changes(pool), *_words(pool))))
    else:
        yield from (other for other in dropout.changes(case) if _broken_rule(other) is None)


def _others(case: Case) -> Iterator[Case]:
    """Yield the case with another dtype or regime, and its call with another layout, padding, stride, batch or size."""
    yield from (_cast(case, plain) for plain in (*PLAIN, "bfloat16") if plain != _dtype(case))
    yield from (replace(case, regime=regime) for regime in regimes(_dtype(case)) if case.breaks is None)
    if case.breaks is not None:
        return
    if case.op.startswith("conv2d"):
        call = conv2d.read(case)
        more = (replace(call, lead=(*call.lead[:-1], 2)), replace(call, outputs=2 * call.groups))
        yield from map(conv2d.written, _possible((*more, replace(call, depth=2), *_elsewhere(call))))
    elif "pool" in case.op and case.op != "max_unpool":
        pool = pools.read(case)
        changed = (replace(pool, batch=2), replace(pool, channels=2 * pool.between), *_elsewhere(pool))
        yield from map(pools.written, _possible(changed))


def _elsewhere(call: Sliding) -> Iterator[Sliding]:
    """Yield the call with another layout, with far strides, and with one row or column more."""
    if call.op != "max_pool_with_argmax":
        layout = "NHWC" if call.spelling.layout == "NCHW" else "NCHW"
        yield replace(call, spelling=replace(call.spelling, data_format=layout))
    for name in ("stride", "dilation") if isinstance(call, conv2d.Convolution) else ("stride",):
        yield _laid(call, rows={name: 2}, columns={name: 2})
    yield _laid(call, rows={"size": call.rows.size + 1})
    yield _laid(call, columns={"size": call.columns.size + 1})


def _along(call: Sliding) -> Iterator[Sliding]:
    """Yield the call with smaller windows, strides, dilations and images, and with simpler padding."""
    kinds = ("VALID", "SAME", "EXPLICIT")
    for padding in kinds[: kinds.index(call.padding)]:
        yield _laid(replace(call, padding=padding))
    for name in ("stride", "dilation"):
        yield _laid(call, rows={name: 1}, columns={name: 1})
    for name in ("size", "taps", "stride", "dilation"):
        yield from (_laid(call, rows={name: less}) for less in sizes.smaller(getattr(call.rows, name)))
        yield from (_laid(call, columns={name: less}) for less in sizes.smaller(getattr(call.columns, name)))


def _laid(call: Sliding, rows: Mapping[str, int] = NOTHING, columns: Mapping[str, int] = NOTHING) -> Sliding:
    """Return the call with its windows laid anew."""
    return replace(
        call,
        rows=sizes.axis(call.rows, call.padding, **rows),
        columns=sizes.axis(call.columns, call.padding, **columns),
    )


def _words(call: Sliding) -> Iterator[Sliding]:
    """Yield the call in plainer words, one at a time."""
    plain = {
        "data_format": ("absent", "NHWC"),
        "strides": ("int", "two"),
        "window": ("absent", "int", "two") if isinstance(call, conv2d.Convolution) else ("int", "two"),
        "sizes": ("list",),
    }
    for name, options in plain.items():
        now = getattr(call.spelling, name)
        for option in options[: options.index(now)] if now in options else options:
            yield replace(call, spelling=replace(call.spelling, **{name: option}))


def _possible(calls: Iterable[Sliding]) -> Iterator[Sliding]:
    """Yield the calls that are valid."""
    for call in calls:
        both = (call.rows, call.columns)
        if min(axis.out for axis in both) < 0:
            continue
        if isinstance(call, pools.Pool) and not _pool_is_possible(call):
            continue
        yield call


def _pool_is_possible(call: pools.Pool) -> bool:
    """Say whether a pool is valid beyond having an output."""
    both = (call.rows, call.columns)
    if call.padding == "EXPLICIT" and any(max(axis.before, axis.after) >= axis.taps or not axis.size for axis in both):
        return False
    if call.between > 1 and (call.spelling.layout == "NCHW" or any(axis.taps * axis.stride > 1 for axis in both)):
        return False
    return call.op != "max_pool_with_argmax" or 0 not in call.image


def _of_broken(case: Case) -> Iterator[Case]:
    """Yield a broken call without one of its options, and with arrays that are smaller along one axis."""
    for name in (option for option in OPTIONS if option in case.attributes):
        yield replace(case, attributes={key: value for key, value in case.attributes.items() if key != name})
    for name, spec in case.arrays.items():
        for axis, side in enumerate(spec.shape):
            for less in sizes.smaller(side):
                shape = (*spec.shape[:axis], less, *spec.shape[axis + 1 :])
                yield replace(case, arrays={**case.arrays, name: ArraySpec(shape, spec.dtype)})


def _cast(case: Case, dtype: str) -> Case:
    """Return the case with its floating arrays in another dtype; its regime too, where the dtype has no such one."""
    if case.op in ("dropout", "stateless_dropout", "dropout_grad"):
        return dropout.cast(case, dtype)
    now = _dtype(case)
    arrays = {
        name: ArraySpec(spec.shape, dtype) if spec.dtype == now and name != "argmax" else spec
        for name, spec in case.arrays.items()
    }
    regime = case.regime if case.regime in regimes(dtype) else "lattice"
    return replace(case, arrays=arrays, regime=regime)


def _dtype(case: Case) -> str:
    """Return the dtype of the first array."""
    return next(iter(case.arrays.values())).dtype
