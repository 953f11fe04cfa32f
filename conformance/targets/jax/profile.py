"""What JAX claims, and its limits, as measured on the version that stands here."""

from conformance.targets.limits import Limit
from conformance.targets.profile import COMMON, Profile

__all__ = ["PROFILE"]

FLOATS = ("float16", "bfloat16", "float32", "float64")
GRADIENTS = ("conv2d_backprop_input", "conv2d_backprop_filter", "bias_add_grad", "max_pool_grad", "max_unpool_grad")

PROFILE = Profile(
    name="JAX",
    library="jax",
    version="0.10.2",
    ops=(
        "conv2d",
        "conv2d_transpose",
        "conv2d_backprop_input",
        "conv2d_backprop_filter",
        "depthwise_conv2d",
        "depthwise_conv2d_backprop_input",
        "depthwise_conv2d_backprop_filter",
        "bias_add",
        "bias_add_grad",
        "max_pool",
        "max_pool_grad",
        "avg_pool",
        "avg_pool_grad",
        "avg_unpool",
        "avg_unpool_grad",
        "max_unpool",
        "max_unpool_grad",
        "dropout",
        "stateless_dropout",
    ),
    dtypes=dict.fromkeys(GRADIENTS, FLOATS),  # vjp differentiates no integers
    limits=(
        *COMMON,
        Limit(
            reason="lax.conv_transpose has no groups",
            ops=("conv2d_transpose",),
            features={"groups": ("depthwise", "above 1")},
        ),
        Limit(
            reason="stax.Dropout has no noise_shape",
            ops=("dropout", "stateless_dropout"),
            features={"noise_shape": ("full", "shared")},
        ),
        Limit(
            reason="jax.random has generators of its own",
            ops=("stateless_dropout",),
            features={"algorithm": ("philox", "threefry")},
        ),
    ),
    choices={"max_pool.R10": "propagated"},
    deterministic=True,
)
