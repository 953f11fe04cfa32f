"""Windows in the words of other libraries. The values are their documentation's formulae, worked out by hand."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import windows
from reference.conventions import LIBRARIES, laid, spelled
from reference.errors import SpecError

TRANSPOSED = ("conv2d_transpose", 3, 3, 2)  # from 3, 3 taps, stride 2


def outputs(library: str, *place: Any, **words: Any) -> tuple[int, int]:  # noqa: ANN401 -- op, sizes and words
    """Return a transposed convolution's output, and how many elements are cut off before it."""
    axis = laid(library, *place, words=words)
    return axis.size, axis.before


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ({}, (7, 0)),  # 2 * 2 + 3
        ({"padding": 1}, (5, 1)),  # 7 - 2
        ({"padding": 1, "output_padding": 1}, (6, 1)),
        ({"output_padding": 1}, (8, 0)),
    ],
)
def test_torch_grows_by_its_formula(words: dict[str, Any], output: tuple[int, int]) -> None:
    """(size - 1) stride - 2 p + reach + output_padding."""
    assert outputs("torch", *TRANSPOSED, **words) == output


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ({}, (7, 0)),  # 2 * 2 + max(3, 2)
        ({"padding": "same"}, (6, 0)),  # 3 * 2
        ({"padding": "same", "output_padding": 0}, (5, 1)),  # 2 * 2 + 3 mod 2: SAME of 5 has one zero at each end
        ({"padding": "same", "output_padding": 1}, (6, 0)),
        ({"padding": "valid", "output_padding": 1}, (8, 0)),
    ],
)
def test_keras_grows_by_its_formula(words: dict[str, Any], output: tuple[int, int]) -> None:
    """(size - 1) stride + base + output_padding, cut as SAME or VALID of that output."""
    assert outputs("keras", *TRANSPOSED, **words) == output


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ({}, (7, 0)),
        ({"pads": (1, 0)}, (6, 1)),
        ({"pads": (1, 1), "output_padding": 1}, (6, 1)),
        ({"auto_pad": "SAME_UPPER"}, (6, 0)),  # 7 - 6 = 1 element is cut off, at the end
        ({"auto_pad": "SAME_LOWER"}, (6, 1)),  # at the beginning
        ({"output_shape": 6}, (6, 1)),  # NOTSET as SAME_LOWER
        ({"auto_pad": "SAME_UPPER", "output_shape": 5}, (5, 1)),  # 2: one at each end
        ({"auto_pad": "VALID", "output_padding": 1}, (8, 0)),
    ],
)
def test_onnx_grows_by_its_formula(words: dict[str, Any], output: tuple[int, int]) -> None:
    """(size - 1) stride + reach + output_padding - before - after; given an output_shape, the rest is shared."""
    assert outputs("onnx", *TRANSPOSED, **words) == output


def test_the_smallest_output_is_tensorflows_default() -> None:
    """SAME: (3 - 1) * 2 + 1."""
    assert outputs("tensorflow", *TRANSPOSED) == (5, 1)


@pytest.mark.parametrize(
    ("size", "taps", "stride", "padding", "out"),
    [
        (6, 3, 2, 0, 3),  # ceil(3 / 2) + 1: the third window reaches one beyond
        (7, 3, 2, 0, 3),  # ceil(4 / 2) + 1: the same as floor
        (2, 1, 2, 0, 1),  # ceil(1 / 2) + 1 = 2, but the second would start at 2, after the image
        (4, 2, 3, 1, 2),  # ceil(4 / 3) + 1 = 3, but the third would start at 6, after 1 + 4
        (5, 2, 2, 1, 3),  # floor(5 / 2) + 1; ceil gives 4, whose start 6 is after 1 + 5: 3
    ],
)
@pytest.mark.parametrize("library", ["torch", "onnx"])
def test_ceil_mode_adds_a_window_that_starts_inside(
    library: str, size: int, taps: int, stride: int, padding: int, out: int
) -> None:
    """ceil((size + 2 p - reach) / stride) + 1, less one where the last starts at size + p or later."""
    words = {"padding": padding} if library == "torch" else {"pads": (padding, padding)}

    assert laid(library, "max_pool", size, taps, stride, words=words | {"ceil_mode": True}).out == out


