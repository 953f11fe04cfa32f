"""Other implementations to time beside the targets: what is installed of scipy, JAX, PyTorch and ONNX."""

from collections.abc import Mapping

from conformance.targets.registry import Target

__all__ = ["PEERS"]

PEERS: Mapping[str, Target] = {
    "reference-bounds": Target(
        name="reference-bounds",
        about="the reference, value and bound together",
        adapter="conformance.targets.adapters.namespace",
        options={"object": "conformance.bench.bounded:FUNCTIONS"},
        arithmetic={"float32": "float32"},
    ),
}
