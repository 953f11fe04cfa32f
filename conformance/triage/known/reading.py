"""
Files of causes: a TOML file of [[cause]] tables, and beside it a JSON file of their cases, by the causes' ids.

The causes that come with the suite stand one a file in `conformance/causes/<library>/`; a user's list is a file of the
same format, or a folder of such files. Whatever is wrong with a file is said in one line that names the place.
docs/causes.md describes every key.
"""

import datetime as dt
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from conformance.errors import UsageError
from conformance.judge.severity import SEVERITIES
from conformance.model import DISAGREEMENTS, SYMPTOMS, Case, Symptom
from conformance.ops import OPS, case_from_json, features
from conformance.targets import machine, registry
from conformance.triage.known.cause import ANY_VERSION, Cause, Place, Versions
from conformance.triage.known.matching import calls
from reference.errors import Fault

__all__ = ["SHIPPED", "cases_file", "load", "shipped"]

SHIPPED = Path(__file__).parents[2] / "causes"
TEXTS = ("id", "library", "title", "severity", "link", "description", "traced", "hides")
NEEDED = ("id", "library", "title", "severity", "review", "where")
OF_PLACE = tuple(field.name for field in fields(Place))


def shipped() -> list[Cause]:
    """Return the causes that come with the suite."""
    return [cause for path in sorted(SHIPPED.glob("*/*.toml")) for cause in load(path)]


def cases_file(path: Path) -> Path:
    """Return the file that holds the cases of a file of causes."""
    return path.with_suffix(".json")


def load(path: Path) -> list[Cause]:
    """
    Read a file of causes, or every one in a folder.

    Raises:
        UsageError: one line that says what is wrong, and where.
    """
    if path.is_dir():
        return _distinct(path, [cause for each in sorted(path.rglob("*.toml")) for cause in load(each)])
    data = _parsed(path, tomllib.loads)
    entries = data.get("cause", [])
    if set(data) - {"cause"} or not _are(dict, entries):
        raise UsageError(f"{path}: holds [[cause]] tables and nothing else")
    causes = _distinct(path, [_cause(f"{path}: cause {number}", entry) for number, entry in enumerate(entries, 1)])
    return _with_cases(cases_file(path), causes) if causes else []


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401 -- whatever stands in the file
    """Return what a file holds."""
    try:
        return parse(path.read_text("utf-8"))
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply") from None
    except (OSError, ValueError) as error:  # no UTF-8, no TOML or JSON, or an integer of thousands of digits
        raise UsageError(f"{path}: {error}") from error


def _distinct(path: Path, causes: list[Cause]) -> list[Cause]:
    """Return causes whose ids differ."""
    ids = [cause.id for cause in causes]
    for name in ids:
        if ids.count(name) > 1:
            raise UsageError(f"{path}: the id {name!a} comes twice")
    return causes


def _cause(where: str, entry: Mapping[str, Any]) -> Cause:
    """Read one table, its cases apart; a key of a place that stands beside the places is a default for all of them."""
    where = f"{where} ({entry.get('id', 'without id')!a})"
    _keys(where, entry, NEEDED, {*TEXTS, *NEEDED, *OF_PLACE})
    for name in TEXTS:
        if not isinstance(entry.get(name, ""), str):
            raise UsageError(f"{where}: {name} is no text")
    if not entry["where"] or not _are(dict, entry["where"]):
        raise UsageError(f"{where}: where is no list of [[cause.where]] tables")
    shared = {name: entry[name] for name in OF_PLACE if name in entry}
    places = (
        _place(f"{where}: where {number}", shared | each, entry["library"])
        for number, each in enumerate(entry["where"], 1)
    )
    return Cause(
        **{name: entry[name] for name in TEXTS if name in entry}
        | {"severity": _one_of(where, "severity", entry["severity"], SEVERITIES), "link": _link(where, entry)},
        review=_date(where, entry["review"]),
        where=tuple(places),
        cases=(),
    )


def _keys(where: str, entry: Mapping[str, Any], needed: Sequence[str], allowed: set[str]) -> None:
    """Refuse a table that lacks a key, or has one that nobody knows."""
    if missing := sorted(set(needed) - set(entry)):
        raise UsageError(f"{where}: lacks {', '.join(missing)}")
    if unknown := sorted(set(entry) - allowed):
        raise UsageError(f"{where}: has no key {', '.join(map(ascii, unknown))}")


def _place(where: str, entry: Mapping[str, Any], library: str) -> Place:
    """Read one place."""
    _keys(where, entry, ("ops", "kinds", "targets"), set(OF_PLACE))
    words = {
        "kinds": DISAGREEMENTS,
        "isa": (*machine.ISA_LEVELS, "aarch64"),
        "devices": ("CPU", "GPU"),
    }
    listed = {
        name: _texts(where, name, entry[name])
        for name in OF_PLACE
        if name in entry and name not in ("features", "versions", "symptoms", "signals")
    }
    for name, known in words.items():
        for text in listed.get(name, ()):
            _one_of(where, name, text, known)
    _fitting(where, "ops", listed["ops"], tuple(OPS))
    plugins = {text for text in listed["targets"] if ":" in text or all(map(str.isidentifier, text.split(".")))}
    known = (*registry.BUILT_IN, *registry.registered())
    _fitting(where, "targets", [text for text in listed["targets"] if text not in plugins], known)
    return Place(
        **listed,
        features=_features(where, entry.get("features", {})),
        symptoms=_symptoms(where, entry.get("symptoms", [])),
        signals=_signals(where, entry.get("signals", [])),
        versions=_versions(where, entry.get("versions"), library),
    )


