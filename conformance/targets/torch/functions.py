"""
The functions of the PyTorch target: torch.nn.functional, and its autograd for gradients.

PyTorch's images are N C H W. One that comes as N H W C is handed over as a view, which PyTorch calls channels_last. A
padding is PyTorch's own argument where it has words for it; a convolution's other paddings go through functional.pad,
and an output longer or shorter than output_padding can say is cut out of a longer one.
"""
# ruff: noqa: ANN401 - tensors of PyTorch

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch.nn import functional

from conformance.model import Array
from conformance.targets.adapter import NotOfferedError
from conformance.targets.arguments import Biased, Drop, Scattered, Windows
from conformance.targets.library import Functions
from reference.conventions import spelled
from reference.windows import Axis

__all__ = ["FUNCTIONS", "array"]

Run = Callable[[], Any]


def tensor(given: Array) -> Any:
    """Return an array as a tensor."""
    own = np.array(given)  # writable, and not the caller's
    return (
        torch.from_numpy(own.view(np.int16)).view(torch.bfloat16)
        if own.dtype == ml_dtypes.bfloat16
        else (torch.from_numpy(own))
    )


def array(given: Any) -> Array:
    """Return a tensor as an array; NumPy has no bfloat16 of PyTorch's."""
    detached = given.detach()
    if detached.dtype == torch.bfloat16:
        return np.asarray(detached.contiguous().view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
    return np.asarray(detached.numpy())


def image(call: Windows, name: str) -> Any:
    """Return an image as N C H W."""
    placed = tensor(call.placed(name))
    return placed if call.layout == "NCHW" else placed.permute(0, 3, 1, 2)


def result(call: Windows, out: Any) -> Any:
    """Return an image in the layout of the call."""
    return out if call.layout == "NCHW" else out.permute(0, 2, 3, 1)


def zeros(call: Windows, like: Any) -> Any:
    """Return an image of zeros to differentiate at: N C H W."""
    n, high, wide, channels = call.image
    return torch.zeros((n, channels, high, wide), dtype=like.dtype, requires_grad=True)


def weights(call: Windows) -> Any:
    """Return the filters as PyTorch has them: O I H W."""
    return tensor(call.arrays["filters"]).permute(3, 2, 0, 1)


def padded(call: Windows, x: Any, fill: float = 0.0) -> Any:
    """Add the padding of a call by functional.pad."""
    rows, columns = call.ends
    return functional.pad(x, (*columns, *rows), value=fill)


def convolution(call: Windows) -> Callable[[Any, Any], Any]:
    """Return functional.conv2d with the attributes of a call: a function of image and weights."""
    words = spelled("torch", "conv2d", call.axes)
    convolve = partial(functional.conv2d, stride=call.strides, dilation=call.dilations, groups=call.groups)
    if words is None:
        return lambda x, w: convolve(padded(call, x), w)
    return lambda x, w: convolve(x, w, **words)


def conv2d(call: Windows) -> Run:
    """Call functional.conv2d."""
    x, w, convolve = image(call, "input"), weights(call), convolution(call)
    return lambda: result(call, convolve(x, w))


def longer(axis: Axis) -> tuple[int, int, int]:
    """
    Return a padding and an output_padding that give a transposed convolution's output or more, and where it starts.

        (size - 1) stride - 2 padding + reach + output_padding >= start + output       start = before - padding

    The padding is that of the output's start where output_padding can then make up for the rest; else there is none.
    """
    full = (axis.out - 1) * axis.stride + axis.reach
    for padding in (axis.before, 0):
        missing = max(axis.size + axis.before + padding - full, 0)
        if missing < max(axis.stride, axis.dilation):
            break
    return padding, missing, axis.before - padding


def conv2d_transpose(call: Windows) -> Run:
    """Call functional.conv_transpose2d: by its own words for the output, else by those of a longer one, cut."""
    x, w = image(call, "input"), weights(call)
    transpose = partial(
        functional.conv_transpose2d, x, w, stride=call.strides, groups=call.groups, dilation=call.dilations
    )
    words = spelled("torch", "conv2d_transpose", call.axes)
    if words is not None:
        return lambda: result(call, transpose(**words))
    padding, output_padding, (top, left) = zip(*map(longer, call.axes), strict=True)
    rows, columns = (slice(start, start + size) for start, size in zip((top, left), call.image[1:3], strict=True))
    return lambda: result(call, transpose(padding=padding, output_padding=output_padding)[:, :, rows, columns])


def gradient(function: Callable[[Any], Any], at: Any, slope: Any) -> Any:
    """Return autograd's gradient of a function."""
    (found,) = torch.autograd.grad(function(at), at, slope)
    return found


def conv2d_backprop_input(call: Windows) -> Run:
    """Call autograd of functional.conv2d at an image of zeros."""
    slope, w, convolve = image(call, "out_backprop"), weights(call), convolution(call)
    at = zeros(call, slope)
    return lambda: result(call, gradient(lambda x: convolve(x, w), at, slope))


def conv2d_backprop_filter(call: Windows) -> Run:
    """Call autograd of functional.conv2d at weights of zeros."""
    x, slope, convolve = image(call, "input"), image(call, "out_backprop"), convolution(call)
    high, wide, depth, outputs = call.filters
    at = torch.zeros((outputs, depth, high, wide), dtype=x.dtype, requires_grad=True)
    return lambda: gradient(lambda w: convolve(x, w), at, slope).permute(2, 3, 1, 0)


def depthwise_conv2d_backprop_filter(call: Windows) -> Run:
    """Call the same for as many groups as channels."""
    run = conv2d_backprop_filter(call)
    return lambda: run().reshape(call.multiplied)


def bias_add(call: Biased) -> Run:
    """Call torch.add; the bias is broadcast."""
    value, bias = tensor(call.value), tensor(call.bias)
    return lambda: torch.add(value, bias)


def bias_add_grad(call: Biased) -> Run:
    """Call autograd of torch.add at a bias of zeros."""
    slope = tensor(call.value)
    zeros, at = torch.zeros_like(slope), tensor(call.bias).requires_grad_()
    return lambda: gradient(lambda bias: torch.add(zeros, bias), at, slope).reshape(-1)


def one_more(axis: Axis) -> Axis:
    """Return the same windows and one before them, where the padding of both ends is then alike."""
    return Axis(
        size=axis.size,
        taps=axis.taps,
        stride=axis.stride,
        dilation=axis.dilation,
        before=axis.before + axis.stride,
        after=axis.after,
        out=axis.out + 1,
    )


def pool_words(call: Windows) -> tuple[dict[str, Any], tuple[slice, ...]] | None:
    """
    Return PyTorch's words for the windows of a pool, and which rows and columns of what they give are asked for.

    A padding that is one longer at the end is that of ceil_mode; with stride 1, that of one window more at the start.
    """
    ways = [((axis, slice(None)), (one_more(axis), slice(1, None))) for axis in call.axes]
    for (rows, high), (columns, wide) in itertools.product(*ways):
        words = spelled("torch", "max_pool", (rows, columns))
        if words is not None:
            return words, (slice(None), slice(None), high, wide)
    return None


def told(call: Windows) -> tuple[dict[str, Any], tuple[slice, ...]]:
    """Return the same; a padding without words is not offered."""
    found = pool_words(call)
    if found is None:
        raise NotOfferedError(f"no words for padding {call.ends} of windows of {call.taps}")
    return found


def pool(call: Windows, function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return a pool of PyTorch with the windows of a call, in its own words: a function of the image."""
    words, cut = told(call)
    return lambda x: function(x, call.taps, stride=call.strides, **words)[cut]


def largest(call: Windows) -> Callable[[Any], Any]:
    """Return functional.max_pool2d; a padding without words is added as -inf: a function of the image."""
    if pool_words(call) is not None:
        return pool(call, functional.max_pool2d)

    def padded_pool(x: Any) -> Any:
        fill = -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
        return functional.max_pool2d(padded(call, x, fill), call.taps, stride=call.strides)

    return padded_pool


def max_pool(call: Windows) -> Run:
    """Call functional.max_pool2d."""
    refuse_channels(call)
    x, function = image(call, "input"), largest(call)
    return lambda: result(call, function(x))


def max_pool_with_argmax(call: Windows) -> Run:
    """Call functional.max_pool2d with return_indices, which count the cells of one channel: Y*W + X."""
    words, cut = told(call)
    x = image(call, "input")
    n, high, wide, channels = call.image
    dtype = getattr(torch, call.more["dtype"])
    batch = torch.arange(n).reshape(-1, 1, 1, 1) * (high * wide * channels if call.more["in_batch"] else 0)

    def run() -> tuple[Any, Any]:
        out, cells = functional.max_pool2d(x, call.taps, stride=call.strides, return_indices=True, **words)
        flat = cells[cut] * channels + torch.arange(channels).reshape(1, -1, 1, 1) + batch
        return result(call, out[cut]), result(call, flat.to(dtype))

    return run


def max_pool_grad(call: Windows) -> Run:
    """Call autograd of functional.max_pool2d."""
    refuse_channels(call)
    at, slope, function = image(call, "orig_input").requires_grad_(), image(call, "grad"), largest(call)
    return lambda: result(call, gradient(function, at, slope))


# The padding is no part of PyTorch's mean only where it is told so.
avg_pool2d = partial(functional.avg_pool2d, count_include_pad=False)
sum_pool2d = partial(functional.avg_pool2d, divisor_override=1)


def avg_pool(call: Windows) -> Run:
    """Call functional.avg_pool2d, its padding not counted."""
    x, function = image(call, "input"), pool(call, avg_pool2d)
    return lambda: result(call, function(x))


def avg_pool_grad(call: Windows) -> Run:
    """Call autograd of functional.avg_pool2d at an image of zeros."""
    slope, function = image(call, "grad"), pool(call, avg_pool2d)
    at = zeros(call, slope)
    return lambda: result(call, gradient(function, at, slope))


def avg_unpool(call: Windows) -> Run:
    """Call autograd of functional.avg_pool2d with a divisor of 1, the sum over windows, at an image of zeros."""
    slope, function = image(call, "input"), pool(call, sum_pool2d)
    at = zeros(call, slope)
    return lambda: result(call, gradient(function, at, slope))


def avg_unpool_grad(call: Windows) -> Run:
    """Call functional.avg_pool2d with a divisor of 1, the sum over windows."""
    x, function = image(call, "grad"), pool(call, sum_pool2d)
    return lambda: result(call, function(x))


def scattered(call: Scattered, values: Any) -> Any:
    """Call Tensor.index_add, which adds where an index comes twice."""
    flat = torch.zeros(math.prod(call.shape), dtype=values.dtype)
    return flat.index_add(0, tensor(call.cells).reshape(-1), values.reshape(-1)).reshape(call.shape)


def max_unpool(call: Scattered) -> Run:
    """Call Tensor.index_add."""
    values = tensor(call.values)
    return lambda: scattered(call, values)


def max_unpool_grad(call: Scattered) -> Run:
    """Call autograd of Tensor.index_add at zeros."""
    slope = tensor(call.values)
    at = torch.zeros(call.cells.shape, dtype=slope.dtype, requires_grad=True)
    return lambda: gradient(lambda values: scattered(call, values), at, slope)


def dropout(call: Drop) -> Run:
    """Call functional.dropout, after manual_seed where there is a seed."""
    if call.noise_shape is not None:
        raise NotOfferedError("functional.dropout has no noise_shape")
    x = tensor(call.x)

    def run() -> Any:
        if call.seeds:
            torch.manual_seed(hash(call.seeds))
        return functional.dropout(x, call.rate)

    return run


def dropout_grad(call: Drop) -> Run:
    """Call native_dropout_backward, autograd's own, with the scale 1 / (1 - rate)."""
    slope, kept = tensor(call.x), tensor(np.asarray(call.kept))
    return lambda: torch.ops.aten.native_dropout_backward(slope, kept, 1 / (1 - call.rate))


def refuse_channels(call: Windows) -> None:
    """Say that PyTorch pools over images only."""
    if call.channels > 1:
        raise NotOfferedError("max_pool2d does not pool between channels")


FUNCTIONS: Functions = {
    "conv2d": {"functional": conv2d},
    "conv2d_transpose": {"functional": conv2d_transpose},
    "conv2d_backprop_input": {"autograd": conv2d_backprop_input},
    "conv2d_backprop_filter": {"autograd": conv2d_backprop_filter},
    "depthwise_conv2d": {"functional": conv2d},
    "depthwise_conv2d_backprop_input": {"autograd": conv2d_backprop_input},
    "depthwise_conv2d_backprop_filter": {"autograd": depthwise_conv2d_backprop_filter},
    "bias_add": {"add": bias_add},
    "bias_add_grad": {"autograd": bias_add_grad},
    "max_pool": {"functional": max_pool},
    "max_pool_with_argmax": {"functional": max_pool_with_argmax},
    "max_pool_grad": {"autograd": max_pool_grad},
    "avg_pool": {"functional": avg_pool},
    "avg_pool_grad": {"autograd": avg_pool_grad},
    "avg_unpool": {"autograd": avg_unpool},
    "avg_unpool_grad": {"functional": avg_unpool_grad},
    "max_unpool": {"index_add": max_unpool},
    "max_unpool_grad": {"autograd": max_unpool_grad},
    "dropout": {"functional": dropout},
    "dropout_grad": {"aten": dropout_grad},
}
