"""What ONNX Runtime claims on the CPU, and its limits, as measured on the version that stands here."""

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["PROFILE"]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

PROFILE = Profile(
    name="ONNX Runtime",
    library="onnxruntime",
    version="1.32.0",
    ops=(
        *("conv2d", "conv2d_transpose", "depthwise_conv2d", "bias_add"),
        *("max_pool", "max_pool_with_argmax", "avg_pool", "max_unpool", "dropout"),
    ),
    dtypes={
        "bias_add": ("float16", "float32", "float64", *INTEGERS),
        "max_pool": ("float16", "float32", "float64", "int8", "uint8"),
        "max_pool_with_argmax": ("float16", "float32", "float64", "int8", "uint8"),
        "dropout": ("float16", "float32", "float64"),
        "max_unpool": ("float32", "float64", *INTEGERS),
        "others": ("float16", "float32"),
    },
    limits=(
        *COMMON,
        Limit(reason="no pooling between channels", ops=("max_pool",), features={"between channels": ("yes",)}),
        Limit(reason="Dropout has no noise_shape", features={"noise_shape": ("full", "shared")}),
    ),
    deterministic=True,
)
