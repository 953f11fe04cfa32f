"""
The ways in which users of TensorFlow compute each op: a name, and the function, of tf or of `functions`.

The first is the op as users call it. "tape" is one tf.GradientTape, "twice" the second derivative by two: that of a
linear op gives the op itself. "transposed" is the tape through conv2d_transpose, whose gradient by its input is conv2d,
and by its filters conv2d_backprop_filter. "atrous" is tf.nn.atrous_conv2d, which is conv2d with stride 1 and one
dilation, and its transpose. "separable" is tf.nn.separable_conv2d, two ops of a pattern. The adapter calls what stands
here; scripts of findings are written from it.

In graphs "nn+filters" is "nn" where the filters are a constant of the graph, which TensorFlow and XLA may compute with
beforehand, and not an argument of it: any arrays of any route may be.
"""

from collections.abc import Mapping

__all__ = ["ROUTES"]

ROUTES: Mapping[str, Mapping[str, str]] = {
    "conv2d": {
        "nn": "tf.nn.conv2d",
        "twice": "twice_conv2d",
        "transposed": "transposed_conv2d",
        "atrous": "atrous_conv2d",
    },
    "conv2d_transpose": {"nn": "tf.nn.conv2d_transpose", "atrous": "atrous_conv2d_transpose"},
    "conv2d_backprop_input": {
        "raw": "raw_conv2d_backprop_input",
        "tape": "tape_conv2d_backprop_input",
        "twice": "twice_conv2d_backprop_input",
    },
    "conv2d_backprop_filter": {
        "raw": "raw_conv2d_backprop_filter",
        "tape": "tape_conv2d_backprop_filter",
        "twice": "twice_conv2d_backprop_filter",
        "transposed": "transposed_conv2d_backprop_filter",
    },
    "depthwise_conv2d": {"nn": "tf.nn.depthwise_conv2d", "twice": "twice_depthwise_conv2d"},
    "depthwise_conv2d_backprop_input": {
        "nn": "tf.nn.depthwise_conv2d_backprop_input",
        "tape": "tape_depthwise_conv2d_backprop_input",
    },
    "depthwise_conv2d_backprop_filter": {
        "nn": "tf.nn.depthwise_conv2d_backprop_filter",
        "tape": "tape_depthwise_conv2d_backprop_filter",
    },
    "bias_add": {"nn": "tf.nn.bias_add"},
    "bias_add_grad": {"raw": "tf.raw_ops.BiasAddGrad", "tape": "tape_bias_add_grad"},
    "max_pool": {"nn": "tf.nn.max_pool", "nn2d": "tf.nn.max_pool2d"},
    "max_pool_with_argmax": {"nn": "tf.nn.max_pool_with_argmax"},
    "max_pool_grad": {"raw": "raw_max_pool_grad", "tape": "tape_max_pool_grad", "argmax": "argmax_max_pool_grad"},
    "max_pool_grad_grad": {"raw": "raw_max_pool_grad_grad", "twice": "twice_max_pool"},
    "avg_pool": {"nn": "tf.nn.avg_pool", "nn2d": "tf.nn.avg_pool2d", "twice": "twice_avg_pool"},
    "avg_pool_grad": {"raw": "raw_avg_pool_grad", "tape": "tape_avg_pool_grad"},
    "max_unpool": {"scatter_nd": "scatter_nd_unpool", "argmax": "argmax_unpool"},
    "max_unpool_grad": {"tape": "tape_max_unpool_grad", "gather": "gather_unpool_grad"},
    "avg_unpool": {"raw": "raw_avg_unpool"},
    "avg_unpool_grad": {"tape": "tape_avg_unpool_grad"},
    "dropout": {"nn": "tf.nn.dropout"},
    "stateless_dropout": {"nn": "tf.nn.experimental.stateless_dropout"},
    "dropout_grad": {"tape": "tape_dropout_grad"},
    "pattern": {"nn": "pattern", "separable": "separable_pattern"},
}
