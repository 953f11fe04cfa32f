"""
What TensorFlow's graph optimisers fused into one op, read from the graph that a function runs; for a worker only.

A fused op is named with its parts, as in "_FusedConv2D BiasAdd+Relu": a kernel that a call has reached.

Source: TensorFlow 2.21.0, core/grappler/optimizers/remapper.cc, core/common_runtime/mkl_layout_pass.cc.
"""
# ruff: noqa: ANN401 - TensorFlow ships no types

from collections.abc import Iterator
from typing import Any

from tensorflow.python.eager import context

__all__ = ["Traced"]

INTO_ONE = "PadWith"  # in the name of an op that has no list of its parts


class Traced:
    """A traced function, which tells what was fused in it once it has been called: then its graph is optimised."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._optimised = False
        self.fused: tuple[str, ...] = ()

    def __call__(self, *tensors: Any) -> Any:
        """Call the function."""
        return self._graph(*tensors) if self._optimised else self._first(*tensors)

    def _first(self, *tensors: Any) -> Any:
        """Call the function, and read its optimised graph."""
        here = context.context()
        here.enable_graph_collection()
        here.export_run_metadata()  # what a call that failed has left
        try:
            return self._graph(*tensors)
        finally:
            graphs = here.export_run_metadata().function_graphs
            here.disable_graph_collection()
            parts = (part for graph in graphs for part in graph.partition_graphs)
            self.fused = tuple(dict.fromkeys(name for part in parts for name in _fused(part.node)))
            self._optimised = True


def _fused(nodes: Any) -> Iterator[str]:
    """Yield the names of fused ops."""
    for node in nodes:
        parts = [part.decode() for part in node.attr["fused_ops"].list.s] if "fused_ops" in node.attr else []
        activation = node.attr["activation_mode"].s.decode() if "activation_mode" in node.attr else "Identity"
        parts += [activation] if activation != "Identity" else []
        if parts or INTO_ONE in node.op:
            yield " ".join(filter(None, (node.op, "+".join(parts))))
