"""
The scoreboard as a page.

    python -m conformance.selftest [--cases N] [--correct-cases N] [--seed S] [--keep FOLDER] [--write PAGE]
"""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from conformance.selftest.false_positives import FalsePositives, share_below
from conformance.selftest.killing import MutantResult

__all__ = ["page", "score"]

BANDS = ((1, "the first case"), (8, "8 cases"), (32, "32"), (96, "96"), (192, "192"), (10**9, "all"))


def page(
    mutants: Sequence[MutantResult],
    acceptances: Sequence[MutantResult],
    correct: Sequence[FalsePositives],
    command: str,
    date: str,
) -> str:
    """
    Return the scoreboard in Markdown.

    acceptances: of the mutants that accept what a rule refuses; correct: of the correct implementations.
    """
    return "\n".join(
        [
            "# How good the suite is",
            "",
            f"Measured by `{command}` on {date}.",
            "",
            *summary(mutants, acceptances, correct),
            "",
            "## Correct implementations",
            "",
            *of_correct(correct),
            "",
            "## Mutants",
            "",
            "Each is the reference with one fault. Cases and seconds until it was killed, in a run of its op alone.",
            "",
            *of_mutants(mutants),
            "",
            "## Rules",
            "",
            "For every rule, a mutant that accepts what the rule refuses.",
            "",
            *of_mutants(acceptances),
            "",
        ]
    )


def summary(
    mutants: Sequence[MutantResult], acceptances: Sequence[MutantResult], correct: Sequence[FalsePositives]
) -> list[str]:
    """Return the scores in a few lines."""
    cases = sum(entry.cases for entry in correct)
    alarms = sum(len(entry.alarms) for entry in correct)
    rate = f"below {share_below(cases):.1e} with 95% confidence" if not alarms else f"{alarms / max(cases, 1):.1e}"
    return [
        "| score | |",
        "|---|---|",
        f"| mutants killed | {score(mutants)} |",
        f"| rules whose mutant is killed | {score(acceptances)} |",
        f"| seconds to kill one: median, worst | {spread([*mutants, *acceptances])} |",
        f"| false positives | {alarms} in {cases:,} cases of {len(correct)} correct implementations: {rate} |",
        "",
        "| killed within | mutants |",
        "|---|---|",
        *bands([*mutants, *acceptances]),
    ]


def score(results: Sequence[MutantResult]) -> str:
    """Return how many were killed."""
    return f"{sum(result.killed for result in results)} of {len(results)}"


def spread(results: Sequence[MutantResult]) -> str:
    """Return the median and the largest of the seconds that it took to kill each."""
    seconds = [result.seconds for result in results if result.killed] or [0.0]
    return f"{median(seconds):.2g}, {max(seconds):.2g}"


def bands(results: Sequence[MutantResult]) -> list[str]:
    """Return how many were killed within so many cases."""
    return [f"| {name} | {sum(0 < result.cases <= most for result in results)} |" for most, name in BANDS]


def of_correct(results: Sequence[FalsePositives]) -> list[str]:
    """Return a line for each correct arithmetic, over its ops."""
    lines = [
        "| implementation | declared | ops | cases | false positives | its errors look like |",
        "|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(result.kind for result in results):
        group = [result for result in results if result.kind == kind]
        looks = ", ".join(sorted(Counter(text for result in group for text in result.looks))) or "-"
        lines.append(
            f"| {kind} | {group[0].declared} | {len(group)} | {sum(result.cases for result in group):,} | "
            f"{sum(len(result.alarms) for result in group)} | {looks} |"
        )
    alarms = [f"- {result.name}: {alarm}" for result in results for alarm in result.alarms[:3]]
    return [*lines, "", *alarms]


def of_mutants(results: Sequence[MutantResult]) -> list[str]:
    """Return a line for each mutant."""
    lines = ["| mutant | fault | cases | seconds | killed by |", "|---|---|---|---|---|"]
    return lines + [
        f"| {result.mutant.name} | {result.mutant.about} | {result.cases or 'survived'} | {result.seconds:.2f} | "
        f"{result.kind or '-'} |"
        for result in results
    ]
