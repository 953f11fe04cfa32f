"""What TensorFlow.js claims on its plain JavaScript backend, and its limits, as measured on the version given here."""

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["PROFILE"]

DEPTHWISE = ("depthwise_conv2d", "depthwise_conv2d_backprop_input", "depthwise_conv2d_backprop_filter")
WHOLE = ("conv2d", "conv2d_backprop_input", "conv2d_backprop_filter")
CONVOLUTIONS = (*WHOLE, "conv2d_transpose", *DEPTHWISE)
GRADIENTS = tuple(op for op in CONVOLUTIONS if "backprop" in op)
BIASES = ("bias_add", "bias_add_grad")
POOLS = ("max_pool", "max_pool_with_argmax", "max_pool_grad", "avg_pool", "avg_pool_grad")
INTEGERS_TOO = ("float32", "int32")
ABOVE = ("above 1", "huge")

PROFILE = Profile(
    name="TensorFlow.js",
    library="@tensorflow/tfjs",
    version="4.22.0",
    ops=(*CONVOLUTIONS, *BIASES, *POOLS, "max_unpool", "dropout"),
    dtypes={
        **dict.fromkeys(("bias_add", "max_pool", "max_pool_with_argmax", "max_unpool"), INTEGERS_TOO),
        "others": ("float32",),
    },
    layouts={**dict.fromkeys((*WHOLE, *BIASES), ("NHWC", "NCHW")), "others": ("NHWC",)},
    limits=(
        *COMMON,
        Limit(
            reason="no groups",
            ops=(*WHOLE, "conv2d_transpose"),
            features={"groups": ("depthwise", "above 1")},
        ),
        Limit(reason="no pooling between channels", ops=("max_pool",), features={"between channels": ("yes",)}),
        Limit(
            reason="strides or dilations are 1",
            ops=CONVOLUTIONS,
            features={"stride": ABOVE, "dilation": ("above 1",)},
        ),
        Limit(
            reason="conv2dTranspose has no dilations", ops=("conv2d_transpose",), features={"dilation": ("above 1",)}
        ),
        Limit(reason="no gradient of a dilated convolution", ops=GRADIENTS, features={"dilation": ("above 1",)}),
    ),
    spelling="canonical",
    deterministic=True,
)
