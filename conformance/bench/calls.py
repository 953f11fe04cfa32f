"""What is timed at a layer: the ops, by the kind of the layer, and how each is called with arrays drawn at random."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

from conformance.model import Array
from conformance.networks.counting import Row
from conformance.networks.kinds import KINDS
from conformance.networks.running import run_reference
from conformance.networks.steps import Inputs

__all__ = ["DTYPES", "TIMED", "Drawn", "TimedOp"]

DTYPES: Mapping[str, Any] = {
    "float32": np.float32,
    "bfloat16": ml_dtypes.bfloat16,
    "float64": np.float64,
    "float16": np.float16,
}
Arguments: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The arrays of calls at a layer, normal and in proportion; drawn anew each time they are asked for."""

    row: Row
    batch: int
    dtype: str
    stream: np.random.Generator

    def image(self) -> Array:
        """Draw what the layer takes: [N, H, W, C]."""
        return self._normal((self.batch, *self.row.input))

    def filters(self) -> Array | None:
        """Draw the layer's filters, of variance 1 / (FH FW); None where it has none."""
        shape = self.row.filters
        return None if shape is None else self._normal(shape, math.prod(shape[:2]))

    def gradient(self) -> Array:
        """Draw the gradient with respect to what the layer gives: [N, OH, OW, O]."""
        return self._normal((self.batch, *self.row.counted.output))

    def _normal(self, shape: tuple[int, ...], size: int = 1) -> Array:
        """Draw normal numbers of variance 1 / size."""
        # A float32 number among float64 would be easier to sum.
        wide = np.float64 if self.dtype == "float64" else np.float32
        return (self.stream.standard_normal(shape, wide) / math.sqrt(size)).astype(DTYPES[self.dtype])


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOp:
    """An op that is timed at a layer."""

    layer: str  # the layers at which it is timed, as `Layer.op` names them
    op: str
    call: Callable[[Drawn], Arguments]  # its arguments, as tf.nn takes them
    shares: bool = False  # whether the images of a batch share in one result, or in one mask


def forward(drawn: Drawn) -> Arguments:
    """Call the layer's own op."""
    layer = drawn.row.layer
    return KINDS[layer.op].call(layer, Inputs(image=drawn.image(), filters=drawn.filters()))


def backward(op: str) -> Callable[[Drawn], Arguments]:
    """Return what calls a gradient op of the layer."""

    def call(drawn: Drawn) -> Arguments:
        kind = KINDS[drawn.row.layer.op]
        (gradient,) = (each for each in kind.gradients if each.op == op)
        arguments = forward(drawn)
        return gradient.call(arguments, lambda: run_reference(kind.op, arguments), drawn.gradient(), run_reference)

    return call


def unpooling(drawn: Drawn) -> Arguments:
    """Call max_unpool at the argmax of 2x2 windows: the first cell of each."""
    layer, (high, wide, channels) = drawn.row.layer, drawn.row.counted.output
    image = drawn.image()
    cells = np.arange(high * wide * channels).reshape(high, wide, channels)[::2, ::2]
    argmax = np.broadcast_to(cells, image.shape).copy()
    return KINDS[layer.op].call(layer, Inputs(image=image, argmax=argmax))


def spreading(drawn: Drawn) -> Arguments:
    """Call avg_unpool, back through an average pool."""
    arguments = forward(drawn)
    shape = list(arguments.pop("input").shape)
    return {"input": drawn.gradient(), "output_shape": shape, **arguments}


def dropout(drawn: Drawn) -> Arguments:
    """Call dropout without a seed."""
    return {"x": drawn.image(), "rate": drawn.row.layer.rate}


def stateless_dropout(drawn: Drawn) -> Arguments:
    """Call dropout with a seed, by the algorithm that the device prefers."""
    return {**dropout(drawn), "seed": np.array([1, 2], np.int32)}


TIMED = (
    TimedOp(layer="conv2d", op="conv2d", call=forward),
    TimedOp(layer="conv2d", op="conv2d_backprop_input", call=backward("conv2d_backprop_input")),
    TimedOp(layer="conv2d", op="conv2d_backprop_filter", call=backward("conv2d_backprop_filter"), shares=True),
    TimedOp(layer="conv2d_transpose", op="conv2d_transpose", call=forward),
    TimedOp(layer="max_pool", op="max_pool", call=forward),
    TimedOp(layer="max_pool", op="max_pool_grad", call=backward("max_pool_grad")),
    TimedOp(layer="max_pool_with_argmax", op="max_pool_with_argmax", call=forward),
    TimedOp(layer="avg_pool", op="avg_pool", call=forward),
    TimedOp(layer="avg_pool", op="avg_pool_grad", call=backward("avg_pool_grad")),
    TimedOp(layer="avg_pool", op="avg_unpool", call=spreading),
    TimedOp(layer="max_unpool", op="max_unpool", call=unpooling),
    TimedOp(layer="dropout", op="dropout", call=dropout, shares=True),
    TimedOp(layer="dropout", op="stateless_dropout", call=stateless_dropout, shares=True),
    TimedOp(layer="dropout", op="dropout_grad", call=backward("dropout_grad"), shares=True),
)
