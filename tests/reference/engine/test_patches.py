"""Windows on arrays: the padding around an image, windows as a view, and which window meets which cell."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reference.engine.patches import (
    covering,
    length,
    meeting,
    overlap,
    pad,
    places,
    run,
    seen,
    window_view,
)
from reference.windows import Axis, explicit, same

axes = st.one_of(
    st.builds(same, st.integers(0, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
    st.builds(
        explicit,
        st.integers(0, 9),
        st.integers(1, 4),
        st.integers(1, 3),
        st.integers(1, 3),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
).filter(lambda axis: axis.out >= 0)


def test_pad_stores_the_padding() -> None:
    """Two cells under 3 taps, SAME: one more at each end of the columns, none of the row."""
    image = np.array([1, 2]).reshape(1, 1, 2, 1)

    out = pad(image, same(1, 1, 1), same(2, 3, 1))

    assert out.ravel().tolist() == [0, 1, 2, 0]


def test_pad_without_padding_copies_nothing() -> None:
    """The image itself."""
    image = np.zeros((1, 2, 2, 1))

    assert pad(image, same(2, 1, 1), same(2, 1, 1)) is image


def test_window_view_by_hand() -> None:
    """0 .. 4 under 2 taps 2 apart, in steps of 2: 0 2 and 2 4."""
    image = np.arange(5).reshape(1, 1, 5, 1)

    view = window_view(image, same(1, 1, 1), explicit(5, 2, 2, 2, 0, 0))

    assert view.shape == (1, 1, 2, 1, 2, 1)
    assert view.ravel().tolist() == [0, 2, 2, 4]
    assert not view.flags.writeable


@given(axes)
def test_no_window_ends_after_the_frame(axis: Axis) -> None:
    """And the padded image fits in it."""
    ends = [int(start) + axis.before + axis.reach for start in axis.starts()]

    assert length(axis) >= max([axis.padded, *ends])


@given(axes)
def test_places_are_the_cells_of_one_tap(axis: Axis) -> None:
    """In the frame's coordinates, in which the image begins at `before`."""
    frame = np.arange(length(axis))

    for tap in range(axis.taps):
        cells = (axis.starts() + tap * axis.dilation + axis.before).tolist()
        assert frame[places(axis, tap)].tolist() == cells


@given(axes)
def test_taps_that_meet_one_cell_are_runs_apart(axis: Axis) -> None:
    """Whichever windows they belong to."""
    cells = axis.starts()[:, None] + np.arange(axis.taps) * axis.dilation

    met = [np.flatnonzero((cells == cell).any(0)) for cell in np.unique(cells)]

    assert all((np.diff(taps) % run(axis) == 0).all() for taps in met)


@given(axes)
def test_no_more_windows_than_said_meet_a_cell(axis: Axis) -> None:
    """The taps that may meet one cell are a run apart, and there are no more windows than there are."""
    assert axis.covered().max(initial=0) <= overlap(axis)


def test_runs_by_hand() -> None:
    """In steps of 2, every second tap may meet a cell; with taps 2 apart, every one; in steps of 3, every third."""
    assert [run(same(9, 5, 2)), run(same(9, 2, 2, 2)), run(same(9, 5, 3, 2))] == [2, 1, 3]


def test_what_is_added_to_windows_lands_in_their_cells() -> None:
    """5 cells under 2 taps 2 apart, in steps of 2, tap by tap: the middle cell is met twice."""
    frame = np.zeros((1, 1, 5, 1))
    axis = explicit(5, 2, 2, 2, 0, 0)

    windows = window_view(frame, same(1, 1, 1), axis, writeable=True)
    for tap in range(axis.taps):
        windows[..., tap, :] += 1

    assert frame.ravel().tolist() == [1, 0, 2, 0, 1]


def pairs(axis: Axis, met: tuple[slice, slice], most: int) -> list[tuple[int, int]]:
    """Return the numbers that two slices of equal length name: taps or windows, `most` of them, and cells."""
    return list(zip(range(most)[met[0]], range(axis.size)[met[1]], strict=True))


@given(axes)
def test_taps_windows_and_cells_meet_alike_from_all_sides(axis: Axis) -> None:
    """The taps of a window, the windows of a tap and the windows over a cell are one relation."""
    meetings = {
        (window, tap, cell)
        for window, start in enumerate(axis.starts().tolist())
        for tap in range(axis.taps)
        if 0 <= (cell := start + tap * axis.dilation) < axis.size
    }

    by_window = {(w, *pair) for w in range(axis.out) for pair in pairs(axis, seen(axis, w), axis.taps)}
    by_tap = {(w, t, c) for t in range(axis.taps) for w, c in pairs(axis, meeting(axis, t), axis.out)}
    by_cell = {
        (w, t, c)
        for c in range(axis.size)
        for t, w in zip(*map(list, covering(axis, axis.windows_over(), c)), strict=True)
    }
    assert by_window == by_tap == by_cell == meetings
