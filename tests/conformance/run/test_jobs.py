"""The same plan gives the same run: whatever the number of jobs, and however often it was killed on the way."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conformance import ops
from conformance.commands import report as reports
from conformance.ops import OPS
from conformance.run import plan as plans
from conformance.run import shards
from conformance.run.header import header
from conformance.run.plan import Plan, Shard
from conformance.run.rows import COLUMNS, Row
from conformance.run.spent import processor_seconds
from conformance.run.store import Store
from conformance.run.sweep import Block
from conformance.targets.registry import find
from conformance.targets.transport.zygote import Zygotes
from conformance.triage import campaign

MINIATURES = Path(__file__).parents[2] / "miniatures"
TIMES: Any = dict.fromkeys(("seconds", "trace_seconds", "cpu_seconds", "own_seconds"), 0.0)
SPENT = ("seconds", "cases_per_second", "target_seconds", "own_seconds")  # of the footer
TARGETS = ("planted:one", "reference")
CASES = 64
WITH_OPS = ("conv2d_transpose", "dropout_grad")
COMMAND = [
    *("run", "--no-known", "--cases", str(CASES), "--seed", "5"),
    *(text for op in WITH_OPS for text in ("--op", op)),
    *(text for target in TARGETS for text in ("--target", target)),
]

# A run of two jobs; prints the processor time of importing the suite, and of everything.
ACCOUNT = """
import resource, sys
from pathlib import Path
from conformance.run.header import header
from conformance.triage import campaign
from conformance.ops import OPS
from conformance.run.plan import Plan
from conformance.run.store import Store

def charged():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

if __name__ == "__main__":
    imported = charged()
    plan = Plan(ops=tuple(OPS), targets=("reference",), cases=30, seed=0, jobs=2)
    store = Store.create(Path(sys.argv[1]), header(plan))
    campaign.conduct(plan, store, [], lambda _: None, lambda _: None)
    print(imported, charged())
