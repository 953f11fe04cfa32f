"""The drawing of one call in the terminal."""

from typing import Any

import pytest

from conformance.commands.explain import drawing, explain
from conformance.errors import UsageError
from reference.geometry import geometry

EVEN = """\
conv2d_transpose: input 3x3, filters 3x3, strides 2x2, padding SAME, output 6x6

rows: 3 elements, 1 zero between, padding top 2 (1 extra), bottom 1; step 1
columns: 3 elements, 1 zero between, padding left 2 (1 extra), right 1; step 1

what the windows slide over, 8x8    output, 6x6
[+][+][+] +  +  +  +  +             [ 1]  1   3   2   5   3
[+][o][o] o  o  o  o  o               1   1   3   2   5   3
[+][o][1] .  2  .  3  o               5   5  12   7  16   9
 +  o  .  .  .  .  .  o               4   4   9   5  11   6
 +  o  4  .  5  .  6  o              11  11  24  13  28  15
 +  o  .  .  .  .  .  o               7   7  15   8  17   9
 +  o  7  .  8  .  9  o
 +  o  o  o  o  o  o  o

[ ] the window of output element 0,0, reached by 1 input element
+ extra padding: on the left and top, not on the right and bottom
o padding
. a zero inserted between elements
each output element is the sum of its window, since the filters are ones
input rows that reach each output row: 1 1 2 1 2 1
input columns that reach each output column: 1 1 2 1 2 1

the same windows:
TensorFlow: padding SAME, output_shape (6, 6)
PyTorch: no such call: it pads both ends alike, and output_padding only makes an
  output longer
Keras: padding same
ONNX: auto_pad SAME_UPPER, output_shape (6, 6)
"""


def _table(text: str, title: str) -> list[list[str]]:
    """Return the rows of a table that stands alone, without brackets."""
    lines = text[text.index(title) :].splitlines()[1:]
    rows = lines[: lines.index("")]
    return [row.replace("[", " ").replace("]", " ").split() for row in rows]


