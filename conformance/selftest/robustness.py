"""Whether the suite survives a misbehaving target: each hazard is observed as what it is, no other call is touched."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from conformance import ops
from conformance.model import Case
from conformance.run.trials import Outcome, Panel
from conformance.selftest.hazards import HAZARDS
from conformance.targets import registry
from conformance.targets.transport.pool import Limits

__all__ = ["OUTCOMES", "HazardResults", "run_hazards"]

EVERY = 3  # calls, of which the last misbehaves
SIDES = ("batch", "output height", "output width", "channels")
LIMITS = Limits(seconds=1.0, grace=0.3, memory=1 << 30)
# The observation and the kind of disagreement that each hazard has to end in; those of a call without one.
OUTCOMES: Mapping[str, tuple[str, str]] = {
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
HARMLESS = ("returned", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardResults:
    """What became of the calls of a misbehaving target."""

    hazards: int
    cases: int
    seconds: float
    misclassified: tuple[str, ...]  # one line for each such call

    @property
    def survived(self) -> int:
        """The hazards that were observed as what they are, if no other call was misclassified."""
        return self.hazards - len(self.misclassified)


def run_hazards(seed: int) -> HazardResults:
    """Run each hazard once, with harmless calls between."""
    began = time.monotonic()
    with Panel({"hazards": registry.find("conformance.selftest.hazards")}, LIMITS, confirm=False) as panel:
        outcomes = [panel.examine(case)[0] for case in calls(seed)]
    wrong = tuple(filter(None, map(misclassified, outcomes)))
    return HazardResults(
        hazards=len(HAZARDS), cases=len(outcomes), seconds=time.monotonic() - began, misclassified=wrong
    )


def calls(seed: int) -> Iterator[Case]:
    """Yield valid calls with results that are not empty: none may be refused. Every third is named after a hazard."""
    drawn = (case for case in ops.generate("max_pool", seed, 0, 2 * EVERY * len(HAZARDS)) if case.breaks is None)
    valid = (case for case in drawn if "0" not in {ops.features(case)[name] for name in SIDES})
    for hazard in HAZARDS:
        for number in range(1, EVERY + 1):
            case = next(valid)
            yield replace(case, attributes={**case.attributes, "name": hazard}) if number == EVERY else case


def misclassified(outcome: Outcome) -> str:
    """Describe a misclassified observation; "" where it is classified rightly."""
    hazard = str(outcome.case.attributes.get("name", ""))
    observed = (type(outcome.observation).__name__.lower(), outcome.verdict.kind)
    return "" if observed == OUTCOMES.get(hazard, HARMLESS) else f"{hazard or 'harmless'}: {', '.join(observed)}"
