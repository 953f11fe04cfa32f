"""The checks that ops share read every spelling, and refuse with the values met. Most are tested with their ops."""

from typing import Any

import numpy as np
import pytest

from reference.checks import (
    check_layout,
    check_rank,
    from_nhwc,
    padding_pairs,
    read_shape,
    shape_to_nhwc,
    spatial,
    to_nhwc,
)
from reference.errors import SpecError
from reference.reading import whole_numbers


@pytest.mark.parametrize(
    ("value", "layout", "read"),
    [
        (None, "NHWC", ((1, 1), (1, 1))),
        (3, "NHWC", ((3, 3), (1, 1))),
        ([3], "NCHW", ((3, 3), (1, 1))),
        ((2, 3), "NCHW", ((2, 3), (1, 1))),
        ([1, 2, 3, 4], "NHWC", ((2, 3), (1, 4))),
        ([1, 2, 3, 4], "NCHW", ((3, 4), (1, 2))),
    ],
)
def test_spatial_reads_rows_and_columns_and_the_rest(value: Any, layout: str, read: object) -> None:  # noqa: ANN401
    """4 numbers follow the layout."""
    assert spatial("op.R1", "strides", value, layout) == read


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1, 2, 3], "strides [1, 2, 3] has 3 entries: it needs 1, 2 or 4"),
        ([], "strides [] has 0 entries: it needs 1, 2 or 4"),
        (0, "strides 0: every entry lies between 1 and 2147483647"),
        ([1, -2], "strides [1, -2]: every entry lies between 1 and 2147483647"),
        (2**31, "strides 2147483648: every entry lies between 1 and 2147483647"),
        (1.0, "strides 1.0: neither an integer nor a sequence of integers"),
        ("2", "strides '2': neither an integer nor a sequence of integers"),
        ([[1, 2], [3, 4]], "strides [[1, 2], [3, 4]]: neither an integer nor a sequence of integers"),
        ([[1], [2, 3]], "strides [[1], [2, 3]]: neither an integer nor a sequence of integers"),
    ],
)
def test_spatial_refuses_with_what_it_met(value: Any, reason: str) -> None:  # noqa: ANN401 -- of no type in common
    """The rule is the caller's."""
    with pytest.raises(SpecError) as refusal:
        spatial("op.R7", "strides", value, "NHWC")

    assert (refusal.value.rule, refusal.value.reason) == ("op.R7", reason)


def test_an_error_prints_its_rule_and_reason() -> None:
    """It is a ValueError, as TensorFlow's refusals often are."""
    with pytest.raises(ValueError, match=r"^op\.R1: data_format 'CHWN': neither 'NHWC' nor 'NCHW'$"):
        check_layout("op.R1", "CHWN")


def test_a_rank_may_be_a_least() -> None:
    """Rank 5 is at least 4, rank 3 is not."""
    check_rank("op.R1", "input", (1, 1, 1, 1, 1), 4, more=True)
    with pytest.raises(SpecError, match="has rank 3: it needs at least 4"):
        check_rank("op.R1", "input", (1, 1, 1), 4, more=True)


def test_padding_pairs_of_an_array() -> None:
    """Rows and columns, by layout."""
    pairs = np.array([[0, 0], [0, 0], [1, 2], [3, 4]])

    assert padding_pairs("op.R1", pairs.tolist(), "NCHW") == ((1, 2), (3, 4))
    assert padding_pairs("op.R1", pairs, "NCHW") == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    "value", [[1, 2, 3, 4], (1, 2, 3, 4), np.array([1, 2, 3, 4]), np.array([1, 2, 3, 4], np.int32)]
)
def test_read_shape_reads_lists_and_arrays(value: Any) -> None:  # noqa: ANN401 -- of no type in common
    """As plain integers."""
    assert read_shape("op.R1", "output_shape", value) == (1, 2, 3, 4)


def test_numbers_are_integers_of_any_kind() -> None:
    """NumPy's too; True is the integer 1 in Python."""
    assert whole_numbers("op.R1", "x", [np.int8(3), 4, True]) == [3, 4, 1]


def test_layouts_there_and_back() -> None:
    """Channels move last and second again; a shape likewise."""
    image = np.arange(24).reshape(1, 2, 3, 4)

    assert to_nhwc(image, "NCHW").shape == (1, 3, 4, 2)
    assert (from_nhwc(to_nhwc(image, "NCHW"), "NCHW") == image).all()
    assert to_nhwc(image, "NHWC") is from_nhwc(image, "NHWC") is image
    assert shape_to_nhwc((1, 2, 3, 4), "NCHW") == (1, 3, 4, 2)
    assert shape_to_nhwc((1, 2, 3, 4), "NHWC") == (1, 2, 3, 4)
