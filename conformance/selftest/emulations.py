"""Correct implementations: each computes as some processor or library does, and declares it. None may be rejected."""

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from conformance.model import Array
from conformance.selftest.implementations import Implementation
from conformance.selftest.mutation.calls import CONVOLUTIONS, Call, Fault, convolution
from conformance.selftest.mutation.dropouts import generated
from conformance.selftest.mutation.numerical import cut, flushed, rounded
from conformance.selftest.mutation.variants import Variant, variants
from conformance.selftest.products import (
    WIDE,
    Arithmetic,
    blocked,
    computed,
    fused,
    ordered,
    pairwise,
    permuted,
    reversed_,
)
from reference.checks import from_nhwc
from reference.engine.conv2d import Forward
from reference.engine.patches import pad
from reference.engine.winograd import MATRICES
from reference.floats import FORMATS

__all__ = ["emulations"]

SUMS = (*CONVOLUTIONS, "avg_pool", "avg_pool_grad", "avg_unpool", "max_unpool", "max_pool_grad")
OTHERS = ("max_pool", "max_pool_with_argmax", "dropout", "stateless_dropout", "dropout_grad")
DOUBLE = dict.fromkeys(("float16", "bfloat16", "float32", "float64"), np.float64)


def two_parts(side: Array) -> tuple[Array, ...]:
    """Split float32 into two bfloat16, the larger part first."""
    if side.dtype != np.float32:
        return (side,)
    first = side.astype(ml_dtypes.bfloat16)
    with np.errstate(invalid="ignore"):
        second = (side - first.astype(np.float32)).astype(ml_dtypes.bfloat16)
    return first, second


def flushing(call: Call) -> object:
    """Add in order, with subnormal operands and results zero."""
    if call.dtype not in FORMATS:
        return call.run()
    floats = {
        name: flushed(array)
        for name, array in call.arguments.items()
        if isinstance(array, np.ndarray) and array.dtype.name == call.dtype and array.ndim
    }
    result = computed(Call(call.op, {**call.arguments, **floats}), Arithmetic())
    return flushed(result)


