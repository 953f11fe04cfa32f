"""The targets: what each is, how its worker is started, what it declares; and those that users name."""

import difflib
import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points

from conformance.errors import UsageError
from conformance.model import Case, Json
from conformance.targets import limits, machine
from conformance.targets.jax.profile import PROFILE as JAX
from conformance.targets.limits import Limit
from conformance.targets.onnxruntime.profile import PROFILE as ONNXRUNTIME
from conformance.targets.profile import Profile
from conformance.targets.torch.profile import PROFILE as TORCH
from conformance.targets.transport.process import Start

__all__ = [
    "BUILT_IN",
    "Target",
    "available",
    "builtin",
    "default_targets",
    "find",
    "registered",
    "unseen",
    "unsupported",
]

ENTRY_POINTS = "conformance.targets"  # group in which an installed package registers its own
TENSORFLOW = "conformance.targets.tensorflow.adapter"
NAMESPACE = "conformance.targets.namespace"

# What a user has set for their own work would change what is judged.
CLEARED = ("TF_", "XLA_", "ONEDNN_", "DNNL_", "OMP_", "KMP_", "MKL_", "MALLOC_")
TENSORFLOW_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",  # errors and what precedes an abort
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    # TensorFlow switches oneDNN on by itself only on processors with AVX512_VNNI or the like; here it is judged on all.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # glibc fills what it hands out with 0x5A: 1.5e16 in float32, so that what is read unwritten looks like no zero.
    "MALLOC_PERTURB_": "165",
    # oneDNN's own allocator would hand out large tensors unfilled, and wait 10 s before it says that memory is out.
    "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1",
    "PYTHONHASHSEED": "0",
}
NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}

# At least what accumulates: accuracy.md, "The bound of an element".
FLOAT32 = {"float16": "float32", "bfloat16": "float32", "float32": "float32", "float64": "float64"}
TF32 = FLOAT32 | {"float32": "tf32"}
CORRECTLY_ROUNDED = dict.fromkeys(FLOAT32, "correctly-rounded")

# The ways in which the TensorFlow targets compute an op, the first one the op as users call it.
# `conformance.targets.tensorflow.functions` has them.
ROUTES: Mapping[str, tuple[str, ...]] = {
    "conv2d": ("nn",),
    "conv2d_transpose": ("nn",),
    "conv2d_backprop_input": ("raw", "tape"),
    "conv2d_backprop_filter": ("raw", "tape"),
    "max_pool": ("nn", "nn2d"),
    "max_pool_with_argmax": ("nn",),
    "max_pool_grad": ("raw", "tape", "argmax"),
    "avg_pool": ("nn", "nn2d"),
    "avg_pool_grad": ("raw", "tape"),
    "max_unpool": ("scatter_nd", "argmax"),
    "avg_unpool": ("raw",),
    "dropout": ("nn",),
    "stateless_dropout": ("nn",),
    "dropout_grad": ("tape",),
}


RANDOM = ("dropout", "stateless_dropout")

# A graph numbers its random ops as it is traced, and so gives them other seeds; XLA has generators of its own.
OWN_MASKS: Mapping[str, tuple[str, ...]] = {
    "eager": (),
    "graph": ("dropout",),
    "graph-dynamic": ("dropout",),
    "xla": RANDOM,
}


# Roundings to its dtype that a way to compute an op has beyond those of its sum: avg_unpool is written as AvgPoolGrad,
# which divides by the cells of a window, of the values times those cells.
ROUNDINGS: Mapping[str, int] = {"avg_unpool": 2}

