"""
PyTorch on the CPU: torch.nn.functional, and for the gradients what its autograd calls; channels first.

A padding that both ends share is PyTorch's own argument; any other is added, or cut off, inside the timed call.
"""

import importlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from conformance.bench.geometry import axes, ends
from conformance.model import Array
from conformance.targets.adapter import NotOfferedError

__all__ = ["returned", "torch"]

Given = Mapping[str, Any]


def torch(op: str, given: Given) -> Callable[[], object]:
    """Return a call of PyTorch, on as many threads as OpenMP is given."""
    library = importlib.import_module("torch")
    library.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if op not in TORCH:
        raise NotOfferedError(f"no {op} of PyTorch is called")
    return TORCH[op](library, given)


def returned(tensor: Any) -> Array:  # noqa: ANN401 -- PyTorch is an extra
    """Return a result's array; NumPy has no bfloat16 of PyTorch's."""
    if str(tensor.dtype) == "torch.bfloat16":
        library = importlib.import_module("torch")
        return np.asarray(tensor.contiguous().view(library.int16).numpy()).view(ml_dtypes.bfloat16)
    return np.asarray(tensor.numpy())


def tensor(library: Any, array: Array, order: Sequence[int] = (0, 3, 1, 2)) -> Any:  # noqa: ANN401
    """Return an array as a tensor, its axes in this order."""
    moved = np.ascontiguousarray(array.transpose(order))
    if moved.dtype == ml_dtypes.bfloat16:
        return library.from_numpy(moved.view(np.int16)).view(library.bfloat16)
    return library.from_numpy(moved)


def last(image: Any) -> Any:  # noqa: ANN401
    """View an image's channels last."""
    return image.permute(0, 2, 3, 1)


