"""The files of a finding's folder: its case, its arrays, and the script that shows it."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance import ops
from conformance.judge.allowed import Allowed, Results, adopted, allowed, preferred
from conformance.judge.judging import declared
from conformance.model import Array, Crashed, Returned
from conformance.run.trials import Panel
from conformance.triage.clusters import Cluster
from conformance.triage.scripts.issue import issue
from conformance.triage.scripts.script import script

__all__ = ["case_file", "files"]


def files(cluster: Cluster, panel: Panel, about: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, bytes]:
    """
    Return the files of a finding's folder: the case, the arrays, the issue to report, and the script of a function.

    about: what its target says of itself; machine: of the run's header.
    """
    arguments = ops.arguments(cluster.case)
    target = panel.targets[cluster.target]
    sets = adopted(allowed(cluster.case, arguments, declared(target, cluster.case)), target, cluster.op)
    outcome = cluster.shown or panel.examine(cluster.case, [cluster.target], cluster.route)[0]
    arrays: dict[str, Array] = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
    if isinstance(outcome.observation, Returned):
        arrays |= {f"observed_{i}": array for i, array in enumerate(outcome.observation.arrays)}
    arrays |= _set_arrays(sets)
    stored = case_file(cluster) | {"arrays.npz": _npz(arrays)}
    if isinstance(outcome.observation, Crashed):
        stored["stderr.txt"] = outcome.observation.stderr.encode()
    text = ""
    if not target.command:  # which speaks the wire protocol
        route = cluster.route or target.first_route(cluster.op)
        text = script(cluster.case, arguments, sets, target, route, cluster.kind, panel.limits, cluster.before)
        stored["repro.py"] = text.encode()
    told = issue(cluster, target, about, machine, text)
    return stored | {"issue.md": told.encode("utf-8", "replace")}


def case_file(cluster: Cluster) -> dict[str, bytes]:
    """Return the files of a finding's case, and of a call before it: all there is where only the whole run shows it."""
    calls = {"case.json": cluster.case} | ({"before.json": cluster.before} if cluster.before else {})
    return {name: (json.dumps(case.to_json(), indent=1) + "\n").encode() for name, case in calls.items()}


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
