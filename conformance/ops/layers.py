"""
What ops as layers share: words, where windows lie, and how a bound is carried through a sum of products.

Let the activations that enter a layer differ by at most E, element by element. For a sum of products y = sum of x_k w_k
in precision u, with one run rounding the exact sum once and the other summing in any order,

    |y' - y| <= sum of E_k |w_k| + (n + 1) u sum of (|x_k| + E_k) |w_k| + what underflow takes

The first term is the op run on E and |w|; the second one its bound (`reference.bounds`) at the largest operands that
the target may have; a target that narrows its operands, as TF32 does, adds what `reference.engine.precision.narrowing`
says.
"""

import numpy as np

from conformance.cases.network import Call, Layer
from conformance.model import Array
from reference.arithmetic import Counts, Image, Pair
from reference.engine.exact import SumOfProducts
from reference.engine.precision import Arithmetic, narrow_format, narrowing
from reference.floats import format_of

__all__ = ["bound_of_sum", "describe_window", "nothing", "steps_and_padding"]


def bound_of_sum(call: SumOfProducts, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through a sum of products."""
    fmt = format_of(call.dtype)
    left, right = (np.abs(side.astype(np.float64)) for side in call.finite)
    count = call.count()
    narrow = narrow_format(arithmetic, fmt)
    relative, growth = narrowing(arithmetic, narrow) if narrow else (0.0, 1.0)
    rounded = ((count + 1) * fmt.u * growth + relative) * call.contract(left + before, right)
    lost = 2 * count * fmt.smallest_normal
    divisor = call.divisor()
    return (call.contract(before, right) + rounded) / (1.0 if divisor is None else divisor) + lost


def nothing(image: Image) -> Counts:
    """Count a layer without weights and connections, which gives an image of this size."""
    return Counts(output=image, weights=0, neurons=0, connections=0, parameters=0, flops=0)


def describe_window(layer: Layer, taps: Pair) -> str:
    """Say an op with its window and stride."""
    stride = "" if layer.strides == (1, 1) else f" / {layer.strides[0]}"
    return f"{layer.op} {taps[0]}x{taps[1]}{stride}"


def steps_and_padding(layer: Layer) -> Call:
    """Return what places the windows, spelt as tf.nn does."""
    named = isinstance(layer.padding, str)
    padding = layer.padding if named else [[0, 0], *map(list, layer.padding), [0, 0]]
    return {"strides": list(layer.strides), "padding": padding}
