"""
Every argument takes what numpy.asarray takes, or is refused by a rule: no other exception, whatever a caller gives.

`KINDS` are ways to give an argument; each is tried for each argument of each op, and junk of any nesting beside them.
Where a kind holds the same numbers as an array would, the result is the same, bit for bit.
"""

import pickle
from collections.abc import Callable, Iterator
from inspect import signature
from itertools import islice
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference import SpecError, arithmetic, geometry, random_bits, windows
from reference.errors import shown
from tests.reference.test_rules import stated
from tests.reference.valid_calls import OPS, VALID

RULES = {f"{op}.R{number}" for op, number in stated()}


class Tensor:
    """An array of another library: all that NumPy knows of it is __array__."""

    def __init__(self, values: Any) -> None:  # noqa: ANN401 -- whatever numpy.asarray takes
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: ANN401 -- NumPy's protocol
        return self.values.astype(dtype or self.values.dtype, copy=bool(copy))


class Unwilling:
    """A tensor that gives no array, as one on another device or one that records a gradient; it prints nothing."""

    shape = (2, 2, 2, 2)
    dtype = "float32"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: ANN401 -- NumPy's protocol
        raise RuntimeError("detach it first")

    @property
    def name(self) -> str:
        """No name."""
        raise KeyError("no name")

    def __index__(self) -> int:
        raise AttributeError("no index")

    def __eq__(self, other: object) -> bool:
        raise TypeError("not to be compared")

    def __bool__(self) -> bool:
        raise TypeError("neither true nor false")

    def __hash__(self) -> int:
        raise TypeError("no hash")

    def __repr__(self) -> str:
        raise KeyError("no text")


def holding_itself() -> list[Any]:
    """Return a list that is its own entry."""
    endless: list[Any] = []
    endless.append(endless)
    return endless


def strided(value: Any) -> Any:  # noqa: ANN401 -- of no type in common
    """Return the same array with other elements between its own."""
    array = np.asarray(value)
    return np.stack([array, array], -1)[..., 1]


def read_only(value: Any) -> Any:  # noqa: ANN401 -- of no type in common
    """Return a copy that nobody may write."""
    array = np.array(value)
    array.flags.writeable = False
    return array


def swapped(value: Any) -> Any:  # noqa: ANN401 -- of no type in common
    """Return the same array in the other byte order."""
    array = np.asarray(value)
    return array.astype(array.dtype.newbyteorder("S"))


