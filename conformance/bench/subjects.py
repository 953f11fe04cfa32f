"""What is timed: calls of the ops at the layers of real networks, forward and gradient."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

import reference
from conformance.model import Array
from conformance.networks.counting import Row, table
from conformance.networks.kinds import padding
from conformance.networks.known import NETWORKS, conv, pool, up
from conformance.networks.layers import Layer, Network
from reference.arithmetic import Image

__all__ = ["CHOSEN", "DTYPES", "FEW", "SINGLE", "Subject", "arguments", "subjects"]

DTYPES: Mapping[str, Any] = {
    "float32": np.float32,
    "bfloat16": ml_dtypes.bfloat16,
    "float64": np.float64,
    "float16": np.float16,
}


def alone(name: str, input: Image, layer: Layer) -> Network:
    """Return a network of one layer, named as it."""
    return Network(name=name, title=name, input=input, layers=(layer,), source="single layers that are often timed")


# Layers for which times of other implementations are known.
SINGLE: Mapping[str, Network] = {
    network.name: network
    for network in (
        alone("conv2d-56", (56, 56, 64), conv("layer", 3, 64)),
        alone("conv2d_transpose-28", (28, 28, 64), up("layer", 4, 64, 2, 56, "SAME", "")),
        alone("max_pool-2", (112, 112, 64), pool("layer", padding="SAME")),
        alone("max_pool-3", (112, 112, 64), pool("layer", 3, 2, padding="SAME")),
        alone("avg_pool-2", (112, 112, 64), pool("layer", op="avg_pool", padding="SAME")),
        alone("avg_pool-3", (112, 112, 64), pool("layer", 3, 2, "avg_pool", "SAME")),
    )
}

# One layer of each kind, timed for one float32 image: few channels and many, small filters and large, strides, pools
# and ways back.
CHOSEN = (
    "conv2d-56",
    "conv2d_transpose-28",
    "max_pool-2",
    "avg_pool-3",
    "lenet-5/c1",
    "lenet-5/s2",
    "lenet-5-mnist/conv2",
    "lenet-5-mnist/dropout",
    "dqn/conv1",
    "vgg-16/conv1_1",
    "vgg-16/conv5_1",
    "vgg-16/pool3",
    "vgg-16-mirror/unpool3",
    "vgg-16-mirror/deconv5_1",
    "fcn-32s/upscore",
    "dcgan/up2",
    "dcgan/up4",
    "resnet-50/conv1",
    "resnet-50/pool1",
    "resnet-50/conv2_1c",
)
# Every op at one layer or two, small enough for a batch of 32: for all dtypes and batches.
FEW = (
    "lenet-5/s2",
    "lenet-5-mnist/pool1",
    "lenet-5-mnist/dropout",
    "dqn/conv1",
    "dcgan/up4",
    "vgg-16/pool5",
    "vgg-16-mirror/unpool5",
)
# What is timed at a layer: its op, the gradients, and the way back through an average.
OPS = {
    "conv2d": ("conv2d", "conv2d_backprop_input", "conv2d_backprop_filter"),
    "max_pool": ("max_pool", "max_pool_grad"),
    "avg_pool": ("avg_pool", "avg_pool_grad", "avg_unpool"),
    "dropout": ("dropout", "stateless_dropout", "dropout_grad"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One call that is timed: an op at a layer, for a batch of images of a dtype."""

    layer: str  # network/layer
    op: str
    batch: int
    dtype: str
    row: Row
    flops: int

    @property
    def gradient(self) -> bool:
        """Whether this is a gradient of the layer's own op, or its way back."""
        return self.op.endswith("_grad") or "backprop" in self.op or self.op == "avg_unpool"

    @property
    def name(self) -> str:
        """A line for the screen."""
        return f"{self.layer} {self.op} x{self.batch} {self.dtype}"


