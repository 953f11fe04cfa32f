"""The report for machines: JSON (docs/report.md) and JUnit XML."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree as ET

from conformance.report.orders import Orders
from conformance.report.records import Cell, Choice, Product, Report, Rule, Shown, Tally
from conformance.report.verdict import exit_code, new, stale, verdict
from conformance.run.evidence import State

__all__ = ["SCHEMA", "as_json", "as_junit"]

SCHEMA = 2  # of the JSON; docs/report.md says what a new number means
RUN = ("label", "folder", "started", "ended", "seconds", "complete", "suite", "seed", "options", "machine", "targets")
FINDING = (
    "id",
    "title",
    "op",
    "target",
    "kind",
    "symptoms",
    "kernels",
    "agreeing_kernels",
    "rule",
    "status",
    "reason",
    "route",
    "case",
    "case_id",
    "predicate",
    "shared_by",
    "not_shared_by",
    "cases",
)
# XML 1.0 has no word for other control characters.
ALLOWED = {"\t", "\n", "\r"}


def as_json(report: Report) -> str:
    """Return the report as JSON, of the schema that docs/report.md describes."""
    opinion = verdict(report)
    data = {
        "schema": SCHEMA,
        "suite": report.suite,
        "verdict": {
            "sentence": opinion.sentence,
            "remarks": opinion.remarks,
            "exit_code": exit_code(report),
            "findings": {"new": len(new(report)), "known": len(report.findings) - len(new(report))},
            "stale_causes": len(stale(report)),
        },
        "runs": [_run(report, number) for number in range(len(report.runs))],
        "scoreboard": [_cell(report, cell) for cell in report.cells.values()],
        "findings": [_finding(shown) for shown in report.findings],
        "causes": [asdict(known) | {"run": run} for run, known in report.causes],
        "accuracy": [_measured(report, asdict(row)) for row in report.accuracy],
        "fingerprints": [_measured(report, asdict(row)) for row in report.fingerprints],
        "growth": [_measured(report, asdict(row)) for row in report.growth],
        "rules": [_rule(report, rule) for rule in report.rules],
        "choices": [_choice(report, choice) for choice in report.choices],
        "limits": [_choice(report, choice) for choice in report.limits],
        "timings": [asdict(timing) for timing in report.timings],
        "ceilings": [{"run": run, "measured": measured} for run, measured in report.ceilings],
        "networks": [{"run": run} | asdict(found) for run, found in report.networks],
        "orders": _orders(report.orders) if report.orders else None,
        "coverage": [
            {
                "run": one.run,
                "figures": dict(one.figures),
                "missing": dict(one.missing),
                "worlds": one.worlds,
                "kernels": [asdict(kernel) for kernel in one.kernels],
            }
            for one in report.coverage
        ],
        "changes": [asdict(change) for change in report.changes],
        "scores": [asdict(each) for each in report.scores],
    }
    return json.dumps(_finite(data), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:  # noqa: ANN401 -- any data
    """Return data as JSON has it: null for NaN, the words of JSON's cases for infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else {"float": str(value)}
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value


def _orders(orders: Orders) -> dict[str, Any]:
    """Return what is known of orders, without pictures."""
    data = asdict(orders)
    return data | {"rows": [{key: entry for key, entry in row.items() if key != "picture"} for row in data["rows"]]}


def _run(report: Report, number: int) -> dict[str, Any]:
    """Return the head of one run."""
    run = report.runs[number]
    named = {name: getattr(run, name) for name in RUN}
    return named | {
        "run": number,
        "versions": dict(run.versions),
        "not_run": [{"name": name, "reason": reason} for name, reason in run.not_run],
        "missing": list(run.missing),
        "cases": run.cases,
        "calls": run.calls,
        "tally": _tally(run.tally),
    }


def _tally(tally: Tally) -> dict[str, int]:
    """Return a tally."""
    return asdict(tally) | {"judged": tally.judged, "state": tally.state}


def _product(report: Report, number: int) -> dict[str, Any]:
    """Return which run and target a product is."""
    return {"run": report.products[number].run, "target": report.products[number].target}


