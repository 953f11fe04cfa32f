"""
The functions of the Keras targets: keras.ops and keras.random, whatever the backend.

Keras' paddings are "same" and "valid"; an output of a transposed convolution is asked for by output_padding.
"""
# ruff: noqa: ANN401 - tensors of a backend

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from conformance.model import Array
from conformance.targets.adapter import NotOfferedError
from conformance.targets.arguments import Biased, Drop, Windows
from conformance.targets.library import Functions
from reference.conventions import spelled

__all__ = ["FUNCTIONS"]

Run = Callable[[], object]
LAYOUTS = {"NHWC": "channels_last", "NCHW": "channels_first"}


def padding(call: Windows) -> str:
    """Return the name of a padding."""
    if call.padding == "EXPLICIT":
        raise NotOfferedError("padding is 'same' or 'valid'")
    return call.padding.lower()


def tensor(array: Array) -> Any:
    """Return an array as a tensor of its own dtype, which a backend may not have."""
    made = keras.ops.convert_to_tensor(array)
    if keras.backend.standardize_dtype(made.dtype) != array.dtype.name:
        raise NotOfferedError(f"{array.dtype.name} becomes {made.dtype} on {keras.backend.backend()}")
    return made


def image(call: Windows) -> Any:
    """Return the image as a tensor, in the layout of the call."""
    return tensor(call.placed("input"))


def filters(call: Windows) -> Any:
    """Return the filters as a tensor: H W I O, as Keras has them."""
    return tensor(call.arrays["filters"])


def conv2d(call: Windows) -> Run:
    """Call keras.ops.conv, which sees groups in the shape of the filters."""
    x, w, pad = image(call), filters(call), padding(call)
    words = {"strides": call.strides, "padding": pad, "dilation_rate": call.dilations}
    return lambda: keras.ops.conv(x, w, data_format=LAYOUTS[call.layout], **words)


def depthwise_conv2d(call: Windows) -> Run:
    """Call keras.ops.depthwise_conv."""
    x, w, pad = image(call), tensor(call.arrays["filters"].reshape(call.multiplied)), padding(call)
    words = {"strides": call.strides, "padding": pad, "dilation_rate": call.dilations}
    return lambda: keras.ops.depthwise_conv(x, w, data_format=LAYOUTS[call.layout], **words)


def bias_add(call: Biased) -> Run:
    """Call keras.ops.add, as layers do; the bias is broadcast."""
    value, bias = tensor(call.value), tensor(call.bias)
    return lambda: keras.ops.add(value, bias)


def conv2d_transpose(call: Windows) -> Run:
    """Call keras.ops.conv_transpose, with the output_padding that gives the output."""
    if call.groups > 1:
        raise NotOfferedError("keras.ops.conv_transpose has no groups")
    padding(call)
    words = spelled("keras", "conv2d_transpose", call.axes)
    if words is None:
        raise NotOfferedError(f"no output_padding gives an output of {call.image[1:3]}")
    x, w = image(call), filters(call)
    more = {"strides": call.strides, "dilation_rate": call.dilations, "data_format": LAYOUTS[call.layout]}
    return lambda: keras.ops.conv_transpose(x, w, **words, **more)


def pool(call: Windows, function: Callable[..., Any]) -> Run:
    """Call a pool of keras.ops."""
    if call.channels > 1:
        raise NotOfferedError("pools do not go between channels")
    x, words = image(call), {"strides": call.strides, "padding": padding(call), "data_format": LAYOUTS[call.layout]}
    return lambda: function(x, call.taps, **words)


def max_pool(call: Windows) -> Run:
    """Call keras.ops.max_pool."""
    return pool(call, keras.ops.max_pool)


def avg_pool(call: Windows) -> Run:
    """Call keras.ops.average_pool."""
    return pool(call, keras.ops.average_pool)


def dropout(call: Drop) -> Run:
    """Call keras.random.dropout, seeded with the last seed given."""
    x, shape = tensor(call.x), call.noise_shape
    if shape is not None and None in shape:
        shape = tuple(size if entry is None else entry for entry, size in zip(shape, np.shape(call.x), strict=True))
    seed = call.seeds[-1] % 2**31 if call.seeds else None
    return lambda: keras.random.dropout(x, call.rate, noise_shape=shape, seed=seed)


FUNCTIONS: Functions = {
    "conv2d": {"ops": conv2d},
    "conv2d_transpose": {"ops": conv2d_transpose},
    "depthwise_conv2d": {"ops": depthwise_conv2d},
    "bias_add": {"ops": bias_add},
    "max_pool": {"ops": max_pool},
    "avg_pool": {"ops": avg_pool},
    "dropout": {"random": dropout},
}
