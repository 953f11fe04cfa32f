"""
Sizes within a budget: half of them ordinary, half leaning to the edges.

An ordinary axis is drawn by the size of its image. One at the edges is drawn by its number of windows and a remainder,
from which the image's size follows: so every forward size and every transposed output size comes up. All are valid.
"""

from bisect import bisect_right
from collections.abc import Sequence

from conformance.cases.choices import Choices
from reference import windows
from reference.windows import Axis

__all__ = [
    "BATCHES",
    "BUDGETS",
    "CHANNELS",
    "DATA",
    "DEEP",
    "FEW",
    "KINDS",
    "LARGEST",
    "MANY",
    "MAY_BE_EMPTY",
    "ORDINARY",
    "PADDINGS",
    "PAST_16_BITS",
    "WIDE",
    "WINDOWS",
    "WINDOWS_OF",
    "at_most",
    "axes",
    "axis",
    "lay",
    "outer",
    "smaller",
]

LARGEST = 2**31 - 1
DATA = 2**16  # elements of an array, at most
BUDGETS = (*(2**9,) * 4, *(2**11,) * 8, *(2**13,) * 12, *(2**15,) * 12, *(2**17,) * 8, 2**19, 2**22)  # multiplications

FEW = (1, 2, 3, 4, 5, 6, 7, 8, 9)
OUTPUTS = (*FEW, 15, 16, 17, 17, 31, 32, 33, 33)  # around the widths of vectors and tiles
TAPS = (1, 1, 2, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11)
WINDOWS = (17, 33, 46)  # 17^2 = 289, 46^2 = 2116: sums above 256 and above 2,048 terms
STRIDES = (*(1,) * 12, *(2,) * 12, *(3,) * 5, *(4,) * 3, 5, 7, 8, 1000, 1000, LARGEST)
DILATIONS = (*(1,) * 10, 2, 2, 2, 3, 4, 5, 7)
BATCHES = (1, 1, 1, 2, 2, 3, 4, 5, 8, 9, 16, 17)
CHANNELS = (1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64)
GROUPS = (*(1,) * 12, 2, 2, 3, 4, 8)
DEEP = (257, 1025, 2049)  # sums above 256 and above 2,048 terms
MANY = (9, 16, 17, 17)  # images of a batch
WIDE = (17, 33, 64, 65, 65, 97)  # channels of a result
PAST_16_BITS = (65_536, 65_537, 70_000)  # images, channels or filters that a 16-bit counter cannot count
# Windows along both axes, which are near each other, where a kind says so.
WINDOWS_OF = {"deep": (1, 2, 3), "long": (17, 33), "large": (33,)}
PATCHES = (12, 13, 14, 16, 16, 20, 32, 64)  # taps of windows that mostly do not overlap: ViT, wav2vec, FCN-32s
FAR = (2**16, 2**30, LARGEST - 1, LARGEST)  # lengths of windows, padding and strides near what integers hold
WINDOWS_AT_LIMITS = 8  # at most, along an axis
# What is ordinary, by name of an axis's or a call's number; nothing of it is empty.
ORDINARY = {
    "taps": (1, 2, 3, 3, 3, 4, 5),
    "stride": (1, 1, 2, 2, 3, 4),
    "channels": (1, 2, 3, 3, 4, 5, 6, 7, 8, 16),
    "batch": (1, 1, 2, 3, 4),
    "groups": (1,),
}
# The least and the largest image that an axis has, where a kind says so; the long one is rows or columns.
IMAGES_OF = {
    "ordinary": ((1, 10), (1, 10)),
    "both sides": ((201, 257), (201, 257)),
    "one side": ((8_193, 8_450), (1, 3)),
    "past 16 bits": ((1, 2), (1, 2)),
}
# The first choice, which is spread evenly over a run's cases: half is ordinary; then what is rare otherwise.
KINDS = (
    *("ordinary",) * 25,
    *("",) * 6,
    *("batch",) * 2,
    *("deep",) * 2,
    *("wide",) * 2,
    "as many",  # filters as channels
    "no batch",
    "nothing",  # no filters, or no channels of a pool
    "leading axes",  # of conv2d
    "long",  # rows and columns
    "large",  # likewise, and of a pool the channels: an image of more than 2^15 cells
    *("patches",) * 2,
    "past 16 bits",  # images, channels or filters
    "both sides",
    "one side",
    "limits",  # windows, strides and padding near 2^16 and 2^31, over a small image
    "layer",
)
MAY_BE_EMPTY = ("", "no batch", "nothing", "leading axes")  # in the others what is many is to be seen
PADDINGS = ("VALID", "VALID", "VALID", "SAME", "SAME", "SAME", "EXPLICIT")


