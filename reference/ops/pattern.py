"""pattern: several ops in turn, as graph optimisers fuse them into one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from reference.activations import ACTIVATIONS
from reference.checks import FLOATS, check_dtype, check_rank, check_same_dtype, check_shape
from reference.errors import SpecError, shown
from reference.floats import Array, format_of, one_nan, round_to
from reference.ops.bias_add import bias_add
from reference.ops.conv2d import conv2d
from reference.ops.conv2d_transpose import conv2d_transpose
from reference.ops.depthwise_conv2d import depthwise_conv2d
from reference.ops.max_pool import max_pool
from reference.reading import read_array, whole_number

__all__ = ["ALPHA", "EPSILON", "HEADS", "STAGES", "Stage", "definition", "normalisation", "padded", "pattern"]

RULE = "pattern.R1"
HEADS = ("conv2d", "depthwise_conv2d", "conv2d_transpose", "max_pool")
ALPHA, EPSILON = 0.2, 0.001  # the defaults of tf.nn.leaky_relu and tf.compat.v1.nn.fused_batch_norm


def pattern(input: Array, stages: Sequence[str], **arguments: Any) -> Array:  # noqa: ANN401 -- those of the stages
    """
    Compute several ops in turn: what graph optimisers fuse.

        out = stages[-1](... stages[1](stages[0](input)))

    The first is conv2d, depthwise_conv2d, conv2d_transpose or max_pool, or pad and then one of these. pointwise_conv2d,
    bias_add, add, batch_norm and one or more of the activations relu, relu6, elu, leaky_relu, sigmoid and tanh may
    follow, each once. depthwise_conv2d and pointwise_conv2d are tf.nn.separable_conv2d.

        pad: tf.pad with zeros                      add: out = value + addend
        pointwise_conv2d: conv2d by pointwise_filter, 1x1, with strides of 1 and no padding
        batch_norm: out = (value - mean) scale / sqrt(variance + epsilon) + offset, for each channel

    Arguments:
        Those of the stages, each of which takes the ones that it has: filters (of any convolution), strides, padding,
        dilations, output_shape, ksize, pointwise_filter, bias, addend, paddings, scale, offset, mean, variance, epsilon
        (0.001), alpha (0.2), and data_format for all.

    Shapes:
        input [N, H, W, C]; pointwise_filter [1, 1, C, O], bias, scale, offset, mean, variance [C], addend [N, H, W, C]
        of what the stages before them give; paddings [4, 2].

    Rounding:
        After each stage, to the dtype of input. batch_norm and the activations are computed in float64, and in float64
        err by a few units in the last place. An implementation may leave out the rounding between stages.

    Interface:
        pattern.R1  stages names ops in such an order, input is floating and has rank 4, each argument is of some stage
                    and none is missing, and each stage is a valid call of its op. addend has the dtype of input, and so
                    have the parameters of batch_norm, but float32 where it has 16 bits. alpha is above 0.

    Mathematics:
        pattern.R2  The result is that of the stages in turn, whatever is fused: a NaN passes through every one of them.

    Raises:
        SpecError: naming the rule, and the stage whose op refuses the call.

    Source: TensorFlow 2.21.0, core/grappler/optimizers/remapper.cc, core/common_runtime/mkl_layout_pass.cc;
    python/ops/nn_impl.py, separable_conv2d.

    >>> pixel, ones = np.float32([[[[-3.0]]]]), np.ones((1, 1, 1, 1), np.float32)
    >>> call = {"filters": ones, "strides": 1, "padding": "VALID", "bias": np.float32([1])}
    >>> pattern(pixel, ["conv2d", "bias_add", "relu"], **call).item(), pattern(pixel, ["conv2d", "relu", "bias_add"],
    ...     **call).item()
    (0.0, 1.0)
    """
    names = _names(stages)
    given = {name: value for name, value in arguments.items() if name != "name"}
    _check_arguments(names, given)
    image = read_array(RULE, "input", input)
    check_rank(RULE, "input", image.shape, 4)
    check_dtype(RULE, "input", image, FLOATS)
    return definition(image, names, given)


def definition(input: Array, stages: Sequence[str], arguments: Mapping[str, Any]) -> Array:
    """Give what each stage gives to the next one."""
    value = input
    for name in stages:
        stage = STAGES[name]
        try:
            value = stage.of(value, **{key: entry for key, entry in arguments.items() if key in stage.arguments})
        except SpecError as error:
            reason = f"{name}: {error.reason}"
            raise SpecError(RULE, reason, fault=error.fault, values=error.values) from error
    return value


def _names(stages: Any) -> list[str]:  # noqa: ANN401 -- whatever the caller was given
    """Return the names of stages in an order that a pattern has."""
    try:
        names = np.asarray(stages).tolist()
    except Exception:  # noqa: BLE001 -- another library's object raises what it likes
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) and name in STAGES for name in names):
        reason = f"stages {shown(stages)}: no list of {', '.join(STAGES)}"
        raise SpecError(RULE, reason, values={"stages": stages})
    head = names[1:2] if names[:1] == ["pad"] else names[:1]
    heads = [name for name in names if name in HEADS]
    if head != heads or len(set(names)) < len(names) or "pad" in names[1:]:
        reason = f"stages {shown(names)}: one of {', '.join(HEADS)} is first, or after pad, and no other comes twice"
        raise SpecError(RULE, reason, values={"stages": names})
    return names


def _check_arguments(names: Sequence[str], given: Mapping[str, Any]) -> None:
    """Refuse an argument that is of no stage, and one that is missing."""
    needed = {key for name in names for key in STAGES[name].needs}
    known = {key for name in names for key in STAGES[name].arguments}
    wrong = (needed - set(given)) | (set(given) - known)
    if wrong:
        reason = f"{', '.join(sorted(wrong))}: the stages {', '.join(names)} need {', '.join(sorted(needed)) or 'none'}"
        raise SpecError(RULE, reason, values={"arguments": sorted(given)})


def padded(input: Array, paddings: Any) -> Array:  # noqa: ANN401 -- whatever the caller was given
    """Pad every axis with zeros: four pairs, each before and after."""
    pairs = read_array(RULE, "paddings", paddings)
    if pairs.shape != (4, 2):
        raise SpecError(RULE, f"paddings {shown(paddings)}: not four pairs", values={"paddings": paddings})
    ends = [[whole_number(RULE, "paddings", size, 0) for size in pair] for pair in pairs.tolist()]
    return np.pad(input, ends)


def depthwise(input: Array, filters: Array, **attributes: Any) -> Array:  # noqa: ANN401 -- those of the op
    """Call depthwise_conv2d, whose filters are named otherwise."""
    return depthwise_conv2d(input, filters, **attributes)


def pointwise(value: Array, pointwise_filter: Array, data_format: str | None = None) -> Array:
    """Mix the channels of every pixel: conv2d by 1x1 filters."""
    weights = read_array(RULE, "pointwise_filter", pointwise_filter)
    if weights.shape[:2] != (1, 1):
        reason = f"pointwise_filter has shape {shown(weights.shape)}: its window is not 1x1"
        raise SpecError(RULE, reason, values={"pointwise_filter": weights.shape})
    return conv2d(value, weights, 1, "VALID", data_format)


def added(value: Array, addend: Array) -> Array:
    """Add two values of one shape."""
    other = read_array(RULE, "addend", addend)
    check_same_dtype(RULE, ("value", value), ("addend", other))
    check_shape(RULE, "addend", other.shape, value.shape, "the stage before")
    with np.errstate(over="ignore", invalid="ignore"):
        return one_nan(value + other + np.zeros((), value.dtype))


def normalised(
    value: Array,
    scale: Array,
    offset: Array,
    mean: Array,
    variance: Array,
    epsilon: float = EPSILON,
    data_format: str | None = None,
) -> Array:
    """Subtract the mean, divide by the deviation, scale and shift."""
    given = {"scale": scale, "offset": offset, "mean": mean, "variance": variance}
    axis = 1 if data_format == "NCHW" else 3
    dtype = np.dtype(np.float64 if value.dtype == np.float64 else np.float32)
    for name, each in given.items():
        array = read_array(RULE, name, each)
        check_dtype(RULE, name, array, (dtype.name,))
        check_shape(RULE, name, array.shape, (value.shape[axis],), "the number of channels")
    factor, moved, shift = normalisation(given, epsilon, axis)
    with np.errstate(over="ignore", invalid="ignore"):
        return one_nan(round_to((value.astype(np.float64) - moved) * factor + shift, format_of(value.dtype)))


def normalisation(parameters: Mapping[str, Array], epsilon: float, axis: int) -> tuple[Array, Array, Array]:
    """Return scale / sqrt(variance + epsilon), mean and offset in float64, along one of four axes."""
    small = float(np.float32(_number("epsilon", epsilon)))
    shape = [-1 if place == axis else 1 for place in range(4)]
    scale, offset, mean, variance = (
        np.asarray(parameters[name], np.float64).reshape(shape) for name in STAGES["batch_norm"].needs
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return scale / np.sqrt(variance + small), mean, offset


def activated(name: str, value: Array, alpha: float = ALPHA) -> Array:
    """Apply an activation; alpha is a number of the dtype of the value."""
    fmt = format_of(value.dtype)
    slope = float(round_to(np.asarray(np.float32(_number("alpha", alpha)), np.float64), fmt))
    return one_nan(round_to(ACTIVATIONS[name].of(value.astype(np.float64), slope), fmt))


def _number(name: str, value: Any) -> float:  # noqa: ANN401 -- whatever the caller was given
    """Return a number above 0."""
    if not isinstance(value, int | float) or not 0 < value < np.inf:
        raise SpecError(RULE, f"{name} is {shown(value)}: no number above 0", values={name: value})
    return float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One op of a pattern."""

    of: Callable[..., Array]  # of what the stage before gives, and its arguments
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()  # beside those

    @property
    def arguments(self) -> tuple[str, ...]:
        """Its arguments."""
        return (*self.needs, *self.takes)


