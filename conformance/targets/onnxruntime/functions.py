"""
The functions of the ONNX Runtime target: each a model of one node, whose attributes are ONNX's words for the call.

ONNX's images are N C H W; one that comes as N H W C is turned before the clock runs, and its result after it. SAME is
auto_pad SAME_UPPER, as converters write it, and SAME of a ConvTranspose that with output_shape; every other padding,
and one with dilations, is pads, and what they leave of an output is output_padding.
"""

import math
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from conformance.model import Array
from conformance.targets.adapter import NotOfferedError
from conformance.targets.arguments import Biased, Drop, Scattered, Windows
from conformance.targets.library import Functions
from reference.conventions import spelled
from reference.windows import Axis

__all__ = ["FUNCTIONS"]

Run = Callable[[], object]

OPSET = 21
# Seeds of std::minstd_rand0, which Dropout draws with: 1 and on. It takes 0 for 1.
MINSTD = 2**31 - 2
IR_VERSION = 10


def session(node: str, arrays: Mapping[str, Array], results: int, attributes: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a session with a model of one node."""
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in arrays.items()
    ]
    outputs = [f"result{number}" for number in range(results)]
    made = helper.make_node(node, list(arrays), outputs, **attributes)
    graph = helper.make_graph([made], node, inputs, [onnx.ValueInfoProto(name=name) for name in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))  # ONNX Runtime's own ask the machine
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def running(
    node: str,
    arrays: Mapping[str, Array],
    attributes: Mapping[str, Any],
    turned: Callable[[Sequence[Array]], object],
    results: int = 1,
) -> Run:
    """Build a model of one node; return the call, whose results are turned into those asked for."""
    built, fed = session(node, arrays, results, attributes), dict(arrays)
    return lambda: turned(built.run(None, fed))


def nchw(array: Array) -> Array:
    """Return an image of N H W C as N C H W."""
    return np.ascontiguousarray(np.moveaxis(array, 3, 1))


def image(call: Windows) -> Callable[[Sequence[Array]], Array]:
    """Return what turns the first result into the layout of the call."""
    return lambda results: results[0] if call.layout == "NCHW" else np.moveaxis(results[0], 1, 3)


def pads(axes: Sequence[Axis]) -> list[int]:
    """Return a padding in ONNX's order: before rows, before columns, after rows, after columns."""
    return [*(axis.before for axis in axes), *(axis.after for axis in axes)]


def windows(call: Windows) -> dict[str, Any]:
    """Return the attributes of the windows of a convolution or a pool: auto_pad goes with no dilations."""
    named = call.padding == "SAME" and call.dilations == (1, 1)
    padded = {"auto_pad": "SAME_UPPER"} if named else {"pads": pads(call.axes)}
    return {"kernel_shape": call.taps, "strides": call.strides, "dilations": call.dilations, **padded}


def weights(call: Windows) -> Array:
    """Return the filters as ONNX has them: O I H W."""
    return np.ascontiguousarray(call.arrays["filters"].transpose(3, 2, 0, 1))


def conv2d(call: Windows) -> Run:
    """Conv."""
    arrays = {"x": nchw(call.arrays["input"]), "w": weights(call)}
    return running("Conv", arrays, {**windows(call), "group": call.groups}, image(call))


def bias_add(call: Biased) -> Run:
    """Add; the bias is broadcast."""
    return running("Add", {"value": call.value, "bias": call.bias}, {}, lambda results: results[0])


def cut(axes: Sequence[Axis]) -> dict[str, Any]:
    """Return the pads that a transposed convolution cuts off, and the output_padding that it gets at its end."""
    longer = [axis.size + axis.before - (axis.out - 1) * axis.stride - axis.reach for axis in axes]
    ends = [*(axis.before for axis in axes), *(max(-more, 0) for more in longer)]
    return {"pads": ends, "output_padding": [max(more, 0) for more in longer]}


def conv2d_transpose(call: Windows) -> Run:
    """ConvTranspose."""
    arrays = {"x": nchw(call.arrays["input"]), "w": weights(call)}
    words = spelled("onnx", "conv2d_transpose", call.axes) if call.padding == "SAME" else None
    given = {name: value for name, value in windows(call).items() if name not in {"auto_pad", "pads"}}
    attributes = {**given, "group": call.groups, **(words or cut(call.axes))}
    return running("ConvTranspose", arrays, attributes, image(call))


def max_pool(call: Windows) -> Run:
    """MaxPool."""
    if call.channels > 1:
        raise NotOfferedError("MaxPool does not pool between channels")
    return running("MaxPool", {"x": nchw(call.arrays["input"])}, windows(call), image(call))


def max_pool_with_argmax(call: Windows) -> Run:
    """MaxPool with Indices, which count the cells of N C H W."""
    n, high, wide, channels = call.image

    def turned(results: Sequence[Array]) -> tuple[Array, Array]:
        values, cells = (np.moveaxis(array, 1, 3) for array in results)
        whole, place = np.divmod(cells, high * wide)
        batch = whole // channels * (high * wide * channels) if call.more["in_batch"] else 0
        return values, (place * channels + whole % channels + batch).astype(call.more["dtype"])

    del n
    return running("MaxPool", {"x": nchw(call.arrays["input"])}, windows(call), turned, results=2)


def avg_pool(call: Windows) -> Run:
    """AveragePool, its padding not counted."""
    attributes = {**windows(call), "count_include_pad": 0}
    return running("AveragePool", {"x": nchw(call.arrays["input"])}, attributes, image(call))


def max_unpool(call: Scattered) -> Run:
    """ScatterND with reduction add: where an index comes twice, its values are added."""
    flat = np.zeros(math.prod(call.shape), call.values.dtype)
    arrays = {"data": flat, "indices": call.cells.reshape(-1, 1), "updates": call.values.ravel()}
    return running("ScatterND", arrays, {"reduction": "add"}, lambda results: results[0].reshape(call.shape))


def dropout(call: Drop) -> Run:
    """Dropout in training mode; a model draws from its seed when it is run first, so that each call has its own."""
    if call.noise_shape is not None:
        raise NotOfferedError("Dropout has no noise_shape")
    arrays = {"x": call.x, "ratio": np.array(call.rate, np.float32), "training": np.array(True)}
    seed = call.seeds[0] if call.seeds else secrets.randbits(31)
    attributes = {"seed": 1 + seed % MINSTD}

    def run() -> object:
        return running("Dropout", arrays, attributes, lambda results: results[0])()

    return run


FUNCTIONS: Functions = {
    "conv2d": {"node": conv2d},
    "conv2d_transpose": {"node": conv2d_transpose},
    "depthwise_conv2d": {"node": conv2d},
    "bias_add": {"node": bias_add},
    "max_pool": {"node": max_pool},
    "max_pool_with_argmax": {"node": max_pool_with_argmax},
    "avg_pool": {"node": avg_pool},
    "max_unpool": {"node": max_unpool},
    "dropout": {"node": dropout},
}
