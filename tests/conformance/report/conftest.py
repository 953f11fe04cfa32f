"""Runs made by hand, through the store, as the report reads them."""
# ruff: noqa: ANN401 -- a run may hold anything

import io
import json
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import reference
from conformance import ops
from conformance.model import Case
from conformance.run.rows import Row
from conformance.run.store import Store

TARGETS = ("tf-cpu-eager", "tf-cpu-xla")


def header(version: str, started: str, targets: Sequence[str], **changed: Any) -> dict[str, Any]:
    """Return the header of a run."""
    return {
        "started": started,
        "suite": "0.1.0",
        "options": {
            "ops": list(ops.OPS),
            "targets": list(targets),
            "cases": 40,
            "budget": None,
            "seed": 7,
            "jobs": 2,
        },
        "machine": {
            "system": "Linux-6.1-x86_64",
            "python": "3.11.2",
            "cpu": "Xeon Platinum 8481C",
            "flags": ["avx2", "avx512f", "fma", "sse4_1"],
            "cores": 2,
            "memory": 25 * 2**30,
        },
        "targets": [
            {
                "name": name,
                "summary": "eager, oneDNN on",
                "arithmetic": {"float32": "float32", "bfloat16": "float32"},
                "deterministic": True,
                "environment": {"TF_ENABLE_ONEDNN_OPTS": "1"},
                "about": {"versions": {"tensorflow": version, "numpy": "2.4.0"}, "devices": ["CPU:0"]}
                if version
                else {},
            }
            for name in targets
        ],
        "not_run": [{"name": "tf-gpu-eager", "reason": "no GPU: nvidia-smi lists none"}],
        **changed,
    }


def row(case: Case, target: str, verdict: str = "agrees", kind: str = "", **changed: Any) -> Row:
    """Return one observation."""
    classes = ops.features(case)
    noise = zlib.crc32(f"{case.id} {target}".encode()) / 2**32
    sums = case.breaks is None and case.regime in ("normal", "positive") and case.op.startswith(("conv2d", "avg"))
    columns: dict[str, Any] = {
        "case": case.id,
        "op": case.op,
        "target": target,
        "route": "nn",
        "verdict": verdict,
        "kind": kind,
        "breaks": case.breaks or "",
        "dtype": case.dtype,
        "layout": classes.get("layout", ""),
        "regime": case.regime,
        "geometry": ops.geometry(case),
        "bound_used": noise / 8 if sums else 0.0,
        "ulps": noise * 3 if sums else 0.0,
        "elements": 100.0 if sums else 0.0,
        "sum": noise - 0.5 if sums else 0.0,
        "squares": 40 * noise if sums else 0.0,
        "seconds": 1e-4,
        "content": json.dumps(case.to_json()),
        "attributes": json.dumps(classes),
    }
    return Row(**columns | changed)


def finding(name: str, case: Case, **changed: Any) -> dict[str, Any]:
    """Return one finding."""
    return {
        "id": name,
        "title": f"{case.op} gives wrong numbers (batch above 1, stride above 1)",
        "op": case.op,
        "target": "tf-cpu-eager",
        "route": "nn",
        "kind": "wrong-value",
        "rule": "",
        "reason": "3 of 36 elements differ; worst at [0, 0, 2, 0]: 7.0 is not in 3.0 .. 3.0",
        "predicate": {"batch": "above 1", "stride": "above 1"},
        "status": "new",
        "symptoms": ["totals-agree"],
        "kernels": [],
        "cause": None,
        "link": None,
        "case": case.to_json(),
        "case_id": case.id,
        "shared_by": {"tf-cpu-eager": "wrong-value"},
        "not_shared_by": ["tf-cpu-xla"],
        "cases": 12,
        "worst": [0, 0, 2, 0],
        **changed,
    }


def founding_case() -> Case:
    """Return conv2d_transpose from 3x3 to 6x6 with stride 2."""
    data: dict[str, Any] = {
        "op": "conv2d_transpose",
        "arrays": {
            "input": {"shape": [1, 3, 3, 1], "dtype": "float32"},
            "filters": {"shape": [3, 3, 1, 1], "dtype": "float32"},
        },
        "attributes": {"output_shape": [1, 6, 6, 1], "strides": 2, "padding": "SAME"},
        "regime": "lattice",
        "seed": 1,
        "breaks": None,
    }
    return ops.case_from_json(data)


