"""
A finding's script, of NumPy and TensorFlow or the user's module: at most 75 lines, but for the numbers of its arrays.

It is for a bug report: it prints what is expected and what came, and exits with 1 while the fault exists. A call that
may end the process, or never end, runs in a second one, under the run's limits for a call.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from conformance import ops
from conformance.judge.allowed import Allowed, AnyMask, Refused, Results, Unspecified
from conformance.model import Case
from conformance.ops import OPS
from conformance.sets import Option, options
from conformance.targets.target import NAMESPACE, Target, constants, way_of
from conformance.targets.transport.process import Limits
from conformance.triage.scripts.comparison import compared, numbers, plain
from conformance.triage.scripts.source import definitions

__all__ = ["calling", "opening", "plain", "script"]

# Of the environment, what changes results.
KEPT = (
    *("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "MALLOC_PERTURB_", "CUDA_VISIBLE_DEVICES"),
    *("GLIBC_TUNABLES", "KERAS_BACKEND", "JAX_PLATFORMS", "NPROC"),
)

STARTING = ("MALLOC_PERTURB_", "GLIBC_TUNABLES")  # of these, what is read before Python runs

# Kinds of which the call runs in a second process, and what a script of theirs imports.
APART: Mapping[str, tuple[str, ...]] = {
    "crashed": ("signal", "subprocess"),
    "hung": ("signal", "subprocess"),
    "out-of-memory": ("resource", "signal", "subprocess"),
}


def script(
    case: Case,
    arguments: Mapping[str, Any],
    allowed: Allowed,
    target: Target,
    route: str,
    kind: str,
    limits: Limits | None = None,
    before: Case | None = None,
) -> str:
    """
    Return the text of repro.py for a case that a target of TensorFlow, or one in Python, gets wrong.

    limits: of the run, for a call; those of `Limits` by default. before: the call that must go before it.
    """
    limits = limits or Limits()
    several = options(allowed)
    setting, call = calling(case, arguments, target, route)
    if before:
        first, unlike = calling(before, ops.arguments(before), target, route)
        again = [line for line in setting if line not in first or line.startswith("a = ")]
        setting = [*first, f"{unlike}  # without this call the next one is right", *again]
    lines = [
        *opening(f"{case.op}: {kind} on {target.name}", target, APART.get(kind, ()), _parent(kind, limits)),
        *setting,
        *_limited(kind, target, limits),
        *_called(several, call, target, kind),
        *compared(several, kind),
    ]
    return "\n".join(lines) + "\n"


def opening(title: str, target: Target, modules: Sequence[str] = (), first: Sequence[str] = ()) -> list[str]:
    """Return the first lines: what the script shows, the target's environment, `first`, and what it imports."""
    kept = {name: text for name, text in target.environment.items() if name in KEPT}
    return [
        f'"""{title}. Exits with 1 while the fault exists."""',
        *(f"import {name}" for name in sorted((*(["os"] if kept else []), *modules, "sys"))),
        *(line for name, text in kept.items() for line in _set(name, text)),
        *first,
        "import numpy as np",
        *_imported(target),
        "from numpy import inf, nan",
    ]


def _set(name: str, text: str) -> list[str]:
    """Return the lines that set a variable; one that is read as a process starts has this one started again."""
    if name not in STARTING:
        return [f'os.environ["{name}"] = "{text}"']
    return [
        f'if os.environ.get("{name}") != "{text}":  # read as a process starts',
        f'    os.environ["{name}"] = "{text}"',
        "    os.execv(sys.executable, [sys.executable, *sys.argv])",
    ]


def _imported(target: Target) -> list[str]:
    """Return the lines that import what is called."""
    if target.adapter == NAMESPACE:
        return _plugin_import(str(target.options["object"]))
    if target.profile:
        return [f"from {target.adapter} import load", f"target = load({dict(target.options)!r})"]
    return _tensorflow(target)


def _tensorflow(target: Target) -> list[str]:
    """Return the lines that import TensorFlow and set it up as the target does."""
    gpu = [f"tf.config.experimental.enable_tensor_float_32_execution({bool(target.options.get('tf32'))})"]
    fixed = ["tf.config.experimental.enable_op_determinism()"] if target.options.get("deterministic") else []
    count = target.options.get("threads")
    threads = [f"tf.config.threading.set_intra_op_parallelism_threads({count})"] if count else []
    return ["import tensorflow as tf", *(gpu if "gpu" in target.needs else []), *threads, *fixed]


def _plugin_import(place: str) -> list[str]:
    """Return the lines that import what stands at "package.module:object", from where the suite's workers would."""
    module, _, path = place.partition(":")
    first = path.partition(".")[0]
    found = f"from {module} import {first} as target" if path else f"import {module} as target"
    return ["sys.path.insert(0, '')  # modules of the folder that this is started in", found]


