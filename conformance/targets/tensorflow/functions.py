"""
The functions of the TensorFlow targets: for each op the ways in which users of TensorFlow compute it, its routes.

Each is called as in the reference, with tensors for arrays; what tf.nn offers is called as it is, its Python layer
included. The others say what they do. Where a way looks at fewer arguments than the op has, its docstring says so: it
cannot refuse what it does not see.
"""
# ruff: noqa: ANN401 - TensorFlow ships no types; attributes come as the case spells them

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from conformance.targets.adapter import NotOfferedError


def four(entries: Any, data_format: str) -> Any:
    """Spell strides, ksize or dilations with four entries, as the functions of tf.nn do before they call a raw op."""
    several = list(entries) if isinstance(entries, list | tuple) else [1 if entries is None else entries]
    if len(several) > 2:
        return several
    spatial = several * 2 if len(several) == 1 else several
    return [1, 1, *spatial] if data_format == "NCHW" else [1, *spatial, 1]


def raw_padding(padding: Any) -> dict[str, Any]:
    """Spell a padding as the raw ops want it: four pairs are EXPLICIT, flat."""
    if isinstance(padding, list | tuple):
        return {"padding": "EXPLICIT", "explicit_paddings": [size for pair in padding for size in pair]}
    return {"padding": padding}


def raw_conv2d_backprop_input(
    input_sizes: Any,
    filters: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = None,
) -> Any:
    """Return the input gradient by the raw op."""
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=input_sizes,
        filter=filters,
        out_backprop=out_backprop,
        strides=four(strides, data_format),
        dilations=four(dilations, data_format),
        data_format=data_format,
        **raw_padding(padding),
    )


def raw_conv2d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = None,
) -> Any:
    """Return the filter gradient by the raw op."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=input,
        filter_sizes=filter_sizes,
        out_backprop=out_backprop,
        strides=four(strides, data_format),
        dilations=four(dilations, data_format),
        data_format=data_format,
        **raw_padding(padding),
    )


def raw_max_pool_grad(
    orig_input: Any, orig_output: Any, grad: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC"
) -> Any:
    """Return the gradient of max_pool by the raw op."""
    return tf.raw_ops.MaxPoolGrad(
        orig_input=orig_input,
        orig_output=orig_output,
        grad=grad,
        ksize=four(ksize, data_format),
        strides=four(strides, data_format),
        data_format=data_format,
        **raw_padding(padding),
    )


def raw_max_pool_grad_grad(
    orig_input: Any, orig_output: Any, grad: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC"
) -> Any:
    """Return the gradient of max_pool_grad by the raw op."""
    return tf.raw_ops.MaxPoolGradGrad(
        orig_input=orig_input,
        orig_output=orig_output,
        grad=grad,
        ksize=four(ksize, data_format),
        strides=four(strides, data_format),
        data_format=data_format,
        **raw_padding(padding),
    )


def argmax_max_pool_grad(
    orig_input: Any, orig_output: Any, grad: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC"
) -> Any:
    """Return the gradient of max_pool_with_argmax, which is that of max_pool; orig_output is not looked at."""
    del orig_output
    spelt = {"ksize": four(ksize, data_format), "strides": four(strides, data_format), "padding": padding}
    layout = "NHWC" if data_format is None else data_format
    _, argmax = tf.nn.max_pool_with_argmax(orig_input, data_format=layout, **spelt)
    return tf.raw_ops.MaxPoolGradWithArgmax(input=orig_input, grad=grad, argmax=argmax, **spelt)


def raw_avg_pool_grad(
    orig_input_shape: Any, grad: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC"
) -> Any:
    """Return the gradient of avg_pool by the raw op."""
    return tf.raw_ops.AvgPoolGrad(
        orig_input_shape=orig_input_shape,
        grad=grad,
        ksize=four(ksize, data_format),
        strides=four(strides, data_format),
        data_format=data_format,
        **raw_padding(padding),
    )


def taped(op: Callable[[Any], Any], at: Any, grad: Any) -> Any:
    """Return the gradient of op at a point, by tf.GradientTape, where the gradient of its result is `grad`."""
    with tf.GradientTape() as tape:
        tape.watch(at)
        result = op(at)
    gradient = tape.gradient(result, at, output_gradients=grad)
    if gradient is None:
        raise NotOfferedError(f"the tape gives no gradient of {at.dtype.name}")
    return gradient


def twice(op: Callable[[Any], Any], at: Any) -> Any:
    """Return what a linear op makes of `at`, as the gradient of its gradient: by two tapes."""
    return taped(lambda slope: taped(op, tf.zeros_like(at), slope), tf.zeros_like(op(at)), at)


def twice_conv2d(input: Any, filters: Any, *args: Any, **kwargs: Any) -> Any:
    """Return conv2d as the gradient of its input gradient."""
    return twice(lambda x: tf.nn.conv2d(x, filters, *args, **kwargs), input)


def twice_depthwise_conv2d(input: Any, filter: Any, *args: Any, **kwargs: Any) -> Any:
    """Return depthwise_conv2d as the gradient of its input gradient."""
    return twice(lambda x: tf.nn.depthwise_conv2d(x, filter, *args, **kwargs), input)


def twice_avg_pool(input: Any, *args: Any, **kwargs: Any) -> Any:
    """Return avg_pool as the gradient of its gradient."""
    return twice(lambda x: tf.nn.avg_pool(x, *args, **kwargs), input)


def twice_conv2d_backprop_input(input_sizes: Any, filters: Any, out_backprop: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the input gradient as the gradient of the filter gradient by its input."""

    def filter_gradient(x: Any) -> Any:
        return tape_conv2d_backprop_filter(x, tf.shape(filters), out_backprop, *args, **kwargs)

    zeros = zero_image(input_sizes, filters, out_backprop, kwargs.get("data_format"))
    return taped(filter_gradient, zeros, filters)


