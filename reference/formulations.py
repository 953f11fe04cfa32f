"""
Other ways to say what a transposed convolution and an unpooling are, each as plain as it can be written.

They serve to understand the ops and to test them: on integers small enough for every sum to be exact, all of them give
the same numbers as the ops. None is fast, none shares code with `conv2d_transpose` or `max_unpool`, and none rounds:
arrays are float64 or int32, images N H W C.

A transposed convolution of input [N, OH, OW, O] with filters [FH, FW, FI, O] to [N, H, W, I] belongs to the forward
convolution, of the same filters, strides, padding and dilations, that maps [N, H, W, I] to [N, OH, OW, O]. Its
definition adds every input element times the filters at stride steps. It is as well

    zero_insertion   a convolution of stride 1, with the filters turned round, over the input with zeros inserted;
    matrix           the transpose of the matrix that the forward convolution is;
    input_gradient   the gradient of the forward convolution.

An unpooling is the transpose of picking elements (`picking`), and of adding windows: that is the transposed convolution
with one filter of ones for each channel.

Sources: V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285, 2016, chapters
2 and 4; M. Zeiler, G. Taylor and R. Fergus, Adaptive deconvolutional networks for mid and high level feature learning,
ICCV 2011.
"""

from collections.abc import Sequence

import numpy as np

from reference.checks import Padding, Size
from reference.floats import Array
from reference.ops.conv2d import conv2d
from reference.ops.convolutions import convolution
from reference.windows import Axis, Convolution, Transposed, transposed

__all__ = [
    "input_gradient",
    "matrix",
    "picking",
    "ungrouped",
    "zero_insertion",
]


def zero_insertion(
    input: Array,
    filters: Array,
    output_shape: Sequence[int],
    strides: Size,
    padding: Padding = "SAME",
    dilations: Size = None,
) -> Array:
    """
    Insert zeros into the input and around it, and convolve with the filters turned round, with stride 1.

        spread   sh - 1 rows and sw - 1 columns of zeros between neighbours
        padded   `windows.transposed` says how many zeros go before and after (a negative number cuts off). SAME with
                 an odd total puts one more on the left and top than on the right and bottom
        turned   turned[h, w, o - g*O/groups, g*FI + i] = filters[FH-1-h, FW-1-w, i, o]: rows and columns reversed,
                 input and output channels exchanged within each group g
        out      conv2d(padded, turned, 1, "VALID", dilations=dilations), with the same number of groups

    Shapes:
        input [N, OH, OW, O], filters [FH, FW, FI, O], output_shape [N, H, W, I] -> out [N, H, W, I].

    Source: Dumoulin and Visin 2016, sections 4.3 to 4.6.

    >>> image = np.arange(1.0, 10).reshape(1, 3, 3, 1)
    >>> zero_insertion(image, np.ones((3, 3, 1, 1)), [1, 6, 6, 1], 2)[0, :2, :, 0]
    array([[1., 1., 3., 2., 5., 3.],
           [1., 1., 3., 2., 5., 3.]])
    """
    forward = _forward(output_shape, filters, strides, padding, dilations)
    if filters.shape[3] == 0:  # nothing to convolve with
        return np.zeros(output_shape, input.dtype)
    padded = _with_zeros(input, 1, transposed(forward.rows))
    padded = _with_zeros(padded, 2, transposed(forward.columns))
    gaps = (forward.rows.dilation, forward.columns.dilation)
    return conv2d(padded, _turned(filters, forward.groups), 1, "VALID", dilations=gaps)


def _with_zeros(image: Array, axis: int, laid: Transposed) -> Array:
    """Insert zeros between the elements along one axis, and put zeros at its ends or cut them off."""
    moved = np.moveaxis(image, axis, 0)
    step = laid.between + 1
    spread = np.zeros((max((len(moved) - 1) * step + 1, 0), *moved.shape[1:]), image.dtype)
    spread[::step] = moved
    ends = [(max(laid.before, 0), max(laid.after, 0))] + [(0, 0)] * (image.ndim - 1)
    padded = np.pad(spread, ends)
    return np.moveaxis(padded[max(-laid.before, 0) : len(padded) - max(-laid.after, 0)], 0, axis)


