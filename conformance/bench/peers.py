"""What is timed beside the targets of a run: the reference's bounds, and the libraries that are installed."""

from collections.abc import Mapping

from conformance.targets.libraries import TARGETS
from conformance.targets.target import NAMESPACE, Target

__all__ = ["BOUNDED", "PEERS"]

BOUNDED = Target(
    name="reference-bounds",
    about="the reference, value and bound together",
    adapter=NAMESPACE,
    options={"object": "conformance.bench.bounded:FUNCTIONS"},
)
PEERS: Mapping[str, Target] = {
    BOUNDED.name: BOUNDED,
    **{name: TARGETS[name] for name in ("jax", "torch", "onnxruntime")},
}
