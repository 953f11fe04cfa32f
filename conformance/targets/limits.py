"""
Declared limits: the valid calls that a target says it does not implement, as data.

A refusal of a valid call is `unsupported` only where a limit of that target covers it. Measured on TensorFlow 2.21.0 on
CPU, call by call; those of the GPU come from the kernel registrations in its source, core/kernels, and wait for one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.model import Case, Json

__all__ = ["EVERYWHERE", "GPU", "STOCK", "UNKNOWN_SHAPES", "XLA", "Limit", "reason", "traits"]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
GRADIENTS = ("conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter")
MAX_POOLS = ("max_pool", "max_pool_grad", "max_pool_with_argmax")
ASKED = ("output_shape", "input_sizes", "filter_sizes", "orig_input_shape")  # shapes that are arguments
AVG_POOLS = ("avg_pool", "avg_pool_grad", "avg_unpool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Calls that a target does not implement: those for which everything given here holds."""

    ops: tuple[str, ...]
    reason: str
    traits: tuple[str, ...] = ()  # of the call, all of them: see `traits`
    dtypes: tuple[str, ...] = ()  # of the call's first array; any where none is given
    routes: tuple[str, ...] = ()  # any where none is given
    lifted: bool = False  # by oneDNN, for the dtypes that it serves

    def covers(self, case: Case, route: str, served: Iterable[str]) -> bool:
        """Return whether the call falls under this limit, where oneDNN serves these dtypes."""
        dtype = next((array.dtype for array in case.arrays.values()), "")
        return (
            case.op in self.ops
            and (not self.dtypes or dtype in self.dtypes)
            and (not self.routes or route in self.routes)
            and not (self.lifted and dtype in served)
            and traits(case).issuperset(self.traits)
        )


def reason(limits: Iterable[Limit], case: Case, route: str, served: Iterable[str]) -> str | None:
    """Return the reason of the first limit that covers the call; None where none does."""
    return next((limit.reason for limit in limits if limit.covers(case, route, served)), None)


def traits(case: Case) -> frozenset[str]:
    """
    Return what limits look at in a call.

    NCHW; explicit (padding); dilated; grouped (fewer channels in a filter than in the image); depth (a pool's window
    spans channels); fill (noise_shape has an entry that the shape of x fills); int64 (a shape argument is a tensor of
    int64); two (it is height and width alone); short index (argmax is int32).
    """
    attributes = case.attributes
    asked = next((attributes[name] for name in ASKED if name in attributes), None)
    found = {
        "NCHW": attributes.get("data_format") == "NCHW",
        "explicit": isinstance(attributes.get("padding"), list),
        "dilated": any(entry != 1 for entry in entries(attributes.get("dilations"))),
        "grouped": grouped(case),
        "depth": spans_channels(case),
        "fill": None in entries(attributes.get("noise_shape")),
        "int64": isinstance(asked, dict) and asked.get("dtype") == "int64",
        "two": len(entries(asked)) == 2,
        "short index": "argmax" in case.arrays and case.arrays["argmax"].dtype == "int32",
    }
    return frozenset(name for name, holds in found.items() if holds)


def entries(attribute: Json) -> list[Json]:
    """Return an attribute's entries, however it is spelt; none where it is absent."""
    if isinstance(attribute, dict):
        attribute = attribute.get("array")
    if attribute is None:
        return []
    return attribute if isinstance(attribute, list) else [attribute]


def grouped(case: Case) -> bool:
    """Return whether a convolution's filters see fewer channels than the image has."""
    if not case.op.startswith("conv2d"):
        return False
    channel = 1 if case.attributes.get("data_format") == "NCHW" else -1
    image = shape(case, "input_sizes", "output_shape", "input")
    filters = shape(case, "filters", "filter_sizes")
    return len(image) == 4 and len(filters) == 4 and image[channel] != filters[2]


def spans_channels(case: Case) -> bool:
    """Return whether a pool's window is wider than one channel."""
    ksize = entries(case.attributes.get("ksize"))
    channel = 1 if case.attributes.get("data_format") == "NCHW" else 3
    return len(ksize) == 4 and ksize[channel] != 1


