"""Every symptom has words, and a sentence says what the data of a verdict say."""

from typing import Any, Literal, cast

import numpy as np
import pytest

from conformance.judge.verdicts import verdict
from conformance.judge.wording import COMMON, OF_CALL, OF_RUN, sentence
from conformance.model import Evidence, Returned, Symptom, Verdict
from conformance.sets import AnyOf, Results, Totals
from reference.bounds import exactly
from reference.errors import Fault


def words(kind: str, *symptoms: Symptom | Fault, worst: tuple[int, ...] = (), rule: str = "", **evidence: Any) -> str:  # noqa: ANN401
    """Return the sentence of a disagreement."""
    outcome: Literal["disagrees"] = "disagrees"
    data = cast("Evidence", evidence)
    return sentence(Verdict(outcome=outcome, kind=kind, symptoms=symptoms, evidence=data, worst=worst, rule=rule))


def test_every_symptom_has_words() -> None:
    """But that of an exception, which is given by its own."""
    assert {*COMMON, *OF_CALL, *OF_RUN, Symptom.RAISED} == set(Symptom)


def test_no_symptom_is_called_as_a_way_to_break_a_rule() -> None:
    """Both stand in one list of symptoms."""
    assert not set(map(str, Symptom)) & set(map(str, Fault))


@pytest.mark.parametrize(
    ("said", "judged"),
    [
        ("nothing is allowed", Verdict(outcome="undecided")),
        ("", Verdict(outcome="agrees", bound_used=0.0)),
        ("no kernel", Verdict(outcome="unsupported", evidence={"reason": "no kernel"})),
    ],
)
def test_what_is_no_disagreement(said: str, judged: Verdict) -> None:
    """An agreement has nothing to say."""
    assert sentence(judged) == said


def test_an_accepted_call_is_said_with_its_rule() -> None:
    """The reason is the reference's."""
    assert words("accepted-invalid", Fault.RANGE, rule="conv2d.R3", reason="stride 0") == (
        "accepted, but conv2d.R3: stride 0"
    )


def test_several_symptoms_stand_in_one_sentence() -> None:
    """The worst element, what all have in common, and the arithmetic that would allow them."""
    evidence: Any = {"different": 2, "elements": 3, "observed": "0.0", "low": "1.0", "high": "2.0"}

    assert words("wrong-value", Symptom.NOT_ABOVE, Symptom.BFLOAT16_SUMS, worst=(1,), **evidence) == (
        "2 of 3 elements differ; worst at [1]: 0.0 is not in 1.0 .. 2.0; none is too large; "
        "consistent with sums in bfloat16"
    )


def test_what_a_whole_run_shows_is_said_together() -> None:
    """Too little is dropped, and cells at two distances depend on one another."""
    said = words(
        "wrong-value",
        Symptom.RUN_SHARE,
        Symptom.RUN_CORRELATION,
        Symptom.RUN_SEEDS,
        deviations=-7.25,
        cells=100,
        correlations=[(1, 0.5), (8, -0.25)],
        seeds=["1", "2"],
    )

    assert said == (
        "over the whole run: less is dropped than the rates say: 7.2 standard deviations, of 100 cells; "
        "cells at a distance of 1 are alike: a correlation of 0.5000; "
        "cells at a distance of 8 are unlike: a correlation of -0.2500; different seeds gave one mask: 1, 2"
    )


def test_elements_that_do_not_add_up_are_said_to() -> None:
    """Two ones, each of them allowed, where the sum is to be 1."""
    ones = np.ones((1, 1, 2, 1), np.float32)
    one = np.ones((1, 1, 1, 1))
    totals = Totals(axes=(1, 2), low=one, high=one)

    judged = verdict(AnyOf((Results((exactly(ones),), totals=totals),)), Returned((ones,), 0.0))

    assert (judged.kind, judged.symptoms) == ("wrong-value", (Symptom.TOTALS_DIFFER,))
    assert sentence(judged) == "the elements do not add up to what went in"