def at_most(table: Sequence[int], most: int) -> Sequence[int]:
    """Return the entries of an ascending table up to a limit, the first one in any case."""
    return table[: max(bisect_right(table, most), 1)]


def outer(kind: str) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Return the tables from which the channels or filters, the batch and the groups of a kind are drawn."""
    if kind == "ordinary":
        return ORDINARY["channels"], ORDINARY["batch"], ORDINARY["groups"]
    return CHANNELS, BATCHES, GROUPS


def axes(
    choices: Choices, padding: str, budget: int, *, kind: str = "", pool: bool = False, empty: bool = True
) -> tuple[Axis, Axis]:
    """
    Draw rows and columns.

    budget: taps of all windows, at most (where one window is within it); kind: of `KINDS`, some of which need none;
    pool: no dilation, and what explicit padding a pool may have; empty: the output, and an image, may be empty.
    """
    if kind in IMAGES_OF:
        return _of_images(choices, padding, *IMAGES_OF[kind], pool=pool)
    if kind == "patches":
        return _patches(choices, padding, pool=pool)
    if kind == "limits":
        return _at_limits(choices, padding, pool=pool), _at_limits(choices, padding, pool=pool)
    if kind in WINDOWS_OF:
        count = choices.pick(WINDOWS_OF[kind])
        taps, stride = choices.pick((1, 2, 3, 3)), choices.pick((1, 2))
        rows = _axis(choices, padding, (taps, stride, 1), count, pool=pool)
        # Mostly with as long an image, which is the result of a gradient.
        return rows, _axis(choices, padding, (choices.pick((1, 1, 3)), 1, 1), count, pool=pool)
    empty = empty and not (pool and padding == "EXPLICIT")
    # One chance for both axes: an empty output is worth little time.
    nothing = empty and choices.chance(4)
    taps, stride, dilation = _window(choices, pool=pool)
    some = FEW if choices.chance(85) else OUTPUTS
    count = 0 if nothing and choices.chance(50) else choices.pick(at_most(some, budget // taps))
    rows = _axis(choices, padding, (taps, stride, dilation), count, pool=pool, empty=empty)
    spent = max(rows.out, 1) * taps
    if choices.chance(40):
        taps, stride, dilation = _window(choices, pool=pool)
    count = 0 if nothing and choices.chance(70) else choices.pick(at_most(OUTPUTS, budget // (spent * taps)))
    return rows, _axis(choices, padding, (taps, stride, dilation), count, pool=pool, empty=empty)


def _of_images(
    choices: Choices, padding: str, first: tuple[int, int], second: tuple[int, int], *, pool: bool
) -> tuple[Axis, Axis]:
    """Draw ordinary windows, mostly square ones, over an image of sides within these limits, in either order."""
    if first != second and choices.chance(50):
        first, second = second, first
    lengths = at_most(ORDINARY["taps"], max(first[1], second[1]))
    taps, stride = choices.pick(lengths), choices.pick(ORDINARY["stride"])
    rows = _of_image(choices, padding, choices.integer(*first), taps, stride, pool=pool)
    if choices.chance(50):
        taps, stride = choices.pick(lengths), choices.pick(ORDINARY["stride"])
    return rows, _of_image(choices, padding, choices.integer(*second), taps, stride, pool=pool)


def _of_image(choices: Choices, padding: str, size: int, taps: int, stride: int, *, pool: bool) -> Axis:
    """Draw the windows over an image of this size; explicit padding is up to the length of the window."""
    most = taps - 1 if pool else taps
    pads = (choices.integer(0, most), choices.integer(0, most)) if padding == "EXPLICIT" else (0, 0)
    return lay(padding, size, taps if padding == "SAME" else min(taps, size + sum(pads)), stride, 1, pads)


def _patches(choices: Choices, padding: str, *, pool: bool) -> tuple[Axis, Axis]:
    """Draw long windows with strides about as long, of squares or of one row or column."""
    taps = choices.pick(PATCHES)
    window = (taps, choices.pick((taps, taps // 2, 16, 32, taps // 4)), 1)
    axes = [_axis(choices, padding, window, choices.pick((1, 2, 3)), pool=pool)]
    other = choices.pick((window, window, (1, 1, 1)))
    axes.insert(choices.integer(0, 1), _axis(choices, padding, other, choices.pick((1, 2)), pool=pool))
    return axes[0], axes[1]


def _at_limits(choices: Choices, padding: str, *, pool: bool) -> Axis:
    """Draw a small image whose window, dilation, padding or stride is near 2^16 or 2^31; the windows are few."""
    size, far = choices.integer(1, 5), choices.pick(FAR)
    taps, dilation, pads = choices.integer(1, size), 1, (0, 0)
    if padding != "VALID" and choices.chance(50):
        taps, dilation = (far, 1) if pool else (2, far - 1)
    if padding == "EXPLICIT":
        most = taps - 1 if pool else LARGEST
        lengths = [min(length, most) for length in (0, 1, *FAR)]
        pads = (choices.pick(lengths), choices.pick(lengths))
    missing = windows.reach(taps, dilation) - size - sum(pads)
    if padding == "EXPLICIT" and missing > 0:
        pads = (pads[0], pads[1] + missing) if choices.chance(50) else (pads[0] + missing, pads[1])
    room = size + sum(pads) - windows.reach(taps, dilation)
    stride = max(choices.pick((1, 2, *FAR)), -(-room // (WINDOWS_AT_LIMITS - 1)), 1)
    return lay(padding, size, taps, stride, dilation, pads)


def _window(choices: Choices, *, pool: bool) -> tuple[int, int, int]:
    """Draw taps, stride and dilation of one axis."""
    taps = choices.pick(WINDOWS) if pool and choices.chance(5) else choices.pick(TAPS)
    return taps, choices.pick(STRIDES), 1 if pool else choices.pick(DILATIONS)


def _axis(
    choices: Choices, padding: str, window: tuple[int, int, int], count: int, *, pool: bool, empty: bool = False
) -> Axis:
    """
    Draw the size of the image, and explicit padding, so that there are `count` windows.

    empty: explicit padding may be all that the windows meet.
    """
    taps, stride, dilation = window
    if stride > 8:
        count = min(count, 1)
    reached = windows.reach(taps, dilation)
    possible = windows.forward_sizes(
        count, taps, stride, dilation, padding="VALID" if padding == "EXPLICIT" else padding
    )
    # The image of a single far stride stays small.
    size = choices.integer(possible.start, min(possible.stop - 1, possible.start + 8))
    if padding != "EXPLICIT":
        return lay(padding, size, taps, stride, dilation)
    before, after = _ends(choices, taps, reached, pool=pool)
    size = max(size, before + after + (not empty))
    return lay(padding, size - before - after, taps, stride, dilation, (before, after))


def _ends(choices: Choices, taps: int, reached: int, *, pool: bool) -> tuple[int, int]:
    """Draw explicit padding before and after: below the taps of a pool, else up to more than the window's length."""
    if pool:
        return choices.integer(0, taps - 1), choices.integer(0, taps - 1)
    lengths = (0, 1, reached // 2, reached - 1, reached, reached + 1, reached + 3)
    return choices.pick(lengths), choices.pick(lengths)


def lay(padding: str, size: int, taps: int, stride: int, dilation: int, pads: tuple[int, int] = (0, 0)) -> Axis:
    """Lay the windows of one axis."""
    return windows.lay(size, taps, stride, dilation, pads if padding == "EXPLICIT" else padding)


def axis(model: Axis, padding: str, **changes: int) -> Axis:
    """Return an axis with these changes of size, taps, stride or dilation; explicit padding stays."""
    given = {name: changes.get(name, getattr(model, name)) for name in ("size", "taps", "stride", "dilation")}
    return lay(padding, **given, pads=(model.before, model.after))


def smaller(size: int) -> Sequence[int]:
    """Return smaller sizes to try, the smallest first: 1, the half, one less; none of them 0."""
    return sorted(side for side in {1, size // 2, size - 1} if 1 <= side < size)
