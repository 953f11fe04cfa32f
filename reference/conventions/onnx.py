"""
ONNX's words.

pads are (before, after); or auto_pad is "SAME_UPPER" (the odd zero last, as in TensorFlow), "SAME_LOWER" (first) or
"VALID". ceil_mode of a pool is PyTorch's. A transposed convolution has

    output = (size - 1) stride + reach + output_padding - before - after

Given output_shape instead, what it lacks of that is shared between both ends, the odd element last with SAME_UPPER and
first without. SAME_UPPER and SAME_LOWER alone stand for an output_shape of size stride.

Source: ONNX 1.23, docs/Operators.md (Conv, ConvTranspose, MaxPool), onnx/defs/nn/defs.cc (convPoolShapeInference).
"""

from reference import windows
from reference.conventions.places import Kind, Place, Way, forward, lengthening, named, number, refused, rounded
from reference.errors import SpecError, shown
from reference.reading import whole_numbers
from reference.windows import Axis

__all__ = ["KINDS"]

NAMES = {name: name for name in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")}
Ends = tuple[int, int]


def _convolution(at: Place, pads: Ends | None = None, auto_pad: str = "NOTSET") -> Axis:
    """Lay the windows of a convolution."""
    return _pool(at, pads, auto_pad)


def _pool(at: Place, pads: Ends | None = None, auto_pad: str = "NOTSET", ceil_mode: bool = False) -> Axis:
    """Lay the windows of a pool."""
    mode, ends = _ends(pads, auto_pad)
    if mode not in {"SAME_UPPER", "SAME_LOWER"}:
        return rounded(at, *ends, ceil_mode)
    upper = windows.same(*at)
    ends = (upper.before, upper.after) if mode == "SAME_UPPER" else (upper.after, upper.before)
    return windows.explicit(*at, *ends)


def _transposed(
    at: Place,
    pads: Ends | None = None,
    auto_pad: str = "NOTSET",
    output_padding: int = 0,
    output_shape: int | None = None,
) -> Axis:
    """Lay the forward windows of a transposed convolution."""
    mode, (before, after) = _ends(pads, auto_pad)
    full = at.full + number("output_padding", output_padding)
    if output_shape is None and mode in {"NOTSET", "VALID"}:
        return forward(at, before, full - before - after)
    out = at.size * at.stride if output_shape is None else number("output_shape", output_shape)
    lacking = max(full - out, 0)
    return forward(at, lacking // 2 if mode == "SAME_UPPER" else lacking - lacking // 2, out)


def _ends(pads: Ends | None, auto_pad: str) -> tuple[str, Ends]:
    """Read auto_pad and pads, of which ONNX allows one."""
    mode = named("auto_pad", auto_pad, NAMES)
    if pads is None:
        return mode, (0, 0)
    if mode != "NOTSET":
        raise refused(f"pads beside auto_pad {mode}: one or the other", auto_pad=auto_pad, pads=pads)
    entries = whole_numbers("conventions.R2", "pads", pads)
    if len(entries) != 2:
        raise SpecError(
            "conventions.R2", f"pads {shown(pads)}: not two integers, before and after", values={"pads": pads}
        )
    return mode, (number("pads", entries[0]), number("pads", entries[1]))


PADDINGS: list[Way] = [
    lambda _: {"auto_pad": "SAME_UPPER"},
    lambda _: {"auto_pad": "SAME_LOWER"},
    lambda axis: {"pads": (axis.before, axis.after)},
]


def _cut(axis: Axis) -> dict[str, object]:
    """Return the pads and the output_padding of a transposed convolution."""
    longer = lengthening(axis, axis.reach - axis.before)
    return {"pads": (axis.before, max(-longer, 0)), "output_padding": max(longer, 0)}


KINDS: dict[str, Kind] = {
    "convolution": (_convolution, PADDINGS),
    "pool": (_pool, PADDINGS),
    "transposed": (
        _transposed,
        [
            lambda axis: {"auto_pad": "SAME_UPPER", "output_shape": axis.size},
            lambda axis: {"auto_pad": "SAME_LOWER", "output_shape": axis.size},
            _cut,
        ],
    ),
}
