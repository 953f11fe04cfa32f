"""
What no single case shows, and a whole run does.

Random numbers that are uneven or alike; and an arithmetic worse than the one that the target declares, though every
element lies within its bound.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import polars as pl

from conformance import ops
from conformance.judge import masks
from conformance.judge.allowed import Results, allowed, preferred
from conformance.judge.fingerprints import worse_than_declared
from conformance.ops import case_from_json
from conformance.run.store import Store
from conformance.targets.target import Target
from conformance.triage.findings import Finding, case_file
from conformance.triage.scripts import aggregate as scripts
from conformance.triage.waivers import Waiver, covering
from reference.bounds import ARITHMETICS

__all__ = ["files", "find"]

WORDS = "over the whole run"
TELLING = (16, 4096)  # elements of a call whose errors say something, and whose script can still be read


def find(
    store: Store,
    targets: Mapping[str, Target],
    fingerprints: Sequence[Mapping[str, Any]],
    waivers: Sequence[Waiver] = (),
    versions: Mapping[str, str] = MappingProxyType({}),
) -> list[Finding]:
    """
    Return a finding for each op and target whose masks, or whose arithmetic, are not what they should be.

    versions: of TensorFlow, by target.
    """
    found = [*_masks(store, targets), *_arithmetics(store, targets, fingerprints)]
    return [_waived(finding, waivers, versions.get(finding.target, "")) for finding in found]


def _waived(finding: Finding, waivers: Sequence[Waiver], version: str) -> Finding:
    """Return a finding with the waiver that covers it, if one does."""
    row = {name: getattr(finding, name) for name in ("op", "kind", "target", "reason")}
    return replace(finding, waiver=covering(waivers, row, finding.predicate, version))


def _masks(store: Store, targets: Mapping[str, Target]) -> Iterator[Finding]:
    """Judge the masks of each op and target together; where the target ignores seeds, as those of calls without."""
    drawn = store.collect(store.observations().filter(pl.col("mask") != ""))
    groups = drawn.partition_by("op", "target", as_dict=True, maintain_order=True)
    for (op, name), rows in groups.items():
        known: Iterable[masks.Mask] = map(masks.read, rows["mask"])
        if op in targets[str(name)].unseeded:
            known = (replace(mask, seed="") for mask in known)
        said = masks.faults(known, share=len(groups))
        if said:
            yield _finding(rows.to_dicts(), "; ".join(said))


def _arithmetics(
    store: Store, targets: Mapping[str, Target], fingerprints: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Compare each fingerprint with what its target declares; where elements lie outside the bound, that tells more."""
    seen = store.observations()
    wrong = store.collect(seen.filter(pl.col("kind") == "wrong-value").select("op", "target", "dtype").unique())
    known = set(wrong.iter_rows())
    for print_ in fingerprints:
        op, name, dtype = (str(print_[key]) for key in ("op", "target", "dtype"))
        target = targets[name]
        declared = target.arithmetic[dtype]
        if (op, name, dtype) in known or op in target.roundings or not worse_than_declared(declared, print_):
            continue
        same = (pl.col("op") == op) & (pl.col("target") == name) & (pl.col("dtype") == dtype)
        rows = store.collect(seen.filter(same & (pl.col("elements") > 0) & (pl.col("regime") == "normal")))
        told = rows.sort(_excess(rows, op, dtype, declared), descending=True, maintain_order=True).to_dicts()
        yield _finding(told, f"errors like those of {print_['name']}, where {declared} is declared")


def _excess(rows: pl.DataFrame, op: str, dtype: str, declared: str) -> pl.Series:
    """Return how far the errors of each call go beyond those of the declared arithmetic; 0 for one of odd size."""
    return pl.Series(
        [
            math.sqrt(squares / elements) / scripts.ceiling(op, dtype, declared, inverse / elements)
            if TELLING[0] <= elements <= TELLING[1]
            else 0.0
            for elements, squares, inverse in rows.select("elements", "squares", "inverse").iter_rows()
        ]
    )


def files(finding: Finding, target: Target) -> dict[str, bytes]:
    """Return the files of a finding's folder: its case, and the script where TensorFlow is the target and shows it."""
    script = ""
    if finding.route in ops.OPS[finding.op].tensorflow and target.routes:
        script = (
            scripts.of_masks(finding.case, target, finding.route)
            if ops.OPS[finding.op].random
            else _measured(finding, target)
        )
    return case_file(finding) | ({"repro.py": script.encode()} if script else {})


def _measured(finding: Finding, target: Target) -> str:
    """Return the script that measures the errors of the finding's case."""
    case = finding.case
    arguments = ops.arguments(case)
    declared = target.arithmetic[finding.predicate["dtype"]]
    sets = allowed(case, arguments, ARITHMETICS[declared])
    first = preferred(sets)
    return (
        scripts.of_arithmetic(case, arguments, first.arrays[0], target, finding.route, declared)
        if isinstance(first, Results)
        else ""
    )


def _finding(rows: Sequence[Mapping[str, Any]], said: str) -> Finding:
    """Return the finding that these agreeing observations make together; the first stands for all."""
    row = rows[0]
    return Finding(
        op=row["op"],
        target=row["target"],
        route=row["route"],
        kind="wrong-value",
        rule="",
        reason=f"{WORDS}: {said}",
        case=case_from_json(json.loads(row["content"])),
        predicate={"dtype": row["dtype"]},
        shared_by={row["target"]: "wrong-value"},
        not_shared_by=(),
        cases=len(rows),
        words=f"{WORDS} on {row['target']}",
    )