def _turned(filters: Array, groups: int) -> Array:
    """Reverse rows and columns, and exchange input and output channels within each group."""
    high, wide, depth, outputs = filters.shape
    split = filters[::-1, ::-1].reshape(high, wide, depth, groups, outputs // groups)
    return split.transpose(0, 1, 4, 3, 2).reshape(high, wide, outputs // groups, groups * depth)


def matrix(
    image_shape: Sequence[int],
    filters: Array,
    strides: Size,
    padding: Padding,
    dilations: Size = None,
) -> Array:
    """
    Return the matrix C that a convolution is: vec(conv2d(x)) = C vec(x) for one image x.

        C[(y, x, o), (Y, X, g*FI + i)] = sum over the taps (h, w) of window (y, x) that meet cell (Y, X) of
            filters[h, w, i, o]

    where g is the group of o, and vec reads an array in row-major order. The transposed convolution of one image z is

        vec(conv2d_transpose(z)) = transpose(C) vec(z)

    so that it restores the shape and not the values: transpose(C) is no inverse of C. Exchanging the forward and the
    backward pass of a convolution gives the transposed one.

    Shapes:
        image_shape [H, W, I], filters [FH, FW, FI, O] -> C [OH*OW*O, H*W*I].

    Source: Dumoulin and Visin 2016, section 4.1.

    >>> matrix([1, 4, 1], np.array([2.0, 3, 5]).reshape(1, 3, 1, 1), 1, "VALID")
    array([[2., 3., 5., 0.],
           [0., 2., 3., 5.]])
    """
    forward = _forward([1, *image_shape], filters, strides, padding, dilations)
    rows, columns = (_meets(axis).astype(filters.dtype) for axis in (forward.rows, forward.columns))
    dense = ungrouped(filters, forward.groups)
    taps = np.einsum("yhY,hwio->ywoYi", rows, dense)
    blocks = np.einsum("xwX,ywoYi->yxoYXi", columns, taps)
    outputs = forward.rows.out * forward.columns.out * filters.shape[3]
    return np.asarray(blocks.reshape(outputs, image_shape[0] * image_shape[1] * image_shape[2]))


def _meets(axis: Axis) -> Array:
    """Return whether tap t of window i meets cell c of the image: [out, taps, size]."""
    positions = axis.starts()[:, None] + np.arange(axis.taps) * axis.dilation
    return np.asarray(positions[:, :, None] == np.arange(axis.size))


def ungrouped(filters: Array, groups: int) -> Array:
    """
    Return the filters of the convolution without groups that does the same: zero for the channels of other groups.

    Shapes:
        filters [FH, FW, FI, O] -> [FH, FW, FI*groups, O].

    >>> ungrouped(np.array([2.0, 3]).reshape(1, 1, 1, 2), 2)[0, 0]
    array([[2., 0.],
           [0., 3.]])
    """
    high, wide, depth, outputs = filters.shape
    dense = np.zeros((high, wide, groups, depth, groups, outputs // groups), filters.dtype)
    split = filters.reshape(high, wide, depth, groups, outputs // groups)
    for group in range(groups):
        dense[:, :, group, :, group] = split[:, :, :, group]
    return dense.reshape(high, wide, groups * depth, outputs)


def input_gradient(
    input_sizes: Sequence[int],
    filters: Array,
    out_backprop: Array,
    strides: Size,
    padding: Padding,
    dilations: Size = None,
) -> Array:
    """
    Differentiate sum(conv2d(x, filters) * out_backprop) with respect to every element of x.

    A convolution is linear, so that its derivative along an element is what it makes of the image e that is 1 there
    and 0 elsewhere:

        out[n, Y, X, c] = sum over (y, x, o) of conv2d(e of (Y, X, c), filters)[y, x, o] * out_backprop[n, y, x, o]

    Shapes:
        input_sizes [N, H, W, I], filters [FH, FW, FI, O], out_backprop [N, OH, OW, O] -> out [N, H, W, I].

    Source: Dumoulin and Visin 2016, section 4.2: a transposed convolution is the backward pass of a convolution.

    >>> filters = np.array([3.0, 5]).reshape(1, 2, 1, 1)
    >>> input_gradient([1, 1, 2, 1], filters, np.full((1, 1, 1, 1), 2.0), 1, "VALID")[0, 0, :, 0]
    array([ 6., 10.])
    """
    n, high, wide, channels = input_sizes
    cells = high * wide * channels
    units = np.eye(cells, dtype=filters.dtype).reshape(cells, high, wide, channels)
    responses = conv2d(units, filters, strides, padding, dilations=dilations)
    return np.asarray(np.einsum("cyxo,nyxo->nc", responses, out_backprop)).reshape(n, high, wide, channels)


def picking(argmax: Array, output_shape: Sequence[int]) -> Array:
    """
    Return the matrix S that picks the elements at argmax from an image: vec(picked elements) = S vec(image).

        S[(y, x, c), cell] = 1 where argmax[y, x, c] = cell, else 0

    With the argmax of a max pool S vec(image) is the pool, and transpose(S) vec(z) is max_unpool(z, argmax) and the
    gradient of the pool.

    Shapes:
        argmax [OH, OW, C] of one image, output_shape [H, W, C] -> S [OH*OW*C, H*W*C], float64.

    >>> picking(np.array([2, 0]).reshape(1, 2, 1), [1, 3, 1])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    return np.equal.outer(argmax.ravel(), np.arange(int(np.prod(output_shape)))).astype(np.float64)


def _forward(image: Sequence[int], filters: Array, strides: Size, padding: Padding, dilations: Size) -> Convolution:
    """Lay out the forward convolution."""
    return convolution("conv2d", image, filters.shape, strides, padding, "NHWC", dilations)
