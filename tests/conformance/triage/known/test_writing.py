"""What is written of causes is read back as it was."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.errors import SuiteError
from conformance.model import Symptom
from conformance.triage.known.cause import Cause, Versions
from conformance.triage.known.reading import load
from conformance.triage.known.writing import text, write

Made = Callable[..., Cause]


def test_causes_are_read_as_they_were_written(made: Made, tmp_path: Path) -> None:
    """Several of them, and every field."""
    one = made(symptoms=["nan"], errors=["ValueError"], signals=[6, 11], isa=["AVX2"], devices=["CPU"], routes=["nn"])
    absent = Versions(first="2.20.0", last="2.21.0", absent=("2.15.1",))
    place = replace(one.where[0], versions=absent, kernels=("gemm",), dtypes=("float32",), symptoms=(Symptom.ZERO,))
    other = replace(
        one, id="other", where=(*one.where, place), description="two\nlines\n", traced="'''\n", hides="\x7f\x00"
    )
    path = tmp_path / "mine.toml"

    write(path, [one, other])

    assert load(path) == [one, other]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_text_is_read_back(made: Made, tmp_path: Path, words: str) -> None:
    """Quotes, control characters, line ends of any kind, and those beyond 16 bits."""
    cause = replace(made(), description=words, title=f"{words}.", id=f"{words}.")

    write(tmp_path / "mine.toml", [cause])

    assert load(tmp_path / "mine.toml") == [cause]


def test_what_is_the_same_in_all_places_stands_once(made: Made) -> None:
    """Targets and releases; what differs stands with each place."""
    one = made()
    twice = replace(one, where=(one.where[0], replace(one.where[0], ops=("conv2d", "max_pool"))))
    unlike = replace(one, where=(one.where[0], replace(one.where[0], targets=("tf-gpu-*",))))

    assert text([twice]).count("targets = ") == text([twice]).count("versions = ") == 1
    assert text([unlike]).count("targets = ") == 2


def test_a_file_that_cannot_be_written_is_named(made: Made, tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(SuiteError, match="cannot be written"):
        write(tmp_path / "no" / "mine.toml", [made()])
