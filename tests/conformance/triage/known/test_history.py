"""Causes by release: when one is new, when it is mended, what is kept of it, and the first release that differs."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.commands.bits import pairs
from conformance.commands.history import Ledger, between
from conformance.errors import SuiteError, UsageError
from conformance.model import ArraySpec, Case
from conformance.order.bits import Change, Kept
from conformance.report.history import change, table
from conformance.report.pages import history as page
from conformance.triage.known import history as history_module
from conformance.triage.known.cause import Cause, Place, Versions
from conformance.triage.known.history import (
    Column,
    History,
    State,
    first_that_differs,
    key_of,
    read,
    versions,
    write,
)

CASE = Case(op="dropout", arrays={"x": ArraySpec((2,), "float32")}, attributes={"rate": 0.5}, regime="normal", seed=0)
CAUSE = Cause(
    id="one",
    library="tensorflow",
    title="a <fault>",
    severity="crash",
    review=dt.date(2027, 5, 1),
    where=(Place(ops=("dropout",), kinds=("crashed",), targets=("tf-cpu-*",)),),
    cases=(CASE,),
)
CHANGE = Change(before="sequential", after="in 8 lanes", number=2, smallest="3x3 <windows>")
KEPT = Kept(op="conv2d", one="a@1", other="a@2", same=40, common=42, changes=(CHANGE,))
KEY = key_of(CAUSE, CAUSE.where[0])
NAMES = {"2.18.1": "tf-cpu-eager@2.18.1", "2.20.0": "tf-cpu-eager@2.20.0", "2.21.0": "tf-cpu-eager@2.21.0"}


def of(**states: State | None) -> History:
    """Return what was measured of CAUSE, by release: v2_18_1 is 2.18.1."""
    releases = {name[1:].replace("_", "."): state for name, state in states.items()}
    return History(
        columns={NAMES[text]: Column(target="tf-cpu-eager", release=text, version=text) for text in releases},
        found={NAMES[text]: {KEY: state} for text, state in releases.items()},
    )


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (("not there", "seen", "seen"), "new in b"),
        (("seen", "not there", "not there"), "mended in b"),
        (("not there", "seen", "not there"), "new in b, mended in c"),
        (("seen", "seen", "seen"), ""),
        (("not there", "not there", "not there"), ""),
        (("not run", "seen", "seen"), ""),
        (("not there", "not run", "seen"), "new in c"),
        (("seen", "otherwise", "otherwise"), ""),
    ],
)
def test_a_change_is_between_releases_that_were_tried(states: tuple[State, State, State], words: str) -> None:
    """A release that could not run says nothing; one that fails otherwise is not mended."""
    assert change(list(zip("abc", states, strict=True))) == words


@pytest.mark.parametrize("place", range(1, 9))
def test_the_first_that_differs_is_found_in_three_steps(place: int) -> None:
    """Of nine releases, after the two ends: wherever it changed."""
    asked: list[str] = []

    def state(name: str) -> State:
        asked.append(name)
        return "seen" if int(name) < place else "not there"

    assert first_that_differs([str(number) for number in range(9)], state) == str(place)
    assert len(asked) <= 2 + 3


def test_releases_that_agree_at_both_ends_have_no_first() -> None:
    """Two questions tell."""
    assert first_that_differs(["a", "b", "c"], lambda _: "seen") is None


def test_what_was_measured_is_written_into_the_places() -> None:
    """First and last release in which it was seen, and those in which it was not there."""
    history = of(v2_18_1="not there", v2_20_0="seen", v2_21_0="seen")

    (place,) = versions(history, CAUSE).where

    assert place.versions == Versions(first="2.20.0", last="2.21.0", absent=("2.18.1",))


def test_a_place_that_was_seen_nowhere_keeps_its_releases() -> None:
    """It was observed on another machine: that nobody met it here is no measurement of its releases."""
    assert versions(of(v2_21_0="not there"), CAUSE) == CAUSE


def test_a_cause_that_changed_is_measured_anew() -> None:
    """What is kept goes by its cases and places, but not by its releases."""
    dated = replace(CAUSE, where=(replace(CAUSE.where[0], versions=Versions(first="2.21.0", last="2.21.0")),))
    other = replace(CAUSE, cases=(replace(CASE, seed=1),))

    assert key_of(dated, dated.where[0]) == KEY
    assert key_of(other, other.where[0]) != KEY


def test_a_cause_that_is_told_in_other_words_or_has_a_place_more_keeps_what_was_measured() -> None:
    """What is kept goes by place: the new one alone is measured."""
    place = replace(CAUSE.where[0], kinds=("hung",))
    other = replace(CAUSE, id="two", title="another fault", description="more", where=(place, *CAUSE.where))

    assert [key_of(other, each) == KEY for each in other.where] == [False, True]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A folder without a file knows nothing."""
    history = of(v2_18_1="not there", v2_21_0=None)
    assert read(tmp_path) == History(columns={}, found={})

    write(tmp_path, history)

    assert read(tmp_path) == history