def test_same_upper_is_same_and_same_lower_has_its_odd_zero_first() -> None:
    """5 under 2 taps and stride 2: one zero."""
    ends = {
        mode: (axis.before, axis.after)
        for mode in ("SAME_UPPER", "SAME_LOWER")
        for axis in [laid("onnx", "max_pool", 5, 2, 2, words={"auto_pad": mode})]
    }

    assert ends == {"SAME_UPPER": (0, 1), "SAME_LOWER": (1, 0)}


def test_tensorflows_even_output_is_no_call_of_torch() -> None:
    """6 from 3 with nothing cut off before needs an output_padding of -1; with 1 cut off before it is another image."""
    even = windows.same(6, 3, 2)

    assert spelled("torch", "conv2d_transpose", [even]) is None
    assert spelled("keras", "conv2d_transpose", [even]) == {"padding": "same"}
    assert spelled("onnx", "conv2d_transpose", [even]) == {"auto_pad": "SAME_UPPER", "output_shape": (6,)}


def test_tensorflows_odd_output_is_a_call_of_each() -> None:
    """5 from 3: one is cut off at each end."""
    odd = windows.same(5, 3, 2)

    assert spelled("torch", "conv2d_transpose", [odd]) == {"padding": (1,), "output_padding": (0,)}
    assert spelled("keras", "conv2d_transpose", [odd]) == {"padding": "same", "output_padding": (0,)}
    assert spelled("onnx", "conv2d_transpose", [odd]) == {"auto_pad": "SAME_UPPER", "output_shape": (5,)}


def test_same_of_a_pool_is_torchs_ceil_mode() -> None:
    """6 under 3 taps and stride 2: one zero, after."""
    assert spelled("torch", "avg_pool", [windows.same(6, 3, 2)]) == {"padding": (0,), "ceil_mode": True}


def test_same_with_a_zero_before_and_two_after_is_none_of_torchs() -> None:
    """8 under 5 taps and stride 2: 3 zeros. padding 1 gives floor(5 / 2) + 1 = 3, ceil_mode 4."""
    assert spelled("torch", "conv2d", [windows.same(8, 5, 2)]) is None
    assert spelled("torch", "max_pool", [windows.same(8, 5, 2)]) == {"padding": (1,), "ceil_mode": True}


def test_rows_and_columns_share_a_name() -> None:
    """SAME fits the rows only, so that both are given as numbers."""
    axes = (windows.same(5, 2, 2), windows.explicit(5, 2, 1, 1, 1, 1))

    assert spelled("tensorflow", "conv2d", axes) == {"padding": ((0, 1), (1, 1))}
    assert spelled("onnx", "conv2d", axes) == {"pads": (0, 1, 1, 1)}


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (("mxnet", "conv2d", 5, 3), "conventions.R1"),
        (("torch", "conv3d", 5, 3), "conventions.R1"),
        (("torch", "conv2d", 5, 3, 1, 1, {"auto_pad": "VALID"}), "conventions.R1"),
        (("torch", "conv2d", 5, 3, 1, 1, {"padding": "SAME"}), "conventions.R2"),
        (("torch", "conv2d", 5, 3, 1, 1, {"padding": -1}), "conventions.R2"),
        (("keras", "conv2d", 5, 3, 1, 1, {"padding": 1}), "conventions.R2"),
        (("onnx", "conv2d", 5, 3, 1, 1, {"auto_pad": "SAME"}), "conventions.R2"),
        (("onnx", "conv2d", 5, 3, 1, 1, {"pads": (1, 1, 1, 1)}), "conventions.R2"),
        (("onnx", "max_pool", 5, 3, 1, 1, {"ceil_mode": 1}), "conventions.R2"),
        (("onnx", "conv2d", 5, 3, 1, 1, {"pads": (1, 1), "auto_pad": "VALID"}), "conventions.R3"),
        (("torch", "conv2d", 5, 3, 2, 1, {"padding": "same"}), "conventions.R3"),
        (("torch", "max_pool", 5, 3, 1, 1, {"padding": 2}), "conventions.R3"),
        (("tensorflow", "max_pool", 5, 3, 1, 1, {"padding": (3, 0)}), "conventions.R3"),
        (("torch", *TRANSPOSED, 1, {"output_padding": 2}), "conventions.R3"),
        (("keras", *TRANSPOSED, 1, {"output_padding": 2}), "conventions.R3"),
        (("torch", *TRANSPOSED, 3, {"output_padding": 2}), "conventions.R4"),  # smaller than the dilation; 3 grow to 4
        (("tensorflow", *TRANSPOSED, 1, {"output_shape": 7}), "conventions.R4"),
        (("onnx", *TRANSPOSED, 1, {"output_shape": 9}), "conventions.R4"),
        (("keras", "conv2d_transpose", 3, 2, 2, 1, {"padding": "same", "output_padding": 0}), "conventions.R4"),
        (("torch", "conv2d", -1, 3), "windows.R1"),
    ],
)
def test_conventions_refuse_by_rule(call: tuple[Any, ...], rule: str) -> None:
    """Each of these breaks one rule."""
    *place, words = call if isinstance(call[-1], dict) else (*call, {})
    with pytest.raises(SpecError) as refusal:
        laid(*place, words=words)

    assert refusal.value.rule == rule


