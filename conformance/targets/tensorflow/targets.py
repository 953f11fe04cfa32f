"""TensorFlow's targets: its modes on CPU and GPU, and oneDNN held to a level."""

from collections.abc import Mapping
from dataclasses import replace

from conformance.model import Json
from conformance.targets import machine
from conformance.targets.limits import Limit
from conformance.targets.target import FLOAT32, TF32, Target
from conformance.targets.tensorflow import limits
from conformance.targets.tensorflow.kernels import WISH
from conformance.targets.tensorflow.routes import ROUTES

__all__ = ["CHECKED_HEAP", "NO_GPU", "TARGETS", "TENSORFLOW_ENVIRONMENT"]

ADAPTER = "conformance.targets.tensorflow.adapter"
IN_GRAPHS: Mapping[str, tuple[str, ...]] = {op: tuple(ways) for op, ways in ROUTES.items()}
# Outside of graphs nothing is fused: a pattern is what one function of tf.nn computes.
EAGER: Mapping[str, tuple[str, ...]] = {**IN_GRAPHS, "pattern": ("separable",)}

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
# Without its caches of freed blocks glibc looks at the neighbours of what it frees (malloc/malloc.c, _int_free): what
# was written beyond a buffer ends the process by SIGABRT when the call that did so frees tensors.
CHECKED_HEAP = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"}
NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}

# Grappler computes constants on the CPU before oneDNN's kernels are chosen, or XLA compiles what is left:
# core/grappler/optimizers/constant_folding.cc, `ConstantFolding::EvaluateNode`.
STOCK_KERNELS = "tf-cpu-eager-nodnn"

RANDOM = ("dropout", "stateless_dropout")

# A graph numbers its random ops as it is traced, and so gives them other seeds; XLA has generators of its own.
OWN_MASKS: Mapping[str, tuple[str, ...]] = {
    "eager": (),
    "graph": ("dropout",),
    "graph-dynamic": ("dropout",),
    "xla": RANDOM,
}


# The dtypes that oneDNN's kernels of TensorFlow serve, and the flag of the processor that one needs: core/util/util.cc,
# `IsDataTypeSupportedByOneDNNOnThisCPU`.
SERVED: Mapping[str, str] = {"float32": "", "bfloat16": "avx512f", "float16": "avx512_fp16"}

# Roundings to its dtype that a way to compute an op has beyond those of its sum: avg_unpool is written as AvgPoolGrad,
# which divides by the cells of a window, of the values times those cells; its gradient likewise.
ROUNDINGS: Mapping[str, int] = {"avg_unpool": 2, "avg_unpool_grad": 2}

# Rules that a route does not check, and so cannot refuse by.
UNSEEN: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("max_unpool", "scatter_nd"): ("max_unpool.R1", "max_unpool.R2", "max_unpool.R3", "max_unpool.R4"),
    ("max_unpool", "argmax"): ("max_unpool.R1", "max_unpool.R3"),
    # tf.nn.conv2d takes several leading axes, and tf.zeros whatever shape.
    ("conv2d_backprop_input", "tape"): ("conv2d_backprop_input.R10",),
    ("conv2d_backprop_input", "twice"): ("conv2d_backprop_input.R10",),
    ("conv2d_backprop_filter", "tape"): ("conv2d_backprop_filter.R1",),
    ("conv2d_backprop_filter", "twice"): ("conv2d_backprop_filter.R1",),
    ("conv2d_backprop_filter", "transposed"): ("conv2d_backprop_filter.R1",),
    ("depthwise_conv2d_backprop_input", "tape"): (
        "depthwise_conv2d_backprop_input.R4",  # batch and channels, which tf.nn.depthwise_conv2d has no words for
        "depthwise_conv2d_backprop_input.R10",
    ),
    ("depthwise_conv2d_backprop_filter", "tape"): (
        "depthwise_conv2d_backprop_filter.R1",
        "depthwise_conv2d_backprop_filter.R4",
    ),
    ("bias_add_grad", "tape"): ("bias_add_grad.R1", "bias_add_grad.R3"),  # tf.nn.bias_add takes more
    # These pool along one to three dimensions of space.
    ("max_pool", "nn"): ("max_pool.R1",),
    ("avg_pool", "nn"): ("avg_pool.R1",),
    ("avg_pool", "twice"): ("avg_pool.R1",),
    ("max_pool_grad", "tape"): ("max_pool_grad.R2", "max_pool_grad.R9"),
    ("max_pool_grad", "argmax"): ("max_pool_grad.R2", "max_pool_grad.R9"),
    ("max_pool_grad_grad", "twice"): ("max_pool_grad_grad.R2", "max_pool_grad_grad.R9"),
    ("max_unpool_grad", "tape"): ("max_unpool_grad.R1", "max_unpool_grad.R2", "max_unpool_grad.R3"),
    ("max_unpool_grad", "gather"): ("max_unpool_grad.R1", "max_unpool_grad.R2", "max_unpool_grad.R3"),
    ("avg_unpool_grad", "tape"): ("avg_unpool_grad.R1",),
    ("dropout_grad", "tape"): ("dropout_grad.R1",),
}


