"""Each run's head: what was tested, where, and what was not; and the products, the columns of the report."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from conformance.report.columns import TALLY, summed
from conformance.report.observed import Observed
from conformance.report.records import Product, Run, Tally
from conformance.report.wording import anchor, labelled
from conformance.triage.known.installation import installation_of

__all__ = ["products", "runs", "tally"]


def runs(observed: Sequence[Observed]) -> tuple[Run, ...]:
    """Return the head of every run; `observed` is in the order in which the runs were started."""
    heads = [entry.store.header() for entry in observed]
    names = [
        (_versions(head).get("tensorflow", ""), entry.store.folder.resolve().name)
        for head, entry in _zip(heads, observed)
    ]
    return tuple(
        _run(entry, head, label) for (head, entry), label in zip(_zip(heads, observed), labelled(names), strict=True)
    )


def _zip(heads: Sequence[Mapping[str, Any]], observed: Sequence[Observed]) -> list[tuple[Mapping[str, Any], Observed]]:
    return list(zip(heads, observed, strict=True))


def _run(entry: Observed, head: Mapping[str, Any], label: str) -> Run:
    """Return the head of one run."""
    footer = entry.store.footer() or {}
    options = _record(head.get("options"))
    return Run(
        folder=entry.store.folder.resolve().name,
        label=label,
        anchor=anchor("run", label),
        started=str(head.get("started", "")),
        ended=str(footer.get("ended", "")),
        seconds=float(footer.get("seconds") or 0.0),
        complete=bool(footer.get("complete", False)),
        suite=str(head.get("suite", "")),
        seed=options.get("seed"),
        options=options,
        machine=_record(head.get("machine")),
        targets=tuple(head.get("targets") or ()),
        not_run=tuple((str(entry.get("name")), str(entry.get("reason"))) for entry in head.get("not_run") or ()),
        versions=tuple(sorted(_versions(head).items())),
        cases=entry.calls["case"].n_unique(),
        calls=len(entry.calls),
        tally=tally(entry),
        clustered=(entry.store.folder / "findings.json").exists(),
        footer=footer,
        missing=tuple(map(str, footer.get("missing") or ())),
    )


def _record(value: object) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _versions(head: Mapping[str, Any]) -> dict[str, str]:
    """Return every version that the targets of a run give, each once; targets may differ."""
    found: dict[str, dict[str, None]] = {}
    for target in head.get("targets") or ():
        for name, version in _record(_record(target.get("about")).get("versions")).items():
            found.setdefault(str(name), {})[str(version)] = None
    return {name: ", ".join(versions) for name, versions in found.items()}


def tally(entry: Observed) -> Tally:
    """Count calls by what they came to."""
    small = entry.store.collect(entry.store.swept().select(pl.col("agrees").sum())).item()
    return Tally(**summed(entry.calls, TALLY), small=small)


def products(heads: Sequence[Run], observed: Sequence[Observed]) -> tuple[Product, ...]:
    """Return every target of every run: those planned, in their order, then any other that was observed."""
    found = []
    for number, (head, entry) in enumerate(zip(heads, observed, strict=True)):
        planned = {str(target.get("name")): target for target in head.targets}
        called = entry.calls["target"].unique().sort().to_list()
        for name in dict.fromkeys([*planned, *called]):
            described = _record(planned.get(name))
            installation = installation_of(name, _record(described.get("about")))
            found.append(
                Product(
                    run=number,
                    target=name,
                    anchor=anchor("product", head.label, name),
                    summary=str(described.get("summary", "")),
                    version=installation.version,
                    name=_short(name, described),
                    library=installation.library,
                )
            )
    return tuple(found)


def _short(name: str, described: Mapping[str, Any]) -> str:
    """Return the name of a target for tables: of one that its user names by a place or a command, what it says."""
    return (str(_record(described.get("profile")).get("name") or "") if ":" in name else "") or name
