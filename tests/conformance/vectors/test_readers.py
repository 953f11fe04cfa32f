"""The two programs that a bundle carries judge as the suite does."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from conformance.judge.allowed import AnyMask, Refused, Results, Unspecified, adopted, allowed, preferred
from conformance.judge.verdicts import verdict
from conformance.model import Array, Case, Raised, Returned
from conformance.ops import OPS, arguments, generate
from conformance.targets.target import Target
from conformance.vectors.bundle import CHOICES
from conformance.vectors.options import either
from tests.conformance.vectors.answering import Answers, cases, write
from tests.conformance.vectors.conftest import CASES, Reader

NOTE = "a bundle made by hand"


@pytest.fixture(scope="module")
def calls(bundle: Path) -> dict[str, Case]:
    """Return the cases of the bundle as the suite knows them."""
    ids = {case["id"] for case in cases(bundle)}
    return {case.id: case for op in OPS for case in generate(op, 0, 0, CASES) if case.id in ids}


def right(case: Case) -> tuple[Array, ...] | None:
    """Return what the specification gives; None: a refusal."""
    match preferred(allowed(case, arguments(case))):
        case Results(arrays):
            return tuple(each.value for each in arrays)
        case AnyMask() as mask:
            return (next(either(mask)).value,)
        case Unspecified():
            return (np.zeros(3),)
        case Refused():
            return None


def test_what_the_specification_gives_conforms(
    bundle: Path, calls: dict[str, Case], reader: Reader, tmp_path: Path
) -> None:
    """Every case of every op, with the preferred result or refusal."""
    said = reader(bundle, write(tmp_path / "answers", {name: right(case) for name, case in calls.items()}))

    assert set(said.values()) == {"agrees"}
    assert len(said) == CASES


def otherwise(number: int, given: tuple[Array, ...] | None) -> tuple[Array, ...] | None:
    """Spoil a result in the way that the number of its case says: a value, the shape, the dtype, the count, all."""
    if given is None:
        return (np.ones((1, 1), np.float32),)
    first, *rest = given
    match number % 5:
        case 0 if first.size:
            spoilt = first.copy()
            spoilt.flat[number % first.size] = 77
            return (spoilt, *rest)
        case 1:
            return (first[..., None], *rest)
        case 2:
            return (first.astype(np.float64 if first.dtype != np.float64 else np.float32), *rest)
        case 3:
            return (first, *rest, first)
    return None


def judged(case: Case, given: tuple[Array, ...] | None) -> str:
    """Return the suite's own word for an answer, of a target with a generator of its own."""
    observed = Raised("Error", "") if given is None else Returned(given, 0.0)
    target = Target(name="vectors", about="").claiming(CHOICES)
    found = verdict(adopted(allowed(case, arguments(case)), target, case.op), observed)
    return found.kind if found.outcome == "disagrees" else "agrees"


def test_spoilt_results_get_the_verdict_that_the_suite_gives(
    bundle: Path, calls: dict[str, Case], reader: Reader, tmp_path: Path
) -> None:
    """Of every kind that a result shows, and those that happen to conform."""
    answers = {name: otherwise(number, right(case)) for number, (name, case) in enumerate(calls.items())}
    own = {name: judged(case, answers[name]) for name, case in calls.items()}

    assert reader(bundle, write(tmp_path / "answers", answers)) == own
    verdicts = set(json.loads((bundle / "bundle.json").read_text())["verdicts"])
    assert set(own.values()) == verdicts


def by_hand(folder: Path, dtype: str, ends: dict[str, bytes], more: Mapping[str, Any] = MappingProxyType({})) -> Path:
    """Write a bundle of one case with one result of shape [1, 2], and its ends as bytes."""
    folder.mkdir()
    blob = b"".join(raw.ljust(64, b"\0") for raw in ends.values())
    described = [
        {"dtype": "bool" if name == "nan" else dtype, "shape": [1, 2], "offset": 64 * place}
        for place, name in enumerate(ends)
    ]
    named = {name: place for place, name in enumerate(ends)}
    allowed = [{"kind": "results", "results": [[named]], **more}]
    line = {"id": "one", "note": f'{NOTE}: [1.5, "\\"] }}', "arrays": described, "allowed": allowed}
    (folder / "cases.jsonl").write_text(json.dumps(line, separators=(",", ":")) + "\n")
    (folder / "arrays.bin").write_bytes(blob)
    return folder


