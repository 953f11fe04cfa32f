"""Faults of targets survived: each is seen as what it is, and no call beside it is touched."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from conformance import cases
from conformance.model import Case
from conformance.run.trials import Outcome, Panel
from conformance.targets import registry
from conformance.targets.transport.pool import Limits

__all__ = ["DEEDS", "Survived", "survive"]

EVERY = 3  # calls, of which the last does its deed
LIMITS = Limits(seconds=1.0, grace=0.3, memory=1 << 30)
# The deeds of `hazards`, and as what each is to be observed and judged.
DEEDS: Mapping[str, tuple[str, str]] = {
    "abort": ("crashed", "crashed"),
    "segfault": ("crashed", "crashed"),
    "exit": ("crashed", "crashed"),
    "close pipes": ("crashed", "crashed"),
    "hang": ("timedout", "hung"),
    "ask for all memory": ("outofmemory", "out-of-memory"),
    "raise silently": ("raised", "refused-valid"),
    "recurse": ("raised", "refused-valid"),
    "print": ("returned", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """How calls fared some of which had a deed to do."""

    deeds: int
    cases: int
    seconds: float
    wrong: tuple[str, ...]  # those that were not seen as what they were


def survive(seed: int) -> Survived:
    """Have each deed done once, with innocent calls between, and see what is made of them."""
    began = time.monotonic()
    with Panel({"hazards": registry.find("conformance.selftest.hazards")}, LIMITS, confirm=False) as panel:
        outcomes = [panel.examine(case)[0] for case in calls(seed)]
    wrong = tuple(filter(None, map(mistaken, outcomes)))
    return Survived(deeds=len(DEEDS), cases=len(outcomes), seconds=time.monotonic() - began, wrong=wrong)


def calls(seed: int) -> Iterator[Case]:
    """Yield valid calls; every third is named after a deed."""
    valid = (case for case in cases.generate("max_pool", seed, 0, 2 * EVERY * len(DEEDS)) if case.breaks is None)
    for deed in DEEDS:
        for number in range(1, EVERY + 1):
            case = next(valid)
            yield replace(case, attributes={**case.attributes, "name": deed}) if number == EVERY else case


def mistaken(outcome: Outcome) -> str:
    """Say as what a call was seen that was something else; "" where all is well."""
    deed = str(outcome.case.attributes.get("name", ""))
    seen = (type(outcome.observation).__name__.lower(), outcome.verdict.kind)
    return "" if seen == DEEDS.get(deed, ("returned", "")) else f"{deed or 'no deed'}: {', '.join(seen)}"
