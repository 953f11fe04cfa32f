"""What a pattern may give: what its head may, led through the stages after it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from conformance.cases.op import Arguments, Op, Permits
from conformance.model import Array
from conformance.ops.convolutions.depthwise import DEPTHWISE_CONV2D
from conformance.ops.convolutions.record import CONV2D, CONV2D_TRANSPOSE
from conformance.ops.pools.record import MAX_POOL
from conformance.ops.sums import in_layout, laid_out, named
from conformance.sets import Allowed, Option, Results, any_of, options
from reference import spans
from reference.activations import ACTIVATIONS
from reference.bounds import Arithmetic, within
from reference.engine.exact import whole
from reference.ops.conv2d import conv2d, forward
from reference.ops.pattern import ALPHA, EPSILON, HEADS, STAGES, definition, normalisation, padded, pattern
from reference.spans import Span

__all__ = ["RECORDS", "of_pattern"]

RECORDS: Mapping[str, Op] = {op.name: op for op in (CONV2D, DEPTHWISE_CONV2D, CONV2D_TRANSPOSE, MAX_POOL)}


def of_pattern(arguments: Arguments) -> Permits:
    """pattern: each alternative of its head's choices, led through the stages after it."""
    value = pattern(**arguments)
    given = named(arguments)
    head = next(name for name in given["stages"] if name in HEADS)
    permits = RECORDS[head].allowed(_of_head(head, given))

    def of(arithmetic: Arithmetic) -> Allowed:
        return any_of(_led(option, value, given, arithmetic) for option in options(permits(arithmetic)))

    return of


def _of_head(head: str, given: Arguments) -> Arguments:
    """Return the arguments of the head's own call."""
    names = {"filters": "filter"} if head == "depthwise_conv2d" else {}
    own = {names.get(name, name): value for name, value in given.items() if name in STAGES[head].arguments}
    image = given["input"]
    return {"input": padded(image, given["paddings"]) if "pad" in given["stages"] else image, **own}


def _led(option: Option, value: Array, given: Arguments, arithmetic: Arithmetic) -> Option:
    """Return a set of the head, led through the stages after it."""
    if not isinstance(option, Results):
        return option
    stages = given["stages"]
    operands = [given[name] for name in ("input", "filters") if name in given]
    span = spans.opened(option.arrays[0], arithmetic, whole=all(map(whole, operands)))
    for name in stages[next(place for place, each in enumerate(stages) if each in HEADS) + 1 :]:
        span = _after(span, name, given)
    return replace(option, arrays=(spans.within(span, value),))


def _after(span: Span, name: str, given: Arguments) -> Span:
    """Return what a stage makes of a span."""
    axis = 1 if given.get("data_format") == "NCHW" else 3
    if name == "pointwise_conv2d":
        return _mixed(span, name, given)
    if name == "bias_add":
        shape = [-1 if place == axis else 1 for place in range(4)]
        return spans.added(span, np.broadcast_to(given["bias"].astype(np.float64).reshape(shape), span.low.shape))
    if name == "add":
        return spans.added(span, given["addend"].astype(np.float64))
    if name == "batch_norm":
        return spans.normalised(span, *normalisation(given, given.get("epsilon", EPSILON), axis))
    return spans.activated(span, ACTIVATIONS[name], given.get("alpha", ALPHA))


def _mixed(span: Span, name: str, given: Arguments) -> Span:
    """Return what a pointwise convolution makes of a span."""
    layout, weights = given.get("data_format") or "NHWC", given["pointwise_filter"]
    before = definition(given["input"], given["stages"][: given["stages"].index(name)], given)
    result = within(forward(before, weights, 1, "VALID", layout), span.arithmetic)
    shown = laid_out(result, in_layout(layout))
    return spans.mixed(span, before, shown, weights, partial(conv2d, strides=1, padding="VALID", data_format=layout))
