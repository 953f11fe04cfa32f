"""
The arguments of a call: arrays drawn by the case's regime, arrays that follow from others, attributes as Python values.

On the lattice the magnitudes are such that no sum of an output element, in any order, leaves the whole numbers that
the output's dtype holds exactly: 2^p for a precision of p bits. Where even sums of ones would, one factor is sparse.
"""

from dataclasses import replace
from math import isqrt, lcm, prod
from typing import Any

import numpy as np

from conformance.cases import conv2d, pools, unpool
from conformance.cases.spelling import decoded
from conformance.cases.values import Demand, drawn, words
from conformance.model import Array, Case
from reference.floats import FORMATS
from reference.ops.max_pool import pooled

__all__ = ["arguments"]

LARGEST = 1000  # on the lattice, however much more the dtype would allow
CONVOLUTIONS = ("conv2d", "conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter")
SECOND = Demand(second=True, one_nan_hides_all=True)  # a NaN among the filters is in every element of its output


def arguments(case: Case) -> dict[str, Any]:
    """Return all arguments of the call, for `op(**arguments)`."""
    attributes = {name: decoded(value) for name, value in case.attributes.items()}
    if case.breaks is not None:
        return {**_arrays(case, {}), **attributes}
    if case.op in CONVOLUTIONS:
        return {**_arrays(case, _of_convolution(conv2d.read(case))), **attributes}
    if case.op == "max_unpool":
        return {**_unpooled(case, unpool.read(case)), **attributes}
    if "pool" in case.op:
        arrays = _arrays(case, _of_pool(pools.read(case)))
        if case.op == "max_pool_grad":
            arrays["orig_output"] = pooled("max_pool_grad", arrays["orig_input"], **attributes)
        return {**arrays, **attributes}
    return {**_arrays(case, {}), **attributes}


def _arrays(case: Case, demands: dict[str, Demand]) -> dict[str, Array]:
    """Draw the arrays of a case."""
    return {
        name: drawn(spec.shape, spec.dtype, case.regime, case.seed, name, demands.get(name, Demand()))
        for name, spec in case.arrays.items()
    }


def _exact(dtype: str) -> int:
    """Return up to which number a dtype holds every whole one."""
    return 2 ** FORMATS[dtype].precision if dtype in FORMATS else int(np.iinfo(dtype).max)


def _of_convolution(call: conv2d.Convolution) -> dict[str, Demand]:
    """Bound the sum of n products of two factors."""
    limit = _exact(call.dtype)
    largest = min(isqrt(limit // max(call.terms, 1)), LARGEST)
    first, second = {
        "conv2d_backprop_filter": ("input", "out_backprop"),
        "conv2d_backprop_input": ("out_backprop", "filters"),
    }.get(call.op, ("input", "filters"))
    if largest:
        return {first: Demand(largest=largest), second: replace(SECOND, largest=largest)}
    return {first: Demand(largest=1), second: replace(SECOND, largest=1, nonzero=limit)}


def _of_pool(call: pools.Pool) -> dict[str, Demand]:
    """Bound sums and means of windows, and sums over the windows that hold a cell; maxima need no bound."""
    if call.op in ("max_pool", "max_pool_with_argmax"):
        return {"input": Demand(largest=min(_exact(call.dtype), LARGEST))}
    if call.op == "max_pool_grad":
        # A NaN leaves it open whom its window credits.
        image = Demand(largest=min(_exact(call.dtype), LARGEST), one_nan_hides_all=True)
        return {"orig_input": image, "grad": _sums(call.dtype, call.terms)}
    if call.op == "avg_unpool":
        return {"input": _sums(call.dtype, call.terms)}
    counts = np.outer(*(axis.counts() for axis in (call.rows, call.columns)))
    # Multiples of all counts have whole means and shares.
    step = lcm(*(int(count) for count in np.unique(counts) if count)) if counts.size else 1
    terms = max(call.terms, 1)
    # The sums fit the dtype, not only the means: a target that adds in 16 bits shows here nothing but where it looks.
    room = _exact(call.dtype) // terms
    if step <= room:
        return _all(call.op, Demand(largest=min(room // step, LARGEST), step=step))
    return _all(call.op, _sums(call.dtype, terms))


def _all(op: str, demand: Demand) -> dict[str, Demand]:
    """Return the demand of the one array of an average pool or its gradient."""
    return {"grad" if op == "avg_pool_grad" else "input": demand}


def _sums(dtype: str, terms: int) -> Demand:
    """Bound the sum of so many terms."""
    limit = _exact(dtype)
    if terms <= limit:
        return Demand(largest=min(limit // max(terms, 1), LARGEST))
    return Demand(largest=1, nonzero=limit)


def _unpooled(case: Case, call: unpool.Unpool) -> dict[str, Array]:
    """Draw argmax, then values whose sums at any index are bounded."""
    argmax = _argmax(call)
    n = call.result[0]
    images = 0 if call.include_batch_in_index else np.arange(n).reshape(-1, 1, 1, 1) * prod(call.image[1:])
    twice = int(np.unique(argmax + images, return_counts=True)[1].max(initial=1))
    values = drawn(call.result, call.dtype, case.regime, case.seed, "input", _sums(call.dtype, twice))
    return {"input": values, "argmax": argmax.astype(call.argmax)}


def _argmax(call: unpool.Unpool) -> Array:
    """
    Draw an index for every pooled value: int64 [N, OH, OW, C].

    In blocks or anywhere, as `unpool.in_blocks` says; in the regime of ties there are three at most.
    """
    bits = words(call.seed, "argmax", prod(call.result)).reshape(call.result)
    (_, high, wide, channels), (rows, columns) = call.result, call.size
    if not unpool.in_blocks(call):
        cells = min(call.cells, 3) if call.regime == "ties" else call.cells
        return (bits % np.uint64(max(cells, 1))).astype(np.int64)
    n, y, x, c = np.indices(call.result)
    block = (rows // high, columns // wide)
    y = y * block[0] + ((bits & np.uint64(0xFFFFFFFF)) % np.uint64(block[0])).astype(np.int64)
    x = x * block[1] + ((bits >> np.uint64(32)) % np.uint64(block[1])).astype(np.int64)
    images = n * prod(call.image[1:]) if call.include_batch_in_index else 0
    return np.asarray((y * columns + x) * channels + c + images)