def shape(case: Case, *names: str) -> list[Json]:
    """Return the first of these arguments that the call has, as a shape: of the array, or the attribute's value."""
    for name in names:
        if name in case.arrays:
            return list(case.arrays[name].shape)
        if name in case.attributes:
            return entries(case.attributes[name])
    return []


# Of every TensorFlow target.
EVERYWHERE = (
    Limit(ops=("conv2d_backprop_filter",), dtypes=("int32",), reason="the op has no integer kernels"),
    # Conv2DBackpropInput, Conv2DBackpropFilter and AvgPoolGrad are registered with `input_sizes: int32` and the like.
    Limit(
        ops=(*GRADIENTS, "avg_pool_grad"),
        routes=("nn", "raw"),
        traits=("int64",),
        reason="the op takes its shape as int32 only",
    ),
    Limit(
        ops=(*GRADIENTS, "max_pool_grad"),
        routes=("tape",),
        dtypes=INTEGERS,
        reason="the tape gives no gradients of integers",
    ),
    Limit(ops=("max_pool_grad",), routes=("argmax",), traits=("NCHW",), reason="max_pool_with_argmax is NHWC only"),
    Limit(
        ops=("max_pool_grad",),
        routes=("argmax",),
        traits=("explicit",),
        reason="max_pool_with_argmax takes no explicit padding",
    ),
)

# Of the CPU's own kernels, eager and in graphs.
STOCK = (
    Limit(ops=(*GRADIENTS,), traits=("NCHW", "explicit"), reason="NHWC only with explicit padding"),
    Limit(ops=(*GRADIENTS,), traits=("dilated", "explicit"), reason="no dilation with explicit padding"),
    Limit(ops=(*GRADIENTS,), traits=("grouped", "explicit"), reason="no groups with explicit padding"),
    Limit(ops=("conv2d", *GRADIENTS), traits=("NCHW",), lifted=True, reason="NHWC only"),
    Limit(ops=GRADIENTS, traits=("dilated",), lifted=True, reason="no dilation"),
    Limit(ops=GRADIENTS, traits=("grouped",), lifted=True, reason="no groups"),
    Limit(ops=("max_pool",), traits=("NCHW", "explicit"), reason="NHWC only with explicit padding"),
    Limit(ops=("max_pool", *AVG_POOLS), traits=("NCHW",), lifted=True, reason="NHWC only"),
    Limit(ops=("max_pool_grad",), traits=("NCHW",), reason="NHWC only"),
    Limit(ops=("max_pool_grad",), traits=("depth",), reason="no gradient of pooling over channels"),
    Limit(
        ops=("max_unpool",),
        routes=("argmax",),
        traits=("short index",),
        reason="MaxPoolGradWithArgmax has kernels for int64 only",
    ),
)

# Of graphs that know ranks only.
UNKNOWN_SHAPES = (
    Limit(
        ops=("dropout", "stateless_dropout"), traits=("fill",), reason="noise_shape is filled from a known shape only"
    ),
    Limit(ops=("max_unpool",), routes=("argmax",), reason="the window is computed from a known shape"),
)

XLA = (
    Limit(
        ops=("conv2d_transpose", "conv2d_backprop_input"),
        routes=("nn", "raw"),
        traits=("two",),
        reason="the shape needs four entries",
    ),
    Limit(ops=("max_pool", "max_pool_grad"), traits=("explicit",), reason="no explicit padding in pools"),
    Limit(ops=("max_pool_with_argmax",), reason="MaxPoolWithArgmax has no XLA kernel"),
    Limit(ops=("max_pool_grad", "max_unpool"), routes=("argmax",), reason="MaxPoolGradWithArgmax has no XLA kernel"),
)

GPU = (
    Limit(ops=MAX_POOLS, dtypes=INTEGERS, reason="the GPU has no pooling kernels for integers"),
    Limit(ops=MAX_POOLS, traits=("depth",), reason="the GPU has no pooling over channels"),
)
