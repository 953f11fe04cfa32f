"""A file of causes is read whole; a wrong one gets one line that says what is wrong, and where."""

import datetime as dt
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conformance.errors import UsageError
from conformance.model import Symptom
from conformance.triage.known.cause import ANY_VERSION, Cause, Versions
from conformance.triage.known.reading import cases_file, load
from reference.errors import Fault

Written = Callable[..., Path]
Made = Callable[..., Cause]


def complaint(path: Path) -> str:
    """Return what loading complains of: one line that begins with the file."""
    with pytest.raises(UsageError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path.with_suffix("")))
    return message.partition(": ")[2]


def test_a_cause_is_read_whole(made: Made) -> None:
    """Each key has its place; one class of a feature may stand without a list."""
    cause = made(symptoms=["nan", "no-integers"], errors=["ValueError"], signals=[6], isa=["AVX2"], routes=["nn"])

    (place,) = cause.where
    assert (cause.id, cause.library, cause.severity) == ("narrow-batches", "tensorflow", "silent wrong value")
    assert (cause.title, cause.link) == ("the second image is read from the first one's end", cause.link)
    assert cause.review == dt.date(2027, 5, 1)
    assert [(case.op, case.seed) for case in cause.cases] == [("conv2d", 7)]
    assert (place.ops, place.kinds, place.targets) == (("conv2d",), ("wrong-value",), ("tf-cpu-*",))
    assert place.features == {"batch": ("above 1",), "output width": ("0", "1")}
    assert (place.symptoms, place.errors, place.signals) == ((Symptom.NAN, Fault.NO_INTEGERS), ("ValueError",), (6,))
    assert (place.isa, place.routes) == (("AVX2",), ("nn",))
    assert place.versions == Versions(first="2.20.0", last="2.21.0")


def test_a_key_beside_the_places_is_a_default_for_all_of_them(written: Written, entry: dict[str, Any]) -> None:
    """A place's own key comes before it."""
    one, other = dict(entry["where"][0]), dict(entry["where"][0]) | {"targets": ["tf-gpu-*"]}
    shared = one.pop("versions"), one.pop("targets")
    other.pop("versions")

    (cause,) = load(written(entry | {"where": [one, other], "versions": shared[0], "targets": shared[1]}))

    assert [place.targets for place in cause.where] == [("tf-cpu-*",), ("tf-gpu-*",)]
    assert {place.versions for place in cause.where} == {Versions(first="2.20.0", last="2.21.0")}


def test_a_place_without_versions_is_one_of_any(made: Made) -> None:
    """As of a target that tells none."""
    assert made(versions=None).where[0].versions == ANY_VERSION


def test_a_file_without_causes_holds_none(tmp_path: Path) -> None:
    """Empty, or a comment alone; it needs no cases."""
    path = tmp_path / "causes.toml"
    path.write_text("# none yet\n")

    assert load(path) == []


def test_a_folder_is_read_file_by_file(written: Written, entry: dict[str, Any], tmp_path: Path) -> None:
    """An id may come once in all of them."""
    path = written(entry)
    twin = tmp_path / "more" / "twin.toml"
    twin.parent.mkdir()

    assert [cause.id for cause in load(tmp_path)] == ["narrow-batches"]

    twin.write_bytes(path.read_bytes())
    cases_file(twin).write_bytes(cases_file(path).read_bytes())
    with pytest.raises(UsageError, match="the id 'narrow-batches' comes twice"):
        load(tmp_path)


