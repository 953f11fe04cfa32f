"""
Read one argument, in whatever form it comes, as a plain array, plain integers or a plain bool.

What numpy.asarray takes is taken as it would: lists, scalars, tensors of other libraries, every byte order. What cannot
be read without a guess is refused. Each function gets the rule to name, the argument's name and its value.
"""

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from reference.errors import Fault, SpecError, shown
from reference.floats import Array

__all__ = ["LARGEST", "read_array", "read_flag", "whole_number", "whole_numbers"]

LARGEST = 2**31 - 1  # TensorFlow keeps sizes, strides and paddings of windows in 32 bits
INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def read_array(rule: str, name: str, value: Any) -> Array:  # noqa: ANN401 -- whatever the caller was given
    """
    Return numpy.asarray(value) in this machine's byte order.

    Refused are ragged lists, text and other objects, and an array with masked elements: asarray would lose the mask.
    """
    try:
        array = np.asarray(value)
        masked = np.ma.is_masked(value)
    except Exception as error:
        why = f"numpy.asarray refuses it ({type(error).__name__}: {shown(str(error))})"
        raise SpecError(rule, f"{name} is no array: {why}", values={name: value}) from error
    if masked:
        raise SpecError(rule, f"{name} has masked elements: the op knows no mask", values={name: value})
    if array.dtype.kind in "OSU":
        raise SpecError(rule, f"{name} is {shown(value)}: no array of numbers", values={name: value})
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def whole_numbers(rule: str, name: str, value: Any) -> list[int]:  # noqa: ANN401 -- whatever the caller was given
    """
    Read one integer, or a sequence or array of integers, as a list. True is 1, as everywhere in Python.

    >>> whole_numbers("op.R1", "strides", np.array([2, 3], ">i4")), whole_numbers("op.R1", "strides", 10**20)
    ([2, 3], [100000000000000000000])
    """
    try:
        entries = value if isinstance(value, list | tuple) else _entries(rule, name, value)
        return [index(entry) for entry in entries]
    except Exception:  # noqa: BLE001 -- another library's __index__ raises what it likes
        reason = f"{name} {shown(value)}: neither an integer nor a sequence of integers"
        raise SpecError(rule, reason, fault=Fault.NO_INTEGERS, values={name: value}) from None


def _entries(rule: str, name: str, value: Any) -> Sequence[Any]:  # noqa: ANN401 -- whatever the caller was given
    """Return the entries of what is no list: those of an array of integers, or the value itself."""
    if isinstance(value, int):  # of any size
        return [value]
    array = read_array(rule, name, value)
    if array.dtype.name not in INTEGERS:
        raise TypeError(array.dtype)
    entries: Any = array.tolist()
    return entries if array.ndim else [entries]


def whole_number(rule: str, name: str, value: Any, least: int) -> int:  # noqa: ANN401 -- whatever the caller was given
    """Read one integer from `least` to LARGEST; a list or an array of one is none."""
    if type(value) is int and least <= value <= LARGEST:  # nearly always, and then at no cost
        return value
    entries = whole_numbers(rule, name, value)
    if np.ndim(value) or not least <= entries[0] <= LARGEST:
        reason = f"{name} is {shown(value)}: no integer from {least} to {LARGEST}"
        raise SpecError(rule, reason, fault=Fault.RANGE, values={name: value})
    return entries[0]


def read_flag(rule: str, name: str, value: Any) -> bool:  # noqa: ANN401 -- whatever the caller was given
    """Read True or False, as Python's or NumPy's; a number or a text that only counts as one of them is refused."""
    if not isinstance(value, bool | np.bool_):
        raise SpecError(rule, f"{name} is {shown(value)}: neither True nor False", values={name: value})
    return bool(value)
