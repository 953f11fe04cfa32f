"""The record of an op: all that the suite knows of it. `conformance.ops` holds the records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from conformance.cases.choices import Choices
from conformance.cases.conditions import Condition
from conformance.cases.layers import Layer
from conformance.cases.linear import Linear
from conformance.cases.network import AtLayer, LayerKind
from conformance.cases.world import World
from conformance.model import Array, Case, Json
from conformance.sets import Allowed
from reference.bounds import Arithmetic
from reference.engine.exact import SumOfProducts
from reference.windows import Axis

__all__ = ["Arguments", "Break", "Geometry", "Op", "Permits", "Role", "Shown", "Sum", "Windows"]

Arguments: TypeAlias = Mapping[str, Any]  # of a call, as the reference takes them
Permits: TypeAlias = Callable[[Arithmetic], Allowed]  # what a call may give under an arithmetic
Shown: TypeAlias = Callable[[Array], Array]  # lays an array of a sum's shape out as the op does its result
# A call, checked, as a sum of products over images in NHWC, and how its result is laid out.
Sum: TypeAlias = Callable[[Arguments], tuple[SumOfProducts, Shown]]
Break: TypeAlias = Callable[[str, Choices], Case]  # draws a call of the op that breaks one rule
# What an array argument is: laid out as images are; filters [FH, FW, FI, O]; of any shape; true where kept.
Role: TypeAlias = Literal["image", "filters", "tensor", "mask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of the forward op behind a call."""

    op: str  # whose geometry they have: one of reference.geometry.OPS
    transposed: bool = False  # whether the call goes from their results to their image
    rows: Axis
    columns: Axis
    padding: str  # SAME, VALID or EXPLICIT
    terms: int  # products, or elements, in one element of the call's result, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """How a drawing explains the op's windows."""

    window: str  # the argument that gives their size
    meaning: str  # what an output element is, where the filters are ones
    # Of such an element, from the input rows and columns of its window and the width of the input, which counts
    # 1, 2, 3 ... in row-major order.
    value: Callable[[Sequence[int], Sequence[int], int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """
    One op, complete: nothing else needs to be known of it to draw, break, judge, shrink, explain and report its calls.

    The functions that take a case take a valid one, unless they say otherwise.
    """

    name: str  # in the reference, after tf.nn
    reference: Callable[..., Any]  # the specification
    stated_in: tuple[Callable[..., Any], ...] = ()  # what else of the reference states rules and formula
    defined_with: tuple[Any, ...] = ()  # functions and modules of the reference that its definition calls
    operands: Mapping[str, Role]  # the array arguments
    dtypes: tuple[str, ...]  # of the first array, as the generator draws them: the common ones more than once
    layouts: tuple[str, ...] = ("NHWC", "NCHW")  # of its images; none where it has no image
    pairs: bool = True  # whether strides, dilations and ksize may be two numbers
    shape_argument: str | None = None  # the argument that is a shape
    options: tuple[str, ...] = ()  # arguments that a call may leave out
    gradient: bool = False  # whether it is the gradient of another op
    result: Role = "image"  # what its (first) result is
    image: bool = True  # whether its (first) result is what the windows of `windows` give, [N, H, W, C]

    valid: Callable[[Choices], Case]  # draws a valid call
    world: World  # all its small calls
    takes: Callable[[Layer], bool] = field(default=lambda _: False)  # whether it has a call at a layer
    of_layer: Callable[[Layer, Choices], Case] | None = None  # draws one
    breaks: Mapping[str, Sequence[Break]]  # ways to break each rule that a call can break
    # Of the rules of mathematics: valid calls that exercise them meet one of these conditions.
    meanings: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)
    features: Callable[[Case], dict[str, str]]  # classes that predicates are made of, beside dtype and regime
    simpler: Callable[[Case], Iterator[Case]]  # the call with one part simpler
    varied: Callable[[Case], Iterator[Case]]  # the call with one part other, not simpler
    # The call with one attribute other, whose arrays may have the same shapes; a number says which comes first.
    alike: Callable[[Case, int], Iterator[Case]] = field(default=lambda _case, _turn: iter(()))
    cast: Callable[[Case, str], Case]  # the call in another dtype; of any call
    arrays: Callable[[Case], dict[str, Array]]  # drawn by the case's regime, as exact on the lattice as it demands
    allowed: Callable[[Arguments], Permits]  # what a call may give; raises SpecError where it breaks a rule
    sum: Sum | None = None  # raises SpecError where the call breaks a rule; None: it adds nothing up
    linear: Linear | None = None  # its operands, where the order of its sums can be looked for
    windows: Callable[[Case], Windows] | None = None  # those of its geometry, where it has any
    geometry: Geometry | None = None  # where it can be drawn

    transforms: bool = False  # whether Winograd's or Fourier's algorithm can compute it
    averages: bool = False  # whether it divides by a count, or TensorFlow does for it
    sparse: int = 1  # of so many shards of its stream a run makes one, where graphs are compiled for every call
    random: bool = False  # whether it draws random numbers
    seeded: Callable[[Case], bool] = field(default=lambda _: True)  # whether a call gives the same bits again; any call
    seeding: Callable[[int], dict[str, Json]] | None = None  # the arguments by which a number seeds what it draws
    layer: LayerKind | None = None  # what it is as a layer of a network
    at_layer: Mapping[str, AtLayer] = field(default_factory=dict)  # its calls at layers of other ops, by those
    tensorflow: Mapping[str, str] = field(default_factory=dict)  # route: the function by which users compute it
