"""What is timed at a layer: the ops, by the kind of the layer, and how each is called with arrays drawn at random."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

from conformance.cases.network import AtLayer, Inputs
from conformance.model import Array
from conformance.networks.counting import CountedLayer
from conformance.networks.kinds import at_layer, kind_of
from conformance.ops import OPS
from conformance.ops.arguments import run_reference

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

    row: CountedLayer
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

    def argmax(self) -> Array:
        """Return an argmax in the shape of the image: the first cells of 2x2 windows over what the layer gives."""
        high, wide, channels = self.row.counted.output
        cells = np.arange(high * wide * channels).reshape(high, wide, channels)[::2, ::2]
        return np.broadcast_to(cells, (self.batch, *self.row.input)).copy()

    def _normal(self, shape: tuple[int, ...], size: int = 1) -> Array:
        """Draw normal numbers of variance 1 / size."""
        # A float32 number among float64 would be easier to sum.
        wide = np.float64 if self.dtype == "float64" else np.float32
        return (self.stream.standard_normal(shape, wide) / math.sqrt(size)).astype(DTYPES[self.dtype])


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOp:
    """An op that is timed at a layer."""

    layer: str  # the op of the layers at which it is timed
    op: str
    call: Callable[[Drawn], Arguments]  # its arguments, as tf.nn takes them

    @property
    def shares(self) -> bool:
        """Whether the images of a batch share in one result, or in one mask."""
        return OPS[self.op].result in ("filters", "tensor")

    @property
    def multiplies(self) -> bool:
        """Whether it computes the products of the layer's filters."""
        return "filters" in (*OPS[self.op].operands.values(), OPS[self.op].result)


def forward(drawn: Drawn) -> Arguments:
    """Call the layer's own op."""
    layer = drawn.row.layer
    kind = kind_of(layer)
    argmax = drawn.argmax() if kind.takes_argmax else None
    inputs = Inputs(image=drawn.image(), filters=drawn.filters(), argmax=argmax, rng_alg="auto_select")
    return kind.call(layer, inputs)


def beside(op: str, at: AtLayer) -> Callable[[Drawn], Arguments]:
    """Return what makes another op's call at a layer of an op."""

    def call(drawn: Drawn) -> Arguments:
        arguments = forward(drawn)
        return at.call(arguments, lambda: run_reference(op, arguments), drawn.gradient(), run_reference)

    return call


def timed(op: str) -> Iterator[TimedOp]:
    """Yield what is timed at the layers of an op: the op, and what makes a call at its layers."""
    yield TimedOp(layer=op, op=op, call=forward)
    for each, at in at_layer(op):
        yield TimedOp(layer=op, op=each.name, call=beside(op, at))


TIMED = tuple(one for op in OPS.values() if op.layer for one in timed(op.name))