"""


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Let workers import the miniatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(MINIATURES))
        yield


def plan(**changed: Any) -> Plan:  # noqa: ANN401 - any field
    """Return the plan that COMMAND asks for."""
    given: dict[str, Any] = {"ops": WITH_OPS, "targets": TARGETS, "cases": CASES, "seed": 5, "jobs": 1}
    given |= {"world": plans.SIDE}
    return Plan(**{**given, **changed})


def conducted(folder: Path, chosen: Plan) -> Store:
    """Run a plan in this process, and return its store."""
    store = Store.create(folder, header(chosen))
    with store.locked():
        campaign.conduct(chosen, store, [], lambda _: None, lambda _: None)
    return store


def timeless(*stores: Store) -> list[Row]:
    """Return the observations of runs without their times, sorted."""
    rows = [replace(row, **TIMES) for store in stores for row in store.rows(pl.lit(value=True))]
    return sorted(rows, key=attrgetter("op", "case", "target"))


def result(store: Store) -> dict[str, bytes]:
    """Return all that a run has found but its times: observations, findings with their files, the report's page."""
    rows = timeless(store)
    found = {path.name: path.read_bytes() for path in store.folder.glob("findings/*/*")}
    with tempfile.TemporaryDirectory() as folder:
        copy = Store.create(Path(folder) / "run", {**store.header(), "started": "", "options": plans.options(plan())})
        copy.write_shard("all-00000", rows)
        copy.write_json("findings.json", store.read_json("findings.json"))
        copy.close({**(store.footer() or {}), "ended": "", "deaths": 0, **dict.fromkeys(SPENT, 0.0)})
        page = reports.page([copy.folder]).replace(folder, "")
    findings = (store.folder / "findings.json").read_bytes()
    swept = store.collect(store.swept().drop("cpu_seconds", "own_seconds"))
    return {
        "rows": repr(rows).encode(),
        "swept": repr(sorted(swept.rows())).encode(),
        "findings": findings,
        "page": page.encode(),
        **found,
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Give the run of one job that nothing has disturbed."""
    return conducted(tmp_path_factory.mktemp("runs") / "undisturbed", plan())


def conformance(*arguments: str, **more: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - of Popen
    """Start the command line."""
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, **more)  # noqa: S603


def alive(mark: str) -> list[int]:
    """Return the processes that have inherited this environment variable."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{mark}=".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def killed(folder: Path, arguments: list[str], seconds: float) -> bool:
    """Start the command line, kill it after a time, and see that all its processes end; whether it was still going."""
    mark = f"RUN_{uuid.uuid4().hex}"
    process = conformance(*arguments, env={**os.environ, mark: "1"})
    deadline = time.monotonic() + 60
    while not (folder / "run.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 20
    while alive(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(mark)
    return process.returncode == -signal.SIGKILL


def test_a_finished_run_holds_a_row_for_every_case_and_target(undisturbed: Store) -> None:
    """64 cases of 2 ops on 2 targets are 256 rows, with all columns; one more is each small call that disagrees."""
    rows = undisturbed.collect(undisturbed.observations())
    footer = undisturbed.footer()

    small = undisturbed.collect(undisturbed.swept())["disagrees"].sum()
    assert small > 0
    assert rows.shape == (CASES * 2 * 2 + small, len(COLUMNS))
    assert footer is not None
    assert footer["complete"]
    assert footer["cases"] == CASES * 2
    assert sum(sum(kinds.values()) for targets in footer["counts"].values() for kinds in targets.values()) == len(rows)


def test_the_planted_fault_is_the_one_finding(undisturbed: Store) -> None:
    """Only conv2d_transpose of planted:one differs, where padding is odd, and the run says so."""
    (finding,) = undisturbed.read_json("findings.json")["findings"]

    assert (finding["op"], finding["kind"], finding["target"]) == ("conv2d_transpose", "wrong-value", "planted:one")
    assert finding["predicate"] == {"padding ends": "unlike"}


@pytest.mark.parametrize("jobs", [2, 3])
def test_any_number_of_jobs_gives_the_same_result(
    tmp_path: Path, undisturbed: Store, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    """Observations and findings are those of one job, but for times, and the shards' files as few as they are to be."""
    monkeypatch.setattr(shards, "TOGETHER", 4)
    store = conducted(tmp_path / "run", plan(jobs=jobs))

    assert result(store) == result(undisturbed)
    assert len(store.shards.files()) < len(undisturbed.shards.files())
    assert len(store.blocks.files()) < 4 < len(undisturbed.blocks.files())


def test_another_seed_gives_other_cases() -> None:
    """No case of seed 5 is met under seed 6."""
    targets = {"reference": find("reference")}
    drawn = [Shard(0, "max_pool").cases(plan(seed=seed), targets) for seed in (5, 6)]
    several = [{case.id for case, _ in cases} for cases in drawn]

    assert not several[0] & several[1]


def test_shards_cover_every_case_once_whatever_their_number() -> None:
    """100 cases are 3 shards of 30 and one of 10; the ops take turns."""
    chosen = plan(ops=("max_pool", "dropout"), cases=100, world=0)

    found = [shard for shard in plans.shards(chosen) if isinstance(shard, Shard)]

    assert [shard.op for shard in found] == ["max_pool", "dropout"] * 4
    assert [shard.size(chosen) for shard in found[::2]] == [30, 30, 30, 10]
    assert [len(list(shard.cases(chosen, {"reference": find("reference")}))) for shard in found[::2]] == [
        30,
        30,
        30,
        10,
    ]


def test_every_shard_belongs_to_one_part_and_every_part_has_all_ops() -> None:
    """Three parts of 3,000 cases of two ops: 200 shards and their blocks, none twice, some of both ops in each."""
    chosen = plan(cases=3000)
    parts = [list(plans.own_shards(replace(chosen, part=(number, 3)))) for number in (1, 2, 3)]

    assert sorted(shard.name for part in parts for shard in part) == sorted(each.name for each in plans.shards(chosen))
    assert all({shard.op for shard in part} == set(WITH_OPS) for part in parts)


def test_the_parts_of_a_plan_hold_what_the_whole_does(tmp_path: Path, undisturbed: Store) -> None:
    """The observations of two runs, one of each half, are those of one run, but for times."""
    halves = [conducted(tmp_path / str(number), plan(part=(number, 2))) for number in (1, 2)]

    assert repr(timeless(*halves)) == repr(timeless(undisturbed))  # NaN differs from itself, its name does not
    assert all((half.footer() or {})["complete"] for half in halves)


def test_blocks_cover_a_small_world_once() -> None:
    """The 504 gradients of dropout to side 2, 126 in each dtype: none is in two blocks, and none left out."""
    chosen = plan(ops=("dropout_grad",), cases=0, world=2)

    found = [shard for shard in plans.shards(chosen) if isinstance(shard, Block)]

    assert len({block.name for block in found}) == len(found)
    seen = [json.dumps(case.to_json()) for block in found for case in block.cases()]
    regions = ops.regions("dropout_grad", 2).values()
    assert sorted(seen) == sorted(json.dumps(case.to_json()) for region in regions for case in region.cases(0, 10**6))


def test_an_op_that_no_target_offers_takes_nothing_of_a_run(tmp_path: Path) -> None:
    """A namespace of one op, in a run of two: no shard of the other is drawn, computed or written."""
    store = conducted(tmp_path / "run", plan(targets=("profiled",), ops=("conv2d", "dropout_grad"), cases=6, world=0))

    assert {name.partition("-")[0] for name in store.done()} == {"conv2d"}


def test_a_budget_ends_the_run_cleanly_and_it_can_go_on(tmp_path: Path, undisturbed: Store) -> None:
    """With no time for more it ends after its first shard; then it is completed, and the times are added up."""
    store = conducted(tmp_path / "run", plan(budget=0.01))
    first = store.footer() or {}
    assert store.done() == {"conv2d_transpose-00000"}

    campaign.conduct(plan(), store, [], lambda _: None, lambda _: None)

    last = store.footer() or {}
    assert not first["complete"]
    assert last["complete"]
    assert last["cases"] == CASES * 2
    assert last["seconds"] > first["seconds"]
    assert last["target_seconds"] > first["target_seconds"]
    assert result(store) == result(undisturbed)


def test_a_killed_run_resumes_to_the_same_result(tmp_path: Path, undisturbed: Store) -> None:
    """Killed twice at random moments, no process of it lives on, and the third session ends as if nothing had been."""
    _kill_and_resume(tmp_path / "run", kills=2, result_of=undisturbed, chance=random.Random(1))  # noqa: S311 - moments


@pytest.mark.slow
def test_fifty_kills_change_nothing(tmp_path: Path, undisturbed: Store) -> None:
    """Killed 50 times at random moments, of as many runs as that takes, each ends in the same result."""
    left, chance = 50, random.Random(2)  # noqa: S311 - moments
    for number in count():
        left -= _kill_and_resume(tmp_path / str(number), kills=left, result_of=undisturbed, chance=chance)
        if not left:
            break


def _kill_and_resume(folder: Path, kills: int, result_of: Store, chance: random.Random) -> int:
    """Kill a run until it ends before that or has been killed so often, complete it; return how often it was killed."""
    arguments = [*COMMAND, "--jobs", "2", "--out", str(folder)]
    times = 0
    while times < kills and killed(folder, arguments, chance.uniform(0, 4)):
        times += 1
        if (folder / "run.json").exists():
            arguments = ["run", "--resume", str(folder)]
    store = Store(folder) if (folder / "run.json").exists() else Store.create(folder, header(plan()))
    with store.locked():
        campaign.conduct(plan(jobs=2), store, [], lambda _: None, lambda _: None)
    assert result(store) == result(result_of)
    assert not list(folder.rglob("*.part"))
    return times


def heeding_interrupts() -> None:
    """Heed Ctrl-C, also where the tests run in the background, where a shell has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_every_process_with_one_line(tmp_path: Path) -> None:
    """Sent to all processes of the terminal, as Ctrl-C is, it ends them, names the way on, and exits with 3."""
    folder, mark = tmp_path / "run", f"RUN_{uuid.uuid4().hex}"
    command = [*COMMAND, "--cases", "100000", "--jobs", "2", "--out", str(folder)]
    environment = {**os.environ, mark: "1"}
    process = conformance(*command, env=environment, start_new_session=True, preexec_fn=heeding_interrupts)
    try:
        deadline = time.monotonic() + 60
        while not list(folder.glob("observations/*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()

    assert process.returncode == 3
    assert errors.strip().splitlines()[-1].endswith(f"go on with --resume {folder}")
    assert "Traceback" not in errors
    assert not alive(mark)


def test_own_and_target_seconds_are_all_the_processor_time(tmp_path: Path) -> None:
    """What the footer states of a run is what the system has charged its processes, but for importing the suite."""
    folder = tmp_path / "run"
    ended = subprocess.run([sys.executable, "-c", ACCOUNT, str(folder)], capture_output=True, text=True, check=True)  # noqa: S603

    imported, charged = map(float, ended.stdout.split())
    footer = Store(folder).footer() or {}

    stated = footer["own_seconds"] + footer["target_seconds"]
    # Beside it: the end of each job, and multiprocessing's own process. Ticks of 10 ms for each reading of a process.
    assert charged - imported - 1 < stated <= charged + 0.1
    assert footer["target_seconds"] > 0
    assert footer["cases_per_second"] == pytest.approx(30 * len(OPS) / footer["seconds"])


def test_an_account_of_this_process_and_a_live_child_is_kept() -> None:
    """A child that has computed for a second is charged while it lives."""
    before = processor_seconds(Zygotes())
    child = subprocess.Popen(
        [sys.executable, "-c", "import time\nwhile time.process_time() < 1: pass\nprint(flush=True)\ntime.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()

    used = processor_seconds(Zygotes()) - before

    child.kill()
    child.communicate()
    assert used >= 0.98


def test_json_files_are_json(undisturbed: Store) -> None:
    """run.json and findings.json hold no NaN, which is not JSON."""

    def reject(name: str) -> None:
        raise AssertionError(name)

    for name in ("run.json", "findings.json"):
        json.loads((undisturbed.folder / name).read_text(), parse_constant=reject)
