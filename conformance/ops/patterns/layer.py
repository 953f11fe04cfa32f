"""Patterns at layers of convolutions: what a layer is in a graph, with bias and relu."""

from functools import partial

from conformance.cases.network import Arguments, AtLayer, Call, Results, Runner
from conformance.model import Array

__all__ = ["FUSED"]


def call(op: str, arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call pattern: the layer's op, bias_add and relu."""
    rest = dict(arguments)
    filters = rest.pop("filter" if op == "depthwise_conv2d" else "filters")
    return {**rest, "filters": filters, "bias": gradient[0, 0, 0], "stages": [op, "bias_add", "relu"]}


FUSED = {op: AtLayer(call=partial(call, op)) for op in ("conv2d", "depthwise_conv2d", "conv2d_transpose")}
