"""One case, run again on one target, and the difference shown."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from conformance import ops
from conformance.errors import UsageError
from conformance.judge.allowed import Allowed, Refused, Results, adopted, allowed, preferred
from conformance.judge.judging import declared
from conformance.judge.wording import sentence
from conformance.model import Case, Crashed, Raised, Returned
from conformance.ops import case_from_json
from conformance.run.store import Store
from conformance.run.trials import Outcome, Panel
from conformance.targets.registry import find as find_target
from conformance.triage import findings
from reference import SpecError

__all__ = ["find", "replay"]

SHOWN = 10  # differing elements


def find(text: str, run: Path | None, reports: Path) -> list[Case]:
    """
    Return the case that a user names: a file, a finding's folder, or an id in a run's folder (any of `reports`).

    A finding that needs a call before its case has both, in order.

    Raises:
        UsageError: there is none.
    """
    path = Path(text)
    if _is_file(path / "case.json"):
        return [_read(each) for each in (path / "before.json", path / "case.json") if _is_file(each)]
    if path.suffix == ".json" or _is_file(path):
        return [_read(path)]
    folders = [run] if run else sorted((path.parent for path in reports.glob("*/run.json")), reverse=True)
    for folder in folders:
        store = Store(folder)
        store.header()
        rows = store.collect(store.observations().filter(pl.col("case") == text).select("content").head(1))
        if len(rows):
            return [case_from_json(json.loads(rows.item()))]
        for finding in findings.read(store).findings:
            if text in (finding.case_id, finding.id):
                return [case_from_json(each) for each in (finding.before, finding.case) if each]
    raise UsageError(f"no case {text[:200]!r}: neither a file, nor in {', '.join(map(str, folders)) or reports}")


def _read(path: Path) -> Case:
    """Return the case in a file."""
    try:
        return _callable(case_from_json(json.loads(path.read_text())))
    except (OSError, ValueError, RecursionError, UsageError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _is_file(path: Path) -> bool:
    """Return whether there is a file of this name, which may be none that a file can have."""
    try:
        return path.is_file()
    except OSError:
        return False


def _callable(case: Case) -> Case:
    """
    Return a case that somebody wrote, once its arguments and what they allow have been worked out.

    Raises:
        UsageError: that fails. A call that breaks a rule says which: otherwise its arrays are drawn as for a valid one.
    """
    unsaid = f"{case.op} refuses this call, and the case does not say that it breaks a rule"
    try:
        ops.features(case)
        first = preferred(allowed(case, ops.arguments(case)))
    except SpecError as error:
        raise UsageError(f"{unsaid}: {error}") from error
    except Exception as error:  # whatever the specification stumbles over
        raise UsageError(f"no call of {case.op} can be made of it: {type(error).__name__}: {error}") from error
    if isinstance(first, Refused) and case.breaks is None:
        raise UsageError(f"{unsaid}: {first.rule}: {first.reason}")
    return case


def replay(calls: Sequence[Case], target: str, route: str | None, python: str | None = None) -> bool:
    """Make calls on a target, print what the last one allows and what came; return whether they disagree."""
    case = calls[-1]
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    with Panel({target: find_target(target)}, python=python) as panel:
        *_, (outcome,) = (panel.examine(each, route=route) for each in calls)
        judged_as = panel.targets[target]
        sets = adopted(allowed(case, ops.arguments(case), declared(judged_as, case)), judged_as, case.op)
    arrays = ", ".join(f"{name} {list(spec.shape)} {spec.dtype}" for name, spec in case.arrays.items())
    console.print(f"{case.id}: {case.op}({arrays}, {json.dumps(dict(case.attributes))})")
    console.print(f"values: {case.regime}, seed {case.seed}" + (f"; breaks {case.breaks}" if case.breaks else ""))
    judged = outcome.verdict
    console.print(f"{target}{' by ' + outcome.route if outcome.route else ''}: {judged.outcome} {judged.kind}".rstrip())
    console.print(sentence(judged) or "every element is in its allowed set")
    _differences(console, sets, outcome)
    return judged.outcome == "disagrees"


def _differences(console: Console, sets: Allowed, outcome: Outcome) -> None:
    """Print the elements that are not allowed."""
    first = preferred(sets)
    observation = outcome.observation
    if isinstance(first, Refused):
        console.print(f"allowed: an error, by {first.rule}: {first.reason}")
    if isinstance(observation, Raised):
        console.print(f"observed: {observation.type}: {observation.message}")
    if isinstance(observation, Crashed):
        console.print(f"it had printed: {observation.stderr.strip() or 'nothing'}")
    if not isinstance(first, Results) or not isinstance(observation, Returned):
        return
    for number, (result, array) in enumerate(zip(first.arrays, observation.arrays, strict=False)):
        console.print(f"result {number}: shape {list(array.shape)} {array.dtype}; allowed {list(result.value.shape)}")
        if array.shape != result.value.shape or array.dtype != result.value.dtype:
            continue
        wrong = np.argwhere(~result.admits(array))
        for index in map(tuple, wrong[:SHOWN]):
            console.print(
                f"  {list(map(int, index))}: {array[index]} is not in {result.low[index]} .. {result.high[index]}"
            )
        if len(wrong) > SHOWN:
            console.print(f"  and {len(wrong) - SHOWN} more of {array.size}")
