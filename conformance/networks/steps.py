"""Records of a network that is run: the parameters of a layer, and what one layer of a run took and gave."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from conformance.model import Array
from conformance.networks.layers import Layer

__all__ = ["Arguments", "Inputs", "Parameters", "Runner", "Step"]

Arguments: TypeAlias = Mapping[str, Any]
Runner: TypeAlias = Callable[[str, Arguments], tuple[Array, ...]]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One layer of one run."""

    layer: Layer
    op: str
    arguments: Arguments  # of the op
    results: tuple[Array, ...]  # of the op
    output: Array  # after bias and activation
