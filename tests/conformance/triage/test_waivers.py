"""Waivers cover what they say and no more; a wrong file of them gets one line that says what is wrong, and where."""

import datetime as dt
import json
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import reference
from conformance import ops
from conformance.errors import UsageError
from conformance.judge.allowed import AnyMask, AnyOf, Results, allowed, permits
from conformance.judge.judging import judge
from conformance.judge.verdicts import verdict
from conformance.model import Array, Case, Evidence, Returned, Symptom, Verdict
from conformance.run.jobs import Plan
from conformance.run.rows import rows
from conformance.run.trials import Outcome, Panel
from conformance.targets import registry
from conformance.triage import campaign
from conformance.triage.search import Search, find_all
from conformance.triage.waivers import BUILT_IN, Disagreement, Waiver, holds, load
from reference.bounds import ARITHMETICS
from reference.errors import Fault
from reference.floats import format_of

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
ENTRY: dict[str, Any] = {
    "id": "narrow-batches",
    "op": "conv2d",
    "kind": "wrong-value",
    "targets": ["tf-cpu-*"],
    "versions": ">=2.20,<2.22",
    "predicate": {"batch": "above 1", "output width": ["0", "1"]},
    "case": json.dumps(CASE),
    "link": "https://github.com/tensorflow/tensorflow/issues/1",
    "reason": "the second image is read from the first one's end",
    "review": dt.date(2027, 5, 1),
}


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


def written(folder: Path, *entries: Mapping[str, Any]) -> Path:
    """Write a file of waivers."""
    path = folder / "waivers.toml"
    tables = ("\n".join(f"{json.dumps(name)} = {toml(value)}" for name, value in entry.items()) for entry in entries)
    path.write_text("".join(f"[[waiver]]\n{table}\n" for table in tables), "utf-8")
    return path


def waiver(folder: Path, **changes: Any) -> Waiver:  # noqa: ANN401
    """Read one waiver."""
    (read,) = load(written(folder, ENTRY | changes))
    return read


