"""Faults of numbers: precision of sums and results, subnormals, NaN, infinities, integers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.model import Array
from conformance.ops import OPS
from conformance.selftest.arithmetics import Arithmetic, cut, flushed, ordered, rounded, subnormal
from conformance.selftest.emulations import STORAGE
from conformance.selftest.mutation.calls import Call, Fault, after, before, when
from conformance.selftest.mutation.faults import operands, through, widest
from conformance.selftest.mutation.sums import CONVOLUTIONS, CROSSING, SUMS, terms
from conformance.selftest.mutation.variants import Variant, variants
from conformance.selftest.products import computed
from reference.floats import FORMATS

__all__ = ["TABLE"]

HALF = {"float16": np.float16, "float32": np.float16}


def towards_zero(values: Array) -> Array:
    """Cut float64 to bfloat16's precision."""
    return cut(values.astype(np.float32), 16).astype(np.float64)


def leading_bit(values: Array) -> Array:
    """Read subnormal numbers as if they had a leading 1."""
    least = values.dtype.type(FORMATS[values.dtype.name].smallest_normal)
    return np.where(subnormal(values), values + np.copysign(least, values), values)


def flushed_early(values: Array) -> Array:
    """Read numbers below a millionth as zero."""
    return np.where(np.abs(values.astype(np.float64)) < 1e-6, np.zeros((), values.dtype), values)


def nan_as_zero(values: Array) -> Array:
    """Read NaN as zero."""
    return np.where(np.isnan(values), np.zeros((), values.dtype), values)


def saturated(values: Array) -> Array:
    """Read infinity as the largest number."""
    largest = values.dtype.type(FORMATS[values.dtype.name].largest)
    return np.where(np.isinf(values), np.copysign(largest, values), values)


def floating(change: Callable[[Array], Array]) -> Fault:
    """Change results of floating dtypes."""
    return after(lambda _, result: change(result) if result.dtype.name in FORMATS else result)


def infinite_as_nan(values: Array) -> Array:
    """Give NaN for infinity."""
    return np.where(np.isinf(values), values.dtype.type(np.nan), values)


def clipped(values: Array, dtype: np.dtype[Any]) -> Array:
    """Convert to an integer dtype, the ends of which stay."""
    ends = np.iinfo(dtype)
    return np.clip(values, float(ends.min), float(ends.max) - 256).astype(dtype)


def summed(**how: object) -> Fault:
    """Compute by another arithmetic."""
    return lambda call: computed(call, Arithmetic(**how))  # type: ignore[arg-type]


def scrambled() -> Callable[[], Fault]:
    """Return what makes a fault that adds in another order at every call."""

    def make() -> Fault:
        generator = np.random.Generator(np.random.PCG64(1))

        def product(a: Array, b: Array) -> Array:
            order = generator.permutation(a.shape[2])
            return ordered(a[:, :, order], b[:, order])

        return lambda call: computed(call, Arithmetic(product=product))

    return make


def as_int16(call: Call) -> dict[str, Array]:
    """Read int32 operands by their low 16 bits."""
    return {
        name: array.astype(np.int16).astype(np.int32)
        for name, array in call.arguments.items()
        if isinstance(array, np.ndarray) and array.ndim == 4 and call.dtype == "int32"
    }


def bfloat16_adds(a: Array, b: Array) -> Array:
    """Add one product after the other, keeping eight bits."""
    total = np.zeros((*a.shape[:2], b.shape[2]), np.float32)
    for k in range(a.shape[2]):
        total = rounded(total + a[:, :, k, None] * b[:, k, None, :], 16)
    return total


