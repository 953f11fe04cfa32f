"""
Cases and their allowed results as portable files, for implementations that Python cannot call.

Each case is a folder: `case.json` (the call), `<argument>.npy` (its arrays), and `allowed.json`, which says either
`{"refused": rule, "reason": ...}` or `{"results": n, "open": why}` with `value_i.npy`, `low_i.npy`, `high_i.npy` and
`nan_i.npy` beside it: element by element the exact result rounded once, the least and the greatest allowed number, and
whether NaN is allowed. Arrays are .npy files of version 1.0, little-endian, without pickles; bfloat16 is stored as
uint16, the upper half of a float32, and its name ends in `.bfloat16.npy`.
"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance.errors import SuiteError, UsageError
from conformance.judge.allowed import Allowed, AnyMask, AnyOf, Refused, Results, Unspecified, allowed, preferred
from conformance.model import Array, Case
from conformance.ops import arguments as call_arguments
from conformance.ops import generate

__all__ = ["write"]


def write(folder: Path, ops: Sequence[str], seed: int, count: int) -> int:
    """Write `count` cases of each op into a new folder; return how many were written."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is no empty folder: name another one")
    written = 0
    for op in ops:
        for case in generate(op, seed, 0, count):
            _write_case(folder / case.id, case)
            written += 1
    return written


def _write_case(folder: Path, case: Case) -> None:
    """Write one case."""
    arguments = call_arguments(case)
    sets = allowed(case, arguments)
    first = preferred(sets)
    arrays: dict[str, Array] = {name: arguments[name] for name in case.arrays}
    if isinstance(first, Results):
        for i, result in enumerate(first.arrays):
            arrays |= {f"{name}_{i}": getattr(result, name) for name in ("value", "low", "high", "nan")}
    files = {"case.json": _json(case.to_json()), "allowed.json": _json(_said(sets, first))}
    for name, array in arrays.items():
        bits = array.dtype.name == "bfloat16"
        files[f"{name}{'.bfloat16' if bits else ''}.npy"] = _npy(array.view(np.uint16) if bits else array)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise SuiteError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _said(sets: Allowed, first: Results | Refused | AnyMask | Unspecified) -> dict[str, Any]:
    """Return what allowed.json says."""
    others = sets.options[1:] if isinstance(sets, AnyOf) else ()
    refusals = [option.reason for option in others if isinstance(option, Refused)]
    match first:
        case Refused(rule, reason):
            return {"refused": rule, "reason": reason, "open": bool(others)}
        case Results(arrays):
            masks = any(isinstance(option, AnyMask) for option in others)
            return {"results": len(arrays), "open": refusals, "any_mask": masks}
        case AnyMask():
            return {"any_mask": True}
        case Unspecified(why):
            return {"unspecified": why}


def _json(data: Mapping[str, Any]) -> bytes:
    """Return JSON text."""
    return (json.dumps(data, indent=1) + "\n").encode()


def _npy(array: Array) -> bytes:
    """Return an array as an .npy file."""
    buffer = io.BytesIO()
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    np.lib.format.write_array(buffer, np.ascontiguousarray(little), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
