"""
The specification of TensorFlow's convolution, pooling, unpooling and dropout ops, in NumPy.

Every op is named and called as in tf.nn: the same parameters and defaults, NumPy arrays in and out, the dtype that
TensorFlow would give. Its module in `reference.ops` is its specification: a docstring with formula, shapes, rounding,
numbered rules, errors and source, and `definition`, the formula as a program.

What is no array is taken as numpy.asarray takes it: a list of Python's floats is float64, a tensor of another library
its numbers, either byte order this machine's. A mask with masked elements is refused, since it would be lost. Whatever
cannot be taken is refused by a rule, with a SpecError, whose `values` are what was met.

A call takes memory and time in proportion to its arrays, whatever its windows, strides and padding are; docs/cost.md
has the limits that stay.
"""

from reference.errors import SpecError
from reference.ops.avg_pool import avg_pool
from reference.ops.avg_pool_grad import avg_pool_grad
from reference.ops.avg_unpool import avg_unpool
from reference.ops.avg_unpool_grad import avg_unpool_grad
from reference.ops.bias_add import bias_add
from reference.ops.bias_add_grad import bias_add_grad
from reference.ops.conv2d import conv2d
from reference.ops.conv2d_backprop_filter import conv2d_backprop_filter
from reference.ops.conv2d_transpose import conv2d_backprop_input, conv2d_transpose
from reference.ops.depthwise_conv2d import depthwise_conv2d
from reference.ops.depthwise_conv2d_backprop_filter import depthwise_conv2d_backprop_filter
from reference.ops.depthwise_conv2d_backprop_input import depthwise_conv2d_backprop_input
from reference.ops.dropout import dropout, stateless_dropout
from reference.ops.dropout_grad import dropout_grad
from reference.ops.max_pool import max_pool
from reference.ops.max_pool_grad import max_pool_grad
from reference.ops.max_pool_grad_grad import max_pool_grad_grad
from reference.ops.max_pool_with_argmax import max_pool_with_argmax
from reference.ops.max_unpool import max_unpool
from reference.ops.max_unpool_grad import max_unpool_grad
from reference.ops.pattern import pattern

__all__ = [
    "SpecError",
    "avg_pool",
    "avg_pool_grad",
    "avg_unpool",
    "avg_unpool_grad",
    "bias_add",
    "bias_add_grad",
    "conv2d",
    "conv2d_backprop_filter",
    "conv2d_backprop_input",
    "conv2d_transpose",
    "depthwise_conv2d",
    "depthwise_conv2d_backprop_filter",
    "depthwise_conv2d_backprop_input",
    "dropout",
    "dropout_grad",
    "max_pool",
    "max_pool_grad",
    "max_pool_grad_grad",
    "max_pool_with_argmax",
    "max_unpool",
    "max_unpool_grad",
    "pattern",
    "stateless_dropout",
]
