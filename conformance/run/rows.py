"""A row of observations: what one target did with one case. Store, triage and report share the record."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

import polars as pl

from conformance import ops
from conformance.model import SYMPTOMS, Case, Raised, Returned, Verdict, inside
from conformance.run.trials import Outcome

__all__ = ["COLUMNS", "Row", "columns", "digest", "rows"]

BESIDE = "; "  # between the kernels of a call
WORDS = 12  # of a message that tell its cause
# Placeholders of a graph's nodes, lists, names in quotes, and words with digits, slashes or underscores.
CHANGING = re.compile(r"\{\{.*?\}\}|\[[^\]]*\]|'[^']*'|\S*[\d/_]\S*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case on one target; a field is a column of observations/*.parquet."""

    case: str  # the case's id
    op: str
    target: str
    route: str = ""  # which of the target's ways to compute the op
    kernel: str = ""  # the compiled code that computed it, where the target tells; several with BESIDE between
    verdict: str = "agrees"  # agrees, disagrees, unsupported, undecided
    kind: str = ""  # of the disagreement, or a remark on an agreement
    symptoms: tuple[str, ...] = ()  # values of conformance.model.Symptom, or of reference.errors.Fault
    evidence: str = ""  # the numbers behind them, as JSON: conformance.model.Evidence
    rule: str = ""  # the rule in question, where there is one
    worst: tuple[int, ...] = ()  # index of the worst element
    observation: str = "returned"  # returned, raised, crashed, timedout, outofmemory, unsupported
    error: str = ""  # the type of what was raised
    message: str = ""  # what came with it, or with the end of the worker: its words without numbers, names and paths
    signal: int | None = None  # that ended the worker
    exit_code: int | None = None  # with which the worker ended
    choices: str = ""  # by rule of kind choice that decides the result, the alternatives that it meets, as JSON
    breaks: str = ""  # the rule that the case breaks on purpose; empty: a valid call
    dtype: str = ""
    layout: str = ""
    regime: str = ""
    geometry: str = ""  # of a valid call: `conformance.ops.geometry`
    bound_used: float = float("nan")  # largest share of its bound that an element used; 1 is the limit
    ulps: float = float("nan")  # largest distance from the correctly rounded value
    elements: float = 0.0  # in the sums for the fingerprint
    sum: float = 0.0  # of err / (u S)
    squares: float = 0.0  # of (err / (u S))^2
    inverse: float = 0.0  # of 1 / n
    seconds: float = 0.0  # inside the target's call
    trace_seconds: float = 0.0  # tracing and compiling
    cpu_seconds: float = 0.0  # processor time inside the target, tracing and second runs included
    own_seconds: float = 0.0  # processor time outside it: the row's equal share of what its shard took
    again: bool | None = None  # whether a call that ended its worker did so again, alone in a fresh one
    stderr: str = ""  # the end of what a worker that died had printed
    mask: str = ""  # what a mask tells of its generator, as JSON: conformance.judge.masks
    content: str = "{}"  # the case, as JSON
    attributes: str = "{}"  # its attribute classes, as JSON

    @property
    def call(self) -> Case:
        """The case itself."""
        return ops.case_from_json(json.loads(self.content))

    @property
    def kernels(self) -> tuple[str, ...]:
        """The compiled code that computed it."""
        return tuple(filter(None, self.kernel.split(BESIDE)))

    @property
    def classes(self) -> dict[str, str]:
        """The attribute classes of the case."""
        return dict(json.loads(self.attributes))

    @property
    def judged(self) -> Verdict:
        """The verdict, without its measures."""
        return Verdict(
            outcome=self.verdict,  # type: ignore[arg-type]  # as `rows` has written it
            kind=self.kind,
            symptoms=tuple(SYMPTOMS[text] for text in self.symptoms),
            evidence=json.loads(self.evidence or "{}"),
            rule=self.rule,
            made={rule: tuple(names) for rule, names in json.loads(self.choices or "{}").items()},
            worst=self.worst,
            bound_used=self.bound_used,
            ulps=self.ulps,
        )


TYPES: Mapping[Any, Any] = {
    str: pl.String,
    int: pl.Int64,
    float: pl.Float64,
    bool: pl.Boolean,
    tuple[str, ...]: pl.List(pl.String),
    tuple[int, ...]: pl.List(pl.Int64),
}


def _column(annotation: Any) -> Any:  # noqa: ANN401 -- a type, and a type of polars
    """Return the type of a column; one that may be None holds nulls."""
    plain = [each for each in get_args(annotation) if each is not NoneType]
    return TYPES[plain[0] if NoneType in get_args(annotation) else annotation]


def columns(record: type) -> Mapping[str, Any]:
    """Return the columns of a record, by the types of its fields."""
    return {name: _column(annotation) for name, annotation in get_type_hints(record).items()}


COLUMNS: Mapping[str, Any] = columns(Row)


def digest(message: str) -> str:
    """
    Return the words of a message that tell its cause: without numbers, names and paths, which differ from call to call.

    >>> digest("strides [3, 2] of {{node conv_1}} are not equal")
    'strides of are not equal'
    """
    return " ".join(CHANGING.sub(" ", message).split()[:WORDS])


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """Return the outcomes of one case as rows; what they share is worked out once."""
    case = outcomes[0].case
    classes = ops.features(case)
    shared: dict[str, Any] = {
        "case": case.id,
        "op": case.op,
        "breaks": case.breaks or "",
        "dtype": case.dtype,
        "layout": classes.get("layout", ""),
        "regime": case.regime,
        "geometry": ops.geometry(case),
        "content": json.dumps(case.to_json()),
        "attributes": json.dumps(classes),
    }
    return [Row(**shared, **_columns(outcome)) for outcome in outcomes]


def _columns(outcome: Outcome) -> dict[str, Any]:
    """Return the columns about what a target did with its case."""
    observed, judged = outcome.observation, outcome.verdict
    return {
        "target": outcome.target,
        "kernel": BESIDE.join(getattr(observed, "kernels", ())),
        "route": outcome.route,
        "verdict": judged.outcome,
        "kind": judged.kind,
        "symptoms": tuple(map(str, judged.symptoms)),
        "evidence": json.dumps(judged.evidence) if judged.evidence else "",
        "rule": judged.rule,
        "choices": json.dumps(judged.made) if judged.made else "",
        "worst": judged.worst,
        "observation": type(observed).__name__.lower(),
        "error": observed.type if isinstance(observed, Raised) else "",
        "message": digest(judged.evidence.get("message", "")),
        "signal": judged.evidence.get("signal"),
        "exit_code": judged.evidence.get("exit_code"),
        "bound_used": judged.bound_used,
        "ulps": judged.ulps,
        **{name: judged.measures.get(name, 0.0) for name in ("elements", "sum", "squares", "inverse")},
        "seconds": getattr(observed, "seconds", 0.0),
        "trace_seconds": observed.trace_seconds if isinstance(observed, Returned) else 0.0,
        "cpu_seconds": inside(observed),
        "again": getattr(observed, "again", None),
        "stderr": getattr(observed, "stderr", ""),
        "mask": outcome.mask.to_json() if outcome.mask else "",
    }
