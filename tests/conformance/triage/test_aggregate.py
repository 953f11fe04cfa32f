"""What only a whole run shows is a finding of its own; what single cases have shown already is not told again."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance import ops
from conformance.judge.masks import DISTANCES, Mask
from conformance.model import Symptom
from conformance.run.rows import Row
from conformance.run.store import Store
from conformance.targets import registry
from conformance.triage.aggregate import files, find
from conformance.triage.known.cause import Cause, Place
from conformance.triage.known.installation import Installation

TARGETS = {"tf-cpu-xla": registry.find("tf-cpu-xla")}


def row(op: str, **more: Any) -> Row:  # noqa: ANN401 -- columns of all types
    """Return an observation that agrees, as far as it matters here."""
    case = next(ops.generate(op, 0, 0, 1))
    content = json.dumps(case.to_json())
    known: dict[str, Any] = {"case": case.id, "op": op, "target": "tf-cpu-xla", "content": content, "elements": 1.0}
    return Row(**known | {"route": "nn", "dtype": "float32", "regime": "normal"} | more)


def mask(seed: int, excess: float) -> str:
    """Return what a mask of 100 cells at the rate 1/2 tells, of which so many more are dropped than expected."""
    none = tuple(0 for _ in DISTANCES)
    return Mask(
        seed=str(seed),
        call=str(seed),
        bits=seed,
        chance=100.0,
        cells=100,
        excess=excess,
        variance=100.0,
        products=tuple(map(float, none)),
        pairs=none,
    ).to_json()


def stored(folder: Path, rows: list[Row]) -> Store:
    """Return a run with these observations."""
    store = Store.create(folder / "run", {})
    store.write_shard("op-00000", rows)
    return store


@pytest.mark.parametrize(("excess", "number"), [(0.0, 0), (20.0, 1)])
def test_masks_that_drop_too_many_are_a_finding(tmp_path: Path, excess: float, number: int) -> None:
    """A hundred masks, each two standard deviations above: twenty of them in all."""
    store = stored(tmp_path, [row("dropout", mask=mask(seed, excess)) for seed in range(100)])

    found = find(store, TARGETS, [])

    assert len(found) == number
    assert [finding.verdict.symptoms for finding in found] == [("run-share",)] * number
    assert [finding.reason for finding in found] == [
        "over the whole run: more is dropped than the rates say: 20.0 standard deviations, of 10000 cells"
    ] * number


@pytest.mark.parametrize(("op", "number"), [("dropout", 0), ("stateless_dropout", 1)])
def test_two_masks_of_one_seed_are_a_finding_unless_the_target_ignores_seeds(
    tmp_path: Path, op: str, number: int
) -> None:
    """XLA declares that its dropout does, and its stateless_dropout does not."""
    twice = [json.dumps({**json.loads(mask(1, 0.0)), "bits": bits}) for bits in (5, 6)]

    found = find(stored(tmp_path, [row(op, mask=text) for text in twice]), TARGETS, [])

    assert len(found) == number
    assert [finding.reason for finding in found] == ["over the whole run: one call gave 2 masks: 1"] * number


@pytest.mark.parametrize(
    ("rule", "made", "number"),
    [
        ("max_pool.R10", (["dropped"], ["dropped", "propagated"]), 0),
        ("max_pool.R10", (["dropped"], ["propagated"], ["dropped"]), 1),
        ("max_pool.R13", (["-inf"], ["lowest"]), 0),
    ],
)
def test_a_choice_that_is_made_now_so_now_so_is_a_finding(
    tmp_path: Path, rule: str, made: tuple[list[str], ...], number: int
) -> None:
    """Where no alternative is what all calls show; "either" is one of R13, which is not asked then."""
    rows = [row("max_pool", choices=json.dumps({rule: names})) for names in made]

    found = find(stored(tmp_path, rows), TARGETS, [])

    assert [(finding.verdict.symptoms, finding.verdict.rule) for finding in found] == [(("run-choice",), rule)] * number
    assert [finding.reason for finding in found] == [
        "over the whole run: max_pool.R10 is decided now so, now so: dropped in 2 calls, propagated in 1 calls"
    ] * number


def fingerprint(name: str) -> dict[str, Any]:
    """Return the fingerprint of float32 convolutions that look like this."""
    return {"op": "conv2d", "target": "tf-cpu-xla", "dtype": "float32", "name": name}


@pytest.mark.parametrize(("name", "number"), [("float32", 0), ("TF32 truncated", 1), ("correctly rounded", 0)])
def test_an_arithmetic_worse_than_declared_is_a_finding(tmp_path: Path, name: str, number: int) -> None:
    """The target declares float32."""
    found = find(stored(tmp_path, [row("conv2d")]), TARGETS, [fingerprint(name)])

    assert [finding.reason for finding in found] == [
        f"over the whole run: errors like those of {name}, where float32 is declared"
    ] * number


def test_what_single_cases_show_is_not_told_again(tmp_path: Path) -> None:
    """Where elements lie outside the bound, the arithmetic is told there."""
    store = stored(tmp_path, [row("conv2d"), row("conv2d", kind="wrong-value")])

    assert find(store, TARGETS, [fingerprint("TF32 truncated")]) == []


@pytest.mark.parametrize(("symptom", "number"), [(Symptom.RUN_ARITHMETIC, 1), (Symptom.TF32_FACTORS, 0)])
def test_a_cause_covers_what_the_whole_run_shows(tmp_path: Path, symptom: Symptom, number: int) -> None:
    """By its symptoms, as any other finding; one of single wrong elements does not."""
    place = Place(
        ops=("conv2d",), kinds=("wrong-value",), targets=("tf-cpu-xla",), dtypes=("float32",), symptoms=(symptom,)
    )
    known = Cause(
        id="known",
        library="tensorflow",
        title="",
        severity="silent wrong value",
        review=dt.date(2030, 1, 1),
        where=(place,),
        cases=(),
    )
    prints = [fingerprint("TF32 truncated")]

    found = find(
        stored(tmp_path, [row("conv2d")]), TARGETS, prints, [known], {"tf-cpu-xla": Installation("tensorflow")}
    )

    assert [finding.cause for finding in found] == [known if number else None]


def test_the_call_whose_errors_are_largest_stands_for_a_run(tmp_path: Path) -> None:
    """Of root mean squares of 1, 3 and 9 the second: the third is that of a single element."""
    stream = list(ops.generate("conv2d", 0, 0, 3))
    measured = [{"elements": n, "squares": rms**2 * n, "inverse": n / 9} for n, rms in ((64.0, 1), (64.0, 3), (1.0, 9))]
    rows = [
        row("conv2d", content=json.dumps(case.to_json()), **numbers)
        for case, numbers in zip(stream, measured, strict=True)
    ]

    (found,) = find(stored(tmp_path, rows), TARGETS, [fingerprint("TF32 truncated")])

    assert found.case == stream[1]


@pytest.mark.parametrize(("route", "names"), [("nn", {"case.json", "repro.py"}), ("", {"case.json"})])
@pytest.mark.parametrize("op", ["conv2d", "stateless_dropout"])
def test_what_a_run_shows_has_a_script_for_tensorflow(tmp_path: Path, op: str, route: str, names: set[str]) -> None:
    """A plug-in's function has no name there."""
    drawn = ops.generate(op, 0, 0, 300)
    case = next(each for each in drawn if not each.breaks and each.arrays.keys() <= {"x", "input", "filters"}
                and next(iter(each.arrays.values())).dtype == "float32" and each.regime == "normal")  # fmt: skip
    one = row(op, content=json.dumps(case.to_json()), route=route)
    masks = [replace(one, mask=mask(seed, 20.0)) for seed in range(100)] if op != "conv2d" else [one]

    (found,) = find(stored(tmp_path, masks), TARGETS, [fingerprint("TF32 truncated")] if op == "conv2d" else [])

    assert set(files(found, TARGETS["tf-cpu-xla"])) == names
