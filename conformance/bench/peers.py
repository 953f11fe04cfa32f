"""Other implementations to time beside the targets: what is installed of scipy, JAX, PyTorch and ONNX."""

from collections.abc import Mapping

from conformance.targets.target import Target

__all__ = ["PEERS"]


def peer(library: str, about: str, *more: str) -> Target:
    """Return a library as a contender."""
    adapter = "conformance.bench.implementations"
    return Target(name=library, about=about, adapter=adapter, options={"library": library}, needs=(library, *more))


PEERS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target(
            name="reference-bounds",
            about="the reference, value and bound together",
            adapter="conformance.targets.namespace",
            options={"object": "conformance.bench.bounded:FUNCTIONS"},
        ),
        peer("jax", "JAX, jitted"),
        peer("torch", "PyTorch on the CPU"),
        peer("onnxruntime", "ONNX Runtime on the CPU", "onnx"),
        peer("onnx", "ONNX's reference evaluator"),
        peer("scipy", "scipy.signal, a correlation a pair of channels"),
    )
}
