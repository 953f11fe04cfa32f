"""What a bundle holds."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import reference
from conformance.errors import UsageError
from conformance.ops import OPS
from conformance.targets.profile import Profile
from conformance.vectors.bundle import CHOICES, Content, write
from tests.conformance.vectors.answering import cases, described

BUNDLE = ("bundle.json", "cases.jsonl", "arrays.bin", "schema.json", "vectors.c", "vectors.mjs")


def conv2d(folder: Path, profile: Profile = CHOICES) -> list[dict[str, Any]]:
    """Write a bundle of conv2d, and return its valid cases."""
    write(folder, Content(ops=["conv2d"], cases=24, profile=profile))
    return [case for case in cases(folder) if case["breaks"] is None]


def test_a_bundle_is_as_its_schema_says(bundle: Path) -> None:
    """The header, and every line."""
    schema = json.loads((bundle / "schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    of_case = validator.evolve(schema={**schema, "$ref": "#/$defs/case"})

    validator.validate(json.loads((bundle / "bundle.json").read_text()))
    for case in cases(bundle):
        of_case.validate(case)


def test_the_schema_refuses_what_is_not_a_case(bundle: Path) -> None:
    """A key that nobody described."""
    schema = json.loads((bundle / "schema.json").read_text())
    of_case = jsonschema.Draft202012Validator({**schema, "$ref": "#/$defs/case"})

    assert not of_case.is_valid({**cases(bundle)[0], "tolerance": 1e-3})


def test_the_same_content_gives_the_same_files(tmp_path: Path) -> None:
    """Byte by byte."""
    for name in ("one", "other"):
        write(tmp_path / name, Content(ops=["max_pool", "dropout"], cases=10, seed=3))

    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes() for file in BUNDLE)


def test_the_ops_take_turns(bundle: Path) -> None:
    """So that any beginning of a bundle has all of them."""
    assert [case["op"] for case in cases(bundle)[: len(OPS)]] == list(OPS)


def test_arrays_are_aligned_and_small(bundle: Path) -> None:
    """They start at multiples of 64 bytes, and have 512 elements at most."""
    arrays = [array for case in cases(bundle) for array in case["arrays"]]

    assert {array["offset"] % 64 for array in arrays} == {0}
    assert max(np.prod(array["shape"]) for array in arrays) <= 512


def test_the_value_of_a_case_is_what_the_reference_gives(tmp_path: Path) -> None:
    """From the bytes of the arguments to those of the result, for calls in float32."""
    compared = 0
    for case in conv2d(tmp_path / "bundle"):
        if any(array["dtype"] not in {"float32", "bool"} for array in case["arrays"]):
            continue
        named = case["arguments"]
        operands = {
            name: described(tmp_path / "bundle", case["arrays"][value["tensor"]], "<f4")
            for name, value in named.items()
            if name in {"input", "filters"}
        }
        place = case["allowed"][0]["results"][0][0]["value"]
        value = described(tmp_path / "bundle", case["arrays"][place], "<f4")
        np.testing.assert_array_equal(reference.conv2d(**{**named, **operands}), value)
        compared += 1

    assert compared > 3


def test_a_profile_says_which_cases_are_claimed(tmp_path: Path) -> None:
    """One in float32 meets no valid call in another dtype."""
    valid = conv2d(tmp_path / "bundle", Profile(dtypes={"others": ("float32",)}))

    assert {case["arrays"][case["arguments"]["input"]["tensor"]]["dtype"] for case in valid} == {"float32"}


def test_a_profile_says_how_results_may_be_computed(tmp_path: Path) -> None:
    """Correctly rounded, the exact result rounded once is all that is allowed."""
    rounded = {"others": {"others": ("correctly-rounded",)}}
    options = [case["allowed"][0] for case in conv2d(tmp_path / "bundle", Profile(arithmetic=rounded))]

    assert all(each["low"] == each["value"] == each["high"] for option in options for (each,) in option["results"])


def test_the_rules_of_every_op_are_quoted(bundle: Path) -> None:
    """Those that a refusal names, too."""
    said = json.loads((bundle / "bundle.json").read_text())["ops"]
    broken = [case for case in cases(bundle) if case["breaks"]]

    assert broken
    assert all(case["breaks"] in said[case["breaks"].partition(".")[0]]["rules"] for case in broken)


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    """Nothing of the user's is overwritten."""
    (tmp_path / "notes").write_text("mine")

    with pytest.raises(UsageError, match="no empty folder"):
        write(tmp_path, Content(ops=["conv2d"]))
