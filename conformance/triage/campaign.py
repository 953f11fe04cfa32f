"""A campaign from plan to findings: the run itself, then the search for what its disagreements have in common."""

import json
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from conformance import ops
from conformance.judge.fingerprints import fingerprints
from conformance.model import Case
from conformance.ops.coverage import DRAWS
from conformance.run import header, jobs
from conformance.run import plan as plans
from conformance.run.evidence import Missing, answered, evidence, missing
from conformance.run.extents import extents, listed_extent
from conformance.run.jobs import Dispatch, Progress
from conformance.run.kernels import reached
from conformance.run.nearest import nearest
from conformance.run.plan import Plan
from conformance.run.rows import Row
from conformance.run.store import Store
from conformance.run.trials import Panel
from conformance.run.visits import vary
from conformance.targets.target import Target
from conformance.targets.transport.pool import Limits
from conformance.targets.transport.zygote import Zygotes
from conformance.triage import aggregate, attempts, findings, search
from conformance.triage.files import files
from conformance.triage.findings import Finding, Findings, Known
from conformance.triage.known.cause import Cause
from conformance.triage.known.installation import installation_of
from conformance.triage.known.state import states

__all__ = ["Result", "conduct"]

MAKEABLE = 1024  # draws of an op, from which the coverage of a run without covering calls learns what can be made


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a campaign."""

    findings: tuple[Finding, ...]
    known: tuple[Known, ...]
    footer: Mapping[str, Any]
    missing: tuple[Missing, ...] = ()  # what has no evidence, though it was claimed and asked for

    @property
    def failed(self) -> bool:
        """Whether anything is new, or a cause of the user's own no longer holds."""
        return any(finding.status == "new" for finding in self.findings) or any(each.stale for each in self.known)

    @property
    def judged(self) -> int:
        """The calls with a verdict for or against."""
        cells = (cell for by_target in self.footer["evidence"].values() for cell in by_target.values())
        return sum(cell["valid"] + cell["broken"] + cell["small"] for cell in cells)


def conduct(
    plan: Plan,
    store: Store,
    causes: Sequence[Cause],
    tell: Callable[[Progress], None],
    say: Callable[[str], None],
    shrink_steps: int = attempts.TOTAL,
    dispatch: Dispatch | None = None,
) -> Result:
    """Run what is left of a plan, look for findings, and close the run; dispatch: as of `jobs.execute`."""
    began = time.process_time()
    with Zygotes() as zygotes:
        session = jobs.execute(plan, store, tell, zygotes, dispatch)
        reaped = ended_children()
        targets, limits = plans.found(plan), Limits(seconds=plan.seconds)
        with Panel(targets, limits, plan.python, confirm=False, zygotes=zygotes) as panel:
            further = plan.more and plan.part == (1, 1)  # of parts, where they are joined
            observed = vary(plan, panel, store, say) if further else 0.0
            if further and session["complete"]:
                from conformance.run.worst import search_all  # noqa: PLC0415 -- Hypothesis takes half a second to import

                observed += search_all(plan, panel, store, say)
            rows = store.rows(pl.col("verdict") == "disagrees")
            closing = {**_sessions(store, session), **_summary(store, plan), **_beside(store, plan)}
            about = panel.about()
            _describe(store, about, panel.targets)
            asked = [op for op, cases in plans.own_cases(plan).items() if cases or not plan.cases]
            absent = missing(store, plans.scopes_of(plan, panel.targets), asked)
            machine = store.header()["machine"]
            installations = {name: installation_of(name, data, machine["flags"]) for name, data in about.items()}
            found = search.find_all(
                rows,
                attempts.Search(panel, shrink_steps, say, earlier=lambda row: _earlier(store, row)),
                causes,
                installations,
            )
            wide = aggregate.find(store, panel.targets, closing["fingerprints"], causes, installations)
            met = {(each.cause.id, number) for each in (*found, *wide) if each.cause for number in each.places}
            known = states(causes, met, panel, installations, plan.ops, say)
            for cluster in found:
                store.write_finding(cluster.id, files(cluster, panel, about[cluster.target], machine))
        others = ended_children() - reaped + zygotes.seconds()
    for cluster in wide:
        store.write_finding(cluster.id, aggregate.files(cluster, panel.targets[cluster.target]))
    listed = tuple(cluster.finding() for cluster in (*found, *wide))
    store.keep_findings({finding.id for finding in listed})
    findings.write(store, Findings(listed, known))
    outside = time.process_time() - began + others - panel.target_seconds
    closing |= {"ended": header.now(), **_spent(store, panel.target_seconds - observed, outside)}
    store.close(closing | {"missing": [str(each) for each in absent]})
    return Result(findings=listed, known=known, footer=closing, missing=absent)


def _earlier(store: Store, row: Row) -> list[Case]:
    """Return the calls that the worker of an observation had made in the same shard, the latest first."""
    return [ops.case_from_json(json.loads(text)) for text in store.earlier(row)]


