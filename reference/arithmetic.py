"""
Layer arithmetic: the sizes of a layer's output, and what the layer costs.

What is counted:

    weights      of one neuron: the filter elements it is given, FH * FW * FI, and 1 for the bias.
    neurons      elements of the output: OH * OW * O.
    connections  pairs of a neuron and an input element that it sees, and 1 a neuron for the bias. Padding is absence:
                 a tap over it is no connection. Without padding this is weights * neurons; with padding weights *
                 neurons is what published tables print, which count the padding's zeros too.
    parameters   independent weights: filters are shared by all positions, so FH * FW * FI * O, and O biases.
    flops        one multiplication and one addition a connection to an input element: the accumulator starts at the
                 bias, or at 0. In a pool one operation: an addition or a comparison (avg_pool's n - 1 additions and
                 one division are n).

Sizes are positive integers, or 0 for an empty image.

Source: V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285, 2016;
J. Long, E. Shelhamer and T. Darrell, Fully convolutional networks for semantic segmentation, CVPR 2015.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from reference import windows
from reference.errors import SpecError, shown
from reference.reading import LARGEST, read_array, read_flag, whole_number, whole_numbers
from reference.windows import Axis

__all__ = [
    "Counts",
    "Upsampling",
    "allowed_outputs",
    "axes",
    "axis",
    "convolution",
    "covering_filters",
    "fully_connected",
    "pair",
    "pooling",
    "possible",
    "read_padding",
    "remainder",
    "sides",
    "transposed_convolution",
    "transposed_sizes",
    "upsamplings",
]

Pair: TypeAlias = tuple[int, int]
Image: TypeAlias = tuple[int, int, int]  # H, W, C
Filters: TypeAlias = tuple[int, int, int, int]  # FH, FW, FI, O; of a transposed convolution FH, FW, O, I
End: TypeAlias = str | Pair  # padding along one axis: "SAME", "VALID" or (before, after)
Padding: TypeAlias = str | tuple[Pair, Pair]  # "SAME", "VALID" or ((top, bottom), (left, right))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one layer has and costs, for one image. The module says what each field counts."""

    output: Image  # OH, OW, O
    weights: int  # of one neuron, with its bias
    neurons: int
    connections: int
    parameters: int
    flops: int


def axis(size: int, taps: int, stride: int = 1, padding: End = "VALID", dilation: int = 1) -> Axis:
    """
    Lay windows along one axis, whatever the padding is called. `.out` is the output's size.

        SAME      ceil(size / stride)
        VALID     ceil((size - reach + 1) / stride)
        explicit  floor((before + size + after - reach) / stride) + 1

    Rules:
        arithmetic.R1  size is an integer from 0 to 2^31 - 1; taps, stride and dilation from 1. What pairs, images and
                       filters hold likewise, and `bias` and `exact` are True or False.
        arithmetic.R2  padding is "SAME", "VALID" or two integers from 0 to 2^31 - 1.
        arithmetic.R3  The window is longer than the padded image by at most the stride (then no window fits).

    Raises:
        SpecError: naming the rule that the call breaks.

    >>> axis(7, 3).out, axis(7, 3, 2).out, axis(32, 5, padding=(2, 2)).out
    (5, 3, 32)
    """
    (size,), (taps, stride, dilation) = (
        _integers(0, size=size),
        _integers(1, taps=taps, stride=stride, dilation=dilation),
    )
    laid = windows.lay(size, taps, stride, dilation, _end(padding))
    if laid.out < 0:
        reason = f"a window reaching over {laid.reach} in steps of {stride}, {laid.padded} elements: output {laid.out}"
        raise SpecError("arithmetic.R3", reason, values={"axis": laid})
    return laid


