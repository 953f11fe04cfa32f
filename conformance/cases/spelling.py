"""How a call is spelt: the ways tf.nn lets one write the same strides, sizes and layouts, and JSON's words for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.cases.choices import Choices
from conformance.model import Json
from conformance.targets.transport.messages import decoded

__all__ = [
    "ABSENT",
    "Spelling",
    "arranged",
    "data_format",
    "decoded",
    "given",
    "layout_of",
    "nhwc",
    "padding",
    "pair",
    "pair_spelling",
    "shape",
    "shape_spelling",
    "spelt_pair",
    "spelt_shape",
]

ABSENT: Json = {"absent": True}  # an argument that is left to its default; never part of a case
FORMATS: Mapping[str, Json] = {"absent": ABSENT, "none": None, "NHWC": "NHWC", "NCHW": "NCHW"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The words of one call: keys of the functions below."""

    data_format: str = "absent"
    strides: str = "int"
    window: str = "int"  # ksize, or dilations
    sizes: str = "list"  # a shape that is an argument

    @property
    def layout(self) -> str:
        """"NHWC" or "NCHW"."""  # fmt: skip
        return "NCHW" if self.data_format == "NCHW" else "NHWC"


def given(**attributes: Json) -> dict[str, Json]:
    """Return the attributes that are not absent."""
    return {name: value for name, value in attributes.items() if value is not ABSENT}


def layout_of(attributes: Mapping[str, Json]) -> str:
    """Return the layout that a valid call has: "NHWC" or "NCHW"."""
    return "NCHW" if attributes.get("data_format") == "NCHW" else "NHWC"


def data_format(attributes: Mapping[str, Json]) -> str:
    """Return how a valid call spells its layout."""
    return str(attributes["data_format"] or "none") if "data_format" in attributes else "absent"


def nhwc(shape: Sequence[int], layout: str) -> tuple[int, ...]:
    """Return a shape in the order N H W C; leading axes stay."""
    *lead, a, b, c = shape
    return (*lead, a, b, c) if layout == "NHWC" else (*lead, b, c, a)


def arranged(shape: Sequence[int], layout: str) -> tuple[int, ...]:
    """Return a shape of N H W C in the order of the layout; leading axes stay."""
    *lead, high, wide, channels = shape
    return (*lead, high, wide, channels) if layout == "NHWC" else (*lead, channels, high, wide)


def pair(value: tuple[int, int], spelling: str, layout: str, channels: int = 1) -> Json:
    """Spell strides, ksize or dilations; two numbers where the spelling does not fit the value."""
    rows, columns = value
    if spelling == "four" or channels != 1:
        return list(arranged((1, rows, columns, channels), layout))
    if rows == columns and spelling in ("int", "one"):
        return rows if spelling == "int" else [rows]
    if rows == columns == 1 and spelling in ("none", "absent"):
        return None if spelling == "none" else ABSENT
    return [rows, columns]


def pair_spelling(choices: Choices, value: tuple[int, int], *, optional: bool = False) -> str:
    """Choose a spelling of strides, ksize or dilations; optional: they may be left out."""
    if value == (1, 1):
        return choices.pick(("absent", "absent", *_ONES) if optional else _ONES)
    return choices.pick(_EQUAL if value[0] == value[1] else ("two", "four"))


_EQUAL = ("int", "int", "two", "one", "four")
_ONES = ("int", "none", "two", "one", "four", "none")


def spelt_pair(attributes: Mapping[str, Json], name: str) -> str:
    """Return how a valid call spells its strides, ksize or dilations."""
    if name not in attributes:
        return "absent"
    value = attributes[name]
    if isinstance(value, list):
        return {1: "one", 2: "two", 4: "four"}[len(value)]
    return "none" if value is None else "int"


def padding(kind: str, rows: tuple[int, int], columns: tuple[int, int], layout: str) -> Json:
    """Spell padding: by name, or as four pairs."""
    if kind != "EXPLICIT":
        return kind
    high, wide, none = list[Json](rows), list[Json](columns), list[Json]([0, 0])
    return [none, high, wide, none] if layout == "NHWC" else [none, none, high, wide]


def shape(value: Sequence[int], spelling: str, layout: str) -> Json:
    """Spell a shape of N H W C as an argument: a list, an array, or height and width alone."""
    if spelling == "two":
        return list(value[1:3])
    ordered: list[Json] = list(arranged(value, layout))
    return ordered if spelling == "list" else {"array": ordered, "dtype": spelling}


def shape_spelling(choices: Choices, *, two: bool = False) -> str:
    """Choose a spelling of a shape; two: height and width suffice."""
    return choices.pick(("list", "list", "int32", "int64", "two") if two else ("list", "list", "int32", "int64"))


def spelt_shape(value: Json) -> str:
    """Return how a shape is spelt."""
    if isinstance(value, dict):
        return str(value["dtype"])
    return "two" if isinstance(value, list) and len(value) == 2 else "list"
