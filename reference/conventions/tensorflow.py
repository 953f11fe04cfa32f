"""
TensorFlow's words.

padding is "SAME" (the odd zero last), "VALID" or (before, after), of a pool smaller than the window. A transposed
convolution has output_shape: any that the forward convolution maps to the input; the smallest one where none is given.
"""

from reference import arithmetic
from reference.arithmetic import End
from reference.conventions.places import Kind, Place, Way, not_shrinking, number, refused
from reference.errors import shown
from reference.reading import whole_numbers
from reference.windows import Axis

__all__ = ["KINDS"]


def _convolution(at: Place, padding: End = "VALID") -> Axis:
    """Lay the windows of a convolution."""
    return arithmetic.axis(at.size, at.taps, at.stride, padding, at.dilation)


def _pool(at: Place, padding: End = "VALID") -> Axis:
    """Lay the windows of a pool."""
    ends = [] if isinstance(padding, str) else whole_numbers("conventions.R2", "padding", padding)
    if max(ends, default=0) >= at.taps:
        raise refused(
            f"padding {shown(padding)} of a pool is not smaller than its window of {at.taps}", padding=padding
        )
    return _convolution(at, padding)


def _transposed(at: Place, padding: End = "SAME", output_shape: int | None = None) -> Axis:
    """Lay the forward windows of a transposed convolution."""
    sizes = arithmetic.transposed_sizes(at.size, at.taps, at.stride, padding, at.dilation)
    smallest = sizes[0] if sizes else 0
    out = smallest if output_shape is None else number("output_shape", output_shape)
    if out not in sizes:
        raise not_shrinking(at, out)
    return arithmetic.axis(out, at.taps, at.stride, padding, at.dilation)


PADDINGS: list[Way] = [
    lambda _: {"padding": "SAME"},
    lambda _: {"padding": "VALID"},
    lambda axis: {"padding": (axis.before, axis.after)},
]
OUTPUTS: list[Way] = [
    lambda axis: {"padding": "SAME", "output_shape": axis.size},
    lambda axis: {"padding": "VALID", "output_shape": axis.size},
    lambda axis: {"padding": (axis.before, axis.after), "output_shape": axis.size},
]
KINDS: dict[str, Kind] = {
    "convolution": (_convolution, PADDINGS),
    "pool": (_pool, PADDINGS),
    "transposed": (_transposed, OUTPUTS),
}