# Each holds the numbers of the valid argument that it is made of.
ALIKE: dict[str, Callable[[Any], Any]] = {
    "array": np.asarray,
    "tensor": Tensor,
    "other byte order": swapped,
    "read-only": read_only,
    "strided": strided,
    "Fortran order": np.asfortranarray,
    "masked nowhere": np.ma.asarray,
}
# Each holds them in another dtype, or as what is no array, or holds others.
OTHERS: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: np.asarray(value).tolist(),
    "tuple": lambda value: tuple(np.asarray(value).ravel().tolist()),
    "objects": lambda value: np.asarray(value, object),
    "masked": lambda value: np.ma.array(value, mask=True),
    "wide": lambda value: np.asarray(value, np.longdouble) if np.asarray(value).dtype.kind in "iuf" else value,
    "complex": lambda value: np.asarray(value, complex) if np.asarray(value).dtype.kind in "iuf" else value,
    "more axes": lambda value: np.asarray(value)[None, None],
    "first entry": lambda value: np.asarray(value).ravel()[:1],
    "scalar": lambda value: np.asarray(value).ravel()[0],
    "without axes": lambda value: np.asarray(np.asarray(value).ravel()[0]),
    "as text": str,
    "as a set": lambda value: set(np.asarray(value).ravel().tolist()),
    "as a generator": lambda value: iter(np.asarray(value).ravel()),
    "as a mapping": lambda value: dict(enumerate(np.asarray(value).ravel())),
}
VALUES: list[Any] = [
    *(None, True, False, np.True_, np.asarray(True), [True, False]),
    *(0, 1, -1, 3, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, -(2**63) - 1, 10**30, 10**5000, -(10**5000)),
    *(0.5, -0.5, 1.0, float("nan"), float("inf"), 1j, np.float16(1), np.float32(0.5), np.int8(2), np.uint64(2**63)),
    *(ml_dtypes.bfloat16(0.5), np.float64("nan"), np.longdouble(0.5), np.datetime64(1, "s"), np.timedelta64(1, "s")),
    *("", "SAME", "same", "VALID", "NCHW", "1", "philox", b"SAME", bytearray(b"\1\1"), memoryview(b"\1\1")),
    *(
        [],
        (),
        {},
        set(),
        [None],
        [[]],
        [1, [2]],
        [[1, 2], [3]],
        [1, "a"],
        [1, None],
        [1.5, 2],
        [2**63, -1],
        [2**70] * 4,
    ),
    *(
        [2**31 - 1] * 4,
        [-1] * 4,
        [[0, 0]] * 4,
        [[-1, 0]] * 4,
        [[0, 0]] * 3,
        [[2**40, 0]] * 4,
        [["a", "b"]] * 4,
        range(4),
    ),
    *(
        object(),
        int,
        np.float32,
        np.dtype(">i8"),
        len,
        Unwilling(),
        [Unwilling()],
        [Unwilling()] * 4,
        [[Unwilling(), 0]] * 4,
        [[0, 0], Unwilling(), [0, 0], [0, 0]],
        {"a": Unwilling()},
        Tensor([1, 2]),
        Tensor(2),
        Tensor("a"),
    ),
    *(np.zeros(()), np.zeros(0), np.zeros((0, 0, 0, 0), np.float32), np.zeros((2,) * 9), np.array(None), np.array("a")),
    *(np.zeros(2, "M8[s]"), np.zeros(2, [("a", "f4")]), np.array([1, [2]], object), np.zeros(4, ml_dtypes.float8_e4m3)),
    *(np.zeros(4, ml_dtypes.int4), np.ma.masked, holding_itself(), slice(2), Ellipsis, NotImplemented, TypeError("x")),
]

FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "windows.same": (windows.same, {"size": 5, "taps": 3, "stride": 2, "dilation": 1}),
    "windows.valid": (windows.valid, {"size": 5, "taps": 3, "stride": 2, "dilation": 1}),
    "windows.explicit": (
        windows.explicit,
        {"size": 5, "taps": 3, "stride": 2, "dilation": 1, "before": 1, "after": 1},
    ),
    "windows.lay": (windows.lay, {"size": 5, "taps": 3, "stride": 2, "dilation": 1, "padding": (1, 1)}),
    "windows.forward_sizes": (
        windows.forward_sizes,
        {"size": 5, "taps": 3, "stride": 2, "dilation": 1, "padding": "SAME"},
    ),
    "arithmetic.axis": (arithmetic.axis, {"size": 5, "taps": 3, "stride": 2, "padding": (1, 1), "dilation": 1}),
    "arithmetic.axes": (
        arithmetic.axes,
        {"size": (5, 5), "taps": (3, 3), "strides": 2, "padding": ((1, 1), (1, 1)), "dilations": (1, 1)},
    ),
    "arithmetic.transposed_sizes": (
        arithmetic.transposed_sizes,
        {"size": 5, "taps": 3, "stride": 2, "padding": (1, 1), "dilation": 1},
    ),
    "arithmetic.allowed_outputs": (
        arithmetic.allowed_outputs,
        {"size": (5, 5), "taps": (3, 3), "strides": 2, "padding": ((1, 1), (1, 1)), "dilations": (1, 1)},
    ),
    "arithmetic.remainder": (
        arithmetic.remainder,
        {"out": 5, "taps": 3, "stride": 2, "padding": (1, 1), "dilation": 1},
    ),
    "arithmetic.upsamplings": (arithmetic.upsamplings, {"a": 2, "b": 4, "largest": 4}),
    "arithmetic.convolution": (
        arithmetic.convolution,
        {"input": (5, 5, 2), "filters": (3, 3, 2, 2), "strides": 2, "padding": "SAME", "dilations": 1},
    ),
    "arithmetic.covering_filters": (arithmetic.covering_filters, {"input": (5, 5, 2), "outputs": 3}),
    "arithmetic.pooling": (arithmetic.pooling, {"input": (5, 5, 2), "ksize": (2, 2), "strides": 2, "padding": "SAME"}),
    "arithmetic.transposed_convolution": (
        arithmetic.transposed_convolution,
        {"input": (3, 3, 2), "filters": (3, 3, 1, 2), "output": (5, 5), "strides": 2, "padding": "SAME"},
    ),
    "geometry.geometry": (
        geometry.geometry,
        {
            "op": "conv2d_transpose",
            "input": (3, 3),
            "filters": (3, 3),
            "strides": 2,
            "padding": ((1, 1), (1, 1)),
            "dilations": 1,
            "output": (5, 5),
        },
    ),
    "random_bits.op_seeds": (random_bits.op_seeds, {"global_seed": 1, "seed": 2}),
    "random_bits.algorithm": (random_bits.algorithm, {"rng_alg": "philox"}),
}
CALLS = {op: (getattr(reference, op), call) for op, call in VALID.items()} | FUNCTIONS

