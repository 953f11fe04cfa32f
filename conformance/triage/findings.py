"""
Findings: disagreeing observations with one cause, shrunk to the smallest case, with the predicate that governs them.

A group starts with one disagreeing observation. Its case is shrunk on the live worker: each step makes one part of the
call simpler and keeps it valid, as long as the fault stays. Then each attribute of the smallest case is changed, one at
a time: those whose change makes the fault go are the predicate. Every observation of the same op and kind that meets
the predicate, or that failed with the same words, belongs to the finding; what is left starts the next group.
"""

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from conformance import ops
from conformance.judge.allowed import Allowed, Results, allowed, preferred
from conformance.judge.judging import CONSISTENT, declared
from conformance.model import Array, Case, Crashed, OutOfMemory, Returned, TimedOut
from conformance.ops import case_from_json
from conformance.run import trials
from conformance.run.trials import Outcome, Panel
from conformance.triage.scripts.script import script
from conformance.triage.waivers import Waiver, holds

__all__ = ["Finding", "Search", "case_file", "files", "find_all"]


# Kinds of which the message, without its numbers and names, tells the cause.
TOLD = ("refused-valid", "crashed", "hung", "out-of-memory")
STEPS = 400  # calls that may go into shrinking a finding, and as many into its predicate
TOTAL = 10 * STEPS  # that may go into all findings of a run: counted, not timed, so that the same run finds the same
ENDING = 25  # steps that starting another worker counts for
WAITING = 20  # steps that a second of waiting for a call that hangs counts for
SEEDS = 4  # values on which a call is tried before it is said not to show a fault
WORDS = 12  # of a message that tell the cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Verdicts with one cause."""

    op: str
    target: str
    route: str
    kind: str
    rule: str
    reason: str
    case: Case
    predicate: Mapping[str, str]
    shared_by: Mapping[str, str]  # target: kind
    not_shared_by: tuple[str, ...]
    cases: int  # of the run
    worst: tuple[int, ...] = ()
    words: str = ""  # what the message says, where that tells the cause
    waiver: Waiver | None = None
    shown: Outcome | None = field(default=None, compare=False, repr=False)  # by its case, on its target

    @property
    def id(self) -> str:
        """Derived from op, kind and predicate: the same cause has the same id in every run."""
        cause = sorted(self.predicate.items()) if not self.words else self.words
        text = json.dumps([self.op, self.kind, cause, self.rule])
        return f"{self.op}-{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def title(self) -> str:
        """What is wrong, and when, in words."""
        what = {
            "wrong-value": "gives wrong numbers",
            "wrong-shape": "gives a wrong shape",
            "wrong-dtype": "gives a wrong dtype",
            "accepted-invalid": f"accepts what {self.rule} forbids",
            "refused-valid": "refuses a valid call",
            "crashed": "ends the process",
            "hung": "does not end",
            "out-of-memory": "runs out of memory",
            "nondeterministic": "gives other bits the second time",
        }[self.kind]
        said = ("regime", "seed", "breaks", "rule")
        what += f", {self.words}" if self.kind == "wrong-value" and self.words else ""
        when = ", ".join(f"{name} {text}" for name, text in self.predicate.items() if name not in said)
        return f"{self.op} {what}" + (f" ({when})" if when else "")

    def to_json(self) -> dict[str, Any]:
        """Return the finding as findings.json has it."""
        return {
            "id": self.id,
            "title": self.title,
            "op": self.op,
            "target": self.target,
            "route": self.route,
            "kind": self.kind,
            "rule": self.rule,
            "reason": self.reason,
            "predicate": dict(self.predicate),
            "status": "waived" if self.waiver else "new",
            "waiver": self.waiver.id if self.waiver else None,
            "link": self.waiver.link if self.waiver else None,
            "case": self.case.to_json(),
            "case_id": self.case.id,
            "shared_by": dict(self.shared_by),
            "not_shared_by": list(self.not_shared_by),
            "cases": self.cases,
            "worst": list(self.worst),
        }


