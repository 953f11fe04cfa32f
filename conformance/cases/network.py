"""
What a network is, and what an op is as a layer of one: records that the ops and `conformance.networks` share.

A network is a list of layers, each one call of an op, and what stands around the calls: a convolution adds its bias,
its activation follows, and the output of an earlier layer may stand beside what it takes. `networks.running` makes the
calls, `networks.counting` the table, `networks.known` has networks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from conformance.model import Array
from reference.arithmetic import Counts, Filters, Image, Padding, Pair
from reference.engine.precision import Arithmetic

__all__ = [
    "WHOLE",
    "Arguments",
    "AtLayer",
    "Bound",
    "Call",
    "Inputs",
    "Layer",
    "LayerKind",
    "Network",
    "Parameters",
    "Results",
    "Runner",
    "Step",
]

Arguments: TypeAlias = Mapping[str, Any]  # of an op, as tf.nn takes them
Call: TypeAlias = dict[str, Any]  # arguments that are being made
Runner: TypeAlias = Callable[[str, Arguments], tuple[Array, ...]]  # makes one call: op and arguments
Results: TypeAlias = Callable[[], tuple[Array, ...]]  # of an op, computed where they are asked for

WHOLE: Pair = (0, 0)  # taps of a layer that is fully connected: its filters cover the image


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer, of an op whose record says what it is as a layer."""

    name: str  # unique in its network
    op: str
    taps: Pair = (1, 1)  # rows, columns of the window; WHOLE: those of the image
    outputs: int = 0  # channels that a convolution gives
    strides: Pair = (1, 1)  # rows, columns
    padding: Padding = "VALID"  # or "SAME", or ((top, bottom), (left, right))
    size: Pair = (0, 0)  # rows, columns that a transposed convolution or an unpooling gives
    bias: bool = True  # whether a convolution has one
    activation: str = ""  # "relu", "relu6", "tanh" or none; it comes before an op whose layer says `first`
    first: bool = False  # whether the activation comes before the op: the way back through a network
    rate: float = 0.0  # dropout's probability of dropping
    shares: str = ""  # the layer whose filters a transposed convolution uses, or whose argmax an unpooling
    beside: str = ""  # the layer whose output stands before the input along channels: a skip connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network: the image it takes, its layers in order, where it was published."""

    name: str
    title: str
    input: Image  # H, W, C
    layers: tuple[Layer, ...]
    source: str
    errors: tuple[str, ...] = ()  # figures that teaching texts print wrongly, with the right ones

    def layer(self, name: str) -> Layer:
        """Return the layer of this name."""
        return next(layer for layer in self.layers if layer.name == name)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The weights of one layer."""

    filters: Array  # FH, FW, FI, O; of a transposed convolution FH, FW, O, I
    bias: Array | None  # O


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a layer's call is made of, beside the layer itself."""

    image: Array  # N, H, W, C
    filters: Array | None = None  # as of Parameters; None where the layer has none
    argmax: Array | None = None  # of the pool that the layer undoes, in the shape of the image
    seed: int = 0  # of dropout
    rng_alg: str = "philox"  # likewise: the same on every device


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One layer of one run."""

    layer: Layer
    op: str
    arguments: Arguments  # of the op
    results: tuple[Array, ...]  # of the op
    output: Array  # after bias and activation


# How far the results of two conforming runs may be apart: from the step of the reference, that of the target (both with
# dropout's same seed), the bound of the activations that enter, in their shape, and the target's arithmetic; float64.
Bound: TypeAlias = Callable[[Step, Step, Array, Arithmetic], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerKind:
    """
    An op as a layer: how it is counted, called and bounded, and which layer leads back through it.

    `reference.arithmetic` says what is counted: connections to padding are none.
    """

    count: Callable[[Layer, Image], Counts]
    filters: Callable[[Layer, Image], Filters | None] = lambda _layer, _image: None  # their shape
    call: Callable[[Layer, Inputs], Call]
    bound: Bound
    back: Callable[[Layer, Pair, int], Layer] | None = None  # leads back to an image of this size and channels
    described: Callable[[Layer, Pair], str]  # in words; the pair is its window
    gives_argmax: bool = False  # as its second result
    takes_argmax: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLayer:
    """
    A call that an op makes at a layer of another op.

    It is made of the arguments of the layer's own call, its results, the gradient with respect to the first one, and a
    runner, which may be asked for more.
    """

    call: Callable[[Arguments, Results, Array, Runner], Call]
    gradient: bool = False  # whether the way back through the layer makes it
