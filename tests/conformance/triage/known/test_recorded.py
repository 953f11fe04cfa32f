"""
What other machines showed, replayed as data: their disagreements are of the causes that were found for them.

avx512-bf16: an x86-64 processor with AVX-512 and its bfloat16 instructions, and oneDNN held to its lower levels;
aarch64: a 64-bit Arm processor. Each entry is one disagreement with TensorFlow 2.21.0, as a run wrote it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance import ops
from conformance.model import SYMPTOMS, Evidence, Verdict
from conformance.ops import case_from_json
from conformance.targets.registry import BUILT_IN
from conformance.triage.known.installation import Installation
from conformance.triage.known.matching import Disagreement, covering
from conformance.triage.known.reading import shipped

FOLDER = Path(__file__).with_name("recorded")
CAUSES = shipped()
RECORDED = [
    pytest.param(path.stem, data["version"], data["isa"], entry, id=f"{path.stem}-{number}-{entry['cause']}")
    for path in sorted(FOLDER.glob("*.json"))
    for data in [json.loads(path.read_text("utf-8"))]
    for number, entry in enumerate(data["disagreements"])
]


@pytest.mark.parametrize(("machine", "version", "isa", "entry"), RECORDED)
def test_a_disagreement_of_another_machine_is_of_its_cause(
    machine: str, version: str, isa: str, entry: dict[str, Any]
) -> None:
    """By its op, target, route, kind, symptoms, error or signal, and the features of its call."""
    case = case_from_json(entry["case"])
    evidence = Evidence(error=entry["error"])
    if entry["signal"]:
        evidence["signal"] = entry["signal"]
    symptoms = tuple(SYMPTOMS[each] for each in entry["symptoms"])
    found = Disagreement(
        op=case.op,
        target=entry["target"],
        judged=Verdict(outcome="disagrees", kind=entry["kind"], symptoms=symptoms, evidence=evidence),
        classes=ops.features(case),
        installation=Installation("tensorflow", version, BUILT_IN[entry["target"]].differs_from or isa, "CPU"),
        route=entry["route"],
    )

    match = covering(CAUSES, found)

    assert match, f"new on {machine}"
    assert match[0].id == entry["cause"]
