"""The targets of libraries other than TensorFlow; each library's folder has its adapter and its profile."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from conformance.targets.jax.profile import PROFILE as JAX
from conformance.targets.keras import profile as keras
from conformance.targets.litert import profile as litert
from conformance.targets.onnxruntime.profile import PROFILE as ONNXRUNTIME
from conformance.targets.profile import Profile
from conformance.targets.target import Target
from conformance.targets.tensorflow.targets import NO_GPU, SERVED, TENSORFLOW_ENVIRONMENT
from conformance.targets.tfjs.profile import PROFILE as TFJS
from conformance.targets.torch.profile import PROFILE as TORCH

__all__ = ["TARGETS"]

# One thread, so that results do not depend on the machine; a GPU of this machine's is not looked for.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", **NO_GPU}
JAX_ENVIRONMENT = {"JAX_PLATFORMS": "cpu", "NPROC": "1"}
TRACING = ("jax", "onnxruntime", "litert")  # folders of those that compile or convert each shape anew
TFJS_HARNESS = Path(__file__).with_name("tfjs") / "harness"  # a program in JavaScript


def library(profile: Profile, folder: str, *needs: str, about: str, **environment: str) -> Target:
    """Return the target of a library; its name is still to be given."""
    return Target(
        name="",
        about=about,
        adapter=f"conformance.targets.{folder}.adapter",
        environment={**environment, **ENVIRONMENT},
        needs=needs,
        traces=folder in TRACING,
    ).claiming(profile)


def on_backend(profile: Profile, backend: str, **environment: str) -> Target:
    """Return the target of Keras on a backend."""
    target = library(
        profile, "keras", "keras", backend, about=f"keras.ops on {backend}", **environment, KERAS_BACKEND=backend
    )
    return replace(target, traces=backend in TRACING, onednn=tuple(SERVED) if backend == "tensorflow" else ())


def with_kernels(profile: Profile, kernels: str) -> Target:
    """Return the target of LiteRT with one kind of kernels."""
    target = library(profile, "litert", "ai_edge_litert", about=f"models of one operator, {kernels} kernels")
    return replace(target, options={"kernels": kernels})


TARGETS: Mapping[str, Target] = {
    name: replace(target, name=name)
    for name, target in {
        "jax": library(JAX, "jax", "jax", about="jax.lax and stax, compiled", **JAX_ENVIRONMENT),
        "torch": library(TORCH, "torch", "torch", about="torch.nn.functional and autograd"),
        "onnxruntime": library(ONNXRUNTIME, "onnxruntime", "onnxruntime", "onnx", about="models of one node"),
        "keras-tensorflow": on_backend(keras.TENSORFLOW, "tensorflow", **TENSORFLOW_ENVIRONMENT),
        "keras-torch": on_backend(keras.TORCH, "torch"),
        "keras-jax": on_backend(keras.JAX, "jax", **JAX_ENVIRONMENT),
        "litert": with_kernels(litert.BUILTIN, "builtin"),
        "litert-xnnpack": with_kernels(litert.XNNPACK, "xnnpack"),
        "litert-reference": with_kernels(litert.REFERENCE, "reference"),
        "tfjs": replace(
            library(TFJS, "tfjs", "program:node", f"file:{TFJS_HARNESS / 'node_modules'}", about="plain JavaScript"),
            command=("node", str(TFJS_HARNESS / "index.js")),
        ),
    }.items()
}
