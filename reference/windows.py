"""
Where windows lie: output sizes and padding of every sliding op, and the padding that a transposed convolution implies.

Along one axis a window of `taps` elements, `dilation` apart, reaches over

    reach = (taps - 1) * dilation + 1

elements. It moves in steps of `stride` over an image of `size` elements that has `before` and `after` absent elements
(the padding) at its ends. Output element i sees the image elements

    i * stride + t * dilation - before        for t = 0 .. taps - 1, those inside 0 .. size - 1.

Padding is absence: it takes no part in a sum, a maximum or a count.

Rules:
    windows.R1  size, before and after are integers from 0 to 2^31 - 1; taps, stride and dilation from 1.
    windows.R2  padding is "SAME", "VALID" or two integers from 0 to 2^31 - 1.
    windows.R3  `transposed` takes an axis of at least 0 windows: one that is too long for its image transposes nothing.

Source: TensorFlow 2.21.0, core/framework/kernel_shape_util.cc (GetWindowedOutputSizeVerbose).
"""

from dataclasses import dataclass, replace
from math import gcd
from typing import Any, TypeAlias

import numpy as np

from reference.errors import SpecError, shown
from reference.reading import LARGEST, whole_number, whole_numbers

__all__ = [
    "Axis",
    "Convolution",
    "Transposed",
    "ends",
    "explicit",
    "forward_sizes",
    "lay",
    "same",
    "transposed",
    "valid",
]