@pytest.mark.parametrize(
    ("dtype", "low", "high", "inside", "outside"),
    [
        # float16: 0x3c00 is 1, 0x3c01 the next number, 0x0001 the least subnormal, 0x8001 its negative.
        ("float16", "003c0100", "013c0100", "013c0100", "023c0100"),
        ("float16", "003c0180", "003c0100", "003c0000", "003c0280"),
        # bfloat16: 0x3f80 is 1, 0x3f81 the next number, 0xff80 minus infinity.
        ("bfloat16", "803f80ff", "813f80ff", "813f80ff", "803f803f"),
        # int64: 2^53 and 2^53 + 1 are the same float64.
        (
            "int64",
            "00000000000020000000000000000000",
            "00000000000020000000000000000000",
            "00000000000020000000000000000000",
            "01000000000020000000000000000000",
        ),
    ],
)
def test_numbers_of_every_width_are_compared_as_they_are(
    reader: Reader, tmp_path: Path, dtype: str, low: str, high: str, inside: str, outside: str
) -> None:
    """The bytes by hand: a neighbour of the greatest allowed number is not allowed."""
    ends = {"value": low, "low": low, "high": high, "nan": "0000"}
    folder = by_hand(tmp_path / "bundle", dtype, {name: bytes.fromhex(text) for name, text in ends.items()})
    raw = {"float16": np.float16, "bfloat16": np.uint16, "int64": np.int64}[dtype]
    said = []
    for text in (inside, outside):
        answers = tmp_path / text
        answers.mkdir()
        described = {"id": "one", "arrays": [{"dtype": dtype, "shape": [1, 2], "offset": 0}]}
        (answers / "results.jsonl").write_text(json.dumps(described, separators=(",", ":")) + "\n")
        (answers / "results.bin").write_bytes(np.frombuffer(bytes.fromhex(text), raw).tobytes())
        said.append(reader(folder, answers)["one"])

    assert said == ["agrees", "wrong-value"]


@pytest.mark.parametrize(("given", "verdict"), [([np.nan, 1], "agrees"), ([1, np.nan], "wrong-value")])
def test_nan_conforms_where_it_is_allowed(reader: Reader, tmp_path: Path, given: list[float], verdict: str) -> None:
    """In the first of two elements, which may be no number."""
    numbers = {"value": [np.nan, 1], "low": [np.nan, 1], "high": [np.nan, 1]}
    ends = {name: np.array(each, "<f4").tobytes() for name, each in numbers.items()} | {"nan": b"\1\0"}
    folder = by_hand(tmp_path / "bundle", "float32", ends)
    answers: Answers = {"one": [np.array([given], np.float32)]}

    assert reader(folder, write(tmp_path / "answers", answers)) == {"one": verdict}


@pytest.mark.parametrize(("given", "verdict"), [([1, 2], "agrees"), ([0, 3], "agrees"), ([1, 3], "wrong-value")])
def test_totals_are_held_to(reader: Reader, tmp_path: Path, given: list[float], verdict: str) -> None:
    """Each element may be 0 to 3, both together 3."""
    numbers = {"value": [1, 2], "low": [0, 0], "high": [3, 3]}
    ends = {name: np.array(each, "<f4").tobytes() for name, each in numbers.items()} | {"nan": b"\0\0"}
    folder = by_hand(tmp_path / "bundle", "float32", ends, {"totals": {"axes": [1], "low": 4, "high": 4}})
    line = json.loads((folder / "cases.jsonl").read_text())
    line["arrays"].append({"dtype": "float64", "shape": [1, 1], "offset": 256})
    (folder / "cases.jsonl").write_text(json.dumps(line, separators=(",", ":")) + "\n")
    with (folder / "arrays.bin").open("ab") as blob:
        blob.write(np.array([3.0]).tobytes())
    answers: Answers = {"one": [np.array([given], np.float32)]}

    assert reader(folder, write(tmp_path / "answers", answers)) == {"one": verdict}
