"""
A finding's script: at most 40 lines of NumPy and TensorFlow that show the fault, for a bug report.

It prints what is expected and what came, and exits with 1 while the fault exists. A call that ends the process runs in
a second one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.allowed import Allowed, AnyMask, AnyOf, Refused, Results
from conformance.model import Array, Case
from conformance.targets.registry import Target
from reference.dropout import scaled

__all__ = ["calling", "opening", "plain", "script"]

# What computes each op, by route; `a` holds the arguments.
CALLS: Mapping[tuple[str, str], str] = {
    ("conv2d", "nn"): "tf.nn.conv2d(**a)",
    ("conv2d_transpose", "nn"): "tf.nn.conv2d_transpose(**a)",
    ("conv2d_backprop_input", "raw"): "tf.raw_ops.Conv2DBackpropInput(**raw(a, filters='filter'))",
    ("conv2d_backprop_filter", "raw"): "tf.raw_ops.Conv2DBackpropFilter(**raw(a))",
    ("conv2d_backprop_input", "tape"): "tape(lambda x: tf.nn.conv2d(x, **a), tf.zeros(a.pop('input_sizes'), "
    "a['filters'].dtype), a.pop('out_backprop'))",
    ("conv2d_backprop_filter", "tape"): "tape(lambda f: tf.nn.conv2d(filters=f, **a), tf.zeros(a.pop('filter_sizes'), "
    "a['input'].dtype), a.pop('out_backprop'))",
    ("max_pool", "nn"): "tf.nn.max_pool(**a)",
    ("max_pool", "nn2d"): "tf.nn.max_pool2d(**a)",
    ("max_pool_with_argmax", "nn"): "tf.nn.max_pool_with_argmax(**a)",
    ("max_pool_grad", "raw"): "tf.raw_ops.MaxPoolGrad(**raw(a))",
    ("max_pool_grad", "tape"): "tape(lambda x: tf.nn.max_pool(x, **a), a.pop('orig_input'), a.pop('grad'), "
    "a.pop('orig_output'))",
    ("max_pool_grad", "argmax"): "argmax_grad(a)",
    ("avg_pool", "nn"): "tf.nn.avg_pool(**a)",
    ("avg_pool", "nn2d"): "tf.nn.avg_pool2d(**a)",
    ("avg_pool_grad", "raw"): "tf.raw_ops.AvgPoolGrad(**raw(a))",
    ("avg_pool_grad", "tape"): "tape(lambda x: tf.nn.avg_pool(x, **a), tf.zeros(a.pop('orig_input_shape'), "
    "a['grad'].dtype), a.pop('grad'))",
    ("max_unpool", "scatter_nd"): "scattered(**a)",
    ("max_unpool", "argmax"): "argmax_unpool(**a)",
    ("avg_unpool", "raw"): "avg_unpool(raw(a, input='grad', output_shape='orig_input_shape'))",
    ("dropout", "nn"): "dropout(a)",
    ("stateless_dropout", "nn"): "tf.nn.experimental.stateless_dropout(**a)",
    ("dropout_grad", "tape"): "dropout_grad(**a)",
}

# What a call needs beside TensorFlow.
TOOLS: Mapping[str, str] = {
    "raw(": """def raw(a, **names):
    a = {names.get(k, k): v for k, v in a.items()}
    nchw = a.get("data_format") == "NCHW"
    for k in ("ksize", "strides", "dilations"):
        v = a.get(k) if isinstance(a.get(k), (list, tuple)) else [1 if a.get(k) is None else a[k]]
        v = list(v) * 2 if len(v) == 1 else list(v)
        a[k] = v if len(v) == 4 else [1, 1, *v] if nchw else [1, *v, 1]
    if isinstance(a["padding"], list):
        a.update(explicit_paddings=sum(a["padding"], []), padding="EXPLICIT")
    del a["ksize" if "filter" in a or "filter_sizes" in a else "dilations"]
    return a
""",
    "tape(": """def tape(op, x, dy, *_):
    with tf.GradientTape() as t:
        t.watch(x)
        y = op(x)
    return t.gradient(y, x, output_gradients=dy)