# The arguments that a valid call above leaves at their default.
LEFT_OUT: dict[str, Any] = {
    "data_format": "NHWC",
    "dilations": 1,
    "output_dtype": "int32",
    "include_batch_in_index": True,
    "noise_shape": (2, 1),
    "global_seed": 3,
    "rng_alg": "threefry",
    "compiled": True,
    "name": "here",
    "bias": False,
    "exact": True,
    "arguments": {},  # of a pattern, whose stages have no such one
}


def arguments() -> Iterator[tuple[str, str]]:
    """Yield every function with the name of each argument, those of a valid call that it has no name for too."""
    for name, (function, call) in CALLS.items():
        named = signature(function).parameters.values()
        own = [each.name for each in named if each.kind is not each.VAR_KEYWORD]
        yield from ((name, argument) for argument in dict.fromkeys((*own, *call)))


def given_as(name: str, argument: str, value: Any) -> Any:  # noqa: ANN401 -- whatever the function returns
    """Call a function validly but for one argument; consume what it yields."""
    function, call = CALLS[name]
    result = function(**call | {argument: value})
    return list(islice(result, 3)) if isinstance(result, Iterator) else result


def refuses_by_rule(error: SpecError) -> bool:
    """Say whether a refusal names a rule that is stated, the values met, and a reason on one line."""
    return error.rule in RULES and bool(error.values) and 0 < len(error.reason) < 1000 and "\n" not in str(error)


def try_it(name: str, argument: str, value: Any) -> None:  # noqa: ANN401 -- of no type in common
    """Call with a value for an argument; whatever is refused is refused by rule."""
    try:
        given_as(name, argument, value)
    except SpecError as error:
        assert refuses_by_rule(error), f"{name}({argument}={shown(value)}): {error}"  # noqa: PT017 -- either will do


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "argument"), list(arguments()))
def test_an_argument_of_any_kind_is_taken_or_refused_by_rule(name: str, argument: str) -> None:
    """No AttributeError, TypeError, OverflowError, KeyError or MemoryError, and no warning."""
    valid = (LEFT_OUT | CALLS[name][1])[argument]
    kinds = ALIKE | OTHERS

    for value in (*VALUES, *(kind(valid) for kind in kinds.values())):
        try_it(name, argument, value)


@pytest.mark.parametrize("kind", ALIKE)
@pytest.mark.parametrize(("name", "argument"), [(op, name) for op in OPS for name in VALID[op]])
def test_the_same_numbers_of_any_kind_give_the_same_result(name: str, argument: str, kind: str) -> None:
    """Bit for bit, in this machine's byte order, or a refusal: an array is no text, and without axes no rate."""
    valid = VALID[name][argument]
    try:
        other = given_as(name, argument, ALIKE[kind](valid))
    except SpecError as error:
        assert refuses_by_rule(error)  # noqa: PT017 -- either will do
        assert np.ndim(valid) == 0
        return

    assert bits(other) == bits(given_as(name, argument, valid))


