"""What is timed: calls of the ops at the layers of real networks, forward and gradient."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance.bench.calls import TIMED, Drawn, TimedOp
from conformance.cases.network import Layer, Network
from conformance.networks.counting import CountedLayer, table
from conformance.networks.known import NETWORKS, conv, pool, up
from reference.arithmetic import Image

__all__ = ["CHOSEN", "FEW", "SINGLE", "Subject", "arguments", "subjects"]


def alone(name: str, input: Image, layer: Layer) -> Network:
    """Return a network of one layer, named as it."""
    return Network(name=name, title=name, input=input, layers=(layer,), source="single layers that are often timed")


# Layers for which times of other implementations are known.
SINGLE: Mapping[str, Network] = {
    network.name: network
    for network in (
        alone("conv2d-56", (56, 56, 64), conv("layer", 3, 64)),
        alone("conv2d_transpose-28", (28, 28, 64), up("layer", 4, 64, 2, (56, 56), "SAME", "")),
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
    "mobilenet/conv1_dw",
    "u-net/up1",
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
    "mobilenet/conv1_dw",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One call that is timed: an op at a layer, for a batch of images of a dtype."""

    layer: str  # network/layer
    timed: TimedOp
    batch: int
    dtype: str
    row: CountedLayer
    flops: int  # of the layer; 0 where the op does not multiply by the layer's filters

    @property
    def op(self) -> str:
        """The op that is called."""
        return self.timed.op

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
                    for op in (timed for timed in TIMED if timed.layer == row.layer.op):
                        flops = row.counted.flops * batch if op.multiplies or not row.filters else 0
                        yield Subject(layer=name, timed=op, batch=batch, dtype=dtype, row=row, flops=flops)


def arguments(subject: Subject) -> dict[str, Any]:
    """Draw the arrays of a call, and spell its attributes as tf.nn does: the same whenever it is asked for."""
    stream = np.random.Generator(np.random.Philox(len(subject.layer)))
    return subject.timed.call(Drawn(row=subject.row, batch=subject.batch, dtype=subject.dtype, stream=stream))
