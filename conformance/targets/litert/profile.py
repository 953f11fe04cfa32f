"""What LiteRT claims, whatever the kernels, and its limits, as measured on the version that stands here."""

from dataclasses import replace

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["BUILTIN", "REFERENCE", "XNNPACK"]

XNNPACK = Profile(
    name="LiteRT with XNNPACK",
    library="ai-edge-litert",
    version="2.3.0",
    ops=("conv2d", "conv2d_transpose", "depthwise_conv2d", "bias_add", "max_pool", "avg_pool"),
    dtypes={"others": ("float32",)},  # integers are quantized: another op
    layouts={"bias_add": ("NHWC", "NCHW"), "others": ("NHWC",)},
    limits=(
        *COMMON,
        Limit(reason="padding is SAME or VALID", features={"padding": ("EXPLICIT",)}),
        Limit(
            reason="TRANSPOSE_CONV has no groups",
            ops=("conv2d_transpose",),
            features={"groups": ("depthwise", "above 1")},
        ),
        Limit(reason="TRANSPOSE_CONV has no dilations", ops=("conv2d_transpose",), features={"dilation": ("above 1",)}),
        Limit(reason="TRANSPOSE_CONV has no huge strides", ops=("conv2d_transpose",), features={"stride": ("huge",)}),
        Limit(reason="no pooling between channels", ops=("max_pool",), features={"between channels": ("yes",)}),
        Limit(
            reason="no windows of tens of thousands in pools",
            ops=("max_pool", "avg_pool"),
            features={"longest window": ("up to 65,535", "above 65,535")},
        ),
    ),
    deterministic=True,
)
OWN = (
    Limit(reason="DEPTHWISE_CONV_2D has strides to 32767", ops=("depthwise_conv2d",), features={"stride": ("huge",)}),
    Limit(
        reason="DEPTHWISE_CONV_2D has multipliers to 32767",
        ops=("depthwise_conv2d",),
        features={"multiplier": ("above 1",), "longest side": ("above 65,535",)},
    ),
)
BUILTIN = replace(XNNPACK, name="LiteRT", limits=(*XNNPACK.limits, *OWN))
REFERENCE = replace(BUILTIN, name="LiteRT's reference kernels")