def calling(case: Case, arguments: Mapping[str, Any], target: Target, route: str) -> tuple[list[str], str]:
    """Return the lines that set the arguments `a` and what the call needs, and the call."""
    if target.adapter == NAMESPACE or target.profile:
        return _plugin_calling(case, arguments, target, route)
    op = OPS[case.op]
    function = op.tensorflow[way_of(route) or target.first_route(op.name)]
    lines = list(definitions(function))
    if "global_seed" in op.options:
        lines += ["def seeded(global_seed=0, **arguments):", "    tf.random.set_seed(global_seed)"]
        lines += [f"    return {function}(**arguments)"]
        function = "seeded"
    call = f"{function}(**a)"
    lines += _named(arguments, tensor)
    mode = str(target.options.get("mode", "eager"))
    if mode == "eager":
        return lines, call
    held = {name: f"tf.constant(a[{name!r}].numpy())" for name in constants(route)}
    if held:  # inside of what is traced: a constant of the graph
        call = f"{function}(**{{**a, {', '.join(f'{name!r}: {text}' for name, text in held.items())}}})"
    names = [name for name in case.arrays if name not in held]
    spec = f"[{{n: tf.TensorSpec([None] * a[n].shape.rank, a[n].dtype) for n in {names}}}]"
    unknown = f", input_signature={spec}" if mode == "graph-dynamic" else ""
    traced = f"tf.function(lambda t: (a.update(t), {call})[1], jit_compile={mode == 'xla'}{unknown})"
    return lines, f"{traced}({{n: a[n] for n in {names}}})"


def _plugin_calling(case: Case, arguments: Mapping[str, Any], target: Target, route: str) -> tuple[list[str], str]:
    """Return the same for a target in Python, whose functions take NumPy arrays."""
    lines = _named(arguments, array)
    narrow = ["import ml_dtypes  # bfloat16"] if any("'bfloat16'" in line for line in lines) else []
    if target.adapter != NAMESPACE:
        return [*narrow, *lines], f"target.call({case.op!r}, {route!r}, **a)"
    path = str(target.options["object"]).partition(":")[2].partition(".")[2]
    name = f"{case.op}_{route}" if route else case.op
    return [*narrow, *lines], ".".join(filter(None, ("target", path, name))) + "(**a)"


def _named(arguments: Mapping[str, Any], written: Callable[[Any], str]) -> list[str]:
    """Return the lines that define the arguments `a`: each array by its name, then all."""
    arrays = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
    others = [f"{name}={value!r}" for name, value in arguments.items() if name not in arrays]
    given = ", ".join([*(f"{name}={name}" for name in arrays), *others])
    return [*(f"{name} = {written(value)}" for name, value in arrays.items()), f"a = dict({given})"]


def _parent(kind: str, limits: Limits) -> list[str]:
    """Return the lines that have a second process make the call, and say how that ended; none if nothing need be."""
    if kind not in APART:
        return []
    expected = {
        "crashed": "a process that lives",
        "hung": f"an answer within {limits.seconds:g} s, before SIGALRM",
        "out-of-memory": f"an answer within {limits.memory >> 20} MiB",
    }[kind]
    ended = "signal.Signals(-code).name if code < 0 else f'exit code {code}'"
    return [
        "if len(sys.argv) == 1:  # a second process makes the call",
        "    code = subprocess.run([sys.executable, __file__, 'call']).returncode",
        f"    sys.exit(print('expected: {expected}; got:', {ended}) or int(code != 0))",
    ]


def _limited(kind: str, target: Target, limits: Limits) -> list[str]:
    """Return the lines that limit the process by what the call adds: its time, or its memory, as in a worker."""
    if kind == "hung":
        return [f"signal.setitimer(signal.ITIMER_REAL, {limits.seconds:g})  # s: SIGALRM then ends this process"]
    if kind != "out-of-memory" or "gpu" in target.needs:  # a GPU's driver reserves more than any limit
        return []
    return [
        f"most = (int(open('/proc/self/status').read().split('VmData:')[1].split()[0]) << 10) + {limits.memory}",
        "resource.setrlimit(resource.RLIMIT_DATA, (most, most))  # bytes: what is held now, and the call's",
    ]


def _called(several: Sequence[Option], call: str, target: Target, kind: str) -> list[str]:
    """Return the lines that make the call, `got`, and end where it raises."""
    foreign = target.adapter == NAMESPACE or target.profile is not None
    expected = [
        name
        for name, some in (("a value", Results | AnyMask | Unspecified), ("an error", Refused | Unspecified))
        if any(isinstance(option, some) for option in several)
    ]
    memory = "MemoryError" if foreign else "(MemoryError, tf.errors.ResourceExhaustedError)"
    wrong = f"int(isinstance(error, {memory}))" if kind == "out-of-memory" else "0"
    code = wrong if "an error" in expected else "1"
    arrays = f"[np.array(g) for g in {'several' if foreign else 'tf.nest.flatten'}({call})]"
    flat = ["def several(got):", "    return got if isinstance(got, tuple) else (got,)"] if foreign else []
    twice = ["def arrays(a):", f"    return {arrays}"] if kind == "nondeterministic" else []
    return [
        *flat,
        *twice,
        "try:",
        f"    got = {'arrays(dict(a))' if twice else arrays}",
        "except BaseException as error:",
        f"    sys.exit(print('expected: {' or '.join(expected)}; got:', repr(error)) or {code})",
    ]


def tensor(value: Any) -> str:  # noqa: ANN401 -- an argument of a call
    """Return the source text of an argument of TensorFlow."""
    if not isinstance(value, np.ndarray):
        return repr(value)
    if value.dtype.kind == "c":
        return f"tf.constant({plain(value)}, tf.{value.dtype.name})"
    return f"tf.constant({numbers(value)}, tf.{value.dtype.name}, {list(value.shape)})"


def array(value: Any) -> str:  # noqa: ANN401 -- an argument of a call
    """Return the source text of an argument of a target in Python."""
    if not isinstance(value, np.ndarray):
        return repr(value)
    return f"{plain(value)}.astype('bfloat16')" if value.dtype.name == "bfloat16" else plain(value)