OF_CAUSE = [
    ({"id": ["a"]}, "id is no text"),
    ({"title": 3}, "title is no text"),
    ({"severity": "bad"}, "severity 'bad': one of silent wrong value, memory read or written, "),
    ({"link": "http://example.org"}, "link 'http://example.org': not https://"),
    ({"review": "2027-05-01"}, "review '2027-05-01': no date, such as 2027-05-01"),
    ({"review": dt.datetime(2027, 5, 1, 12)}, "review datetime.datetime(2027, 5, 1, 12, 0): no date"),  # noqa: DTZ001
    ({"reasons": "typo"}, "has no key 'reasons'"),
    ({"two\nlines": 1}, "has no key 'two\\nlines'"),
    ({"where": []}, "where is no list of [[cause.where]] tables"),
    ({"where": [3]}, "where is no list of [[cause.where]] tables"),
]
OF_PLACE = [
    ({"ops": ["conv3d"]}, "ops 'conv3d': fits none of conv2d, "),
    ({"ops": []}, "ops is no list of texts"),
    ({"kinds": ["slow"]}, "kinds 'slow': one of wrong-value, "),
    ({"kinds": "crashed"}, "kinds is no list of texts"),
    ({"symptoms": "nan"}, "symptoms is no list of texts"),
    ({"symptoms": ["nan", "odd"]}, "symptoms 'odd': one of nan, infinite, "),
    ({"signals": [True]}, "signals is no list of integers"),
    ({"isa": ["AVX3"]}, "isa 'AVX3': one of SSE41, "),
    ({"devices": ["TPU"]}, "devices 'TPU': one of CPU, GPU"),
    ({"targets": [1]}, "targets is no list of texts"),
    ({"targets": ["tf-cpu-eager", "tf-cpu-eagre"]}, "targets 'tf-cpu-eagre': fits none of tf-cpu-eager, "),
    ({"versions": ">=2.21"}, "versions is no table of a library's first, last and absent"),
    ({"versions": {"first": "2.21.0"}}, "versions is no table of a library's first, last and absent"),
    ({"versions": {"first": "2.21.0", "last": "new"}}, "versions 'new': no version as PEP 440 says"),
    ({"versions": {"first": "2.21.0", "last": 2.21}}, "versions 2.21: no version as PEP 440 says, in quotes"),
    ({"features": ["batch"]}, "features is no table"),
    ({"features": {"batch": 2}}, "features.'batch' is no list of texts"),
    ({"features": {"batch": []}}, "features.'batch' is no list of texts"),
    ({"oddity": 1}, "has no key 'oddity'"),
]