def padding(given: Given, taps: Sequence[int], size: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return an op's padding argument, and what else must be added: left, right, top, bottom; negative is cut off."""
    rows, columns = (ends(axis) for axis in axes(given, taps, size))
    shared = [max(0, min(side)) for side in (rows, columns)]
    if any(2 * part > reach for part, reach in zip(shared, taps, strict=True)):
        shared = [0, 0]  # a pool of PyTorch takes no more than half a window
    return shared, [end - part for side, part in ((columns, shared[1]), (rows, shared[0])) for end in side]


def fitted(library: Any, image: Any, rest: Sequence[int], fill: float = 0.0) -> Any:  # noqa: ANN401
    """Add what the padding argument cannot say."""
    return library.nn.functional.pad(image, rest, value=fill) if any(rest) else image


def conv2d(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """conv2d."""
    image, filters = tensor(library, given["input"]), tensor(library, given["filters"], (3, 2, 0, 1))
    shared, rest = padding(given, given["filters"].shape[:2], given["input"].shape[1:3])
    convolve, strides = library.nn.functional.conv2d, given["strides"]
    return lambda: last(convolve(fitted(library, image, rest), filters, stride=strides, padding=shared))


def to_image(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """conv2d_transpose, and conv2d's gradient with respect to its input."""
    small = given["out_backprop"] if "out_backprop" in given else given["input"]
    shape = given["input_sizes"] if "input_sizes" in given else given["output_shape"]
    taps, strides = given["filters"].shape[:2], given["strides"]
    laid_out = axes(given, taps, shape[1:3])
    # PyTorch cuts the first padding off at both ends; what is then missing is its output_padding, what is over is cut.
    missing = [axis.size - (axis.out - 1) * axis.stride - axis.reach + 2 * axis.before for axis in laid_out]
    arguments = {
        "stride": strides,
        "padding": [axis.before for axis in laid_out],
        "output_padding": [max(0, count) for count in missing],
    }
    if any(count >= stride for count, stride in zip(missing, strides, strict=True)):
        raise NotOfferedError(f"output_padding {missing} is not below the strides")
    image, filters = tensor(library, small), tensor(library, given["filters"], (3, 2, 0, 1))
    high, wide = shape[1:3]
    transpose = library.nn.functional.conv_transpose2d
    return lambda: last(transpose(image, filters, **arguments)[:, :, :high, :wide])


def to_filters(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """conv2d's gradient with respect to its filters."""
    gradient = importlib.import_module("torch.nn.grad").conv2d_weight
    high, wide, inputs, outputs = given["filter_sizes"]
    image, slope = tensor(library, given["input"]), tensor(library, given["out_backprop"])
    shared, rest = padding(given, (high, wide), given["input"].shape[1:3])
    shape, window = (outputs, inputs, high, wide), {"stride": given["strides"], "padding": shared}
    return lambda: gradient(fitted(library, image, rest), shape, slope, **window).permute(2, 3, 1, 0)


def pooling(library: Any, given: Given, op: str) -> Callable[[Any], Any]:  # noqa: ANN401
    """Return a pool: a function of the image."""
    functional, name = library.nn.functional, "orig_input" if "orig_input" in given else "input"
    shape = given["orig_input_shape"] if "orig_input_shape" in given else given[name].shape
    shared, rest = padding(given, given["ksize"], shape[1:3])
    window = {"kernel_size": given["ksize"], "stride": given["strides"], "padding": shared}
    if op == "max_pool":
        return lambda image: functional.max_pool2d(fitted(library, image, rest, -math.inf), **window)
    if not any(rest):
        return lambda image: functional.avg_pool2d(image, count_include_pad=False, **window)
    # PyTorch leaves out its own padding only: what is added is averaged, too, and divided away.
    wide = library.float64 if str(given.get("input", given.get("grad")).dtype) == "float64" else library.float32
    ones = functional.avg_pool2d(fitted(library, library.ones(1, 1, *shape[1:3], dtype=wide), rest), **window)

    def averaged(image: Any) -> Any:  # noqa: ANN401
        sums = functional.avg_pool2d(fitted(library, image.to(wide), rest), **window)
        return (sums / ones).to(image.dtype)  # rounded once

    return averaged


def max_pool(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """max_pool."""
    pool, image = pooling(library, given, "max_pool"), tensor(library, given["input"])
    return lambda: last(pool(image))


def avg_pool(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """avg_pool."""
    pool, image = pooling(library, given, "avg_pool"), tensor(library, given["input"])
    return lambda: last(pool(image))


def max_pool_grad(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """max_pool_grad, of a forward pass that is not timed."""
    return backwards(library, given, "max_pool", tensor(library, given["orig_input"]))


def avg_pool_grad(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """avg_pool_grad, likewise."""
    zeros = np.zeros(given["orig_input_shape"], given["grad"].dtype)
    return backwards(library, given, "avg_pool", tensor(library, zeros))


def backwards(library: Any, given: Given, op: str, image: Any) -> Callable[[], object]:  # noqa: ANN401
    """Return the way back through a pool."""
    image = image.requires_grad_()
    out, slope = pooling(library, given, op)(image), tensor(library, given["grad"])
    return lambda: last(library.autograd.grad(out, image, slope, retain_graph=True)[0])


def max_unpool(library: Any, given: Given) -> Callable[[], object]:  # noqa: ANN401
    """max_unpool: PyTorch numbers the cells of one channel, without the channel."""
    high, wide, channels = given["output_shape"][1:]
    image = tensor(library, given["input"])
    places = tensor(library, np.asarray(given["argmax"], np.int64) // channels)
    taps = [side // count for side, count in zip((high, wide), image.shape[2:], strict=True)]
    unpool = library.nn.functional.max_unpool2d
    return lambda: last(unpool(image, places, taps, stride=taps, output_size=[high, wide]))


TORCH: Mapping[str, Callable[[Any, Given], Callable[[], object]]] = {
    "conv2d": conv2d,
    "conv2d_transpose": to_image,
    "conv2d_backprop_input": to_image,
    "conv2d_backprop_filter": to_filters,
    "max_pool": max_pool,
    "max_pool_grad": max_pool_grad,
    "avg_pool": avg_pool,
    "avg_pool_grad": avg_pool_grad,
    "max_unpool": max_unpool,
}