Indices: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The windows along one axis: rows or columns."""

    size: int  # of the image
    taps: int  # elements of the window
    stride: int
    dilation: int
    before: int  # absent elements on the top or left
    after: int  # absent elements on the bottom or right
    out: int  # number of windows

    @property
    def reach(self) -> int:
        """The length of the window with its gaps."""
        return reach(self.taps, self.dilation)

    @property
    def padded(self) -> int:
        """The length of the image with its padding."""
        return self.before + self.size + self.after

    @property
    def full(self) -> bool:
        """Whether every window lies inside the image."""
        return self.before == 0 and (self.out - 1) * self.stride + self.reach <= self.size

    def cells(self, window: int) -> list[int]:
        """Return the image cells that one window meets: window * stride + t * dilation - before, those inside."""
        start = window * self.stride - self.before
        taps = range(start, start + self.reach, self.dilation)
        return [cell for cell in range(self.size) if cell in taps]

    def part(self, windows: slice) -> tuple[slice, "Axis"]:
        """
        Return the image cells that some windows, start to stop - 1, lie over, and these windows over those cells alone.

        >>> same(8, 3, 2).part(slice(2, 4))
        (slice(4, 8, None), Axis(size=4, taps=3, stride=2, dilation=1, before=0, after=1, out=2))
        """
        start, stop = (window * self.stride - self.before for window in (windows.start, windows.stop - 1))
        stop += self.reach
        cells = slice(*(min(max(end, 0), self.size) for end in (start, stop)))
        alone = replace(
            self,
            size=cells.stop - cells.start,
            before=cells.start - start,
            after=stop - cells.stop,
            out=windows.stop - windows.start,
        )
        return cells, alone

    def starts(self) -> Indices:
        """Return the image coordinate of each window's first tap: [out], negative inside the padding."""
        return np.arange(self.out, dtype=np.int64) * self.stride - self.before

    def taps_inside(self, windows: Indices | None = None) -> tuple[Indices, Indices]:
        """
        Return which taps of each window lie inside the image: those from first to stop - 1.

            first = ceil((before - i * stride) / dilation), stop = ceil((before + size - i * stride) / dilation),

        both cut to 0 .. taps. windows: those asked for, all of them by default; first and stop have their shape.

        >>> [taps.tolist() for taps in same(5, 3, 2).taps_inside()]
        [[1, 0, 0], [3, 3, 2]]
        """
        windows = np.arange(self.out) if windows is None else windows
        return _inside(windows * self.stride - self.before, self.size, self.dilation, self.taps)

    def windows_inside(self, taps: Indices | None = None) -> tuple[Indices, Indices]:
        """
        Return of which windows each tap lies inside the image: of those from first to stop - 1.

        As `taps_inside`, with windows and taps exchanged. taps: those asked for, all of them by default.

        >>> [windows.tolist() for windows in same(5, 3, 2).windows_inside()]
        [[1, 0, 0], [3, 3, 2]]
        """
        taps = np.arange(self.taps) if taps is None else taps
        return _inside(taps * self.dilation - self.before, self.size, self.stride, self.out)

    def windows_over(self, cells: Indices | None = None) -> tuple[Indices, Indices, int]:
        """
        Return which windows have a tap on each image cell: first, first + step, ... as far as they are below stop.

        Window i has one on cell c where c + before - i * stride = t * dilation for some t in 0 .. taps - 1. With
        g = gcd(stride, dilation) such windows are step = dilation / g apart: i * stride / g = (c + before) / g modulo
        step. cells: those asked for, all of them by default; first and stop have their shape.

        >>> first, stop, step = same(5, 3, 2).windows_over()
        >>> first.tolist(), stop.tolist(), step
        ([0, 0, 1, 1, 2], [1, 2, 2, 3, 3], 1)
        """
        places = (np.arange(self.size) if cells is None else cells) + self.before
        divisor = gcd(self.stride, self.dilation)
        step = self.dilation // divisor
        one = places // divisor % step * pow(self.stride // divisor, -1, step) % step  # a window that fits, modulo step
        first = np.maximum(-((self.reach - 1 - places) // self.stride), 0)
        first = first + (one - first) % step
        stop = np.minimum(places // self.stride + 1, self.out)
        return first, np.where(places % divisor == 0, np.maximum(first, stop), first), step

    def used_taps(self) -> Indices:
        """Return the taps that lie inside the image for at least one window, in order."""
        first, stop = self.taps_inside()
        # Both fall from window to window: a window adds what is below the taps of the one before it.
        above = np.minimum(stop, np.append(self.taps, first)[:-1])
        taken = np.maximum(above - first, 0)
        begun = first - (np.cumsum(taken) - taken)
        return np.sort(np.repeat(begun, taken) + np.arange(taken.sum()))

    def counts(self) -> Indices:
        """Return how many taps of each window lie inside the image: [out]."""
        first, stop = self.taps_inside()
        return stop - first

    def met(self) -> int:
        """Return how many taps of all windows lie inside the image, counted by windows or by taps."""
        first, stop = self.taps_inside() if self.out < self.taps else self.windows_inside()
        return int((stop - first).sum())

    def covered(self) -> Indices:
        """Return how many windows have a tap on each image cell: [size]."""
        first, stop, step = self.windows_over()
        return -((first - stop) // step)


def _inside(starts: Indices, size: int, step: int, most: int) -> tuple[Indices, Indices]:
    """Return which of the places start, start + step, ..., `most` of them, lie inside 0 .. size - 1: first, stop."""
    first, stop = (np.minimum(np.maximum(-(ends // step), 0), most) for ends in (starts, starts - size))
    return first, stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """The geometry of a forward convolution: all that its gradients and its transpose share with it."""

    rows: Axis
    columns: Axis
    groups: int
    layout: str


def reach(taps: int, dilation: int) -> int:
    """Return the length of a window with its gaps: (taps - 1) * dilation + 1."""
    return (taps - 1) * dilation + 1


def same(size: int, taps: int, stride: int, dilation: int = 1) -> Axis:
    """
    Lay windows so that there are ceil(size / stride) of them, whatever their reach.

    total = max((out - 1) * stride + reach - size, 0) absent elements are shared between both ends; where total is odd,
    the odd one goes last (bottom, right).

    >>> same(6, 3, 2)
    Axis(size=6, taps=3, stride=2, dilation=1, before=0, after=1, out=3)
    """
    size, taps, stride, dilation = _numbers(size, taps, stride, dilation)
    out = -(-size // stride)
    total = max((out - 1) * stride + reach(taps, dilation) - size, 0)
    # The odd element goes last. A library that pads both ends alike is off by one row here, not by rounding.
    return Axis(
        size=size, taps=taps, stride=stride, dilation=dilation, before=total // 2, after=total - total // 2, out=out
    )


def valid(size: int, taps: int, stride: int, dilation: int = 1) -> Axis:
    """
    Lay windows wholly inside the image: ceil((size - reach + 1) / stride) of them.

    `out` is negative where the window is longer than the image by more than the stride: no call has such an output.

    >>> valid(7, 3, 2).out
    3
    """
    return explicit(size, taps, stride, dilation, 0, 0)


def explicit(size: int, taps: int, stride: int, dilation: int, before: int, after: int) -> Axis:
    """
    Lay windows wholly inside the image extended by `before` and `after` absent elements.

    >>> explicit(32, 5, 1, 1, 2, 2).out
    32
    """
    size, taps, stride, dilation = _numbers(size, taps, stride, dilation)
    before, after = _whole("before", before, 0), _whole("after", after, 0)
    # Rounding up toward positive infinity: ceil(a / b) is -(-a // b).
    out = -(-(before + size + after - reach(taps, dilation) + 1) // stride)
    return Axis(size=size, taps=taps, stride=stride, dilation=dilation, before=before, after=after, out=out)


def lay(size: int, taps: int, stride: int, dilation: int, padding: str | tuple[int, int]) -> Axis:
    """
    Lay windows along one axis; padding is "SAME", "VALID" or the absent elements before and after.

    >>> [lay(7, 3, 2, 1, padding).out for padding in ("SAME", "VALID", (1, 2))]
    [4, 3, 4]
    """
    if isinstance(padding, str) and padding == "SAME":
        return same(size, taps, stride, dilation)
    return explicit(size, taps, stride, dilation, *ends("windows.R2", padding))


@dataclass(frozen=True, slots=True, kw_only=True)
class Transposed:
    """
    How a transposed convolution along one axis is a plain one: zeros in between, before and after, then stride 1.

    The image of `size` elements gets `between` zeros between neighbours, then `before` and `after` zeros at its ends
    (a negative number cuts that many elements off); the rotated window then slides over it with stride 1.
    """

    size: int
    between: int
    before: int
    after: int
    extra_before: int  # of `before`, how many more than `after`: the extra left and top zero of even outputs
    out: int


def transposed(forward: Axis) -> Transposed:
    """
    Say where a transposed convolution puts zeros, given the forward convolution that it transposes.

    The transposed convolution undoes the padding of the *forward* convolution that maps its output (`forward.size`) to
    its input (`forward.out`). With reach r and stride s of that forward convolution:

        between = s - 1
        before  = r - 1 - forward.before
        after   = forward.size + r - 1 - before - ((forward.out - 1) * s + 1)

    SAME pads the forward image last where its total is odd, that is `forward.before` is the smaller half; so the
    transposed image gets the larger `before`: **one zero more on the left and top**.

    >>> transposed(same(5, 3, 2))  # output 5 from input 3: one zero on each side
    Transposed(size=3, between=1, before=1, after=1, extra_before=0, out=5)
    >>> transposed(same(6, 3, 2))  # output 6 from input 3: one more on the left and top
    Transposed(size=3, between=1, before=2, after=1, extra_before=1, out=6)
    """
    if forward.out < 0:
        reason = f"a window of {forward.reach} over {forward.padded} elements: {forward.out} windows"
        raise SpecError("windows.R3", reason, values={"forward": forward})
    before = forward.reach - 1 - forward.before
    spread = max((forward.out - 1) * forward.stride + 1, 0)  # the image with its zeros in between
    after = forward.size + forward.reach - 1 - before - spread
    return Transposed(
        size=forward.out,
        between=forward.stride - 1,
        before=before,
        after=after,
        extra_before=max(before - after, 0),
        out=forward.size,
    )


def forward_sizes(size: int, taps: int, stride: int, dilation: int = 1, *, padding: str | tuple[int, int]) -> range:
    """
    Return every image size that the forward convolution maps to `size` outputs: the allowed transposed output sizes.

    SAME: (size - 1) * stride < o <= size * stride. Explicit, with p absent elements at both ends together (0 if VALID):
    (size - 1) * stride + reach - p <= o < size * stride + reach - p.

    >>> list(forward_sizes(3, 3, 2, padding="SAME"))
    [5, 6]
    >>> list(forward_sizes(3, 3, 2, padding="VALID")), list(forward_sizes(3, 3, 2, padding=(1, 1)))
    ([7, 8], [5, 6])
    """
    size, taps, stride, dilation = _numbers(size, taps, stride, dilation)
    least = (
        1
        if isinstance(padding, str) and padding == "SAME"
        else reach(taps, dilation) - sum(ends("windows.R2", padding))
    )
    first = (size - 1) * stride + least
    return range(max(first, 0), max(first + stride, 0))


def _numbers(size: int, taps: int, stride: int, dilation: int) -> tuple[int, int, int, int]:
    """Read the numbers of an axis."""
    return (
        _whole("size", size, 0),
        _whole("taps", taps, 1),
        _whole("stride", stride, 1),
        _whole("dilation", dilation, 1),
    )


def ends(rule: str, padding: str | tuple[int, int]) -> tuple[int, int]:
    """Read the absent elements before and after, none for VALID."""
    if isinstance(padding, str) and padding == "VALID":
        return 0, 0
    entries = [] if isinstance(padding, str) else whole_numbers(rule, "padding", padding)
    if len(entries) != 2 or not 0 <= min(entries) <= max(entries) <= LARGEST:
        reason = f"padding {shown(padding)}: neither 'SAME', 'VALID' nor two integers from 0 to {LARGEST}"
        raise SpecError(rule, reason, values={"padding": padding})
    return entries[0], entries[1]


def _whole(name: str, value: int, least: int) -> int:
    """Read one integer: windows.R1."""
    return whole_number("windows.R1", name, value, least)
