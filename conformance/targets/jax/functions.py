"""
The functions of the JAX target: jax.lax's convolutions and reductions over windows, stax's layers, gradients by vjp.

Each converts its call, compiles it, and returns the compiled call.
"""
# ruff: noqa: ANN401 - arrays of JAX

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.example_libraries import stax

from conformance.model import Array
from conformance.targets.adapter import NotOfferedError
from conformance.targets.arguments import Biased, Drop, Scattered, Windows
from conformance.targets.library import Functions
from reference.windows import transposed

__all__ = ["FUNCTIONS"]

Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Program:
    """What is to be compiled; two are one where their texts are, which hold constants and shapes."""

    text: str
    lowered: Any = field(compare=False)


@lru_cache(maxsize=16)
def executable(program: Program) -> Any:
    """Compile a program once for the calls that share it: they follow one another."""
    return program.lowered.compile()


def compiled(function: Callable[..., Any], *arrays: Any) -> Run:
    """Compile a function for these arrays; the call ends when its result is there."""
    moved = [jnp.asarray(array) for array in arrays]
    lowered = jax.jit(function).lower(*moved)
    call = executable(Program(lowered.as_text(), lowered))
    return lambda: jax.block_until_ready(call(*moved))


def padding(call: Windows) -> Any:
    """Return a padding in JAX's words: by name, or pairs of rows and columns."""
    return call.ends if call.padding == "EXPLICIT" else call.padding


def convolution(call: Windows) -> Callable[[Any, Any], Any]:
    """Return conv_general_dilated with the attributes of a call: a function of image and filters."""
    layouts = (call.layout, "HWIO", call.layout)

    def convolve(image: Any, filters: Any) -> Any:
        return lax.conv_general_dilated(
            image,
            filters,
            call.strides,
            padding(call),
            rhs_dilation=call.dilations,
            dimension_numbers=layouts,
            feature_group_count=call.groups,
        )

    return convolve


def conv2d(call: Windows) -> Run:
    """Call lax.conv_general_dilated."""
    return compiled(convolution(call), call.placed("input"), call.arrays["filters"])


def conv2d_transpose(call: Windows) -> Run:
    """
    Call lax.conv_transpose, which takes no output_shape: by name for the one it would give, else by its own padding.

    With transpose_kernel it is the gradient of the forward convolution.
    """
    if call.groups > 1:
        raise NotOfferedError("lax.conv_transpose has no groups")
    layouts = (call.layout, "HWIO", call.layout)
    small = call.placed("input")
    own: Any = [(laid.before, laid.after) for laid in map(transposed, call.axes)]

    def transpose(image: Any, filters: Any, pads: Any) -> Any:
        return lax.conv_transpose(
            image,
            filters,
            call.strides,
            pads,
            rhs_dilation=call.dilations,
            dimension_numbers=layouts,
            transpose_kernel=True,
        )

    if call.padding != "EXPLICIT":
        shape = jax.eval_shape(lambda x, w: transpose(x, w, call.padding), small, call.arrays["filters"]).shape
        own = call.padding if shape == call.ordered(call.image) else own
    return compiled(lambda x, w: transpose(x, w, own), small, call.arrays["filters"])


def pulled_back(function: Callable[[Any], Any], at: Sequence[int], slope: Array) -> Callable[..., Any]:
    """Return the gradient of a linear function of an array of this shape: a function of its result's gradient."""
    zeros = jax.ShapeDtypeStruct(tuple(at), slope.dtype)
    return lambda gradient: jax.vjp(function, jnp.zeros(zeros.shape, zeros.dtype))[1](gradient)[0]


def conv2d_backprop_input(call: Windows) -> Run:
    """Call vjp of lax.conv_general_dilated at an image of zeros."""
    refuse_integers(call, "out_backprop")
    convolve, slope = convolution(call), call.placed("out_backprop")

    def gradient(y: Any, filters: Any) -> Any:
        return pulled_back(lambda x: convolve(x, filters), call.ordered(call.image), slope)(y)

    return compiled(gradient, slope, call.arrays["filters"])


def conv2d_backprop_filter(call: Windows) -> Run:
    """Call vjp of lax.conv_general_dilated at filters of zeros."""
    refuse_integers(call, "out_backprop")
    convolve, slope = convolution(call), call.placed("out_backprop")

    def gradient(y: Any, image: Any) -> Any:
        return pulled_back(lambda filters: convolve(image, filters), call.filters, slope)(y)

    return compiled(gradient, slope, call.placed("input"))


def depthwise_conv2d_backprop_filter(call: Windows) -> Run:
    """Call the same for as many groups as channels."""
    run = conv2d_backprop_filter(call)
    return lambda: jnp.reshape(run(), call.multiplied)


def bias_add(call: Biased) -> Run:
    """Call jnp.add, as layers do; the bias is broadcast."""
    return compiled(jnp.add, call.value, call.bias)


def bias_add_grad(call: Biased) -> Run:
    """Call vjp of jnp.add at a bias of zeros."""
    if call.value.dtype.kind in "iu":
        raise NotOfferedError("vjp differentiates no integers")
    zeros = jnp.zeros(call.value.shape, call.value.dtype)
    added = pulled_back(lambda bias: jnp.add(zeros, bias), call.bias.shape, call.value)
    return compiled(lambda y: jnp.ravel(added(y)), call.value)


