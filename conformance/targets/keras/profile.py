"""What Keras claims on each of its backends, and its limits, as measured on the version that stands here."""

from dataclasses import replace

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["JAX", "TENSORFLOW", "TORCH"]

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8")
CONVOLUTIONS = ("conv2d", "conv2d_transpose")

KERAS = Profile(
    library="keras",
    version="3.15.1",
    ops=(*CONVOLUTIONS, "depthwise_conv2d", "bias_add", "max_pool", "avg_pool", "dropout"),
    dtypes={"max_pool": (*FLOATS, *INTEGERS), "bias_add": (*FLOATS, *INTEGERS), "others": FLOATS},
    limits=(
        *COMMON,
        Limit(reason="padding is 'same' or 'valid'", features={"padding": ("EXPLICIT",)}),
        Limit(
            reason="keras.ops.conv_transpose has no groups",
            ops=("conv2d_transpose",),
            features={"groups": ("depthwise", "above 1")},
        ),
        Limit(reason="no pooling between channels", ops=("max_pool",), features={"between channels": ("yes",)}),
    ),
    deterministic=True,
)

ALL = {
    "max_pool": (*FLOATS, *INTEGERS, "uint16"),
    "bias_add": (*FLOATS, *INTEGERS, "uint16", "uint32"),
    **dict.fromkeys(CONVOLUTIONS, (*FLOATS, "int32")),
}

TENSORFLOW = replace(
    KERAS,
    name="Keras on TensorFlow",
    dtypes={**ALL, "others": FLOATS},
    limits=(
        *KERAS.limits,
        Limit(
            reason="no strides above 1 with dilations above 1",
            ops=("conv2d",),
            features={"stride": ("above 1", "huge"), "dilation": ("above 1",)},
        ),
        Limit(
            reason="TensorFlow's own kernels have equal strides, beside oneDNN's",
            ops=("depthwise_conv2d",),
            features={"strides": ("unequal",)},
            lifted=True,
        ),
        Limit(
            reason="TensorFlow's own kernels are NHWC only, beside oneDNN's",
            ops=CONVOLUTIONS,
            features={"layout": ("NCHW",), "groups": ("1",)},
            lifted=True,
        ),
        Limit(
            reason="TensorFlow's own kernels have no dilation, beside oneDNN's",
            ops=("conv2d_transpose",),
            features={"dilation": ("above 1",)},
            lifted=True,
        ),
    ),
)
TORCH = replace(KERAS, name="Keras on PyTorch")
JAX = replace(
    KERAS,
    name="Keras on JAX",
    dtypes={**ALL, "bias_add": (*ALL["bias_add"], "uint64"), "others": FLOATS},
)