@pytest.mark.parametrize(("change", "message"), OF_CAUSE, ids=[message for _, message in OF_CAUSE])
def test_what_is_wrong_with_a_cause_is_said_with_its_place(
    written: Written, entry: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    """The file, the number and the id of the cause, the key, what stands there, and what should."""
    line = complaint(written(entry | {"id": "first"}, entry | change))

    assert line.startswith(f"cause 2 ({change.get('id', 'narrow-batches')!a}): {message}")


@pytest.mark.parametrize(("change", "message"), OF_PLACE, ids=[message for _, message in OF_PLACE])
def test_what_is_wrong_with_a_place_is_said_with_its_number(
    written: Written, entry: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    """Of the places of its cause."""
    line = complaint(written(entry | {"where": [entry["where"][0], entry["where"][0] | change]}))

    assert line.startswith(f"cause 1 ('narrow-batches'): where 2: {message}")


@pytest.mark.parametrize("key", ["id", "library", "title", "severity", "review", "where"])
def test_a_missing_key_is_named(written: Written, entry: dict[str, Any], key: str) -> None:
    """All others have a default."""
    line = complaint(written({name: value for name, value in entry.items() if name != key}))

    assert line.endswith(f": lacks {key}")


def test_an_id_comes_once(written: Written, entry: dict[str, Any]) -> None:
    """Else nobody could tell which one is meant."""
    assert complaint(written(entry, entry)) == "the id 'narrow-batches' comes twice"


def of_cases(case: dict[str, Any]) -> list[tuple[object, str]]:
    """Return what may stand in the place of cases, and what is said of it."""
    one = "'narrow-batches': case 1: "
    return [
        ([], "holds lists of cases by the ids of causes and nothing else"),
        ({"narrow-batches": case}, "holds lists of cases by the ids of causes and nothing else"),
        ({}, "'narrow-batches' is not both here and among the causes of "),
        ({"narrow-batches": [case], "other": []}, "'other' is not both here and among the causes of "),
        ({"narrow-batches": []}, "'narrow-batches': there is no case of where 1"),
        ({"narrow-batches": [case | {"regime": "odd"}]}, one + "regime is 'odd': one of"),
        ({"narrow-batches": [case | {"attributes": {"padding": [[0, 0]]}}]}, one + "no call of conv2d: "),
        ({"narrow-batches": [case | {"breaks": "conv2d.R1"}]}, one + "lies in none of its cause's places"),
    ]


@pytest.mark.parametrize("number", range(8))
def test_what_is_wrong_with_cases_is_said(
    written: Written, entry: dict[str, Any], case: dict[str, Any], number: int
) -> None:
    """Each place has a case, and each case a place; a case is one that can be called."""
    content, message = of_cases(case)[number]

    assert complaint(written(entry, cases=content)).startswith(message)


def test_cases_that_are_not_there_are_named(written: Written, entry: dict[str, Any]) -> None:
    """The file stands beside."""
    path = written(entry)
    cases_file(path).unlink()

    assert "No such file" in complaint(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[cause]\n", "Expected ']]' at the end of an array declaration (at line 1, column 8)"),
        ("cause = 3\n", "holds [[cause]] tables and nothing else"),
        ("[[causes]]\n", "holds [[cause]] tables and nothing else"),
        ("cause = [3]\n", "holds [[cause]] tables and nothing else"),
        (f"a = {'[' * 100_000}", "nested too deeply"),
        (f"a = {'9' * 5000}", "Exceeds the limit (4300 digits) for integer string conversion"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    """Broken TOML, and TOML of another shape."""
    path = tmp_path / "causes.toml"
    path.write_text(text)

    assert complaint(path).startswith(message)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """There is none, or it is no text."""
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    assert "No such file" in complaint(tmp_path / "none.toml")
    assert "can't decode byte" in complaint(binary)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FUZZ = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
OF_A_CAUSE = ("id", "library", "title", "severity", "link", "review", "where", "traced", "hides")
OF_A_PLACE = (
    "ops",
    "kinds",
    "targets",
    "routes",
    "dtypes",
    "features",
    "rules",
    "symptoms",
    "errors",
    "signals",
    "isa",
)


def told(path: Path) -> list[str]:
    """Load a file, and return the lines of the UsageError that it gives, if any; another exception goes through."""
    try:
        load(path)
    except UsageError as error:
        return str(error).splitlines()
    return []


@FUZZ
@given(changes=st.dictionaries(st.sampled_from(OF_A_CAUSE) | st.text(max_size=5), VALUES, max_size=3))
def test_fuzzed_causes_give_nothing_but_usage_errors(
    written: Written, entry: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Any value in any key, and any key."""
    assert len(told(written(entry | changes))) <= 1


@FUZZ
@given(changes=st.dictionaries(st.sampled_from(OF_A_PLACE) | st.text(max_size=5), VALUES, max_size=3))
def test_fuzzed_places_give_nothing_but_usage_errors(
    written: Written, entry: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Likewise."""
    assert len(told(written(entry | {"where": [entry["where"][0] | changes]}))) <= 1


@FUZZ
@given(changes=st.dictionaries(st.sampled_from(["op", "arrays", "attributes", "regime", "seed", "breaks"]), VALUES))
@example(changes={"arrays": {"\x1e": False}})
def test_fuzzed_cases_give_nothing_but_usage_errors(
    written: Written, entry: dict[str, Any], case: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Any JSON in place of the case's."""
    changed = json.loads(json.dumps(case | changes, default=str))
    assert len(told(written(entry, cases={"narrow-batches": [changed]}))) <= 1


@FUZZ
@given(text=st.text(alphabet=string.printable) | st.binary())
@example(text="\x00")
def test_fuzzed_files_give_nothing_but_usage_errors(tmp_path: Path, text: str | bytes) -> None:
    """Any text, any bytes."""
    path = tmp_path / "causes.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)

    assert len(told(path)) <= 1
