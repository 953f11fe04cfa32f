"""What the dropouts may give."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

import reference
from conformance.cases.op import Arguments, Permits
from conformance.model import Array
from conformance.ops.sums import always
from conformance.sets import AnyMask, AnyOf, Results
from reference.bounds import Within, exactly
from reference.floats import format_of
from reference.random_bits import algorithm

__all__ = ["of_dropout", "of_dropout_grad"]


def of_dropout(op: str) -> Callable[[Arguments], Permits]:
    """Dropout and stateless_dropout: TensorFlow's own mask, or, by another generator, any."""

    def of(arguments: Arguments) -> Permits:
        value = getattr(reference, op)(**arguments)
        mask = AnyMask(arguments["x"], arguments["rate"], arguments.get("noise_shape"))
        if op == "dropout" and arguments.get("seed") is None and arguments.get("global_seed") is None:
            return always(mask)
        exact = Results((scaled(value, arguments["x"]),))
        # A named algorithm is the same everywhere; what else is drawn may differ from device to device.
        own = algorithm(arguments.get("rng_alg")) == "auto_select"
        return always(AnyOf((exact, mask)) if own else exact)

    return of


def of_dropout_grad(arguments: Arguments) -> Permits:
    """dropout_grad."""
    return always(Results((scaled(reference.dropout_grad(**arguments), arguments["grad"]),)))


def scaled(value: Array, factor: Array) -> Within:
    """Return the set of products that round once: themselves, and zero for one that is subnormal or whose factor is."""
    result = exactly(value)
    least = format_of(value.dtype).smallest_normal
    tiny = (np.abs(value.astype(np.float64)) < least) | (np.abs(factor.astype(np.float64)) < least)
    zero = value.dtype.type(0)
    low, high = np.where(tiny & (value > 0), zero, value), np.where(tiny & (value < 0), zero, value)
    return replace(result, low=low, high=high)