# What a way to compute an op does not look at, and so cannot refuse: its rules, by op and route.
UNSEEN: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("max_unpool", "scatter_nd"): ("max_unpool.R1", "max_unpool.R2", "max_unpool.R3", "max_unpool.R4"),
    ("max_unpool", "argmax"): ("max_unpool.R1", "max_unpool.R3"),
    # tf.nn.conv2d takes several leading axes, and tf.zeros whatever shape.
    ("conv2d_backprop_input", "tape"): ("conv2d_backprop_input.R10",),
    ("conv2d_backprop_filter", "tape"): ("conv2d_backprop_filter.R1",),
    # These pool along one to three dimensions of space.
    ("max_pool", "nn"): ("max_pool.R1",),
    ("avg_pool", "nn"): ("avg_pool.R1",),
    ("max_pool_grad", "tape"): ("max_pool_grad.R2", "max_pool_grad.R9"),
    ("max_pool_grad", "argmax"): ("max_pool_grad.R2", "max_pool_grad.R9"),
    ("dropout_grad", "tape"): ("dropout_grad.R1",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target, complete: nothing else needs to be known to run and to judge it."""

    name: str
    about: str  # one line for the user
    adapter: str = TENSORFLOW
    options: Mapping[str, Json] = field(default_factory=dict)  # of the adapter
    environment: Mapping[str, str] = field(default_factory=dict)  # of the worker, over the suite's own
    command: tuple[str, ...] = ()  # what to run instead of the suite's worker
    arithmetic: Mapping[str, str] = field(default_factory=lambda: FLOAT32)  # declared, by dtype
    deterministic: bool = False  # whether it claims that the same call gives the same bits
    own_masks: tuple[
        str, ...
    ] = ()  # ops whose random numbers are not those of TensorFlow's kernels: any fair mask is right
    unseeded: tuple[str, ...] = ()  # ops whose seed it ignores: that claim leaves them out
    default: bool = False  # whether a run without --target takes it
    needs: tuple[str, ...] = ()  # of the machine: `machine.lacks`
    differs_from: str = ""  # an ISA level: on a processor without more, it is another target over again
    limits: tuple[Limit, ...] = ()
    onednn: tuple[str, ...] = ()  # dtypes that oneDNN serves
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by op; one nameless way where none is given
    roundings: Mapping[str, int] = field(default_factory=dict)  # of an op, beyond those of its sum
    profile: Profile | None = None  # what it claims, where that is not said by the fields above

    def repeats(self, op: str) -> bool:
        """Return whether the target claims that a second run of the same call of this op gives the same bits."""
        return self.deterministic and op not in self.unseeded

    def start(self, python: str = sys.executable) -> Start:
        """Return how a worker is started; `python` may be an interpreter with another TensorFlow."""
        spec = {"adapter": self.adapter, "options": dict(self.options), "limited": "gpu" not in self.needs}
        specification = json.dumps(spec)
        kept = {name: text for name, text in os.environ.items() if self.command or not name.startswith(CLEARED)}
        return Start(
            name=self.name,
            command=self.command or (python, "-m", "conformance.targets.transport.worker", specification),
            environment={**kept, **self.environment},
            zygote=(python, "-m", "conformance.targets.transport.zygote", self.adapter) if self.forks else (),
            specification=specification,
        )

    @property
    def forks(self) -> bool:
        """Whether its workers are forked: not where its import may begin threads, or a driver that forks break."""
        return sys.platform == "linux" and not self.command and self.adapter == TENSORFLOW and "gpu" not in self.needs


def cpu(mode: str, about: str, *more: Limit, **environment: str) -> Target:
    """Return a CPU target of TensorFlow; its name is still to be given."""
    return Target(
        name="",
        about=about,
        options={"mode": mode},
        environment={**TENSORFLOW_ENVIRONMENT, **NO_GPU, **environment},
        deterministic=True,
        own_masks=OWN_MASKS[mode],
        needs=("tensorflow",),
        limits=(*limits.EVERYWHERE, *more),
        onednn=("float32", "bfloat16") if environment.get("TF_ENABLE_ONEDNN_OPTS") != "0" else (),
        routes=ROUTES,
        roundings=ROUNDINGS,
    )


def held_to(level: str) -> Target:
    """Return eager TensorFlow with oneDNN held to one ISA level."""
    target = cpu("eager", f"eager, oneDNN held to {level}", *limits.STOCK, ONEDNN_MAX_CPU_ISA=level)
    return replace(target, needs=("tensorflow", f"isa:{level}"), differs_from=level, default=level == "AVX2")


def gpu(mode: str, about: str, *more: Limit, **options: Json) -> Target:
    """Return a GPU target of TensorFlow; its name is still to be given."""
    return Target(
        name="",
        about=about,
        options={"mode": mode, "device": "GPU:0", **options},
        environment={**TENSORFLOW_ENVIRONMENT, "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        arithmetic=TF32 if options.get("tf32") else FLOAT32,
        deterministic=bool(options.get("deterministic")),
        own_masks=OWN_MASKS[mode],
        default=True,
        needs=("tensorflow", "gpu"),
        limits=(*limits.EVERYWHERE, *more),
        routes=ROUTES,
        roundings=ROUNDINGS,
    )


# One thread, so that results do not depend on the machine; a GPU of this machine's is not looked for.
JAX_ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def library(profile: Profile, folder: str, *needs: str, about: str, **environment: str) -> Target:
    """Return the target of a library other than TensorFlow; its name is still to be given."""
    return Target(
        name="",
        about=about,
        adapter=f"conformance.targets.{folder}.adapter",
        environment={**NO_GPU, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", **environment},
        deterministic=profile.deterministic,
        own_masks=profile.own_masks,
        unseeded=profile.unseeded,
        needs=needs,
        profile=profile,
    )


REFERENCE = Target(
    name="reference",
    about="the specification itself",
    adapter=NAMESPACE,
    options={"object": "reference"},
    arithmetic=CORRECTLY_ROUNDED,
    deterministic=True,
)

BUILT_IN: Mapping[str, Target] = {
    name: replace(target, name=name)
    for name, target in {
        "tf-cpu-eager": replace(cpu("eager", "eager, oneDNN on", *limits.STOCK), default=True),
        "tf-cpu-graph": replace(cpu("graph", "tf.function, static shapes", *limits.STOCK), default=True),
        "tf-cpu-graph-dynamic": cpu(
            "graph-dynamic", "tf.function, unknown sizes", *limits.STOCK, *limits.UNKNOWN_SHAPES
        ),
        "tf-cpu-xla": replace(
            cpu("xla", "tf.function with jit_compile", *limits.XLA), default=True, unseeded=("dropout",)
        ),
        "tf-cpu-eager-nodnn": replace(
            cpu("eager", "eager, oneDNN off", *limits.STOCK, TF_ENABLE_ONEDNN_OPTS="0"), default=True
        ),
        "tf-cpu-eager-sse41": held_to("SSE41"),
        "tf-cpu-eager-avx2": held_to("AVX2"),
        "tf-cpu-eager-avx512": held_to("AVX512_CORE"),
        "tf-cpu-eager-avx512-vnni": held_to("AVX512_CORE_VNNI"),
        "tf-cpu-eager-avx512-bf16": held_to("AVX512_CORE_BF16"),
        "tf-cpu-eager-avx512-fp16": held_to("AVX512_CORE_FP16"),
        "tf-gpu-eager": gpu("eager", "eager, TF32 off", *limits.GPU),
        "tf-gpu-eager-tf32": gpu("eager", "eager, TF32 on", *limits.GPU, tf32=True),
        "tf-gpu-eager-deterministic": gpu("eager", "eager, op determinism on", *limits.GPU, deterministic=True),
        "tf-gpu-graph": gpu("graph", "tf.function, TF32 off", *limits.GPU),
        "tf-gpu-xla": replace(gpu("xla", "tf.function with jit_compile, TF32 off", *limits.XLA), unseeded=("dropout",)),
        "reference": REFERENCE,
        "jax": library(JAX, "jax", "jax", about="jax.lax and stax, compiled", **JAX_ENVIRONMENT),
        "torch": library(TORCH, "torch", "torch", about="torch.nn.functional and autograd"),
        "onnxruntime": library(
            ONNXRUNTIME, "onnxruntime", "onnxruntime", "onnx", about="models of one node, CPUExecutionProvider"
        ),
    }.items()
}


def builtin(flags: frozenset[str] | None = None) -> dict[str, Target]:
    """Return the built-in targets as they are on a processor with these flags (this one's by default)."""
    seen = machine.cpu_flags() if flags is None else flags
    # oneDNN's kernels of TensorFlow serve bfloat16 on processors with AVX-512 only.
    served = {"float32", "bfloat16"} if "avx512f" in seen else {"float32"}
    return {
        name: replace(
            target,
            onednn=tuple(dtype for dtype in target.onednn if dtype in served),
            default=target.default and (not target.differs_from or machine.has_more_than(target.differs_from, seen)),
        )
        for name, target in BUILT_IN.items()
    }


def available(target: Target, flags: frozenset[str] | None = None, *, elsewhere: bool = False) -> str | None:
    """
    Return why the target cannot run on this machine; None if it can. Nothing is imported.

    elsewhere: it runs in another interpreter than this one, whose modules are not known.
    """
    seen = machine.cpu_flags() if flags is None else flags
    needs = (need for need in target.needs if not elsewhere or need == "gpu" or need.startswith("isa:"))
    return next(filter(None, (machine.lacks(need, seen) for need in needs)), None)


def default_targets(*, elsewhere: bool = False) -> dict[str, Target]:
    """Return the targets of a run that names none: the default ones that can run here."""
    known = builtin().items()
    return {name: target for name, target in known if target.default and not available(target, elsewhere=elsewhere)}


def unseen(target: Target, case: Case, route: str, rule: str) -> str | None:
    """Return why a way to compute an op cannot refuse what a rule forbids; None where it could."""
    if target.routes and rule in UNSEEN.get((case.op, route), ()):
        return f"{route} does not look at what {rule} is about"
    return None


def unsupported(target: Target, case: Case, route: str = "") -> str | None:
    """Return why the target declares not to implement this call; None where it declares no such thing."""
    first = target.routes.get(case.op, ("",))[0]
    if target.profile and (why := target.profile.outside(case, route or first)):
        return why
    return limits.reason(target.limits, case, route or first, target.onednn)


def registered() -> dict[str, str]:
    """Return what installed packages have registered as targets: module:object, by name."""
    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}


def find(text: str) -> Target:
    """
    Return the target that a user names: a built-in one, a registered one, module:object, or command:...

    Raises:
        UsageError: there is none of that name.
    """
    if text.startswith("command:"):
        return foreign(text)
    if text in BUILT_IN:
        return builtin()[text]
    places = registered()
    place = places.get(text, text)
    if all(part.isidentifier() for part in place.replace(":", ".", 1).split(".")):
        return Target(
            name=text, about=f"the functions of {place}", adapter=NAMESPACE, options={"object": place}, own_masks=RANDOM
        )
    known = [*BUILT_IN, *places]
    near = difflib.get_close_matches(text, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}, module:object and command:..."
    raise UsageError(f"no target {text!r}: {hint}")


def foreign(text: str) -> Target:
    """Return the target that speaks the wire protocol itself."""
    try:
        command = tuple(shlex.split(text.removeprefix("command:")))
    except ValueError as error:
        raise UsageError(f"target {text!r}: {error}") from error
    if not command:
        raise UsageError(f"target {text!r}: no command")
    return Target(name=text, about="speaks the wire protocol", command=command, own_masks=RANDOM)
