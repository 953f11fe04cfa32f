"""findings.json: what is written is read back, and what others wrote is checked field by field."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import SuiteError
from conformance.run.store import Store
from conformance.triage.findings import Finding, Findings, Known, read, write

CASE = {"op": "conv2d", "arrays": {"input": {"shape": [1], "dtype": "float32"}}, "attributes": {"strides": 1}}
ENTRY: dict[str, Any] = {
    "id": "one",
    "title": "conv2d gives wrong numbers",
    "op": "conv2d",
    "target": "tf-cpu-eager",
    "kind": "wrong-value",
    "status": "new",
    "case": CASE,
    "case_id": "conv2d-0",
    "predicate": {"batch": "0"},
    "shared_by": {"tf-cpu-eager": "wrong-value"},
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty run."""
    return Store.create(tmp_path / "run", {})


def stored(store: Store, **content: Any) -> Store:  # noqa: ANN401 -- whatever a file holds
    """Write a findings.json by hand."""
    (store.folder / "findings.json").write_text(json.dumps({"schema": 2, **content}))
    return store


def test_findings_are_read_as_they_were_written(store: Store) -> None:
    """Every field of both records."""
    finding = Finding(
        **ENTRY,
        route="nn",
        symptoms=("nan", "not-above"),
        rule="conv2d.R3",
        reason="in words",
        kernels=("gemm",),
        classes={"batch": ("0", "1")},
        severity="crash",
        cause="known",
        link="docs/",
        not_shared_by=("reference",),
        cases=3,
        worst=(0, 1),
    )
    found = Findings(
        (finding,), (Known(id="known", state="seen", title="why", link="https://", own=True, gone=("a",)),)
    )

    write(store, found)

    assert read(store) == found


def test_a_run_that_was_killed_before_has_none(store: Store) -> None:
    """There is no file."""
    assert read(store) == Findings()


def test_a_finding_of_schema_1_has_its_waiver_as_cause(store: Store) -> None:
    """Neither symptoms nor kernels stand in it; what is known it calls waived."""
    stored(store, schema=1, findings=[ENTRY | {"waiver": "known", "status": "waived", "reason": "each is nan"}])

    (finding,) = read(store).findings

    assert (finding.cause, finding.status, finding.symptoms, finding.kernels) == ("known", "known", (), ())


def test_what_a_later_suite_adds_is_left_out(store: Store) -> None:
    """A key that no record has."""
    assert read(stored(store, findings=[ENTRY | {"later": 1}])).findings == (Finding(**ENTRY),)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"id": 1}, "findings[1].id is 1: it needs a text"),
        ({"cause": 1}, "findings[1].cause is 1: it needs a text or null"),
        ({"case": {"op": "conv2d"}}, "findings[1].case is {'op': 'conv2d'}: it needs an object with op, arrays and"),
        ({"predicate": {"batch": 0}}, "findings[1].predicate is {'batch': 0}: it needs texts by name"),
        ({"classes": {"batch": "0"}}, "findings[1].classes is {'batch': '0'}: it needs lists of texts by name"),
        ({"shared_by": ["t"]}, "findings[1].shared_by is ['t']: it needs texts by name"),
        ({"symptoms": [1]}, "findings[1].symptoms is [1]: it needs a list of texts"),
        ({"worst": [True]}, "findings[1].worst is [True]: it needs a list of integers"),
        ({"cases": "3"}, "findings[1].cases is '3': it needs an integer"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_place(store: Store, change: dict[str, Any], what: str) -> None:
    """The file, the entry, the field, what stands there, and what should."""
    stored(store, findings=[ENTRY, ENTRY | change])

    with pytest.raises(SuiteError) as raised:
        read(store)

    assert str(raised.value).startswith(f"{store.folder / 'findings.json'}: {what}")


@pytest.mark.parametrize("key", ENTRY)
def test_a_field_that_is_missing_is_named(store: Store, key: str) -> None:
    """Those that every schema has."""
    stored(store, findings=[{name: value for name, value in ENTRY.items() if name != key}])

    with pytest.raises(SuiteError, match=rf"findings\[0\] has no {key}"):
        read(store)


@pytest.mark.parametrize(("name", "content"), [("findings", {}), ("findings", [1]), ("causes", "none")])
def test_lists_of_something_else_are_refused(store: Store, name: str, content: object) -> None:
    """One line says which."""
    with pytest.raises(SuiteError, match=f"{name} is no list of objects"):
        read(stored(store, **{name: content}))