def twice_conv2d_backprop_filter(input: Any, filter_sizes: Any, out_backprop: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the filter gradient as the gradient of the input gradient by its filters."""

    def input_gradient(filters: Any) -> Any:
        return taped(lambda x: tf.nn.conv2d(x, filters, *args, **kwargs), tf.zeros_like(input), out_backprop)

    return taped(input_gradient, tf.zeros(filter_sizes, input.dtype), input)


def transposed_conv2d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: Any = "NHWC", dilations: Any = None
) -> Any:
    """Return conv2d as the gradient of conv2d_transpose by its input."""
    layout = "NHWC" if data_format is None else data_format
    zeros = tf.zeros_like(tf.nn.conv2d(input, filters, strides, padding, layout, dilations))
    shape = tf.shape(input)
    return taped(lambda x: tf.nn.conv2d_transpose(x, filters, shape, strides, padding, layout, dilations), zeros, input)


def transposed_conv2d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NHWC",
    dilations: Any = None,
) -> Any:
    """Return the filter gradient as the gradient of conv2d_transpose by its filters."""
    shape, zeros = tf.shape(input), tf.zeros(filter_sizes, input.dtype)
    how = (strides, padding, "NHWC" if data_format is None else data_format, dilations)
    return taped(lambda filters: tf.nn.conv2d_transpose(out_backprop, filters, shape, *how), zeros, input)


def rate_of(strides: Any, padding: Any, data_format: Any, dilations: Any) -> int:
    """Return the rate of an atrous convolution, which has stride 1 and NHWC: the dilation of both axes."""
    steps, gaps = four(strides, "NHWC"), four(dilations, "NHWC")
    plain = data_format in (None, "NHWC") and isinstance(padding, str)
    if not plain or steps != [1, 1, 1, 1] or gaps != [1, gaps[1], gaps[1], 1]:
        raise NotOfferedError("atrous convolutions are NHWC, with stride 1 and one rate")
    return int(gaps[1])


def atrous_conv2d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: Any = "NHWC", dilations: Any = None
) -> Any:
    """Return conv2d by tf.nn.atrous_conv2d."""
    return tf.nn.atrous_conv2d(input, filters, rate_of(strides, padding, data_format, dilations), padding)


def atrous_conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: Any = "NHWC",
    dilations: Any = None,
) -> Any:
    """Return conv2d_transpose by tf.nn.atrous_conv2d_transpose."""
    rate = rate_of(strides, padding, data_format, dilations)
    return tf.nn.atrous_conv2d_transpose(input, filters, output_shape, rate, padding)


def zero_image(input_sizes: Any, filters: Any, out_backprop: Any, data_format: Any) -> Any:
    """Return an image of zeros; of height and width alone, the raw op takes the rest from the others."""
    if len(input_sizes) == 2:
        batch, depth = tf.shape(out_backprop)[0], tf.shape(filters)[2]
        input_sizes = [batch, depth, *input_sizes] if data_format == "NCHW" else [batch, *input_sizes, depth]
    return tf.zeros(input_sizes, filters.dtype)


def tape_conv2d_backprop_input(input_sizes: Any, filters: Any, out_backprop: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the input gradient by the tape, at an input of zeros."""
    zeros = zero_image(input_sizes, filters, out_backprop, kwargs.get("data_format"))
    return taped(lambda x: tf.nn.conv2d(x, filters, *args, **kwargs), zeros, out_backprop)


def tape_conv2d_backprop_filter(input: Any, filter_sizes: Any, out_backprop: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the filter gradient by the tape, at filters of zeros."""
    zeros = tf.zeros(filter_sizes, input.dtype)
    return taped(lambda filters: tf.nn.conv2d(input, filters, *args, **kwargs), zeros, out_backprop)


def depthwise(filters: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """Return tf.nn.depthwise_conv2d with the arguments of its gradients, which have four dilations where it has two."""
    gaps = kwargs.pop("dilations", None)
    two = gaps if gaps is None else gaps[2:] if kwargs.get("data_format") == "NCHW" else gaps[1:3]
    return lambda x: tf.nn.depthwise_conv2d(x, filters, dilations=two, **kwargs)


def tape_depthwise_conv2d_backprop_input(input_sizes: Any, filter: Any, out_backprop: Any, **kwargs: Any) -> Any:
    """Return the input gradient of depthwise_conv2d by the tape, at an input of zeros."""
    return taped(depthwise(filter, **kwargs), tf.zeros(input_sizes, filter.dtype), out_backprop)


def tape_depthwise_conv2d_backprop_filter(input: Any, filter_sizes: Any, out_backprop: Any, **kwargs: Any) -> Any:
    """Return the filter gradient of depthwise_conv2d by the tape, at filters of zeros."""
    zeros = tf.zeros(filter_sizes, input.dtype)
    return taped(lambda filters: depthwise(filters, **kwargs)(input), zeros, out_backprop)


def tape_bias_add_grad(out_backprop: Any, **kwargs: Any) -> Any:
    """Return the gradient of bias_add with respect to the bias by the tape, at zeros."""
    value = tf.zeros_like(out_backprop)
    bias = tf.zeros(tf.shape(value)[1 if kwargs.get("data_format") == "NCHW" else -1], value.dtype)
    return taped(lambda at: tf.nn.bias_add(value, at, **kwargs), bias, out_backprop)


def tape_max_pool_grad(orig_input: Any, orig_output: Any, grad: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the gradient of max_pool by the tape, which computes orig_output anew."""
    del orig_output
    return taped(lambda x: tf.nn.max_pool(x, *args, **kwargs), orig_input, grad)


def twice_max_pool(orig_input: Any, orig_output: Any, grad: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the gradient of max_pool's gradient by two tapes; orig_output is only a place."""

    def gradient(slope: Any) -> Any:
        return taped(lambda x: tf.nn.max_pool(x, *args, **kwargs), orig_input, slope)

    return taped(gradient, tf.zeros_like(orig_output), grad)


def tape_avg_pool_grad(orig_input_shape: Any, grad: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the gradient of avg_pool by the tape, at an input of zeros."""
    zeros = tf.zeros(orig_input_shape, grad.dtype)
    return taped(lambda x: tf.nn.avg_pool2d(x, *args, **kwargs), zeros, grad)


def scatter_nd_unpool(input: Any, argmax: Any, output_shape: Any, include_batch_in_index: bool = False) -> Any:
    """Unpool by tf.scatter_nd: where an index comes twice, the values are added."""
    indices = flat_indices(argmax, output_shape, include_batch_in_index)
    size = tf.cast(tf.reduce_prod(output_shape), tf.int64)
    return tf.reshape(tf.scatter_nd(indices, tf.reshape(input, [-1]), [size]), output_shape)


def flat_indices(argmax: Any, output_shape: Any, include_batch_in_index: bool) -> Any:
    """Return the place of each element in the flat output: [elements, 1], int64."""
    indices = tf.cast(argmax, tf.int64)
    if not include_batch_in_index:
        image = tf.cast(tf.reduce_prod(output_shape[1:]), tf.int64)
        indices += image * tf.reshape(tf.range(tf.shape(argmax, tf.int64)[0]), [-1, 1, 1, 1])
    return tf.reshape(indices, [-1, 1])


def tape_max_unpool_grad(grad: Any, argmax: Any, include_batch_in_index: bool = False) -> Any:
    """Return the gradient of max_unpool, by tf.scatter_nd, by the tape."""
    zeros = tf.zeros(tf.shape(argmax), grad.dtype)
    return taped(lambda x: scatter_nd_unpool(x, argmax, tf.shape(grad), include_batch_in_index), zeros, grad)


def gather_unpool_grad(grad: Any, argmax: Any, include_batch_in_index: bool = False) -> Any:
    """Return the gradient of max_unpool by tf.gather."""
    indices = flat_indices(argmax, tf.shape(grad), include_batch_in_index)
    return tf.reshape(tf.gather(tf.reshape(grad, [-1]), indices), tf.shape(argmax))


def known(shape: Any) -> list[int]:
    """Return a shape argument as integers: a list, or a tensor that is a constant."""
    sizes = np.asarray(tf.get_static_value(shape) if tf.is_tensor(shape) else shape)
    if sizes.dtype.name not in ("int32", "int64"):
        raise TypeError(f"{shape} is no shape: its entries are {sizes.dtype.name}, not int32 or int64")
    return [int(size) for size in sizes]


def argmax_unpool(input: Any, argmax: Any, output_shape: Any, include_batch_in_index: bool = False) -> Any:
    """Unpool by the raw gradient of max_pool_with_argmax, which adds where an index comes twice."""
    if None in input.shape.as_list():
        raise NotOfferedError("the window is computed from a known shape")
    sizes = known(output_shape)
    # The op checks that input has the size that pooling the output would give: stride 1 and the window that fits.
    window = [1, *(out - size + 1 for out, size in zip(sizes[1:3], input.shape[1:3], strict=True)), 1]
    if min(window) < 1:
        raise NotOfferedError("no pool of an image has a larger result")
    return tf.raw_ops.MaxPoolGradWithArgmax(
        input=tf.zeros(sizes, input.dtype),
        grad=input,
        argmax=argmax,
        ksize=window,
        strides=[1, 1, 1, 1],
        padding="VALID",
        include_batch_in_index=include_batch_in_index,
    )


def raw_avg_unpool(
    input: Any, ksize: Any, strides: Any, padding: Any, output_shape: Any, data_format: str = "NHWC"
) -> Any:
    """Unpool by the raw gradient of avg_pool, which divides by the cells of each window: so they are multiplied in."""
    window, steps, sizes = four(ksize, data_format), four(strides, data_format), known(output_shape)
    spatial = (2, 3) if data_format == "NCHW" else (1, 2)
    # Of as many windows as the input has, so that one of another shape reaches the op as it is.
    counts = [tf.shape(input, tf.int64)[axis] if input.shape[axis] is None else input.shape[axis] for axis in spatial]
    high, wide = (window_cells(n, sizes[i], window[i], steps[i], padding) for n, i in zip(counts, spatial, strict=True))
    cells = tf.cast(high[:, None] * wide, input.dtype)
    cells = cells if data_format == "NCHW" else cells[..., None]
    how = {"ksize": window, "strides": steps, "padding": padding, "data_format": data_format}
    return tf.raw_ops.AvgPoolGrad(orig_input_shape=sizes, grad=input * cells, **how)


def tape_avg_unpool_grad(grad: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC") -> Any:
    """Return the gradient of avg_unpool, by the raw gradient of avg_pool, by the tape."""
    layout = "NHWC" if data_format is None else data_format
    pooled = tf.zeros_like(tf.nn.avg_pool(grad, ksize, strides, padding, data_format=layout))
    if None in grad.shape.as_list():
        raise NotOfferedError("the windows are counted from a known shape")
    return taped(lambda x: raw_avg_unpool(x, ksize, strides, padding, grad.shape.as_list(), layout), pooled, grad)


def window_cells(windows: Any, size: int, taps: int, stride: int, padding: str) -> Any:
    """Return how many cells of an image of this size each of the first windows along one axis covers: [windows]."""
    needed = -(-size // stride)
    before = max((needed - 1) * stride + taps - size, 0) // 2 if padding == "SAME" else 0
    traced = tf.is_tensor(windows)  # in a graph that knows ranks only: everywhere else the numbers are at hand
    several, least, most = (tf.range, tf.minimum, tf.maximum) if traced else (np.arange, np.minimum, np.maximum)
    starts = several(windows) * stride - before
    return least(starts + taps, size) - most(starts, 0)


def tape_dropout_grad(grad: Any, kept: Any, rate: Any) -> Any:
    """Return the gradient of general_dropout by the tape, under a uniform that keeps what `kept` says."""
    infinity = tf.constant(np.inf, grad.dtype)  # above every rate
    uniform = tf.where(kept, infinity, -infinity)
    return taped(
        lambda x: tf.nn.experimental.general_dropout(x, rate, lambda *_, **__: uniform), tf.ones_like(grad), grad
    )


def pattern(input: Any, stages: Any, data_format: str = "NHWC", **given: Any) -> Any:
    """Compute several ops in turn, each as users call it."""
    windows = {name: given[name] for name in ("strides", "padding", "dilations") if name in given}
    pool = {name: given[name] for name in ("ksize", "strides", "padding") if name in given}
    layout = {"data_format": data_format}
    ways = {
        "pad": lambda x: tf.pad(x, given["paddings"]),
        "conv2d": lambda x: tf.nn.conv2d(x, given["filters"], **windows, **layout),
        "depthwise_conv2d": lambda x: tf.nn.depthwise_conv2d(x, given["filters"], **windows, **layout),
        "conv2d_transpose": lambda x: tf.nn.conv2d_transpose(
            x, given["filters"], given["output_shape"], **windows, **layout
        ),
        "max_pool": lambda x: tf.nn.max_pool2d(x, **pool, **layout),
        "pointwise_conv2d": lambda x: tf.nn.conv2d(x, given["pointwise_filter"], 1, "VALID", **layout),
        "separable_conv2d": lambda x: tf.nn.separable_conv2d(
            x, given["filters"], given["pointwise_filter"], **windows, **layout
        ),
        "bias_add": lambda x: tf.nn.bias_add(x, given["bias"], **layout),
        "add": lambda x: x + given["addend"],
        "batch_norm": lambda x: tf.compat.v1.nn.fused_batch_norm(
            x,
            *(given[name] for name in ("scale", "offset", "mean", "variance")),
            given.get("epsilon", 0.001),
            is_training=False,
            **layout,
        )[0],
        "leaky_relu": lambda x: tf.nn.leaky_relu(x, given.get("alpha", 0.2)),
    }
    value = input
    for name in stages:
        value = ways[name](value) if name in ways else getattr(tf.nn, name)(value)
    return value


def separable_pattern(input: Any, stages: Any, **given: Any) -> Any:
    """Compute a pattern whose depthwise and pointwise convolutions, one after the other, are one call."""
    first = list(stages).index("depthwise_conv2d") if "depthwise_conv2d" in stages else 0
    if list(stages[first : first + 2]) != ["depthwise_conv2d", "pointwise_conv2d"]:
        raise NotOfferedError("a separable convolution is a depthwise and a pointwise one")
    return pattern(input, [*stages[:first], "separable_conv2d", *stages[first + 2 :]], **given)
