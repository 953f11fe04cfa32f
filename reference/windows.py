"""
Where windows lie: output sizes and padding of every sliding op, and the padding that a transposed convolution implies.

Along one axis a window of `taps` elements, `dilation` apart, reaches over

    reach = (taps - 1) * dilation + 1

elements. It moves in steps of `stride` over an image of `size` elements that has `before` and `after` absent elements
(the padding) at its ends. Output element i sees the image elements

    i * stride + t * dilation - before        for t = 0 .. taps - 1, those inside 0 .. size - 1.

Padding is absence: it takes no part in a sum, a maximum or a count.

Source: TensorFlow 2.21.0, core/framework/kernel_shape_util.cc (GetWindowedOutputSizeVerbose).
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Axis", "Convolution", "Transposed", "explicit", "forward_sizes", "same", "transposed", "valid"]


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

    def starts(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the image coordinate of each window's first tap: [out], negative inside the padding."""
        return np.arange(self.out, dtype=np.int64) * self.stride - self.before

    def inside(self) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """Return whether tap t of window i lies inside the image: [out, taps]."""
        cells = self.starts()[:, None] + np.arange(self.taps) * self.dilation
        return (cells >= 0) & (cells < self.size)

    def covered(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return how many taps of all windows meet each image cell: [size]."""
        cells = self.starts()[:, None] + np.arange(self.taps) * self.dilation
        return np.bincount(cells[self.inside()], minlength=self.size)


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
    # Rounding up toward positive infinity: ceil(a / b) is -(-a // b).
    out = -(-(before + size + after - reach(taps, dilation) + 1) // stride)
    return Axis(size=size, taps=taps, stride=stride, dilation=dilation, before=before, after=after, out=out)


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


def forward_sizes(size: int, taps: int, stride: int, dilation: int = 1, *, padding: str) -> range:
    """
    Return every image size that the forward convolution maps to `size` outputs: the allowed transposed output sizes.

    SAME: (size - 1) * stride < o <= size * stride. VALID: (size - 1) * stride + reach <= o < size * stride + reach.

    >>> list(forward_sizes(3, 3, 2, padding="SAME"))
    [5, 6]
    >>> list(forward_sizes(3, 3, 2, padding="VALID"))
    [7, 8]
    """
    first = (size - 1) * stride + (1 if padding == "SAME" else reach(taps, dilation))
    return range(max(first, 0), max(first + stride, 0))
