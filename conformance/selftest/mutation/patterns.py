"""Faults of fused ops: a stage, an attribute or an axis that the fused op forgets; and the fused op that is right."""

from collections.abc import Callable

import numpy as np

from conformance.model import Array
from conformance.selftest.mutation.calls import Call, Fault, after, before, when
from conformance.selftest.mutation.variants import Variant, variants
from reference.floats import FORMATS, format_of, round_to

__all__ = ["TABLE", "fused"]


def has(*stages: str) -> Callable[[Call], bool]:
    """Say whether a pattern has these stages."""
    return lambda call: set(stages) <= set(call.arguments["stages"])


def last(stage: str) -> Fault:
    """Take a stage at the end."""
    others: Callable[[Call], list[str]] = lambda call: [name for name in call.arguments["stages"] if name != stage]  # noqa: E731
    return when(has(stage), before(lambda call: {"stages": [*others(call), stage]}))


def dry(*axes: str) -> Fault:
    """Leave these axes as they are before the first stage."""

    def change(call: Call) -> dict[str, object]:
        pairs = [list(pair) for pair in call.arguments["paddings"]]
        for name in axes:
            pairs[call.axis(name)] = [0, 0]
        return {"paddings": pairs}

    return when(has("pad"), before(change))


def without(name: str) -> Fault:
    """Take zeros for an operand."""
    return when(lambda call: name in call.arguments, before(lambda call: {name: np.zeros_like(call.arguments[name])}))


def crossed(call: Call) -> dict[str, object]:
    """Take each channel's several filters one after the other, not those of all channels in turn."""
    weights = call.arguments["pointwise_filter"]
    shape = call.arguments["filters"].shape[2:]
    return {"pointwise_filter": np.moveaxis(weights.reshape(*shape, -1), 1, 0).reshape(weights.shape)}


def dropped(_call: Call, result: Array) -> Array:
    """Return 0 for NaN, as a maximum does that compares with what comes second."""
    return np.where(np.isnan(result), result.dtype.type(0), result)


def steep(_call: Call, result: Array) -> Array:
    """Return a few units in the last place of float16 more."""
    wide = result.astype(np.float64) * (1 + 2.0**-9)
    return round_to(wide, format_of(result.dtype))


def fused(call: Call) -> object:
    """Compute all stages in float64, and round once."""
    if call.dtype not in FORMATS:
        return call.run()
    arrays = {name: value for name, value in call.arguments.items() if isinstance(value, np.ndarray)}
    wide = call.run(**{name: array.astype(np.float64) for name, array in arrays.items()})
    return round_to(wide, FORMATS[call.dtype])


TABLE: list[Variant] = [
    *variants(
        ["pattern"],
        ("slope ignored", "leaky_relu has the slope that it has by default",
         when(has("leaky_relu"), before(lambda _: {"alpha": 0.2}))),
        ("bias last", "the bias is added after the activation", last("bias_add")),
        ("channels crossed", "a pointwise convolution takes the channels of a depthwise one in another order",
         when(has("depthwise_conv2d", "pointwise_conv2d"), before(crossed))),
        ("addend last", "the addend is added after the activation", last("add")),
        ("batch not padded", "padding along the batch is lost", dry("batch")),
        ("channels not padded", "padding along the channels is lost", dry("channels")),
        ("rows not padded", "padding along the rows is lost", dry("rows")),
        ("addend ignored", "nothing is added", without("addend")),
        ("mean ignored", "batch_norm subtracts nothing", without("mean")),
        ("epsilon ignored", "batch_norm divides by the root of the variance alone",
         when(has("batch_norm"), before(lambda _: {"epsilon": 1e-30}))),
        ("NaN below 0", "relu gives 0 for NaN", when(has("relu"), after(dropped))),
        ("tanh roughly", "tanh is off by some units of float16",
         when(lambda call: has("tanh")(call) and call.dtype == "float32", after(steep))),
    ),
]  # fmt: skip
