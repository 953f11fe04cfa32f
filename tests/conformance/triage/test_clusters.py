"""Planted faults become one finding each, with what governs them, the smallest case, who shares it, and a script."""

import ast
import datetime as dt
import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from conformance import ops
from conformance.commands.replay import find
from conformance.model import Case, Evidence, Symptom, Verdict
from conformance.ops import case_from_json
from conformance.run.header import header
from conformance.run.plan import Plan
from conformance.run.rows import digest, rows
from conformance.run.store import Store
from conformance.run.trials import Panel
from conformance.targets import registry
from conformance.targets.target import Target
from conformance.targets.transport.pool import Limits
from conformance.triage import campaign
from conformance.triage.attempts import Search
from conformance.triage.clusters import Cluster, signature
from conformance.triage.files import files
from conformance.triage.known.cause import Cause, Place
from conformance.triage.known.installation import Installation
from conformance.triage.known.matching import Disagreement
from conformance.triage.search import explains, find_all, merged

MINIATURES = Path(__file__).parents[2] / "miniatures"
OPS = ("conv2d", "conv2d_transpose", "conv2d_backprop_filter", "dropout_grad")
PLAN = Plan(ops=OPS, targets=("planted:several", "planted:one", "reference"), cases=96, seed=0, jobs=1)


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Let workers import the miniatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(MINIATURES))
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Give a run of two targets with planted faults, and one without."""
    store = Store.create(tmp_path_factory.mktemp("findings") / "run", header(PLAN))
    campaign.conduct(PLAN, store, [], lambda _: None, lambda _: None, shrink_steps=10**6)
    return store


@pytest.fixture(scope="module")
def findings(store: Store) -> dict[str, dict[str, Any]]:
    """Give the findings of that run by op: one each."""
    found = store.read_json("findings.json")["findings"]
    assert sorted(finding["op"] for finding in found) == sorted(OPS)
    return {finding["op"]: finding for finding in found}


@pytest.mark.parametrize(
    ("op", "kind", "predicate"),
    [
        ("conv2d_transpose", "wrong-value", {"padding ends": "unlike"}),
        ("conv2d", "refused-valid", {"strides": "unequal"}),
        ("conv2d_backprop_filter", "wrong-dtype", {"dtype": "float16"}),
    ],
)
def test_a_planted_fault_is_one_finding_with_what_governs_it(
    findings: dict[str, dict[str, Any]], op: str, kind: str, predicate: dict[str, str]
) -> None:
    """Kind and predicate say what was planted, and nothing that may as well be otherwise."""
    assert findings[op]["kind"] == kind
    assert findings[op]["predicate"] == predicate


def test_an_accepted_invalid_call_is_a_finding_of_its_rule(findings: dict[str, dict[str, Any]]) -> None:
    """The rule that is not checked is named."""
    assert (findings["dropout_grad"]["kind"], findings["dropout_grad"]["rule"]) == ("accepted-invalid", "dropout.R2")


@pytest.mark.parametrize("op", OPS)
def test_the_case_of_a_finding_is_small(findings: dict[str, dict[str, Any]], op: str) -> None:
    """No array of it has more than four elements."""
    assert all(math.prod(spec["shape"]) <= 4 for spec in findings[op]["case"]["arrays"].values())


def test_who_shares_a_fault_is_tested(findings: dict[str, dict[str, Any]]) -> None:
    """planted:one shares the fault of conv2d_transpose alone; the reference shares none."""
    shared = findings["conv2d_transpose"]
    assert set(shared["shared_by"]) == {"planted:several", "planted:one"}
    assert shared["not_shared_by"] == ["reference"]
    alone = findings["conv2d"]
    assert set(alone["shared_by"]) == {"planted:several"}
    assert set(alone["not_shared_by"]) == {"planted:one", "reference"}


def test_every_disagreement_belongs_to_a_finding(store: Store, findings: dict[str, dict[str, Any]]) -> None:
    """The cases that findings count are those of the observations that disagree."""
    wrong = store.collect(store.observations()).filter(verdict="disagrees")

    for op, finding in findings.items():
        assert finding["cases"] == wrong.filter(op=op)["case"].n_unique()


@pytest.mark.parametrize("op", OPS)
def test_the_case_file_of_a_finding_is_its_case(store: Store, findings: dict[str, dict[str, Any]], op: str) -> None:
    """case.json is read back as the case, by its path, by the finding's id and by the case's."""
    finding = findings[op]
    case = case_from_json(finding["case"])
    folder = store.folder / "findings" / finding["id"]

    assert case_from_json(json.loads((folder / "case.json").read_text())) == case
    for text in (str(folder / "case.json"), finding["id"], finding["case_id"]):
        assert find(text, store.folder, Path("nowhere")) == [case]
    assert case.id == finding["case_id"]


@pytest.mark.parametrize("op", OPS)
def test_the_arrays_of_a_finding_are_its_call(store: Store, findings: dict[str, dict[str, Any]], op: str) -> None:
    """arrays.npz holds the arguments, without pickles; what was observed, where there was anything."""
    finding = findings[op]
    with np.load(store.folder / "findings" / finding["id"] / "arrays.npz", allow_pickle=False) as stored:
        arrays = dict(stored)

    for name, value in ops.arguments(case_from_json(finding["case"])).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(arrays[name], value)
    returned = finding["kind"] in ("wrong-value", "wrong-dtype", "accepted-invalid")
    assert ("observed_0" in arrays) == returned


@pytest.mark.parametrize("op", OPS)
def test_the_script_of_a_finding_is_short_and_needs_the_users_module_alone(
    store: Store, findings: dict[str, dict[str, Any]], op: str
) -> None:
    """repro.py compiles, has 75 lines at most, and imports NumPy, sys and what the target is: no TensorFlow."""
    text = (store.folder / "findings" / findings[op]["id"] / "repro.py").read_text()

    tree = ast.parse(text)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert len(text.splitlines()) <= 75
    assert imported <= {"numpy", "planted", "sys"}


@pytest.mark.parametrize(
    ("op", "kind", "attribute", "text"),
    [("avg_pool", "hung", "batch", "0"), ("max_pool", "crashed", "image width", "1")],
)
def test_a_fault_that_ends_the_worker_is_one_finding(op: str, kind: str, attribute: str, text: str) -> None:
    """The worker is replaced as often as shrinking needs; the script runs the call in a second process."""
    struck = (case for case in ops.generate(op, 0, 0, 5000) if ops.features(case).get(attribute) == text)
    with Panel({"planted:several": registry.find("planted:several")}, Limits(seconds=0.5), confirm=False) as panel:
        wrong = [line for case in islice(struck, 2) for line in rows(panel.examine(case))]
        (finding,) = find_all(wrong, Search(panel, 10**6), [], {})
        found = files(finding, panel, {}, {})
        script = found["repro.py"].decode()

    assert ("stderr.txt" in found) == (kind == "crashed")
    assert (finding.kind, dict(finding.predicate)) == (kind, {attribute: text})
    assert all(math.prod(spec.shape) <= 16 for spec in finding.case.arrays.values())
    assert finding.cases == 2
    assert "subprocess.run" in script
    assert len(script.splitlines()) <= 75
    compile(script, "repro.py", "exec")


def cause(op: str, kind: str, case: Case, features: dict[str, tuple[str, ...]] | None = None) -> Cause:
    """Return the cause of the planted fault that this case shows, on one target."""
    return Cause(
        id=kind,
        library="",
        title="planted",
        severity="silent wrong value",
        review=dt.date(2100, 1, 1),
        where=(Place(ops=(op,), kinds=(kind,), targets=("planted:several",), features=features or {}),),
        cases=(case,),
    )


@pytest.mark.parametrize("predicate", [{}, {"padding ends": ("unlike",)}])
def test_a_cause_hides_no_target_that_it_does_not_name(predicate: dict[str, tuple[str, ...]]) -> None:
    """Two targets have the same fault, and the cause speaks of one: the other one's is not hidden behind it."""
    names = ("planted:several", "planted:one")
    struck = (case for case in ops.generate("conv2d_transpose", 0, 0, 5000) if case.regime == "lattice")
    with Panel({name: registry.find(name) for name in names}, confirm=False) as panel:
        outcomes = (panel.examine(case) for case in struck)
        wrong = next(rows(both) for both in outcomes if both[0].verdict.kind == "wrong-value")
        known = cause("conv2d_transpose", "wrong-value", wrong[0].call, predicate)
        found = find_all(wrong, Search(panel, 10**6), [known], {})

    assert ["planted:one" in finding.shared_by for finding in found if finding.cause is None] == [True]