@dataclass(slots=True)
class Search:
    """How findings are looked for: the live targets, and what may go into shrinking."""

    panel: Panel
    total: int = TOTAL  # steps left: below 1 no further finding is shrunk
    tell: Callable[[str], None] = field(default=lambda _: None)
    steps: int = STEPS  # left for the shrinking that is going on

    def begin(self) -> None:
        """Allow the next shrinking its steps."""
        self.steps = STEPS

    def cost(self, outcome: Outcome) -> int:
        """Return how many steps a call counts for: a worker that has ended is replaced, after the wait for a hang."""
        match outcome.observation:
            case TimedOut():
                return int(WAITING * self.panel.limits.seconds) + 1
            case Crashed() | OutOfMemory():
                return ENDING
        return 1

    def shows(self, case: Case, target: str, route: str, kind: str, rule: str, said: str) -> Outcome | None:
        """Run a case on one target; return the outcome if it is the same disagreement, in the same words."""
        outcome = self.panel.examine(case, [target], route)[0]
        cost = self.cost(outcome)
        self.steps -= cost
        self.total -= cost
        judged = outcome.verdict
        same = (judged.outcome, judged.kind, judged.rule, words(judged.kind, judged.reason))
        return outcome if same == ("disagrees", kind, rule, said) else None


Row = Mapping[str, Any]


def find_all(
    rows: Sequence[Row], search: Search, waivers: Sequence[Waiver], versions: Mapping[str, str]
) -> list[Finding]:
    """
    Return the findings behind disagreeing observations.

    rows: rows of observations whose verdict is "disagrees"; versions: of TensorFlow, by target.
    """
    left = sorted(rows, key=order)
    classes = {row["case"]: json.loads(row["attributes"]) for row in left}
    findings: list[Finding] = []
    for waiver in waivers:
        covered = [row for row in left if waiver.covers(row, classes[row["case"]], versions.get(row["target"], ""))]
        if covered:
            search.tell(f"{len(covered)} observations are waived as {waiver.id}")
            findings.append(_known(waiver, covered, search))
            taken = {id(row) for row in covered}
            left = [row for row in left if id(row) not in taken]
    search.tell(f"looking for the causes of {len(left)} disagreeing observations")
    while left:
        finding = _finding(left[0], left, search, None)
        taken = {id(row) for row in left if explains(finding, row, classes[row["case"]])} | {id(left[0])}
        findings.append(_counted(finding, len({row["case"] for row in left if id(row) in taken})))
        left = [row for row in left if id(row) not in taken]
        search.tell(f"{finding.title}: {len(taken)} observations; {len(left)} left")
    return _merged(findings)


def order(row: Row) -> tuple[str, str, bool, str, int, str]:
    """
    Return the order in which observations become findings: the simplest first.

    What a lesser arithmetic would allow comes last: of many products it allows what another fault does, too.
    """
    return row["op"], row["kind"], CONSISTENT in row["reason"], row["target"], len(row["content"]), row["case"]


def explains(finding: Finding, row: Row, classes: Mapping[str, str]) -> bool:
    """Return whether an observation shows this finding: its op, kind and rule, in the same words or where it holds."""
    if (row["op"], row["kind"], row["rule"]) != (finding.op, finding.kind, finding.rule):
        return False
    if finding.kind == "accepted-invalid":
        return True
    if finding.words:
        return words(row["kind"], row["reason"]) == finding.words
    if row["target"] not in finding.shared_by:
        return False
    return holds({name: [text] for name, text in finding.predicate.items()}, classes)


def words(kind: str, reason: str) -> str:
    """Return the words of a message that tell the cause: its type and its text, without numbers, names and paths."""
    if kind == "wrong-value" and CONSISTENT in reason:
        return reason[reason.index(CONSISTENT) :]
    if kind not in TOLD:
        return ""
    text = re.sub(r"\{\{.*?\}\}|\[[^\]]*\]|'[^']*'|\S*[\d/_]\S*", " ", reason)
    return " ".join(text.split()[:WORDS])


