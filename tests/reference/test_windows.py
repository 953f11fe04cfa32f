"""Where windows lie: sizes, padding, and the padding that a transposed convolution implies."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reference.windows import Axis, Transposed, explicit, forward_sizes, reach, same, transposed, valid

sizes = st.integers(0, 40)
taps = st.integers(1, 7)
strides = st.integers(1, 5)
dilations = st.integers(1, 4)
# Forward convolutions that a call may transpose: those with no negative number of windows.
forwards = st.one_of(
    st.builds(same, sizes, taps, strides, dilations),
    st.builds(explicit, sizes, taps, strides, dilations, st.integers(0, 9), st.integers(0, 9)),
).filter(lambda laid: laid.out >= 0)


def test_reach_counts_the_gaps() -> None:
    """3 taps, 2 apart, lie over 5 elements: x . x . x."""
    assert reach(3, 2) == 5


def test_reach_of_one_tap_is_one_whatever_the_dilation() -> None:
    """A single tap has no gap."""
    assert reach(1, 9) == 1


@pytest.mark.parametrize(("size", "stride", "out"), [(7, 1, 7), (7, 2, 4), (8, 2, 4), (1, 3, 1), (0, 2, 0)])
def test_same_gives_as_many_windows_as_strides_fit(size: int, stride: int, out: int) -> None:
    """ceil(size / stride), for an image smaller than the stride and an empty one too."""
    assert same(size, 3, stride).out == out


def test_same_puts_the_odd_element_last() -> None:
    """Size 6, 3 taps, stride 2: the third window covers 4, 5 and one more; that one is after the image."""
    laid = same(6, 3, 2)

    assert (laid.before, laid.after) == (0, 1)


def test_same_shares_an_even_total() -> None:
    """Size 5, 3 taps, stride 1: 5 windows over 7 elements, one at each end."""
    laid = same(5, 3, 1)

    assert (laid.before, laid.after) == (1, 1)


def test_same_pads_by_the_dilated_reach() -> None:
    """Size 5, 3 taps 2 apart reach over 5: 5 windows over 9 elements, two at each end."""
    laid = same(5, 3, 1, 2)

    assert (laid.before, laid.after) == (2, 2)


def test_same_needs_no_padding_where_windows_are_shorter_than_the_stride() -> None:
    """Size 6, 1 tap, stride 3: windows at 0 and 3."""
    laid = same(6, 1, 3)

    assert (laid.before, laid.after, laid.out) == (0, 0, 2)


@pytest.mark.parametrize(("taps", "stride", "out"), [(3, 1, 5), (3, 2, 3), (7, 1, 1), (8, 1, 0)])
def test_valid_windows_lie_inside_the_image(taps: int, stride: int, out: int) -> None:
    """Size 7: 3 taps fit at 0 to 4; every second of them is 0, 2, 4; 8 taps fit nowhere."""
    assert valid(7, taps, stride).out == out


def test_valid_is_empty_where_the_window_is_too_long_by_the_stride() -> None:
    """Size 2, 4 taps, stride 2: ceil(-1 / 2) = 0; with 5 taps ceil(-2 / 2) = -1."""
    assert (valid(2, 4, 2).out, valid(2, 5, 2).out) == (0, -1)


def test_valid_pads_nothing() -> None:
    """No absent element at either end."""
    laid = valid(7, 3, 2)

    assert (laid.before, laid.after) == (0, 0)


@pytest.mark.parametrize(("padding", "out"), [(0, 28), (2, 32)])
def test_explicit_padding_counts_as_image(padding: int, out: int) -> None:
    """LeNet's 32x32 under 5x5: 32 + 2p - 5 + 1."""
    assert explicit(32, 5, 1, 1, padding, padding).out == out


def test_explicit_padding_may_differ_at_the_ends() -> None:
    """Size 4 with 0 before and 3 after is 7 long: windows of 3 in steps of 2 start at 0, 2 and 4."""
    laid = explicit(4, 3, 2, 1, 0, 3)

    assert (laid.padded, laid.out) == (7, 3)


def test_starts_are_negative_inside_the_padding() -> None:
    """Size 5, 3 taps, stride 2, one absent element before: the windows start at -1, 1 and 3."""
    assert same(5, 3, 2).starts().tolist() == [-1, 1, 3]