@pytest.mark.parametrize("data", ["[]", '{"columns": {}, "found": {"a": {"b": "maybe"}}}', '{"columns": {"a": 1}}'])
def test_a_file_that_is_no_history_is_refused(tmp_path: Path, data: str) -> None:
    """By its path, in one line."""
    (tmp_path / "history.json").write_text(data)
    with pytest.raises(SuiteError, match=r"history\.json: not what a history writes"):
        read(tmp_path)


def test_what_was_measured_before_an_interruption_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two places the second is cut short; nothing else is left in the folder."""
    several = replace(CAUSE, where=(*CAUSE.where, replace(CAUSE.where[0], kinds=("hung",))))
    states = iter(["seen"])
    monkeypatch.setattr(history_module, "measured", lambda *_: next(states))
    ledger = Ledger(tmp_path, History(columns={}, found={}), [several])

    with pytest.raises(StopIteration):
        ledger.fill("reference")

    assert read(tmp_path).found == {"reference": {key_of(several, several.where[0]): "seen"}}
    assert [path.name for path in tmp_path.iterdir()] == ["history.json"]


def test_the_page_escapes_and_shows_each_release() -> None:
    """A row a cause and target, its title as text, a cell a release."""
    found = table(of(v2_18_1="not there", v2_21_0="seen"), [CAUSE])

    html, markdown = page(found, [KEPT], "html"), page(found, [KEPT], "md")

    assert "a &lt;fault&gt;" in html
    assert "<fault>" not in html
    assert "| - | seen | new in 2.21.0 |" in markdown
    assert "| conv2d | a@1 | a@2 | 40 of 42 | 3x3 &lt;windows>: sequential -> in 8 lanes |" in markdown
    assert "3x3 &lt;windows&gt;: sequential &rarr; in 8 lanes" in html


def test_columns_stand_by_version() -> None:
    """Not by the order in which they were measured; a processor's own come after the others."""
    history = of(v2_21_0="seen", v2_18_1="seen")
    arm = Column(target="tf-cpu-eager", release="2.18.1-aarch64", version="2.18.1")
    history.columns["tf-cpu-eager@2.18.1-aarch64"] = arm

    assert table(history, [CAUSE]).releases == ("2.18.1", "2.21.0", "2.18.1-aarch64")


def test_releases_and_days_lie_between_two_ends() -> None:
    """Both included."""
    assert between("2.18.1..2.20.0") == ["2.18.1", "2.19.1", "2.20.0"]
    assert between("nightly:20260830..nightly:20260901") == [f"nightly:2026{day}" for day in ("0830", "0831", "0901")]


@pytest.mark.parametrize(
    "ends", ["2.21.0..2.18.1", "2.18.1", "2.18.1..nightly:20260801", "nightly:20260901..nightly:20260830"]
)
def test_ends_of_two_kinds_are_refused(ends: str) -> None:
    """Or in the wrong order, or one alone."""
    with pytest.raises(UsageError):
        between(ends)


def test_data_is_json_that_another_program_reads(tmp_path: Path) -> None:
    """By target and release, the states of a cause's places."""
    write(tmp_path, of(v2_21_0="seen"))
    data = json.loads((tmp_path / "history.json").read_text())
    assert data["found"]["tf-cpu-eager@2.21.0"] == {KEY: "seen"}


def test_bits_are_compared_between_neighbouring_releases_and_within_the_newest() -> None:
    """Each target with its own earlier release, and the others of the newest release with the first target."""
    names = ["eager@1", "eager@2", "xla@1", "xla@2"]
    names = [f"tf-cpu-{name}" for name in names]
    assert list(pairs(names)) == [(names[0], names[1]), (names[2], names[3]), (names[1], names[3])]