paddings = st.integers(0, 3)
WORDS: dict[tuple[str, str], st.SearchStrategy[dict[str, Any]]] = {
    ("torch", "conv2d"): st.fixed_dictionaries({"padding": paddings | st.sampled_from(["same", "valid"])}),
    ("torch", "max_pool"): st.fixed_dictionaries({"padding": paddings, "ceil_mode": st.booleans()}),
    ("torch", "conv2d_transpose"): st.fixed_dictionaries({"padding": paddings, "output_padding": paddings}),
    ("keras", "conv2d"): st.fixed_dictionaries({"padding": st.sampled_from(["same", "valid"])}),
    ("keras", "max_pool"): st.fixed_dictionaries({"padding": st.sampled_from(["same", "valid"])}),
    ("keras", "conv2d_transpose"): st.fixed_dictionaries(
        {"padding": st.sampled_from(["same", "valid"]), "output_padding": st.none() | paddings}
    ),
    ("onnx", "conv2d"): st.fixed_dictionaries({"pads": st.tuples(paddings, paddings)}),
    ("onnx", "max_pool"): st.fixed_dictionaries(
        {"auto_pad": st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]), "ceil_mode": st.booleans()}
    ),
    ("onnx", "conv2d_transpose"): st.fixed_dictionaries({"pads": st.tuples(paddings, paddings)})
    | st.fixed_dictionaries({"auto_pad": st.sampled_from(["SAME_UPPER", "SAME_LOWER"])}),
}


@pytest.mark.parametrize(("library", "op"), WORDS)
@given(st.data(), st.integers(1, 7), st.integers(1, 5), st.integers(1, 4), st.integers(1, 2))
def test_what_a_library_lays_it_can_spell(
    library: str, op: str, data: st.DataObject, size: int, taps: int, stride: int, dilation: int
) -> None:
    """Its words for the windows that its words laid lay them again; and, but for pools, TensorFlow's words do."""
    gaps = dilation if op == "conv2d" else 1
    try:
        axis = laid(library, op, size, taps, stride, gaps, words=data.draw(WORDS[library, op]))
    except SpecError:
        return

    for name in (library, "tensorflow") if op != "max_pool" else (library,):
        words = spelled(name, op, [axis, axis])
        assert words is not None
        again = laid(name, op, size, taps, stride, gaps, words={word: first(value) for word, value in words.items()})
        assert (again.size, again.out, again.before) == (axis.size, axis.out, axis.before)


def first(value: Any) -> Any:  # noqa: ANN401 -- a name, a flag or numbers
    """Return what a word says of the rows."""
    if isinstance(value, str | bool):
        return value
    return value[::2] if len(value) == 4 else value[0]


@pytest.mark.parametrize(("library", "taps", "stride"), list(product(LIBRARIES, range(1, 6), range(1, 5))))
def test_what_is_not_padded_is_a_call_of_each(library: str, taps: int, stride: int) -> None:
    """VALID convolutions and pools, whatever is left over at the end; the exact transposed ones likewise."""
    axis = windows.valid(11, taps, stride)
    exact = windows.valid(2 * stride + taps, taps, stride)

    assert spelled(library, "conv2d", [axis])
    assert spelled(library, "max_pool", [axis])
    assert spelled(library, "conv2d_transpose", [exact])
