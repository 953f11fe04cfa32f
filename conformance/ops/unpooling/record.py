"""The records of max_unpool and of its gradient."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

import reference
from conformance.cases import classes, conditions, demands, regimes
from conformance.cases.op import Arguments, Op, Permits, Shown
from conformance.cases.values import drawn, words
from conformance.cases.world import World
from conformance.model import Array, Case
from conformance.ops.sums import always, as_it_is, may_refuse, named, near_zero, sums
from conformance.ops.unpooling import breaks, calls, world
from conformance.ops.unpooling.layer import UNPOOLING, UNPOOLING_GRADIENT
from conformance.sets import Results
from conformance.targets.tensorflow.routes import ROUTES
from reference.bounds import exactly
from reference.engine.exact import SumOfProducts
from reference.ops.max_unpool import scattered

__all__ = ["MAX_UNPOOL", "MAX_UNPOOL_GRAD"]


def features(case: Case) -> dict[str, str]:
    """Classify an unpooling."""
    call = calls.read(case)
    return {
        "longest side": classes.length(max(*call.image, *call.result)),
        "batch": classes.count(call.result[0]),
        "channels": classes.channels(call.result[3]),
        "pooled height": classes.side(call.result[1]),
        "pooled width": classes.side(call.result[2]),
        "output height": classes.side(call.size[0]),
        "output width": classes.side(call.size[1]),
        "argmax": call.argmax,
        "argmax drawn": "in blocks" if calls.in_blocks(call) else "anywhere",
        "index with batch": {None: "default", False: "no", True: "yes"}[call.include_batch_in_index],
        "shape spelt": call.sizes,
    }


def simpler(case: Case) -> Iterator[Case]:
    """Yield the call with one part simpler, where its indices have a cell to name."""
    changed = calls.changes(calls.read(case))
    yield from (calls.written(call) for call in changed if call.cells or 0 in call.result)


def varied(_case: Case) -> Iterator[Case]:
    """Yield nothing: each part of an unpooling is simpler or plain."""
    yield from ()


def arrays(case: Case) -> dict[str, Array]:
    """Draw argmax, then values whose sums at any index are bounded."""
    call = calls.read(case)
    argmax = argmax_of(call)
    n = call.result[0]
    images = 0 if call.include_batch_in_index else np.arange(n).reshape(-1, 1, 1, 1) * prod(call.image[1:])
    twice = int(np.unique(argmax + images, return_counts=True)[1].max(initial=1))
    values = drawn(call.result, call.dtype, case.regime, case.seed, "input", demands.sums(call.dtype, twice))
    return {"input": values, "argmax": argmax.astype(call.argmax)}


def picked_arrays(case: Case) -> dict[str, Array]:
    """Draw argmax, and what stands in the cells."""
    call = calls.read(case)
    values = drawn(call.image, call.dtype, case.regime, case.seed, "grad", demands.sums(call.dtype, 1))
    return {"grad": values, "argmax": argmax_of(call).astype(call.argmax)}


def argmax_of(call: calls.Unpool) -> Array:
    """
    Draw an index for every pooled value: int64 [N, OH, OW, C].

    In blocks or anywhere, as `calls.in_blocks` says; in the regime of ties there are three at most.
    """
    bits = words(call.seed, "argmax", prod(call.result)).reshape(call.result)
    (_, high, wide, channels), (rows, columns) = call.result, call.size
    if not calls.in_blocks(call):
        cells = min(call.cells, 3) if call.regime == "ties" else call.cells
        return (bits % np.uint64(max(cells, 1))).astype(np.int64)
    n, y, x, c = np.indices(call.result)
    block = (rows // high, columns // wide)
    y = y * block[0] + ((bits & np.uint64(0xFFFFFFFF)) % np.uint64(block[0])).astype(np.int64)
    x = x * block[1] + ((bits >> np.uint64(32)) % np.uint64(block[1])).astype(np.int64)
    images = n * prod(call.image[1:]) if call.include_batch_in_index else 0
    return np.asarray((y * columns + x) * channels + c + images)


def scattered_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return the call as a sum of the values at each index."""
    return scattered(**named(arguments)), as_it_is


def allowed(arguments: Arguments) -> Permits:
    """Return what a call may give: open is the refusal of an empty result (R3)."""
    call, shown = scattered_sum(arguments)
    return sums(call, shown, "max_unpool.R3", empty=0 in call.shape)


def of_gradient(arguments: Arguments) -> Permits:
    """max_unpool_grad: elements, exactly; open is the refusal where there are none (R3)."""
    value = reference.max_unpool_grad(**named(arguments))
    empty = 0 in arguments["grad"].shape or 0 in value.shape
    return always(may_refuse(Results((near_zero(exactly(value)),)), "max_unpool_grad.R3", empty=empty))


MAX_UNPOOL = Op(
    name="max_unpool",
    reference=reference.max_unpool,
    operands={"input": "image", "argmax": "image"},
    layouts=("NHWC",),
    dtypes=calls.DTYPES,
    shape_argument="output_shape",
    options=("include_batch_in_index",),
    valid=partial(calls.valid, "max_unpool"),
    world=World(parts=world.parts, call=partial(world.call, "max_unpool")),
    breaks=breaks.BREAKS["max_unpool"],
    meanings={"max_unpool.R6": ({"argmax drawn": ("anywhere",)},), "max_unpool.R7": (conditions.ALWAYS,)},
    features=features,
    simpler=simpler,
    varied=varied,
    cast=partial(regimes.cast, fixed=("argmax",)),
    arrays=arrays,
    allowed=allowed,
    sum=scattered_sum,
    layer=UNPOOLING,
    tensorflow=ROUTES["max_unpool"],
)

MAX_UNPOOL_GRAD = replace(
    MAX_UNPOOL,
    name="max_unpool_grad",
    reference=reference.max_unpool_grad,
    gradient=True,
    operands={"grad": "image", "argmax": "image"},
    shape_argument=None,
    valid=partial(calls.valid, "max_unpool_grad"),
    world=World(parts=world.parts, call=partial(world.call, "max_unpool_grad")),
    breaks=breaks.BREAKS["max_unpool_grad"],
    meanings={"max_unpool_grad.R5": ({"argmax drawn": ("anywhere",)},)},
    arrays=picked_arrays,
    allowed=of_gradient,
    sum=None,
    layer=None,
    at_layer={"max_unpool": UNPOOLING_GRADIENT},
    tensorflow=ROUTES["max_unpool_grad"],
)
