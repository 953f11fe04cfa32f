"""Causes that tests write into files and read back."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance.triage.known.cause import Cause
from conformance.triage.known.reading import cases_file, load

CASE = {
    "op": "conv2d",
    "arrays": {
        "input": {"shape": [2, 3, 1, 1], "dtype": "float32"},
        "filters": {"shape": [1, 1, 1, 1], "dtype": "float32"},
    },
    "attributes": {"strides": 2, "padding": "SAME"},
    "regime": "lattice",
    "seed": 7,
}
PLACE: dict[str, Any] = {
    "ops": ["conv2d"],
    "kinds": ["wrong-value"],
    "targets": ["tf-cpu-*"],
    "features": {"batch": "above 1", "output width": ["0", "1"]},
    "versions": {"first": "2.20.0", "last": "2.21.0"},
}
ENTRY: dict[str, Any] = {
    "id": "narrow-batches",
    "library": "tensorflow",
    "title": "the second image is read from the first one's end",
    "severity": "silent wrong value",
    "link": "https://github.com/tensorflow/tensorflow/issues/1",
    "review": dt.date(2027, 5, 1),
    "where": [PLACE],
}
Written = Callable[..., Path]
Made = Callable[..., Cause]


def toml(value: Any) -> str:  # noqa: ANN401 -- whatever TOML can say
    """Write a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(name))} = {toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, float):
        return repr(value)
    return str(value)


@pytest.fixture
def entry() -> dict[str, Any]:
    """Give a cause as a file has it."""
    return {**ENTRY, "where": [dict(PLACE)]}


@pytest.fixture
def case() -> dict[str, Any]:
    """Give a case of it."""
    return dict(CASE)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Give what writes a file of causes, and the file of their cases beside it."""

    def write(*entries: Mapping[str, Any], cases: object = None) -> Path:
        path = tmp_path / "causes.toml"
        tables = ("".join(f"{json.dumps(name)} = {toml(value)}\n" for name, value in each.items()) for each in entries)
        path.write_text("".join(f"[[cause]]\n{table}\n" for table in tables), "utf-8")
        ids = {str(each.get("id")): [CASE] for each in entries}
        cases_file(path).write_text(json.dumps(ids if cases is None else cases), "utf-8")
        return path

    return write


@pytest.fixture
def made(written: Written) -> Made:
    """Give what reads one cause, with some keys of it or of its place changed."""

    def make(**changes: Any) -> Cause:  # noqa: ANN401
        of_cause = {name: value for name, value in changes.items() if name in ENTRY}
        of_place = {name: value for name, value in changes.items() if name not in ENTRY}
        place = {name: value for name, value in (PLACE | of_place).items() if value is not None}
        (cause,) = load(written(ENTRY | {"where": [place]} | of_cause))
        return cause

    return make