def test_even_output_shows_its_extra_zeros_and_the_worked_example(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """3x3 to 6x6: one more row on top and one more column on the left; the result is the published one."""
    monkeypatch.setenv("COLUMNS", "80")

    explain("conv2d_transpose", input="3,3", filters="3,3", strides="2", output="6,6")

    assert capsys.readouterr().out == EVEN


def test_odd_output_shows_the_worked_example() -> None:
    """3x3 to 5x5: 1 3 2 5 3 and so on."""
    laid = geometry("conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="SAME")

    rows = _table(drawing(laid, width=40), "output, 5x5")

    assert rows == [
        line.split() for line in ("1 3 2 5 3", "5 12 7 16 9", "4 9 5 11 6", "11 24 13 28 15", "7 15 8 17 9")
    ]


def test_odd_output_has_no_extra_padding() -> None:
    """Neither the sign nor its meaning stands in the drawing."""
    laid = geometry("conv2d_transpose", input=(3, 3), filters=(3, 3), strides=2, padding="SAME")

    assert "+" not in drawing(laid)


def test_convolution_sums_its_windows() -> None:
    """1 2 / 3 4 under 2x2 ones, SAME: the odd padding is last. 1 + 2 + 3 + 4, 2 + 4, 3 + 4, 4."""
    laid = geometry("conv2d", input=(2, 2), filters=(2, 2), padding="SAME")

    assert _table(drawing(laid, width=40), "output, 2x2") == [["10", "6"], ["7", "4"]]


def test_max_pool_takes_the_largest() -> None:
    """1 .. 6 in two rows under 2x2, stride 1: 5 and 6."""
    laid = geometry("max_pool", input=(2, 3), filters=(2, 2))

    assert _table(drawing(laid, width=40), "output, 1x2") == [["5", "6"]]


def test_avg_pool_divides_by_the_elements_inside() -> None:
    """1 2 3 / 4 5 6 / 7 8 9 under 2x2, stride 2, SAME: 12 / 4, 9 / 2, 15 / 2 and 9 / 1."""
    laid = geometry("avg_pool", input=(3, 3), filters=(2, 2), strides=2, padding="SAME")

    assert _table(drawing(laid, width=40), "output, 2x2") == [["3", "4.5"], ["7.5", "9"]]


def test_window_over_nothing_shows_a_dash() -> None:
    """An empty image with padding of one at each end, under 2 taps: one row, and no element in it."""
    laid = geometry("max_pool", input=(0, 1), filters=(2, 1), padding=((1, 1), (0, 0)))

    assert _table(drawing(laid, width=40), "output, 1x1") == [["-"]]


def test_marked_window_keeps_the_gaps_of_its_dilation() -> None:
    """3 taps 2 apart on 5x5: every second element of every second row is in brackets."""
    laid = geometry("conv2d", input=(5, 5), filters=(3, 3), dilations=2)

    text = drawing(laid, width=40)

    assert "\n[ 1]  2 [ 3]  4 [ 5]\n  6   7   8   9  10\n[11]" in text
    assert "dilations 2x2" in text


def test_another_window_can_be_marked() -> None:
    """The last window of 3x3 under 2x2 holds 5, 6, 8 and 9."""
    laid = geometry("conv2d", input=(3, 3), filters=(2, 2))

    text = drawing(laid, element=(1, 1), width=40)

    assert "\n 1  2  3\n 4 [5][6]\n 7 [8][9]\n" in text
    assert "output element 1,1, reached by 4 input elements" in " ".join(text.split())


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_drawing_keeps_to_the_width(width: int) -> None:
    """Sentences are broken and tables cut."""
    laid = geometry("conv2d_transpose", input=(9, 30), filters=(3, 3), strides=2, padding="SAME")

    assert max(map(len, drawing(laid, width=width).splitlines())) <= width


def test_cut_table_says_what_is_shown_and_starts_at_the_window() -> None:
    """Rows 0 to 3 count to 80: two digits in brackets are 4 characters, ten of them 40; window 5 is column 5."""
    laid = geometry("conv2d", input=(10, 20), filters=(1, 1))

    text = drawing(laid, element=(0, 5), width=40, height=4)

    assert "rows 0 to 3, columns 5 to 14" in " ".join(text.split())
    assert "\n[ 6]  7   8   9  10  11  12  13  14  15\n" in text


def test_long_counts_are_cut() -> None:
    """30 rows under one tap: one input row reaches each; 12 are shown."""
    laid = geometry("conv2d", input=(30, 1), filters=(1, 1))

    assert "output row: " + "1 " * 12 + "...\n" in drawing(laid)


def test_explicit_padding_is_shown_as_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """Top, bottom, left, right."""
    explain("max_pool", input="4,4", filters="2", padding="1,0,0,1")

    out = capsys.readouterr().out
    assert "padding 1,0,0,1" in out
    assert "padding top 1, bottom 0" in out


def test_elements_cut_off_are_told() -> None:
    """1 tap, padding 1 on top: the transposed image loses its first row."""
    laid = geometry("conv2d_transpose", input=(3, 3), filters=(1, 1), padding=((1, 0), (0, 0)))

    assert "padding top -1, bottom 0 (negative: cut off)" in drawing(laid)


def test_empty_output_is_drawn_without_a_window() -> None:
    """2x2 under 3x3, VALID: no window fits."""
    text = drawing(geometry("conv2d", input=(2, 2), filters=(3, 3)))

    assert "no window fits" in text
    assert "[" not in text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input": "3;3"}, "explain: --input '3;3' is not rows and columns: 3,3"),
        ({"strides": "1,2,3"}, "explain: --strides '1,2,3' is not rows and columns: 3,3"),
        ({"filters": "-1,3"}, "explain: --filters '-1,3' is not rows and columns: 3,3"),
        ({"padding": "1,1"}, "explain: --padding '1,1' is not top,bottom,left,right: 1,1,0,2"),
        ({"padding": "SNAME"}, "padding 'SNAME': neither 'SAME', 'VALID' nor two integers"),
        ({"op": "conv3d"}, "op 'conv3d' is none of conv2d"),
        ({"output": "7,7"}, r"geometry.R3: output (7, 7) shrinks to (4, 4); the input is (3, 3)"),
        ({"like": "jax"}, "explain: --like 'jax' is none of tensorflow, torch, keras, onnx"),
        ({"output_padding": "1"}, "conventions.R1: tensorflow has no 'output_padding' in conv2d_transpose"),
        ({"like": "torch", "padding": "1,1,1,1"}, "explain: --padding '1,1,1,1' is not rows and columns: 3,3"),
        ({"like": "keras", "output_padding": "2"}, "conventions.R3: output_padding 2 is not smaller than the stride 2"),
        ({"like": "onnx", "padding": "1,1"}, "explain: --padding '1,1' is not top,bottom,left,right: 1,1,0,2"),
        (
            {"op": "max_pool", "like": "onnx", "padding": "3,0,0,0"},
            "no call of TensorFlow does this: its pools have no",
        ),
        ({"element": "5,6"}, "explain conv2d_transpose: --element 5,6 lies outside the 5x5 output"),
        ({"input": "3000,1"}, "explain conv2d_transpose: more than 2000 cells a side are too many to draw"),
    ],
)
def test_bad_input_is_refused_in_one_line(changed: dict[str, str], message: str) -> None:
    """Each change of a valid call names what is wrong and where."""
    call: dict[str, Any] = {"op": "conv2d_transpose", "input": "3,3", "filters": "3,3", "strides": "2"} | changed
    with pytest.raises(UsageError) as refusal:
        explain(**call)

    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_another_librarys_call_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """PyTorch's padding 1 and output_padding 1 give 6x6 with its extra zero last: TensorFlow's SAME has it first."""
    explain("conv2d_transpose", input="3,3", filters="3,3", strides="2", like="torch", padding="1", output_padding="1")

    out = capsys.readouterr().out
    assert "padding top 1, bottom 2" in out
    assert "TensorFlow: padding ((1, 0), (1, 0)), output_shape (6, 6)\nPyTorch: padding (1, 1), output_pad" in out


def test_pads_are_read_by_axis(capsys: pytest.CaptureFixture[str]) -> None:
    """Top and bottom, left and right; ONNX itself has both beginnings before both ends."""
    explain("conv2d", input="4,4", filters="3,3", like="onnx", padding="1,0,2,1")

    out = capsys.readouterr().out
    assert "padding top 1, bottom 0" in out
    assert "padding left 2, right 1" in out
    assert "ONNX: pads (1, 2, 0, 1)" in out


def test_a_ceil_mode_pool_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """6 under 3 taps and stride 2: the third window reaches one beyond, as under SAME."""
    explain("avg_pool", input="6,6", filters="3,3", strides="2", like="torch", ceil_mode=True)

    out = capsys.readouterr().out
    assert "padding SAME, output 3x3" in out
    assert "PyTorch: padding (0, 0), ceil_mode True, count_include_pad False" in out
