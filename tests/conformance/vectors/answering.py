"""Answers in the form that the readers take: results.jsonl and results.bin."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance.model import Array
from conformance.vectors.arrays import Arrays

__all__ = ["Answers", "cases", "described", "write"]

Answers = Mapping[str, Sequence[Array] | None]  # case -> what was returned; None: refused


def write(folder: Path, answers: Answers) -> Path:
    """Write answers."""
    folder.mkdir()
    blob = Arrays()
    lines = [
        {"id": name} if given is None else {"id": name, "arrays": [blob.place(array) for array in given]}
        for name, given in answers.items()
    ]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / "results.jsonl").write_text(text)
    (folder / "results.bin").write_bytes(blob.content)
    return folder


def cases(folder: Path) -> list[dict[str, Any]]:
    """Return the cases of a bundle."""
    return [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]


def described(folder: Path, array: Mapping[str, Any], dtype: str) -> Array:
    """Return an array of a bundle as numbers of a NumPy dtype with the same bytes."""
    raw = (folder / "arrays.bin").read_bytes()
    count = int(np.prod(array["shape"], dtype=int))
    return np.frombuffer(raw, dtype, count, array["offset"]).reshape(array["shape"])
