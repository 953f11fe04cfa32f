"""Where a result differs from what is allowed: from the arrays of a finding to levels, images and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import ml_dtypes
import numpy as np

from conformance.model import Array
from conformance.ops import OPS
from conformance.report.records import Grid, Heat, Overview

__all__ = ["LEVELS", "heat"]

# What the levels of a differing element mean: its distance, next to the largest number that is allowed anywhere.
LEVELS = (
    "allowed",
    "off by less than 0.1%",
    "by less than 10%",
    "by less than the largest value",
    "by more, or not finite",
)
STEPS = (1e-3, 1e-1, 1.0)
IMAGES = 6  # of a result that are drawn
FAR = 16  # blocks along each side of an image seen from afar
NEAR = 6  # elements along each side of the numbers shown


@dataclass(frozen=True, slots=True)
class _Result:
    """One result: what was observed and what is allowed, rows and columns last."""

    observed: Array
    value: Array
    low: Array
    high: Array
    level: Array
    spatial: tuple[int, int]  # which axes of the result rows and columns are; -1 for one that it does not have


def heat(path: Path, case: Mapping[str, Any], worst: tuple[int, ...]) -> Heat | None:
    """Read `arrays.npz` of a finding; None where there is nothing of one shape to compare."""
    arrays = _arrays(path)
    count = sum(name.startswith("observed_") for name in arrays)
    results = [result for i in range(count) if (result := _result(arrays, i, case))]
    if not results:
        return None
    result = next((each for each in results if each.level.any()), results[0])
    images = result.level.reshape(-1, *result.level.shape[-2:])
    if not images.size:
        return None
    order = sorted(range(len(images)), key=lambda i: (-int((images[i] > 0).sum()), i))
    chosen = sorted(order[:IMAGES])
    return Heat(
        different=int((result.level > 0).sum()),
        elements=result.level.size,
        overviews=tuple(_overview(result, i, images[i]) for i in chosen),
        hidden=len(images) - len(chosen),
        grid=_grid(result, worst, order[0]),
    )


def _arrays(path: Path) -> dict[str, Array]:
    """Return the arrays of the file; none where it is missing or cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (OSError, EOFError, ValueError, BadZipFile):
        return {}
    return {
        name.removesuffix(".bfloat16"): array.view(ml_dtypes.bfloat16) if name.endswith(".bfloat16") else array
        for name, array in found.items()
    }


def _result(arrays: Mapping[str, Array], number: int, case: Mapping[str, Any]) -> _Result | None:
    """Return result number so and so, if all of it is there and of one shape."""
    names = [f"{name}_{number}" for name in ("observed", "value", "low", "high", "nan")]
    if not all(name in arrays for name in names):
        return None
    found = [arrays[name] for name in names]
    if len({array.shape for array in found}) != 1:
        return None
    axes = _spatial(found[0].ndim, case)
    observed, value, low, high, nan = (_last(array, axes) for array in found)
    return _Result(observed, value, low, high, _level(observed, value, low, high, nan), axes)


def _spatial(rank: int, case: Mapping[str, Any]) -> tuple[int, int]:
    """Return which axes of a result hold its rows and columns."""
    op = OPS.get(str(case.get("op")))
    if op and op.result == "filters":
        return 0, 1
    if rank >= 4:
        return (2, 3) if case.get("attributes", {}).get("data_format") == "NCHW" else (rank - 3, rank - 2)
    return rank - 2, rank - 1


def _last(array: Array, axes: tuple[int, int]) -> Array:
    """Move rows and columns last; make them where there are none."""
    if array.ndim < 2:
        return array.reshape(1, -1)
    return np.moveaxis(array, axes, (-2, -1))


def _level(observed: Array, value: Array, low: Array, high: Array, nan: Array) -> Array:
    """Return 0 for an allowed element, else how far off it is: see LEVELS."""
    with np.errstate(all="ignore"):
        fine = ((low <= observed) & (observed <= high)) | (np.isnan(observed.astype(float)) & nan)
        found, least, most = (array.astype(np.float64) for array in (observed, low, high))
        finite = np.abs(value.astype(np.float64))
        scale = np.max(finite, initial=0.0, where=np.isfinite(finite)) or 1.0
        distance = np.maximum(least - found, found - most) / scale
    level = 1 + np.searchsorted(STEPS, np.nan_to_num(distance, nan=np.inf), side="right")
    return np.asarray(np.where(fine, 0, level))


def _index(result: _Result, image: int) -> str:
    """Write which part of the result an image is: [0, :, :, 3]."""
    lead = result.level.shape[:-2]
    entries = [str(int(i)) for i in np.unravel_index(image, lead)] if lead else []
    for axis in sorted(axis for axis in result.spatial if axis >= 0):
        entries.insert(axis, ":")
    return f"[{', '.join(entries)}]"


def _overview(result: _Result, number: int, level: Array) -> Overview:
    """Return an image from afar: of a block of elements the worst level."""
    block = tuple(max(-(-side // FAR), 1) for side in level.shape)
    rows = range(0, level.shape[0], block[0])
    columns = range(0, level.shape[1], block[1])
    levels = tuple(tuple(int(level[y : y + block[0], x : x + block[1]].max()) for x in columns) for y in rows)
    return Overview(_index(result, number), levels, (block[0], block[1]))


def _grid(result: _Result, worst: tuple[int, ...], fallback: int) -> Grid:
    """Return the numbers around the worst element, or from the start of the image that differs most."""
    shape = result.level.shape
    axes = tuple(axis for axis in result.spatial if axis >= 0)
    image, place = fallback, None
    if len(worst) == len(shape) and len(axes) == 2:
        lead = tuple(i for axis, i in enumerate(worst) if axis not in axes)
        y, x = worst[axes[0]], worst[axes[1]]
        if all(i < side for i, side in zip((*lead, y, x), shape, strict=True)):
            image, place = int(np.ravel_multi_index(lead, shape[:-2])) if lead else 0, (y, x)
    rows, columns = (_around(place[i] if place else 0, shape[i - 2]) for i in (0, 1))
    cut = np.s_[rows.start : rows.stop, columns.start : columns.stop]
    observed, value, level = (
        array.reshape(-1, *shape[-2:])[image][cut] for array in (result.observed, result.value, result.level)
    )
    texts = [
        [_pair(v, o, bool(k)) for v, o, k in zip(*row, strict=True)] for row in zip(value, observed, level, strict=True)
    ]
    return Grid(
        title=_index(result, image),
        rows=rows,
        columns=columns,
        allowed=tuple(tuple(pair[0] for pair in row) for row in texts),
        observed=tuple(tuple(pair[1] for pair in row) for row in texts),
        level=tuple(tuple(int(entry) for entry in row) for row in level),
        worst=place,
    )


def _around(centre: int, side: int) -> range:
    """Return the elements shown along one side."""
    first = min(max(centre - NEAR // 2, 0), max(side - NEAR, 0))
    return range(first, min(first + NEAR, side))


def _pair(value: Any, observed: Any, differs: bool) -> tuple[str, str]:  # noqa: ANN401 -- numbers of any dtype
    """Write two numbers, with as many digits as it takes to see that they differ."""
    for digits in (4, 6, 9, 17):
        pair = _text(value, digits), _text(observed, digits)
        if not differs or pair[0] != pair[1]:
            break
    return pair


def _text(number: Any, digits: int) -> str:  # noqa: ANN401
    """Write one number."""
    return f"{float(number):.{digits}g}" if np.asarray(number).dtype.kind not in "iub" else str(int(number))
