"""A finding's issue.md: what to paste upstream, complete, so that nobody has to ask back."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.model import Case
from conformance.ops import OPS
from conformance.targets.target import Target
from conformance.triage.clusters import Cluster
from conformance.triage.known.cause import Cause, spoken

__all__ = ["issue"]

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16")  # of a processor: those that choose kernels
NOT_RUN = "Other releases were not tried."


def issue(cluster: Cluster, target: Target, about: Mapping[str, Any], machine: Mapping[str, Any], script: str) -> str:
    """
    Return the text of issue.md.

    about: what the target says of itself; machine: of the run's header; script: repro.py, "" where there is none.
    """
    parts = {
        "": f"# {cluster.title}\n\n{cluster.op} {cluster.what} on {target.about}: {cluster.reason}.",
        "Environment": "\n".join(f"- {line}" for line in _environment(target, about, machine)),
        "To reproduce": f"```python\n{script}```"
        if script
        else "\n".join(f"- `{_call(each)}`" for each in (cluster.before, cluster.case) if each),
        "Expected": "\n\n".join(_expected(cluster)),
        "Got": f"{cluster.reason}.",
        "Kernels": ", ".join(f"`{name}`" for name in cluster.kernels) or "The target does not tell which.",
        "Where": "\n".join(f"- {line}" for line in _where(cluster)),
        "Nearest call that is right": _nearest(cluster),
        "Already reported": cluster.cause.link if cluster.cause and cluster.cause.link else "Not known to be.",
    }
    return "\n\n".join(f"## {name}\n{text}" if name else text for name, text in parts.items()) + "\n"


def _environment(target: Target, about: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[str]:
    """Yield the versions, the machine, and the variables that are set."""
    yield ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items()) or target.about
    flags = [flag for flag in FLAGS if flag in machine.get("flags", ())]
    yield f"{machine.get('cpu', 'processor unknown')} ({', '.join(flags) or 'none of ' + ', '.join(FLAGS)})"
    yield f"{machine.get('system', 'system unknown')}, Python {machine.get('python', 'unknown')}"
    for name, value in target.environment.items():
        yield f"`{name}={value}`"


def _expected(cluster: Cluster) -> Iterator[str]:
    """Yield the rule that a call breaks, or the formula that gives its result."""
    document = inspect.getdoc(OPS[cluster.op].reference) or ""
    rule = re.search(rf"^ *{re.escape(cluster.verdict.rule)} +(.*(?:\n {{6,}}.*)*)", document, re.MULTILINE)
    if cluster.verdict.rule and rule:
        yield f"An error: the call breaks {cluster.verdict.rule}. {' '.join(rule[1].split())}"
    elif cluster.verdict.rule:
        yield f"An error: the call breaks {cluster.verdict.rule}."
    formula = re.search(r"\n\n((?: {4}.*\n)+)", document)
    if formula:
        yield f"By the documentation of the op:\n\n{formula[1].rstrip()}"
    evidence = cluster.verdict.evidence
    if "low" in evidence:
        yield f"At {list(cluster.verdict.worst)}: {evidence['low']} .. {evidence['high']}, rounding considered."


def _where(cluster: Cluster) -> Iterator[str]:
    """Yield the targets and the releases that have it, and those that have it not."""
    yield f"has it: {', '.join(cluster.shared_by)}"
    yield f"has it not: {', '.join(cluster.not_shared_by) or 'none that was tried'}"
    yield _releases(cluster.cause) if cluster.cause else NOT_RUN


def _releases(cause: Cause) -> str:
    """Say in which releases a cause was observed."""
    several = list(dict.fromkeys(spoken(place.versions) for place in cause.where if place.versions.first))
    return f"releases: {'; '.join(several)}" if several else NOT_RUN


def _nearest(cluster: Cluster) -> str:
    """Return the nearest call that is right."""
    if cluster.before:
        return f"The same without the call before it, `{_call(cluster.before)}`."
    return f"`{_call(cluster.nearest)}`" if cluster.nearest else "None was searched for."


def _call(case: Case) -> str:
    """Write a case as one would call it."""
    arrays = [f"{name}={spec.dtype}{list(spec.shape)}" for name, spec in case.arrays.items()]
    others = [f"{name}={json.dumps(value)}" for name, value in case.attributes.items()]
    return f"{case.op}({', '.join([*arrays, *others])})"
