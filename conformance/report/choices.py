"""What every target did where a rule leaves a choice, or where some target declares a limit: who agrees with whom."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import polars as pl

from conformance.report.observed import Observed
from conformance.report.records import Choice, Product
from conformance.report.specification import common_rules, ops
from conformance.report.wording import call
from reference.choices import EITHER

__all__ = ["choices", "limits"]

Calls = dict[str, dict[str, Any]]  # by case: what each target did, by its name; `CONTENT`: the case
CONTENT = ""
WIDER = (EITHER, "another", "flushed", "own", "rounded")  # alternatives that hold the others
Places = dict[tuple[str, str], Calls]  # by rule, or reason of a limit, and op
ANSWERS = {
    "agrees": "answers",
    "disagrees": "answers wrongly",
    "unsupported": "refuses",
    "undecided": "answers",
}


def choices(observed: Sequence[Observed], products: Sequence[Product]) -> tuple[Choice, ...]:
    """Return every choice that some call decided, by op, with what each target did."""
    texts = {rule.id: rule.text for op in ops() for rule in op.rules} | {rule.id: rule.text for rule in common_rules()}
    return tuple(_made([_choices(entry) for entry in observed], products, texts))


def limits(observed: Sequence[Observed], products: Sequence[Product]) -> tuple[Choice, ...]:
    """Return every limit that calls lie beyond, by op, with what each target did with those calls."""
    places = [_limits(entry) for entry in observed]
    return tuple(_made(places, products, {reason: reason for each in places for reason, _ in each}))


def _made(places: Sequence[Places], products: Sequence[Product], texts: Mapping[str, str]) -> Iterator[Choice]:
    """Yield what each target did, place by place."""
    for rule, op in sorted({key for each in places for key in each}):
        counts = []
        for product in products:
            calls = places[product.run].get((rule, op), {})
            did = Counter(each[product.target] for each in calls.values() if product.target in each)
            counts.append(tuple(sorted(did.items())))
        remarks = tuple(_remarks([each.get((rule, op), {}) for each in places], products))
        yield Choice(rule=rule, op=op, text=texts.get(rule, ""), counts=tuple(counts), remarks=remarks)


def _remarks(calls: Sequence[Calls], products: Sequence[Product]) -> Iterator[str]:
    """Yield where the modes of one library differ, each time with the smallest call on which they do."""
    for one, other in combinations(products, 2):
        if (one.run, one.library) != (other.run, other.library) or not one.library:
            continue
        differ = [
            (len(each[CONTENT]), each[CONTENT], each[one.target], each[other.target])
            for each in calls[one.run].values()
            if each.get(one.target, "") != each.get(other.target, "") and {one.target, other.target} <= each.keys()
        ]
        if differ:
            _, content, did, did_too = min(differ)
            case = json.loads(content)
            written = call(case["op"], case["arrays"], case["attributes"])
            yield f"{one.target}: {did}; {other.target}: {did_too}; as {written} shows, values {case['regime']}"


def _choices(entry: Observed) -> Places:
    """Return which alternatives calls of a run show: by rule and op."""
    rows = entry.store.observations().filter((pl.col("choices") != "") & (pl.col("verdict") == "agrees"))
    found: Places = defaultdict(dict)
    chosen = entry.store.collect(rows.select("op", "target", "case", "content", "choices"))
    for op, target, case, content, text in chosen.iter_rows():
        for rule, names in json.loads(text).items():
            found[rule, op].setdefault(case, {CONTENT: content})[target] = _told(names)
    return found


def _told(names: Sequence[str]) -> str:
    """Return what a call shows: the alternatives that it meets, but for those that whatever meets others meets, too."""
    single = [name for name in names if name not in WIDER] or list(names)[:1]
    return " or ".join(single)


def _limits(entry: Observed) -> Places:
    """Return what targets did with the calls beyond a limit of one of them: by its reason and op."""
    columns = ("op", "target", "case", "content", "verdict", "kind", "evidence")
    rows = entry.store.collect(entry.store.observations().filter(pl.col("breaks") == "").select(columns))
    beyond = rows.filter((pl.col("verdict") == "unsupported") & pl.col("evidence").str.contains('"reason"'))
    reasons = {
        (op, case): json.loads(evidence)["reason"]
        for op, case, evidence in beyond.select("op", "case", "evidence").iter_rows()
    }
    found: Places = defaultdict(dict)
    concerned = rows.filter(pl.col("case").is_in(beyond["case"].unique().implode()))
    for op, target, case, content, outcome, kind, _ in concerned.iter_rows():
        did = ANSWERS["agrees" if kind == "answered" else outcome]
        found[reasons[op, case], op].setdefault(case, {CONTENT: content})[target] = did
    return found