def bits(result: Any) -> list[tuple[np.dtype[Any], bytes]]:  # noqa: ANN401 -- one array or two
    """Return dtypes and bytes; two dtypes of one name in different byte orders differ."""
    return [(array.dtype, array.tobytes()) for array in (result if isinstance(result, tuple) else (result,))]


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 6)
    | st.integers(2**31)
    | st.integers(max_value=-(2**31))
    | st.floats()
    | st.text(max_size=4)
    | st.integers(0, len(VALUES) - 1).map(lambda number: VALUES[number]),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.lists(inner, min_size=4, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(list(arguments())), junk)
def test_junk_of_any_nesting_is_taken_or_refused_by_rule(which: tuple[str, str], value: Any) -> None:  # noqa: ANN401
    """As above, over what nobody thought of."""
    try_it(*which, value)


def test_a_refusal_carries_its_values_as_data() -> None:
    """What a program reads instead of the reason."""
    with pytest.raises(SpecError) as refusal:
        reference.max_pool(np.zeros((1, 4, 4, 1)), [2, 0], 1, "VALID")

    assert (refusal.value.rule, dict(refusal.value.values)) == ("max_pool.R4", {"ksize": [2, 0]})


def test_a_refusal_travels_between_processes() -> None:
    """Pickled, it keeps its rule, its reason and its values."""
    error = pickle.loads(pickle.dumps(SpecError("op.R1", "no", values={"a": (1, 2)}, open_to_empty=True)))  # noqa: S301

    assert (error.rule, error.reason, error.values, error.open_to_empty) == ("op.R1", "no", {"a": (1, 2)}, True)


def test_a_long_value_is_cut() -> None:
    """120 characters: the first 115, a sign, and the last."""
    assert shown([0] * 1000) == "[" + "0, " * 38 + " ...]"


def test_one_list_of_numbers_is_float64_as_numpy_has_it() -> None:
    """Python's floats are."""
    assert reference.avg_pool([[[[1.0], [3.0]]]], 2, 2, "SAME").dtype == np.float64  # type: ignore[arg-type]


def test_a_mask_is_not_lost() -> None:
    """avg_pool.R2: numpy.asarray would take what is under it."""
    image = np.ma.masked_equal(np.zeros((1, 2, 2, 1)), 0)
    with pytest.raises(SpecError, match=r"avg_pool\.R2: input has masked elements"):
        reference.avg_pool(image, 2, 2, "SAME")


def test_another_librarys_reason_is_kept() -> None:
    """conv2d.R2: why there is no array stands in the message."""
    with pytest.raises(SpecError, match=r"conv2d\.R2: input is no array: .*RuntimeError: 'detach it first'"):
        given_as("conv2d", "input", Unwilling())


@pytest.mark.parametrize(
    ("filters", "order"),
    [((16, 3, 5, 5), "O I H W"), ((16, 5, 5, 3), "O H W I"), ((5, 5, 16, 3), "H W O I")],
)
def test_swapped_axes_of_filters_are_told(filters: tuple[int, ...], order: str) -> None:
    """conv2d.R8: 16 filters of 5x5 over 3 channels, as three other libraries hold them."""
    with pytest.raises(SpecError, match=rf"conv2d\.R8.* look like {order}"):
        reference.conv2d(np.zeros((1, 8, 8, 3)), np.zeros(filters), 1, "SAME")


def test_swapped_axes_are_told_where_the_window_is_too_long() -> None:
    """conv2d.R9: 64 filters of 3x3 over 3 channels as O I H W; read as H W I O, the depth of 3 is right by accident."""
    with pytest.raises(SpecError, match=r"conv2d\.R9.* look like O I H W"):
        reference.conv2d(np.zeros((1, 32, 32, 3)), np.zeros((64, 3, 3, 3)), 1, "VALID")