def _counted(finding: Finding, count: int) -> Finding:
    """Return the finding with the number of cases that show it."""
    return replace(finding, cases=count)


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """Join findings with the same id: they were met from two sides; one that no waiver covers makes both new."""
    merged: dict[str, Finding] = {}
    for finding in findings:
        other = merged.get(finding.id)
        if other is None:
            merged[finding.id] = finding
            continue
        one, more = (other, finding) if finding.waiver else (finding, other)
        shared = {**more.shared_by, **one.shared_by}
        merged[finding.id] = replace(one, shared_by=shared, cases=other.cases + finding.cases)
    return list(merged.values())


def _known(waiver: Waiver, rows: Sequence[Row], search: Search) -> Finding:
    """Return what a waiver covers, with its own case and predicate: neither is searched for again."""
    row = rows[0]
    outcomes = {each.target: each for each in search.panel.examine(waiver.case, route=row["route"])}
    shown = outcomes[row["target"]]
    if not waiver.describes(trials.rows([shown])[0], ops.features(waiver.case)):
        return _finding(row, rows, search, waiver)  # by this route, or with these words, it takes another case
    return replace(
        _met(row, rows),
        rule=shown.verdict.rule,
        reason=shown.verdict.reason,
        case=waiver.case,
        predicate={name: " or ".join(several) for name, several in waiver.predicate.items()},
        shared_by=_kinds(outcomes.values()),
        not_shared_by=tuple(name for name, each in outcomes.items() if each.verdict.outcome == "agrees"),
        worst=shown.verdict.worst,
        waiver=waiver,
        shown=shown,
    )