def complaint(path: Path) -> str:
    """Return what loading complains of: one line that begins with the file."""
    with pytest.raises(UsageError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


# Reading.


def test_a_waiver_is_read_whole(tmp_path: Path) -> None:
    """Each key has its place; one class of a predicate may stand without a list."""
    read = waiver(tmp_path, symptoms=["nan", "no-integers"], error="ValueError", message="not in")

    assert (read.id, read.op, read.kind, read.targets) == ("narrow-batches", "conv2d", "wrong-value", ("tf-cpu-*",))
    assert read.predicate == {"batch": ("above 1",), "output width": ("0", "1")}
    assert (read.case.op, read.case.seed) == ("conv2d", 7)
    assert (read.link, read.reason) == (ENTRY["link"], ENTRY["reason"])
    assert (read.symptoms, read.error, read.message) == ((Symptom.NAN, Fault.NO_INTEGERS), "ValueError", "not in")
    assert read.review == dt.date(2027, 5, 1)


def test_a_file_without_waivers_holds_none(tmp_path: Path) -> None:
    """Empty, or a comment alone."""
    path = tmp_path / "waivers.toml"
    path.write_text("# none yet\n")

    assert load(path) == []


def test_the_waivers_of_the_suite_are_sound() -> None:
    """Each can be read, and speaks of a version that is out."""
    for each in load(BUILT_IN):
        assert each.versions.contains("2.21.0"), each.id


def test_the_links_of_the_suites_waivers_lead_somewhere() -> None:
    """Each page of docs/ has the section that a link names: its title in small letters, spaces as hyphens."""
    root = BUILT_IN.parents[2]
    for page, _, section in (each.link.partition("#") for each in load(BUILT_IN) if each.link.startswith("docs/")):
        titles = re.findall(r"^#+ (.*)$", (root / page).read_text("utf-8"), re.MULTILINE)
        assert section in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, section


CHANGES = [
    ({"op": "conv3d"}, "op 'conv3d': one of conv2d, "),
    ({"kind": "slow"}, "kind 'slow': one of wrong-value, "),
    ({"kind": 3}, "kind is no text"),
    ({"id": ["a"]}, "id is no text"),
    ({"message": 1}, "message is no text"),
    ({"error": ["a"]}, "error is no text"),
    ({"symptoms": "nan"}, "symptoms is no list of texts"),
    ({"symptoms": ["nan", "odd"]}, "symptoms 'odd': one of nan, infinite, "),
    ({"targets": []}, "targets is no list of texts"),
    ({"targets": "tf-cpu-eager"}, "targets is no list of texts"),
    ({"targets": [1]}, "targets is no list of texts"),
    ({"targets": ["tf-cpu-eager", "tf-cpu-eagre"]}, "targets 'tf-cpu-eagre': fits none of tf-cpu-eager, "),
    ({"targets": ["tf-tpu-*"]}, "targets 'tf-tpu-*': fits none of tf-cpu-eager, "),
    ({"versions": "2.21"}, "versions '2.21': no version range of PEP 440"),
    ({"predicate": ["batch"]}, "predicate is no table of attributes"),
    ({"predicate": {"batch": 2}}, "predicate.'batch' is no list of texts"),
    ({"predicate": {"batch": []}}, "predicate.'batch' is no list of texts"),
    ({"predicate": {"nosuchattribute": "x"}}, "predicate 'nosuchattribute': the case has dtype, layout, regime, "),
    ({"predicate": {"rate": "0"}}, "predicate 'rate': the case has dtype, layout, regime, "),
    ({"predicate": {"batch": "several"}}, "case: its batch is above 1, outside the predicate's ['several']"),
    ({"predicate": {"dtype": ["int32", "float64"]}}, "case: its dtype is float32, outside the predicate's ['int32', "),
    ({"case": "{"}, "case: Expecting property name"),
    ({"case": "[" * 100_000}, "case: nested too deeply"),
    ({"case": "3"}, "case: a case is a JSON object, not 3"),
    ({"case": json.dumps(CASE | {"regime": "odd"})}, "case: regime is 'odd': one of"),
    ({"case": json.dumps(CASE | {"attributes": {"padding": [[0, 0]]}})}, "case: no call of conv2d: "),
    ({"case": json.dumps(CASE | {"op": "max_pool"})}, "case: of max_pool, not of conv2d"),
    ({"link": "http://example.org"}, "link 'http://example.org': neither https:// nor a page of docs/"),
    ({"review": "2027-05-01"}, "review '2027-05-01': no date, such as 2027-05-01"),
    ({"review": dt.datetime(2027, 5, 1, 12)}, "review datetime.datetime(2027, 5, 1, 12, 0): no date"),  # noqa: DTZ001
    ({"reasons": "typo"}, "has no key 'reasons'"),
    ({"two\nlines": 1}, "has no key 'two\\nlines'"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES, ids=[message for _, message in CHANGES])
def test_what_is_wrong_with_a_waiver_is_said_with_its_place(tmp_path: Path, change: Any, message: str) -> None:  # noqa: ANN401
    """The file, the number and the id of the waiver, the key, what stands there, and what should."""
    line = complaint(written(tmp_path, ENTRY | {"id": "first"}, ENTRY | change))

    number = "waiver 2 (['a'])" if change.get("id") else "waiver 2 ('narrow-batches')"
    assert line.startswith(f"{number}: {message}")


@pytest.mark.parametrize("key", [key for key in ENTRY if key not in ("id", "link")])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    """All but symptoms, error and message are needed."""
    line = complaint(written(tmp_path, {name: value for name, value in ENTRY.items() if name != key}))

    assert line == f"waiver 1 ('narrow-batches'): lacks {key}"


def test_a_waiver_without_id_is_named_by_its_number(tmp_path: Path) -> None:
    """It stands first."""
    assert complaint(written(tmp_path, {"op": "conv2d"})).startswith("waiver 1 ('without id'): lacks case, id, kind")


def test_an_id_comes_once(tmp_path: Path) -> None:
    """Else nobody could tell which one is meant."""
    assert complaint(written(tmp_path, ENTRY, ENTRY)) == "the id 'narrow-batches' comes twice"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[waiver]\n", "Expected ']]' at the end of an array declaration (at line 1, column 9)"),
        ("waiver = 3\n", "holds [[waiver]] tables and nothing else"),
        ("[[waivers]]\n", "holds [[waiver]] tables and nothing else"),
        ("waiver = [3]\n", "waiver 1: is no table"),
        (f"a = {'[' * 100_000}", "nested too deeply"),
        (f"a = {'9' * 5000}", "Exceeds the limit (4300 digits) for integer string conversion"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    """Broken TOML, and TOML of another shape."""
    path = tmp_path / "waivers.toml"
    path.write_text(text)

    assert complaint(path).startswith(message)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """There is none; it is a folder; it is no text."""
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    assert "No such file" in complaint(tmp_path / "none.toml")
    assert "directory" in complaint(tmp_path)
    assert "can't decode byte" in complaint(binary)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FUZZ = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(path: Path) -> list[str]:
    """Load a file, and return the lines of the UsageError that it gives, if any; another exception goes through."""
    try:
        load(path)
    except UsageError as error:
        return str(error).splitlines()
    return []


@FUZZ
@given(
    changes=st.dictionaries(
        st.sampled_from([*ENTRY, "symptoms", "error", "message"]) | st.text(max_size=5), VALUES, max_size=3
    )
)
def test_fuzzed_waivers_give_nothing_but_usage_errors(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Any value in any key, and any key."""
    assert len(told(written(tmp_path, ENTRY | changes))) <= 1


@FUZZ
@given(changes=st.dictionaries(st.sampled_from([*CASE, "breaks"]) | st.text(max_size=5), VALUES, max_size=3))
@example(changes={"arrays": {"\x1e": False}})
def test_fuzzed_cases_give_nothing_but_usage_errors(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Any JSON in place of the case's."""
    assert len(told(written(tmp_path, ENTRY | {"case": json.dumps(CASE | changes, default=str)}))) <= 1


@FUZZ
@given(text=st.text(alphabet=string.printable) | st.binary())
@example(text="\x00")
def test_fuzzed_files_give_nothing_but_usage_errors(tmp_path: Path, text: str | bytes) -> None:
    """Any text, any bytes."""
    path = tmp_path / "waivers.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)

    assert len(told(path)) <= 1


# Covering.

WRONG_VALUE = Verdict(outcome="disagrees", kind="wrong-value", symptoms=(Symptom.NAN, Symptom.NOT_ABOVE))
CLASSES = {"batch": "above 1", "output width": "1", "layout": "NHWC"}
FOUND = Disagreement("conv2d", "tf-cpu-eager", "2.21.0", WRONG_VALUE, CLASSES)


def test_a_waiver_covers_what_it_names(tmp_path: Path) -> None:
    """Op, kind, target, version and predicate."""
    assert waiver(tmp_path).covers(FOUND)
    assert waiver(tmp_path, symptoms=["nan"]).covers(FOUND)
    assert waiver(tmp_path, predicate={}).covers(replace(FOUND, classes={}))


@pytest.mark.parametrize(
    "other",
    [
        {"op": "conv2d_transpose"},
        {"judged": Verdict(outcome="disagrees", kind="crashed")},
        {"target": "tf-gpu-eager"},
        {"target": "reference"},
        {"classes": CLASSES | {"batch": "1"}},
        {"classes": CLASSES | {"output width": "odd"}},
        {"version": "2.19.1"},
        {"version": "2.22.0"},
        {"version": ""},
    ],
)
def test_a_waiver_covers_nothing_else(tmp_path: Path, other: dict[str, Any]) -> None:
    """Each of them apart; a target without a TensorFlow has none of its divergences."""
    assert not waiver(tmp_path).covers(replace(FOUND, **other))


def test_a_waiver_covers_what_has_all_of_its_symptoms(tmp_path: Path) -> None:
    """A verdict may have more."""
    assert waiver(tmp_path, symptoms=["nan", "not-above"]).covers(FOUND)
    assert not waiver(tmp_path, symptoms=["nan", "zero"]).covers(FOUND)


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({"error": "AbortedError"}, True),
        ({"error": "Error"}, False),
        ({"message": "could not create"}, True),
        ({"message": "could not destroy"}, False),
    ],
)
def test_a_waiver_of_an_exception_names_its_type_or_part_of_its_message(
    tmp_path: Path, changes: dict[str, str], covered: bool
) -> None:
    """The type without its module; the message without numbers and names."""
    evidence = Evidence(error="tensorflow.errors.AbortedError", message="could  not 'really' create 3 primitives")
    judged = Verdict(outcome="disagrees", kind="refused-valid", evidence=evidence)

    known = waiver(tmp_path, kind="refused-valid", **changes)

    assert known.covers(replace(FOUND, judged=judged)) is covered


def test_an_attribute_that_a_case_does_not_have_is_in_no_class() -> None:
    """A predicate over it does not hold."""
    assert not holds({"rate": ("0",)}, CLASSES)
    assert holds({}, CLASSES)


def test_pre_releases_fall_into_their_range(tmp_path: Path) -> None:
    """A nightly build of 2.22 is before 2.22."""
    assert waiver(tmp_path, versions="<2.22,>=2.21").concerns("tf-cpu-xla", "2.21.0rc1") is False
    assert waiver(tmp_path, versions=">=2.21").concerns("tf-cpu-xla", "2.22.0rc1")


@pytest.mark.parametrize(("pattern", "covered"), [("*", True), ("tf-?pu-eager", True), ("tf-cpu-EAGER:", False)])
def test_targets_are_named_by_patterns(tmp_path: Path, pattern: str, covered: bool) -> None:
    """With * and ?; case counts."""
    assert waiver(tmp_path, targets=["other:target", pattern]).concerns("tf-cpu-eager", "2.21.0") is covered


def test_a_target_of_a_release_is_known_by_its_own_version(tmp_path: Path) -> None:
    """The release in its name says nothing: 2.21.0 that reports 2.18.1 is 2.18.1."""
    known = waiver(tmp_path, targets=["tf-cpu-eager"], versions="==2.18.1")
    assert known.concerns("tf-cpu-eager@2.21.0", "2.18.1")
    assert not known.concerns("tf-cpu-eager@2.18.1", "2.21.0")
    assert not known.concerns("tf-cpu-xla@2.18.1", "2.18.1")


def test_a_waiver_expires_after_its_review_date(tmp_path: Path) -> None:
    """Not on it."""
    assert not waiver(tmp_path).expired(dt.date(2027, 5, 1))
    assert waiver(tmp_path).expired(dt.date(2027, 5, 2))


# The state of a waiver, and the finding that it makes.


class Seen(Panel):
    """A panel on whose targets every call gives the same verdict, and no worker runs."""

    def __init__(self, judged: Verdict) -> None:
        super().__init__(registry.BUILT_IN)
        self.judged = judged

    def examine(self, case: Case, names: Sequence[str] = (), route: str | None = None) -> list[Outcome]:
        """Return the verdict for each target."""
        return [Outcome(case, name, route or "", Returned((), 0.0), self.judged) for name in names or self.targets]


AGREES = Verdict(outcome="agrees")


@pytest.mark.parametrize(
    ("judged", "changes", "met", "state"),
    [
        (WRONG_VALUE, {}, False, "used"),
        (AGREES, {}, True, "used"),
        (AGREES, {}, False, "unused"),
        (WRONG_VALUE, {"kind": "wrong-shape"}, False, "unused"),
        (WRONG_VALUE, {"symptoms": ["lowest"]}, False, "unused"),
        (WRONG_VALUE, {"review": dt.date(2020, 1, 1)}, True, "expired"),
        (WRONG_VALUE, {"review": dt.date(2020, 1, 1), "versions": "<2.0"}, False, "expired"),
        (WRONG_VALUE, {"versions": "<2.0"}, False, "out of range"),
        (WRONG_VALUE, {"targets": ["tf-gpu-*"]}, False, "out of range"),
    ],
)
def test_a_waivers_state_is_told_by_what_it_covers(
    tmp_path: Path, judged: Verdict, changes: dict[str, Any], met: bool, state: str
) -> None:
    """Its own case counts where it covers nothing in the run; its date is looked at before its range."""
    known = waiver(tmp_path, **changes)
    plan = Plan(ops=("conv2d",), targets=("tf-cpu-eager",), cases=1, seed=0, jobs=1)
    seen = {known.id} if met else set()

    assert campaign._state(known, plan, Seen(judged), {"tf-cpu-eager": "2.21.0"}, seen) == state


@pytest.mark.parametrize(("symptom", "own"), [(Symptom.NAN, True), (Symptom.LOWEST, False)])
def test_a_finding_shows_the_case_of_a_waiver_where_that_shows_it(tmp_path: Path, symptom: Symptom, own: bool) -> None:
    """A case that now gives something else, of the same kind, stands for nothing: the one of the run does."""
    known = waiver(tmp_path, symptoms=[str(symptom)])
    case = replace(known.case, seed=8)
    judged = replace(WRONG_VALUE, symptoms=(symptom,))
    observed = rows([Outcome(case, "tf-cpu-eager", "nn", Returned((), 0.0), judged)])

    (finding,) = find_all(observed, Search(Seen(WRONG_VALUE), 0), [known], {"tf-cpu-eager": "2.21.0"})

    assert finding.waiver == known
    assert finding.case == (known.case if own else case)


# A fault is planted beside the one that is waived.


def planted(case: Case, arguments: Mapping[str, Any]) -> Array:
    """Compute conv2d with two faults: images after the first are zero, and where strides differ 64 is added."""
    out = reference.conv2d(**arguments)
    classes = ops.features(case)
    if classes["batch"] != "1" and len(out) > 1:
        out[1:] = 0
    return out + out.dtype.type(64) if classes["strides"] == "unequal" else out


def test_a_waiver_never_hides_another_fault_of_the_same_op(tmp_path: Path) -> None:
    """Every wrong value of the second fault alone is left; of the first one none is."""
    batches = sorted({ops.features(case)["batch"] for case in drawn()} - {"1"})
    known = waiver(tmp_path, predicate={"batch": batches})
    left = {"first": 0, "second": 0}
    hidden = {"first": 0, "second": 0}
    for case in drawn():
        arguments = ops.arguments(case)
        classes = ops.features(case)
        judged = verdict(allowed(case, arguments), Returned((planted(case, arguments),), 0.0))
        if judged.kind == "wrong-value":
            found = Disagreement(case.op, "tf-cpu-eager", "2.21.0", judged, classes)
            fault = "first" if classes["batch"] != "1" else "second"
            counts = hidden if known.covers(found) else left
            counts[fault] += 1

    assert hidden["first"] > 0
    assert left["second"] > 0
    assert hidden["second"] == left["first"] == 0


def drawn() -> list[Case]:
    """Draw valid calls of conv2d with floating numbers on the lattice."""
    some = ops.generate("conv2d", 1, 0, 200, valid_share=1)
    return [case for case in some if case.regime == "lattice" and "float" in case.arrays["input"].dtype]


# A second fault is planted beside each wrong value that the suite's waivers know.

MEMORY = "what the memory held may be any number: the predicate alone tells it apart"
UNTOLD = {
    "conv2d-huge-stride": MEMORY,
    "max_pool-huge-stride": MEMORY,
    "conv2d_backprop_filter-empty-height": MEMORY,
    "conv2d_backprop_filter-empty-height-float32": MEMORY,
    "conv2d_backprop_filter-empty-width": MEMORY,
    "conv2d_backprop_filter-empty-width-float32": MEMORY,
    "max_pool_grad-empty-height": MEMORY,
    "max_pool_grad-empty-width": MEMORY,
}
WRONG = {each.id: each for each in load(BUILT_IN) if each.kind == "wrong-value"}
# What a result becomes by the divergence that a verdict with this symptom is about.
DIVERGING: Mapping[str, Callable[[Array], Array]] = {
    "nan": lambda right: np.full_like(right, np.nan),
    "not-above": lambda right: np.full_like(right, np.nan),
    "zero": np.zeros_like,
    "infinite": lambda right: np.full_like(right, np.inf),
    "lowest": lambda right: np.full_like(right, -format_of(right.dtype).largest),
    "totals-agree": lambda right: np.roll(right, 1, axis=2),
}


def covered(known: Waiver, array: Array) -> bool:
    """Return whether a waiver covers a result of its own case, on the first target that it names."""
    name = next(name for name in registry.BUILT_IN if known.concerns(name, "2.21.0"))
    given, observed = permits(known.case, ops.arguments(known.case)), Returned((array,), 0.0)
    judged = judge(known.case, given, observed, registry.BUILT_IN[name])
    return known.covers(Disagreement(known.op, name, "2.21.0", judged, ops.features(known.case)))


def right(known: Waiver, arithmetic: str = "float32") -> Array:
    """Return the right result of a waiver's case; of a weaker arithmetic, the largest that it allows."""
    sets = allowed(known.case, ops.arguments(known.case), ARITHMETICS[arithmetic])
    first = sets.options[0] if isinstance(sets, AnyOf) else sets
    if isinstance(first, AnyMask):
        return np.zeros_like(first.x)
    assert isinstance(first, Results)
    return first.arrays[0].value if arithmetic == "float32" else first.arrays[0].high


def diverging(known: Waiver) -> Array:
    """Return what the documented divergence gives, or could give, for a waiver's case."""
    if {"float16-sums", "bfloat16-sums"} & set(known.symptoms):
        return right(known, "storage")
    return next(made(right(known)) for symptom, made in DIVERGING.items() if symptom in known.symptoms)


def spoilt(array: Array, known: Waiver) -> Array:
    """Return the array with the largest number of its dtype in one place: where zero is wrong, if there is one."""
    place = np.argmax(np.nan_to_num(np.abs(right(known).astype(np.float64))))
    largest = np.iinfo(array.dtype).max if array.dtype.kind in "iu" else format_of(array.dtype).largest
    out = array.copy()
    out.flat[place] = largest
    return out


@pytest.mark.parametrize("known", [each for each in WRONG.values() if each.id not in UNTOLD], ids=lambda each: each.id)
def test_the_suites_waivers_cover_their_divergence_and_no_second_fault(known: Waiver) -> None:
    """Neither a single number that is far too large, nor that beside the divergence itself."""
    assert covered(known, diverging(known))
    assert not covered(known, spoilt(right(known), known))
    assert not covered(known, spoilt(diverging(known), known))


@pytest.mark.parametrize("name", UNTOLD)
def test_what_a_waiver_cannot_tell_is_listed_with_its_reason(name: str) -> None:
    """One that could belongs into the test above."""
    assert covered(WRONG[name], spoilt(right(WRONG[name]), WRONG[name]))


ACCEPTED = [each for each in load(BUILT_IN) if each.kind == "accepted-invalid"]


@pytest.mark.parametrize("known", ACCEPTED, ids=lambda each: each.id)
def test_the_suites_waivers_cover_the_acceptance_of_their_own_case(known: Waiver) -> None:
    """Whatever was returned, and however it is worded: the reference says in which way the case breaks its rule."""
    judged = verdict(allowed(known.case, ops.arguments(known.case)), Returned((np.zeros(1),), 0.0))
    unworded = replace(judged, evidence={})

    assert known.describes(Disagreement(known.op, "", "", unworded, ops.features(known.case)))


def test_a_waiver_without_versions_holds_for_a_target_that_says_none(tmp_path: Path) -> None:
    """Versions that are empty ask for none; others speak of known versions only."""
    anything = waiver(tmp_path, targets=["my_package:ops"], versions="")
    some = waiver(tmp_path, targets=["my_package:ops"], versions=">=1")

    assert anything.concerns("my_package:ops", "")
    assert anything.concerns("my_package:ops", "0.3")
    assert not some.concerns("my_package:ops", "")
    assert some.concerns("my_package:ops", "1.2")