def by_fourier(call: Call) -> object:
    """Multiply the transforms of image and filters; in float32 where NumPy has that."""
    sums = convolution(call)
    if not isinstance(sums, Forward) or call.dtype not in FORMATS or 0 in (*sums.shape, *sums.left.shape):
        return computed(call, Arithmetic())
    geometry, wide = sums.geometry, WIDE[call.dtype]
    image = pad(sums.left, geometry.rows, geometry.columns).astype(wide)
    depth, outputs = sums.right.shape[2:]
    reach = (geometry.rows.reach, geometry.columns.reach)
    spread = np.zeros((*reach, depth, outputs), wide)
    spread[:: geometry.rows.dilation, :: geometry.columns.dilation] = sums.right.astype(wide)
    shape = [size + length - 1 for size, length in zip(image.shape[1:3], reach, strict=True)]
    if np.prod(shape) * depth * outputs > 2**22:
        return computed(call, Arithmetic())
    left = np.fft.rfft2(image, shape, axes=(1, 2))
    right = np.conj(np.fft.rfft2(spread, shape, axes=(0, 1)))
    groups = geometry.groups
    split = left.reshape(*left.shape[:3], groups, depth)
    parts = [
        np.einsum("nyxi,yxio->nyxo", split[:, :, :, g], right[..., g * outputs // groups : (g + 1) * outputs // groups])
        for g in range(groups)
    ]
    out = np.fft.irfft2(np.concatenate(parts, axis=3), shape, axes=(1, 2))
    stride = (geometry.rows.stride, geometry.columns.stride)
    out = out[:, : image.shape[1] - reach[0] + 1 : stride[0], : image.shape[2] - reach[1] + 1 : stride[1]]
    out = np.ascontiguousarray(out[:, : geometry.rows.out, : geometry.columns.out]).astype(sums.dtype)
    return from_nhwc(out.reshape(sums.shape), geometry.layout).reshape(np.shape(call.run()))


def by_winograd(m: int) -> Fault:
    """Return Winograd's F(m, 3) for 3x3 filters with stride 1; other calls are direct."""

    def fault(call: Call) -> object:
        sums = convolution(call)
        if not isinstance(sums, Forward) or call.dtype not in FORMATS or 0 in (*sums.shape, *sums.left.shape):
            return computed(call, Arithmetic())
        axes = (sums.geometry.rows, sums.geometry.columns)
        if any((axis.taps, axis.stride, axis.dilation) != (3, 1, 1) for axis in axes):
            return computed(call, Arithmetic())
        out = _tiled(sums, m, WIDE[call.dtype]).astype(sums.dtype)
        return from_nhwc(out, sums.geometry.layout).reshape(np.shape(call.run()))

    return fault


def _tiled(sums: Forward, m: int, wide: Any) -> Array:  # noqa: ANN401 -- a dtype
    """Compute a convolution by tiles of m x m outputs."""
    at, g, bt = (np.asarray(matrix, wide) for matrix in MATRICES[m])
    groups, (out_high, out_wide) = sums.geometry.groups, sums.shape[1:3]
    high, wide_ = -(-out_high // m), -(-out_wide // m)
    image = pad(sums.left, sums.geometry.rows, sums.geometry.columns).astype(wide)
    missing = [(0, max(n * m + 2 - size, 0)) for n, size in zip((high, wide_), image.shape[1:3], strict=True)]
    image = np.pad(image, [(0, 0), *missing, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(image, (m + 2, m + 2), axis=(1, 2))
    tiles = np.moveaxis(windows[:, : high * m : m, : wide_ * m : m], 3, -1)
    images = np.einsum("ah,nyxhwi,bw->nyxabi", bt, tiles, bt)
    filters = np.einsum("ah,hwio,bw->abio", g, sums.right.astype(wide), g)
    split = images.reshape(*images.shape[:5], groups, -1)
    each = filters.shape[3] // groups
    products = np.concatenate(
        [
            np.einsum("nyxabi,abio->nyxabo", split[..., k, :], filters[..., k * each : (k + 1) * each])
            for k in range(groups)
        ],
        axis=5,
    )
    out = np.einsum("ha,nyxabo,wb->nyhxwo", at, products, at)
    return np.asarray(out).reshape(len(image), high * m, wide_ * m, -1)[:, :out_high, :out_wide]


def by(**how: object) -> Fault:
    """Return an arithmetic, for the ops that add; others are the reference's."""
    return lambda call: computed(call, Arithmetic(**how)) if call.op in SUMS else call.run()  # type: ignore[arg-type]


def narrowing(change: Callable[[Array], Array]) -> Fault:
    """Return sums, in order, of float32 operands made narrow; gradients of pools are not computed by such units."""
    return by(narrow=lambda side: (change(side),))


TABLE: list[Variant] = [
    *variants(
        (*SUMS, *OTHERS),
        ("reference", "the exact result, rounded once", lambda call: call.run()),
    ),
    *variants(
        SUMS,
        ("float32 in order", "float32 sums, one product after the other", by(product=ordered)),
        ("float32 reversed", "float32 sums, from the last product to the first",
         by(product=reversed_, backwards=True)),
        ("float32 by pairs", "float32 sums of neighbours, then of those", by(product=pairwise)),
        ("float32 in lanes", "float32 sums in eight lanes, then of the lanes", by(product=blocked)),
        ("float32 in some order", "float32 sums in some order", by(product=permuted)),
        ("float32 with FMA", "float32 sums, each product rounded with its sum only", by(product=fused)),
        ("subnormals flushed", "float32 sums, subnormal operands and results are zero", flushing),
    ),
    *variants(
        SUMS,
        ("float32, gradual underflow", "float32 sums in order, subnormal numbers kept", by(product=ordered)),
        arithmetic="float32-gradual",
    ),
    *variants(SUMS, ("float64", "float64 sums in order", by(accumulate=DOUBLE)), arithmetic="float64"),
    *variants(CONVOLUTIONS, ("TF32 rounded", "float32 operands rounded to 11 bits",
                         narrowing(lambda side: rounded(side, 13))), arithmetic="tf32-rounded"),
    *variants(CONVOLUTIONS, ("TF32 truncated", "float32 operands cut to 11 bits",
                         narrowing(lambda side: cut(side, 13))), arithmetic="tf32"),
    *variants(CONVOLUTIONS, ("bf16x3", "float32 operands split in two bfloat16", by(narrow=two_parts)),
          arithmetic="bf16x3"),
    *variants(CONVOLUTIONS, ("bfloat16", "float32 operands rounded to bfloat16",
                         narrowing(lambda side: rounded(side, 16))), arithmetic="bfloat16"),
    *variants(["conv2d"], ("Winograd F(2, 3)", "tiles of 2 x 2", by_winograd(2)), arithmetic="winograd-2"),
    *variants(["conv2d"], ("Winograd F(4, 3)", "tiles of 4 x 4", by_winograd(4)), arithmetic="winograd-4"),
    *variants(["conv2d"], ("FFT", "by Fourier transforms", by_fourier), arithmetic="fft"),
    *variants(["dropout", "stateless_dropout"], ("own numbers", "another generator", generated()), own_masks=True),
]  # fmt: skip


def emulations() -> list[Implementation]:
    """Return the correct implementations."""
    return [implementation for variant in TABLE for implementation in variant.implementations()]
