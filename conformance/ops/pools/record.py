"""The records of the pools, their gradients and avg_unpool."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import lcm

import numpy as np

import reference
from conformance.cases import classes, conditions, demands, regimes
from conformance.cases.op import Geometry, Op, Windows
from conformance.cases.spelling import decoded
from conformance.cases.values import Demand
from conformance.model import Array, Case
from conformance.ops import sliding
from conformance.ops.pools import breaks, calls, layer, linear, maxima, sets, world
from conformance.ops.pools.calls import Pool
from conformance.targets.tensorflow.routes import ROUTES
from reference.ops.max_pool import pooled

__all__ = [
    "AVG_POOL",
    "AVG_POOL_GRAD",
    "AVG_UNPOOL",
    "AVG_UNPOOL_GRAD",
    "MAX_POOL",
    "MAX_POOL_GRAD",
    "MAX_POOL_GRAD_GRAD",
    "MAX_POOL_WITH_ARGMAX",
]


def features(case: Case) -> dict[str, str]:
    """Classify a pool."""
    call = calls.read(case)
    return {
        **sliding.features(call.rows, call.columns, call.padding, call.spelling),
        "longest side": classes.length(max(*call.image, *call.result)),
        "batch": classes.count(call.batch),
        "channels": classes.channels(call.channels),
        "between channels": "yes" if call.between > 1 else "no",
        "terms": classes.terms(call.terms),
        "ksize spelt": call.spelling.window,
        "output_dtype": call.output_dtype or "default",
        "index with batch": "yes" if call.include_batch_in_index else "no",
    }


def simpler(case: Case) -> Iterator[Case]:
    """Yield the call with one part simpler."""
    call = calls.read(case)
    others = (*sliding.along(call), *calls.changes(call), *sliding.plainer_words(call, ("int", "two")))
    yield from map(calls.written, sliding.possible(others, is_possible))


def varied(case: Case, *, layouts: bool = True) -> Iterator[Case]:
    """Yield the call with two images, two and eight channels, in another layout if it has any, with other windows."""
    call = calls.read(case)
    more = [replace(call, batch=2), *(replace(call, channels=several * call.between) for several in (2, 8))]
    more += [sliding.other_layout(call)] if layouts else []
    yield from map(calls.written, sliding.possible((*more, *sliding.other_sizes(call, "stride")), is_possible))


def alike(case: Case, turn: int) -> Iterator[Case]:
    """Yield the call with another padding, layout, stride or window, as valid."""
    return map(calls.written, sliding.possible(sliding.alike(calls.read(case), turn), is_possible))


def is_possible(call: Pool) -> bool:
    """Return whether a pool is valid beyond having an output."""
    both = (call.rows, call.columns)
    if call.padding == "EXPLICIT" and any(max(axis.before, axis.after) >= axis.taps or not axis.size for axis in both):
        return False
    if call.between > 1 and (call.spelling.layout == "NCHW" or any(axis.taps * axis.stride > 1 for axis in both)):
        return False
    return call.op != "max_pool_with_argmax" or 0 not in call.image


def largest_arrays(case: Case) -> dict[str, Array]:
    """Draw the image of a maximum, which needs no bound."""
    return demands.arrays(case, {"input": Demand(largest=min(demands.exact(case.dtype), demands.LARGEST))})


def credited_arrays(case: Case) -> dict[str, Array]:
    """Draw the image, and gradients whose sums over the windows that hold a cell are bounded; pool the image."""
    # A NaN leaves it open whom its window credits.
    image = Demand(largest=min(demands.exact(case.dtype), demands.LARGEST), one_nan_hides_all=True)
    grad = demands.sums(case.dtype, calls.read(case).terms)
    arrays = demands.arrays(case, {"orig_input": image, "grad": grad})
    attributes = {name: decoded(value) for name, value in case.attributes.items()}
    return arrays | {"orig_output": pooled(case.op, arrays["orig_input"], **attributes)}


def picked_arrays(case: Case) -> dict[str, Array]:
    """Draw the image, and what stands where its elements are; pool the image."""
    image = Demand(largest=min(demands.exact(case.dtype), demands.LARGEST), one_nan_hides_all=True)
    arrays = demands.arrays(case, {"orig_input": image, "grad": demands.sums(case.dtype, 1)})
    attributes = {name: decoded(value) for name, value in case.attributes.items()}
    return arrays | {"orig_output": pooled(case.op, arrays["orig_input"], **attributes)}


def averaged_arrays(name: str, case: Case) -> dict[str, Array]:
    """Draw the array of an average pool or its gradient so that sums are bounded, and means whole where they can be."""
    call = calls.read(case)
    counts = np.outer(*(axis.counts() for axis in (call.rows, call.columns)))
    # Multiples of all counts have whole means and shares.
    step = lcm(*(int(count) for count in np.unique(counts) if count)) if counts.size else 1
    terms = max(call.terms, 1)
    # The sums fit the dtype, not only the means: a target that adds in 16 bits shows here nothing but where it looks.
    room = demands.exact(case.dtype) // terms
    if step <= room:
        return demands.arrays(case, {name: Demand(largest=min(room // step, demands.LARGEST), step=step)})
    return demands.arrays(case, {name: demands.sums(case.dtype, terms)})


def summed_arrays(name: str, case: Case) -> dict[str, Array]:
    """Draw values whose sums over a window, or over the windows that hold a cell, are bounded."""
    return demands.arrays(case, {name: demands.sums(case.dtype, calls.read(case).terms)})


def windows(forward: str, case: Case) -> Windows:
    """Return the windows of the pool behind a call; forward: the op whose geometry they have."""
    call = calls.read(case)
    return Windows(op=forward, rows=call.rows, columns=call.columns, padding=call.padding, terms=call.terms)


def largest(rows: Sequence[int], columns: Sequence[int], width: int) -> str:
    """Return the largest of a window over 1, 2, 3 ...; a window that holds nothing has none."""
    return str(rows[-1] * width + columns[-1] + 1) if rows and columns else "-"


def mean(rows: Sequence[int], columns: Sequence[int], width: int) -> str:
    """Return the mean of a window over 1, 2, 3 ...; a window that holds nothing has none."""
    count = len(rows) * len(columns)
    total = sum(rows) * width * len(columns) + (sum(columns) + len(columns)) * len(rows)
    return f"{total / count:.6g}" if count else "-"


LARGEST = Geometry(window="ksize", meaning="the largest element of its window", value=largest)
MEAN = Geometry(window="ksize", meaning="the mean of the elements of its window", value=mean)

GRADIENT_SUM = sets.spread_sum("avg_pool_grad", "orig_input_shape", "grad")
UNPOOL_SUM = sets.spread_sum("avg_unpool", "output_shape", "input")

MAX_POOL = Op(
    name="max_pool",
    reference=reference.max_pool,
    operands={"input": "image"},
    dtypes=calls.dtypes("max_pool"),
    options=("data_format",),
    valid=partial(calls.valid, "max_pool"),
    world=world.of("max_pool"),
    takes=partial(calls.takes, "max_pool"),
    of_layer=partial(calls.of_layer, "max_pool"),
    breaks=breaks.BREAKS["max_pool"],
    meanings={
        "max_pool.R9": (conditions.PADDED,),
        "max_pool.R11": (conditions.SPECIAL,),
    },
    features=features,
    simpler=simpler,
    varied=varied,
    alike=alike,
    cast=regimes.cast,
    arrays=largest_arrays,
    allowed=maxima.of_max_pool,
    windows=partial(windows, "max_pool"),
    geometry=LARGEST,
    layer=layer.MAXIMUM,
    tensorflow=ROUTES["max_pool"],
)

MAX_POOL_WITH_ARGMAX = replace(
    MAX_POOL,
    name="max_pool_with_argmax",
    reference=reference.max_pool_with_argmax,
    dtypes=calls.dtypes("max_pool_with_argmax"),
    layouts=("NHWC",),
    options=("data_format", "output_dtype", "include_batch_in_index"),
    valid=partial(calls.valid, "max_pool_with_argmax"),
    world=world.of("max_pool_with_argmax"),
    takes=partial(calls.takes, "max_pool_with_argmax"),
    of_layer=partial(calls.of_layer, "max_pool_with_argmax"),
    breaks=breaks.BREAKS["max_pool_with_argmax"],
    meanings={
        "max_pool_with_argmax.R9": (conditions.PADDED,),
        "max_pool_with_argmax.R10": (conditions.TIES,),
    },
    varied=partial(varied, layouts=False),
    allowed=maxima.of_max_pool_with_argmax,
    windows=partial(windows, "max_pool_with_argmax"),
    layer=layer.MAXIMUM_WITH_ARGMAX,
    tensorflow=ROUTES["max_pool_with_argmax"],
)

MAX_POOL_GRAD = replace(
    MAX_POOL,
    name="max_pool_grad",
    reference=reference.max_pool_grad,
    gradient=True,
    operands={"orig_input": "image", "orig_output": "image", "grad": "image"},
    dtypes=calls.dtypes("max_pool_grad"),
    image=False,
    valid=partial(calls.valid, "max_pool_grad"),
    world=world.of("max_pool_grad"),
    takes=partial(calls.takes, "max_pool_grad"),
    of_layer=partial(calls.of_layer, "max_pool_grad"),
    breaks=breaks.BREAKS["max_pool_grad"],
    meanings={"max_pool_grad.R10": (conditions.ALWAYS,)},
    arrays=credited_arrays,
    allowed=sets.of_max_pool_grad,
    sum=sets.credited_sum,
    geometry=None,
    layer=None,
    at_layer={"max_pool": layer.MAXIMUM_GRADIENT},
    tensorflow=ROUTES["max_pool_grad"],
)

MAX_POOL_GRAD_GRAD = replace(
    MAX_POOL_GRAD,
    name="max_pool_grad_grad",
    reference=reference.max_pool_grad_grad,
    gradient=True,
    dtypes=calls.dtypes("max_pool_grad_grad"),
    image=True,
    valid=partial(calls.valid, "max_pool_grad_grad"),
    world=world.of("max_pool_grad_grad"),
    takes=partial(calls.takes, "max_pool_grad_grad"),
    of_layer=partial(calls.of_layer, "max_pool_grad_grad"),
    breaks=breaks.BREAKS["max_pool_grad_grad"],
    meanings={"max_pool_grad_grad.R10": (conditions.ALWAYS,)},
    arrays=picked_arrays,
    allowed=sets.of_max_pool_grad_grad,
    sum=None,
    at_layer={"max_pool": layer.MAXIMUM_SECOND_DERIVATIVE},
    tensorflow=ROUTES["max_pool_grad_grad"],
)

AVG_POOL = replace(
    MAX_POOL,
    name="avg_pool",
    reference=reference.avg_pool,
    dtypes=calls.dtypes("avg_pool"),
    valid=partial(calls.valid, "avg_pool"),
    world=world.of("avg_pool"),
    takes=partial(calls.takes, "avg_pool"),
    of_layer=partial(calls.of_layer, "avg_pool"),
    breaks=breaks.BREAKS["avg_pool"],
    meanings={"avg_pool.R9": (conditions.PADDED,)},
    arrays=partial(averaged_arrays, "input"),
    allowed=sets.of_avg_pool,
    sum=sets.average_sum,
    linear=linear.AVERAGE,
    windows=partial(windows, "avg_pool"),
    geometry=MEAN,
    averages=True,
    layer=layer.AVERAGE,
    tensorflow=ROUTES["avg_pool"],
)

AVG_POOL_GRAD = replace(
    AVG_POOL,
    name="avg_pool_grad",
    reference=reference.avg_pool_grad,
    gradient=True,
    operands={"grad": "image"},
    shape_argument="orig_input_shape",
    image=False,
    valid=partial(calls.valid, "avg_pool_grad"),
    world=world.of("avg_pool_grad"),
    takes=partial(calls.takes, "avg_pool_grad"),
    of_layer=partial(calls.of_layer, "avg_pool_grad"),
    breaks=breaks.BREAKS["avg_pool_grad"],
    meanings={},
    arrays=partial(averaged_arrays, "grad"),
    allowed=sets.of_spread("avg_pool_grad", GRADIENT_SUM),
    sum=GRADIENT_SUM,
    linear=None,
    geometry=None,
    layer=None,
    at_layer={"avg_pool": layer.AVERAGE_GRADIENT},
    tensorflow=ROUTES["avg_pool_grad"],
)

AVG_UNPOOL = replace(
    AVG_POOL,
    name="avg_unpool",
    reference=reference.avg_unpool,
    shape_argument="output_shape",
    image=False,
    valid=partial(calls.valid, "avg_unpool"),
    world=world.of("avg_unpool"),
    takes=partial(calls.takes, "avg_unpool"),
    of_layer=partial(calls.of_layer, "avg_unpool"),
    breaks=breaks.BREAKS["avg_unpool"],
    meanings={},
    arrays=partial(summed_arrays, "input"),
    allowed=sets.of_spread("avg_unpool", UNPOOL_SUM),
    sum=UNPOOL_SUM,
    linear=None,
    geometry=None,
    layer=None,
    at_layer={"avg_pool": layer.SPREADING},
    tensorflow=ROUTES["avg_unpool"],
)

AVG_UNPOOL_GRAD = replace(
    AVG_POOL,
    name="avg_unpool_grad",
    reference=reference.avg_unpool_grad,
    gradient=True,
    operands={"grad": "image"},
    valid=partial(calls.valid, "avg_unpool_grad"),
    world=world.of("avg_unpool_grad"),
    takes=partial(calls.takes, "avg_unpool_grad"),
    of_layer=partial(calls.of_layer, "avg_unpool_grad"),
    breaks=breaks.BREAKS["avg_unpool_grad"],
    meanings={},
    arrays=partial(summed_arrays, "grad"),
    allowed=sets.of_window_sums,
    sum=sets.window_sum,
    linear=None,
    geometry=None,
    layer=None,
    at_layer={"avg_pool": layer.SUMMING},
    tensorflow=ROUTES["avg_unpool_grad"],
)
