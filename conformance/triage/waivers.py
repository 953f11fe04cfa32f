"""
Waivers: known divergences as data. A waiver changes a finding's status, never a verdict.

A waiver covers the observations of one op and kind, on the targets it names, where its predicate holds and the verdict
has its symptoms, and nothing else: what lies outside is new. It carries the smallest case that shows the divergence; a
run in which it covers nothing makes that call, and where it does not cover the result either, the waiver is stale. A
stale waiver, and one past its review date, fail the run.
"""

import datetime as dt
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from conformance.errors import UsageError
from conformance.model import DISAGREEMENTS, SYMPTOMS, Case, Symptom, Verdict
from conformance.ops import OPS, case_from_json, features
from conformance.run.rows import digest
from conformance.targets import registry
from conformance.targets.tensorflow.releases import without_release
from reference.errors import Fault

__all__ = ["BUILT_IN", "Disagreement", "Waiver", "covering", "holds", "load"]

BUILT_IN = Path(__file__).with_name("waivers.toml")
OPTIONAL = {"symptoms", "error", "message", "link"}
KEYS = {"id", "op", "kind", "targets", "versions", "predicate", "case", "link", "reason", "review", *OPTIONAL}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What a waiver may cover: a verdict against a target."""

    op: str
    target: str
    version: str  # of the library that is judged; "" where the target says none
    judged: Verdict
    classes: Mapping[str, str]  # the attribute classes of the case


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One known divergence."""

    id: str
    op: str
    kind: str
    targets: tuple[str, ...]  # names, with * and ?
    versions: SpecifierSet  # of the library that is judged, as PEP 440 says; empty: any, and none
    predicate: Mapping[str, tuple[str, ...]]  # attribute: the classes in which the divergence is seen
    case: Case  # the smallest one that shows it
    reason: str
    review: dt.date  # when to look again
    link: str = ""  # upstream
    symptoms: tuple[Symptom | Fault, ...] = ()  # that the verdict has, all of them
    error: str = ""  # the type of the exception, without its module
    message: str = ""  # a part of the exception's message, as `conformance.run.rows.digest` leaves it

    def covers(self, found: Disagreement) -> bool:
        """Return whether a disagreement falls under this waiver."""
        return self.describes(found) and self.concerns(found.target, found.version)

    def describes(self, found: Disagreement) -> bool:
        """Return whether a disagreement is of this divergence, whatever target and version gave it."""
        judged, evidence = found.judged, found.judged.evidence
        return (
            (found.op, judged.kind) == (self.op, self.kind)
            and set(self.symptoms) <= set(judged.symptoms)
            and self.error in ("", evidence.get("error", "").rpartition(".")[2])
            and self.message in digest(evidence.get("message", ""))
            and holds(self.predicate, found.classes)
        )

    def concerns(self, target: str, version: str) -> bool:
        """Return whether the waiver speaks of this target in this version of its library; "" where none is said."""
        named = any(fnmatchcase(without_release(target), pattern) for pattern in self.targets)
        known = not len(self.versions) or (bool(version) and self.versions.contains(version, prereleases=True))
        return named and known

    def expired(self, today: dt.date) -> bool:
        """Return whether it is past its review date."""
        return today > self.review


def holds(predicate: Mapping[str, Sequence[str]], classes: Mapping[str, str]) -> bool:
    """Return whether every attribute is in one of its classes."""
    return all(classes.get(name) in several for name, several in predicate.items())


def covering(waivers: Iterable[Waiver], found: Disagreement) -> Waiver | None:
    """Return the first waiver that a disagreement falls under, if any does."""
    return next((waiver for waiver in waivers if waiver.covers(found)), None)


