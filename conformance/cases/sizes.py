"""
Sizes that lean to the edges, within a budget.

An axis is drawn by its number of windows and a remainder, from which the image's size follows. So every forward size
and every transposed output size comes up, and all of them are valid.
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
    "PADDINGS",
    "WIDE",
    "WINDOWS",
    "WINDOWS_OF",
    "at_most",
    "axes",
    "axis",
    "lay",
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
DEEP = (257, 1025, 2049)  # sums above 256 and above 2,048 terms
MANY = (9, 16, 17, 17)  # images of a batch
WIDE = (17, 33, 64, 65, 65, 97)  # channels of a result
# Windows along both axes, which are near each other, where a kind says so.
WINDOWS_OF = {"deep": (1, 2, 3), "long": (17, 33), "large": (33,)}
# What is rare otherwise: the first choice, which is spread evenly over a run's cases.
KINDS = (
    *("",) * 26,
    *("batch",) * 4,
    *("deep",) * 4,
    *("wide",) * 4,
    *("as many",) * 2,  # filters as channels
    *("no batch",) * 2,
    *("nothing",) * 2,  # no filters, or no channels of a pool
    *("leading axes",) * 2,  # of conv2d
    *("long",) * 2,  # rows and columns
    "large",  # likewise, and of a pool the channels: an image of more than 2^15 cells
    "layer",
)
MAY_BE_EMPTY = ("", "no batch", "nothing", "leading axes")  # in the others what is many is to be seen
PADDINGS = ("VALID", "VALID", "VALID", "SAME", "SAME", "SAME", "EXPLICIT")


def at_most(table: Sequence[int], most: int) -> Sequence[int]:
    """Return the entries of an ascending table up to a limit, the first one in any case."""
    return table[: max(bisect_right(table, most), 1)]


def axes(
    choices: Choices, padding: str, budget: int, *, kind: str = "", pool: bool = False, empty: bool = True
) -> tuple[Axis, Axis]:
    """
    Draw rows and columns.

    budget: taps of all windows, at most (where one window is within it); kind: of `KINDS`, some of which need none;
    pool: no dilation, and what explicit padding a pool may have; empty: the output, and an image, may be empty.
    """
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
    room = size if empty else max(size - 1, 0)
    before = choices.integer(0, min(taps - 1 if pool else reached + 1, room))
    after = choices.integer(0, min(taps - 1 if pool else reached + 1, room - before))
    return lay(padding, size - before - after, taps, stride, dilation, (before, after))


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
