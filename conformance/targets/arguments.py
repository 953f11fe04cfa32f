"""
Calls as tf.nn spells them, checked by the specification and brought to one form, for adapters of other libraries.

A call that the specification refuses is refused here, before the library sees it: how tf.nn writes an argument is no
matter of the library's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from conformance.model import Array
from conformance.targets.adapter import NotOfferedError
from reference.checks import check_dtype, from_nhwc
from reference.ops import depthwise_conv2d, depthwise_conv2d_backprop_filter, depthwise_conv2d_backprop_input
from reference.ops.avg_pool import average
from reference.ops.avg_unpool_grad import window_sums
from reference.ops.bias_add import checked as biased
from reference.ops.bias_add_grad import bias_add_grad
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward
from reference.ops.dropout import dropout, stateless_dropout
from reference.ops.dropout_grad import dropout_grad
from reference.ops.max_pool import DTYPES
from reference.ops.max_pool_grad import checked
from reference.ops.max_pool_with_argmax import indexed
from reference.ops.max_unpool import scattered
from reference.ops.max_unpool_grad import max_unpool_grad
from reference.ops.pools import pool, spread
from reference.random_bits import algorithm
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["Biased", "Drop", "Scattered", "Windows", "read"]

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """A convolution, a pool, or the gradient of one. Images are N H W C, filters H W I O, whatever the layout."""

    arrays: Mapping[str, Array]  # by the argument's name
    image: tuple[int, ...]  # shape of the larger image: the one that the windows slide over
    filters: tuple[int, ...] = ()  # shape of the filters; depthwise ones are those of as many groups as channels
    rows: Axis
    columns: Axis
    padding: str  # as it is asked for: "SAME", "VALID" or "EXPLICIT"
    layout: str  # of the call, and of what it returns
    groups: int = 1
    channels: int = 1  # of a pool's window
    more: Mapping[str, Any] = field(default_factory=dict)  # of max_pool_with_argmax: dtype, in_batch

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The windows along rows and along columns."""
        return self.rows, self.columns

    @property
    def taps(self) -> tuple[int, int]:
        """The window's rows and columns."""
        return self.rows.taps, self.columns.taps

    @property
    def strides(self) -> tuple[int, int]:
        """Along rows and columns."""
        return self.rows.stride, self.columns.stride

    @property
    def dilations(self) -> tuple[int, int]:
        """Along rows and columns."""
        return self.rows.dilation, self.columns.dilation

    @property
    def ends(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The padding (before, after) of rows and of columns."""
        return (self.rows.before, self.rows.after), (self.columns.before, self.columns.after)

    @property
    def multiplied(self) -> tuple[int, int, int, int]:
        """The shape of depthwise filters: FH FW C M, M the channel multiplier."""
        high, wide, _, outputs = self.filters
        return high, wide, self.groups, outputs // self.groups

    def placed(self, name: str) -> Array:
        """Return an image in the layout of the call, its elements in order."""
        return np.ascontiguousarray(from_nhwc(self.arrays[name], self.layout))

    def ordered(self, entries: tuple[int, ...]) -> tuple[int, ...]:
        """Return what is given as N H W C in the layout of the call."""
        n, h, w, c = entries
        return entries if self.layout == "NHWC" else (n, c, h, w)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scattered:
    """A max_unpool: values [N, H, W, C], and the cell of the flat output [shape] that each is added to."""

    values: Array  # of its gradient: that of the output
    cells: Array  # int64, of the input's shape
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Biased:
    """A bias_add, or its gradient, in the layout of the call."""

    value: Array  # of the gradient: that of the output
    bias: Array  # 1 along every axis but that of the channels; of the gradient: zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A dropout, or its gradient."""

    x: Array
    rate: float
    noise_shape: Any = None
    seeds: tuple[int, ...] = ()  # those given; none: any mask
    kept: Array | None = None  # the mask of a gradient


Checked = Windows | Scattered | Biased | Drop


def read(op: str, given: Given) -> Checked:
    """
    Check a call of an op and return it in its one form.

    Raises:
        SpecError: naming the rule that the call breaks.
        NotOfferedError: an image of rank 5 and more, a rate that is a tensor, an algorithm: no library has them.
    """
    return READERS[op](op, {name: value for name, value in given.items() if name != "name"})


def convolution(op: str, given: Given) -> Windows:
    """Read conv2d, conv2d_transpose, depthwise_conv2d and the gradients."""
    match op:
        case "conv2d" | "depthwise_conv2d":
            call: Any = (forward if op == "conv2d" else depthwise_conv2d.forward)(**given)
            arrays, image, filters = {"input": call.left, "filters": call.right}, call.left.shape, call.right.shape
            if np.ndim(given["input"]) > 4:
                raise NotOfferedError("images of rank 4 only")
        case "conv2d_backprop_filter" | "depthwise_conv2d_backprop_filter":
            whole = op == "conv2d_backprop_filter"
            call = (filter_gradient if whole else depthwise_conv2d_backprop_filter.filter_gradient)(**given)
            arrays, image, filters = {"input": call.left, "out_backprop": call.right}, call.left.shape, call.shape
        case "depthwise_conv2d_backprop_input":
            call = depthwise_conv2d_backprop_input.backward(**given)
            arrays = {"out_backprop": call.left, "filters": call.right}
            image, filters = call.shape, call.right.shape
        case _:
            small, sizes = ("input", "output_shape") if op == "conv2d_transpose" else ("out_backprop", "input_sizes")
            rest = {name: value for name, value in given.items() if name not in (small, sizes)}
            call = backward(op, given[sizes], gradient=given[small], **{"padding": "SAME", **rest})
            arrays, image, filters = {small: call.left, "filters": call.right}, call.shape, call.right.shape
    laid = call.geometry
    return Windows(
        arrays=arrays,
        image=tuple(image),
        filters=tuple(filters),
        rows=laid.rows,
        columns=laid.columns,
        padding=kind(given.get("padding", "SAME")),
        layout=laid.layout,
        groups=laid.groups,
    )


def max_pool(op: str, given: Given) -> Windows:
    """Read max_pool."""
    check_dtype("max_pool.R2", "input", read_array("max_pool.R2", "input", given["input"]), DTYPES)
    image, laid = pool(op, **{"data_format": None, **given})
    return pooled({"input": image}, image.shape, laid, given)


def max_pool_with_argmax(op: str, given: Given) -> Windows:
    """Read max_pool_with_argmax."""
    del op
    image, laid, in_batch, dtype = indexed(**given)
    return pooled({"input": image}, image.shape, laid, given, in_batch=in_batch, dtype=dtype)


def max_pool_grad(op: str, given: Given) -> Windows:
    """Read max_pool_grad."""
    del op
    image, slope, laid = checked("max_pool_grad", **given)
    return pooled({"orig_input": image, "grad": slope}, image.shape, laid, given)


def avg_pool(op: str, given: Given) -> Windows:
    """Read avg_pool."""
    del op
    call = average(**given)
    return pooled({"input": call.left}, call.left.shape, call.geometry, given)


def spreading(op: str, given: Given) -> Windows:
    """Read avg_pool_grad and avg_unpool."""
    shape, small = ("orig_input_shape", "grad") if op == "avg_pool_grad" else ("output_shape", "input")
    rest = {name: value for name, value in given.items() if name not in (shape, small)}
    call = spread(op, given[shape], given[small], **rest)
    return pooled({small: call.left}, call.shape, call.geometry, given)


def avg_unpool_grad(op: str, given: Given) -> Windows:
    """Read avg_unpool_grad."""
    del op
    call = window_sums(**given)
    return pooled({"grad": call.left}, call.left.shape, call.geometry, given)


def pooled(arrays: Mapping[str, Array], image: tuple[int, ...], laid: Any, given: Given, **more: Any) -> Windows:  # noqa: ANN401
    """Return a pool."""
    return Windows(
        arrays=arrays,
        image=tuple(image),
        rows=laid.rows,
        columns=laid.columns,
        padding=kind(given["padding"]),
        layout=laid.layout,
        channels=laid.depth,
        more=more,
    )


def kind(padding: Any) -> str:  # noqa: ANN401 -- text or pairs, checked before
    """Return the name of a padding."""
    return padding if isinstance(padding, str) else "EXPLICIT"


def max_unpool(op: str, given: Given) -> Scattered:
    """Read max_unpool."""
    del op
    call = scattered(**given)
    return Scattered(values=call.left, cells=call.where, shape=tuple(call.shape))


def unpooled(op: str, given: Given) -> Scattered:
    """Read max_unpool_grad."""
    del op
    taken = max_unpool_grad(**given)
    slopes, cells = np.asarray(given["grad"]), np.asarray(given["argmax"]).astype(np.int64)
    per_image = 0 if given.get("include_batch_in_index", False) else prod(slopes.shape[1:])
    cells += np.arange(len(taken)).reshape(-1, 1, 1, 1) * per_image
    return Scattered(values=slopes, cells=cells, shape=slopes.shape)


def bias(op: str, given: Given) -> Biased:
    """Read bias_add and bias_add_grad."""
    if op == "bias_add":
        value, added, axis = biased(**{"data_format": None, **given})
    else:
        value, added = np.asarray(given["out_backprop"]), np.zeros_like(bias_add_grad(**given))
        axis = 1 if given.get("data_format") == "NCHW" else value.ndim - 1
    return Biased(value=value, bias=added.reshape([1] * axis + [len(added)] + [1] * (value.ndim - axis - 1)))


# Of an op that draws, checking is nearly all of the work.
CHECKED: Mapping[str, Callable[..., Array]] = {
    "dropout": dropout,
    "stateless_dropout": stateless_dropout,
    "dropout_grad": dropout_grad,
}


def drop(op: str, given: Given) -> Drop:
    """Read dropout, stateless_dropout and dropout_grad."""
    CHECKED[op](**given)
    if isinstance(given["rate"], np.ndarray):
        raise NotOfferedError("the rate is a number")
    if algorithm(given.get("rng_alg")) != "auto_select":
        raise NotOfferedError("the library has generators of its own")
    x = given["x"] if "x" in given else given["grad"]
    seeds = given.get("seed"), given.get("global_seed")
    told = [int(word) for seed in seeds if seed is not None for word in np.ravel(seed)]
    return Drop(
        x=x,
        rate=float(given["rate"]),
        noise_shape=given.get("noise_shape"),
        seeds=tuple(told),
        kept=given.get("kept"),
    )


READERS: Mapping[str, Callable[[str, Given], Checked]] = {
    "conv2d": convolution,
    "conv2d_transpose": convolution,
    "conv2d_backprop_input": convolution,
    "conv2d_backprop_filter": convolution,
    "depthwise_conv2d": convolution,
    "depthwise_conv2d_backprop_input": convolution,
    "depthwise_conv2d_backprop_filter": convolution,
    "bias_add": bias,
    "bias_add_grad": bias,
    "max_pool": max_pool,
    "max_pool_with_argmax": max_pool_with_argmax,
    "max_pool_grad": max_pool_grad,
    "avg_pool": avg_pool,
    "avg_pool_grad": spreading,
    "avg_unpool": spreading,
    "avg_unpool_grad": avg_unpool_grad,
    "max_unpool": max_unpool,
    "max_unpool_grad": unpooled,
    "dropout": drop,
    "stateless_dropout": drop,
    "dropout_grad": drop,
}
