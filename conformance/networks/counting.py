"""
Layers counted: images and filters along a network, and the table of what its layers have and cost.

`reference.arithmetic` says what is counted: connections to padding are none. Published tables multiply weights and
neurons, and so count the padding's zeros too; the two agree wherever nothing is padded.
"""

from dataclasses import dataclass

from conformance.networks.layers import WHOLE, Layer, Network
from reference import arithmetic
from reference.arithmetic import Filters, Image, Pair

__all__ = ["Row", "filters", "images", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a network's table."""

    layer: Layer
    input: Image  # H, W, C
    filters: Filters | None  # FH, FW, FI, O; of a transposed convolution FH, FW, O, I; None: it has none
    counted: arithmetic.Layer


def table(network: Network) -> list[Row]:
    """
    Count every layer of a network, for one image.

    >>> from conformance.networks.known import NETWORKS
    >>> [row.counted.parameters for row in table(NETWORKS["lenet-5"]) if row.filters]
    [156, 2416, 48120, 10164, 850]
    """
    rows: list[Row] = []
    image = network.input
    for layer in network.layers:
        shape = _filters(layer, image)
        rows.append(Row(layer=layer, input=image, filters=shape, counted=_counted(layer, image, shape)))
        image = rows[-1].counted.output
    return rows


def images(network: Network) -> list[Image]:
    """Return the image before each layer, and after the last one."""
    return [network.input, *(row.counted.output for row in table(network))]


def filters(network: Network) -> dict[str, Filters]:
    """Return the shape of the filters of every layer that has its own."""
    return {row.layer.name: row.filters for row in table(network) if row.filters and not row.layer.shares}


def _taps(layer: Layer, image: Image) -> Pair:
    """Return the window of a layer: that of the image where it is fully connected."""
    return image[:2] if layer.taps == WHOLE else layer.taps


def _filters(layer: Layer, image: Image) -> Filters | None:
    """Return the shape of a layer's filters."""
    if layer.op == "conv2d":
        return (*_taps(layer, image), image[2], layer.outputs)
    if layer.op == "conv2d_transpose":
        return (*_taps(layer, image), layer.outputs, image[2])
    return None


def _counted(layer: Layer, image: Image, shape: Filters | None) -> arithmetic.Layer:
    """Count one layer."""
    if shape and layer.op == "conv2d":
        return arithmetic.convolution(image, shape, strides=layer.strides, padding=layer.padding, bias=layer.bias)
    if shape:
        return arithmetic.transposed_convolution(
            image, shape, layer.size, strides=layer.strides, padding=layer.padding, bias=layer.bias
        )
    if layer.op == "max_unpool":
        return _nothing((*layer.size, image[2]))
    if layer.op == "dropout":
        return _nothing(image)
    return arithmetic.pooling(image, layer.taps, layer.strides, layer.padding)


def _nothing(image: Image) -> arithmetic.Layer:
    """Count a layer that only moves or drops elements."""
    return arithmetic.Layer(output=image, weights=0, neurons=0, connections=0, parameters=0, flops=0)
