"""
What a run found becomes known: causes in a file of the user's own, which `conformance run --known` reads.

A finding is accepted as far as the run saw it: on the targets that share it, in the version of their library, with its
rule, its symptoms, the type of its exception, and the classes that its observations had of the features that govern it.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from conformance.errors import SuiteError, UsageError
from conformance.judge.severity import SEVERITIES
from conformance.model import SYMPTOMS
from conformance.ops import case_from_json
from conformance.run.store import Store
from conformance.targets.tensorflow.releases import without_release
from conformance.triage import findings
from conformance.triage.findings import Finding
from conformance.triage.known.cause import ANY_VERSION, Cause, Place, Versions
from conformance.triage.known.installation import UNKNOWN, Installation, installation_of
from conformance.triage.known.reading import cases_file, load
from conformance.triage.known.writing import cases_text, text, write

__all__ = ["accept", "numbered"]


def accept(store: Store, into: Path, reason: str, review: dt.date, ids: Sequence[str] = (), name: str = "") -> int:
    """
    Add a run's new findings to a file of causes, by these ids or all; return how many.

    Each becomes a cause by its own id; with a name, all become the one cause of that id: a new one with the reason as
    title, or that of the file, which gets their places and cases beside its own.

    Raises:
        UsageError: an id is none of the run's new findings, or the file is no file of causes.
    """
    new = {each.id: each for each in findings.read(store).findings if each.status == "new"}
    for each in ids:
        if each not in new:
            raise UsageError(f"no new finding {each!r} in {store.folder}: there are {', '.join(new) or 'none'}")
    known = load(into) if into.exists() else []
    header = store.header()
    flags = header.get("machine", {}).get("flags", [])
    installations = {
        entry["name"]: installation_of(entry["name"], entry.get("about", {}), flags)
        for entry in header.get("targets", [])
    }
    chosen = [new[each] for each in ids or new]
    causes = [cause for finding in chosen for cause in _causes(finding, installations, reason, review)]
    if name in {cause.id for cause in known}:
        write(into, [_extended(cause, causes) if cause.id == name else cause for cause in known])
    else:
        named = [replace(_as_one(causes, name), title=reason, description="")] if name and causes else causes
        _append(into, known, numbered(named, {cause.id for cause in known}))
    load(into)  # what was written can be read
    return len(chosen)


def _append(into: Path, known: Sequence[Cause], added: Sequence[Cause]) -> None:
    """Add causes at the end of a file, whose beginning stays as its user wrote it."""
    try:
        with into.open("a", encoding="utf-8") as file:
            file.write(f"\n{text(added)}" if known and added else text(added))
        if known or added:
            cases_file(into).write_text(cases_text([*known, *added]), "utf-8")
    except OSError as error:
        raise SuiteError(f"{error.filename}: cannot be written: {error.strerror or error}") from error


def _causes(
    finding: Finding, installations: Mapping[str, Installation], reason: str, review: dt.date
) -> Iterator[Cause]:
    """Yield a cause for each version of a library that shows a finding."""
    shared = sorted({finding.target, *finding.shared_by})
    versions = {
        (installation.library, installation.version)
        for name in shared
        if (installation := installations.get(name, UNKNOWN))
    }
    for library, version in sorted(versions):
        targets = (
            name
            for name in shared
            if (installation := installations.get(name, UNKNOWN))
            and (installation.library, installation.version) == (library, version)
        )
        yield Cause(
            id=finding.id,
            library=library,
            title=finding.title,
            severity=finding.severity or "silent wrong value",
            review=review,
            where=(_place(finding, targets, version),),
            cases=(case_from_json(finding.case),),
            description=reason,
        )


def _place(finding: Finding, targets: Iterable[str], version: str) -> Place:
    """Return where a finding was seen."""
    case = case_from_json(finding.case)
    features = {name: several for name, several in finding.classes.items() if name not in ("dtype", "breaks")}
    return Place(
        ops=(finding.op,),
        kinds=(finding.kind,),
        targets=_patterns(targets),
        dtypes=finding.classes.get("dtype", ()),
        features={} if case.breaks else features,
        rules=(case.breaks,) if case.breaks else (),
        symptoms=tuple(SYMPTOMS[each] for each in finding.signature),
        errors=(finding.error,) if finding.error else (),
        versions=Versions(first=version, last=version) if version else ANY_VERSION,
    )


def _patterns(targets: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that fit these targets alone, whatever the release: the cause's versions tell it."""
    return tuple(dict.fromkeys(_literal(without_release(target)) for target in targets))


def _literal(target: str) -> str:
    """Return the pattern that fits a target's name alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in target)


def _extended(cause: Cause, more: Sequence[Cause]) -> Cause:
    """Return a cause with the places and cases of others, its own words and severity kept."""
    joined = _as_one([cause, *more], cause.id)
    return replace(joined, severity=cause.severity)


def _as_one(causes: Sequence[Cause], name: str) -> Cause:
    """Return one cause of all, by the first one's words: the gravest severity, every case, every place."""
    libraries = {cause.library for cause in causes}
    if len(libraries) > 1:
        raise UsageError(f"--as {name}: the findings are of several libraries: {', '.join(sorted(libraries))}")
    cases = {case.id: case for cause in causes for case in cause.cases}
    return replace(
        causes[0],
        id=name,
        severity=min((cause.severity for cause in causes), key=SEVERITIES.index),
        where=_joined(place for cause in causes for place in cause.where),
        cases=tuple(cases.values()),
    )


def _joined(places: Iterable[Place]) -> tuple[Place, ...]:
    """Return places, those that differ in ops and rules alone as one."""
    joined: list[Place] = []
    for place in places:
        twin = next((each for each in joined if replace(each, ops=place.ops, rules=place.rules) == place), None)
        if twin is None or bool(twin.rules) != bool(place.rules):
            joined.append(place)
            continue
        several, rules = (tuple(dict.fromkeys(both)) for both in (twin.ops + place.ops, twin.rules + place.rules))
        joined[joined.index(twin)] = replace(twin, ops=several, rules=rules)
    return tuple(joined)


def numbered(causes: Iterable[Cause], taken: Collection[str] = ()) -> list[Cause]:
    """Return causes whose ids are free: numbered where they are taken."""
    free: list[Cause] = []
    for cause in causes:
        names = (f"{cause.id}-{number}" if number > 1 else cause.id for number in range(1, 10**6))
        now = {*taken, *(each.id for each in free)}
        free.append(replace(cause, id=next(name for name in names if name not in now)))
    return free
