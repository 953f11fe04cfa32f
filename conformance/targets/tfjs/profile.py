"""What TensorFlow.js claims on its plain JavaScript backend, and its limits, as measured on the version given here."""

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["PROFILE"]

CONVOLUTIONS = ("conv2d", "conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter")
POOLS = ("max_pool", "max_pool_with_argmax", "max_pool_grad", "avg_pool", "avg_pool_grad")
ABOVE = ("above 1", "huge")

PROFILE = Profile(
    name="TensorFlow.js",
    library="@tensorflow/tfjs",
    version="4.22.0",
    ops=(*CONVOLUTIONS, *POOLS, "dropout"),
    dtypes={"others": ("float32",)},
    layouts={"others": ("NHWC",)},
    limits=(
        *COMMON,
        Limit(reason="no groups", ops=CONVOLUTIONS, features={"groups": ("depthwise", "above 1")}),
        Limit(reason="no pooling between channels", ops=("max_pool",), features={"between channels": ("yes",)}),
        Limit(
            reason="strides or dilations are 1",
            ops=CONVOLUTIONS,
            features={"stride": ABOVE, "dilation": ("above 1",)},
        ),
        Limit(
            reason="conv2dTranspose has no dilations", ops=("conv2d_transpose",), features={"dilation": ("above 1",)}
        ),
        Limit(reason="no gradient of a dilated convolution", ops=CONVOLUTIONS[2:], features={"dilation": ("above 1",)}),
        Limit(reason="a noise_shape is not checked", ops=("dropout",), features={"noise_shape": ("full", "shared")}),
    ),
    spelling="canonical",
    deterministic=True,
)
