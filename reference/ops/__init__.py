"""
One module an op: the docstring that specifies it, its checks, and its definition.

What holds for every op:

Definition:
    `definition` is the formula as a program. It rounds nothing of its own: run on fractions it gives the exact numbers.
    The op itself checks the call and asks `reference.engine` for the same numbers, rounded once. rows and columns are a
    `windows.Axis` each: its stride, its dilation, the padding before the image (top or left), the size of the image and
    the number of windows (out). `cells(y)` are the rows of the image that window y meets.

Conformance:
    What the op returns is one of the results that conform. A sum may be added in any order and in the arithmetic that
    an implementation declares: float32 or wider unless it says otherwise, for float64 float64. n products whose
    magnitudes add up to S then err by at most n u S, where u is 2^-24 or 2^-53, and by one rounding more where the
    dtype of the result is narrower; `reference.bounds` has the set of allowed numbers of every element, with underflow,
    overflow and other arithmetics. +0 and -0 are one number, and so are all NaN: neither the sign nor the payload of a
    NaN means anything.

Rules:
    They are of three kinds. Mathematics is what the op is. Interface is which calls are refused. A choice is what
    TensorFlow decided and others decide otherwise without being wrong: `reference.ops.CHOICES` has the alternatives,
    who makes them, and where that can be seen. An implementation that says which one it makes is held to that; one that
    does not, to any of them, but to the same one everywhere.

Choices:
    common.R1  An empty result is given.
    common.R2  A window that is longer than its padded image by more than the stride, and less than twice it, or that
               has no image to fit into, is refused.
    common.R3  A subnormal number counts as what it is.
    common.R4  A float is no integer: 5.0 is refused where 5 is asked for.
    common.R5  Every digit of an integer counts.
    common.R6  A sum that is exactly zero is +0, and a maximum of zeros the one that comes first.

Refusals:
    A call that breaks a rule is refused, by whatever error. Where it breaks several, the specification does not say
    which is reported; SpecError names one of them.

Scope:
    Not specified are images of other ranks (1-D, 3-D, and several batch axes but for conv2d's), other fused ops than
    `pattern`, which has separable_conv2d, quantised ops, complex numbers, operands of two dtypes, layouts other than
    NHWC and NCHW, average pools between channels, fractional pools; names, devices, types and texts of errors,
    time and memory; and what the memory of an array looks like: strides, byte order, sharing.
"""

from reference.choices import EITHER, TENSORFLOW, Alternative, Choices
from reference.ops import (
    conv2d,
    conv2d_backprop_filter,
    conv2d_transpose,
    depthwise_conv2d,
    depthwise_conv2d_backprop_filter,
    depthwise_conv2d_backprop_input,
    dropout,
    dropout_grad,
    max_pool,
    max_pool_grad,
    max_pool_grad_grad,
    max_pool_with_argmax,
)

__all__ = ["CHOICES", "COMMON"]

COMMON: Choices = {
    "common.R1": (
        Alternative("given", "an array without elements", (TENSORFLOW, "JAX"), "core/kernels, eager"),
        Alternative("refused", "an error", (TENSORFLOW, "PyTorch"), "core/framework/common_shape_fns.cc"),
        Alternative(EITHER, "one or the other, by which size is 0", (TENSORFLOW,), "several modes and kernels"),
    ),
    "common.R2": (
        Alternative("refused", "an error", (TENSORFLOW, "PyTorch"), "core/framework/common_shape_fns.cc"),
        Alternative("empty", "an array without elements", (TENSORFLOW, "JAX"), "core/framework/kernel_shape_util.cc"),
        Alternative(EITHER, "one or the other", (TENSORFLOW,), "several modes and kernels"),
    ),
    "common.R3": (
        Alternative("kept", "itself", (TENSORFLOW, "PyTorch"), "IEEE 754"),
        Alternative("flushed", "a zero, or itself", (TENSORFLOW, "JAX"), "core/platform/denormal.h"),
    ),
    "common.R4": (
        Alternative("refused", "an error", (TENSORFLOW,), "python/eager/pywrap_tfe_src.cc"),
        Alternative("taken", "what 5 gives", ("JavaScript",), "ECMA-262, The Number Type: one kind of number"),
    ),
    "common.R5": (
        Alternative("all", "64 bits tell seeds apart", (TENSORFLOW,), "core/kernels/stateless_random_ops"),
        Alternative("53 bits", "integers past 2^53 are rounded", ("JavaScript",), "ECMA-262, The Number Type"),
    ),
    "common.R6": (
        Alternative("as stated", "that zero", (TENSORFLOW,), "sums that begin with +0; maxima that keep the first"),
        Alternative(EITHER, "+0 or -0", (TENSORFLOW, "JAX", "PyTorch"), "IEEE 754-2019, 6.3: by the order of terms"),
    ),
}

CHOICES: Choices = {
    **COMMON,
    **conv2d.CHOICES,
    **conv2d_transpose.CHOICES,
    **conv2d_backprop_filter.CHOICES,
    **depthwise_conv2d.CHOICES,
    **depthwise_conv2d_backprop_input.CHOICES,
    **depthwise_conv2d_backprop_filter.CHOICES,
    **max_pool.CHOICES,
    **max_pool_with_argmax.CHOICES,
    **max_pool_grad.CHOICES,
    **max_pool_grad_grad.CHOICES,
    **dropout.CHOICES,
    **dropout_grad.CHOICES,
}
