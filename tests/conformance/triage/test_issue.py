"""issue.md names every part that a maintainer asks for."""

import datetime as dt
from dataclasses import replace

import pytest

from conformance.model import Case, Evidence, Verdict
from conformance.ops import case_from_json
from conformance.targets.registry import BUILT_IN
from conformance.triage.clusters import Cluster
from conformance.triage.known.cause import Cause, Place, Versions
from conformance.triage.scripts.issue import issue

EAGER = BUILT_IN["tf-cpu-eager"]
ABOUT = {"versions": {"tensorflow": "2.21.0", "numpy": "2.0"}}
MACHINE = {"cpu": "A Processor", "flags": ["avx2", "avx512f"], "system": "Linux", "python": "3.11"}


def pool(**attributes: object) -> Case:
    """Return a max pool of one element."""
    return case_from_json(
        {
            "op": "max_pool",
            "arrays": {"input": {"shape": [1, 1, 1, 1], "dtype": "float32"}},
            "attributes": {"ksize": 1, "strides": 1, "padding": "VALID", **attributes},
            "regime": "special",
            "seed": 0,
        }
    )


WRONG = Cluster(
    op="max_pool",
    target="tf-cpu-eager",
    route="nn",
    verdict=Verdict(
        outcome="disagrees",
        kind="wrong-value",
        evidence=Evidence(different=1, elements=1, observed="-3.4e+38", low="-inf", high="-inf"),
        worst=(0, 0, 0, 0),
    ),
    case=pool(),
    predicate={},
    shared_by={"tf-cpu-eager": "wrong-value"},
    not_shared_by=("tf-cpu-xla",),
    cases=1,
    kernels=("jit:avx2",),
    nearest=pool(ksize=2),
)
CAUSE = Cause(
    id="known",
    library="tensorflow",
    title="",
    severity="NaN handling",
    review=dt.date(2030, 1, 1),
    link="https://github.com/tensorflow/tensorflow/issues/1",
    where=(
        Place(
            ops=("max_pool",),
            kinds=("wrong-value",),
            targets=("*",),
            versions=Versions(first="2.16.2", last="2.21.0", absent=("2.15.1",)),
        ),
    ),
    cases=(),
)


def parts(cluster: Cluster, script: str = "print()\n") -> dict[str, str]:
    """Return the text of an issue by the titles of its sections."""
    head, *sections = issue(cluster, EAGER, ABOUT, MACHINE, script).split("\n## ")
    return {"": head} | dict(section.split("\n", 1) for section in sections)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("", "max_pool gives wrong numbers on eager, oneDNN on"),
        ("Environment", "tensorflow 2.21.0"),
        ("Environment", "A Processor (avx2, avx512f)"),
        ("Environment", "`TF_ENABLE_ONEDNN_OPTS=1`"),
        ("To reproduce", "```python\nprint()\n```"),
        ("Expected", "out[n, y, x, c] = max over (h, w)"),
        ("Expected", "At [0, 0, 0, 0]: -inf .. -inf"),
        ("Got", "-3.4e+38 is not in -inf .. -inf"),
        ("Kernels", "`jit:avx2`"),
        ("Where", "has it: tf-cpu-eager"),
        ("Where", "has it not: tf-cpu-xla"),
        ("Where", "Other releases were not tried."),
        ("Nearest call that is right", "ksize=2"),
        ("Already reported", "Not known to be."),
    ],
)
def test_an_issue_of_a_new_finding_has_every_part(part: str, said: str) -> None:
    """One sentence, the environment, the script, expected with its formula, got, kernels, where, the nearest right."""
    assert said in parts(WRONG)[part]


def test_an_issue_of_a_known_finding_says_where_it_is_reported_and_in_which_releases_it_is() -> None:
    """By its cause."""
    known = parts(replace(WRONG, cause=CAUSE))

    assert known["Already reported"].strip() == CAUSE.link
    assert "2.16.2 to 2.21.0; not in 2.15.1" in known["Where"]


def test_an_issue_of_a_call_that_must_be_refused_names_the_rule_with_its_text() -> None:
    """As the op's documentation states it."""
    judged = Verdict(
        outcome="disagrees", kind="accepted-invalid", rule="max_pool.R1", evidence=Evidence(reason="rank 5")
    )

    expected = parts(replace(WRONG, verdict=judged))["Expected"]

    assert "An error: the call breaks max_pool.R1. input has rank 4." in expected


def test_a_finding_without_a_script_has_its_call() -> None:
    """A program that speaks the wire protocol has none."""
    assert "`max_pool(input=float32[1, 1, 1, 1], ksize=1" in parts(WRONG, "")["To reproduce"]