""",
    "argmax_grad(": """def argmax_grad(a):
    k = {n: a[n] for n in ("ksize", "strides", "padding")}
    _, i = tf.nn.max_pool_with_argmax(a["orig_input"], **k)
    k.update({n: [1, v, v, 1] for n, v in k.items() if isinstance(v, int)})
    return tf.raw_ops.MaxPoolGradWithArgmax(input=a["orig_input"], grad=a["grad"], argmax=i, **k)
""",
    "scattered(": """def scattered(input, argmax, output_shape, include_batch_in_index=False):
    i = tf.cast(argmax, tf.int64)
    if not include_batch_in_index:
        i += np.prod(output_shape[1:]) * tf.reshape(tf.range(i.shape[0], dtype=tf.int64), [-1, 1, 1, 1])
    flat = tf.scatter_nd(tf.reshape(i, [-1, 1]), tf.reshape(input, [-1]), [np.prod(output_shape)])
    return tf.reshape(flat, output_shape)
""",
    "argmax_unpool(": """def argmax_unpool(input, output_shape, **a):
    size = [int(n) for n in output_shape]
    k = [1, size[1] - input.shape[1] + 1, size[2] - input.shape[2] + 1, 1]
    k = {"ksize": k, "strides": [1, 1, 1, 1], "padding": "VALID"}
    return tf.raw_ops.MaxPoolGradWithArgmax(input=tf.zeros(size, input.dtype), grad=input, **k, **a)