def axes(
    size: Pair, taps: Pair, strides: int | Pair = 1, padding: Padding = "VALID", dilations: int | Pair = 1
) -> tuple[Axis, Axis]:
    """
    Lay windows along rows and along columns, as `axis` does: (rows, columns). One integer stands for both.

    >>> [laid.out for laid in axes((7, 9), (3, 3), (1, 2))]
    [5, 4]
    """
    heights, widths = zip(sides("size", size), sides("taps", taps), pair("strides", strides), strict=True)
    gaps, pads = pair("dilations", dilations), _by_axis(padding)
    rows = axis(*heights, pads[0], gaps[0])
    columns = axis(*widths, pads[1], gaps[1])
    return rows, columns


def sides(name: str, value: Pair) -> Pair:
    """Read two integers, of rows and of columns."""
    rows, columns = _entries(name, value, 2)
    return rows, columns


def pair(name: str, value: int | Pair) -> Pair:
    """Read two integers, or one that stands for rows and columns."""
    entries = whole_numbers("arithmetic.R1", name, value)
    return sides(name, (entries[0], entries[0]) if len(entries) == 1 else value)  # type: ignore[arg-type]


def read_padding(padding: Padding) -> Padding:
    """
    Read a name, which stands for rows and columns, or the two pairs of rows and of columns.

    Four pairs, as an op takes them, are refused: the first two would be those of batch and rows.
    """
    if isinstance(padding, str):
        return padding
    listed = isinstance(padding, list | tuple)
    pairs: Any = padding if listed else read_array("arithmetic.R2", "padding", padding).tolist()
    if not isinstance(pairs, list | tuple) or len(pairs) != 2:
        reason = f"padding {shown(padding)}: neither 'SAME', 'VALID' nor two pairs, of rows and of columns"
        raise SpecError("arithmetic.R2", reason, values={"padding": padding})
    return windows.ends("arithmetic.R2", pairs[0]), windows.ends("arithmetic.R2", pairs[1])


def _by_axis(padding: Padding) -> tuple[End, End]:
    """Let one name stand for the padding of rows and of columns."""
    read = read_padding(padding)
    return (read, read) if isinstance(read, str) else read


def transposed_sizes(size: int, taps: int, stride: int, padding: End, dilation: int = 1) -> range:
    """
    Return every size o that a transposed convolution may give `size` elements: those that shrink back to `size`.

    Explicit, with padding p at both ends and filters that reach over k (none where even the largest is negative):

        o = stride * (size - 1) + k - 2p + a    for a = 0 .. stride - 1: a = 0 is the exact case, see `remainder`

    >>> list(transposed_sizes(3, 3, 2, (1, 1))), list(transposed_sizes(3, 3, 2, "VALID"))
    ([5, 6], [7, 8])
    """
    (size,), (taps, stride, dilation) = (
        _integers(0, size=size),
        _integers(1, taps=taps, stride=stride, dilation=dilation),
    )
    return windows.forward_sizes(size, taps, stride, dilation, padding=_end(padding))


def allowed_outputs(
    size: Pair, taps: Pair, strides: int | Pair = 1, padding: Padding = "VALID", dilations: int | Pair = 1
) -> tuple[range, range]:
    """
    Return every height and every width that a transposed convolution may give an image, as `transposed_sizes` does.

    >>> allowed_outputs((13, 3), (3, 3), 2, "SAME")
    (range(25, 27), range(5, 7))
    """
    heights, widths = zip(sides("size", size), sides("taps", taps), pair("strides", strides), strict=True)
    gaps, pads = pair("dilations", dilations), _by_axis(padding)
    return transposed_sizes(*heights, pads[0], gaps[0]), transposed_sizes(*widths, pads[1], gaps[1])


def possible(heights: range, widths: range) -> str:
    """
    Return allowed outputs as a message names them.

    >>> possible(range(25, 27), range(7, 11)), possible(range(5, 6), range(0))
    ('possible: 25 or 26 rows, 7 to 10 columns', 'possible: 5 rows, no columns')
    """
    return f"possible: {_either(heights)} rows, {_either(widths)} columns"


def _either(sizes: range) -> str:
    """Return sizes that follow one another: 5, 5 or 6, 5 to 8."""
    join = " or " if len(sizes) == 2 else " to "
    return join.join(map(str, sorted({sizes[0], sizes[-1]}))) if sizes else "no"


