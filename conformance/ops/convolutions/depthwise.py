"""The records of depthwise_conv2d and its gradients: convolutions whose groups are channels."""

from dataclasses import replace
from functools import partial

import reference
from conformance.cases import conditions
from conformance.ops.convolutions import breaks, calls, depthwise_layer, layer, linear, sets, world
from conformance.ops.convolutions.forms import FORMS
from conformance.ops.convolutions.record import (
    CONV2D,
    CONV2D_BACKPROP_FILTER,
    CONV2D_BACKPROP_INPUT,
    arrays,
)
from conformance.targets.tensorflow.routes import ROUTES

__all__ = ["DEPTHWISE_CONV2D", "DEPTHWISE_CONV2D_BACKPROP_FILTER", "DEPTHWISE_CONV2D_BACKPROP_INPUT"]

DTYPES = FORMS["depthwise_conv2d"].dtypes
EMPTY = (conditions.NO_BATCH, conditions.NO_ROWS, conditions.NO_COLUMNS)

DEPTHWISE_CONV2D = replace(
    CONV2D,
    name="depthwise_conv2d",
    pairs=False,
    reference=reference.depthwise_conv2d,
    operands={"input": "image", "filter": "filters"},
    dtypes=DTYPES,
    valid=partial(calls.valid, "depthwise_conv2d"),
    world=world.of("depthwise_conv2d"),
    takes=partial(calls.takes, "depthwise_conv2d"),
    of_layer=partial(calls.of_layer, "depthwise_conv2d"),
    breaks=breaks.BREAKS["depthwise_conv2d"],
    meanings={
        "depthwise_conv2d.R11": (conditions.SPECIAL,),
        "depthwise_conv2d.R12": (*EMPTY, {"multiplier": ("0",)}),
    },
    arrays=partial(arrays, ("input", "filter")),
    allowed=sets.of_forward("depthwise_conv2d", sets.depthwise_sum),
    sum=sets.depthwise_sum,
    linear=linear.DEPTHWISE,
    layer=depthwise_layer.DEPTHWISE,
    at_layer={},
    geometry=None,
    tensorflow=ROUTES["depthwise_conv2d"],
)

DEPTHWISE_CONV2D_BACKPROP_INPUT = replace(
    CONV2D_BACKPROP_INPUT,
    name="depthwise_conv2d_backprop_input",
    pairs=False,
    reference=reference.depthwise_conv2d_backprop_input,
    operands={"filter": "filters", "out_backprop": "image"},
    dtypes=DTYPES,
    linear=linear.DEPTHWISE_INPUT_GRADIENT,
    at_layer={"depthwise_conv2d": layer.INPUT_GRADIENT},
    valid=partial(calls.valid, "depthwise_conv2d_backprop_input"),
    world=world.of("depthwise_conv2d_backprop_input"),
    takes=partial(calls.takes, "depthwise_conv2d_backprop_input"),
    of_layer=partial(calls.of_layer, "depthwise_conv2d_backprop_input"),
    breaks=breaks.BREAKS["depthwise_conv2d_backprop_input"],
    meanings={"depthwise_conv2d_backprop_input.R12": EMPTY},
    arrays=partial(arrays, ("out_backprop", "filter")),
    allowed=sets.of_backward("depthwise_conv2d_backprop_input", sets.depthwise_input_sum),
    sum=sets.depthwise_input_sum,
    tensorflow=ROUTES["depthwise_conv2d_backprop_input"],
)

DEPTHWISE_CONV2D_BACKPROP_FILTER = replace(
    CONV2D_BACKPROP_FILTER,
    name="depthwise_conv2d_backprop_filter",
    pairs=False,
    reference=reference.depthwise_conv2d_backprop_filter,
    dtypes=DTYPES,
    linear=linear.DEPTHWISE_FILTER_GRADIENT,
    at_layer={"depthwise_conv2d": depthwise_layer.FILTER_GRADIENT},
    valid=partial(calls.valid, "depthwise_conv2d_backprop_filter"),
    world=world.of("depthwise_conv2d_backprop_filter"),
    takes=partial(calls.takes, "depthwise_conv2d_backprop_filter"),
    of_layer=partial(calls.of_layer, "depthwise_conv2d_backprop_filter"),
    breaks=breaks.BREAKS["depthwise_conv2d_backprop_filter"],
    meanings={"depthwise_conv2d_backprop_filter.R11": EMPTY},
    allowed=sets.of_filter_gradient("depthwise_conv2d_backprop_filter", sets.depthwise_filter_sum),
    sum=sets.depthwise_filter_sum,
    tensorflow=ROUTES["depthwise_conv2d_backprop_filter"],
)
