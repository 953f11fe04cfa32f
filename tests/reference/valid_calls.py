"""One small valid call of each op: what tests change one argument of."""

from typing import Any

import numpy as np

import reference

OPS = [name for name in reference.__all__ if name != "SpecError"]


def zeros(*shape: int, dtype: Any = np.float32) -> Any:  # noqa: ANN401 -- whatever np.dtype takes
    """Return zeros, float32 by default."""
    return np.zeros(shape, dtype)


IMAGE = zeros(2, 4, 4, 2)
SMALL = zeros(2, 2, 2, 2)
FILTERS = zeros(2, 2, 2, 2)
PAIRS = [[0, 0], [0, 0], [0, 0], [0, 0]]
CONVOLUTION = {"strides": 2, "padding": "VALID"}
DEPTHWISE = {"strides": [1, 2, 2, 1], "padding": "VALID"}
POOL = {"ksize": 2, "strides": 2, "padding": "VALID"}

VALID: dict[str, dict[str, Any]] = {
    "conv2d": {"input": IMAGE, "filters": FILTERS, **CONVOLUTION},
    "conv2d_transpose": {"input": SMALL, "filters": FILTERS, "output_shape": IMAGE.shape, **CONVOLUTION},
    "conv2d_backprop_input": {"input_sizes": IMAGE.shape, "filters": FILTERS, "out_backprop": SMALL, **CONVOLUTION},
    "conv2d_backprop_filter": {
        "input": IMAGE,
        "filter_sizes": FILTERS.shape,
        "out_backprop": SMALL,
        **CONVOLUTION,
    },
    "depthwise_conv2d": {"input": IMAGE, "filter": FILTERS, **DEPTHWISE},
    "depthwise_conv2d_backprop_input": {
        "input_sizes": IMAGE.shape,
        "filter": FILTERS,
        "out_backprop": zeros(2, 2, 2, 4),
        **DEPTHWISE,
    },
    "depthwise_conv2d_backprop_filter": {
        "input": IMAGE,
        "filter_sizes": FILTERS.shape,
        "out_backprop": zeros(2, 2, 2, 4),
        **DEPTHWISE,
    },
    "bias_add": {"value": IMAGE, "bias": zeros(2)},
    "bias_add_grad": {"out_backprop": IMAGE},
    "max_pool": {"input": IMAGE, **POOL},
    "max_pool_with_argmax": {"input": IMAGE, **POOL},
    "max_pool_grad": {"orig_input": IMAGE, "orig_output": SMALL, "grad": SMALL, **POOL},
    "max_pool_grad_grad": {"orig_input": IMAGE, "orig_output": SMALL, "grad": IMAGE, **POOL},
    "max_unpool_grad": {"grad": IMAGE, "argmax": zeros(*SMALL.shape, dtype=np.int64)},
    "avg_unpool_grad": {"grad": IMAGE, **POOL},
    "avg_pool": {"input": IMAGE, **POOL},
    "avg_pool_grad": {"orig_input_shape": IMAGE.shape, "grad": SMALL, **POOL},
    "avg_unpool": {"input": SMALL, **POOL, "output_shape": IMAGE.shape},
    "max_unpool": {"input": SMALL, "argmax": zeros(*SMALL.shape, dtype=np.int64), "output_shape": IMAGE.shape},
    "dropout": {"x": zeros(2, 3), "rate": 0.5, "seed": 1},
    "stateless_dropout": {"x": zeros(2, 3), "rate": 0.5, "seed": [1, 2]},
    "dropout_grad": {"grad": zeros(2, 3), "kept": zeros(2, 3, dtype=np.bool_), "rate": 0.5},
    "pattern": {"input": IMAGE, "stages": ["conv2d", "bias_add"], "filters": FILTERS, "bias": zeros(2), **CONVOLUTION},
}
