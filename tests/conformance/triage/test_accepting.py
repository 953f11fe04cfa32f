"""What a run found becomes known as far as the run saw it, and no further."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.commands.cli import run_command
from conformance.errors import UsageError
from conformance.model import Symptom, Verdict
from conformance.run.store import Store
from conformance.triage import findings
from conformance.triage.accepting import accept, numbered
from conformance.triage.findings import Finding, Findings
from conformance.triage.known.cause import Cause, Versions
from conformance.triage.known.installation import Installation, installation_of
from conformance.triage.known.matching import Disagreement, place_of
from conformance.triage.known.reading import load

CASE = {
    "op": "conv2d",
    "arrays": {name: {"shape": [1, 1, 1, 1], "dtype": "float32"} for name in ("input", "filters")},
    "attributes": {"strides": [2, 3], "padding": "VALID"},
    "regime": "lattice",
    "seed": 0,
    "breaks": None,
}
FINDING = Finding(
    id="conv2d-wrong-value-0",
    title="conv2d gives wrong numbers (strides unequal)",
    op="conv2d",
    target="mine:ops",
    kind="wrong-value",
    severity="silent wrong value",
    status="new",
    case=CASE,
    case_id="conv2d-0",
    predicate={"strides": "unequal"},
    classes={"strides": ("unequal",)},
    shared_by={"mine:ops": "wrong-value"},
)
REVIEW = dt.date(2999, 1, 1)
FOUND = Disagreement(
    op="conv2d",
    target="mine:ops",
    judged=Verdict(outcome="disagrees", kind="wrong-value", symptoms=(Symptom.NAN,)),
    classes={"dtype": "float32", "strides": "unequal"},
    installation=Installation("mine", "0.1"),
)
Run = Callable[..., Store]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give what makes a run of two targets of one library that has found something."""

    def make(*found: Finding) -> Store:
        about = {"versions": {"mine": "0.1", "numpy": "2.0"}}
        targets: Any = [{"name": name, "about": about} for name in ("mine:ops", "mine:other")]
        store = Store.create(tmp_path / f"run{len(list(tmp_path.iterdir()))}", {"targets": targets, "machine": {}})
        findings.write(store, Findings(tuple(found)))
        return store

    return make


def only(path: Path) -> Cause:
    """Return the one cause of a file."""
    (cause,) = load(path)
    return cause


def test_a_finding_is_accepted_as_far_as_the_run_saw_it(run: Run, tmp_path: Path) -> None:
    """Its library in its version, its target, what governs it; the reason is the user's."""
    mine = tmp_path / "mine.toml"

    assert accept(run(FINDING), mine, "planned for 0.2", REVIEW) == 1

    cause = only(mine)
    assert (cause.id, cause.library, cause.description) == (FINDING.id, "mine", "planned for 0.2")
    assert cause.where[0].versions == Versions(first="0.1", last="0.1")
    assert place_of(cause, FOUND) == 0


@pytest.mark.parametrize(
    "other",
    [
        {"target": "mine:other"},
        {"classes": {"dtype": "float32", "strides": "equal"}},
        {"classes": {"dtype": "float32", "strides": "unequal", "breaks": "conv2d.R3"}},
        {"judged": Verdict(outcome="disagrees", kind="crashed")},
        {"installation": Installation("theirs", "0.1")},
    ],
)
def test_the_next_fault_is_new(run: Run, tmp_path: Path, other: dict[str, Any]) -> None:
    """Of another target, call, kind or library."""
    accept(run(FINDING), tmp_path / "mine.toml", "why", REVIEW)

    assert place_of(only(tmp_path / "mine.toml"), replace(FOUND, **other)) is None


def test_all_that_the_observations_of_a_finding_are_is_accepted(run: Run, tmp_path: Path) -> None:
    """Not the class of its smallest case alone: the next day another of them is met first."""
    finding = replace(FINDING, kind="refused-valid", error="ValueError", classes={"dtype": ("float16", "float32")})
    accept(run(finding), tmp_path / "mine.toml", "why", REVIEW)

    (place,) = only(tmp_path / "mine.toml").where
    assert (place.dtypes, place.errors) == (("float16", "float32"), ("ValueError",))


def test_findings_are_added_to_a_file_that_stays_as_its_user_wrote_it(run: Run, tmp_path: Path) -> None:
    """What is accepted twice gets another id."""
    mine = tmp_path / "mine.toml"
    accept(run(FINDING), mine, "one", REVIEW)
    mine.write_text(f"# ours\n{mine.read_text()}")

    accept(run(FINDING), mine, "two", REVIEW)

    assert mine.read_text().startswith("# ours\n")
    assert [cause.id for cause in load(mine)] == [FINDING.id, f"{FINDING.id}-2"]


