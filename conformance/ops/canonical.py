"""The canonical way to write a call: pairs, lists and numbers, for targets that do not read all that tf.nn does."""

from dataclasses import replace

from conformance.cases.spelling import layout_of
from conformance.model import Case, Json
from conformance.ops.table import OPS

__all__ = ["canonical"]

PAIRS = ("strides", "dilations", "ksize")
OPTIONAL = ("dilations", "data_format")


def canonical(case: Case) -> Case:
    """
    Return a valid call as it is written canonically; it means the same.

    Strides, dilations and ksize are two numbers (four where they are not 1 along batch and channels, or the op takes no
    two), shapes and seeds are lists; None, which stands for a default, is left out.
    """
    layout = layout_of(case.attributes)
    two = OPS[case.op].pairs
    given = {name: value for name, value in case.attributes.items() if value is not None or name not in OPTIONAL}
    return replace(case, attributes={name: _written(name, value, layout, two=two) for name, value in given.items()})


def _written(name: str, value: Json, layout: str, *, two: bool) -> Json:
    """Return one argument."""
    if name in PAIRS and two:
        return _pair(value, layout)
    if isinstance(value, dict) and "int" in str(value.get("dtype")):
        return value["array"]
    return value


def _pair(value: Json, layout: str) -> Json:
    """Return two numbers, one of rows and one of columns."""
    entries: list[Json] = value if isinstance(value, list) else [1 if value is None else value]
    if len(entries) == 4:
        place = 1 if layout == "NHWC" else 2
        outer = [entry for index, entry in enumerate(entries) if index not in (place, place + 1)]
        return entries[place : place + 2] if outer == [1, 1] else entries
    return entries * 2 if len(entries) == 1 else entries