def _one_of(where: str, name: str, text: object, known: Sequence[str]) -> str:
    """Return a text that is one of those that are known."""
    if text not in known:
        raise UsageError(f"{where}: {name} {text!a}: one of {', '.join(known)}")
    return str(text)


def _are(kind: type, value: object) -> bool:
    """Return whether a value is a list of values of a type; True is no integer."""
    return isinstance(value, list) and all(isinstance(each, kind) and not isinstance(each, bool) for each in value)


def _texts(where: str, name: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401 -- whatever stands in the file
    """Return a list of texts that is not empty."""
    if not value or not _are(str, value):
        raise UsageError(f"{where}: {name} is no list of texts")
    return tuple(value)


def _fitting(where: str, name: str, patterns: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a pattern that fits none of those that are known."""
    for pattern in patterns:
        if not any(fnmatchcase(each, pattern) for each in known):
            raise UsageError(f"{where}: {name} {pattern!a}: fits none of {', '.join(known)}")


def _features(where: str, value: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Read the classes of features; one class may stand without a list."""
    if not isinstance(value, dict):
        raise UsageError(f"{where}: features is no table")
    return {
        name: _texts(where, f"features.{name!a}", [several] if isinstance(several, str) else several)
        for name, several in value.items()
    }


def _symptoms(where: str, value: Any) -> tuple[Symptom | Fault, ...]:  # noqa: ANN401
    """Read symptoms by their values."""
    texts = _texts(where, "symptoms", value) if value != [] else ()
    return tuple(SYMPTOMS[_one_of(where, "symptoms", text, tuple(SYMPTOMS))] for text in texts)


def _signals(where: str, value: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Read the numbers of signals."""
    if not _are(int, value):
        raise UsageError(f"{where}: signals is no list of integers")
    return tuple(value)


def _versions(where: str, value: Any, library: str) -> Versions:  # noqa: ANN401
    """Read the releases that were measured; a library without a name has none."""
    if value is None:
        return ANY_VERSION
    if not library or not isinstance(value, dict) or not {"first", "last"} <= set(value) <= {"first", "last", "absent"}:
        raise UsageError(f"{where}: versions is no table of a library's first, last and absent")
    absent = _texts(where, "versions.absent", value["absent"]) if value.get("absent") else ()
    for text in (value["first"], value["last"], *absent):
        _version(where, text)
    return Versions(first=value["first"], last=value["last"], absent=absent)


def _version(where: str, text: object) -> None:
    """Refuse what PEP 440 does not know as a version."""
    try:
        Version(str(text) if isinstance(text, str) else "")
    except InvalidVersion as error:
        raise UsageError(f"{where}: versions {text!a}: no version as PEP 440 says, in quotes") from error


def _link(where: str, entry: Mapping[str, Any]) -> str:
    """Return the link, if there is one."""
    link = str(entry.get("link", ""))
    if link and not link.startswith("https://"):
        raise UsageError(f"{where}: link {link!a}: not https://")
    return link


def _date(where: str, value: Any) -> dt.date:  # noqa: ANN401
    """Return a date."""
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise UsageError(f"{where}: review {value!r}: no date, such as 2027-05-01")
    return value


def _with_cases(path: Path, causes: Sequence[Cause]) -> list[Cause]:
    """Return causes with their cases: each has a case in every place, and no case lies outside its cause's places."""
    data = _parsed(path, json.loads)
    if not isinstance(data, dict) or not all(_are(dict, cases) for cases in data.values()):
        raise UsageError(f"{path}: holds lists of cases by the ids of causes and nothing else")
    if odd := sorted(set(data) ^ {cause.id for cause in causes}):
        raise UsageError(f"{path}: {odd[0]!a} is not both here and among the causes of {path.with_suffix('.toml')}")
    return [replace(cause, cases=tuple(_cases(f"{path}: {cause.id!a}", cause, data[cause.id]))) for cause in causes]


def _cases(where: str, cause: Cause, entries: Sequence[Mapping[str, Any]]) -> list[Case]:
    """Read the cases of a cause."""
    cases = [_case(f"{where}: case {number}", entry) for number, entry in enumerate(entries, 1)]
    for number, case in enumerate(cases, 1):
        if not any(calls(place, case.op, features(case)) for place in cause.where):
            raise UsageError(f"{where}: case {number}: lies in none of its cause's places")
    for number, place in enumerate(cause.where, 1):
        if not any(calls(place, case.op, features(case)) for case in cases):
            raise UsageError(f"{where}: there is no case of where {number}")
    return cases


def _case(where: str, entry: Mapping[str, Any]) -> Case:
    """Read a case that somebody wrote, and of which features can be told."""
    try:
        case = case_from_json(entry)
    except (UsageError, ValueError) as error:
        raise UsageError(f"{where}: {error}") from error
    try:
        features(case)
    except Exception as error:  # whatever the generators' readers stumble over
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{where}: no call of {case.op}: {what:.200}") from error
    return case