def reduced(call: Windows, start: Any, combine: Any) -> Callable[[Any], Any]:
    """Return lax.reduce_window with the windows of a pool: a function of the image."""
    pads: Any = call.padding
    if call.padding == "EXPLICIT":
        rows, columns = call.ends
        pads = [(0, 0), rows, columns, (0, 0)] if call.layout == "NHWC" else [(0, 0), (0, 0), rows, columns]
    window = call.ordered((1, *call.taps, call.channels))
    steps = call.ordered((1, *call.strides, call.channels))
    return lambda image: lax.reduce_window(image, start, combine, window, steps, pads)


def lowest(dtype: np.dtype[Any]) -> Any:
    """Return what loses against every element."""
    return np.array(np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf, dtype)[()]


def max_pool(call: Windows) -> Run:
    """Call lax.reduce_window with lax.max."""
    image = call.placed("input")
    return compiled(reduced(call, lowest(image.dtype), lax.max), image)


def max_pool_grad(call: Windows) -> Run:
    """Call vjp of lax.reduce_window with lax.max."""
    refuse_integers(call, "grad")
    image = call.placed("orig_input")
    largest = reduced(call, lowest(image.dtype), lax.max)
    return compiled(lambda x, y: jax.vjp(largest, x)[1](y)[0], image, call.placed("grad"))


def averaged(call: Windows) -> Callable[[Any], Any]:
    """Return stax.AvgPool with the windows of a call: a function of the image."""
    _, apply = stax.AvgPool(call.taps, call.strides, call.padding, spec=call.layout)
    return lambda image: apply((), image)


def avg_pool(call: Windows) -> Run:
    """Call stax.AvgPool."""
    return compiled(averaged(call), call.placed("input"))


def avg_pool_grad(call: Windows) -> Run:
    """Call vjp of stax.AvgPool at an image of zeros."""
    slope = call.placed("grad")
    return compiled(pulled_back(averaged(call), call.ordered(call.image), slope), slope)


def avg_unpool(call: Windows) -> Run:
    """Call vjp of lax.reduce_window with lax.add, the sum over windows, at an image of zeros."""
    small = call.placed("input")
    summed = reduced(call, np.zeros((), small.dtype)[()], lax.add)
    return compiled(pulled_back(summed, call.ordered(call.image), small), small)


def avg_unpool_grad(call: Windows) -> Run:
    """Call lax.reduce_window with lax.add."""
    grad = call.placed("grad")
    return compiled(reduced(call, np.zeros((), grad.dtype)[()], lax.add), grad)


def scattered(call: Scattered) -> Callable[[Any, Any], Any]:
    """Return the sum by the `at` property of an array of zeros, which adds where an index comes twice."""

    def scatter(values: Any, cells: Any) -> Any:
        flat = jnp.zeros(math.prod(call.shape), values.dtype)
        return flat.at[cells.ravel()].add(values.ravel()).reshape(call.shape)

    return scatter


def max_unpool(call: Scattered) -> Run:
    """Call the `at` property of an array."""
    return compiled(scattered(call), call.values, call.cells)


def max_unpool_grad(call: Scattered) -> Run:
    """Call its vjp at zeros."""
    if call.values.dtype.kind in "iu":
        raise NotOfferedError("vjp differentiates no integers")
    scatter = scattered(call)

    def gradient(y: Any, cells: Any) -> Any:
        return pulled_back(lambda values: scatter(values, cells), call.cells.shape, call.values)(y)

    return compiled(gradient, call.values, call.cells)


def dropout(call: Drop) -> Run:
    """Call stax.Dropout, whose rate is the share that is kept, with a key made of the seeds."""
    if call.noise_shape is not None:
        raise NotOfferedError("stax.Dropout has no noise_shape")
    key = jax.random.key(secrets.randbits(63))
    if call.seeds:
        key = jax.random.key(call.seeds[0])
    for word in call.seeds[1:]:
        key = jax.random.fold_in(key, word % 2**32)
    _, apply = stax.Dropout(1 - call.rate)
    return compiled(lambda x: apply((), x, rng=key), call.x)


def refuse_integers(call: Windows, name: str) -> None:
    """Say that JAX differentiates no integers."""
    if call.arrays[name].dtype.kind in "iu":
        raise NotOfferedError("vjp differentiates no integers")


FUNCTIONS: Functions = {
    "conv2d": {"lax": conv2d},
    "conv2d_transpose": {"lax": conv2d_transpose},
    "conv2d_backprop_input": {"vjp": conv2d_backprop_input},
    "conv2d_backprop_filter": {"vjp": conv2d_backprop_filter},
    "depthwise_conv2d": {"lax": conv2d},
    "depthwise_conv2d_backprop_input": {"vjp": conv2d_backprop_input},
    "depthwise_conv2d_backprop_filter": {"vjp": depthwise_conv2d_backprop_filter},
    "bias_add": {"numpy": bias_add},
    "bias_add_grad": {"vjp": bias_add_grad},
    "max_pool": {"lax": max_pool},
    "max_pool_grad": {"vjp": max_pool_grad},
    "avg_pool": {"stax": avg_pool},
    "avg_pool_grad": {"vjp": avg_pool_grad},
    "avg_unpool": {"vjp": avg_unpool},
    "avg_unpool_grad": {"lax": avg_unpool_grad},
    "max_unpool": {"at": max_unpool},
    "max_unpool_grad": {"vjp": max_unpool_grad},
    "dropout": {"stax": dropout},
    "stateless_dropout": {"stax": dropout},
}
