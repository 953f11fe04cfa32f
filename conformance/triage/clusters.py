"""
A cluster: disagreeing observations with one cause, and the smallest case that shows it.

What a run reports of a cluster is a finding: `conformance.triage.findings`. How clusters are looked for:
`conformance.triage.search`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from signal import SIGBUS, SIGSEGV

from conformance.judge.diagnosis import ARITHMETIC
from conformance.judge.severity import severity_of
from conformance.judge.wording import WEAKER, sentence
from conformance.model import Case, Verdict
from conformance.run.rows import digest
from conformance.run.trials import Outcome
from conformance.triage.findings import Finding
from conformance.triage.known.cause import Cause

__all__ = ["DEADLY", "Cluster", "signature"]

# Kinds that end the worker: what governs them tells one from another, and how it ended; any call may be refused.
DEADLY = ("crashed", "hung", "out-of-memory")
ENDED = ("refused-valid", *DEADLY)
# What glibc says of memory that an earlier write has damaged.
DAMAGED = re.compile(r"malloc|realloc|free\(\)|double free|corrupt|munmap_chunk|smashing")

WHAT: Mapping[str, str] = {
    "wrong-value": "gives wrong numbers",
    "wrong-shape": "gives a wrong shape",
    "wrong-dtype": "gives a wrong dtype",
    "accepted-invalid": "accepts what {rule} forbids",
    "refused-valid": "refuses a valid call",
    "crashed": "ends the process",
    "hung": "does not end",
    "out-of-memory": "runs out of memory",
    "nondeterministic": "gives other bits the second time",
}
UNSAID = ("regime", "seed", "breaks", "rule")  # parts of a predicate that a title leaves out
WHOLE_RUN = "over the whole run on {target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Disagreements with one cause; the verdict is that on the case."""

    op: str
    target: str
    route: str
    verdict: Verdict
    case: Case
    predicate: Mapping[str, str]
    shared_by: Mapping[str, str]  # target: kind
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the predicate's attributes, all seen
    not_shared_by: tuple[str, ...]
    cases: int  # of the run
    library: str = ""  # whose fault it is, where no cause says it
    common: tuple[str, ...] = ()  # symptoms that all its observations have
    kernels: tuple[str, ...] = ()  # of its observations
    agreeing_kernels: tuple[str, ...] = ()  # of the calls next to its case that agree
    whole_run: bool = False  # whether no single case shows it
    remark: str = ""  # why the case is not the smallest one
    nearest: Case | None = None  # one attribute from the case, and right on its target
    before: Case | None = None  # a call of the same process without which the case is right
    cause: Cause | None = None  # that covers it
    places: frozenset[int] = frozenset()  # of the cause: the numbers of those that its observations lie in
    cut_off: bool = False  # whether a budget ended before the case was as small as it gets
    shown: Outcome | None = field(default=None, compare=False, repr=False)  # by its case, on its target

    @property
    def kind(self) -> str:
        """The kind of the disagreement."""
        return self.verdict.kind

    @property
    def signature(self) -> tuple[str, ...]:
        """What of the verdict tells the cause."""
        return signature(self.verdict)

    @property
    def grouping(self) -> tuple[str, ...]:
        """The symptoms that all its observations have, as far as they tell its cause."""
        if self.kind == "accepted-invalid":
            return self.common
        return tuple(self.verdict.symptoms) if self.kind in ENDED else self.signature

    @property
    def id(self) -> str:
        """Derived from op, kind, library, and cause, signature or predicate: the same in every run."""
        why: object = [*self.signature, *sorted(self.predicate.items())]
        if self.signature and self.kind not in DEADLY:
            why = list(self.signature)
        if self.whole_run:
            why = WHOLE_RUN.format(target=self.target)
        if self.before:
            why = {"after another call": sorted(self.predicate.items())}
        if self.cause:
            why = {"cause": self.cause.id}
        text = json.dumps([self.op, self.kind, why, self.verdict.rule, self.library])
        return f"{self.op}-{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def title(self) -> str:
        """What is wrong, and when, in words."""
        weaker = (WEAKER[symptom] for symptom in self.verdict.symptoms if symptom in WEAKER)
        whole = [WHOLE_RUN.format(target=self.target)] if self.whole_run else []
        decided = [f"where {self.verdict.rule} decides"] if self.kind == "wrong-value" and self.verdict.rule else []
        after = ["after another call"] if self.before else []
        what = ", ".join([self.what, *after, *decided, *whole, *weaker])
        when = ", ".join(f"{name} {text}" for name, text in self.predicate.items() if name not in UNSAID)
        return f"{self.op} {what}" + (f" ({when})" if when else "")

    @property
    def what(self) -> str:
        """What is wrong, in words."""
        return WHAT[self.kind].format(rule=self.verdict.rule)

    @property
    def reason(self) -> str:
        """The verdict in words."""
        return sentence(self.verdict) + (f" ({self.remark})" if self.remark else "")

    def finding(self) -> Finding:
        """Return what the run reports."""
        return Finding(
            id=self.id,
            title=self.title,
            op=self.op,
            target=self.target,
            kind=self.kind,
            severity=self.cause.severity if self.cause else severity_of(self.op, self.verdict),
            status="known" if self.cause else "new",
            case=self.case.to_json(),
            case_id=self.case.id,
            before=self.before.to_json() if self.before else None,
            route=self.route,
            symptoms=tuple(map(str, self.verdict.symptoms)),
            signature=tuple(map(str, self.grouping)),
            error=self.verdict.evidence.get("error", "").rpartition(".")[2] if self.kind in ENDED else "",
            message=digest(self.verdict.evidence.get("message", "")) if self.kind in ENDED else "",
            rule=self.verdict.rule,
            reason=self.reason,
            predicate=dict(self.predicate),
            classes=dict(self.classes) or {name: (text,) for name, text in self.predicate.items()},
            kernels=self.kernels,
            agreeing_kernels=self.agreeing_kernels,
            cause=self.cause.id if self.cause else None,
            link=(self.cause.link or None) if self.cause else None,
            shared_by=dict(self.shared_by),
            not_shared_by=self.not_shared_by,
            cases=self.cases,
            worst=self.verdict.worst,
        )


def signature(judged: Verdict) -> tuple[str, ...]:
    """
    Return what of a disagreement tells its cause: how the call ended, or a weaker arithmetic.

    Damaged memory ends a process by one of several signals, and with one of several messages: it counts as one way.
    """
    if judged.kind == "wrong-value":
        return tuple(symptom for symptom in judged.symptoms if symptom in ARITHMETIC)
    if judged.kind not in ENDED:
        return ()
    evidence, message = judged.evidence, digest(judged.evidence.get("message", ""))
    if judged.kind == "crashed":
        damaged = evidence.get("signal") in (SIGSEGV, SIGBUS) or DAMAGED.search(message)
        return (*judged.symptoms, "memory") if damaged else (*judged.symptoms, str(evidence.get("signal")), message)
    return (*judged.symptoms, evidence.get("error", ""), message)
