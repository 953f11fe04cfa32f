"""The causes that come with the suite: in their one form, on their page; and no second fault hides behind them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from conformance import ops
from conformance.judge.allowed import AnyMask, AnyOf, Results, allowed, permits
from conformance.judge.judging import judge
from conformance.judge.verdicts import verdict
from conformance.model import Array, Case, Crashed, Observation, Raised, Returned
from conformance.targets import registry
from conformance.triage.known.cause import Cause, Place
from conformance.triage.known.installation import Installation
from conformance.triage.known.matching import Disagreement, calls, concerns, place_of
from conformance.triage.known.page import page
from conformance.triage.known.reading import SHIPPED, cases_file, load, shipped
from conformance.triage.known.state import ways
from conformance.triage.known.writing import cases_text, text
from reference.bounds import ARITHMETICS
from reference.floats import format_of

ROOT = Path(__file__).parents[4]
CAUSES = shipped()
FILES = sorted(SHIPPED.glob("*/*.toml"))


def installations(cause: Cause, place: Place) -> Iterator[tuple[str, Installation]]:
    """Yield targets that a place speaks of, as they are in the first release that showed it."""
    for name, target in registry.BUILT_IN.items():
        for isa in place.isa or ("AVX512_CORE_AMX",):
            device = "GPU" if "gpu" in target.needs else "CPU"
            installed = Installation(cause.library, place.versions.first, isa, device)
            if concerns(cause, place, name, installed):
                yield name, installed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_one_cause_by_its_name_in_its_one_form(path: Path) -> None:
    """So that a program may rewrite it, and a reader sees what it changed."""
    (cause,) = load(path)

    assert (cause.id, cause.library) == (path.stem, path.parent.name)
    assert text([cause]) == path.read_text("utf-8")
    assert cases_text([cause]) == cases_file(path).read_text("utf-8")


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_each_cause_says_what_it_is_and_where_it_stands(cause: Cause) -> None:
    """A description, a trace, releases; and each place is one of some target."""
    assert cause.description
    assert cause.traced
    for place in cause.where:
        assert place.versions.first
        assert next(installations(cause, place), None)


def test_the_page_is_made_of_them() -> None:
    """`conformance causes --markdown docs/known-divergences.md` brings it up to date."""
    assert (ROOT / "docs" / "known-divergences.md").read_text("utf-8") == page(CAUSES)


# A second fault is planted at the cases of each cause.

PLACES = [
    pytest.param(cause, place, id=f"{cause.id}-{number}")
    for cause in CAUSES
    for number, place in enumerate(cause.where)
]
# What a result becomes by the divergence that a verdict with this symptom is about.
DIVERGING: Mapping[str, Callable[[Array], Array]] = {
    "nan": lambda right: np.full_like(right, np.nan),
    "not-above": lambda right: right - 1 if right.dtype.kind == "i" else np.full_like(right, np.nan),
    "zero": np.zeros_like,
    "infinite": lambda right: np.full_like(right, np.inf),
    "lowest": lambda right: np.full_like(right, -format_of(right.dtype).largest),
    "divisor": lambda right: 2 * right,
    "share-kept": np.zeros_like,
    "totals-agree": lambda right: np.roll(right, 1, axis=2),
    "run-choice": np.copy,  # no call alone shows it
}


def cases(cause: Cause, place: Place) -> list[Case]:
    """Return the cases of a place."""
    return [case for case in cause.cases if calls(place, case.op, ops.features(case))]


def judged_by(cause: Cause, place: Place, case: Case, observed: Observation) -> bool:
    """Return whether a cause covers an observation of a case, on the first target that its place names."""
    name, installation = next(installations(cause, place))
    found = Disagreement(
        op=case.op,
        target=name,
        judged=judge(case, permits(case, ops.arguments(case)), observed, registry.BUILT_IN[name]),
        classes=ops.features(case),
        installation=installation,
        route=ways(place, case, registry.BUILT_IN[name])[0],
        kernels=tuple(kernel.replace("*", "") for kernel in place.kernels),
    )
    return found.judged.outcome == "disagrees" and place_of(cause, found) is not None


def right(case: Case, arithmetic: str = "float32") -> tuple[Array, ...]:
    """Return the right results of a case; of a weaker arithmetic, the largest that it allows."""
    sets = allowed(case, ops.arguments(case), ARITHMETICS[arithmetic])
    first = sets.options[0] if isinstance(sets, AnyOf) else sets
    if isinstance(first, AnyMask):
        return (np.zeros_like(first.x),)
    assert isinstance(first, Results)
    return tuple(array.value if arithmetic == "float32" else array.high for array in first.arrays)


def diverging(place: Place, case: Case) -> tuple[Array, ...]:
    """Return what the divergence of a place gives, or could give, for a case: of several results the last is wrong."""
    if {"float16-sums", "bfloat16-sums"} & set(place.symptoms):
        return right(case, "storage")
    *others, last = right(case)
    return (*others, next(made(last) for symptom, made in DIVERGING.items() if symptom in place.symptoms))


def spoilt(array: Array, case: Case) -> Array:
    """Return the array with the largest number of its dtype in one place: where zero is wrong, if there is one."""
    at = np.argmax(np.nan_to_num(np.abs(right(case)[0].astype(np.float64))))
    largest = np.iinfo(array.dtype).max if array.dtype.kind in "iu" else format_of(array.dtype).largest
    out = array.copy()
    out.flat[at] = largest
    return out


def hides(cause: Cause, place: Place, case: Case) -> bool:
    """Return whether a second fault of a case is taken for its cause: a number far off, a wrong shape, another end."""
    kind = place.kinds[0]
    if kind == "wrong-value":
        first, *others = diverging(place, case) if place.symptoms else right(case)
        return judged_by(cause, place, case, Returned((spoilt(first, case), *others), 0.0))
    if kind == "wrong-shape":
        return judged_by(cause, place, case, Returned((np.zeros([7] * 4, case.dtype),), 0.0))
    if kind == "refused-valid":
        return judged_by(cause, place, case, Raised("builtins.MemoryError", "out of memory"))
    if kind == "crashed":
        return judged_by(cause, place, case, Crashed(-9))
    return judged_by(cause, place, case, Crashed(-11))  # of a call that is accepted: it ends the process


@pytest.mark.parametrize(("cause", "place"), PLACES)
def test_a_second_fault_planted_at_a_causes_own_case_is_new(cause: Cause, place: Place) -> None:
    """But for the causes that say why it cannot be told apart; each of those has a place that hides one."""
    hidden = [case.id for case in cases(cause, place) if hides(cause, place, case)]

    assert not hidden or cause.hides


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause.hides], ids=lambda cause: cause.id)
def test_a_cause_that_says_it_hides_another_fault_does(cause: Cause) -> None:
    """One that does not must not say so."""
    assert any(hides(cause, place, case) for place in cause.where for case in cases(cause, place))


WRONG = [
    each
    for each in PLACES
    if "wrong-value" in each.values[1].kinds and set(each.values[1].symptoms) - {"run-choice"}  # type: ignore[union-attr]
]


@pytest.mark.parametrize(("cause", "place"), WRONG)
def test_a_cause_covers_its_own_divergence(cause: Cause, place: Place) -> None:
    """As its symptoms say it looks like."""
    for case in cases(cause, place):
        assert judged_by(cause, place, case, Returned(diverging(place, case), 0.0))


ACCEPTED = [each for each in PLACES if "accepted-invalid" in each.values[1].kinds]  # type: ignore[union-attr]


@pytest.mark.parametrize(("cause", "place"), ACCEPTED)
def test_a_cause_covers_the_acceptance_of_its_own_case(cause: Cause, place: Place) -> None:
    """Whatever was returned: the reference says in which way the case breaks its rule."""
    judged = [
        verdict(allowed(case, ops.arguments(case)), Returned((np.zeros(1),), 0.0)) for case in cases(cause, place)
    ]

    assert {each.kind for each in judged} == {"accepted-invalid"}
    assert any(set(place.symptoms) <= set(each.symptoms) for each in judged)
