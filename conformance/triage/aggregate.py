"""
What no single case shows, and a whole run does.

Random numbers that are uneven or alike; an arithmetic worse than the one that the target declares, though every element
lies within its bound; and a choice that is made now so, now so.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import polars as pl

from conformance import ops
from conformance.judge import masks
from conformance.judge.allowed import Results, allowed, preferred
from conformance.judge.fingerprints import worse_than_declared
from conformance.judge.judging import declared
from conformance.model import Evidence, Symptom, Verdict
from conformance.run.rows import Row
from conformance.run.store import Store
from conformance.targets.target import Target
from conformance.triage.clusters import Cluster
from conformance.triage.files import case_file
from conformance.triage.known.cause import Cause
from conformance.triage.known.installation import UNKNOWN, Installation
from conformance.triage.known.matching import Disagreement, covering
from conformance.triage.scripts import aggregate as scripts
from reference.choices import EITHER
from reference.ops import CHOICES

__all__ = ["files", "find"]

TELLING = (16, 4096)  # elements of a call whose errors say something, and whose script can still be read


def find(
    store: Store,
    targets: Mapping[str, Target],
    fingerprints: Sequence[Mapping[str, Any]],
    causes: Sequence[Cause] = (),
    installations: Mapping[str, Installation] = MappingProxyType({}),
) -> list[Cluster]:
    """
    Return a cluster for each op and target whose masks, arithmetic or choices are not what they should be.

    installations: what each target is.
    """
    found = [*_masks(store, targets), *_arithmetics(store, targets, fingerprints), *_choices(store, targets)]
    return [_with_cause(cluster, causes, installations.get(cluster.target, UNKNOWN)) for cluster in found]


def _with_cause(cluster: Cluster, causes: Sequence[Cause], installation: Installation) -> Cluster:
    """Return a cluster with the cause that covers it, if one does."""
    found = Disagreement(
        op=cluster.op,
        target=cluster.target,
        judged=cluster.verdict,
        classes=cluster.predicate,
        installation=installation,
    )
    match = covering(causes, found)
    return replace(cluster, cause=match[0], places=frozenset([match[1]])) if match else cluster


def _masks(store: Store, targets: Mapping[str, Target]) -> Iterator[Cluster]:
    """Judge the masks of each op and target together; where the target ignores seeds, as those of calls without."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in store.rows(pl.col("mask") != ""):
        groups.setdefault((row.op, row.target), []).append(row)
    for (op, name), drawn in groups.items():
        known: Iterable[masks.Mask] = (masks.read(row.mask) for row in drawn)
        if op in targets[name].unseeded:
            known = (replace(mask, seed="") for mask in known)
        judged = masks.verdict(known, share=len(groups))
        if judged.outcome == "disagrees":
            yield _cluster(drawn, judged)


def _arithmetics(
    store: Store, targets: Mapping[str, Target], fingerprints: Sequence[Mapping[str, Any]]
) -> Iterator[Cluster]:
    """Compare each fingerprint with what its target declares; where elements lie outside the bound, that tells more."""
    keys = store.observations().filter(pl.col("kind") == "wrong-value").select("op", "target", "dtype")
    known = set(store.collect(keys.unique()).iter_rows())
    for print_ in fingerprints:
        op, name, dtype = (str(print_[key]) for key in ("op", "target", "dtype"))
        target = targets[name]
        arithmetic = target.arithmetics(op, dtype)[0].name
        if (op, name, dtype) in known or op in target.roundings or not worse_than_declared(arithmetic, print_):
            continue
        same = (pl.col("op") == op) & (pl.col("target") == name) & (pl.col("dtype") == dtype)
        rows = store.rows(same & (pl.col("elements") > 0) & (pl.col("regime") == "normal"))
        rows.sort(key=lambda row: _excess(row, arithmetic), reverse=True)
        yield _cluster(rows, _worse(print_, arithmetic))


def _choices(store: Store, targets: Mapping[str, Target]) -> Iterator[Cluster]:
    """Look, in the calls that a choice decided, for an alternative that all of them show."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in store.rows((pl.col("choices") != "") & (pl.col("verdict") == "agrees")):
        for rule in row.judged.made if not targets[row.target].mathematics else ():
            groups.setdefault((row.op, row.target, rule), []).append(row)
    for (_, _, rule), rows in groups.items():
        shown = Counter(name for row in rows for name in row.judged.made[rule])
        common, most = shown.most_common(1)[0]
        if most == len(rows) or any(each.name == EITHER for each in CHOICES[rule]):
            continue
        others = [row for row in rows if common not in row.judged.made[rule]]
        evidence: Evidence = {"alternatives": dict(shown)}
        judged = Verdict(
            outcome="disagrees", kind="wrong-value", symptoms=(Symptom.RUN_CHOICE,), rule=rule, evidence=evidence
        )
        yield _cluster(sorted(others, key=lambda row: (len(row.content), row.case)), judged)


def _worse(fingerprint: Mapping[str, Any], arithmetic: str) -> Verdict:
    """Return the verdict on errors that look like those of a worse arithmetic than the declared one."""
    return Verdict(
        outcome="disagrees",
        kind="wrong-value",
        symptoms=(Symptom.RUN_ARITHMETIC,),
        evidence={"arithmetic": str(fingerprint["name"]), "declared": arithmetic},
    )


def _excess(row: Row, arithmetic: str) -> float:
    """Return how far the errors of a call go beyond those of the declared arithmetic; 0 for one of odd size."""
    if not TELLING[0] <= row.elements <= TELLING[1]:
        return 0.0
    ceiling = scripts.ceiling(row.op, row.dtype, arithmetic, row.inverse / row.elements)
    return math.sqrt(row.squares / row.elements) / ceiling


def files(cluster: Cluster, target: Target) -> dict[str, bytes]:
    """Return the files of a finding's folder: its case, and the script where TensorFlow is the target and shows it."""
    script = ""
    if cluster.route in ops.OPS[cluster.op].tensorflow and target.routes:
        script = (
            scripts.of_masks(cluster.case, target, cluster.route)
            if ops.OPS[cluster.op].random
            else _measured(cluster, target)
        )
    return case_file(cluster) | ({"repro.py": script.encode()} if script else {})


def _measured(cluster: Cluster, target: Target) -> str:
    """Return the script that measures the errors of the cluster's case."""
    case = cluster.case
    arguments, arithmetic = ops.arguments(case), declared(target, case)
    first = preferred(allowed(case, arguments, arithmetic))
    return (
        scripts.of_arithmetic(case, arguments, first.arrays[0], target, cluster.route, arithmetic.name)
        if isinstance(first, Results)
        else ""
    )


def _cluster(rows: Sequence[Row], judged: Verdict) -> Cluster:
    """Return what these agreeing observations show together; the first stands for all."""
    row = rows[0]
    return Cluster(
        op=row.op,
        target=row.target,
        route=row.route,
        verdict=judged,
        case=row.call,
        predicate={"dtype": row.dtype},
        shared_by={row.target: judged.kind},
        not_shared_by=(),
        cases=len(rows),
        whole_run=True,
    )
