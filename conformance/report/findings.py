"""The findings of all runs: those with the same id have one cause, and are told once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.report.board import GRAVITY
from conformance.report.calls import geometry_of
from conformance.report.heat import heat
from conformance.report.observed import Observed
from conformance.report.records import Finding, Run, Script, Waiver
from conformance.report.wording import anchor, call

__all__ = ["findings", "waivers"]

LONGEST = 8_000  # characters of a script that stands in the report itself
Told = tuple[int, Mapping[str, Any]]  # a run, and a finding of its findings.json


def findings(seen: Sequence[Observed], runs: Sequence[Run]) -> tuple[Finding, ...]:
    """Return every finding: new ones first, then the gravest, then by op."""
    met: dict[str, list[Told]] = {}
    for number, entry in enumerate(seen):
        for told in _read(entry).get("findings", []):
            met.setdefault(str(told["id"]), []).append((number, told))
    known = waivers(seen)
    found = [_finding(told, seen, runs, known) for told in met.values()]
    return tuple(sorted(found, key=_order))


def _order(finding: Finding) -> tuple[bool, int, str, str]:
    """Put first what a reader must look at first."""
    gravity = GRAVITY.index(finding.kind) if finding.kind in GRAVITY else len(GRAVITY)
    return finding.status != "new", gravity, finding.op, finding.id


def waivers(seen: Sequence[Observed]) -> tuple[Waiver, ...]:
    """Return every waiver as every run met it."""
    return tuple(
        Waiver(
            id=str(entry.get("id", "")),
            state=str(entry.get("state", "")),
            link=str(entry.get("link") or ""),
            reason=str(entry.get("reason", "")),
            review=str(entry.get("review") or ""),
            run=run,
        )
        for run, one in enumerate(seen)
        for entry in _read(one).get("waivers", [])
    )


def _read(entry: Observed) -> Mapping[str, Any]:
    """Return findings.json; nothing where the run was killed before it was written."""
    exists = (entry.store.folder / "findings.json").exists()
    return entry.store.read_json("findings.json") if exists else {}


def _finding(told: Sequence[Told], seen: Sequence[Observed], runs: Sequence[Run], known: Sequence[Waiver]) -> Finding:
    """Tell one finding as its last run does, and the others' share in it."""
    last, entry = told[-1]
    folder = seen[last].store.folder / "findings" / str(entry["id"])
    case = entry.get("case") or {}
    worst = tuple(int(i) for i in entry.get("worst") or ())
    differs = heat(folder / "arrays.npz", case, worst)
    shared = {target: kind for _, one in told for target, kind in (one.get("shared_by") or {}).items()}
    return Finding(
        id=str(entry["id"]),
        anchor=anchor("finding", str(entry["id"])),
        title=str(entry.get("title") or entry["id"]),
        op=str(entry.get("op", "")),
        target=str(entry.get("target", "")),
        kind=str(entry.get("kind", "")),
        rule=str(entry.get("rule") or ""),
        status="new" if any(one.get("status") == "new" for _, one in told) else str(entry.get("status", "")),
        predicate=tuple((str(name), _classes(value)) for name, value in (entry.get("predicate") or {}).items()),
        reason=str(entry.get("reason", "")),
        case=case,
        case_id=str(entry.get("case_id", "")),
        call=call(str(case.get("op", "")), case.get("arrays", {}), case.get("attributes", {})),
        route=str(entry.get("route") or ""),
        shared_by=tuple((str(target), str(kind)) for target, kind in shared.items()),
        not_shared_by=tuple(str(target) for target in entry.get("not_shared_by") or () if target not in shared),
        runs=tuple(number for number, _ in told),
        cases=sum(int(one.get("cases") or 0) for _, one in told),
        first=runs[told[0][0]].label,
        last=runs[last].label,
        waiver=next((each for each in known if each.run == last and each.id == entry.get("waiver")), None),
        script=_script(folder),
        worst=worst,
        heat=differs,
        geometry=geometry_of(case),
    )


def _classes(value: object) -> str:
    """Write the class, or the classes, of an attribute."""
    return " or ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _script(folder: Path) -> Script | None:
    """Return the repro script of a finding, its text only where a reader can take it in."""
    path = folder / "repro.py"
    if not path.exists():
        return None
    text = path.read_text(errors="replace")
    return Script("/".join(path.parts[-4:]), len(text), text if len(text) <= LONGEST else "")
