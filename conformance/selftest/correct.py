"""Correct implementations: each computes as some processor or library does, and declares it. None may be rejected."""

from collections.abc import Iterator

import numpy as np

from conformance.selftest.arithmetics import flushed
from conformance.selftest.emulations import EMULATIONS, Emulation
from conformance.selftest.implementations import Implementation
from conformance.selftest.mutation.calls import Call, Fault
from conformance.selftest.mutation.dropouts import generated
from conformance.selftest.mutation.patterns import fused
from conformance.selftest.mutation.sums import CONVOLUTIONS, SUMS, sum_of
from conformance.selftest.mutation.variants import Variant, variants
from conformance.selftest.products import computed
from reference.floats import FORMATS

__all__ = ["correct_implementations"]

OTHERS = (
    *("max_pool", "max_pool_with_argmax", "max_pool_grad_grad", "max_unpool_grad", "bias_add"),
    *("dropout", "stateless_dropout", "dropout_grad"),
)


def emulating(emulation: Emulation) -> Fault:
    """Return an emulation as an implementation; integers are computed as the reference does."""

    def compute(call: Call) -> object:
        if call.dtype not in FORMATS:
            return call.run()
        if emulation.transform:
            sums, shown = sum_of(call)
            transformed = emulation.transform(sums)
            if transformed is not None:
                return shown(transformed)
        return computed(call, emulation.arithmetic)

    return compute


def flushing_operands(compute: Fault) -> Fault:
    """Read subnormal operands as zero."""

    def flush(call: Call) -> object:
        floats = {
            name: flushed(array)
            for name, array in call.arguments.items()
            if isinstance(array, np.ndarray) and array.dtype.name == call.dtype in FORMATS and array.ndim
        }
        return compute(Call(call.op, {**call.arguments, **floats}))

    return flush


def ops(emulation: Emulation) -> tuple[str, ...]:
    """Return the ops that libraries compute so."""
    if emulation.transform:
        return ("conv2d",)
    return CONVOLUTIONS if emulation.multiplies else SUMS


def of_emulations() -> Iterator[Variant]:
    """Yield every emulation, in the ops that libraries compute so."""
    for name, emulation in EMULATIONS.items():
        compute = emulating(emulation)
        compute = flushing_operands(compute) if name == "subnormals flushed" else compute
        yield from variants(ops(emulation), (name, emulation.about, compute), arithmetic=emulation.declared)


TABLE: list[Variant] = [
    *variants((*SUMS, *OTHERS), ("reference", "the exact result, rounded once", lambda call: call.run())),
    *of_emulations(),
    *variants(
        ["pattern"],
        ("reference", "each stage rounded once", lambda call: call.run()),
        ("fused", "all stages in float64, rounded once", fused),
    ),
    *variants(["dropout", "stateless_dropout"], ("own numbers", "another generator", generated()), own_masks=True),
]


def correct_implementations() -> list[Implementation]:
    """Return the correct implementations."""
    return [implementation for variant in TABLE for implementation in variant.implementations()]
