"""
Correct arithmetic, emulated: ways in which a sum of products is computed, each with the arithmetic that it declares.

Any sum of products of the reference can be computed so, element by element; `correct` has the ops that libraries offer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from conformance.selftest.arithmetics import (
    BFLOAT16,
    WIDE,
    Arithmetic,
    blocked,
    cut,
    flushed,
    flushing,
    fused,
    pairwise,
    permuted,
    reversed_,
    round_and_flush,
    rounded,
    summed,
    two_parts,
)
from conformance.selftest.transforms import fourier, winograd
from reference.engine.exact import SumOfProducts
from reference.floats import Array

__all__ = ["EMULATIONS", "STORAGE", "Emulation"]

DOUBLE: Mapping[str, Any] = dict.fromkeys(WIDE, np.float64)
STORAGE: Mapping[str, Any] = {"float16": np.float16, "bfloat16": BFLOAT16}  # in what these are kept


IN_ORDER = Arithmetic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulation:
    """One way to compute, and what it declares."""

    about: str
    declared: str = "float32"  # a name of bounds.ARITHMETICS
    arithmetic: Arithmetic = IN_ORDER
    transform: Callable[[SumOfProducts], Array | None] | None = None  # in place of the arithmetic, where it serves
    multiplies: bool = False  # whether it is of units that multiply, so that pools are not computed by it
    dtypes: tuple[str, ...] = ("float32",)  # in which it differs from the correctly rounded result

    def compute(self, call: SumOfProducts) -> Array:
        """Compute a sum of products."""
        transformed = self.transform(call) if self.transform else None
        return summed(call, self.arithmetic) if transformed is None else transformed


THREE = ("float32", "float16", "bfloat16")
FOUR = ("float32", "float64", "float16", "bfloat16")
EMULATIONS: Mapping[str, Emulation] = {
    "float32 in order": Emulation(about="float32 sums, one product after the other", dtypes=FOUR),
    "float32 reversed": Emulation(
        about="float32 sums, from the last product to the first",
        arithmetic=Arithmetic(product=reversed_, backwards=True),
        dtypes=FOUR,
    ),
    "float32 by pairs": Emulation(
        about="float32 sums of neighbours, then of those", arithmetic=Arithmetic(product=pairwise), dtypes=FOUR
    ),
    "float32 in lanes": Emulation(
        about="float32 sums in eight lanes, then of the lanes", arithmetic=Arithmetic(product=blocked), dtypes=FOUR
    ),
    "float32 in some order": Emulation(
        about="float32 sums in some order", arithmetic=Arithmetic(product=permuted), dtypes=FOUR
    ),
    "float32 with FMA": Emulation(
        about="float32 sums, each product rounded with its sum only", arithmetic=Arithmetic(product=fused), dtypes=THREE
    ),
    "subnormals flushed": Emulation(
        about="float32 sums, subnormal operands, products, sums and results are zero",
        arithmetic=Arithmetic(product=flushing, narrow=lambda side: (flushed(side),), finish=round_and_flush),
        dtypes=FOUR,
    ),
    "float32, gradual underflow": Emulation(
        about="float32 sums in order, subnormal numbers kept", declared="float32-gradual", dtypes=FOUR
    ),
    "float64": Emulation(
        about="float64 sums in order",
        declared="float64",
        arithmetic=Arithmetic(accumulate=DOUBLE),
    ),
    "sums in the storage type": Emulation(
        about="sums in the dtype of the operands",
        declared="storage",
        arithmetic=Arithmetic(accumulate=STORAGE),
        dtypes=THREE,
    ),
    "TF32 rounded": Emulation(
        about="float32 operands rounded to 11 bits",
        declared="tf32-rounded",
        arithmetic=Arithmetic(narrow=lambda side: (rounded(side, 13),)),
        multiplies=True,
    ),
    "TF32 truncated": Emulation(
        about="float32 operands cut to 11 bits",
        declared="tf32",
        arithmetic=Arithmetic(narrow=lambda side: (cut(side, 13),)),
        multiplies=True,
    ),
    "bf16x3": Emulation(
        about="float32 operands split in two bfloat16",
        declared="bf16x3",
        arithmetic=Arithmetic(narrow=two_parts),
        multiplies=True,
    ),
    "bfloat16": Emulation(
        about="float32 operands rounded to bfloat16",
        declared="bfloat16",
        arithmetic=Arithmetic(narrow=lambda side: (rounded(side, 16),)),
        multiplies=True,
    ),
    "Winograd F(2, 3)": Emulation(
        about="tiles of 2 x 2", declared="winograd-2", transform=partial(winograd, m=2), dtypes=THREE
    ),
    "Winograd F(4, 3)": Emulation(
        about="tiles of 4 x 4", declared="winograd-4", transform=partial(winograd, m=4), dtypes=THREE
    ),
    "FFT": Emulation(about="by Fourier transforms", declared="fft", transform=fourier, dtypes=THREE),
}
