"""What the libraries' modules share: where windows lie before anything is said of padding, and how words are read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from reference import arithmetic, windows
from reference.errors import SpecError, shown
from reference.reading import read_flag, whole_number
from reference.windows import Axis

__all__ = ["Kind", "Place", "Way", "forward", "lengthening", "named", "not_shrinking", "number", "refused", "rounded"]

Way: TypeAlias = Callable[[Axis], Mapping[str, Any]]  # the words that a library may have for the windows of an axis
Kind: TypeAlias = tuple[Callable[..., Axis], Sequence[Way]]  # how a library reads its words, and its ways to write them


class Place(NamedTuple):
    """One axis of a call without its padding; size is that of the op's input."""

    size: int
    taps: int
    stride: int
    dilation: int

    @property
    def reach(self) -> int:
        """The length of the window with its gaps."""
        return windows.reach(self.taps, self.dilation)

    @property
    def full(self) -> int:
        """The length of a transposed convolution's output before any padding is cut off."""
        return (self.size - 1) * self.stride + self.reach


def rounded(at: Place, before: int, after: int, ceil_mode: object) -> Axis:
    """
    Lay the windows that fit image and padding, and with ceil_mode one that starts before its end.

        out = floor((before + size + after - reach) / stride) + 1

    or with ceil_mode the quotient rounded up, and one less if the last window would start after image and left padding.
    """
    size, taps, stride, dilation = at
    floor = arithmetic.axis(size, taps, stride, (before, after), dilation)
    if not read_flag("conventions.R2", "ceil_mode", ceil_mode):
        return floor
    out = -((at.reach - floor.padded) // stride) + 1
    out -= (out - 1) * stride >= size + before
    reached = (out - 1) * stride + at.reach - size - before
    return windows.explicit(size, taps, stride, dilation, before, max(reached, 0))


def forward(at: Place, before: int, out: int) -> Axis:
    """Lay the forward windows over a transposed convolution's output, of which `before` elements were cut off first."""
    after = max(at.full - out - before, 0)
    laid = windows.explicit(max(out, 0), at.taps, at.stride, at.dilation, before, after)
    if out < 0 or laid.out != at.size:
        raise not_shrinking(at, out)
    return laid


def lengthening(axis: Axis, shortest: int) -> int:
    """Return the output_padding that makes (size - 1) stride + shortest the output of a transposed convolution."""
    return axis.size - (axis.out - 1) * axis.stride - shortest


def not_shrinking(at: Place, out: int) -> SpecError:
    """Return the refusal of an output that the forward convolution does not map to the input."""
    reason = f"the forward convolution does not map an output of {out} to {at.size}"
    return SpecError("conventions.R4", reason, values={"size": at.size, "output": out})


def refused(reason: str, **values: object) -> SpecError:
    """Return the refusal of what the library itself refuses."""
    return SpecError("conventions.R3", reason, values=values)


def named(word: str, value: object, names: dict[str, str]) -> str:
    """Return our name for another library's."""
    if not isinstance(value, str) or value not in names:
        raise SpecError("conventions.R2", f"{word} {shown(value)}: none of {', '.join(names)}", values={word: value})
    return names[value]


def number(word: str, value: object) -> int:
    """Read one integer from 0 to 2^31 - 1."""
    return whole_number("conventions.R2", word, value, 0)