def ended_children() -> float:
    """Return the processor time of this process's children, and theirs, that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sessions(store: Store, session: Mapping[str, Any]) -> dict[str, Any]:
    """Return the time and the cases of this session and of the earlier ones that came to an end, together."""
    earlier = store.footer() or {}
    seconds, number = (session[name] + earlier.get(name, 0) for name in ("seconds", "cases"))
    return {
        "seconds": seconds,
        "cases": number,
        "cases_per_second": number / seconds if seconds else 0.0,
        "complete": session["complete"],
    }


def _spent(store: Store, inside: float, outside: float) -> dict[str, Any]:
    """
    Return the processor time of a run, whoever used it and in however many sessions, and how many calls were fatal.

    inside, outside: what the search for findings took inside the targets' calls, but for those that are observations,
    and this process beside them. Calls that were fatal at first, and not when they were run alone, are counted apart.
    """
    swept = store.collect(store.swept().select("cpu_seconds", "own_seconds").sum()).to_dicts()[0]
    fatal = pl.col("observation").is_in(["crashed", "timedout", "outofmemory"])
    alone = pl.col("again") == False  # noqa: E712 -- an expression of polars
    sums = store.collect(
        store.observations().select(
            pl.col("cpu_seconds").sum() + inside,
            pl.col("own_seconds").sum() + outside,
            ((fatal | alone).sum() + pl.col("again").sum()).alias("deaths"),
            alone.sum().alias("alone"),
        )
    ).to_dicts()[0]
    return {
        "target_seconds": sums["cpu_seconds"] + swept["cpu_seconds"],
        "own_seconds": sums["own_seconds"] + swept["own_seconds"],
        "deaths": sums["deaths"],
        "alone": sums["alone"],
    }


def _describe(store: Store, about: Mapping[str, Any], targets: Mapping[str, Target]) -> None:
    """Add what the targets say of themselves to the header."""
    data = store.read_json("run.json")
    for entry in data["header"]["targets"]:
        entry.update(header.described(targets[entry["name"]]), about=dict(about.get(entry["name"], {})))
    store.write_json("run.json", data)


def _summary(store: Store, plan: Plan) -> dict[str, Any]:
    """Return the counts, the coverage and the fingerprints of a run."""
    columns = store.observations().select(
        pl.col("op"),
        pl.col("target"),
        pl.when((pl.col("kind") == "") | (pl.col("verdict") == "unsupported"))
        .then(pl.col("verdict"))
        .otherwise(pl.col("kind"))
        .alias("what"),
    )
    counted = store.collect(columns.group_by("op", "target", "what").len())
    counts: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for op, target, what, number in sorted(counted.iter_rows()):
        counts[op][target][what] = number
    return {
        "counts": counts,
        "evidence": evidence(store),
        "answered": answered(store),
        "coverage": _coverage(store, plan),
        "fingerprints": fingerprints(store.observations()),
    }


def _beside(store: Store, plan: Plan) -> dict[str, Any]:
    """Return what is covered of small worlds and corpus, the work by target, the kernels reached, the worst errors."""
    covered, listed = extents(store), listed_extent(store, whole=plan.corpus == "all")
    work: dict[str, Counter[str]] = defaultdict(Counter)
    of_cases = (
        store.observations()
        .group_by("target")
        .agg(
            # A case as JSON, up to what decides its values.
            pl.col("content").str.split('"regime"').list.first().n_unique().alias("geometries"),
            pl.len().alias("calls"),
            pl.col("cpu_seconds").sum(),
            pl.col("own_seconds").sum(),
        )
    )
    for row in store.collect(of_cases).iter_rows(named=True):
        work[row.pop("target")].update(row)
    for extent in covered:  # what disagrees is among the observations
        calls = {"geometries": extent.agrees, "calls": extent.agrees}
        work[extent.target].update(calls | {name: getattr(extent, name) for name in ("cpu_seconds", "own_seconds")})
    for target, sums in listed.get("targets", {}).items():
        calls = {"geometries": sums["agrees"], "calls": sums["agrees"]}
        work[target].update(calls | {name: sums[name] for name in ("cpu_seconds", "own_seconds")})
    kernels = [asdict(kernel) for kernel in reached(store)]
    found = {"corpus": listed, "work": work, "kernels": kernels, "worst": nearest(store)}
    return {"world": [asdict(extent) for extent in covered], **found}


def _coverage(store: Store, plan: Plan) -> dict[str, Any]:
    """Return which classes, pairs and triples of them, and broken rules the run reached, of those that can be made."""
    reached = {op: ops.Coverage() for op in plan.ops}
    for op, attributes in store.collect(store.observations().select("op", "attributes").unique()).iter_rows():
        reached[op].add(json.loads(attributes))
    draws, taken = DRAWS if plan.more else MAKEABLE, plans.taking(plan)
    found = {op: ops.met(seen, ops.makeable(op, plan.seed, draws, taken)) for op, seen in reached.items()}
    return {
        op: {
            what: {"reached": r.reached, "makeable": r.makeable, "missing": list(r.missing)}
            for what, r in kinds.items()
        }
        for op, kinds in found.items()
    }
