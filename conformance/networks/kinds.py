"""What the ops' records say of layers."""

from conformance.cases.network import AtLayer, Layer, LayerKind
from conformance.cases.op import Op
from conformance.errors import SuiteError
from conformance.ops import OPS

__all__ = ["at_layer", "kind_of"]


def kind_of(layer: Layer) -> LayerKind:
    """
    Return what a layer's op is as a layer.

    Raises:
        SuiteError: there is no such op, or it is no layer of a network.
    """
    kind = OPS[layer.op].layer if layer.op in OPS else None
    if kind is None:
        raise SuiteError(f"layer {layer.name}: no layer is of {layer.op}")
    return kind


def at_layer(op: str) -> tuple[tuple[Op, AtLayer], ...]:
    """Return the ops that make a call at the layers of an op, beside that one, and their calls."""
    return tuple((each, each.at_layer[op]) for each in OPS.values() if op in each.at_layer)