def test_several_findings_become_one_cause(run: Run, tmp_path: Path) -> None:
    """By a name: the gravest severity; places that differ in their op alone are one."""
    twin = replace(FINDING, id="b", op="conv2d_transpose", severity="memory read or written")
    twin = replace(twin, case=CASE | {"op": "conv2d_transpose", "attributes": TRANSPOSED})

    accept(run(FINDING, twin), tmp_path / "mine.toml", "unequal strides", REVIEW, name="unequal-strides")

    cause = only(tmp_path / "mine.toml")
    assert (cause.id, cause.title, cause.severity) == ("unequal-strides", "unequal strides", "silent wrong value")
    assert [place.ops for place in cause.where] == [("conv2d", "conv2d_transpose")]
    assert len(cause.cases) == 2


TRANSPOSED = {"strides": [2, 3], "padding": "VALID", "output_shape": [1, 1, 1, 1]}


def test_findings_extend_the_cause_of_that_name(run: Run, tmp_path: Path) -> None:
    """Its title, its reason and its severity stay."""
    mine = tmp_path / "mine.toml"
    accept(run(FINDING), mine, "unequal strides", REVIEW, name="unequal-strides")
    crash = replace(FINDING, id="b", kind="crashed", severity="crash", signature=("signal",))

    accept(run(crash), mine, "another reason", REVIEW, name="unequal-strides")

    cause = only(mine)
    assert (cause.title, cause.severity) == ("unequal strides", "silent wrong value")
    assert [place.kinds for place in cause.where] == [("wrong-value",), ("crashed",)]


def test_a_finding_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    """With those that are; what is known already is none of them."""
    store = run(FINDING, replace(FINDING, id="known", status="known"))

    with pytest.raises(UsageError, match="no new finding 'known'"):
        accept(store, tmp_path / "mine.toml", "why", REVIEW, ["known"])


def test_causes_of_several_files_add_up(run: Run, tmp_path: Path) -> None:
    """Those of one id are told apart by numbers."""
    accept(run(FINDING), tmp_path / "one.toml", "one", REVIEW)
    accept(run(FINDING), tmp_path / "two.toml", "two", REVIEW)

    found = numbered([*load(tmp_path / "one.toml"), *load(tmp_path / "two.toml")])

    assert [(cause.id, cause.description) for cause in found] == [(FINDING.id, "one"), (f"{FINDING.id}-2", "two")]


def test_what_a_release_without_causes_shows_is_known_the_day_after(tmp_path: Path) -> None:
    """TensorFlow 2.17.0, of which nothing comes with the suite: its own list, by its version; the next fault is new."""
    about: dict[str, Any] = {"versions": {"tensorflow": "2.17.0", "numpy": "1.26"}}
    name = "tf-cpu-eager@2.17.0"
    store = Store.create(tmp_path / "run", {"targets": [{"name": name, "about": about}], "machine": {}})
    findings.write(store, Findings((replace(FINDING, target=name, shared_by={name: "wrong-value"}),)))
    accept(store, tmp_path / "mine.toml", "known of 2.17", REVIEW)
    cause = only(tmp_path / "mine.toml")
    found = replace(FOUND, target=name, installation=installation_of(name, about))

    assert place_of(cause, found) == 0
    assert place_of(cause, replace(found, judged=replace(found.judged, kind="refused-valid"))) is None
    assert place_of(cause, replace(found, classes={"dtype": "float32", "strides": "equal"})) is None


PLUGIN = """
import reference
from reference import avg_pool, max_pool
def conv2d(input, filters, strides, padding, **others):
    if "float16" in str(input.dtype):
        raise TypeError("no float16")
    return reference.conv2d(input, filters, strides, padding, **others)
"""
SPOILT = """
def avg_pool(input, ksize, strides, padding, **others):
    return -reference.avg_pool(input, ksize, strides, padding, **others)
"""


@pytest.mark.slow
def test_a_plug_in_is_green_the_day_after_and_red_for_the_next_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` says 1, `accept` keeps it, `run --known` says 0 for other calls; and 1 once something else is wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    words = ["run", "--target", "accepted_plugin", "--op", "conv2d", "--op", "avg_pool", "--cases", "60", "--jobs", "1"]
    Path("accepted_plugin.py").write_text(PLUGIN)
    first = run_command([*words, "--out", "first"])
    accepted = run_command(
        ["accept", "first", "--into", "mine.toml", "--reason", "float32 only", "--review", "2999-01-01"]
    )
    known = [*words, "--known", "mine.toml", "--seed"]
    day_after = run_command([*known, "1", "--out", "second"])
    Path("accepted_plugin.py").write_text(PLUGIN + SPOILT)
    spoilt = run_command([*known, "2", "--out", "third"])

    assert [first, accepted, day_after, spoilt] == [1, 0, 0, 1]
