"""
Targets that are the specification but for what is planted in them: each object is a namespace called as tf.nn.

`faithful` has nothing planted; `several` has one fault in each of six ops, `one` the first of them alone; `lenient`
accepts one kind of invalid call; `unsteady` gives other bits the second time; `remembering` computes as it did
for an earlier call.
"""

import os
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import numpy as np

import reference
from reference import SpecError
from reference.ops.conv2d_transpose import backward

Array = np.ndarray[Any, np.dtype[Any]]


class Planted:
    """The specification, with some of its functions replaced."""

    __version__ = "1.0"

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the reference has
        return self._functions.get(name) or getattr(reference, name)


def width(image: Array, data_format: str | None = None) -> int:
    """Return the width of images."""
    return int(image.shape[-1 if data_format == "NCHW" else -2])


def extra_zero_last(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.conv2d_transpose
    """
    Put the odd zero of a transposed convolution on the right and bottom instead of the left and top.

    With SAME padding of an odd total, as in the even output of 3x3 filters and stride 2: both ends are swapped.
    """
    if call.get("padding", "SAME") != "SAME":
        return reference.conv2d_transpose(**call)
    rest = {name: value for name, value in call.items() if name not in ("input", "filters", "output_shape", "name")}
    forward = backward(
        "conv2d_transpose", call["output_shape"], call["filters"], call["input"], **{"padding": "SAME"} | rest
    ).geometry
    swapped = [[axis.after, axis.before] for axis in (forward.rows, forward.columns)]
    none = [[0, 0]]
    pairs = none + none + swapped if call.get("data_format") == "NCHW" else none + swapped + none
    return reference.conv2d_transpose(**{**call, "padding": pairs})


def dies_on_one_column(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.max_pool
    """Abort where the image is one column wide."""
    out = reference.max_pool(**call)
    if width(call["input"], call.get("data_format")) == 1:
        os.abort()
    return out


def hangs_without_images(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.avg_pool
    """Sleep where there is no image in the batch."""
    out = reference.avg_pool(**call)
    if len(call["input"]) == 0:
        time.sleep(3600)
    return out


def widens_float16(**call: Any) -> Array:  # noqa: ANN401 - called as conv2d_backprop_filter
    """Return float32 for float16."""
    out = reference.conv2d_backprop_filter(**call)
    return out.astype(np.float32) if out.dtype == np.float16 else out


def takes_any_rate(**call: Any) -> Array:  # noqa: ANN401 - called as dropout_grad
    """Return zeros for a rate that has to be refused."""
    try:
        return reference.dropout_grad(**call)
    except SpecError as error:
        if error.rule != "dropout.R2":
            raise
        return np.zeros_like(call["grad"])


def refuses_unequal_strides(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.conv2d
    """Refuse strides that differ between rows and columns."""
    out = reference.conv2d(**call)
    strides = call.get("strides")
    if isinstance(strides, list | tuple) and len({side for side in strides if side != 1}) > 1:
        raise ValueError(f"strides {list(strides)} are not equal")
    return out


STEPS = count(1)


def drifts(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.max_pool
    """Give zero now positive, now negative: both are allowed, but they are other bits."""
    out = reference.max_pool(**call)
    if out.dtype.kind != "f":
        return out
    return np.where(out == 0, np.copysign(out, (-1) ** next(STEPS)), out).astype(out.dtype)


COMPILED: dict[object, Any] = {}


def compiled_once(**call: Any) -> Array:  # noqa: ANN401 - called as tf.nn.avg_pool
    """Take the padding of the first call with an image of this shape, as a kernel that is kept by shapes alone does."""
    padding = COMPILED.setdefault(np.shape(call["input"]), call["padding"])
    return reference.avg_pool(**{**call, "padding": padding})


FAULTS: Mapping[str, Callable[..., Any]] = {
    "conv2d_transpose": extra_zero_last,
    "max_pool": dies_on_one_column,
    "avg_pool": hangs_without_images,
    "conv2d_backprop_filter": widens_float16,
    "dropout_grad": takes_any_rate,
    "conv2d": refuses_unequal_strides,
}

faithful = Planted()
several = Planted(**FAULTS)
one = Planted(conv2d_transpose=extra_zero_last)
lenient = Planted(dropout_grad=takes_any_rate)
unsteady = Planted(max_pool=drifts)
remembering = Planted(avg_pool=compiled_once)