def remainder(out: int, taps: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """
    Return how many elements at the end of a transposed convolution's output no window of the forward one reaches.

        a = (out + before + after - reach) mod stride

    >>> remainder(5, 3, 2, (1, 1)), remainder(6, 3, 2, (1, 1))
    (0, 1)
    """
    laid = axis(out, taps, stride, padding, dilation)
    return (laid.padded - laid.reach) % laid.stride


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsampling:
    """One way to upsample by a transposed convolution, and to shrink back by the forward one."""

    taps: int  # k
    stride: int  # s
    padding: int  # p, of the forward convolution, at both ends
    remainder: int  # a: 0 in the exact case


def upsamplings(a: int, b: int, *, largest: int | None = None, exact: bool = False) -> Iterator[Upsampling]:
    """
    List every way to upsample side a to side b by one transposed convolution: ordered by taps, padding and stride.

    Each fits b = s (a - 1) + k - 2p + remainder with 0 <= remainder < s: the forward convolution maps b back to a.
    What would make the list endless is left out:

        k <= largest (b unless given): filters no larger than what they draw;
        p <= k - 1: the transposed convolution pads by k - 1 - p, which is no number of zeros where p is larger;
        s <= k: with a longer stride some output elements are reached by nothing.

    `exact` keeps the ones without a remainder. Both sides and `largest` are at least 1 (arithmetic.R1).

    >>> [(u.taps, u.stride, u.padding) for u in upsamplings(2, 4, exact=True)]
    [(2, 2, 0), (3, 1, 0), (3, 3, 1), (4, 2, 1), (4, 4, 2)]
    """
    exact = read_flag("arithmetic.R1", "exact", exact)
    a, b, largest = _integers(1, a=a, b=b, largest=b if largest is None else largest)
    for taps in range(1, largest + 1):
        for padding in range(taps):
            moved = b + 2 * padding - taps  # the way from the first window to the end: s (a - 1) + remainder
            longest = taps if a == 1 else min(taps, moved // (a - 1))
            for stride in range(max(moved // a + 1, 1), longest + 1):
                rest = moved - stride * (a - 1)
                if moved >= 0 and not (exact and rest):
                    yield Upsampling(taps=taps, stride=stride, padding=padding, remainder=rest)


def convolution(
    input: Image,
    filters: Filters,
    *,
    strides: int | Pair = 1,
    padding: Padding = "VALID",
    dilations: int | Pair = 1,
    bias: bool = True,
) -> Counts:
    """
    Count a convolution layer: input [H, W, I], filters [FH, FW, FI, O], in I / FI groups.

    Rules:
        arithmetic.R4  I is a multiple of FI, and O of the number of groups; all are at least 1.

    >>> convolution((84, 84, 4), (8, 8, 4, 16), strides=4)  # the first layer of Atari DQN
    Counts(output=(20, 20, 16), weights=257, neurons=6400, connections=1644800, parameters=4112, flops=3276800)
    """
    height, width, channels = _entries("input", input, 3)
    high, wide, depth, o = _entries("filters", filters, 4)
    if min(channels, depth, o) < 1 or channels % depth or o % (channels // depth):
        reason = f"{channels} channels, {o} filters of depth {depth}: no whole groups"
        raise SpecError("arithmetic.R4", reason, values={"input": input, "filters": filters})
    rows, columns = axes((height, width), (high, wide), strides, padding, dilations)
    met = _met(rows, columns) * depth * o
    return _counted((rows.out, columns.out, o), high * wide * depth, met, bias=bias)


def covering_filters(input: Image, outputs: int) -> Filters:
    """
    Return the filters that make a convolution of a fully connected layer: they cover the image.

    >>> covering_filters((7, 7, 512), 4096)  # VGG-16's fc6
    (7, 7, 512, 4096)
    """
    height, width, channels = _entries("input", input, 3)
    (count,) = _integers(1, outputs=outputs)
    return height, width, channels, count


def fully_connected(input: Image, outputs: int, *, bias: bool = True) -> Counts:
    """
    Count a fully connected layer: the convolution whose filters cover the image. A vector of n is (1, 1, n).

    >>> fully_connected((9, 9, 32), 256).connections
    663808
    """
    return convolution(input, covering_filters(input, outputs), bias=bias)


def pooling(input: Image, ksize: Pair, strides: int | Pair, padding: Padding = "VALID") -> Counts:
    """
    Count a pooling layer, max or average: input [H, W, C]. It has neurons and connections and no weights.

    >>> pooling((28, 28, 6), (2, 2), 2).output
    (14, 14, 6)
    """
    height, width, channels = _entries("input", input, 3)
    rows, columns = axes((height, width), ksize, strides, padding)
    met = _met(rows, columns) * channels
    neurons = rows.out * columns.out * channels
    output = (rows.out, columns.out, channels)
    return Counts(output=output, weights=0, neurons=neurons, connections=met, parameters=0, flops=met)


def transposed_convolution(
    input: Image,
    filters: Filters,
    output: Pair,
    *,
    strides: int | Pair = 1,
    padding: Padding = "VALID",
    dilations: int | Pair = 1,
    bias: bool = True,
) -> Counts:
    """
    Count a transposed convolution layer: input [H, W, I], filters [FH, FW, O, I], output (OH, OW).

    Its connections are those of the forward convolution, from output to input, seen from the other end: inserted zeros
    and padding are none. A neuron's weights are its whole filter's, though each position meets only some of them.

    Rules:
        arithmetic.R5  The forward convolution maps output to the input's size, and I is the filters' last entry.

    >>> transposed_convolution((3, 3, 1), (3, 3, 1, 1), (6, 6), strides=2, padding="SAME", bias=False).connections
    64
    """
    fh, fw, o, depth = _entries("filters", filters, 4)
    asked, given = sides("output", output), tuple(_entries("input", input, 3))
    rows, columns = axes(asked, (fh, fw), strides, padding, dilations)
    if (rows.out, columns.out, depth) != given:
        shrunk = (rows.out, columns.out, depth)
        reason = f"output {asked} shrinks to {shrunk[:2]} under filters {(fh, fw, o, depth)}; the input is {given}; "
        reason += possible(*allowed_outputs((given[0], given[1]), (fh, fw), strides, padding, dilations))
        raise SpecError("arithmetic.R5", reason, values={"output": asked, "input": given, "shrunk": shrunk})
    return _counted((*asked, o), fh * fw * depth, _met(rows, columns) * depth * o, bias=bias)


def _counted(output: Image, taps: int, met: int, *, bias: bool) -> Counts:
    """Fill in a layer whose neurons share filters of `taps` weights and meet `met` input elements in all."""
    bias = read_flag("arithmetic.R1", "bias", bias)
    weights, neurons = taps + bias, prod(output)
    return Counts(
        output=output,
        weights=weights,
        neurons=neurons,
        connections=met + bias * neurons,
        parameters=weights * output[2],
        flops=2 * met,
    )


def _met(rows: Axis, columns: Axis) -> int:
    """Count the taps that lie inside the image, over all windows."""
    return rows.met() * columns.met()


def _end(padding: End) -> End:
    """Read the padding of one axis: a name, or the absent elements at both ends."""
    return padding if isinstance(padding, str) and padding == "SAME" else windows.ends("arithmetic.R2", padding)


def _entries(name: str, value: Any, count: int) -> list[int]:  # noqa: ANN401 -- whatever the caller was given
    """Read so many integers of at least 0."""
    entries = whole_numbers("arithmetic.R1", name, value)
    if len(entries) != count or not 0 <= min(entries) <= max(entries) <= LARGEST:
        reason = f"{name} is {shown(value)}: it needs {count} integers from 0 to {LARGEST}"
        raise SpecError("arithmetic.R1", reason, values={name: value})
    return entries


def _integers(least: int, **values: int) -> list[int]:
    """Read integers of at least `least`, by name."""
    return [whole_number("arithmetic.R1", name, value, least) for name, value in values.items()]