def without_rest(values: Array, tile: int) -> Array:
    """Set what comes after whole tiles along the first axis to zero, where there is a whole one."""
    size = len(values)
    return (
        np.concatenate([values[: size // tile * tile], np.zeros_like(values[size // tile * tile :])])
        if size > tile
        else values
    )


def along_the_last(call: Call) -> object:
    """Add the biases along the last axis, where it is as long as the channels."""
    value = call.arguments["value"]
    other = str(call.arguments.get("data_format", "")).startswith("NC") and value.shape[1] == value.shape[-1]
    return call.run(data_format=None) if other else call.run()


def last_row_unbiased(call: Call) -> object:
    """Leave the last of many rows as it was."""
    result, value = call.run(), call.arguments["value"]
    if len(value) > 64:
        result[-1] = value[-1]
    return result


TABLE: list[Variant] = [
    *variants(
        [op for op in SUMS if OPS[op].windows],  # one value alone may be off by as much as the sums of two
        ("subnormals with a leading 1", "subnormal numbers read as normal ones", operands(leading_bit)),
    ),
    *variants(
        SUMS,
        ("sums in the storage type", "16-bit types added as they are stored", summed(accumulate=STORAGE)),
        ("float64 in float32", "float64 computed in float32", through("float32", "float64")),
        ("float32 in float16", "float32 computed in float16", through("float16", "float32")),
        ("bfloat16 truncated", "bfloat16 results cut off, not rounded",
         through("float64", "bfloat16", back=lambda y, t: towards_zero(y).astype(np.float32).astype(t))),
        ("NaN as zero", "NaN in the input counts as zero", operands(nan_as_zero)),
        ("infinity saturates", "infinity in the input counts as the largest number", operands(saturated)),
        ("infinity becomes NaN", "infinite results are NaN", floating(infinite_as_nan)),
        ("overflow saturates", "results past the largest number are the largest", floating(saturated)),
        ("small numbers flushed", "numbers below 1e-6 count as zero", operands(flushed_early)),
    ),
    *variants(
        SUMS,
        ("subnormals flushed in secret", "subnormals count as zero, gradual underflow is declared", operands(flushed)),
        arithmetic="float32-gradual",
    ),
    *variants(
        CONVOLUTIONS,
        ("TF32 rounded", "float32 operands rounded to 11 bits", operands(lambda x: rounded(x, 13), "float32")),
        ("TF32 truncated", "float32 operands cut to 11 bits", operands(lambda x: cut(x, 13), "float32")),
        ("bfloat16 operands", "float32 operands rounded to 8 bits", operands(lambda x: rounded(x, 16), "float32")),
        ("one operand in bfloat16", "only deep float32 sums, operands of 8 bits",
         when(lambda call: terms(call) >= 64, operands(lambda x: rounded(x, 16), "float32"))),
        ("float16 sums of float32", "float32 products added in float16", summed(accumulate=HALF)),
        ("bfloat16 sums", "16-bit products added with 8 bits",
         when(lambda call: call.dtype in STORAGE, summed(product=bfloat16_adds))),
        ("16-bit sums rounded twice to float16", "bfloat16 computed in float16", through("float16", "bfloat16")),
        ("sums off by 1 part in 1000", "the result scaled by 1.001", widest(lambda y: y * 1.001)),
    ),
    *variants(
        CROSSING,
        ("int32 in float32", "int32 computed in float32", through("float32", "int32")),
        ("int32 saturates", "int32 sums stop at the ends", through("float64", "int32", back=clipped)),
        ("int32 as int16", "the upper half of int32 operands is lost", before(as_int16)),
    ),
    *variants(
        ["bias_add"],
        ("channels rotated", "each channel gets the next one's bias",
         before(lambda call: {"bias": np.roll(call.arguments["bias"], 1)})),
        ("NCHW along the last axis", "the last axis gets the biases where it is as long", along_the_last),
        ("int32 saturates", "int32 sums stop at the ends", through("float64", "int32", back=clipped)),
        ("a vector of 16 without its rest", "channels past whole vectors of 16 get no bias",
         before(lambda call: {"bias": without_rest(call.arguments["bias"], 16)})),
        ("no bias for the last of many rows", "the last row of more than 64 is as it was", last_row_unbiased),
    ),
    *variants(
        ["bias_add_grad"],
        ("blocks of 256 rows", "rows past whole blocks of 256 are left out",
         before(lambda call: {"out_backprop": without_rest(call.arguments["out_backprop"], 256)})),
        ("the last image left out", "of several images the last is left out",
         before(lambda call: {"out_backprop": call.first[:-1] if len(call.first) > 1 else call.first})),
    ),
    *[
        Variant(name="any order", about="another order of sums at every call, declared to repeat", ops=CONVOLUTIONS[:2],
            fault=scrambled()),
    ],
]  # fmt: skip
