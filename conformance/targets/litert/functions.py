"""
The functions of the LiteRT targets: each a model of one operator, its filters constant, as converters write it.

LiteRT's images are N H W C, its paddings SAME and VALID, its filters O H W I, where O counts the result's channels.
"""
# ruff: noqa: ANN401 - the generated classes of the schema are untyped

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from conformance.model import Array
from conformance.targets.adapter import NotOfferedError
from conformance.targets.arguments import Biased, Windows
from conformance.targets.library import Functions

__all__ = ["functions"]

Run = Callable[[], object]

VERSION = 3  # of the file format
IDENTIFIER = b"TFL3"
TYPES = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32}
OPERATOR_VERSION = 1


def tensor(name: str, shape: Sequence[int], dtype: str, buffer: int) -> Any:
    """Return the description of a tensor; buffer: the number of the one that holds its values, 0 for none."""
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, list(shape), TYPES[dtype], buffer
    return made


def buffer(values: Array | None) -> Any:
    """Return a buffer with an array's values."""
    made = schema.BufferT()
    if values is not None:
        made.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    return made


def model(code: int, inputs: Sequence[Array], fed: int, out: Sequence[int], kind: int, options: Any) -> bytes:
    """
    Return a model of one operator.

    inputs: all of the operator's, of which number `fed` is the model's input and the others are constant; out: the
    shape of the result; kind and options: of the operator.
    """
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode, operator_code.deprecatedBuiltinCode = code, code
    operator_code.version = OPERATOR_VERSION
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, list(range(len(inputs))), [len(inputs)]
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    graph = schema.SubGraphT()
    numbers = [0 if place == fed else place + 1 for place in range(len(inputs))]
    graph.tensors = [
        tensor(f"input{place}", array.shape, array.dtype.name, numbers[place]) for place, array in enumerate(inputs)
    ]
    graph.tensors.append(tensor("result", out, inputs[fed].dtype.name, 0))
    graph.inputs, graph.outputs, graph.operators, graph.name = [fed], [len(inputs)], [operator], "main"
    whole = schema.ModelT()
    whole.version, whole.operatorCodes, whole.subgraphs = VERSION, [operator_code], [graph]
    constants = [None if place == fed else array for place, array in enumerate(inputs)]
    whole.buffers = [buffer(None), *map(buffer, constants)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def running(resolver: Any, content: bytes, image: Array) -> Run:
    """Return the call of a model's one operator."""
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(source["index"], image)

    def run() -> Array:
        interpreter.invoke()
        return np.array(interpreter.get_tensor(result["index"]))

    return run


def padding(call: Windows) -> int:
    """Return the number of a padding; refuse calls that LiteRT's operators have no words for."""
    if any(array.dtype != np.float32 for array in call.arrays.values()):
        raise NotOfferedError("float32 only: integers are quantized")
    if call.padding == "EXPLICIT":
        raise NotOfferedError("padding is SAME or VALID")
    if call.layout == "NCHW":
        raise NotOfferedError("images are N H W C")
    return int(schema.Padding.SAME if call.padding == "SAME" else schema.Padding.VALID)


def conv2d(resolver: Any, call: Windows) -> Run:
    """CONV_2D, with the bias of zeros that converters add; it sees groups in the depth of the filters."""
    options = schema.Conv2DOptionsT()
    options.padding = padding(call)
    options.strideH, options.strideW = call.strides
    options.dilationHFactor, options.dilationWFactor = call.dilations
    image, filters = call.placed("input"), call.arrays["filters"].transpose(3, 0, 1, 2)
    inputs = [image, filters, np.zeros(len(filters), image.dtype)]
    out = (len(image), call.rows.out, call.columns.out, len(filters))
    kind = schema.BuiltinOptions.Conv2DOptions
    return running(resolver, model(schema.BuiltinOperator.CONV_2D, inputs, 0, out, kind, options), image)


def depthwise_conv2d(resolver: Any, call: Windows) -> Run:
    """DEPTHWISE_CONV_2D, likewise with a bias; its filters are 1 FH FW C*M."""
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = padding(call)
    options.strideH, options.strideW = call.strides
    options.dilationHFactor, options.dilationWFactor = call.dilations
    options.depthMultiplier = call.multiplied[3]
    image, filters = call.placed("input"), call.arrays["filters"].transpose(2, 0, 1, 3)
    outputs = filters.shape[3]
    inputs = [image, filters, np.zeros(outputs, image.dtype)]
    out = (len(image), call.rows.out, call.columns.out, outputs)
    content = model(
        schema.BuiltinOperator.DEPTHWISE_CONV_2D, inputs, 0, out, schema.BuiltinOptions.DepthwiseConv2DOptions, options
    )
    return running(resolver, content, image)


def bias_add(resolver: Any, call: Biased) -> Run:
    """ADD; the bias is broadcast."""
    if call.value.dtype != np.float32:
        raise NotOfferedError("float32 only: integers are quantized")
    code, kind = schema.BuiltinOperator.ADD, schema.BuiltinOptions.AddOptions
    content = model(code, [call.value, call.bias], 0, call.value.shape, kind, schema.AddOptionsT())
    return running(resolver, content, call.value)


def conv2d_transpose(resolver: Any, call: Windows) -> Run:
    """TRANSPOSE_CONV, whose output_shape is an argument."""
    if call.groups > 1 or call.dilations != (1, 1):
        raise NotOfferedError("TRANSPOSE_CONV has neither groups nor dilations")
    options = schema.TransposeConvOptionsT()
    options.padding = padding(call)
    options.strideH, options.strideW = call.strides
    image, filters = call.placed("input"), call.arrays["filters"].transpose(2, 0, 1, 3)
    inputs = [np.array(call.image, np.int32), filters, image]
    kind = schema.BuiltinOptions.TransposeConvOptions
    content = model(schema.BuiltinOperator.TRANSPOSE_CONV, inputs, 2, call.image, kind, options)
    return running(resolver, content, image)


def pool(code: int, resolver: Any, call: Windows) -> Run:
    """MAX_POOL_2D and AVERAGE_POOL_2D."""
    if call.channels > 1:
        raise NotOfferedError("pools do not go between channels")
    options = schema.Pool2DOptionsT()
    options.padding = padding(call)
    options.strideH, options.strideW = call.strides
    options.filterHeight, options.filterWidth = call.taps
    image = call.placed("input")
    out = (len(image), call.rows.out, call.columns.out, call.image[3])
    return running(resolver, model(code, [image], 0, out, schema.BuiltinOptions.Pool2DOptions, options), image)


def functions(resolver: Any) -> Functions:
    """Return the functions that run with one kind of kernels."""
    operators = schema.BuiltinOperator
    return {
        "conv2d": {"operator": partial(conv2d, resolver)},
        "conv2d_transpose": {"operator": partial(conv2d_transpose, resolver)},
        "depthwise_conv2d": {"operator": partial(depthwise_conv2d, resolver)},
        "bias_add": {"operator": partial(bias_add, resolver)},
        "max_pool": {"operator": partial(pool, operators.MAX_POOL_2D, resolver)},
        "avg_pool": {"operator": partial(pool, operators.AVERAGE_POOL_2D, resolver)},
    }
