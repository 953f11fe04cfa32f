"""
Other implementations of the ops, as adapters for `clock`; each library is imported when its worker loads it.

Options: `library`, one of LIBRARIES. Each is called for the same result as the reference: images are brought to the
layout that the library works in before the clock runs, and back after it. What a library does not offer is unsupported.
"""

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance.bench import pytorch
from conformance.bench.geometry import axes, ends
from conformance.model import Array, Json
from conformance.targets.adapter import NotOfferedError, Prepared
from conformance.targets.transport.messages import Call
from reference.engine.patches import pad, places

__all__ = ["LIBRARIES", "load"]

Library = Callable[[str, Mapping[str, Any]], Callable[[], object]]


def load(options: Mapping[str, Json]) -> "Peer":
    """Import the library and return its adapter."""
    name = str(options["library"])
    return Peer(name, LIBRARIES[name])


@dataclass(frozen=True, slots=True)
class Peer:
    """The adapter of one library."""

    name: str
    prepared: Library

    def about(self) -> Mapping[str, Json]:
        """Return the library's version."""
        module = importlib.import_module(self.name)
        return {"versions": {self.name: str(module.__version__)}, "devices": ["CPU"]}

    def prepare(self, call: Call) -> Prepared:
        """Convert the arguments."""
        return Prepared(self.prepared(call.op, call.arguments))

    def arrays(self, result: object) -> Sequence[object]:
        """Return the one result, its axes in the order N H W C."""
        return [RETURNED.get(self.name, np.asarray)(result)]

    def spoil(self, sizes: Sequence[int]) -> None:
        """Leave memory as it is."""


def scipy(op: str, given: Mapping[str, Any]) -> Callable[[], object]:
    """scipy.signal: one correlation of two images a pair of channels."""
    from scipy.signal import correlate  # noqa: PLC0415 -- an extra

    if op != "conv2d":
        raise NotOfferedError(f"scipy.signal has no {op}")
    image, filters = given["input"], given["filters"]
    rows, columns = axes(given, filters.shape[:2], image.shape[1:3])
    padded = np.ascontiguousarray(pad(image, rows, columns).transpose(0, 3, 1, 2))
    cells = places(rows, 0), places(columns, 0)

    def run() -> Array:
        out = np.zeros((len(image), rows.out, columns.out, filters.shape[3]), image.dtype)
        for n, i, o in np.ndindex(len(image), *filters.shape[2:]):
            out[n, :, :, o] += correlate(padded[n, i], filters[:, :, i, o], "valid")[cells]
        return out

    return run


def jax(op: str, given: Mapping[str, Any]) -> Callable[[], object]:
    """JAX: lax's convolution and reductions over windows, jitted; gradients by its own transposition."""
    import jax as library  # noqa: PLC0415 -- an extra

    library.config.update("jax_enable_x64", val=True)
    if op not in JAX:
        raise NotOfferedError(f"no {op} of JAX is called")
    arrays, function = JAX[op](library, given)
    compiled = library.jit(function)
    moved = [library.numpy.asarray(array) for array in arrays]
    return lambda: compiled(*moved).block_until_ready()


def jax_convolution(library: Any, given: Mapping[str, Any], image: Sequence[int], filters: Sequence[int]) -> Any:  # noqa: ANN401
    """Return lax's convolution with the attributes of a call: a function of image and filters."""
    pads = [ends(axis) for axis in axes(given, filters[:2], image[1:3])]
    layouts = ("NHWC", "HWIO", "NHWC")
    return lambda x, w: library.lax.conv_general_dilated(x, w, given["strides"], pads, dimension_numbers=layouts)


def jax_conv2d(library: Any, given: Mapping[str, Any]) -> tuple[list[Array], Any]:  # noqa: ANN401
    """Return arrays and function of conv2d."""
    image, filters = given["input"], given["filters"]
    return [image, filters], jax_convolution(library, given, image.shape, filters.shape)


def jax_to_image(library: Any, given: Mapping[str, Any]) -> tuple[list[Array], Any]:  # noqa: ANN401
    """Return arrays and function of conv2d_transpose and of conv2d's input gradient."""
    small = given["out_backprop"] if "out_backprop" in given else given["input"]
    shape = given["input_sizes"] if "input_sizes" in given else given["output_shape"]
    convolve = jax_convolution(library, given, shape, given["filters"].shape)
    image = library.ShapeDtypeStruct(tuple(shape), small.dtype)
    return [small, given["filters"]], lambda y, w: library.linear_transpose(lambda x: convolve(x, w), image)(y)[0]


def jax_to_filters(library: Any, given: Mapping[str, Any]) -> tuple[list[Array], Any]:  # noqa: ANN401
    """Return arrays and function of conv2d's filter gradient."""
    convolve = jax_convolution(library, given, given["input"].shape, given["filter_sizes"])
    filters = library.ShapeDtypeStruct(tuple(given["filter_sizes"]), given["input"].dtype)
    arrays = [given["input"], given["out_backprop"]]
    return arrays, lambda x, y: library.linear_transpose(lambda w: convolve(x, w), filters)(y)[0]


