"""
PyTorch's own samples of its ops: what PyTorch gives for them lies in what the reference allows.

The samples are drawn by the installed package, torch.testing. Biases are left out, and images without a batch get one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from reference import SpecError, max_unpool
from reference.floats import Array, bfloat16
from reference.ops.masks import possible
from tests.peers.calls import NotOurs, axes_of, convolved, disagreement, largest, means, spread_out

torch = pytest.importorskip("torch", reason="the package torch is not installed: tox -e peers installs it")
pytest.importorskip("expecttest", reason="the package expecttest, which torch.testing needs, is not installed")

# How samples of each op disagree, and by which choice. What no longer occurs fails the test.
TWICE = "an index that comes twice keeps one of its values: max_unpool.R6 adds them"
NEGATIVE_ZERO = "what is dropped is x times 0, which is -0 where x is negative: dropout.R9 has +0"
STORAGE = "16-bit sums are kept in 16 bits: the reference wants at least float32"
DISAGREEMENTS = {("nn.functional.max_unpool2d", TWICE), ("nn.functional.dropout", NEGATIVE_ZERO)}
OF_16_BITS = DISAGREEMENTS | {("nn.functional.conv_transpose2d", STORAGE)}

# Why a sample is no call of TensorFlow's.
OUTSIDE = {"", "pools have no dilations", "avg_pool divides by the number of elements", "dropout.R2"}


def pair(value: Any) -> tuple[int, int]:  # noqa: ANN401 -- an integer, one in a tuple, or two
    """Return rows and columns."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values[0], values[-1]


def array(tensor: Any) -> Array:  # noqa: ANN401 -- a tensor
    """Return a tensor as an array; NumPy has bfloat16 by its bits."""
    held = tensor.detach()
    values: Array = held.view(torch.int16).numpy().view(bfloat16) if held.dtype == torch.bfloat16 else held.numpy()
    return values


def batched(tensor: Any) -> Array:  # noqa: ANN401 -- a tensor
    """Return an array with a batch."""
    values = array(tensor)
    return values[None] if values.ndim == 3 else values


def places(image: Array, taps: Any, given: dict[str, Any]) -> list[tuple[int, ...]]:  # noqa: ANN401 -- as `pair`
    """Return size, taps, stride and dilation along rows and columns."""
    steps = (given.get("stride") or 1, given.get("dilation", 1))
    return list(zip(image.shape[2:], pair(taps), *map(pair, steps), strict=True))


