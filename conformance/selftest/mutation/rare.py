"""Faults that show far out, under several ordinary conditions at once, or only after another call."""

from conformance.ops import OPS
from conformance.selftest.mutation.calls import Call, Fault, when
from conformance.selftest.mutation.faults import dropping, mirrored
from conformance.selftest.mutation.geometric import SLIDING, from_, same, without_tap
from conformance.selftest.mutation.sums import convolution
from conformance.selftest.mutation.variants import Variant, variants
from reference import SpecError
from reference.windows import Axis

__all__ = ["TABLE"]

IMAGES = [op for op in SLIDING if OPS[op].result == "image"]
FORWARD = ["conv2d", "depthwise_conv2d"]
POOLS = ["max_pool", "avg_pool"]


def axes(call: Call) -> tuple[Axis, Axis]:
    """Return the windows of a convolution along rows and columns."""
    geometry = convolution(call).geometry
    return geometry.rows, geometry.columns


def both_far(call: Call) -> bool:
    """Return whether the image has more than 200 rows and more than 200 columns."""
    return min(call.side("rows"), call.side("columns")) > 200


def nothing_missing(call: Call) -> bool:
    """Return whether SAME has less than nothing to pad somewhere: windows that end before the image does."""
    return same(call) and any((axis.out - 1) * axis.stride + axis.reach < axis.size for axis in axes(call) if axis.out)


def seven_conditions(call: Call) -> bool:
    """Return whether seven ordinary conditions hold at once."""
    rows, columns = axes(call)
    return (
        call.dtype == "float32"
        and same(call)
        and rows.stride == columns.stride == 2
        and rows.taps == 3
        and call.layout == "NHWC"
        and call.side("channels") >= 3
        and rows.size % 2 == 1
    )


def kept_by_shapes() -> Fault:
    """Make a fault that computes with the attributes of the first call that had arrays of these shapes."""
    kept: dict[str, dict[str, object]] = {}

    def fault(call: Call) -> object:
        arrays = {name: array.shape for name, array in call.arguments.items() if name in OPS[call.op].operands}
        attributes = {name: value for name, value in call.arguments.items() if name not in arrays}
        result = call.run()  # refuses what is to be refused
        first = kept.setdefault(repr((arrays, call.dtype)), attributes)
        try:
            return call.run(**first) if first.keys() == attributes.keys() else result
        except SpecError:
            return result

    return fault


TABLE: list[Variant] = [
    *variants(
        IMAGES,
        ("sides past 200", "the last of rows past 200 is zero where columns are past 200, too",
         when(both_far, dropping("rows", from_(64)))),
        ("a side past 8,192", "the last of columns past 8,192 is zero", dropping("columns", from_(8_193))),
        ("images past 65,535", "the last of images past 65,535 is zero", dropping("batch", from_(65_536))),
        ("channels past 65,535", "the last of channels past 65,535 is zero", dropping("channels", from_(65_536))),
    ),
    *variants(
        FORWARD,
        ("windows past 11", "a tap is left out of windows of 12 rows or more",
         when(lambda call: axes(call)[0].taps > 11, without_tap)),
        ("stride of 16", "a tap is left out under strides of 16 rows or more",
         when(lambda call: axes(call)[0].stride >= 16, without_tap)),
        ("padding below nothing", "what no window reaches is left out in front, not at the end",
         when(nothing_missing, mirrored("rows", "columns"))),
        ("padded past the window", "a tap is left out where padding is longer than the window at one end only",
         when(lambda call: any(min(a.before, a.after) < a.reach < max(a.before, a.after) for a in axes(call)),
              without_tap)),
        ("seven conditions", "a tap is left out in float32, NHWC, SAME, stride 2, 3 rows of taps, 3 channels, odd rows",
         when(seven_conditions, without_tap)),
    ),
    Variant(
        name="attributes kept by shapes",
        about="a call computes with the attributes of the first one of its shapes",
        ops=(*FORWARD, *POOLS),
        fault=kept_by_shapes,
    ),
]  # fmt: skip