""",
    "avg_unpool(": """def cells(n, size, k, s, same):  # of the image, in each window
    i = np.arange(n) * s - (max((-(-size // s) - 1) * s + k - size, 0) // 2 if same else 0)
    return np.minimum(i + k, size) - np.maximum(i, 0)
def avg_unpool(a):
    g, y = a["grad"], 2 if a.get("data_format") == "NCHW" else 1
    k = [(g.shape[x], int(a["orig_input_shape"][x]), a["ksize"][x], a["strides"][x]) for x in (y, y + 1)]
    m = np.outer(*(cells(*of, a["padding"] == "SAME") for of in k))
    return tf.raw_ops.AvgPoolGrad(**a | {"grad": g * tf.cast(m if y == 2 else m[..., None], g.dtype)})
""",
    "dropout_grad(": """def dropout_grad(grad, kept, rate):
    u = tf.where(kept, tf.constant(inf, grad.dtype), tf.constant(-inf, grad.dtype))
    with tf.GradientTape() as t:
        x = tf.ones_like(grad)
        t.watch(x)
        y = tf.nn.experimental.general_dropout(x, rate, lambda *_, **__: u)
    return t.gradient(y, x, output_gradients=grad)
""",
    "dropout(a)": """def dropout(a):
    tf.random.set_seed(a.pop("global_seed", 0))
    return tf.nn.dropout(**a)
""",
}


def script(case: Case, arguments: Mapping[str, Any], allowed: Allowed, target: Target, route: str, kind: str) -> str:
    """Return the text of repro.py for a case that a target of TensorFlow gets wrong."""
    dies = kind in ("crashed", "hung")
    lines = opening(f"{case.op}: {kind} on {target.name}", target, ("subprocess",) if dies else ())
    if dies:
        lines += [
            "if len(sys.argv) == 1:",
            "    done = subprocess.run([sys.executable, __file__, 'call'], timeout=60)",
            "    print('expected: the process lives; got: exit code', done.returncode)",
            "    sys.exit(1 if done.returncode else 0)",
        ]
    setting, call = calling(case, arguments, target, route)
    return "\n".join([*lines, *setting, *_judged(allowed, call, kind)]) + "\n"


def opening(title: str, target: Target, modules: Sequence[str] = ()) -> list[str]:
    """Return the first lines: what the script shows, the target's environment, what it imports."""
    return [
        f'"""{title}. Exits with 1 while the fault exists."""',
        *(f"import {name}" for name in ("os", *modules, "sys")),
        *(f"os.environ[{name!r}] = {text!r}" for name, text in target.environment.items() if name in KEPT),
        *("import numpy as np", "import tensorflow as tf", "from numpy import inf, nan", ""),
    ]


def calling(case: Case, arguments: Mapping[str, Any], target: Target, route: str) -> tuple[list[str], str]:
    """Return the lines that set the arguments `a` and what the call needs, and the call."""
    call = CALLS.get((case.op, route), f"None  # {case.op} by {route}: see case.json")
    lines = [text.rstrip("\n") for name, text in TOOLS.items() if name in call]
    lines.append(f"a = {{{', '.join(f'{name!r}: {literal(value)}' for name, value in arguments.items())}}}")
    mode = str(target.options.get("mode", "eager"))
    if mode == "eager":
        return lines, call
    traced = f"tf.function(lambda t: (a.update(t), {call})[1], jit_compile={mode == 'xla'})"
    return lines, f"{traced}({{n: a[n] for n in {list(case.arrays)}}})"


KEPT = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "MALLOC_PERTURB_", "CUDA_VISIBLE_DEVICES")


def _judged(allowed: Allowed, call: str, kind: str) -> list[str]:
    """Return the lines that call, print and compare."""
    first = allowed.options[0] if isinstance(allowed, AnyOf) else allowed
    if isinstance(first, Refused):
        return [
            "try:",
            f"    got = {call}",
            "except Exception as error:",
            "    sys.exit(print('refused, as it should be:', type(error).__name__))",
            f"print('expected: an error, since', {first.reason!r})",
            "sys.exit(print('got:', got) or 1)",
        ]
    lines = [f"got = {call}"]
    if kind == "refused-valid":
        lines = ["try:", f"    got = {call}", "except Exception as error:"]
        lines += ["    sys.exit(print('expected: a value; got:', error) or 1)"]
    lines += ["got = [np.asarray(g) for g in (got if isinstance(got, (list, tuple)) else [got])]"]
    if isinstance(first, AnyMask):
        return [*lines, *_masked(first)]
    if not isinstance(first, Results):
        return [*lines, "print('got:', got)"]
    bounds = ", ".join(f"({plain(result.low)}, {plain(result.high)})" for result in first.arrays)
    return [
        *lines,
        f"allowed = [{bounds}]",
        "print('expected, from:', *[low for low, high in allowed], 'to:', *[high for low, high in allowed], sep='\\n')",
        "print('got:', *got, sep='\\n')",
        "fits = [g.shape == np.shape(l) and ((l <= g) & (g <= h) | (g != g) & (h != h)).all()",
        "        for g, (l, h) in zip(got, allowed)]",
        "sys.exit(0 if all(fits) else 1)",
    ]


def _masked(mask: AnyMask) -> list[str]:
    """Return the lines that compare a dropout under an unknown mask with what it may keep."""
    kept = scaled(mask.x, mask.rate) if float(mask.rate) < 1 else np.zeros_like(mask.x)
    return [
        f"kept = {plain(kept)}",
        "print('expected: each element 0, or, where', kept, 'has another, that; got:', *got)",
        "sys.exit(0 if ((got[0] == 0) | (got[0] == kept) | (kept != kept)).all() else 1)",
    ]


def literal(value: Any) -> str:  # noqa: ANN401 -- an argument of a call
    """Return the source text of an argument."""
    if not isinstance(value, np.ndarray):
        return repr(value)
    dtype = f"tf.{'bool' if value.dtype.name == 'bool' else value.dtype.name}"
    return f"tf.constant({plain(value)}, {dtype})"


def plain(array: Array) -> str:
    """Return the source text of an array's values, exact: bfloat16 as the float32 of the same value."""
    values = array.astype(np.float32) if array.dtype.name == "bfloat16" else array
    alike = values.size > 1 and values.tobytes() == values.flat[0].tobytes() * values.size
    text = json.dumps(values.flat[0].item() if alike else values.tolist())
    for word, name in (("NaN", "nan"), ("Infinity", "inf"), ("true", "True"), ("false", "False")):
        text = text.replace(word, name)
    shape, dtype = list(values.shape), values.dtype.name
    # A shape with a zero is lost in nested lists.
    return f"np.full({shape}, {text}, '{dtype}')" if alike else f"np.array({text}, '{dtype}').reshape({shape})"
