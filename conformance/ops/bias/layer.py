"""bias_add at layers of convolutions, which in a network add their biases themselves; and its gradient there."""

from conformance.cases.network import Arguments, AtLayer, Call, Results, Runner
from conformance.model import Array

__all__ = ["ADDING", "BIAS_GRADIENT"]

CONVOLUTIONS = ("conv2d", "depthwise_conv2d", "conv2d_transpose")


def call(_arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call bias_add, of a value as large as the layer's."""
    return {"value": gradient, "bias": gradient[0, 0, 0]}


def call_gradient(_arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call bias_add_grad."""
    return {"out_backprop": gradient}


ADDING = dict.fromkeys(CONVOLUTIONS, AtLayer(call=call))
BIAS_GRADIENT = dict.fromkeys(CONVOLUTIONS, AtLayer(call=call_gradient, gradient=True))
