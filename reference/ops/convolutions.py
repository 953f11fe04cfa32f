"""The geometry of convolutions, and the rules R3 to R9 that all of them share."""

from collections.abc import Sequence

from reference.checks import FLOATS, Padding, Size, axes, padding_pairs, spatial, swapped_filters
from reference.errors import Fault, SpecError
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
            reason = f"{name} of {outer[0]} along batch and {outer[1]} along channels: only 1"
            values = {name: strides if name == "strides" else dilations}
            raise SpecError(f"{op}.{rule}", reason, fault=Fault.OUTER_AXES, values=values)
    pads = padding_pairs(f"{op}.R5", padding, layout)
    high, wide, depth, _ = filters
    if 0 in (high, wide, depth):
        reason = f"filters of shape {list(filters)} have no element along height, width or depth"
        raise SpecError(f"{op}.R7", reason, values={"filters.shape": tuple(filters)})
    groups = _groups(op, image, filters)
    hint = swapped_filters(filters, image)
    rows, columns = axes(f"{op}.R9", (image[1], image[2]), (high, wide), steps, gaps, pads, hint)
    return Convolution(rows=rows, columns=columns, groups=groups, layout=layout)


def _groups(op: str, image: Sequence[int], filters: Sequence[int]) -> int:
    """Return how many groups the channels of image N H W I make for filters FH FW FI O: rule R8."""
    channels, (depth, outputs) = image[3], filters[2:]
    if channels and channels % depth == 0 and outputs % (channels // depth) == 0:
        return channels // depth
    reason = f"{channels} channels, {outputs} filters of depth {depth}: no whole groups"
    values = {"channels": channels, "filters.shape": tuple(filters)}
    fault = Fault.FILTERS if channels and channels % depth == 0 else Fault.GROUPS
    raise SpecError(f"{op}.R8", reason + swapped_filters(filters, image), fault=fault, values=values)
