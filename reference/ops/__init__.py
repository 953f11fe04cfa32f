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
    overflow and other arithmetics. Subnormal numbers may count as zero. +0 and -0 are one number, and so are all NaN:
    neither the sign nor the payload of a NaN means anything. Where a rule says "Open", each of what it lists conforms.

Refusals:
    A call that breaks a rule is refused, by whatever error. Where it breaks several, the specification does not say
    which is reported; SpecError names one of them.

Scope:
    Not specified are images of other ranks (1-D, 3-D, and several batch axes but for conv2d's), depthwise and separable
    convolutions, fused and quantised ops, complex numbers, operands of two dtypes, layouts other than NHWC and NCHW,
    average pools between channels, fractional pools, gradients of gradients; names, devices, types and texts of errors,
    time and memory; and what the memory of an array looks like: strides, byte order, sharing.
"""
