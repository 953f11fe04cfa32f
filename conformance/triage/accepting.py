"""
What a run found becomes known: a file of waivers of the user's own, which `conformance run --known` reads.

A finding is accepted as far as the run saw it: on the targets that share it, in the version of their library, with what
groups its observations: the rule, how the call ended, a weaker arithmetic, or the predicate.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.errors import SuiteError, UsageError
from conformance.run.store import Store
from conformance.targets.tensorflow.releases import without_release
from conformance.triage import findings
from conformance.triage.findings import Finding
from conformance.triage.versions import version_of
from conformance.triage.waivers import load

__all__ = ["accept"]


def accept(store: Store, into: Path, reason: str, review: dt.date, ids: Sequence[str] = ()) -> int:
    """
    Add a run's new findings to a file, by these ids or all; return how many.

    Raises:
        UsageError: an id is none of the run's new findings, or the file is no file of waivers.
    """
    new = {each.id: each for each in findings.read(store).findings if each.status == "new"}
    for name in ids:
        if name not in new:
            raise UsageError(f"no new finding {name!r} in {store.folder}: there are {', '.join(new) or 'none'}")
    known = {waiver.id for waiver in load(into)} if into.exists() else set()
    versions = {entry["name"]: version_of(entry.get("about", {})) for entry in store.header().get("targets", [])}
    chosen = [new[name] for name in ids or new]
    entries = [entry for finding in chosen for entry in _entries(finding, versions, known)]
    text = "\n".join(_table({**entry, "reason": reason, "review": review}) for entry in entries)
    try:
        with into.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}" if known else text)
    except OSError as error:
        raise SuiteError(f"{into}: cannot be written: {error.strerror or error}") from error
    load(into)  # what was written can be read
    return len(chosen)


def _entries(finding: Finding, versions: Mapping[str, str], known: set[str]) -> Iterator[dict[str, Any]]:
    """Yield a waiver for each version of a library that shows a finding; known: ids that are taken, which grow."""
    targets = sorted({finding.target, *finding.shared_by})
    for version in sorted({versions.get(name, "") for name in targets}):
        name = _free(finding.id, known)
        known.add(name)
        yield {
            "id": name,
            "op": finding.op,
            "kind": finding.kind,
            "targets": _patterns(target for target in targets if versions.get(target, "") == version),
            "versions": f"=={version}" if version else "",
            "predicate": _predicate(finding),
            **({"symptoms": list(finding.signature)} if finding.signature else {}),
            **({"error": finding.error} if finding.error else {}),
            **({"message": finding.message} if finding.message else {}),
            "case": json.dumps(finding.case),
        }


def _predicate(finding: Finding) -> dict[str, str]:
    """Return where a finding holds: by its rule, or by its predicate where no message tells it from another."""
    if finding.kind == "accepted-invalid":
        return {"breaks": finding.rule}
    return {} if finding.message else dict(finding.predicate)


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name, numbered where it is taken."""
    numbered = (f"{name}-{number}" if number > 1 else name for number in range(1, 10**6))
    return next(each for each in numbered if each not in set(taken))


def _patterns(targets: Iterable[str]) -> list[str]:
    """Return the patterns that fit these targets alone, whatever the release: the waiver's versions tell it."""
    return list(dict.fromkeys(_literal(without_release(target)) for target in targets))


def _literal(target: str) -> str:
    """Return the pattern that fits a target's name alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in target)


def _table(entry: Mapping[str, Any]) -> str:
    """Write a waiver as TOML, whose texts and lists are those of JSON."""
    return "[[waiver]]\n" + "".join(f"{name} = {_value(value)}\n" for name, value in entry.items())


def _value(value: Any) -> str:  # noqa: ANN401 -- texts, lists and tables of texts, dates
    """Write a value as TOML."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(text)}" for key, text in value.items()) + " }"
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
