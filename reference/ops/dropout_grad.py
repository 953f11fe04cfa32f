"""The gradient of dropout."""

import numpy as np

from reference.errors import SpecError
from reference.floats import Array
from reference.ops.dropout import Rate, is_number, read, scaled
from reference.reading import read_array

__all__ = ["dropout_grad"]


def dropout_grad(grad: Array, kept: Array, rate: Rate) -> Array:
    """
    Return the gradient of dropout with respect to x.

        out = where(kept, grad * scale, +0)        scale and rounding as forward; grad / (1 - rate) for an array

    Rules are R1 to R4 of `general_dropout` for grad and rate, its R5 (a number 0 gives grad itself: nothing is
    dropped), and:
        dropout_grad.R1  kept is boolean and has grad's shape: the mask of the forward call, `kept_mask`.
        dropout_grad.R2  A dropped element has gradient +0, whatever grad and scale are.

    TensorFlow multiplies a dropped gradient, 0, by scale: NaN where scale is infinite (float16 from rate 0.99999 on).
    """
    grad, rate = read(grad, "grad", rate)
    kept = read_array("dropout_grad.R1", "kept", kept)
    if kept.dtype != np.bool_ or kept.shape != grad.shape:
        reason = f"kept is {kept.dtype} {list(kept.shape)}, grad {list(grad.shape)}: not a mask of grad"
        values = {"kept.dtype": kept.dtype.name, "kept.shape": kept.shape, "grad.shape": grad.shape}
        raise SpecError("dropout_grad.R1", reason, values=values)
    if is_number(rate) and rate == 0:
        return grad
    return np.asarray(np.where(kept, scaled(grad, rate), grad.dtype.type(0)))