def subjects(
    layers: tuple[str, ...] = CHOSEN, batches: tuple[int, ...] = (1, 32), dtypes: tuple[str, ...] = ("float32",)
) -> Iterator[Subject]:
    """Yield the calls of these layers, forward and gradients; layers are "network/layer" or whole networks."""
    for network in (*SINGLE.values(), *NETWORKS.values()):
        for row in table(network):
            name = f"{network.name}/{row.layer.name}"
            if not {name, network.name} & set(layers):
                continue
            for dtype in dtypes:
                for batch in batches:
                    for op in OPS.get(row.layer.op, (row.layer.op,)):
                        flops = row.counted.flops * batch
                        yield Subject(layer=name, op=op, batch=batch, dtype=dtype, row=row, flops=flops)


def arguments(subject: Subject) -> dict[str, Any]:
    """
    Draw the arrays of a call, normal and in proportion, and spell its attributes as tf.nn does.

    The gradient with respect to a layer's output is drawn too; the pool's output that max_pool_grad takes is computed.
    """
    layer, counted = subject.row.layer, subject.row.counted
    stream = np.random.Generator(np.random.Philox(len(subject.layer)))
    image = drawn(stream, (subject.batch, *subject.row.input), subject.dtype)
    if layer.op == "dropout":
        return _of_dropout(subject, image, stream)
    window: dict[str, Any] = {"strides": list(layer.strides), "padding": padding(layer)}
    if subject.row.filters is None:
        return _of_pool(subject, image, stream, window)
    filters = drawn(stream, subject.row.filters, subject.dtype, math.prod(subject.row.filters[:2]))
    shape = [subject.batch, *counted.output]
    if layer.op == "conv2d_transpose":
        return {"input": image, "filters": filters, "output_shape": shape, **window}
    gradient = drawn(stream, tuple(shape), subject.dtype)
    if subject.op == "conv2d_backprop_input":
        return {"input_sizes": list(image.shape), "filters": filters, "out_backprop": gradient, **window}
    if subject.op == "conv2d_backprop_filter":
        return {"input": image, "filter_sizes": list(filters.shape), "out_backprop": gradient, **window}
    return {"input": image, "filters": filters, **window}


def _of_dropout(subject: Subject, image: Array, stream: np.random.Generator) -> dict[str, Any]:
    """Return the arguments of dropout, or of its gradient under some mask."""
    rate = subject.row.layer.rate
    if subject.op == "dropout_grad":
        return {"grad": image, "kept": stream.random(image.shape) >= rate, "rate": rate}
    seed = {"seed": np.array([1, 2], np.int32)} if subject.op == "stateless_dropout" else {}
    return {"x": image, "rate": rate, **seed}


def _of_pool(subject: Subject, image: Array, stream: np.random.Generator, window: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a pool, an unpooling or their gradients."""
    layer = subject.row.layer
    shape = (subject.batch, *subject.row.counted.output)
    if layer.op == "max_unpool":
        # The argmax of 2x2 windows: the first cell of each.
        high, wide, channels = shape[1:]
        cells = np.arange(high * wide * channels).reshape(high, wide, channels)[::2, ::2]
        return {"input": image, "argmax": np.broadcast_to(cells, image.shape).copy(), "output_shape": list(shape)}
    window["ksize"] = list(layer.taps)
    if not subject.gradient:
        return {"input": image, **window}
    gradient = drawn(stream, shape, subject.dtype)
    if subject.op == "avg_unpool":
        return {"input": gradient, "output_shape": list(image.shape), **window}
    if subject.op == "avg_pool_grad":
        return {"orig_input_shape": list(image.shape), "grad": gradient, **window}
    return {"orig_input": image, "orig_output": reference.max_pool(image, **window), "grad": gradient, **window}


def drawn(stream: np.random.Generator, shape: tuple[int, ...], dtype: str, size: int = 1) -> Array:
    """Draw normal numbers of variance 1 / size."""
    wide = np.float64 if dtype == "float64" else np.float32  # a float32 number among float64 would be easier to sum
    return (stream.standard_normal(shape, wide) / math.sqrt(size)).astype(DTYPES[dtype])