WINDOWS = ("strides", "padding")
LAYOUT = ("data_format",)

STAGES: Mapping[str, Stage] = {
    "pad": Stage(of=padded, needs=("paddings",)),
    "conv2d": Stage(of=conv2d, needs=("filters", *WINDOWS), takes=("dilations", *LAYOUT)),
    "depthwise_conv2d": Stage(of=depthwise, needs=("filters", *WINDOWS), takes=("dilations", *LAYOUT)),
    "conv2d_transpose": Stage(
        of=conv2d_transpose, needs=("filters", "output_shape", *WINDOWS), takes=("dilations", *LAYOUT)
    ),
    "max_pool": Stage(of=max_pool, needs=("ksize", *WINDOWS), takes=LAYOUT),
    "pointwise_conv2d": Stage(of=pointwise, needs=("pointwise_filter",), takes=LAYOUT),
    "bias_add": Stage(of=bias_add, needs=("bias",), takes=LAYOUT),
    "batch_norm": Stage(of=normalised, needs=("scale", "offset", "mean", "variance"), takes=("epsilon", *LAYOUT)),
    "add": Stage(of=added, needs=("addend",)),
    **{
        name: Stage(of=partial(activated, name), takes=("alpha",) if name == "leaky_relu" else ())
        for name in ACTIVATIONS
    },
}