def words(given: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the words about padding that a sample has, numbers as pairs."""
    return {
        name: given[name] if isinstance(given[name], str | bool) else pair(given[name])
        for name in names
        if name in given
    }


def conv2d(image: Any, filters: Any, bias: Any = None, **given: Any) -> str:  # noqa: ANN401, ARG001 -- tensors; PyTorch's
    """Judge conv2d."""
    out = torch.nn.functional.conv2d(image, filters, None, **given)
    x, w = batched(image), batched(filters)
    axes = axes_of("torch", "conv2d", places(x, w.shape[2:], given), **words(given, "padding"))
    return disagreement(convolved(x, w, axes), batched(out))


def conv_transpose2d(image: Any, filters: Any, bias: Any = None, **given: Any) -> str:  # noqa: ANN401, ARG001 -- likewise
    """Judge conv_transpose2d."""
    out = torch.nn.functional.conv_transpose2d(image, filters, None, **given)
    x, w = batched(image), batched(filters)
    said = words(given, "padding", "output_padding")
    axes = axes_of("torch", "conv2d_transpose", places(x, w.shape[2:], given), **said)
    groups = given.get("groups", 1)
    how = disagreement(spread_out(x, w, axes, groups), batched(out))
    weaker = how and not disagreement(spread_out(x, w, axes, groups, "storage"), batched(out))
    return STORAGE if weaker else how


def max_pool2d(image: Any, **given: Any) -> str:  # noqa: ANN401 -- a tensor
    """Judge max_pool2d, and its indices: y * W + x in their own image and channel."""
    out, indices = torch.nn.functional.max_pool2d(image, **given | {"return_indices": True})
    x, step = batched(image), {"stride": given.get("stride") or given["kernel_size"]}
    axes = axes_of(
        "torch", "max_pool", places(x, given["kernel_size"], given | step), **words(given, "padding", "ceil_mode")
    )
    values, where = largest(x, axes)
    return disagreement(values, batched(out)) or (disagreement(where, batched(indices)) if where is not None else "")


def avg_pool2d(
    image: Any,  # noqa: ANN401 -- a tensor
    kernel_size: Any,  # noqa: ANN401 -- as `pair`
    stride: Any = None,  # noqa: ANN401 -- likewise
    padding: Any = 0,  # noqa: ANN401 -- likewise
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> str:
    """Judge avg_pool2d where it divides by the real elements; its own divisors are left out."""
    x, step = batched(image), {"stride": stride or kernel_size}
    axes = axes_of("torch", "avg_pool", places(x, kernel_size, step), padding=pair(padding), ceil_mode=ceil_mode)
    padded = count_include_pad and pair(padding) != (0, 0)
    if divisor_override is not None or (padded and ceil_mode):
        raise NotOurs("avg_pool divides by the number of elements")
    out = torch.nn.functional.avg_pool2d(image, kernel_size, stride, padding, ceil_mode, count_include_pad)
    return disagreement(means(x, axes, padded=padded), batched(out))


def max_unpool2d(pooled: Any, indices: Any, **given: Any) -> str:  # noqa: ANN401 -- tensors
    """Judge max_unpool2d: its indices are y * W + x in their own image and channel."""
    out = np.moveaxis(batched(torch.nn.functional.max_unpool2d(pooled, indices, **given)), 1, 3)
    values, where = (np.moveaxis(batched(tensor), 1, 3) for tensor in (pooled, indices))
    channels = out.shape[3]
    flat = where * channels + np.arange(channels)
    ours = max_unpool(values, flat, out.shape)
    counts = max_unpool(np.ones(values.shape, np.int32), flat, out.shape)
    once = np.moveaxis(np.where(counts > 1, out, ours), 3, 1)  # compared where one value alone is named
    how = disagreement(once, np.moveaxis(out, 3, 1))
    return how or (TWICE if (ours != out).any() else "")


def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> str:  # noqa: ANN401, ARG001
    """Judge dropout by what must hold for any generator."""
    out = array(torch.nn.functional.dropout(x, p, training))
    rate = p if training else 0
    if not possible(array(x), rate, None, out + 0).allowed.all():  # -0 + 0 is +0
        return "neither kept nor dropped"
    return "" if possible(array(x), rate, None, out).allowed.all() else NEGATIVE_ZERO


JUDGES: dict[str, Callable[..., str]] = {
    "nn.functional.conv2d": conv2d,
    "nn.functional.conv_transpose2d": conv_transpose2d,
    "nn.functional.max_pool2d": max_pool2d,
    "nn.functional.avg_pool2d": avg_pool2d,
    "nn.functional.max_unpool2d": max_unpool2d,
    "nn.functional.dropout": dropout,
}


def judged(dtype: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 -- PyTorch's
    """Yield each sample's op, why it is not ours, and how it disagrees."""
    from torch.testing._internal.common_methods_invocations import op_db

    for op in op_db:
        for sample in op.sample_inputs("cpu", dtype) if op.name in JUDGES else ():
            try:
                yield op.name, "", JUDGES[op.name](sample.input, *sample.args, **sample.kwargs)
            except NotOurs as reason:
                yield op.name, str(reason), ""
            except SpecError as refusal:
                yield op.name, refusal.rule, ""


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_torch_gives_what_is_allowed(dtype: str, record_property: Callable[[str, object], None]) -> None:
    """But for what is listed; and what is listed does disagree. Each op has samples that are ours."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    found = list(judged(getattr(torch, dtype)))

    record_property("judged", Counter(op for op, outside, _ in found if not outside))
    assert {op for op, outside, _ in found if not outside} == JUDGES.keys()
    disagreeing = {(op, how) for op, _, how in found if how}
    assert disagreeing <= (OF_16_BITS if dtype.endswith("16") else DISAGREEMENTS)
    assert disagreeing >= DISAGREEMENTS  # the sums depend on the processor, these do not
    assert {outside for _, outside, _ in found} <= OUTSIDE