def load(path: Path = BUILT_IN) -> list[Waiver]:
    """
    Read a file of waivers.

    Raises:
        UsageError: one line that says what is wrong, and where.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply") from None
    except (OSError, ValueError) as error:  # no UTF-8, no TOML, or an integer of thousands of digits
        raise UsageError(f"{path}: {error}") from error
    entries = data.get("waiver", [])
    if set(data) - {"waiver"} or not isinstance(entries, list):
        raise UsageError(f"{path}: holds [[waiver]] tables and nothing else")
    waivers = [_waiver(f"{path}: waiver {number}", entry) for number, entry in enumerate(entries, 1)]
    ids = [waiver.id for waiver in waivers]
    for name in ids:
        if ids.count(name) > 1:
            raise UsageError(f"{path}: the id {name!a} comes twice")
    return waivers


def _waiver(where: str, entry: Any) -> Waiver:  # noqa: ANN401 -- whatever stands in the file
    """Read one table."""
    if not isinstance(entry, dict):
        raise UsageError(f"{where}: is no table")
    where = f"{where} ({entry.get('id', 'without id')!a})"
    missing, unknown = KEYS - OPTIONAL - set(entry), set(entry) - KEYS
    if missing or unknown:
        wrong = (
            f"lacks {', '.join(sorted(missing))}" if missing else f"has no key {', '.join(map(ascii, sorted(unknown)))}"
        )
        raise UsageError(f"{where}: {wrong}")
    for name in ("id", "op", "kind", "versions", "link", "reason", "case", "error", "message"):
        if not isinstance(entry.get(name, ""), str):
            raise UsageError(f"{where}: {name} is no text")
    op, predicate = _one_of(where, "op", entry["op"], tuple(OPS)), _predicate(where, entry["predicate"])
    return Waiver(
        id=entry["id"],
        op=op,
        kind=_one_of(where, "kind", entry["kind"], DISAGREEMENTS),
        targets=_targets(where, entry["targets"]),
        versions=_versions(where, entry["versions"]),
        predicate=predicate,
        case=_case(where, op, entry["case"], predicate),
        link=_link(where, entry["link"]) if "link" in entry else "",
        reason=entry["reason"],
        review=_date(where, entry["review"]),
        symptoms=_symptoms(where, entry["symptoms"]) if "symptoms" in entry else (),
        error=entry.get("error", ""),
        message=entry.get("message", ""),
    )


def _one_of(where: str, name: str, text: str, known: Sequence[str]) -> str:
    if text not in known:
        raise UsageError(f"{where}: {name} {text!a}: one of {', '.join(known)}")
    return text


def _texts(where: str, name: str, value: Any) -> list[str]:  # noqa: ANN401
    if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
        raise UsageError(f"{where}: {name} is no list of texts")
    return value


def _symptoms(where: str, value: Any) -> tuple[Symptom | Fault, ...]:  # noqa: ANN401
    """Read symptoms by their values."""
    texts = _texts(where, "symptoms", value)
    return tuple(SYMPTOMS[_one_of(where, "symptoms", text, tuple(SYMPTOMS))] for text in texts)


def _targets(where: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Read names and patterns of targets; a module, or one with a colon, is a plug-in, and nobody knows them all."""
    for pattern in _texts(where, "targets", value):
        plugin = ":" in pattern or all(part.isidentifier() for part in pattern.split("."))
        if not plugin and not any(fnmatchcase(name, pattern) for name in registry.BUILT_IN):
            raise UsageError(f"{where}: targets {pattern!a}: fits none of {', '.join(registry.BUILT_IN)}")
    return tuple(value)


def _predicate(where: str, value: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise UsageError(f"{where}: predicate is no table of attributes")
    return {
        name: tuple(_texts(where, f"predicate.{name!a}", [several] if isinstance(several, str) else several))
        for name, several in value.items()
    }


def _versions(where: str, text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise UsageError(f"{where}: versions {text!a}: no version range of PEP 440") from error


def _link(where: str, text: str) -> str:
    if not text.startswith(("https://", "docs/")):
        raise UsageError(f"{where}: link {text!a}: neither https:// nor a page of docs/")
    return text


def _date(where: str, value: Any) -> dt.date:  # noqa: ANN401
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise UsageError(f"{where}: review {value!r}: no date, such as 2027-05-01")
    return value


def _case(where: str, op: str, text: str, predicate: Mapping[str, Sequence[str]]) -> Case:
    """Read the case; it lies in its own predicate, which so names no attribute that the op does not have."""
    try:
        case = case_from_json(json.loads(text))
    except RecursionError:
        raise UsageError(f"{where}: case: nested too deeply") from None
    except (UsageError, ValueError) as error:
        raise UsageError(f"{where}: case: {error}") from error
    if case.op != op:
        raise UsageError(f"{where}: case: of {case.op}, not of {op}")
    classes = _classes(where, case)
    for name, several in predicate.items():
        if name not in classes:
            raise UsageError(f"{where}: predicate {name!a}: the case has {', '.join(classes)}")
        if classes[name] not in several:
            raise UsageError(f"{where}: case: its {name} is {classes[name]}, outside the predicate's {list(several)!a}")
    return case


def _classes(where: str, case: Case) -> dict[str, str]:
    """Return the attribute classes of a case that somebody wrote."""
    try:
        return features(case)
    except Exception as error:  # whatever the generators' readers stumble over
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{where}: case: no call of {case.op}: {what:.200}") from error