def _kinds(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return who disagrees, with its kind."""
    return {each.target: each.verdict.kind for each in outcomes if each.verdict.outcome == "disagrees"}


def _met(row: Row, rows: Sequence[Row]) -> Finding:
    """Return a finding as one observation shows it, before anything is searched for."""
    return Finding(
        op=row["op"],
        target=row["target"],
        route=row["route"],
        kind=row["kind"],
        rule=row["rule"],
        reason=row["reason"],
        case=case_from_json(json.loads(row["content"])),
        predicate={},
        shared_by={each["target"]: each["kind"] for each in rows if each["case"] == row["case"]},
        not_shared_by=(),
        cases=len({each["case"] for each in rows}),
        words=words(row["kind"], row["reason"]),
    )


def _finding(row: Row, rows: Sequence[Row], search: Search, waiver: Waiver | None) -> Finding:
    """Shrink one observation's case, and find out what governs it and who shares it."""
    met = replace(_met(row, rows), waiver=waiver)
    key = (met.target, met.route, met.kind, met.rule, met.words)
    case = met.case
    if search.total <= 0:
        return replace(met, reason=f"{met.reason} (not shrunk: {TOTAL} calls went into other findings)")
    first = search.shows(case, *key)
    if first is None:
        # What it needs is not in the case alone: it is reported as it was met.
        classes = ops.features(case)
        return replace(met, predicate=classes, reason=f"{met.reason} (not again when the case was run alone)")
    smallest, outcome = _shrunk(case, first, search, key)
    others = search.panel.examine(smallest, [name for name in search.panel.targets if name != row["target"]])
    return replace(
        met,
        reason=outcome.verdict.reason,
        case=smallest,
        # Which values round wrongly is chance: the arithmetic governs it, and its dtype.
        predicate=_predicate(smallest, search, key) if CONSISTENT not in met.words else {"dtype": case.dtype},
        shared_by={row["target"]: row["kind"], **_kinds(others)},
        not_shared_by=tuple(other.target for other in others if other.verdict.outcome == "agrees"),
        worst=outcome.verdict.worst,
        shown=outcome,
    )


def _shrunk(case: Case, outcome: Outcome, search: Search, key: tuple[str, str, str, str, str]) -> tuple[Case, Outcome]:
    """Return the smallest case that shows the same disagreement, and its outcome."""
    best = [outcome]
    search.begin()

    def shows(candidate: Case) -> bool:
        if search.steps <= 0 or candidate.breaks != case.breaks:
            return False
        seen = search.shows(candidate, *key)
        if seen:
            best.append(seen)
        return seen is not None

    return ops.shrink(case, shows), best[-1]


def _predicate(case: Case, search: Search, key: tuple[str, str, str, str, str]) -> dict[str, str]:
    """Return the attributes any change of which makes the fault go, with their classes in the smallest case."""
    classes = ops.features(case)
    search.begin()
    gone: list[list[str]] = []
    free: set[str] = set()  # attributes that may change, and the fault stays
    for neighbour in ops.neighbours(case):
        others = ops.features(neighbour)
        changed = [name for name, text in classes.items() if others.get(name) != text]
        if free.issuperset(changed) or search.steps <= 0:
            continue
        if _shows_somehow(neighbour, search, key):
            free.update(changed)
        else:
            gone.append(changed)
    return {
        name: classes[name] for name in _governing([[name for name in names if name not in free] for names in gone])
    }


def _governing(gone: Sequence[Sequence[str]]) -> list[str]:
    """Return few attributes, at least one of which is in every change that made the fault go: the commonest first."""
    found: list[str] = []
    while left := [names for names in gone if names and not set(names) & set(found)]:
        counts = Counter(name for names in left for name in names)
        found.append(counts.most_common(1)[0][0])
    return found


def _shows_somehow(case: Case, search: Search, key: tuple[str, str, str, str, str]) -> bool:
    """Return whether a case shows the disagreement, with its own values or others: a rounding needs the right ones."""
    seeds = (case.seed + step for step in range(0, 2 * SEEDS, 2)) if key[2] == "wrong-value" else (case.seed,)
    return any(search.shows(replace(case, seed=seed), *key) for seed in seeds)


def files(finding: Finding, panel: Panel) -> dict[str, bytes]:
    """Return the files of a finding's folder: the case, the arrays, and the script of a function."""
    arguments = ops.arguments(finding.case)
    target = panel.targets[finding.target]
    sets = allowed(finding.case, arguments, declared(target, finding.case))
    outcome = finding.shown or panel.examine(finding.case, [finding.target], finding.route)[0]
    arrays: dict[str, Array] = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
    if isinstance(outcome.observation, Returned):
        arrays |= {f"observed_{i}": array for i, array in enumerate(outcome.observation.arrays)}
    arrays |= _set_arrays(sets)
    stored = case_file(finding) | {"arrays.npz": _npz(arrays)}
    if isinstance(outcome.observation, Crashed):
        stored["stderr.txt"] = outcome.observation.stderr.encode()
    if target.command:  # it speaks the wire protocol
        return stored
    route = finding.route or target.first_route(finding.op)
    text = script(finding.case, arguments, sets, target, route, finding.kind, panel.limits)
    return stored | {"repro.py": text.encode()}


def case_file(finding: Finding) -> dict[str, bytes]:
    """Return the file that holds a finding's case: all that there is where only the whole run shows it."""
    return {"case.json": (json.dumps(finding.case.to_json(), indent=1) + "\n").encode()}


def _set_arrays(sets: Allowed) -> dict[str, Array]:
    """Return the arrays of the preferred set."""
    first = preferred(sets)
    if not isinstance(first, Results):
        return {}
    names = ("value", "low", "high", "nan")
    return {f"{name}_{i}": getattr(result, name) for i, result in enumerate(first.arrays) for name in names}


def _npz(arrays: Mapping[str, Array]) -> bytes:
    """Return arrays as an .npz file without pickles; bfloat16 as its bits."""
    plain = {
        f"{name}.bfloat16" if array.dtype.name == "bfloat16" else name: array.view(np.uint16)
        if array.dtype.name == "bfloat16"
        else array
        for name, array in arrays.items()
        if array.dtype != object
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **plain)
    return buffer.getvalue()
