"""After a run each cause is seen, not there, or not tried; and a finding shows the case of its cause."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from conformance.model import Case, Returned, Symptom, Verdict
from conformance.run.rows import rows
from conformance.run.trials import Outcome, Panel
from conformance.targets import registry
from conformance.triage.attempts import Search
from conformance.triage.findings import Known
from conformance.triage.known.cause import Cause
from conformance.triage.known.installation import Installation
from conformance.triage.known.state import states
from conformance.triage.search import find_all

Made = Callable[..., Cause]
WRONG_VALUE = Verdict(outcome="disagrees", kind="wrong-value", symptoms=(Symptom.NAN, Symptom.NOT_ABOVE))
AGREES = Verdict(outcome="agrees")
UNSUPPORTED = Verdict(outcome="unsupported")
EAGER = {"tf-cpu-eager": Installation("tensorflow", "2.21.0", "AVX512_CORE")}


class Seen(Panel):
    """A panel on whose targets every call gives the same verdict, and no worker runs."""

    def __init__(self, judged: Verdict) -> None:
        super().__init__({name: registry.BUILT_IN[name] for name in EAGER})
        self.judged = judged
        self.calls = 0

    def examine(
        self,
        case: Case,
        names: Sequence[str] = (),
        route: str | None = None,
        *,
        hurried: bool = False,  # noqa: ARG002 -- nothing takes any
    ) -> list[Outcome]:
        """Return the verdict for each target."""
        self.calls += 1
        return [Outcome(case, name, route or "", Returned((), 0.0), self.judged) for name in names or self.targets]


def known(cause: Cause, judged: Verdict, met: Collection[tuple[str, int]] = ()) -> Known:
    """Return the state of a cause after a run of conv2d."""
    (state,) = states([cause], met, Seen(judged), EAGER, ["conv2d"])
    return state


@pytest.mark.parametrize(
    ("judged", "changes", "met", "state"),
    [
        (WRONG_VALUE, {}, False, "seen"),
        (AGREES, {}, True, "seen"),
        (AGREES, {}, False, "not there"),
        (UNSUPPORTED, {}, False, "not tried"),
        (WRONG_VALUE, {"kinds": ["wrong-shape"]}, False, "not there"),
        (WRONG_VALUE, {"symptoms": ["lowest"]}, False, "not there"),
        (WRONG_VALUE, {"review": dt.date(2020, 1, 1)}, True, "expired"),
        (AGREES, {"isa": ["AVX2"]}, False, "not tried"),
        (AGREES, {"targets": ["tf-gpu-*"]}, False, "not tried"),
        (AGREES, {"library": "jax", "versions": None}, False, "not tried"),
        (AGREES, {"symptoms": ["run-choice"]}, False, "not tried"),  # no call alone shows it
        (AGREES, {"versions": {"first": "2.15.1", "last": "2.15.1", "absent": ["2.16.2"]}}, False, "not tried"),
    ],
)
def test_a_cause_is_not_there_only_where_its_place_was_tried(
    made: Made, judged: Verdict, changes: dict[str, Any], met: bool, state: str
) -> None:
    """Its own case is called where the run did not meet it, on the targets and processors that it speaks of."""
    cause = made(**changes)

    assert known(cause, judged, {(cause.id, 0)} if met else ()).state == state


def test_what_a_run_met_is_not_called_again(made: Made) -> None:
    """The run has shown it."""
    panel = Seen(AGREES)

    states([made()], {("narrow-batches", 0)}, panel, EAGER, ["conv2d"])

    assert panel.calls == 0


def test_of_a_cause_that_is_there_the_cases_that_no_longer_show_it_are_listed(made: Made) -> None:
    """One of its two places was met, and the case of the other conforms."""
    cause = made()
    other = replace(cause, where=(*cause.where, replace(cause.where[0], symptoms=(Symptom.LOWEST,))))

    state = known(other, AGREES, {(cause.id, 0)})

    assert (state.state, state.gone) == ("seen", (cause.cases[0].id,))


@pytest.mark.parametrize(("own", "state", "stale"), [(True, AGREES, True), (False, AGREES, False)])
def test_a_cause_that_is_not_there_fails_a_run_where_it_is_the_users_own(
    made: Made, own: bool, state: Verdict, stale: bool
) -> None:
    """What comes with the suite was seen on other machines, and is no fault of this one."""
    assert known(replace(made(), own=own), state).stale is stale


@pytest.mark.parametrize(("symptom", "shows"), [(Symptom.NAN, True), (Symptom.LOWEST, False)])
def test_a_finding_shows_the_case_of_a_cause_where_that_shows_it(made: Made, symptom: Symptom, shows: bool) -> None:
    """A case that now gives something else, of the same kind, stands for nothing: the one of the run does."""
    cause = made(symptoms=[str(symptom)])
    case = replace(cause.cases[0], seed=8)
    judged = replace(WRONG_VALUE, symptoms=(symptom,))
    observed = rows([Outcome(case, "tf-cpu-eager", "nn", Returned((), 0.0), judged)])

    (finding,) = find_all(observed, Search(Seen(WRONG_VALUE), 0), [cause], EAGER)

    assert finding.cause == cause
    assert finding.case == (cause.cases[0] if shows else case)
