"""The geometry of convolutions, and the rules R3 to R9 that all of them share."""

from collections.abc import Sequence

from reference.checks import FLOATS, Padding, Size, axes, padding_pairs, spatial
from reference.errors import SpecError
from reference.windows import Convolution

__all__ = ["DTYPES", "convolution"]

DTYPES = (*FLOATS, "int32")


def convolution(
    op: str,
    image: Sequence[int],
    filters: Sequence[int],
    strides: Size,
    padding: Padding,
    layout: str,
    dilations: Size,
) -> Convolution:
    """
    Check the geometry of a forward convolution, under the rules R3 to R9 of the op that asks; they are shared.

    image: its shape as N H W I; filters: theirs as FH FW FI O.
    """
    steps, others = spatial(f"{op}.R3", "strides", strides, layout)
    gaps, other_gaps = spatial(f"{op}.R4", "dilations", dilations, layout)
    for rule, name, outer in (("R3", "strides", others), ("R4", "dilations", other_gaps)):
        if outer != (1, 1):
            raise SpecError(f"{op}.{rule}", f"{name} of {outer[0]} along batch and {outer[1]} along channels: only 1")
    pads = padding_pairs(f"{op}.R5", padding, layout)
    high, wide, depth, outputs = filters
    if 0 in (high, wide, depth):
        raise SpecError(f"{op}.R7", f"filters of shape {list(filters)} have no element along height, width or depth")
    if image[3] == 0 or image[3] % depth:
        raise SpecError(f"{op}.R8", f"{image[3]} channels, {outputs} filters of depth {depth}: no whole groups")
    groups = image[3] // depth
    if outputs % groups:
        raise SpecError(f"{op}.R8", f"{outputs} filters do not divide into {groups} groups ({image[3]} / {depth})")
    rows, columns = axes(f"{op}.R9", (image[1], image[2]), (high, wide), steps, gaps, pads)
    return Convolution(rows=rows, columns=columns, groups=groups, layout=layout)
