"""
The attribute classes of a case: what coverage counts, and what the predicate of a finding is made of.

Each class has a name and a text, so that "batch above 1, output width 1, stride above 1" reads as it stands.
"""

from math import prod

from conformance.cases import conv2d, pools, unpool
from conformance.cases.spelling import Spelling, decoded, layout_of
from conformance.model import Case, Json
from reference.random_bits import algorithm
from reference.windows import Axis

__all__ = ["attributes"]


def attributes(case: Case) -> dict[str, str]:
    """Return the class of each attribute of a case; of a call that breaks a rule, those that need no geometry."""
    common = {"dtype": next(iter(case.arrays.values())).dtype, "layout": layout_of(case.attributes)}
    if case.breaks is not None:
        return {**common, "breaks": case.breaks}
    common["regime"] = case.regime
    if case.op.startswith("conv2d"):
        return {**common, **_of_convolution(conv2d.read(case))}
    if case.op == "max_unpool":
        return {**common, **_of_unpool(unpool.read(case))}
    if "pool" in case.op:
        return {**common, **_of_pool(pools.read(case))}
    return {"dtype": common["dtype"], "regime": case.regime, **_of_dropout(case)}


def _of_convolution(call: conv2d.Convolution) -> dict[str, str]:
    """Classify a convolution."""
    grouped = "1" if call.groups == 1 else "depthwise" if call.depth == 1 else "above 1"
    return {
        **_windows(call.rows, call.columns, call.padding, call.spelling),
        "rank": str(len(call.image)),
        "batch": _count(prod(call.lead)),
        "channels": _channels(call.image[-1]),
        "filters": _channels(call.outputs),
        "groups": grouped,
        "dilation": _above(max(call.rows.dilation, call.columns.dilation)),
        "terms": _terms(call.terms),
        "dilations spelt": call.spelling.window,
    }


def _of_pool(call: pools.Pool) -> dict[str, str]:
    """Classify a pool."""
    return {
        **_windows(call.rows, call.columns, call.padding, call.spelling),
        "batch": _count(call.batch),
        "channels": _channels(call.channels),
        "between channels": "yes" if call.between > 1 else "no",
        "terms": _terms(call.terms),
        "ksize spelt": call.spelling.window,
        "output_dtype": call.output_dtype or "default",
        "index with batch": "yes" if call.include_batch_in_index else "no",
    }


def _windows(rows: Axis, columns: Axis, padding: str, words: Spelling) -> dict[str, str]:
    """Classify windows and sizes."""
    both = (rows, columns)
    return {
        "padding": padding,
        "padding ends": "alike" if all(axis.before == axis.after for axis in both) else "unlike",
        "window": "1" if max(rows.taps, columns.taps) == 1 else "square" if rows.taps == columns.taps else "oblong",
        "stride": _stride(max(rows.stride, columns.stride)),
        "strides": "equal" if rows.stride == columns.stride else "unequal",
        "stride above window": "yes" if any(axis.stride > axis.reach for axis in both) else "no",
        "window above image": "yes" if any(axis.reach > axis.size for axis in both) else "no",
        "remainder": "0" if all(_remainder(axis) == 0 for axis in both) else "above 0",
        "image height": _side(rows.size),
        "image width": _side(columns.size),
        "output height": _side(rows.out),
        "output width": _side(columns.out),
        "strides spelt": words.strides,
        "data_format spelt": words.data_format,
        "shape spelt": words.sizes,
    }


def _of_unpool(call: unpool.Unpool) -> dict[str, str]:
    """Classify an unpooling."""
    return {
        "batch": _count(call.result[0]),
        "channels": _channels(call.result[3]),
        "pooled height": _side(call.result[1]),
        "pooled width": _side(call.result[2]),
        "output height": _side(call.size[0]),
        "output width": _side(call.size[1]),
        "argmax": call.argmax,
        "argmax drawn": "in blocks" if unpool.in_blocks(call) else "anywhere",
        "index with batch": {None: "default", False: "no", True: "yes"}[call.include_batch_in_index],
        "shape spelt": call.sizes,
    }


def _of_dropout(case: Case) -> dict[str, str]:
    """Classify a dropout."""
    shape = next(iter(case.arrays.values())).shape
    classes = {
        "rank": str(len(shape)),
        "elements": "0" if 0 in shape else "1" if prod(shape) == 1 else _terms(prod(shape)),
        "rate": _rate(case.attributes["rate"]),
        "rate given as": "tensor" if isinstance(case.attributes["rate"], dict) else "number",
    }
    if case.op == "dropout_grad":
        return classes
    given = [name for name in ("seed", "global_seed") if name in case.attributes]
    if case.op == "stateless_dropout":
        spelt = case.attributes.get("rng_alg", "default")
        return {
            **classes,
            **_noise(case),
            "rng_alg": str(spelt),
            "algorithm": algorithm(None if spelt == "default" else decoded(spelt)),
            "seed given as": "tensor" if isinstance(case.attributes["seed"], dict) else "list",
        }
    return {**classes, **_noise(case), "seeds": " and ".join(given) or "none"}


def _noise(case: Case) -> dict[str, str]:
    """Classify a noise_shape."""
    noise = case.attributes.get("noise_shape")
    if not isinstance(noise, list):
        return {"noise_shape": "none"}
    shared = any(entry == 1 for entry in noise) or len(noise) < len(next(iter(case.arrays.values())).shape)
    return {"noise_shape": "shared" if shared else "full", "noise_shape with None": "yes" if None in noise else "no"}


def _rate(rate: Json) -> str:
    """Classify a rate."""
    value = float(decoded(rate))
    if 0 <= value < 1:
        return "0" if value == 0 else "1/2" if value == 0.5 else "small" if value < 1e-3 else "between"
    return "outside"


def _count(count: int) -> str:
    """Classify a batch."""
    return str(count) if count < 2 else "above 1"


def _above(value: int) -> str:
    """Classify dilations, and most strides."""
    return "1" if value == 1 else "above 1"


def _stride(stride: int) -> str:
    """Classify strides; sums of a huge one and a padding overflow an int32."""
    return "huge" if stride >= 2**30 else _above(stride)


def _side(size: int) -> str:
    """Classify a height or width."""
    return str(size) if size < 2 else "odd" if size % 2 else "even"


def _channels(count: int) -> str:
    """Classify channels and filters, by what vectors of 8 have to do with them."""
    return str(count) if count < 2 else "below 8" if count < 8 else "other" if count % 8 else "multiple of 8"


def _terms(count: int) -> str:
    """Classify the number of terms of a sum, or of elements."""
    return "up to 256" if count <= 256 else "up to 2048" if count <= 2048 else "above 2048"


def _remainder(axis: Axis) -> int:
    """Return how many elements at the end of the padded image no window reaches."""
    return axis.padded - ((axis.out - 1) * axis.stride + axis.reach) if axis.out > 0 else 0
