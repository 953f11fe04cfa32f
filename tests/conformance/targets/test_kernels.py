"""oneDNN's own lines say which kernels have run: each call is told its own, and reports count them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conformance.model import Returned
from conformance.run.kernels import Kernel, reached
from conformance.run.rows import Row
from conformance.run.store import Store
from conformance.targets import registry
from conformance.targets.transport.messages import Argument, Call
from conformance.targets.transport.pool import Worker

# Of oneDNN 3.7 and of 3.0, and a line that is about no primitive.
SCRIPT = """
import os, sys
from conformance.targets.tensorflow.kernels import Printed
printed = Printed()
for line in (
    b"onednn_verbose,v1,info,oneDNN v3.7.3 (commit N/A)",
    b"onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core,forward_training,src:f32::blocked:acdb",
    b"onednn_verbose,exec,cpu,pooling_v2,jit:avx2,forward_inference,src_bf16::blocked:acdb:f0 dst_bf16::blocked",
    b"onednn_verbose,exec,cpu,pooling_v2,jit:avx2,forward_inference,src_bf16::blocked:acdb:f0 dst_bf16::blocked",
):
    os.write(1, line + b"\\n")
sys.stderr.write(f"{printed.kernels()} {printed.kernels()}")
"""
TOLD = "('convolution brg_conv_fwd:avx512_core forward_training f32', 'pooling_v2 jit:avx2 forward_inference bf16') ()"


def test_lines_of_old_and_new_releases_are_read_once() -> None:
    """Primitive, code, direction and dtype of each kernel, once; nothing is left for the next call."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)  # noqa: S603 -- above

    assert (ended.stdout, ended.stderr) == ("", TOLD)


# More than the file is let to hold; every call names a code of its own.
MANY = """
import os, sys
from conformance.targets.tensorflow.kernels import LONGEST, Printed
printed, size = Printed(), 0
for number in range(3 * LONGEST // 64):
    os.write(1, b"onednn_verbose,v1,primitive,exec,cpu,convolution,jit:%d,forward,src:f32\\n" % number)
    size = max(size, os.lseek(1, 0, os.SEEK_CUR))
    assert printed.kernels() == (f"convolution jit:{number} forward f32",)
sys.stderr.write(str(size // LONGEST))
"""


def test_what_is_printed_over_many_calls_takes_no_more_room_than_that_of_one() -> None:
    """Each call is told its own kernel, and the file begins anew before it is twice as long as what is read of one."""
    ended = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True)  # noqa: S603 -- above

    assert (ended.stdout, ended.stderr) == ("", "1")


@pytest.mark.tensorflow
@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")
@pytest.mark.parametrize("name", ["tf-cpu-eager", "tf-cpu-graph"])
def test_tensorflow_tells_the_kernels_of_each_call(name: str) -> None:
    """A convolution of float32 is one of oneDNN's, in one dtype; a comparison in dropout is none."""
    ones = np.ones((1, 4, 4, 8), np.float32)
    arguments: dict[str, Argument] = {
        "input": ones,
        "filters": np.ones((3, 3, 8, 8), np.float32),
        "strides": 1,
        "padding": "SAME",
    }
    with Worker(registry.find(name).start()) as worker:
        convolution = worker.run(Call(op="conv2d", arguments=arguments))
        dropout = worker.run(Call(op="dropout", arguments={"x": ones, "rate": 0.5}))

    assert isinstance(convolution, Returned)
    assert any(kernel.startswith("convolution ") and kernel.endswith(" f32") for kernel in convolution.kernels)
    assert isinstance(dropout, Returned)
    assert dropout.kernels == ()


@pytest.mark.tensorflow
@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")
def test_a_graph_tells_what_was_fused_in_it_at_each_call() -> None:
    """A convolution, its bias and relu become one op with both as its parts; a convolution alone is none."""
    arguments: dict[str, Argument] = {
        "input": np.ones((1, 4, 4, 8), np.float32),
        "filters": np.ones((3, 3, 8, 8), np.float32),
        "strides": [1, 1, 1, 1],
        "padding": "SAME",
    }
    with Worker(registry.find("tf-cpu-graph").start()) as worker:
        alone = worker.run(Call(op="conv2d", arguments=arguments))
        stages: Argument = ["conv2d", "bias_add", "relu"]
        whole = {**arguments, "stages": stages, "bias": np.ones(8, np.float32)}
        first, second = (worker.run(Call(op="pattern", arguments=whole)) for _ in range(2))

    assert all(isinstance(each, Returned) for each in (alone, first, second))
    assert not [kernel for kernel in getattr(alone, "kernels", ()) if "Fused" in kernel]
    for each in (first, second):
        assert [kernel.split()[-1] for kernel in getattr(each, "kernels", ()) if "FusedConv2D" in kernel] == [
            "BiasAdd+Relu"
        ]


def test_kernels_are_counted_by_call(tmp_path: Path) -> None:
    """Of two calls one ran two kernels, and disagreed."""
    store = Store.create(tmp_path, {})
    rows = [
        Row(case="one", op="conv2d", target="t", kernel="reorder a; convolution b", verdict="disagrees"),
        Row(case="two", op="conv2d", target="t", kernel="convolution b"),
        Row(case="three", op="conv2d", target="t"),
    ]
    store.write_shard("conv2d-00000", rows)

    assert reached(store) == [
        Kernel(target="t", kernel="convolution b", calls=2, disagreeing=1),
        Kernel(target="t", kernel="reorder a", calls=1, disagreeing=1),
    ]
