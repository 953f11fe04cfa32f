"""The convolutions as sums of products: their operands, and the shapes of a call by its sizes."""

from collections.abc import Callable
from dataclasses import replace

from conformance.cases.linear import Linear, Shapes, Sizes
from conformance.cases.spelling import arranged

__all__ = [
    "CONVOLUTION",
    "DEPTHWISE",
    "DEPTHWISE_FILTER_GRADIENT",
    "DEPTHWISE_INPUT_GRADIENT",
    "FILTER_GRADIENT",
    "INPUT_GRADIENT",
    "TRANSPOSITION",
]


def of_conv2d(sizes: Sizes) -> Shapes:
    """Return shapes and further attributes of conv2d."""
    filters = (*sizes.window, sizes.depth, sizes.filters)
    return {"input": sizes.shaped(sizes.image, sizes.depth), "filters": filters}, {}


def of_transposed(left: str, shape: str) -> Callable[[Sizes], Shapes]:
    """Return likewise for conv2d_transpose and conv2d_backprop_input."""

    def of(sizes: Sizes) -> Shapes:
        filters = (*sizes.window, sizes.filters, sizes.depth)
        shapes = {left: sizes.shaped(sizes.out, sizes.depth), "filters": filters}
        return shapes, {shape: list(sizes.shaped(sizes.image, sizes.filters))}

    return of


def of_filter_gradient(sizes: Sizes) -> Shapes:
    """Return likewise for conv2d_backprop_filter."""
    shapes = {
        "input": sizes.shaped(sizes.image, sizes.depth),
        "out_backprop": sizes.shaped(sizes.out, sizes.filters),
    }
    return shapes, {"filter_sizes": [*sizes.window, sizes.depth, sizes.filters]}


def of_depthwise(*names: str, shape: str = "") -> Callable[[Sizes], Shapes]:
    """
    Return likewise for depthwise_conv2d and its gradients.

    names: of the image, the filters and the result, those of them that are operands. shape: the argument that is one.
    """

    def of(sizes: Sizes) -> Shapes:
        filters = (*sizes.window, sizes.filters, sizes.depth)
        image = sizes.shaped(sizes.image, sizes.filters)
        parts = {
            "input": image,
            "filter": filters,
            "out_backprop": sizes.shaped(sizes.out, sizes.filters * sizes.depth),
        }
        asked = {"input_sizes": image, "filter_sizes": filters}
        strides = arranged((1, sizes.stride, sizes.stride, 1), sizes.layout)
        return {name: parts[name] for name in names}, {
            "strides": list(strides),
            **({shape: list(asked[shape])} if shape else {}),
        }

    return of


def transposed(left: str, shape: str) -> Linear:
    """Return conv2d_transpose and conv2d_backprop_input."""
    return Linear(
        left=left,
        right="filters",
        many=0,
        out=0,
        shape=shape,
        apart=(2,),
        axes=("rows", "columns", "filters", "channels"),
        shapes=of_transposed(left, shape),
    )


CONVOLUTION = Linear(
    left="input",
    right="filters",
    many=0,
    out=0,
    slides=True,
    axes=("rows", "columns", "channels", "filters"),
    shapes=of_conv2d,
)
TRANSPOSITION = transposed("input", "output_shape")
INPUT_GRADIENT = transposed("out_backprop", "input_sizes")
FILTER_GRADIENT = Linear(
    left="input",
    right="out_backprop",
    many=3,
    out=2,
    shape="filter_sizes",
    axes=("images", "rows", "columns", "filters"),
    shapes=of_filter_gradient,
)
DEPTHWISE = replace(
    CONVOLUTION,
    right="filter",
    apart=(2, 3),
    axes=("rows", "columns", "channels", "multiplier"),
    shapes=of_depthwise("input", "filter"),
)
DEPTHWISE_INPUT_GRADIENT = replace(
    INPUT_GRADIENT,
    right="filter",
    axes=DEPTHWISE.axes,
    shapes=of_depthwise("filter", "out_backprop", shape="input_sizes"),
)
DEPTHWISE_FILTER_GRADIENT = replace(
    FILTER_GRADIENT, paired=True, shapes=of_depthwise("input", "out_backprop", shape="filter_sizes")
)
