"""The geometry of convolutions, and the rules R3 to R9 that all of them share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from reference.checks import FLOATS, Padding, Size, axes, padding_pairs, spatial, swapped_filters
from reference.choices import EITHER, TENSORFLOW, Alternative, Alternatives
from reference.errors import Fault, SpecError
from reference.windows import Convolution

__all__ = ["DTYPES", "OVER_PADDING", "Form", "channels", "convolution"]

DTYPES = (*FLOATS, "int32")

# What a NaN or infinity gives where it stands over padding, or over a zero inserted between elements.
OVER_PADDING: Alternatives = (
    Alternative("absent", "nothing: there is no product", (TENSORFLOW, "JAX"), "kernels that leave taps out"),
    Alternative("multiplied", "NaN: it is multiplied by a zero", (TENSORFLOW, "PyTorch"), "kernels that store zeros"),
    Alternative(EITHER, "NaN in some cells, in others nothing", (TENSORFLOW,), "kernels that store some of the zeros"),
)


def groups(op: str, image: Sequence[int], filters: Sequence[int]) -> int:
    """Return how many groups the channels of image N H W I make for filters FH FW FI O: rule R8."""
    count, (depth, outputs) = image[3], filters[2:]
    if count and count % depth == 0 and outputs % (count // depth) == 0:
        return count // depth
    reason = f"{count} channels, {outputs} filters of depth {depth}: no whole groups"
    values = {"channels": count, "filters.shape": tuple(filters)}
    fault = Fault.FILTERS if count and count % depth == 0 else Fault.GROUPS
    raise SpecError(f"{op}.R8", reason + swapped_filters(filters, image), fault=fault, values=values)


def channels(op: str, image: Sequence[int], filters: Sequence[int]) -> int:
    """Return how many groups image N H W C has for depthwise filters FH FW C M, one a channel: rule R8."""
    count, depth = image[3], filters[2]
    if count == depth:
        return count
    reason = f"{count} channels, filters of depth {depth}: each channel needs its own"
    values = {"channels": count, "filters.shape": tuple(filters)}
    raise SpecError(f"{op}.R8", reason, fault=Fault.GROUPS, values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """In what the arguments of convolutions differ."""

    strides: tuple[int, ...] = (1, 2, 4)  # how many entries there may be
    dilations: tuple[int, ...] = (1, 2, 4)
    groups: Callable[[str, Sequence[int], Sequence[int]], int] = groups  # of op, image and filters, by rule R8


def convolution(
    op: str,
    image: Sequence[int],
    filters: Sequence[int],
    strides: Size,
    padding: Padding,
    layout: str,
    dilations: Size,
    form: Form = Form(),
) -> Convolution:
    """
    Check the geometry of a forward convolution, under the rules R3 to R9 of the op that asks; they are shared.

    image: its shape as N H W I; filters: theirs as FH FW FI O, of a depthwise one FH FW I M.
    """
    given = [1] * form.dilations[0] if dilations is None else dilations
    steps, others = spatial(f"{op}.R3", "strides", strides, layout, form.strides)
    gaps, other_gaps = spatial(f"{op}.R4", "dilations", given, layout, form.dilations)
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
    count = form.groups(op, image, filters)
    hint = partial(swapped_filters, filters, image)
    rows, columns = axes(f"{op}.R9", (image[1], image[2]), (high, wide), steps, gaps, pads, hint)
    return Convolution(rows=rows, columns=columns, groups=count, layout=layout)