def test_one_fault_of_two_libraries_is_two_findings() -> None:
    """Each is for its own maintainers to mend: both targets are in either, and the names differ."""
    installations = {"planted:several": Installation("one"), "planted:one": Installation("another")}
    struck = (case for case in ops.generate("conv2d_transpose", 0, 0, 5000) if case.regime == "lattice")
    with Panel({name: registry.find(name) for name in installations}, confirm=False) as panel:
        outcomes = (panel.examine(case) for case in struck)
        wrong = next(rows(both) for both in outcomes if both[0].verdict.kind == "wrong-value")
        found = find_all(wrong, Search(panel, 10**6), [], installations)

    assert len({finding.id for finding in found}) == 2
    assert [sorted(finding.shared_by) for finding in found] == [sorted(installations)] * 2


def test_a_known_finding_shows_the_case_of_its_cause() -> None:
    """The smallest case is known: no other is looked for, and the first one met is left aside."""
    small = {"op": "conv2d", "regime": "lattice", "seed": 0, "breaks": None}
    small["arrays"] = {name: {"shape": [1, 1, 1, 1], "dtype": "float32"} for name in ("input", "filters")}
    small["attributes"] = {"strides": [2, 3], "padding": "VALID"}
    struck = (case for case in ops.generate("conv2d", 0, 0, 5000) if not case.breaks)
    with Panel({"planted:several": registry.find("planted:several")}, confirm=False) as panel:
        outcomes = (panel.examine(case) for case in struck)
        wrong = next(rows(several) for several in outcomes if several[0].verdict.kind == "refused-valid")
        known = cause("conv2d", "refused-valid", case_from_json(small))
        (finding,) = find_all(wrong, Search(panel, 0), [known], {})

    assert finding.case == known.cases[0]
    assert finding.case.id != wrong[0].case
    assert finding.shared_by == {"planted:several": "refused-valid"}


