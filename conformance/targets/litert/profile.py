"""What LiteRT claims, whatever the kernels, and its limits, as measured on the version that stands here."""

from dataclasses import replace

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["BUILTIN", "REFERENCE", "XNNPACK"]

BUILTIN = Profile(
    name="LiteRT",
    library="ai-edge-litert",
    version="2.3.0",
    ops=("conv2d", "conv2d_transpose", "max_pool", "avg_pool"),
    dtypes={"others": ("float32",)},  # integers are quantized: another op
    layouts={"others": ("NHWC",)},
    limits=(
        *COMMON,
        Limit(reason="padding is SAME or VALID", features={"padding": ("EXPLICIT",)}),
        Limit(
            reason="TRANSPOSE_CONV has no groups",
            ops=("conv2d_transpose",),
            features={"groups": ("depthwise", "above 1")},
        ),
        Limit(reason="TRANSPOSE_CONV has no dilations", ops=("conv2d_transpose",), features={"dilation": ("above 1",)}),
        Limit(reason="no pooling between channels", ops=("max_pool",), features={"between channels": ("yes",)}),
    ),
    deterministic=True,
)
XNNPACK = replace(BUILTIN, name="LiteRT with XNNPACK")
REFERENCE = replace(BUILTIN, name="LiteRT's reference kernels")