def test_taps_inside_leaves_out_the_taps_over_padding() -> None:
    """Size 5, 3 taps, stride 2, one absent element at each end: the first and the last tap of all are outside."""
    first, stop = same(5, 3, 2).taps_inside()

    assert (first.tolist(), stop.tolist()) == ([1, 0, 0], [3, 3, 2])


def test_taps_inside_follows_the_dilation() -> None:
    """Size 3, 2 taps 2 apart, one absent element at each end: taps at -1 and 1, at 0 and 2, at 1 and 3."""
    first, stop = same(3, 2, 1, 2).taps_inside()

    assert (first.tolist(), stop.tolist()) == ([1, 0, 0], [2, 2, 1])


def test_a_window_over_padding_alone_holds_nothing() -> None:
    """Size 1 between 2 absent elements at each end, windows of 1: only the third meets the image."""
    assert explicit(1, 1, 1, 1, 2, 2).counts().tolist() == [0, 0, 1, 0, 0]


def test_cells_between_windows_are_held_by_none() -> None:
    """Windows of 1 in steps of 3 over 5 elements: they stand on the first and the fourth."""
    assert valid(5, 1, 3).covered().tolist() == [1, 0, 0, 1, 0]


def test_windows_that_hold_a_cell_may_be_several_apart() -> None:
    """Stride 2, taps 3 apart: cell 4 is the last tap of window 0 and the first of window 3."""
    first, stop, step = explicit(9, 3, 2, 3, 2, 2).windows_over()

    assert list(range(first[4], stop[4], step)) == [0, 3]


@given(sizes, taps, strides, dilations, st.integers(0, 9), st.integers(0, 9))
def test_taps_and_windows_are_those_of_the_formula(
    size: int, taps: int, stride: int, dilation: int, before: int, after: int
) -> None:
    """Tap t of window i meets cell i * stride + t * dilation - before, where that lies inside 0 .. size - 1."""
    axis = explicit(size, taps, stride, dilation, before, after)
    cells = {(i, t): i * stride + t * dilation - before for i in range(axis.out) for t in range(taps)}
    met = {(i, t, c) for (i, t), c in cells.items() if 0 <= c < size}

    first, stop = axis.taps_inside()
    early, late = axis.windows_inside()
    begun, ended, step = axis.windows_over()

    assert {(i, t) for i in range(axis.out) for t in range(first[i], stop[i])} == {(i, t) for i, t, _ in met}
    assert {(i, t) for t in range(taps) for i in range(early[t], late[t])} == {(i, t) for i, t, _ in met}
    assert {(i, c) for c in range(size) for i in range(begun[c], ended[c], step)} == {(i, c) for i, _, c in met}
    assert axis.counts().sum() == axis.covered().sum() == len(met)


@given(sizes, taps, strides, dilations, st.integers(0, 9), st.integers(0, 9), st.data())
def test_some_windows_meet_the_same_cells_alone(
    size: int, taps: int, stride: int, dilation: int, before: int, after: int, data: st.DataObject
) -> None:
    """Of the image that holds their cells and no others."""
    axis = explicit(size, taps, stride, dilation, before, after)
    assume(axis.out > 0)
    start, stop = sorted(data.draw(st.lists(st.integers(0, axis.out), min_size=2, max_size=2, unique=True)))

    cells, alone = axis.part(slice(start, stop))

    met = [[cells.start + cell for cell in alone.cells(window)] for window in range(alone.out)]
    assert met == [axis.cells(window) for window in range(start, stop)]
    assert alone.out == stop - start
    assert cells.stop - cells.start == alone.size


@given(sizes, taps, strides, dilations, st.integers(0, 2), st.integers(0, 9))
def test_windows_are_full_where_all_their_taps_are_inside(
    size: int, taps: int, stride: int, dilation: int, before: int, after: int
) -> None:
    """Padding that no window meets takes nothing away."""
    axis = explicit(size, taps, stride, dilation, before, after)
    assume(axis.out > 0)

    assert axis.full == bool((axis.counts() == taps).all())


def test_axis_tells_its_reach() -> None:
    """3 taps, 3 apart: 7."""
    assert valid(9, 3, 1, 3).reach == 7


@given(sizes, taps, strides, dilations)
def test_same_pads_no_more_than_the_windows_need(size: int, taps: int, stride: int, dilation: int) -> None:
    """The last window ends with the padding wherever there is padding, and the ends differ by at most one."""
    laid = same(size, taps, stride, dilation)

    assert laid.after - laid.before in {0, 1}
    if laid.after:
        assert (laid.out - 1) * stride + laid.reach == laid.padded


