"""
The scoreboard as a page.

    python -m conformance.selftest [--cases N] [--quiet-cases N] [--seed S] [--keep FOLDER] [--write PAGE]
"""

from collections import Counter
from collections.abc import Sequence

from conformance.selftest.false_positives import Quiet, share_below
from conformance.selftest.scores import Caught

__all__ = ["page"]

BANDS = ((1, "the first case"), (8, "8 cases"), (32, "32"), (96, "96"), (192, "192"), (10**9, "all"))


def page(caught: Sequence[Caught], accepted: Sequence[Caught], quiet: Sequence[Quiet], command: str, date: str) -> str:
    """Return the scoreboard in Markdown."""
    return "\n".join(
        [
            "# How good the suite is",
            "",
            f"Measured by `{command}` on {date}.",
            "",
            *summary(caught, accepted, quiet),
            "",
            "## Correct implementations",
            "",
            *correct(quiet),
            "",
            "## Faulty implementations",
            "",
            "Cases and seconds until each was caught, in a run of its op alone.",
            "",
            *faulty(caught),
            "",
            "## What is refused",
            "",
            "For every rule, an implementation that accepts what the rule refuses.",
            "",
            *faulty(accepted),
            "",
        ]
    )


def summary(caught: Sequence[Caught], accepted: Sequence[Caught], quiet: Sequence[Quiet]) -> list[str]:
    """Return the scores in a few lines."""
    cases = sum(entry.cases for entry in quiet)
    alarms = sum(len(entry.found) for entry in quiet)
    rate = f"below {share_below(cases):.1e} with 95% confidence" if not alarms else f"{alarms / max(cases, 1):.1e}"
    return [
        "| score | |",
        "|---|---|",
        f"| faulty implementations caught | {score(caught)} |",
        f"| rules whose breach is caught | {score(accepted)} |",
        f"| false alarms | {alarms} in {cases:,} cases of {len(quiet)} correct implementations: {rate} |",
        "",
        "| caught within | implementations |",
        "|---|---|",
        *bands([*caught, *accepted]),
    ]


def score(caught: Sequence[Caught]) -> str:
    """Return how many were caught."""
    return f"{sum(entry.cases > 0 for entry in caught)} of {len(caught)}"


def bands(caught: Sequence[Caught]) -> list[str]:
    """Return how many were caught within so many cases."""
    return [f"| {name} | {sum(0 < entry.cases <= most for entry in caught)} |" for most, name in BANDS]


def correct(quiet: Sequence[Quiet]) -> list[str]:
    """Return a line for each correct arithmetic, over its ops."""
    lines = [
        "| implementation | declared | ops | cases | false alarms | its errors look like |",
        "|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(entry.kind for entry in quiet):
        group = [entry for entry in quiet if entry.kind == kind]
        seen = Counter(text for entry in group for text in entry.looks)
        looks = ", ".join(sorted(seen)) or "-"
        lines.append(
            f"| {kind} | {group[0].declared} | {len(group)} | {sum(entry.cases for entry in group):,} | "
            f"{sum(len(entry.found) for entry in group)} | {looks} |"
        )
    alarms = [f"- {entry.name}: {alarm}" for entry in quiet for alarm in entry.found[:3]]
    return [*lines, "", *alarms]


def faulty(caught: Sequence[Caught]) -> list[str]:
    """Return a line for each faulty implementation."""
    lines = ["| implementation | fault | cases | seconds | caught as |", "|---|---|---|---|---|"]
    return lines + [
        f"| {entry.subject.name} | {entry.subject.about} | {entry.cases or 'survives'} | {entry.seconds:.2f} | "
        f"{entry.how or '-'} |"
        for entry in caught
    ]