def test_shrinking_leads_to_no_known_fault() -> None:
    """Of several images a refusal is new; it is none of the known ones of one image, which are simpler."""
    struck = (case for case in ops.generate("conv2d", 0, 0, 5000) if ops.features(case).get("batch") == "above 1")
    with Panel({"planted:several": registry.find("planted:several")}, confirm=False) as panel:
        outcomes = (panel.examine(case) for case in struck)
        wrong = next(rows(several) for several in outcomes if several[0].verdict.kind == "refused-valid")
        known = cause("conv2d", "refused-valid", wrong[0].call, {"batch": ("0", "1")})
        (finding,) = find_all(wrong, Search(panel, 10**6), [known], {})

    assert finding.cause is None
    assert finding.predicate["batch"] == "above 1"
    assert next(iter(finding.case.arrays.values())).shape[0] == 2


def test_other_bits_the_second_time_are_a_finding() -> None:
    """A target that claims determinism and gives zeros of either sign disagrees; both are allowed, once each."""
    target = registry.find("planted:unsteady")
    steady = Target(name=target.name, about="", adapter=target.adapter, options=target.options, deterministic=True)
    with Panel({"planted:unsteady": steady}, Limits(seconds=5.0)) as panel:
        wrong = [line for case in zeros() for line in rows(panel.examine(case)) if line.verdict == "disagrees"]
        (finding,) = find_all(wrong, Search(panel), [], {})

    assert len(wrong) == 2
    assert finding.kind == "nondeterministic"


def zeros() -> list[Case]:
    """Return max pools of negative numbers and zeros that are run twice: their seed is a multiple of 16."""
    spec = {"input": {"shape": [1, 4, 4, 2], "dtype": "float32"}}
    call = {"ksize": 1, "strides": 1, "padding": "SAME"}
    one = {"op": "max_pool", "arrays": spec, "attributes": call, "regime": "ties", "breaks": None}
    return [case_from_json({**one, "seed": seed}) for seed in (0, 16)]


