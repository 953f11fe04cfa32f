"""
PyTorch's words.

padding p stands at both ends; a convolution's may also be "valid", or "same" (stride 1 only, the odd zero last), a
pool's is at most half the window. ceil_mode of a pool lets the last window reach beyond the padding, if it starts
within image and left padding. A transposed convolution has

    output = (size - 1) stride - 2 p + reach + output_padding

where output_padding only makes the output longer, and is smaller than the stride or the dilation.

Source: PyTorch 2.13, torch.nn (Conv2d, ConvTranspose2d, MaxPool2d), aten/src/ATen/native/Pool.h.
"""

from reference import arithmetic
from reference.conventions.places import Kind, Place, forward, lengthening, named, number, refused, rounded
from reference.windows import Axis

__all__ = ["KINDS"]

NAMES = {"same": "SAME", "valid": "VALID"}


def _convolution(at: Place, padding: int | str = 0) -> Axis:
    """Lay the windows of a convolution."""
    if not isinstance(padding, str):
        ends = number("padding", padding)
        return arithmetic.axis(at.size, at.taps, at.stride, (ends, ends), at.dilation)
    name = named("padding", padding, NAMES)
    if name == "SAME" and at.stride > 1:
        raise refused(f"padding 'same' has stride 1, not {at.stride}", stride=at.stride)
    return arithmetic.axis(at.size, at.taps, at.stride, name, at.dilation)


def _pool(at: Place, padding: int = 0, ceil_mode: bool = False) -> Axis:
    """Lay the windows of a pool."""
    ends = number("padding", padding)
    if 2 * ends > at.reach:
        raise refused(f"padding {ends} of a pool is more than half its window of {at.reach}", padding=padding)
    return rounded(at, ends, ends, ceil_mode)


def _transposed(at: Place, padding: int = 0, output_padding: int = 0) -> Axis:
    """Lay the forward windows of a transposed convolution."""
    ends, more = number("padding", padding), number("output_padding", output_padding)
    if more >= max(at.stride, at.dilation):
        reason = f"output_padding {more} is smaller neither than the stride {at.stride} nor the dilation {at.dilation}"
        raise refused(reason, output_padding=more)
    return forward(at, ends, at.full - 2 * ends + more)


KINDS: dict[str, Kind] = {
    "convolution": (_convolution, [lambda axis: {"padding": axis.before}, lambda _: {"padding": "same"}]),
    "pool": (
        _pool,
        [
            lambda axis: {"padding": axis.before, "ceil_mode": False},
            lambda axis: {"padding": axis.before, "ceil_mode": True},
        ],
    ),
    "transposed": (
        _transposed,
        [lambda axis: {"padding": axis.before, "output_padding": lengthening(axis, axis.reach - 2 * axis.before)}],
    ),
}
