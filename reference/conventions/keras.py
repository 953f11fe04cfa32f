"""
Keras' words.

padding is "same" or "valid", as in TensorFlow. A transposed convolution has

    output = (size - 1) stride + base + output_padding          base = reach for "valid", reach mod 2 for "same"

with an output_padding smaller than the stride; without one (size - 1) stride + max(reach, stride), or size stride.
Where the output's elements then come from is what TensorFlow's SAME or VALID gives for it.

Source: Keras 3.15, src/backend/common/backend_utils.py (_get_output_shape_given_tf_padding) and
src/layers/convolutional/base_conv_transpose.py.
"""

from reference import arithmetic
from reference.conventions.places import Kind, Place, lengthening, named, not_shrinking, number, refused
from reference.windows import Axis

__all__ = ["KINDS"]

NAMES = {"same": "SAME", "valid": "VALID"}


def _windows(at: Place, padding: str = "valid") -> Axis:
    """Lay the windows of a convolution or a pool."""
    return arithmetic.axis(at.size, at.taps, at.stride, named("padding", padding, NAMES), at.dilation)


def _transposed(at: Place, padding: str = "valid", output_padding: int | None = None) -> Axis:
    """Lay the forward windows of a transposed convolution."""
    name = named("padding", padding, NAMES)
    base, usual = (at.reach, max(at.reach, at.stride)) if name == "VALID" else (at.reach % 2, at.stride)
    more = usual - base if output_padding is None else number("output_padding", output_padding)
    if output_padding is not None and more >= at.stride:
        raise refused(f"output_padding {more} is not smaller than the stride {at.stride}", output_padding=more)
    out = (at.size - 1) * at.stride + base + more
    if out not in arithmetic.transposed_sizes(at.size, at.taps, at.stride, name, at.dilation):
        raise not_shrinking(at, out)
    return arithmetic.axis(out, at.taps, at.stride, name, at.dilation)


KINDS: dict[str, Kind] = {
    "convolution": (_windows, [lambda _: {"padding": "same"}, lambda _: {"padding": "valid"}]),
    "pool": (_windows, [lambda _: {"padding": "same"}, lambda _: {"padding": "valid"}]),
    "transposed": (
        _transposed,
        [
            lambda _: {"padding": "same"},
            lambda _: {"padding": "valid"},
            lambda axis: {"padding": "same", "output_padding": lengthening(axis, axis.reach % 2)},
            lambda axis: {"padding": "valid", "output_padding": lengthening(axis, axis.reach)},
        ],
    ),
}
