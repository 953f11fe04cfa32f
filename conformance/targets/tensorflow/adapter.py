"""
TensorFlow as a target: eager, graph and XLA. It, `functions` and `fusions` alone import TensorFlow, in a worker only.

Options, all optional:
    mode           "eager"; "graph", tf.function with static shapes; "graph-dynamic", with unknown sizes; "xla"
    device         "CPU:0", "GPU:0"; "CPU:1" makes logical devices, so that placement is tried without a GPU
    tf32           whether float32 may be computed in TF32
    deterministic  whether op determinism is switched on
    threads        that one op may use; 1, so that results do not depend on the machine
    checked        whether a call frees its tensors before it is answered, so that a check of the heap tells of it
    moved          whether the operands of each call lie 64 bytes further in their memory than those of the call before
"""
# ruff: noqa: ANN401 - TensorFlow ships no types

import json
import math
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from operator import attrgetter
from typing import Any

import numpy as np
import tensorflow as tf

from conformance.model import Array, Json
from conformance.targets.adapter import NotOfferedError, Prepared, spoil_heap
from conformance.targets.target import constants, way_of
from conformance.targets.tensorflow import functions
from conformance.targets.tensorflow.fusions import Traced
from conformance.targets.tensorflow.kernels import WISH, Printed
from conformance.targets.tensorflow.routes import ROUTES
from conformance.targets.transport.messages import Call, decoded

__all__ = ["TensorFlow", "load"]

TRACES = 64  # graphs that are kept for the next call of the same signature
ALIGNED = 64  # bytes: TensorFlow copies a part that begins elsewhere
PAGE = 1 << 12  # bytes
SPOILT = 1 << 26  # bytes: spoiling more takes longer than most calls


def load(options: Mapping[str, Json]) -> "TensorFlow":
    """Configure this process's TensorFlow and return its adapter."""
    mode, device = str(options.get("mode", "eager")), str(options.get("device", "CPU:0"))
    tf.config.threading.set_intra_op_parallelism_threads(int(str(options.get("threads", 1))))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    # Without it an op that a GPU lacks would run on the CPU, unseen.
    tf.config.set_soft_device_placement(False)
    tf.config.experimental.enable_tensor_float_32_execution(bool(options.get("tf32", False)))
    configure_devices(device)
    if options.get("deterministic"):
        tf.config.experimental.enable_op_determinism()
    return TensorFlow(mode, device, checked=bool(options.get("checked")), moved=bool(options.get("moved")))


def configure_devices(device: str) -> None:
    """Make as many logical CPUs as the device's number asks for; have a GPU's memory grow as needed."""
    kind, _, number = device.partition(":")
    if kind == "CPU" and int(number) > 0:
        configurations = [tf.config.LogicalDeviceConfiguration()] * (int(number) + 1)
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], configurations)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