def jax_reduced(library: Any, given: Mapping[str, Any], start: float, combine: Any) -> Any:  # noqa: ANN401
    """Return lax's reduction over the windows of a pool: a function of the image."""
    shape = given["orig_input" if "orig_input" in given else "input"].shape
    pads = [(0, 0), *(ends(axis) for axis in axes(given, given["ksize"], shape[1:3])), (0, 0)]
    window, steps = (1, *given["ksize"], 1), (1, *given["strides"], 1)
    return lambda x: library.lax.reduce_window(x, np.array(start, x.dtype)[()], combine, window, steps, pads)


def jax_max_pool(library: Any, given: Mapping[str, Any]) -> tuple[list[Array], Any]:  # noqa: ANN401
    """Return array and function of max_pool."""
    return [given["input"]], jax_reduced(library, given, -np.inf, library.lax.max)


def jax_max_pool_grad(library: Any, given: Mapping[str, Any]) -> tuple[list[Array], Any]:  # noqa: ANN401
    """Return arrays and function of max_pool's gradient."""
    largest = jax_reduced(library, given, -np.inf, library.lax.max)
    return [given["orig_input"], given["grad"]], lambda x, y: library.vjp(largest, x)[1](y)[0]


def jax_avg_pool(library: Any, given: Mapping[str, Any]) -> tuple[list[Array], Any]:  # noqa: ANN401
    """Return array and function of avg_pool."""
    add = jax_reduced(library, given, 0.0, library.lax.add)
    return [given["input"]], lambda x: add(x) / add(library.numpy.ones_like(x))


JAX: Mapping[str, Callable[[Any, Mapping[str, Any]], tuple[list[Array], Any]]] = {
    "conv2d": jax_conv2d,
    "conv2d_transpose": jax_to_image,
    "conv2d_backprop_input": jax_to_image,
    "conv2d_backprop_filter": jax_to_filters,
    "max_pool": jax_max_pool,
    "max_pool_grad": jax_max_pool_grad,
    "avg_pool": jax_avg_pool,
}


def onnx_model(op: str, given: Mapping[str, Any]) -> tuple[Any, dict[str, Array]]:
    """Return a model of one node, and what it is fed: channels first."""
    from onnx import helper  # noqa: PLC0415 -- an extra

    if op not in ONNX:
        raise NotOfferedError(f"ONNX has no {op}")
    image = np.ascontiguousarray(given["input"].transpose(0, 3, 1, 2))
    attributes: dict[str, Any] = {"strides": given["strides"]}
    fed = {"x": image}
    if "filters" in given:
        order = (3, 2, 0, 1)  # [O, I, FH, FW], and of ConvTranspose, whose I is O: the same
        fed["w"] = np.ascontiguousarray(given["filters"].transpose(order))
        size = given["output_shape"][1:3] if op == "conv2d_transpose" else given["input"].shape[1:3]
        laid_out = axes(given, given["filters"].shape[:2], size)
    else:
        laid_out = axes(given, given["ksize"], given["input"].shape[1:3])
        attributes["kernel_shape"] = given["ksize"]
    if op == "conv2d_transpose":
        attributes["output_padding"] = [axis.padded - axis.reach - (axis.out - 1) * axis.stride for axis in laid_out]
        attributes["pads"] = [axis.before for axis in laid_out] + [axis.after for axis in laid_out]
    else:
        attributes["pads"] = [end for side in zip(*map(ends, laid_out), strict=True) for end in side]
    kind = helper.np_dtype_to_tensor_dtype(image.dtype)
    values = [helper.make_tensor_value_info(name, kind, array.shape) for name, array in fed.items()]
    result = [helper.make_tensor_value_info("y", kind, None)]
    node = helper.make_node(ONNX[op], list(fed), ["y"], **attributes)
    model = helper.make_model(
        helper.make_graph([node], "one", values, result), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return model, fed


ONNX = {"conv2d": "Conv", "conv2d_transpose": "ConvTranspose", "max_pool": "MaxPool", "avg_pool": "AveragePool"}


def onnx(op: str, given: Mapping[str, Any]) -> Callable[[], object]:
    """ONNX's reference evaluator."""
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 -- an extra

    model, fed = onnx_model(op, given)
    evaluator = ReferenceEvaluator(model)
    return lambda: evaluator.run(None, fed)[0]


def onnxruntime(op: str, given: Mapping[str, Any]) -> Callable[[], object]:
    """ONNX Runtime on the CPU, with as many threads as OpenMP is given."""
    from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415 -- an extra

    model, fed = onnx_model(op, given)
    options = SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    session = InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, fed)[0]


def channels_last(result: object) -> Array:
    """Return an image whose channels come first, as ONNX has it."""
    return np.moveaxis(np.asarray(result), 1, -1)


RETURNED: Mapping[str, Callable[[Any], Array]] = {
    "onnx": channels_last,
    "onnxruntime": channels_last,
    "torch": pytorch.returned,
}
LIBRARIES: Mapping[str, Library] = {
    "scipy": scipy,
    "jax": jax,
    "torch": pytorch.torch,
    "onnx": onnx,
    "onnxruntime": onnxruntime,
}