def arrays(observed: Any, value: Any) -> bytes:
    """Return arrays.npz of a finding in which one value an element is allowed."""
    buffer = io.BytesIO()
    allowed = {"value_0": value, "low_0": value, "high_0": value, "nan_0": np.zeros(value.shape, bool)}
    np.savez_compressed(buffer, allow_pickle=False, observed_0=observed, **allowed)
    return buffer.getvalue()


def founding_arrays() -> bytes:
    """Return the founding case with the extra zero on the wrong side: each row and column one too early."""
    image = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
    value = reference.conv2d_transpose(image, np.ones((3, 3, 1, 1), np.float32), [1, 6, 6, 1], 2)
    return arrays(np.roll(value, -1, axis=(1, 2)), value)


def make(
    folder: Path,
    version: str = "2.21.0",
    started: str = "2026-11-22T07:00:00+00:00",
    targets: Sequence[str] = TARGETS,
    rows: Sequence[Row] | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
    causes: Sequence[Mapping[str, Any]] = (),
    footer: Mapping[str, Any] | None = None,
    *,
    ended: bool = True,
    **changed: Any,
) -> Path:
    """Write a run: 40 cases of every op that agree, unless rows say otherwise."""
    store = Store.create(folder, header(version, started, targets, **changed))
    every = rows if rows is not None else agreeing(targets)
    if every:
        store.write_shard("all-00000", every)
    if ended:
        store.write_json("findings.json", {"schema": 2, "findings": list(findings), "causes": list(causes)})
        coverage: Any = {"conv2d": {"values": {"reached": 83, "makeable": 87, "missing": ["batch 0", "filters 0"]}}}
        told: dict[str, Any] = {"ended": "2026-11-22T07:03:00+00:00", "seconds": 180.0, "complete": True}
        store.close({**told, "coverage": coverage, "counts": {}, "fingerprints": [], **(footer or {})})
    return folder


def agreeing(targets: Sequence[str]) -> list[Row]:
    """Return 40 cases of every op, on which these targets agree."""
    return [row(case, target) for op in ops.OPS for case in ops.generate(op, 7, 0, 40) for target in targets]


Make = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> Make:
    """Return what makes the folder of a run."""

    def named(name: str = "run", **changed: Any) -> Path:
        return make(tmp_path / name, **changed)

    return named


@pytest.fixture(scope="session")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with one new and one known finding, and an accepted cause that is gone; it is not to be changed."""
    case = founding_case()
    listed = {"status": "known", "cause": "tie-order", "title": "max_pool_grad credits another tied element"}
    pool = next(c for c in ops.generate("max_pool_grad", 7, 0, 99) if c.breaks is None)
    known = {"id": "tie-order", "state": "seen", "link": "https://example.org/1", "title": "Known."}
    old = {"id": "old", "state": "not there", "link": "", "title": "Fixed upstream.", "own": True}
    folder = make(
        tmp_path_factory.mktemp("shared") / "run",
        rows=[*agreeing(TARGETS), row(case, "tf-cpu-eager", "disagrees", "wrong-value", bound_used=float("inf"))],
        findings=[
            finding("conv2d_transpose-wrong-value-0badcafe", case),
            finding("max_pool_grad-wrong-value-00c0ffee", pool, worst=[], **listed),
        ],
        causes=[cause | {"review": "2027-05-01"} for cause in (known, old)],
    )
    files = {"arrays.npz": founding_arrays(), "repro.py": b"import numpy as np\nprint('expected 1, got 3')\n"}
    Store(folder).write_finding("conv2d_transpose-wrong-value-0badcafe", files)
    return folder


@pytest.fixture
def full_run(shared_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the shared run."""
    return Path(shutil.copytree(shared_run, tmp_path / "run"))


@pytest.fixture
def by_hand() -> SimpleNamespace:
    """Return what makes the parts of a run."""
    return SimpleNamespace(row=row, finding=finding, founding_case=founding_case, arrays=arrays)
