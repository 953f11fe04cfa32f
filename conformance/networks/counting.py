"""
Layers counted: the images along a network, and the table of what its layers have and cost.

`reference.arithmetic` says what is counted: connections to padding are none. Published tables multiply weights and
neurons, and so count the padding's zeros too; the two agree wherever nothing is padded.
"""

from dataclasses import dataclass

from conformance.cases.network import Layer, Network
from conformance.networks.kinds import kind_of
from reference import arithmetic
from reference.arithmetic import Filters, Image

__all__ = ["CountedLayer", "images", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedLayer:
    """One row of a network's table."""

    layer: Layer
    input: Image  # H, W, C
    filters: Filters | None  # FH, FW, FI, O; of a transposed convolution FH, FW, O, I; None: it has none
    counted: arithmetic.Counts


def table(network: Network) -> list[CountedLayer]:
    """
    Count every layer of a network, for one image.

    >>> from conformance.networks.known import NETWORKS
    >>> [row.counted.parameters for row in table(NETWORKS["lenet-5"]) if row.filters]
    [156, 2416, 48120, 10164, 850]
    """
    rows: list[CountedLayer] = []
    image, before = network.input, dict[str, Image]()
    for layer in network.layers:
        if layer.beside:
            image = (*image[:2], before[layer.beside][2] + image[2])
        kind = kind_of(layer)
        counted = kind.count(layer, image)
        rows.append(CountedLayer(layer=layer, input=image, filters=kind.filters(layer, image), counted=counted))
        image = before[layer.name] = counted.output
    return rows


def images(network: Network) -> list[Image]:
    """Return the image before each layer, and after the last one."""
    return [network.input, *(row.counted.output for row in table(network))]