def _measured(report: Report, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with run and target in the place of its product."""
    return _product(report, row.pop("product")) | row


def _cell(report: Report, cell: Cell) -> dict[str, Any]:
    """Return one cell of the scoreboard."""
    named = {"op": cell.op, **_product(report, cell.product), **_tally(cell.tally)}
    return named | {"worst": cell.worst, "kinds": dict(cell.kinds), "address": f"#{cell.anchor}"}


def _finding(shown: Shown) -> dict[str, Any]:
    """Return one finding."""
    return {name: getattr(shown.finding, name) for name in FINDING} | {
        "call": shown.call,
        "first": shown.first,
        "last": shown.last,
        "runs": shown.runs,
        "cause": shown.known and shown.known.id,
        "link": shown.known and shown.known.link,
        "repro": shown.script and shown.script.path,
        "address": f"#{shown.anchor}",
    }


def _rule(report: Report, rule: Rule) -> dict[str, Any]:
    """Return one rule and its counts."""
    counts = [
        _product(report, number) | asdict(count) | {"state": count.state} for number, count in enumerate(rule.counts)
    ]
    told = {"id": rule.id, "op": rule.op, "text": rule.text, "kind": rule.kind, "meaning": rule.meaning}
    return told | {"counts": counts}


def _choice(report: Report, choice: Choice) -> dict[str, Any]:
    """Return what every target did where a rule leaves a choice, or beyond a limit."""
    did = [_product(report, number) | {"did": dict(counts)} for number, counts in enumerate(choice.counts) if counts]
    return {"rule": choice.rule, "op": choice.op, "text": choice.text, "targets": did, "remarks": choice.remarks}


def as_junit(report: Report) -> str:
    """
    Return JUnit XML: a suite for each product and op, a test case for each rule, and one for all other results.

    New findings are failures, of the rule that they name or else of "results". A known finding, and a rule that no
    call exercised, is skipped: it has not passed.
    """
    root = ET.Element("testsuites", name="conformance")
    for number, product in enumerate(report.products):
        for op in report.ops:
            if (op, number) in report.cells:
                root.append(_suite(report, product, number, op))
    causes = stale(report)
    if causes:
        suite = ET.SubElement(root, "testsuite", name="causes", tests=str(len(causes)), failures=str(len(causes)))
        for _, cause in causes:
            case = ET.SubElement(suite, "testcase", classname="causes", name=_legal(cause.id), time="0")
            failure = ET.SubElement(case, "failure", message=f"{cause.state}: accepted cause", type="stale-cause")
            failure.text = _legal(cause.title)
    for name in ("tests", "failures", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(report: Report, product: Product, number: int, op: str) -> ET.Element:
    """Return the test suite of an op on a product."""
    name = _legal(f"{report.runs[product.run].label}.{product.target}.{op}")
    suite = ET.Element("testsuite", name=name, errors="0")
    found = [
        shown
        for shown in report.findings
        if shown.finding.op == op and product.run in shown.runs and product.target in shown.finding.shared_by
    ]
    rules = [rule for rule in report.rules if rule.op == op]
    listed = {rule.id for rule in rules}
    for rule in rules:
        about = [shown for shown in found if shown.finding.rule == rule.id]
        count = rule.counts[number]
        idle = "" if count.state is State.TESTED else f"{count.state}: {count.exercised} judged calls exercised it"
        suite.append(_test(name, rule.id, f"{rule.text} {count.exercised} judged calls exercised it.", about, idle))
    others = [shown for shown in found if shown.finding.rule not in listed]
    tally = report.cells[op, number].tally
    unexplained = tally.disagrees and not report.runs[product.run].clustered
    on = f"{tally.valid} valid in {tally.geometries} geometries, {tally.small} small, {tally.broken} that break a rule"
    idle = "" if tally.state is State.TESTED else f"{tally.state}: {on}"
    text = f"{tally.agrees} of {tally.judged} judged calls agree: {on}"
    suite.append(_test(name, f"{op} results", text, others, idle))
    if unexplained:
        ET.SubElement(
            suite[-1], "failure", message=f"{tally.disagrees} calls disagree; the run has not ended", type="unexplained"
        )
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in suite)))
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in suite)))
    return suite


def _test(suite: str, name: str, text: str, found: list[Shown], idle: str) -> ET.Element:
    """Return one test case: failed by new findings, else skipped by known ones or where nothing exercised it."""
    case = ET.Element("testcase", classname=suite, name=_legal(name), time="0")
    failures = [shown for shown in found if shown.finding.status == "new"]
    for shown in failures:
        message, kind = _legal(shown.finding.title), _legal(shown.finding.kind)
        ET.SubElement(case, "failure", message=message, type=kind).text = _legal("\n".join(_lines(shown)))
    if not failures and (found or idle):
        known = "; ".join(f"known: {shown.finding.title}" for shown in found)
        ET.SubElement(case, "skipped", message=_legal(known or idle))
    ET.SubElement(case, "system-out").text = _legal(text)
    return case


def _lines(shown: Shown) -> Iterator[str]:
    """Yield what there is to say of a finding, line by line."""
    yield shown.finding.reason
    yield shown.call
    yield f"smallest case: {shown.finding.case_id}"
    yield f"shared by: {', '.join(shown.finding.shared_by)}"
    if shown.script:
        yield f"shown by: {shown.script.path}"
        yield shown.script.text


def _legal(text: str) -> str:
    """Replace the characters that XML 1.0 cannot hold."""
    return "".join(
        letter
        if letter in ALLOWED or (" " <= letter <= "\ud7ff") or ("\ue000" <= letter <= "\ufffd") or letter > "\uffff"
        else "\ufffd"
        for letter in text
    )