def cpu(mode: str, about: str, *more: Limit, **environment: str) -> Target:
    """Return a CPU target of TensorFlow; its name is still to be given."""
    onednn = environment.get("TF_ENABLE_ONEDNN_OPTS") != "0"
    return Target(
        name="",
        about=about,
        adapter=ADAPTER,
        options={"mode": mode},
        traces=mode != "eager",
        folds=STOCK_KERNELS if mode != "eager" else "",
        environment={**TENSORFLOW_ENVIRONMENT, **NO_GPU, **(WISH if mode != "xla" else {}), **environment},
        deterministic=True,
        own_masks=OWN_MASKS[mode],
        needs=("tensorflow",),
        limits=limits.with_patterns((*limits.EVERYWHERE, *more)),
        hangs=limits.HANGS if onednn and mode != "xla" else (),
        onednn=tuple(SERVED) if onednn else (),
        routes=EAGER if mode == "eager" else IN_GRAPHS,
        roundings=ROUNDINGS,
        unseen=UNSEEN,
        forkable=True,
    )


def on_threads(count: int) -> Target:
    """Return eager TensorFlow on several threads, which share a kernel's workspace, and the heap checked."""
    shared = {"OMP_NUM_THREADS": str(count), "TF_NUM_INTRAOP_THREADS": str(count)}
    target = cpu("eager", f"eager on {count} threads, the heap checked", *limits.STOCK, **shared, **CHECKED_HEAP)
    return replace(target, options={**target.options, "threads": count, "checked": True}, default=True)


def held_to(level: str) -> Target:
    """Return eager TensorFlow with oneDNN held to one ISA level."""
    target = cpu("eager", f"eager, oneDNN held to {level}", *limits.STOCK, ONEDNN_MAX_CPU_ISA=level)
    return replace(target, needs=("tensorflow", f"isa:{level}"), differs_from=level, default=level == "AVX2")


def on_processor(target: Target, flags: frozenset[str]) -> Target:
    """Return a target as it is on a processor with these flags."""
    served = tuple(dtype for dtype in target.onednn if SERVED[dtype] in {"", *flags})
    level = target.differs_from
    above = flags - machine.required(level) if level else frozenset()
    more = [limit for flag, held in limits.HELD_BELOW.items() if flag in above for limit in held]
    default = target.default and (not level or machine.has_more_than(level, flags))
    return replace(target, onednn=served, limits=(*target.limits, *limits.with_patterns(more)), default=default)


def gpu(mode: str, about: str, *more: Limit, **options: Json) -> Target:
    """Return a GPU target of TensorFlow; its name is still to be given."""
    return Target(
        name="",
        about=about,
        adapter=ADAPTER,
        options={"mode": mode, "device": "GPU:0", **options},
        traces=mode != "eager",
        folds=STOCK_KERNELS if mode != "eager" else "",
        environment={**TENSORFLOW_ENVIRONMENT, "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        arithmetic=TF32 if options.get("tf32") else FLOAT32,
        deterministic=bool(options.get("deterministic")),
        own_masks=OWN_MASKS[mode],
        default=True,
        needs=("tensorflow", "gpu"),
        limits=limits.with_patterns((*limits.EVERYWHERE, *more)),
        routes=EAGER if mode == "eager" else IN_GRAPHS,
        roundings=ROUNDINGS,
        unseen=UNSEEN,
        forkable=True,
    )


TARGETS: Mapping[str, Target] = {
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
        STOCK_KERNELS: replace(
            cpu("eager", "eager, oneDNN off", *limits.STOCK, TF_ENABLE_ONEDNN_OPTS="0"), default=True
        ),
        "tf-cpu-eager-threads": on_threads(2),
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
    }.items()
}
