"""The findings of all runs: those with the same id are shown once, and those of one known cause one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conformance.judge.severity import gravity
from conformance.report.calls import geometry_of
from conformance.report.heat import heat
from conformance.report.observed import Observed
from conformance.report.records import Run, Script, Shown
from conformance.report.wording import anchor, call
from conformance.triage.findings import Finding, Findings, read

__all__ = ["findings"]

LONGEST = 8_000  # characters of a script that stands in the report itself


def findings(observed: Sequence[Observed], runs: Sequence[Run]) -> tuple[tuple[Findings, ...], tuple[Shown, ...]]:
    """Return what each run found, and every finding once: new ones first, then by cause, the gravest first."""
    each = tuple(read(entry.store) for entry in observed)
    by_id: dict[str, dict[int, Finding]] = {}
    for run, found in enumerate(each):
        for finding in found.findings:
            by_id.setdefault(finding.id, {})[run] = finding
    shown = (_shown(found, each, observed, runs) for found in by_id.values())
    return each, tuple(sorted(shown, key=_order))


def _order(shown: Shown) -> tuple[bool, int, str, bool, str, str]:
    """Put first what a reader must look at first; what has one cause stands together."""
    finding = shown.finding
    rank, other_dtype = gravity(finding.severity, _dtype(finding))
    return finding.status != "new", rank, finding.cause or "", other_dtype, finding.op, finding.id


def _dtype(finding: Finding) -> str:
    """Return the dtype of a finding's case; "" where it has no array."""
    return next((str(array.get("dtype", "")) for array in finding.case["arrays"].values()), "")


def _shown(
    found: dict[int, Finding], each: Sequence[Findings], observed: Sequence[Observed], runs: Sequence[Run]
) -> Shown:
    """Show one finding as its last run does, and the others' share in it; found: by run."""
    first, last = min(found), max(found)
    finding = _together(list(found.values()))
    folder = observed[last].store.folder / "findings" / finding.id
    case = finding.case
    return Shown(
        finding=finding,
        anchor=anchor("finding", finding.id),
        call=", then ".join(call(e["op"], e["arrays"], e["attributes"]) for e in (finding.before, case) if e),
        runs=tuple(found),
        first=runs[first].label,
        last=runs[last].label,
        known=next((known for known in each[last].known if known.id == finding.cause), None),
        script=_script(folder),
        heat=heat(folder / "arrays.npz", case, finding.worst),
        geometry=geometry_of(case),
    )


def _together(several: Sequence[Finding]) -> Finding:
    """Return the finding of several runs, in their order, as one."""
    last = several[-1]
    shared = {target: kind for finding in several for target, kind in finding.shared_by.items()}
    return replace(
        last,
        status="new" if any(finding.status == "new" for finding in several) else last.status,
        shared_by=shared,
        not_shared_by=tuple(target for target in last.not_shared_by if target not in shared),
        cases=sum(finding.cases for finding in several),
    )


def _script(folder: Path) -> Script | None:
    """Return the repro script of a finding, its text only where a reader can take it in."""
    path = folder / "repro.py"
    if not path.exists():
        return None
    text = path.read_text(errors="replace")
    return Script("/".join(path.parts[-4:]), len(text), text if len(text) <= LONGEST else "")