@pytest.mark.parametrize(
    ("one", "other", "left"),
    [
        ("strides [3, 2] are not equal", "strides [1, 2, 3, 1] are not equal", "strides are not equal"),
        ("{{node conv}} depth 3 of 4", "{{node x/y_2}} depth 1 of 2", "depth of"),
    ],
)
def test_messages_of_one_cause_have_one_digest(one: str, other: str, left: str) -> None:
    """Numbers, names and lists do not count."""
    assert digest(one) == digest(other) == left


def ended(kind: str, *symptoms: Symptom, **evidence: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return the signature of a disagreement."""
    return signature(Verdict(outcome="disagrees", kind=kind, symptoms=symptoms, evidence=cast("Evidence", evidence)))


def test_how_a_call_ended_tells_its_cause() -> None:
    """The type and the message of an exception; of a crash the signal, and what the library said last."""
    one = ended("refused-valid", Symptom.RAISED, error="builtins.ValueError", message="no 3")

    assert one == ended("refused-valid", Symptom.RAISED, error="builtins.ValueError", message="no 4")
    assert one != ended("refused-valid", Symptom.RAISED, error="builtins.TypeError", message="no 3")
    assert ended("crashed", Symptom.SIGNAL, signal=6) != ended("crashed", Symptom.SIGNAL, signal=8)
    checks = [
        ended("crashed", Symptom.SIGNAL, signal=6, message=f"Check failed: {text}") for text in ("n < 3", "d < 3")
    ]
    assert checks[0] != checks[1]


def test_damaged_memory_is_one_way_to_end() -> None:
    """What glibc finds first is chance: a page that is not there, or a list of free blocks that is broken."""
    met = ended("crashed", Symptom.SIGNAL, signal=11)

    assert met == ended("crashed", Symptom.SIGNAL, signal=6, message="double free or corruption (!prev)")
    assert met != ended("crashed", Symptom.SIGNAL, signal=6, message="Check failed: n < 3")


def test_a_crash_has_no_other_crash_of_its_op() -> None:
    """It was looked for what governs it: a call beyond that ends for another reason, though by the same signal."""
    case = next(ops.generate("conv2d", 0, 0, 1))
    died = Verdict(outcome="disagrees", kind="crashed", symptoms=(Symptom.SIGNAL,), evidence={"signal": 11})
    cluster = Cluster(
        op="conv2d",
        target="a",
        route="",
        verdict=died,
        case=case,
        predicate={"batch": "0"},
        shared_by={"a": "crashed"},
        not_shared_by=(),
        cases=1,
    )

    met = [
        explains(cluster, Disagreement(op="conv2d", target=target, judged=died, classes={"batch": batch}))
        for target, batch in (("a", "0"), ("a", "1"), ("b", "0"))
    ]

    assert met == [True, False, False]


def test_of_wrong_values_a_weaker_arithmetic_alone_tells_the_cause() -> None:
    """What the elements have in common differs from case to case."""
    assert ended("wrong-value", Symptom.NAN, Symptom.BFLOAT16_SUMS) == ("bfloat16-sums",)
    assert ended("wrong-value", Symptom.NAN) == ended("wrong-shape", Symptom.SHAPE) == ()


def test_findings_of_one_id_are_one_and_name_nobody_on_both_sides() -> None:
    """Reached from `a`, where `b` agrees, and from `b`, where `a` agrees: both disagree, and `c` does not."""
    case = next(ops.generate("conv2d", 0, 0, 1))
    wrong = Verdict(outcome="disagrees", kind="wrong-value")

    def reached(target: str, other: str) -> Cluster:
        return Cluster(
            op="conv2d",
            target=target,
            route="",
            verdict=wrong,
            case=case,
            predicate={},
            shared_by={target: "wrong-value"},
            not_shared_by=(other, "c"),
            cases=1,
        )

    (one,) = merged([reached("a", "b"), reached("b", "a")])

    assert sorted(one.shared_by) == ["a", "b"]
    assert one.not_shared_by == ("c",)
    assert one.cases == 2
