"""What PyTorch claims, and its limits, as measured on the version that stands here."""

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["PROFILE"]

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8")
DEPTHWISE = ("depthwise_conv2d", "depthwise_conv2d_backprop_input", "depthwise_conv2d_backprop_filter")
FILTER_GRADIENTS = ("conv2d_backprop_filter", "depthwise_conv2d_backprop_filter")
CONVOLUTIONS = ("conv2d", "conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter", *DEPTHWISE)
MAX_POOLS = ("max_pool", "max_pool_with_argmax", "max_pool_grad")
AVG_POOLS = ("avg_pool", "avg_pool_grad", "avg_unpool", "avg_unpool_grad")
UNPOOLS = ("max_unpool", "max_unpool_grad")
POOLS = (*MAX_POOLS, *AVG_POOLS)

PROFILE = Profile(
    name="PyTorch",
    library="torch",
    version="2.13.0",
    ops=(*CONVOLUTIONS, "bias_add", "bias_add_grad", *POOLS, *UNPOOLS, "dropout", "dropout_grad"),
    dtypes={
        "conv2d": (*FLOATS, "int32"),
        "bias_add": (*FLOATS, *INTEGERS),
        "max_pool": (*FLOATS, *INTEGERS),
        "max_pool_with_argmax": (*FLOATS, *INTEGERS),
        "max_unpool": (*FLOATS, *INTEGERS),
        "others": FLOATS,
    },
    limits=(
        *COMMON,
        Limit(reason="no pooling between channels", ops=("max_pool",), features={"between channels": ("yes",)}),
        *(
            Limit(reason=f"no {side} of 0", ops=ops, features={side: ("0",)})
            for ops, sides in (
                (CONVOLUTIONS, ("output height", "output width", "filters")),
                (DEPTHWISE, ("multiplier",)),
                (POOLS, ("image height", "image width", "output height", "output width", "channels")),
            )
            for side in sides
        ),
        *(
            Limit(
                reason=f"no {side} of 0, unless it is padded before or there is no batch",
                ops=FILTER_GRADIENTS,
                features={side: ("0",), "padding ends": ("alike",), "batch": ("1", "above 1")},
            )
            for side in ("image height", "image width")
        ),
        Limit(
            reason="no integers in dilated convolutions",
            ops=("conv2d",),
            features={"dtype": ("int32",), "dilation": ("above 1",)},
        ),
        Limit(
            reason="a padding that PyTorch has no words for is added to the image, and must fit into memory",
            ops=(*CONVOLUTIONS, "max_pool", "max_pool_grad"),
            features={"padding ends": ("unlike",), "longest window": ("above 65,535",)},
        ),
        Limit(reason="functional.dropout has no noise_shape", features={"noise_shape": ("full", "shared")}),
    ),
    choices={"max_pool.R10": "propagated"},
    deterministic=True,
)