def test_swapped_axes_are_told_of_a_transposed_convolution() -> None:
    """conv2d_transpose.R11: from 5 channels to 3 under 4x4, as PyTorch holds them: O I H W."""
    with pytest.raises(SpecError, match=r"conv2d_transpose\.R8.* look like O I H W"):
        reference.conv2d_transpose(np.zeros((1, 8, 8, 5)), np.zeros((5, 3, 4, 4)), [1, 16, 16, 3], 2)


def test_filters_in_the_right_order_get_no_hint() -> None:
    """conv2d.R8: 4 channels, filters of depth 3: no order of these axes fits."""
    with pytest.raises(SpecError, match=r"no whole groups$"):
        reference.conv2d(np.zeros((1, 8, 8, 4)), np.zeros((5, 5, 3, 16)), 1, "SAME")


@pytest.mark.parametrize("padding", ["same", "Valid", "EXPLICIT", None, 1, (1,), (1, 1, 1), (-1, 0), ((1, 1), (1, 1))])
def test_windows_know_their_paddings(padding: Any) -> None:  # noqa: ANN401 -- of no type in common
    """windows.R2: "same" is no name, and was VALID once."""
    with pytest.raises(SpecError, match=r"windows\.R2"):
        windows.forward_sizes(3, 3, 2, padding=padding)
    with pytest.raises(SpecError, match=r"windows\.R2"):
        windows.lay(3, 3, 2, 1, padding)


@pytest.mark.parametrize(("size", "taps"), [(-1, 3), (3, 0), (3.0, 3), (True, None)])
def test_windows_are_laid_by_whole_numbers(size: Any, taps: Any) -> None:  # noqa: ANN401 -- of no type in common
    """windows.R1."""
    with pytest.raises(SpecError, match=r"windows\.R1"):
        windows.same(size, taps, 1)


def test_what_has_no_windows_transposes_nothing() -> None:
    """windows.R3: 1 element under 5 taps has 1 - 5 + 1 = -3 windows; no image of -3 elements is given back."""
    with pytest.raises(SpecError, match=r"windows\.R3: a window of 5 over 1 elements: -3 windows"):
        windows.transposed(windows.valid(1, 5, 1))


def test_four_pairs_are_not_taken_for_two() -> None:
    """arithmetic.R2: those of batch and rows would be taken for rows and columns."""
    pairs: Any = ((0, 0), (1, 1), (2, 2), (0, 0))
    with pytest.raises(SpecError, match=r"arithmetic\.R2.* two pairs, of rows and of columns"):
        geometry.geometry("conv2d", input=(5, 5), filters=(3, 3), padding=pairs)


def test_a_batch_is_not_taken_for_a_height() -> None:
    """arithmetic.R1: images of layers have three sides."""
    with pytest.raises(SpecError, match=r"arithmetic\.R1: input is \(1, 84, 84, 4\): it needs 3 integers"):
        arithmetic.convolution((1, 84, 84, 4), (8, 8, 4, 16))  # type: ignore[arg-type]


def test_lists_lay_what_tuples_lay() -> None:
    """A list is no shape of another kind."""
    laid = geometry.geometry("conv2d", input=[5, 5], filters=[3, 3], strides=[2, 2])  # type: ignore[arg-type]

    assert laid == geometry.geometry("conv2d", input=(5, 5), filters=(3, 3), strides=2)


def test_a_refused_output_names_those_that_are_possible() -> None:
    """geometry.R3: under SAME and stride 2, 27 shrinks to 14; 25 and 26 shrink to 13."""
    with pytest.raises(
        SpecError, match=r"geometry\.R3: output \(27, 27\) .*; possible: 25 or 26 rows, 25 or 26 columns"
    ):
        geometry.geometry(
            "conv2d_transpose", input=(13, 13), filters=(3, 3), strides=2, padding="SAME", output=(27, 27)
        )
