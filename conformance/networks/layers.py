"""
What a network is: a list of layers, each one call of an op, and what stands around the calls.

A layer's op takes what the layer before gives; a convolution adds its bias, and its activation follows. Layers are
data: `kinds` says what each op is as a layer, `running` makes the calls, `counting` the table, `known` has the
networks.
"""

from dataclasses import dataclass

from reference.arithmetic import Image, Padding, Pair

__all__ = ["WHOLE", "Layer", "Network"]

WHOLE: Pair = (0, 0)  # taps of a layer that is fully connected: its filters cover the image


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer; `kinds.KINDS` has the ops that it may be of."""

    name: str  # unique in its network
    op: str
    taps: Pair = (1, 1)  # rows, columns of the window; WHOLE: those of the image
    outputs: int = 0  # channels that a convolution gives
    strides: Pair = (1, 1)  # rows, columns
    padding: Padding = "VALID"  # or "SAME", or ((top, bottom), (left, right))
    size: Pair = (0, 0)  # rows, columns that a transposed convolution or an unpooling gives
    bias: bool = True  # whether a convolution has one
    activation: str = ""  # "relu", "tanh" or none; it comes before an op whose layer says `first`
    first: bool = False  # whether the activation comes before the op: the way back through a network
    rate: float = 0.0  # dropout's probability of dropping
    shares: str = ""  # the layer whose filters a transposed convolution uses, or whose argmax an unpooling


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
