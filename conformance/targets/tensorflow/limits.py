"""
The limits of TensorFlow's targets.

Measured on TensorFlow 2.21.0 on CPU, call by call; those of the GPU come from the kernel registrations in its source,
core/kernels, and wait for one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from conformance.targets.limits import Limit
from reference.ops.pattern import HEADS

__all__ = ["EVERYWHERE", "GPU", "HANGS", "HELD_BELOW", "STOCK", "UNKNOWN_SHAPES", "XLA", "with_patterns"]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
GRADIENTS = ("conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter")
DEPTHWISE_GRADIENTS = ("depthwise_conv2d_backprop_input", "depthwise_conv2d_backprop_filter")
DEPTHWISE = ("depthwise_conv2d", *DEPTHWISE_GRADIENTS)
MAX_POOLS = ("max_pool", "max_pool_grad", "max_pool_with_argmax")
AVG_POOLS = ("avg_pool", "avg_pool_grad", "avg_unpool", "avg_unpool_grad")

Classes = dict[str, tuple[str, ...]]

NCHW: Classes = {"layout": ("NCHW",)}
EXPLICIT_PADDING: Classes = {"padding": ("EXPLICIT",)}
DILATED: Classes = {"dilation": ("above 1",)}
UNEQUAL: Classes = {"strides": ("unequal",)}
STRIDED: Classes = {"stride": ("above 1", "huge")}
GROUPED: Classes = {"groups": ("above 1", "depthwise")}
BETWEEN: Classes = {"between channels": ("yes",)}
FILLED: Classes = {"noise_shape with None": ("yes",)}  # from the shape of x
INT64_SHAPE: Classes = {"shape spelt": ("int64",)}
TWO_SIZES: Classes = {"shape spelt": ("two",)}  # height and width alone
BFLOAT16: Classes = {"dtype": ("bfloat16",)}
FLOAT16: Classes = {"dtype": ("float16",)}
INT32_INDEX: Classes = {"argmax": ("int32",)}

# Of oneDNN's kernels: the causes onednn-huge-stride, onednn-huge-window and onednn-depthwise-long-row.
HANGS = (
    Limit(features={"stride": ("huge",)}, reason="the ends of windows overflow"),
    Limit(ops=AVG_POOLS, features={"longest window": ("above 65,535",)}, reason="the time grows with the window"),
    Limit(
        ops=("depthwise_conv2d", *DEPTHWISE_GRADIENTS),
        features={"dtype": ("bfloat16", "float16"), "longest window": ("up to 200", "up to 8,192")},
        reason="rows that are long do not end",
    ),
)
# Of every TensorFlow target.
EVERYWHERE = (
    Limit(ops=("conv2d_backprop_filter",), features={"dtype": ("int32",)}, reason="the op has no integer kernels"),
    # Conv2DBackpropInput, Conv2DBackpropFilter and AvgPoolGrad are registered with `input_sizes: int32` and the like.
    Limit(
        ops=(*GRADIENTS, *DEPTHWISE_GRADIENTS, "avg_pool_grad"),
        routes=("nn", "raw", "atrous"),
        features=INT64_SHAPE,
        reason="the op takes its shape as int32 only",
    ),
    Limit(
        ops=(*GRADIENTS, "conv2d", "bias_add_grad", "max_pool_grad", "max_pool_grad_grad", "max_unpool_grad"),
        routes=("tape", "twice", "transposed"),
        features={"dtype": INTEGERS},
        reason="the tape gives no gradients of integers",
    ),
    # The text of tf.nn.depthwise_conv2d says so; it warns, and computes something else where it does not refuse.
    Limit(ops=DEPTHWISE, features=DILATED | STRIDED, reason="strides are 1 where dilations are above 1"),
    Limit(ops=("conv2d",), routes=("transposed",), features={"rank": ("5",)}, reason="conv2d_transpose takes rank 4"),
    *(
        Limit(ops=("conv2d", "conv2d_transpose"), routes=("atrous",), features=features, reason=reason)
        for features, reason in (
            (NCHW, "NHWC only"),
            (EXPLICIT_PADDING, "no explicit padding"),
            (STRIDED, "stride 1 only"),
            ({"rank": ("5",)}, "images of rank 4 only"),
        )
    ),
    Limit(ops=("conv2d_transpose",), routes=("atrous",), features=TWO_SIZES, reason="the shape needs four entries"),
    Limit(ops=("conv2d_transpose",), routes=("atrous",), features=GROUPED, reason="no groups"),
    # The gradient of MaxPoolGrad is registered as MaxPoolGradGrad, whatever its padding: python/ops/nn_grad.py.
    Limit(ops=("max_pool_grad_grad",), features=EXPLICIT_PADDING, reason="MaxPoolGradGrad takes no explicit padding"),
    Limit(
        ops=("pattern",),
        features={"normalised": ("yes",), "dtype": ("float64",)},
        reason="FusedBatchNormV3 takes no float64",
    ),
    *(
        Limit(ops=("pattern",), routes=("separable",), features=features, reason="no separable convolution")
        for features in ({"pointwise": ("no", "later")}, {"first": ("conv2d", "conv2d_transpose", "max_pool")})
    ),
    Limit(ops=("max_pool_grad",), routes=("argmax",), features=NCHW, reason="max_pool_with_argmax is NHWC only"),
    Limit(
        ops=("max_pool_grad",),
        routes=("argmax",),
        features=EXPLICIT_PADDING,
        reason="max_pool_with_argmax takes no explicit padding",
    ),
)

CONVOLUTION_GRADIENTS = (
    Limit(ops=GRADIENTS, features=NCHW | EXPLICIT_PADDING, reason="NHWC only with explicit padding"),
    Limit(ops=GRADIENTS, features=DILATED | EXPLICIT_PADDING, reason="no dilation with explicit padding"),
    Limit(ops=GRADIENTS, features=GROUPED | EXPLICIT_PADDING, reason="no groups with explicit padding"),
    Limit(ops=GRADIENTS, features=DILATED, lifted=True, reason="no dilation"),
    Limit(ops=GRADIENTS, features=GROUPED, lifted=True, reason="no groups"),
)

# Of the CPU's own kernels, eager and in graphs.
STOCK = (
    *CONVOLUTION_GRADIENTS,
    # conv2d as the gradient of one of them.
    *(replace(limit, ops=("conv2d",), routes=("twice", "transposed")) for limit in CONVOLUTION_GRADIENTS),
    Limit(ops=("conv2d", *GRADIENTS), features=NCHW, lifted=True, reason="NHWC only"),
    Limit(ops=DEPTHWISE_GRADIENTS, features=NCHW | EXPLICIT_PADDING, reason="NHWC only with explicit padding"),
    Limit(
        ops=("depthwise_conv2d",),
        routes=("twice",),
        features=NCHW | EXPLICIT_PADDING,
        reason="the gradient is NHWC only with explicit padding",
    ),
    Limit(ops=DEPTHWISE, features=NCHW, lifted=True, reason="NHWC only"),
    Limit(ops=DEPTHWISE, features=UNEQUAL, lifted=True, reason="strides of rows and columns are equal"),
    Limit(ops=DEPTHWISE_GRADIENTS, routes=("nn",), features=DILATED, reason="the kernels read no dilations"),
    Limit(ops=("max_pool",), features=NCHW | EXPLICIT_PADDING, reason="NHWC only with explicit padding"),
    Limit(ops=("max_pool", *AVG_POOLS), features=NCHW, lifted=True, reason="NHWC only"),
    Limit(ops=AVG_POOLS, features=NCHW | FLOAT16, reason="NHWC only"),  # of those oneDNN's kernels have none
    Limit(ops=("max_pool_grad", "max_pool_grad_grad"), features=NCHW, reason="NHWC only"),
    Limit(ops=("max_pool_grad",), features=BETWEEN, reason="no gradient of pooling over channels"),
    Limit(
        ops=("max_unpool",),
        routes=("argmax",),
        features=INT32_INDEX,
        reason="MaxPoolGradWithArgmax has kernels for int64 only",
    ),
)

# Of oneDNN held to a level that lacks a dtype which the processor has: TensorFlow asks the processor, not oneDNN,
# whether it can be served, and gives oneDNN calls that it has no kernels for (AbortedError: no primitive descriptor).
# By the processor's flag; measured on a processor with both, level by level.
NOT_HELD = "TensorFlow asks the processor, not oneDNN held to a lower level, whether it serves this dtype"
HELD_BELOW: Mapping[str, tuple[Limit, ...]] = {
    "avx512f": (
        Limit(ops=("conv2d", *GRADIENTS, *DEPTHWISE, "max_pool", *AVG_POOLS), features=BFLOAT16, reason=NOT_HELD),
        Limit(ops=("max_pool_grad",), routes=("tape",), features=BFLOAT16, reason=NOT_HELD),
    ),
    "avx512_fp16": (
        Limit(ops=("conv2d", *GRADIENTS, *DEPTHWISE, "max_pool"), features=FLOAT16, reason=NOT_HELD),
        Limit(ops=("max_pool_grad",), routes=("tape",), features=FLOAT16, reason=NOT_HELD),
    ),
}

# Of graphs that know ranks only.
UNKNOWN_SHAPES = (
    Limit(
        ops=("dropout", "stateless_dropout"), features=FILLED, reason="noise_shape is filled from a known shape only"
    ),
    Limit(ops=("max_unpool",), routes=("argmax",), reason="the window is computed from a known shape"),
    Limit(ops=("avg_unpool_grad",), reason="the windows are counted from a known shape"),
)

XLA = (
    Limit(
        ops=("conv2d_transpose", "conv2d_backprop_input"),
        routes=("nn", "raw"),
        features=TWO_SIZES,
        reason="the shape needs four entries",
    ),
    Limit(ops=("max_pool", "max_pool_grad"), features=EXPLICIT_PADDING, reason="no explicit padding in pools"),
    Limit(ops=("max_pool_with_argmax",), reason="MaxPoolWithArgmax has no XLA kernel"),
    Limit(ops=("max_pool_grad", "max_unpool"), routes=("argmax",), reason="MaxPoolGradWithArgmax has no XLA kernel"),
    Limit(
        ops=("max_pool_grad_grad",),
        features={"dtype": ("float16", "bfloat16", "float64", *INTEGERS)},
        reason="MaxPoolGradGrad has an XLA kernel for float32 only",
    ),
)

GPU = (
    Limit(ops=MAX_POOLS, features={"dtype": INTEGERS}, reason="the GPU has no pooling kernels for integers"),
    Limit(ops=MAX_POOLS, features=BETWEEN, reason="the GPU has no pooling over channels"),
)


def with_patterns(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Return limits, and those of ops that are the heads of patterns once more, of the patterns."""
    several = tuple(limits)
    heads = ((limit, tuple(op for op in limit.ops if op in HEADS)) for limit in several)
    return several + tuple(
        replace(limit, ops=("pattern",), routes=(), features={**limit.features, "first": ops})
        for limit, ops in heads
        if ops and (not limit.routes or "nn" in limit.routes)
    )
