"""Where a call was the first of a run to reach a kernel, calls next to it are made."""

import json
import sys
from pathlib import Path

import polars as pl

from conformance import ops
from conformance.model import Case
from conformance.run.plan import Plan
from conformance.run.rows import Row, rows
from conformance.run.store import Store
from conformance.run.trials import Panel
from conformance.run.visits import NEAR, first_visits, vary
from conformance.targets.registry import find

HARNESS = (
    f"command:{sys.executable} {Path(__file__).parents[2] / 'miniatures' / 'harness.py'}"  # a kernel for each rank
)


def row(number: int, kernel: str, target: str = "t") -> Row:
    """Return an observation of a case of its own."""
    (case,) = ops.generate("bias_add", number, 0, 1)
    return Row(case=case.id, op="bias_add", target=target, kernel=kernel, content=json.dumps(case.to_json()))


def test_the_first_call_of_each_kernel_and_target_is_a_first_visit(tmp_path: Path) -> None:
    """Of five calls the second reaches nothing new, the third one kernel of its two, the last is on another target."""
    store = Store.create(tmp_path, {})
    observed = [row(0, "gemm"), row(1, "gemm"), row(2, "gemm; jit"), row(3, ""), row(4, "jit", "other")]
    store.write_shard("bias_add-00000", observed)

    found = first_visits(store)

    assert {of: [case.id for case in cases] for of, cases in found.items()} == {
        ("bias_add", "t"): [observed[0].case, observed[2].case],
        ("bias_add", "other"): [observed[4].case],
    }


def of_rank(rank: int) -> Case:
    """Return the first valid bias_add of so many axes."""
    several = ops.generate("bias_add", 0, 0, 60)
    return next(each for each in several if not each.breaks and len(each.arrays["value"].shape) == rank)


def test_calls_next_to_first_visits_become_observations_once(tmp_path: Path) -> None:
    """Two calls reach a kernel each: both have neighbours beside them, and a run that is resumed makes none again."""
    first = [of_rank(2), of_rank(4)]
    store, plan = Store.create(tmp_path, {}), Plan(ops=("bias_add",), targets=(HARNESS,), cases=2, seed=0, jobs=1)
    said: list[str] = []
    with Panel({HARNESS: find(HARNESS)}) as panel:
        store.write_shard("bias_add-00000", [each for case in first for each in rows(panel.examine(case))])
        vary(plan, panel, store, said.append)
        vary(plan, panel, store, said.append)

    new = [each.call for each in store.rows(pl.lit(value=True))][len(first) :]
    assert len(new) == 2 * NEAR
    assert all(any(each in ops.neighbours(case) for case in first) for each in new)
    assert len(said) == 1
