"""What this machine has that targets need: instruction sets, a GPU, an importable TensorFlow. Nothing is imported."""

import ctypes
import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from conformance.model import Json

__all__ = ["ISA_LEVELS", "cpu_flags", "cpu_name", "described", "has_more_than", "lacks", "level", "required"]

# oneDNN's names for its levels (ONEDNN_MAX_CPU_ISA), in ascending order, and the flags in /proc/cpuinfo that each needs
# beyond those before it. Source: oneDNN 3.7, doc/advanced/cpu_dispatcher_control.md.
ISA_LEVELS: dict[str, tuple[str, ...]] = {
    "SSE41": ("sse4_1",),
    "AVX": ("avx",),
    "AVX2": ("avx2",),
    "AVX512_CORE": ("avx512f", "avx512bw", "avx512vl", "avx512dq"),
    "AVX512_CORE_VNNI": ("avx512_vnni",),
    "AVX512_CORE_BF16": ("avx512_bf16",),
    "AVX512_CORE_FP16": ("avx512_fp16",),
    "AVX512_CORE_AMX": ("amx_tile", "amx_bf16", "amx_int8"),
}


# The bits of getauxval(AT_HWCAP) on 64-bit Arm that kernels are chosen by. Source: Linux,
# arch/arm64/include/uapi/asm/hwcap.h.
AT_HWCAP = 16
HWCAP: Mapping[int, str] = {0: "fp", 1: "asimd", 9: "fphp", 10: "asimdhp", 20: "asimddp", 22: "sve"}


def described() -> dict[str, Json]:
    """Return the processor that this process runs on, emulated or not: its architecture, its name, its features."""
    features = arm_features() if platform.machine() == "aarch64" else cpu_flags()
    return {"processor": platform.machine(), "cpu": cpu_name(), "flags": list[Json](sorted(features))}


def cpu_name() -> str:
    """Return the processor's name, or that of its architecture."""
    return next(iter(listed("model name")), platform.machine())


def cpu_flags(cpuinfo: str | None = None) -> frozenset[str]:
    """Return the flags of the first processor in /proc/cpuinfo; none where there is no such file."""
    return frozenset(next(iter(listed("flags", cpuinfo)), "").split())


def listed(name: str, cpuinfo: str | None = None) -> list[str]:
    """Return what /proc/cpuinfo says under a name; nothing where it is not there, or not of this processor."""
    path = Path("/proc/cpuinfo")
    if cpuinfo is None:
        # Under emulation it tells of the machine that emulates.
        cpuinfo = path.read_text() if platform.machine() == "x86_64" and path.exists() else ""
    return [line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith(name)]


def arm_features() -> frozenset[str]:
    """Return the features of a 64-bit Arm processor, as the kernel names them."""
    auxiliary = ctypes.CDLL(None).getauxval
    auxiliary.restype, auxiliary.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
    bits = auxiliary(AT_HWCAP)
    return frozenset(name for bit, name in HWCAP.items() if bits >> bit & 1)


def required(level: str) -> frozenset[str]:
    """Return every flag that an ISA level needs."""
    names = list(ISA_LEVELS)
    return frozenset(flag for name in names[: names.index(level) + 1] for flag in ISA_LEVELS[name])


def level(flags: frozenset[str]) -> str:
    """Return the highest ISA level of a processor with these flags; "" where it has none of them."""
    return next((name for name in reversed(ISA_LEVELS) if required(name) <= flags), "")


def has_more_than(level: str, flags: frozenset[str]) -> bool:
    """Return whether the processor has the next level, too: only then does holding it to this one change anything."""
    names = list(ISA_LEVELS)
    later = names[names.index(level) + 1 :]
    return bool(later) and required(later[0]) <= flags


def lacks(need: str, flags: frozenset[str]) -> str | None:
    """
    Return why this machine does not have what a target needs; None if it has.

    need: "gpu", "isa:" and a level, "program:" and its name, "file:" and its path, or the name of a module that the
    worker imports.
    """
    if need == "gpu":
        return None if gpus() else "no GPU: nvidia-smi lists none"
    if need.startswith("isa:"):
        missing = sorted(required(need.removeprefix("isa:")) - flags)
        return f"the processor has no {', '.join(missing)}" if missing else None
    kind, _, name = need.partition(":")
    if kind == "program":
        return None if shutil.which(name) else f"there is no program {name}"
    if kind == "file":
        return None if Path(name).exists() else f"there is no {name}: `npm ci --prefix {Path(name).parent}` makes it"
    return None if importlib.util.find_spec(need) else f"{need} is not installed"


def gpus() -> list[str]:
    """Return the GPUs that the driver lists."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    try:
        listed = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (subprocess.SubprocessError, OSError):
        return []
    return listed.stdout.splitlines()