class TensorFlow:
    """The adapter of one mode on one device."""

    def __init__(self, mode: str, device: str, *, checked: bool = False, moved: bool = False) -> None:
        seen = [entry.name.removeprefix("/device:") for entry in tf.config.list_logical_devices()]
        if device not in seen:
            raise RuntimeError(f"TensorFlow sees no {device}: only {', '.join(seen)}")
        self._mode = mode
        self._device = device
        self._checked = checked
        self._moved = moved
        self._before = 0  # bytes of what stands before the operands in their memory
        self._printed = Printed() if WISH.items() <= os.environ.items() else None
        self._graphs: OrderedDict[Hashable, Traced] = OrderedDict()

    def about(self) -> Mapping[str, Json]:
        """Return TensorFlow's version and build, the devices it sees, and the routes offered here."""
        build: dict[str, Json] = {name: str(entry) for name, entry in tf.sysconfig.get_build_info().items()}
        routes: dict[str, Json] = {op: list(ways) for op, ways in ROUTES.items()}
        return {
            "versions": {"tensorflow": tf.__version__, "numpy": np.__version__, "git": tf.version.GIT_VERSION},
            "build": build | {"compiler": tf.version.COMPILER_VERSION},
            "devices": [describe_device(entry) for entry in tf.config.list_physical_devices()],
            "device": self._device,
            "mode": self._mode,
            "routes": routes,
        }

    def prepare(self, call: Call) -> Prepared:
        """Make tensors of the arrays; in the graph modes, trace, or take the trace of an earlier call."""
        self._kernels()  # those of earlier calls
        self._before = (self._before + ALIGNED) % PAGE
        op = find(call.op, way_of(call.route))
        arrays = {name: entry for name, entry in call.arguments.items() if isinstance(entry, np.ndarray)}
        attributes = {name: entry for name, entry in call.arguments.items() if not isinstance(entry, np.ndarray)}
        others = {
            name: tf.constant(value) if isinstance(value := decoded(entry), np.ndarray) else value
            for name, entry in attributes.items()
        }
        seed = others.pop("global_seed", None)
        seeds = (seed,) if call.op == "dropout" else ()
        op = partial(op, **others)
        held = {name: arrays[name] for name in constants(call.route) if self._mode != "eager"}
        with self._placed():
            tensors = {name: self._tensor(array) for name, array in arrays.items() if name not in held}
            if self._mode == "eager":
                return Prepared(partial(self._run, partial(op, **tensors), seeds), kernels=self._kernels)
            started = time.perf_counter()
            set_seed(seeds)  # a graph keeps the seed that it is traced under
            specs = [self._spec(tensor) for tensor in tensors.values()]
            content = [(array.dtype, array.shape, array.tobytes()) for array in held.values()]
            key = (call.op, call.route, json.dumps(attributes), *tensors, *specs, *content)
            graph = self._traced(key, op, list(tensors), specs, held)
            call_graph = partial(self._run, partial(graph, *tensors.values()), seeds)
            return Prepared(call_graph, time.perf_counter() - started, lambda: (*graph.fused, *self._kernels()))

    def _tensor(self, array: Any) -> Any:
        """Return an array as a tensor; one that is moved is the end of a longer one, whose memory it shares."""
        if not self._moved:
            return tf.constant(array)
        before = self._before // array.itemsize
        longer = tf.constant(np.concatenate([np.zeros(before, array.dtype), array.ravel()]))
        return tf.reshape(longer[before:], array.shape)

    def _kernels(self) -> tuple[str, ...]:
        """Return the kernels that have run since the last time, where oneDNN tells."""
        return self._printed.kernels() if self._printed else ()

    def _spec(self, tensor: Any) -> Any:
        """Return what a graph knows of an argument: in graph-dynamic its rank and dtype only."""
        shape = [None] * tensor.shape.rank if self._mode == "graph-dynamic" else tensor.shape
        return tf.TensorSpec(shape, tensor.dtype)

    def _traced(
        self, key: Hashable, op: Callable[..., Any], names: list[str], specs: list[Any], held: Mapping[str, Array]
    ) -> Traced:
        """
        Return the op as a graph of the arguments of these names; the graphs used last are kept: memory stays flat.

        held: arrays that are constants of the graph, which a compiler may compute with.
        """
        if key in self._graphs:
            self._graphs.move_to_end(key)
            return self._graphs[key]

        def traced(*tensors: Any) -> Any:
            constant = {name: tf.constant(array) for name, array in held.items()}
            return op(**dict(zip(names, tensors, strict=True)), **constant)

        graph = tf.function(traced, jit_compile=self._mode == "xla" or None, autograph=False)
        self._graphs[key] = Traced(graph.get_concrete_function(*specs))
        if len(self._graphs) > TRACES:
            self._graphs.popitem(last=False)
        return self._graphs[key]

    def _placed(self) -> AbstractContextManager[Any]:
        """Return the device's scope; the first CPU needs none."""
        return nullcontext() if self._device == "CPU:0" else tf.device(self._device)

    def _run(self, call: Callable[[], Any], seeds: Sequence[int | None]) -> object:
        """Make the call, one that draws as the first one after `tf.random.set_seed`, and wait for its result."""
        with self._placed():
            set_seed(seeds)
            result = call()
        if self._device.startswith("GPU"):
            tf.test.experimental.sync_devices()
        return result

    def arrays(self, result: object) -> Sequence[object]:
        """Return the results as NumPy arrays."""
        several = result if isinstance(result, tuple | list) else (result,)
        found = [entry.numpy() if tf.is_tensor(entry) else entry for entry in several]
        return [np.array(entry) for entry in found] if self._checked else found  # not the tensor's own memory

    def spoil(self, sizes: Sequence[int]) -> None:
        """Free NaN of these sizes where the next call of the same shape allocates its result."""
        if self._device.startswith("CPU"):
            spoil_heap(sizes)  # the CPU's tensors come from the same heap
            return
        with self._placed():
            for size in sizes:
                tf.fill([min(size, SPOILT) // 4 + 1], math.nan)


def describe_device(device: Any) -> str:
    """Return a device's name, with the model and compute capability of a GPU."""
    details = tf.config.experimental.get_device_details(device)
    words = [str(details[key]) for key in ("device_name", "compute_capability") if key in details]
    return " ".join([device.name.removeprefix("/physical_device:"), *words])


def set_seed(seeds: Sequence[int | None]) -> None:
    """Set the global seed of a call that draws, or its absence: it starts every random op's stream anew."""
    for seed in seeds:
        tf.random.set_seed(seed)


@cache
def find(op: str, route: str) -> Callable[..., Any]:
    """Return the function that computes this op by this route; the first one where none is named."""
    ways = ROUTES.get(op, {})
    name = route or next(iter(ways), "")
    if name not in ways:
        raise NotOfferedError(f"no way {name!r} to {op}")
    holder, place = (tf, ways[name].removeprefix("tf.")) if ways[name].startswith("tf.") else (functions, ways[name])
    return attrgetter(place)(holder)  # type: ignore[no-any-return]
