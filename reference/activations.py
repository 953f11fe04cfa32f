"""
The activations that stand after a convolution, named as in tf.nn, and how far a computed one may be off.

| activation | of x | error beside that of x, in u |
|---|---|---|
| relu, relu6 | max(x, 0), min(max(x, 0), 6) | 0 |
| leaky_relu | x; below 0 alpha x | 1 of the result |
| elu | x; below 0 exp(x) - 1 | 6 of exp(x), and 1 of the result |
| tanh | tanh(x) | 10 of the result |
| sigmoid | 1 / (1 + exp(-x)) | 12 of the result: 6 of exp(-x), 1 of the sum, 5 of the division |

u is the unit roundoff, and an ulp at most 2 u of a number. exp within 3 ulp, tanh within 5 and a division within 2.5
are what OpenCL asks of any device; Eigen, by which TensorFlow's CPU kernels compute, is within that: its sigmoid errs
by 4.5 ulp at most. No activation loses a NaN. All of them grow with x: the ends of what x may be give those of the
result.

Source: TensorFlow 2.21.0, core/kernels/relu_op_functor.h; The OpenCL C Specification 3.0, 7.4, Relative Error as ULPs;
Eigen, src/Core/functors/UnaryFunctors.h.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from reference.floats import Array

__all__ = ["ACTIVATIONS", "Activation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One activation, and the error of a computed one."""

    of: Callable[[Array, float], Array]  # of float64 and alpha
    relative: float = 0.0  # in u of the result
    exponential: float = 0.0  # in u of exp(x), below 0
    whole: bool = False  # whether whole numbers stay so


def _leaky(x: Array, alpha: float) -> Array:
    """Scale what is below 0."""
    return np.where(x < 0, alpha * x, x)


def _elu(x: Array, _alpha: float) -> Array:
    """Bend what is below 0 toward -1."""
    return np.where(x < 0, np.expm1(np.minimum(x, 0.0)), x)


def _sigmoid(x: Array, _alpha: float) -> Array:
    """Map to (0, 1); exp of what is far below 0 is infinite, and its inverse 0."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


ACTIVATIONS: Mapping[str, Activation] = {
    "relu": Activation(of=lambda x, _: np.maximum(x, 0.0), whole=True),
    "relu6": Activation(of=lambda x, _: np.clip(x, 0.0, 6.0), whole=True),
    "leaky_relu": Activation(of=_leaky, relative=1.0),
    "elu": Activation(of=_elu, relative=1.0, exponential=6.0),
    "tanh": Activation(of=lambda x, _: np.tanh(x), relative=10.0),
    "sigmoid": Activation(of=_sigmoid, relative=12.0),
}
