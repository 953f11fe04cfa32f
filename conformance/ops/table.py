"""The ops that the suite knows, in the order in which it shows them."""

from collections.abc import Mapping

from conformance.cases.op import Op
from conformance.ops.bias.record import BIAS_ADD, BIAS_ADD_GRAD
from conformance.ops.convolutions.depthwise import (
    DEPTHWISE_CONV2D,
    DEPTHWISE_CONV2D_BACKPROP_FILTER,
    DEPTHWISE_CONV2D_BACKPROP_INPUT,
)
from conformance.ops.convolutions.record import (
    CONV2D,
    CONV2D_BACKPROP_FILTER,
    CONV2D_BACKPROP_INPUT,
    CONV2D_TRANSPOSE,
)
from conformance.ops.dropout.record import DROPOUT, DROPOUT_GRAD, STATELESS_DROPOUT
from conformance.ops.patterns.record import PATTERN
from conformance.ops.pools.record import (
    AVG_POOL,
    AVG_POOL_GRAD,
    AVG_UNPOOL,
    AVG_UNPOOL_GRAD,
    MAX_POOL,
    MAX_POOL_GRAD,
    MAX_POOL_GRAD_GRAD,
    MAX_POOL_WITH_ARGMAX,
)
from conformance.ops.unpooling.record import MAX_UNPOOL, MAX_UNPOOL_GRAD

__all__ = ["OPS"]

OPS: Mapping[str, Op] = {
    op.name: op
    for op in (
        CONV2D,
        CONV2D_TRANSPOSE,
        CONV2D_BACKPROP_INPUT,
        CONV2D_BACKPROP_FILTER,
        DEPTHWISE_CONV2D,
        DEPTHWISE_CONV2D_BACKPROP_INPUT,
        DEPTHWISE_CONV2D_BACKPROP_FILTER,
        BIAS_ADD,
        BIAS_ADD_GRAD,
        MAX_POOL,
        MAX_POOL_WITH_ARGMAX,
        MAX_POOL_GRAD,
        MAX_POOL_GRAD_GRAD,
        AVG_POOL,
        AVG_POOL_GRAD,
        MAX_UNPOOL,
        MAX_UNPOOL_GRAD,
        AVG_UNPOOL,
        AVG_UNPOOL_GRAD,
        DROPOUT,
        STATELESS_DROPOUT,
        DROPOUT_GRAD,
        PATTERN,
    )
}
