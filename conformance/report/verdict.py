"""The report in one sentence, and the exit code that goes with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.report.records import Report, Run, Shown
from conformance.report.wording import count
from conformance.triage.findings import Known

__all__ = ["Verdict", "exit_code", "new", "stale", "unexplained", "verdict"]

NAMED = 3  # ops that the sentence names


@dataclass(frozen=True, slots=True)
class Verdict:
    """The opinion on everything the report is about."""

    tone: Literal["good", "warn", "bad"]
    sentence: str
    remarks: tuple[str, ...]  # what a reader must know to believe it


def new(report: Report) -> tuple[Shown, ...]:
    """Return the findings that no cause covers."""
    return tuple(each for each in report.findings if each.finding.status == "new")


def stale(report: Report) -> tuple[tuple[int, Known], ...]:
    """Return the causes of the user's own that are not met any more, or past their date, each after its run."""
    return tuple((run, known) for run, known in report.causes if known.stale)


def unexplained(report: Report) -> tuple[Run, ...]:
    """Return the runs that ended before their disagreements were made into findings."""
    return tuple(run for run in report.runs if not run.clustered and run.tally.disagrees)


def exit_code(report: Report) -> int:
    """
    Return 0 where nothing is new, 1 for new findings, stale causes, and disagreements nobody has looked into.

    Else 3 where something has no evidence that was claimed and asked for, or nothing was judged at all.
    """
    if new(report) or stale(report) or unexplained(report):
        return 1
    return 3 if any(run.missing for run in report.runs) or idle(report) else 0


def idle(report: Report) -> bool:
    """Return whether cases were planned, and no call was judged."""
    return any(run.options.get("cases") for run in report.runs) and not any(
        run.tally.judged or run.tally.small for run in report.runs
    )


def verdict(report: Report) -> Verdict:
    """Sum up."""
    remarks = tuple(_remarks(report))
    if found := new(report):
        ops = list(dict.fromkeys(each.finding.op for each in found))
        return Verdict("bad", f"{count(len(found), 'new divergence')} in {_listed(ops)}.", remarks)
    if runs := unexplained(report):
        calls = sum(run.tally.disagrees for run in runs)
        verb = "disagrees" if calls == 1 else "disagree"
        sentence = f"{count(calls, 'call')} {verb} with the specification; nobody has looked into why."
        return Verdict("bad", sentence, remarks)
    if causes := stale(report):
        verb = "no longer holds" if len(causes) == 1 else "no longer hold"
        return Verdict("warn", f"Nothing new, but {count(len(causes), 'accepted cause')} {verb}.", remarks)
    if gap := _gap(report):
        return Verdict("warn", gap, remarks)
    if known := len({each.finding.cause for each in report.findings}):
        return Verdict("good", f"Nothing new: {count(known, 'known cause')} of divergence.", remarks)
    return Verdict("good", "Every judged call agrees with the specification.", remarks)


def _gap(report: Report) -> str:
    """Say what has no evidence, though it was claimed and asked for; "" where all has."""
    if idle(report):
        return "Nothing was judged."
    absent = [text for run in report.runs for text in run.missing]
    more = f"; and {len(absent) - NAMED} more" if len(absent) > NAMED else ""
    named = "; ".join(absent[:NAMED]) + more
    return f"Nothing new, but no evidence for what is claimed and was asked for: {named}." if absent else ""


def _listed(ops: Sequence[str]) -> str:
    """Name a few ops, and count the others."""
    if len(ops) > NAMED:
        return f"{', '.join(ops[:NAMED])} and {count(len(ops) - NAMED, 'other op')}"
    return " and ".join(filter(None, (", ".join(ops[:-1]), ops[-1])))


def _remarks(report: Report) -> list[str]:
    """Say what limits the verdict."""
    remarks = []
    for run in report.runs:
        if not run.ended:
            remarks.append(f"The run {run.label} has not ended: this is what it had written.")
        elif not run.complete:
            remarks.append(f"The run {run.label} ran out of its time: not every planned case ran.")
    undecided = sum(run.tally.undecided for run in report.runs)
    if undecided:
        remarks.append(f"On {count(undecided, 'call')} the specification could not decide.")
    remarks += [
        f"Networks of the run {report.runs[run].label} went wrong on {_listed(wrong)}."
        for run, found in report.networks
        if (wrong := found.wrong_on)
    ]
    return remarks
