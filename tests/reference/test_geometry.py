"""The geometry of one call as data."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.arithmetic import axis, transposed_sizes
from reference.errors import SpecError
from reference.geometry import OPS, Cell, Geometry, Line, geometry


def _transposed(side: int) -> Geometry:
    """Return the case that the project started from: 3x3 to side x side, 3x3 filters, stride 2, SAME."""
    return geometry("conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="SAME", output=(side, side))


def _signs(line: Line) -> str:
    """Return one sign a cell: the element's number, a dot between, o for padding, + for extra padding."""
    signs = {Cell.INSERTED: ".", Cell.PADDING: "o", Cell.EXTRA: "+"}
    return "".join(signs.get(line.cell(p), str(line.element(p))) for p in range(line.length))


def test_odd_output_has_one_zero_on_each_side() -> None:
    """3 to 5: a zero between elements, and one at each end."""
    assert _signs(_transposed(5).rows) == "o0.1.2o"


def test_even_output_has_one_more_on_the_left_and_top() -> None:
    """3 to 6: the same, and one before all of it."""
    laid = _transposed(6)

    assert _signs(laid.rows) == _signs(laid.columns) == "+o0.1.2o"


def test_transposed_windows_move_by_one() -> None:
    """Output element 4 sees positions 4, 5 and 6."""
    assert list(_transposed(6).rows.window(4)) == [4, 5, 6]


def test_transposed_valid_has_the_window_less_one_at_each_end() -> None:
    """3 to 7: two zeros at each end. Without an output the smallest is meant."""
    laid = geometry("conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="VALID")

    assert (_signs(laid.rows), laid.output) == ("oo0.1.2oo", (7, 7))


def test_padding_larger_than_the_window_cuts_elements_off() -> None:
    """1 tap, padding 1 before: the transposed image of 3 loses its first element."""
    laid = geometry("conv2d_transpose", input=(3, 3), filters=(1, 1), padding=((1, 0), (0, 0)))

    assert (_signs(laid.rows), _signs(laid.columns), laid.output) == ("12", "012", (2, 3))


def test_convolution_has_its_odd_padding_last() -> None:
    """6 under 3 taps and stride 2, SAME: one absent element, after."""
    laid = geometry("conv2d", input=(6, 5), filters=(3, 3), strides=2, padding="SAME")

    assert (_signs(laid.rows), _signs(laid.columns)) == ("012345o", "o01234o")


def test_convolution_windows_move_by_the_stride_with_gaps_of_the_dilation() -> None:
    """Window 1 of 3 taps 2 apart and stride 3 sees 3, 5 and 7."""
    laid = geometry("conv2d", input=(9, 9), filters=(3, 3), strides=3, dilations=2)

    assert list(laid.rows.window(1)) == [3, 5, 7]


def test_elements_that_reach_an_output_are_inside_the_image() -> None:
    """5 under 3 taps and stride 2, SAME: one absent element at each end, windows from -1, 1 and 3."""
    laid = geometry("conv2d", input=(5, 5), filters=(3, 3), strides=2, padding="SAME")

    assert [laid.rows.inputs(y) for y in range(3)] == [(0, 1), (1, 2, 3), (3, 4)]


def test_counts_show_how_unevenly_a_transposed_convolution_reaches() -> None:
    """3 taps and stride 2 overlap by one: every second output is reached twice."""
    assert _transposed(6).rows.counts() == (1, 1, 2, 1, 2, 1)


def test_output_element_sees_the_product_of_its_row_and_its_column() -> None:
    """Row 2 is reached by input rows 0 and 1, column 4 by input columns 1 and 2."""
    laid = _transposed(6)

    assert list(laid.inputs(2, 4)) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert laid.count(2, 4) == 4


def test_pool_is_laid_out_like_a_convolution() -> None:
    """5x4 under 2x2, stride 2, SAME: one absent row at the bottom."""
    laid = geometry("max_pool", input=(5, 4), filters=(2, 2), strides=2, padding="SAME")

    assert (_signs(laid.rows), _signs(laid.columns), laid.output) == ("01234o", "0123", (3, 2))


def test_max_pool_takes_explicit_padding() -> None:
    """Smaller than the window."""
    laid = geometry("max_pool", input=(3, 3), filters=(2, 3), strides=2, padding=((1, 0), (2, 1)))

    assert (_signs(laid.rows), _signs(laid.columns)) == ("o012", "oo012o")


def test_empty_input_has_no_elements() -> None:
    """0x2 under 3x3, SAME: an empty output."""
    laid = geometry("conv2d_transpose", input=(0, 2), filters=(3, 3), padding="SAME")

    assert (laid.rows.spread, laid.output) == (0, (0, 2))


@pytest.mark.parametrize("op", OPS)
def test_every_op_is_laid_out(op: str) -> None:
    """One tap and stride 1 leave everything where it is."""
    laid = geometry(op, input=(2, 3), filters=(1, 1))

    assert (laid.input, laid.output) == ((2, 3), (2, 3))
    assert list(laid.inputs(1, 2)) == [(1, 2)]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"op": "conv3d"}, "geometry.R1"),
        ({"op": "max_pool", "dilations": 2}, "geometry.R2"),
        ({"op": "avg_pool", "padding": ((0, 0), (0, 0))}, "geometry.R2"),
        ({"op": "max_pool_with_argmax", "padding": ((0, 0), (0, 0))}, "geometry.R2"),
        ({"op": "max_pool", "padding": ((0, 0), (0, 3))}, "geometry.R2"),
        ({"output": (6, 7)}, "geometry.R3"),
        ({"op": "conv2d", "output": (6, 6)}, "geometry.R3"),
        ({"filters": (1, 1), "strides": 1, "padding": ((0, 9), (0, 0)), "output": None}, "geometry.R3"),
        ({"padding": "SNAME"}, "arithmetic.R2"),
    ],
)
def test_geometry_refuses_by_rule(changed: dict[str, Any], rule: str) -> None:
    """Each change of a valid call breaks one rule."""
    call = {"op": "conv2d_transpose", "input": (3, 3), "filters": (3, 3), "strides": 2, "padding": "SAME"}
    with pytest.raises(SpecError) as refusal:
        geometry(**(call | changed))  # type: ignore[arg-type]

    assert refusal.value.rule == rule


def test_refusal_names_both_sizes() -> None:
    """7 shrinks to 4 under stride 2."""
    with pytest.raises(SpecError, match=r"output \(7, 7\) shrinks to \(4, 4\); the input is \(3, 3\)"):
        _transposed(7)


paddings = st.one_of(st.sampled_from(["SAME", "VALID"]), st.tuples(st.integers(0, 4), st.integers(0, 4)))


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), paddings, st.integers(1, 3))
def test_transposed_convolution_scatters(
    size: int, taps: int, stride: int, padding: str | tuple[int, int], dilation: int
) -> None:
    """The windows over the image with its zeros meet what scattering says: element i at stride * i + its taps."""
    ends = padding if isinstance(padding, str) else (padding, padding)
    call = {"filters": (taps, taps), "strides": stride, "padding": ends, "dilations": dilation}

    for out in transposed_sizes(size, taps, stride, padding, dilation):
        rows = geometry("conv2d_transpose", input=(size, size), output=(out, out), **call).rows  # type: ignore[arg-type]
        before = axis(out, taps, stride, padding, dilation).before
        reached = [{stride * i + dilation * t - before for t in range(taps)} for i in range(size)]
        assert [rows.inputs(o) for o in range(out)] == [
            tuple(i for i in range(size) if o in reached[i]) for o in range(out)
        ]
