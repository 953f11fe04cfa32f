"""The gradient of dropout."""

import numpy as np

from reference.choices import TENSORFLOW, Alternative, Choices
from reference.errors import SpecError
from reference.floats import Array, one_nan
from reference.ops.dropout import Rate, is_number, read, scaled
from reference.reading import read_array

__all__ = ["CHOICES", "definition", "dropout_grad"]

CHOICES: Choices = {
    "dropout_grad.R2": (
        Alternative("zero", "+0: it is selected", (TENSORFLOW, "JAX"), "python/ops/nn_ops.py, where"),
        Alternative("multiplied", "the gradient times 0", ("PyTorch", "ONNX Runtime"), "ATen/native/Dropout.cpp"),
    ),
}


def dropout_grad(grad: Array, kept: Array, rate: Rate) -> Array:
    """
    Return the gradient of dropout with respect to x.

        out = where(kept, grad * scale, +0)        grad / (1 - rate) for a rate that is an array

    Shapes:
        grad any, kept the same -> out the same, of grad's dtype.

    Rounding:
        scale = 1 / (1 - rate) in float64 (or in a NumPy number's own precision), rounded once to grad's dtype; grad *
        scale is rounded once. For a rate that is an array grad / (1 - rate), the difference and the quotient each
        rounded once. A NaN is the positive quiet one without payload; any NaN conforms, and so does zero where grad or
        the result is subnormal.

    grad and rate are held to dropout's rules: grad is float16, bfloat16, float32 or float64 (dropout.R1); rate is a
    real number with 0 <= rate < 1, or a 0-d array (dropout.R2) of grad's dtype (dropout.R3), whose value is not looked
    at (dropout.R4). A number 0 gives grad itself: nothing is dropped (dropout.R5). What is kept is scaled as there
    (dropout.R14, dropout.R15).

    Interface:
        dropout_grad.R1  kept is boolean and has grad's shape: the mask of the forward call, `kept_mask`.

    Choices:
        dropout_grad.R2  A dropped element has gradient +0, whatever grad and scale are.

    TensorFlow multiplies a dropped gradient, 0, by scale: NaN where scale is infinite (float16 from rate 0.99999 on).

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py, _dropout, whose gradient this is.

    >>> dropout_grad(np.float32([1, 2]), np.array([True, False]), 0.5)
    array([2., 0.], dtype=float32)
    """
    grad, rate = read(grad, "grad", rate)
    kept = read_array("dropout_grad.R1", "kept", kept)
    if kept.dtype != np.bool_ or kept.shape != grad.shape:
        reason = f"kept is {kept.dtype} {list(kept.shape)}, grad {list(grad.shape)}: not a mask of grad"
        values = {"kept.dtype": kept.dtype.name, "kept.shape": kept.shape, "grad.shape": grad.shape}
        raise SpecError("dropout_grad.R1", reason, values=values)
    if is_number(rate) and rate == 0:
        return grad
    return definition(grad, kept, rate)


def definition(grad: Array, kept: Array, rate: Rate) -> Array:
    """Scale what was kept, and drop the others."""
    return one_nan(np.where(kept, scaled(grad, rate), grad.dtype.type(0)))
