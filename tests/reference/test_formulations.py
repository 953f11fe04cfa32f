"""The formulations of transposed convolution and of unpooling give the same numbers, and the adjoint identity holds."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference import formulations
from reference.checks import Padding, Size
from reference.floats import Array

Shape = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A forward convolution, and whole numbers for its input, filters and output."""

    image: Shape  # N H W I
    filters: Shape  # FH FW FI O
    out: Shape  # N OH OW O
    strides: Size
    padding: Padding  # in the order N H W C
    dilations: Size
    dtype: str
    seed: int

    def numbers(self, shape: Shape, stream: int) -> Array:
        """Draw from -4 .. 4, so that every sum is exact in float64; int32 takes all there are, and wraps."""
        source = np.random.default_rng([self.seed, stream])
        ends = (-(2**31), 2**31) if self.dtype == "int32" else (-4, 5)
        return source.integers(*ends, shape).astype(self.dtype)

    @property
    def x(self) -> Array:
        """The forward input."""
        return self.numbers(self.image, 0)

    @property
    def w(self) -> Array:
        """The filters."""
        return self.numbers(self.filters, 1)

    @property
    def z(self) -> Array:
        """An array of the forward output's shape."""
        return self.numbers(self.out, 2)


@st.composite
def axis_of(draw: st.DrawFn, padding: str) -> tuple[int, int, int, int, tuple[int, int], int]:
    """Draw size, taps, stride, dilation, (before, after) and the number of windows of one axis, by construction."""
    taps, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    reach = (taps - 1) * dilation + 1
    if padding == "SAME":
        size = draw(st.integers(0, 6))
        return size, taps, stride, dilation, (0, 0), -(-size // stride)
    ends = draw(st.tuples(st.integers(0, 4), st.integers(0, 4))) if padding == "EXPLICIT" else (0, 0)
    least = max(reach - stride - sum(ends), 0)  # a window too long by the stride still has an empty output
    size = draw(st.integers(least, least + 5))
    return size, taps, stride, dilation, ends, -(-(size + sum(ends) - reach + 1) // stride)


@st.composite
def calls(draw: st.DrawFn, dtypes: tuple[str, ...] = ("float64", "int32")) -> Call:
    """Draw a valid call over all attributes: groups, no filters, empty batches, images and outputs included."""
    padding = draw(st.sampled_from(["SAME", "VALID", "EXPLICIT"]))
    rows, columns = draw(axis_of(padding)), draw(axis_of(padding))
    groups, depth, each = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(0, 2))
    n = draw(st.integers(0, 2))
    return Call(
        image=(n, rows[0], columns[0], groups * depth),
        filters=(rows[1], columns[1], depth, groups * each),
        out=(n, rows[5], columns[5], groups * each),
        strides=(rows[2], columns[2]),
        dilations=(rows[3], columns[3]),
        padding=((0, 0), rows[4], columns[4], (0, 0)) if padding == "EXPLICIT" else padding,
        dtype=draw(st.sampled_from(dtypes)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def transposed(call: Call) -> Array:
    """Return what conv2d_transpose gives."""
    return reference.conv2d_transpose(call.z, call.w, call.image, call.strides, call.padding, dilations=call.dilations)


@given(calls())
def test_conv2d_has_the_shape_of_the_windows(call: Call) -> None:
    """The draws below are what they say: conv2d takes every one of them and gives the shape that they expect."""
    out = reference.conv2d(call.x, call.w, call.strides, call.padding, dilations=call.dilations)

    assert out.shape == call.out


@given(calls())
def test_transposed_convolution_is_a_convolution_of_the_input_with_zeros_inserted(call: Call) -> None:
    """Zeros in between, before and after; filters turned round; stride 1. Negative padding cuts."""
    inserted = formulations.zero_insertion(call.z, call.w, call.image, call.strides, call.padding, call.dilations)

    np.testing.assert_array_equal(inserted, transposed(call), strict=True)


@given(calls())
def test_convolution_is_a_matrix(call: Call) -> None:
    """vec(conv2d(x)) = C vec(x), image by image."""
    matrix = formulations.matrix(call.image[1:], call.w, call.strides, call.padding, call.dilations)
    out = reference.conv2d(call.x, call.w, call.strides, call.padding, dilations=call.dilations)

    np.testing.assert_array_equal(
        call.x.reshape(len(out), matrix.shape[1]) @ matrix.T, out.reshape(len(out), len(matrix))
    )


@given(calls())
def test_transposed_convolution_is_the_transposed_matrix(call: Call) -> None:
    """vec(conv2d_transpose(z)) = transpose(C) vec(z), image by image."""
    matrix = formulations.matrix(call.image[1:], call.w, call.strides, call.padding, call.dilations)
    out = transposed(call)

    product = call.z.reshape(len(out), len(matrix)) @ matrix
    np.testing.assert_array_equal(product, out.reshape(len(out), matrix.shape[1]))


@given(calls())
def test_transposed_convolution_is_the_input_gradient(call: Call) -> None:
    """The derivative along every element, by what the convolution makes of an image that is 1 there."""
    derivative = formulations.input_gradient(
        call.image, call.w, call.z, call.strides, call.padding, dilations=call.dilations
    )

    np.testing.assert_array_equal(derivative, transposed(call), strict=True)


@given(calls())
def test_conv2d_backprop_input_is_conv2d_transpose(call: Call) -> None:
    """One op under two names."""
    gradient = reference.conv2d_backprop_input(
        call.image, call.w, call.z, call.strides, call.padding, dilations=call.dilations
    )

    np.testing.assert_array_equal(gradient, transposed(call), strict=True)


@given(calls(dtypes=("float64",)))
def test_convolution_and_its_transpose_are_adjoint(call: Call) -> None:
    """<conv2d(x, w), z> = <x, conv2d_transpose(z, w)>, exactly."""
    out = reference.conv2d(call.x, call.w, call.strides, call.padding, dilations=call.dilations)

    assert np.vdot(out, call.z) == np.vdot(call.x, transposed(call))


@given(calls(dtypes=("float64",)))
def test_the_filter_gradient_is_adjoint_too(call: Call) -> None:
    """<conv2d(x, w), z> = <w, conv2d_backprop_filter(x, z)>, exactly."""
    out = reference.conv2d(call.x, call.w, call.strides, call.padding, dilations=call.dilations)
    gradient = reference.conv2d_backprop_filter(
        call.x, call.filters, call.z, call.strides, call.padding, dilations=call.dilations
    )

    assert np.vdot(out, call.z) == np.vdot(call.w, gradient)


def first_channels(padding: Padding) -> Padding:
    """Return explicit padding in the order N C H W."""
    return padding if isinstance(padding, str) else [padding[i] for i in (0, 3, 1, 2)]


@given(calls())
def test_channels_may_come_first(call: Call) -> None:
    """With NCHW every array but the filters has its channels second, and the numbers are the same."""
    x, z = (np.moveaxis(array, 3, 1) for array in (call.x, call.z))
    n, high, wide, channels = call.image
    rest = (call.strides, first_channels(call.padding), "NCHW", call.dilations)

    out = reference.conv2d(x, call.w, *rest)
    back = reference.conv2d_transpose(z, call.w, (n, channels, high, wide), *rest)
    filters = reference.conv2d_backprop_filter(x, call.filters, z, *rest)

    plain = (call.strides, call.padding, "NHWC", call.dilations)
    np.testing.assert_array_equal(np.moveaxis(out, 1, 3), reference.conv2d(call.x, call.w, *plain))
    np.testing.assert_array_equal(np.moveaxis(back, 1, 3), transposed(call))
    np.testing.assert_array_equal(
        filters, reference.conv2d_backprop_filter(call.x, call.filters, call.z, *plain), strict=True
    )


@given(calls())
def test_groups_are_a_convolution_without_groups(call: Call) -> None:
    """Filters that are zero for the channels of other groups do the same."""
    groups = call.image[3] // call.filters[2]
    rest = (call.strides, call.padding, "NHWC", call.dilations)

    dense = reference.conv2d(call.x, formulations.ungrouped(call.w, groups), *rest)

    np.testing.assert_array_equal(dense, reference.conv2d(call.x, call.w, *rest), strict=True)


@pytest.mark.parametrize("out", [5, 6])
def test_all_formulations_of_the_founding_case_agree(out: int) -> None:
    """3x3 to 5x5 and to 6x6, stride 2, SAME: four ways, one result."""
    image, filters = np.arange(1.0, 10).reshape(1, 3, 3, 1), np.ones((3, 3, 1, 1))
    shape = (1, out, out, 1)
    expected = reference.conv2d_transpose(image, filters, shape, 2)

    ways = [
        formulations.zero_insertion(image, filters, shape, 2),
        (image.reshape(1, 9) @ formulations.matrix(shape[1:], filters, 2, "SAME")).reshape(shape),
        formulations.input_gradient(shape, filters, image, 2, "SAME"),
    ]

    assert [way.tolist() for way in ways] == [expected.tolist()] * 3


def test_the_matrix_of_the_published_example() -> None:
    """
    4x4 under 3x3 filters, stride 1, no padding: 4 rows of 16.

    Dumoulin and Visin 2016, section 4.1 print the first row as w00 w01 w02 0 w10 w11 w12 0 w20 w21 w22 0 0 0 0 0, and
    the others as the same moved by 1, 4 and 5.
    """
    row = [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]

    matrix = formulations.matrix([4, 4, 1], np.arange(1.0, 10).reshape(3, 3, 1, 1), 1, "VALID")

    assert matrix.tolist() == [np.roll(row, moved).tolist() for moved in (0, 1, 4, 5)]


def test_the_matrix_holds_one_block_for_each_pair_of_channels() -> None:
    """1x1 filters over one cell: rows are outputs, columns inputs."""
    filters = np.array([[2.0, 3, 5], [7, 11, 13]]).reshape(1, 1, 2, 3)

    assert formulations.matrix([1, 1, 2], filters, 1, "VALID").tolist() == [[2, 7], [3, 11], [5, 13]]


def test_exchanging_forward_and_backward_pass_of_a_convolution_gives_the_other() -> None:
    """A transposed convolution's gradient is the convolution, with the same filters."""
    rng = np.random.default_rng(0)
    image, filters = rng.integers(-4, 5, (1, 5, 5, 2)) * 1.0, rng.integers(-4, 5, (3, 3, 2, 3)) * 1.0
    matrix = formulations.matrix([5, 5, 2], filters, 2, "SAME")

    forward = reference.conv2d(image, filters, 2, "SAME")

    assert forward.ravel().tolist() == (matrix @ image.ravel()).tolist()
    assert (
        reference.conv2d_transpose(forward, filters, image.shape, 2).ravel().tolist()
        == (matrix.T @ forward.ravel()).tolist()
    )


@st.composite
def unpoolings(draw: st.DrawFn) -> tuple[Array, Array, tuple[int, ...], bool]:
    """Draw values, an argmax in which indices come twice, the output's shape, and whether indices count the batch."""
    n, high, wide, channels = (draw(st.integers(1, 3)) for _ in range(4))
    small = draw(st.tuples(st.just(n), st.integers(0, 3), st.integers(0, 3), st.just(channels)))
    batch = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cells = high * wide * channels * (n if batch else 1)
    return rng.integers(-4, 5, small) * 1.0, rng.integers(0, cells, small), (n, high, wide, channels), batch


@given(unpoolings())
def test_max_unpool_is_the_transpose_of_picking(case: tuple[Array, Array, tuple[int, ...], bool]) -> None:
    """vec(max_unpool(z)) = transpose(S) vec(z), image by image."""
    values, argmax, shape, _ = case
    argmax %= int(np.prod(shape[1:]))

    out = reference.max_unpool(values, argmax, shape)

    for image, places, result in zip(values, argmax, out, strict=True):
        matrix = formulations.picking(places, shape[1:])
        assert (matrix.T @ image.ravel()).tolist() == result.ravel().tolist()


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """A pool over an image of few distinct values, and values of its output's shape."""

    image: Array
    small: Array
    ksize: tuple[int, int]
    strides: tuple[int, int]
    padding: str


@st.composite
def pools(draw: st.DrawFn) -> Pooling:
    """Draw windows of any size and stride; with VALID too long for the image by the stride at most."""
    ksize, strides = (draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(2))
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    least = [max(taps - step, 1) if padding == "VALID" else 1 for taps, step in zip(ksize, strides, strict=True)]
    high, wide = (draw(st.integers(size, size + 4)) for size in least)
    n, channels = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = rng.integers(-2, 3, (n, high, wide, channels)).astype(np.float64)
    shape = reference.max_pool(image, ksize, strides, padding).shape
    small: Array = np.asarray(rng.integers(-4, 5, shape), np.float64)
    return Pooling(image=image, small=small, ksize=ksize, strides=strides, padding=padding)


@given(pools())
def test_max_pool_picks_the_elements_at_its_argmax(case: Pooling) -> None:
    """vec(max_pool(x)) = S vec(x)."""
    values, argmax = reference.max_pool_with_argmax(case.image, case.ksize, case.strides, case.padding)

    for picture, places, result in zip(case.image, argmax, values, strict=True):
        assert (formulations.picking(places, picture.shape) @ picture.ravel()).tolist() == result.ravel().tolist()


@given(pools())
def test_the_gradient_of_max_pool_is_unpooling_at_its_argmax(case: Pooling) -> None:
    """max_pool_grad.R11: the first of equal elements is credited, as argmax names it."""
    values, argmax = reference.max_pool_with_argmax(case.image, case.ksize, case.strides, case.padding)

    gradient = reference.max_pool_grad(case.image, values, case.small, case.ksize, case.strides, case.padding)

    np.testing.assert_array_equal(gradient, reference.max_unpool(case.small, argmax, case.image.shape), strict=True)


@given(pools())
def test_avg_unpool_is_the_transposed_convolution_with_ones(case: Pooling) -> None:
    """One filter of ones for each channel, in as many groups."""
    window, shape = (case.strides, case.padding), case.image.shape
    ones = np.ones((*case.ksize, 1, shape[3]))

    out = reference.avg_unpool(case.small, case.ksize, *window, shape)

    np.testing.assert_array_equal(out, reference.conv2d_transpose(case.small, ones, shape, *window), strict=True)


@given(pools())
def test_avg_unpool_is_the_gradient_of_avg_pool_times_the_counts(case: Pooling) -> None:
    """What TensorFlow users write: AvgPoolGrad of the values times how many elements each window holds."""
    window, shape = (case.ksize, case.strides, case.padding), case.image.shape
    ones = np.ones((*shape[:3], 1))
    counts = reference.conv2d(ones, np.ones((*case.ksize, 1, 1)), case.strides, case.padding)

    gradient = reference.avg_pool_grad(shape, case.small * counts, *window)

    np.testing.assert_array_equal(gradient, reference.avg_unpool(case.small, *window, shape), strict=True)


@given(pools())
def test_avg_pool_and_its_gradient_are_adjoint(case: Pooling) -> None:
    """<avg_pool(x), g> = <x, avg_pool_grad(g)>: windows hold up to 16 elements, and 720720 is a multiple of 1 .. 16."""
    window, image = (case.ksize, case.strides, case.padding), case.image * 720720
    pooled = reference.avg_pool(image, *window)

    gradient = reference.avg_pool_grad(image.shape, case.small * 720720, *window)

    assert np.vdot(pooled, case.small) * 720720 == np.vdot(image, gradient)