def test_odd_output_is_padded_alike_on_both_sides() -> None:
    """5 from 3, 3 taps, stride 2: 1 . 2 . 3 with a zero at each end is 7, under 3 taps 5."""
    assert transposed(same(5, 3, 2)) == Transposed(size=3, between=1, before=1, after=1, extra_before=0, out=5)


def test_even_output_gets_its_extra_zero_before() -> None:
    """6 from 3, 3 taps, stride 2: 1 . 2 . 3 with two zeros before and one after is 8, under 3 taps 6."""
    assert transposed(same(6, 3, 2)) == Transposed(size=3, between=1, before=2, after=1, extra_before=1, out=6)


def test_transposed_valid_is_padded_by_all_but_one_tap() -> None:
    """7 from 3, 3 taps, stride 2: two zeros at each end."""
    laid = transposed(valid(7, 3, 2))

    assert (laid.before, laid.after, laid.extra_before) == (2, 2, 0)


def test_elements_that_no_window_reaches_come_last() -> None:
    """8 from 3, 3 taps, stride 2, VALID: the forward windows leave element 7 out; its zero is after, nothing extra."""
    laid = transposed(valid(8, 3, 2))

    assert (laid.before, laid.after, laid.extra_before) == (2, 3, 0)


def test_more_padding_than_the_window_cuts_the_transposed_image() -> None:
    """3 taps, padding 4 before: the transposed image loses 4 - 2 elements there."""
    assert transposed(explicit(5, 3, 1, 1, 4, 0)).before == -2


@given(forwards)
def test_transposed_windows_of_stride_one_give_the_output(forward: Axis) -> None:
    """The image with its zeros is longer than the output by the reach less one: windows one apart fill it exactly."""
    laid = transposed(forward)
    spread = laid.size + (laid.size - 1) * laid.between if laid.size else 0

    assert laid.before + spread + laid.after - forward.reach + 1 == laid.out == forward.size


@given(forwards)
def test_transposed_element_reaches_what_its_forward_window_saw(forward: Axis) -> None:
    """Element i lies at before + i (between + 1); output o sees the positions o, o + dilation ... within its reach."""
    laid = transposed(forward)

    for i in range(laid.size):
        position = laid.before + i * (laid.between + 1)
        seen_by = {o for o in range(laid.out) if position - o in range(0, forward.reach, forward.dilation)}
        window = range(i * forward.stride - forward.before, forward.padded, forward.dilation)[: forward.taps]
        assert seen_by == {cell for cell in window if 0 <= cell < forward.size}


@given(st.integers(1, 40), taps, strides, dilations)
def test_odd_padding_of_same_becomes_one_extra_zero_before(size: int, taps: int, stride: int, dilation: int) -> None:
    """What the forward convolution pads last, the transposed one pads first; an even total leaves no extra zero."""
    forward = same(size, taps, stride, dilation)

    if forward.after:
        assert transposed(forward).extra_before == forward.after - forward.before


@given(st.integers(0, 12), taps, strides, dilations)
def test_forward_sizes_are_those_that_same_maps_to_the_size(size: int, taps: int, stride: int, dilation: int) -> None:
    """By enumeration of every image that could have so many windows."""
    allowed = forward_sizes(size, taps, stride, dilation, padding="SAME")

    assert list(allowed) == [o for o in range(100) if same(o, taps, stride, dilation).out == size]


@given(st.integers(0, 12), taps, strides, dilations)
def test_forward_sizes_are_those_that_valid_maps_to_the_size(size: int, taps: int, stride: int, dilation: int) -> None:
    """By enumeration of every image that could have so many windows."""
    allowed = forward_sizes(size, taps, stride, dilation, padding="VALID")

    assert list(allowed) == [o for o in range(120) if valid(o, taps, stride, dilation).out == size]


def test_founding_case_has_two_outputs_under_same() -> None:
    """3 under 3 taps and stride 2: of 3 to 7, exactly 5 and 6 shrink to 3."""
    assert list(forward_sizes(3, 3, 2, padding="SAME")) == [5, 6]


def test_founding_case_has_two_outputs_under_valid() -> None:
    """3 under 3 taps and stride 2: of 6 to 9, exactly 7 and 8 shrink to 3."""
    assert list(forward_sizes(3, 3, 2, padding="VALID")) == [7, 8]
