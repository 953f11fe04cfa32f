"""Cases as JSON: read from files that others wrote, so that every word is checked."""

from collections.abc import Mapping
from typing import Any

from conformance.cases.regimes import FLOAT_REGIMES, INTEGER_REGIMES, PLAIN, SINGLE
from conformance.errors import UsageError
from conformance.model import ArraySpec, Case
from conformance.ops.table import OPS
from conformance.targets.transport.protocol import DTYPES

__all__ = ["case_from_json"]

KEYS = ("op", "arrays", "attributes", "regime", "seed", "breaks")
REGIMES = (*FLOAT_REGIMES, *INTEGER_REGIMES, *PLAIN, SINGLE)
MOST_BYTES = 2**32  # of an array


def case_from_json(data: Any) -> Case:  # noqa: ANN401 -- whatever a file holds
    """
    Return the case that `Case.to_json` wrote.

    Raises:
        UsageError: the data are no case; one line says what and where.
    """
    if not isinstance(data, Mapping):
        raise UsageError(f"a case is a JSON object, not {_short(data)}")
    for key in KEYS[:5]:
        if key not in data:
            raise UsageError(f"the case has no {key!r}")
    unknown = sorted(set(map(str, data)) - set(KEYS))
    if unknown:
        raise UsageError(f"the case has an unknown {unknown[0]!r}: it has {', '.join(KEYS)}")
    arrays, attributes, breaks = data["arrays"], data["attributes"], data.get("breaks")
    if not isinstance(arrays, Mapping) or not arrays:
        raise UsageError(f"arrays is {_short(arrays)}: an object with at least one array")
    if not isinstance(attributes, Mapping):
        raise UsageError(f"attributes is {_short(attributes)}: an object")
    if type(data["seed"]) is not int or not 0 <= data["seed"] < 2**64:
        raise UsageError(f"seed is {_short(data['seed'])}: an integer from 0 to 2^64 - 1")
    if breaks is not None and not isinstance(breaks, str):
        raise UsageError(f"breaks is {_short(breaks)}: a rule, or null")
    return Case(
        op=_one_of("op", data["op"], tuple(OPS)),
        arrays={str(name): _array(f"arrays.{name}", spec) for name, spec in arrays.items()},
        attributes=dict(attributes),
        regime=_one_of("regime", data["regime"], REGIMES),
        seed=data["seed"],
        breaks=breaks,
    )


def _array(where: str, data: Any) -> ArraySpec:  # noqa: ANN401
    """Return what an array looks like."""
    if not isinstance(data, Mapping) or set(data) != {"shape", "dtype"}:
        raise UsageError(f"{where} is {_short(data)}: an object with shape and dtype")
    dtype = _one_of(f"{where}.dtype", data["dtype"], tuple(DTYPES))
    shape = data["shape"]
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise UsageError(f"{where}.shape is {_short(shape)}: a list of integers from 0 on")
    size = DTYPES[dtype].itemsize
    for side in shape:
        size *= max(side, 1)
    if size > MOST_BYTES:
        raise UsageError(f"{where}.shape is {_short(shape)}: {size} bytes, the limit is {MOST_BYTES}")
    return ArraySpec(tuple(shape), dtype)


def _one_of(where: str, value: Any, options: tuple[str, ...]) -> str:  # noqa: ANN401
    """Return a word out of a list."""
    if not isinstance(value, str) or value not in options:
        raise UsageError(f"{where} is {_short(value)}: one of {', '.join(dict.fromkeys(options))}")
    return value


def _short(value: Any) -> str:  # noqa: ANN401
    """Return the start of what was met, on one line."""
    return repr(value)[:80]
