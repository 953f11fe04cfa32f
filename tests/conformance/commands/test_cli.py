"""Every wrong word of a user costs one line on standard error and exit code 2, never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.main import get_command

from conformance.commands.cli import app, run_command
from conformance.ops import OPS
from conformance.ops.strategies import strategy

MINIATURES = Path(__file__).parents[2] / "miniatures"
COMMANDS = tuple(getattr(get_command(app), "commands"))  # noqa: B009 - typer's own class of command
CASE: dict[str, Any] = {
    "op": "max_pool",
    "arrays": {"input": {"shape": [1, 4, 4, 1], "dtype": "float32"}},
    "attributes": {"ksize": 2, "strides": 2, "padding": "SAME"},
    "regime": "normal",
    "seed": 3,
    "breaks": None,
}
ARRAYS: list[Any] = [
    [],
    {},
    {"input": 1},
    {"input": {"shape": [1, 4, 4, 1]}},
    {"input": {"shape": [-1], "dtype": "float32"}},
    {"input": {"shape": [1, 4, 4, 1], "dtype": "object"}},
    {"input": {"shape": [1, 4, 4], "dtype": "float32"}},
    {"filters": {"shape": [1, 4, 4, 1], "dtype": "float32"}},
    {"input": {"shape": [2**20, 2**20, 4, 1], "dtype": "float32"}},
    {"input": {"shape": [1, 4, 4, 1], "dtype": "complex64"}},
]
ATTRIBUTES: list[Any] = [
    1,
    {},
    {"ksize": "x"},
    {"ksize": {"float": "x"}},
    {"ksize": {"array": [[1], [1, 2]], "dtype": "int32"}},
    {"ksize": 10**30},
    {"strides": 0},
    {"strides": [1, 2, 3]},
    {"padding": None},
    {"padding": [[1, 1]]},
    {"nosuch": 1},
    {"input": 3},
]
OTHERS: list[dict[str, Any]] = [
    {"op": "nosuch"},
    {"op": 1},
    {"op": "conv2d"},
    {"op": "dropout_grad"},
    {"op": "max_unpool"},
    {"regime": "nosuch"},
    {"regime": "extremes"},
    {"seed": -1},
    {"seed": 2**64},
    {"seed": 1.5},
    {"breaks": 1},
    {"more": 1},
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, with the miniatures importable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(MINIATURES))


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a wrong command: exit code 2, nothing on standard output, one line on standard error; return that line."""
    capsys.readouterr()
    code = run_command(list(arguments))
    out, err = capsys.readouterr()
    assert (code, out) == (2, ""), err
    assert err.startswith("conformance: ")
    assert len(err.splitlines()) == 1, err
    return err


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=str)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    """--help prints the usage and exits with 0."""
    assert run_command([*command, "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing command"),
        (["nosuch"], "nosuch"),
        (["run", "--nosuch"], "--nosuch"),
        (["run", "extra"], "extra"),
        (["run", "--profile", "x.toml"], "--profile is of one target"),
        (["run", "--target", "reference", "--profile", "missing.toml"], "missing.toml"),
        (["run", "--cases", "0"], "--cases"),
        (["run", "--cases", "1.5"], "--cases"),
        (["run", "--cases", "9" * 30], "--cases"),
        (["run", "--world", "0"], "--world"),
        (["run", "--world", "4", "--cases", "9"], "--world and --cases"),
        (["run", "--resume", "x", "--world", "4"], "leave --world"),
        (["run", "--jobs", "-1"], "--jobs"),
        (["run", "--seed", "-1"], "--seed"),
        (["run", "--seed", str(2**64)], "--seed"),
        (["run", "--budget", "x"], "--budget"),
        (["run", "--budget", "nan"], "--budget"),
        (["run", "--budget", "inf"], "--budget inf"),
        (["run", "--timeout", "0"], "--timeout"),
        (["run", "--timeout", "inf"], "--timeout inf"),
        (["run", "--op", "conv2D", "--no-known"], "no op 'conv2D': there are conv2d"),
        (["run", "--target", "tf-cpu-eagre", "--no-known"], "did you mean tf-cpu-eager?"),
        (["run", "--target", "referense", "--no-known"], "did you mean reference?"),
        (["run", "--target", "", "--no-known"], "no target ''"),
        (["run", "--target", "nosuchmodule:x", "--no-known"], "No module named 'nosuchmodule'"),
        (["run", "--target", "planted:nosuch:x", "--no-known"], "no target"),
        (["run", "--target", "json:nosuch", "--no-known"], "json has no nosuch"),
        (["run", "--target", "command:", "--no-known"], "no command"),
        (["run", "--target", "command:/nosuch", "--no-known"], "cannot run /nosuch"),
        (["run", "--target", "command:'", "--no-known"], "No closing quotation"),
        (["run", "--target", "command:/bin/false", "--no-known"], "no worker"),
        (["run", "--target", "command:/bin/cat", "--no-known"], "neither ready nor refused"),
        (["run", "--target", "json", "--no-known"], "no function of the suite's ops"),
        (["run", "--target", "encodings.mbcs", "--no-known"], "importing encodings.mbcs: ImportError: cannot import"),
        (["run", "--target", "tf-cpu-eager", "--python", "/bin/true", "--no-known"], "target tf-cpu-eager: "),
        (["run", "--out", "x" * 5000, "--target", "reference", "--no-known"], "File name too long"),
        (["run", "--known", "nosuch.toml"], "nosuch.toml"),
        (["run", "--python", "python", "--tensorflow", "2.18.1"], "--python and --tensorflow"),
        (["run", "--tensorflow", "2.11.1"], "releases are judged from 2.12 on"),
        (["run", "--tensorflow", "/nosuch/python"], "no such interpreter"),
        (["run", "--resume", "x", "--tensorflow", "2.18.1"], "leave --tensorflow"),
        (["run", "--python", "/nosuch/python", "--no-known"], "/nosuch/python: no such program"),
        (["run", "--resume", "nosuch"], "nosuch holds no run"),
        (["run", "--resume", "x", "--out", "y", "--no-known"], "leave --out"),
        (["run", "--resume", "x", "--seed", "0", "--timeout", "10"], "leave --seed, --timeout"),
        (["run", "--resume", "x", "--python", "python"], "leave --python"),
        (["replay", "nosuch", "--target", "reference"], "no case 'nosuch'"),
        (["replay", "x" * 5000, "--target", "reference"], "no case 'x"),
        (["replay", "x", "--target", "reference", "--python", "/nosuch"], "/nosuch: no such program"),
        (["replay", "nosuch.json", "--target", "reference"], "nosuch.json: No such file"),
        (["replay", "x", "--target", "reference", "--run", "nosuch"], "nosuch holds no run"),
        (["replay", "x"], "--target"),
        (["explain", "conv2d"], "--input"),
        (["explain", "nosuch", "--input", "3,3", "--filters", "3,3"], "geometry.R1"),
        (["explain", "conv2d", "--input", "3,x", "--filters", "3,3"], "--input '3,x'"),
        (["worst", "nosuch", "--target", "reference"], "no op 'nosuch'"),
        (["run", "--shard", "5/4"], "--shard 5/4: not a part"),
        (["vectors", "--out", "x", "--op", "nosuch"], "no op 'nosuch'"),
        (["rules", "nosuch"], "no op 'nosuch'"),
        (["report", "nosuch"], "nosuch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_word_is_named_in_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """What is wrong, where, and where there is one the nearest right word; no folder is left behind."""
    assert said in refusal(capsys, *arguments)
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    "changed",
    [*({"arrays": each} for each in ARRAYS), *({"attributes": each} for each in ATTRIBUTES), *OTHERS],
    ids=lambda changed: json.dumps(changed)[:60],
)
def test_a_case_file_with_one_thing_wrong_is_refused(
    capsys: pytest.CaptureFixture[str], changed: dict[str, Any]
) -> None:
    """The line names the file, and no worker is asked."""
    attributes = changed.get("attributes")
    if isinstance(attributes, dict) and attributes:
        changed = {"attributes": {**CASE["attributes"], **attributes}}
    Path("case.json").write_text(json.dumps({**CASE, **changed}))

    assert "case.json: " in refusal(capsys, "replay", "case.json", "--target", "reference")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}", b"\x80\x04K\x01."],
    ids=["empty", "cut", "list", "not text", "deep", "long number", "pickle"],
)
def test_a_file_that_is_no_case_is_refused(capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """Nothing of it is run or unpickled."""
    Path("case.json").write_bytes(content)

    assert "case.json: " in refusal(capsys, "replay", "case.json", "--target", "reference")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@given(data=st.data())
def test_no_change_of_a_case_file_ends_in_a_traceback(data: st.DataObject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any part of a good case replaced by any JSON is replayed, or refused with exit code 2."""
    monkeypatch.setattr("conformance.commands.replay.replay", lambda *_: False)
    op = data.draw(st.sampled_from(list(OPS)))
    case: Any = data.draw(strategy(op)).to_json()
    at: Any = case
    while True:
        key = data.draw(st.sampled_from(sorted(at)))
        if not isinstance(at[key], dict) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(JSON.filter(small))
    Path("case.json").write_text(json.dumps(case))

    assert run_command(["replay", "case.json", "--target", "reference"]) in (0, 2)


def small(value: object) -> bool:
    """Return whether no list of numbers in a value could be the shape of a large array."""
    match value:
        case list():
            return all(small(entry) and not (isinstance(entry, int) and abs(entry) > 100) for entry in value)
        case dict():
            return all(map(small, value.values()))
    return True


@FEW
@given(
    option=st.sampled_from(["--cases", "--jobs", "--seed", "--budget", "--timeout", "--op", "--target"]),
    value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
def test_no_value_of_an_option_ends_in_a_traceback(option: str, value: str) -> None:
    """Into a folder that holds a run, every value ends in exit code 2: if it is not refused itself, the folder is."""
    Path("taken").mkdir(exist_ok=True)
    Path("taken/run.json").touch()
    words = [] if option == "--target" else ["--target=reference"]

    assert run_command(["run", "--no-known", "--out=taken", *words, f"{option}={value}"]) == 2


@FEW
@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12))
def test_no_folder_to_resume_ends_in_a_traceback(value: str) -> None:
    """Nothing here holds a run."""
    assert run_command(["run", "--no-known", f"--resume={value}"]) == 2


@pytest.mark.parametrize("findings", ["{}", '{"schema": 1}', '{"schema": 1, "findings": [1]}', "["])
def test_findings_that_are_none_end_in_one_line(capsys: pytest.CaptureFixture[str], findings: str) -> None:
    """A case is looked for in what a run has found, whatever stands there."""
    Path("run").mkdir()
    Path("run/run.json").write_text('{"schema": 1, "header": {}, "footer": null}')
    Path("run/findings.json").write_text(findings)

    assert run_command(["replay", "x", "--run", "run", "--target", "reference"]) in (2, 3)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_fault_of_the_suite_is_no_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3 and one line that says where."""

    def fails() -> None:
        raise KeyError("planted")

    monkeypatch.setattr("conformance.commands.screen.targets", fails)

    assert run_command(["targets"]) == 3
    assert "a fault of the suite itself (test_cli.py, line" in capsys.readouterr().err


def test_a_closed_output_is_no_traceback() -> None:
    """As by `| head -1`: exit code 3, and nothing on standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "conformance", "targets"], stdout=writing, stderr=subprocess.PIPE, check=False, text=True
    )
    os.close(writing)

    assert (ended.returncode, ended.stderr) == (3, "")


@FEW
@given(
    option=st.sampled_from(["--input", "--filters", "--strides", "--padding", "--dilations", "--output", "--element"]),
    value=st.text("0123456789,-.xSAME", max_size=8) | st.text(max_size=4),
)
def test_no_word_to_explain_ends_in_a_traceback(option: str, value: str) -> None:
    """It is drawn, or refused."""
    given_ = {"--input": "3,3", "--filters": "3,3", "--strides": "2", option: value}
    words = [f"{name}={text}" for name, text in given_.items()]

    assert run_command(["explain", "conv2d_transpose", *words]) in (0, 2)


@pytest.fixture
def case_file() -> Path:
    """Give a good case file."""
    path = Path("case.json")
    path.write_text(json.dumps(CASE))
    return path


def test_a_case_is_replayed_from_its_file(capsys: pytest.CaptureFixture[str], case_file: Path) -> None:
    """The reference agrees with itself: exit code 0, and the call is shown."""
    assert run_command(["replay", str(case_file), "--target", "reference"]) == 0

    out = capsys.readouterr().out
    assert "max_pool(input [1, 4, 4, 1] float32" in out
    assert "reference: agrees" in out


def test_a_finding_is_replayed_from_its_folder(case_file: Path) -> None:
    """It holds the case as case.json."""
    assert run_command(["replay", str(case_file.parent.absolute()), "--target", "reference"]) == 0


def test_another_interpreter_runs_the_workers(case_file: Path, tmp_path: Path) -> None:
    """A script beside it that says that it was called, and is Python otherwise: for a case, and for a run."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho called >> {tmp_path}/calls\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    words = ["--target", "reference", "--python", str(python)]

    assert run_command(["replay", str(case_file), *words]) == 0
    called = len((tmp_path / "calls").read_text().splitlines())
    assert run_command(["run", *words, "--op", "dropout_grad", "--cases", "4", "--no-known", "--out", "run"]) == 0

    assert called >= 1
    assert len((tmp_path / "calls").read_text().splitlines()) > called


def test_a_disagreement_is_shown_element_by_element(capsys: pytest.CaptureFixture[str]) -> None:
    """The planted fault moves the filter's first row into the place of its second: exit code 1, both numbers shown."""
    case = {
        "op": "conv2d_transpose",
        "arrays": {
            "input": {"shape": [1, 1, 1, 1], "dtype": "float32"},
            "filters": {"shape": [2, 1, 1, 1], "dtype": "float32"},
        },
        "attributes": {"strides": 1, "padding": "SAME", "output_shape": [1, 1, 1, 1]},
    }
    Path("case.json").write_text(json.dumps({**CASE, **case, "regime": "normal"}))

    assert run_command(["replay", "case.json", "--target", "planted:one"]) == 1

    out = capsys.readouterr().out
    assert "planted:one: disagrees wrong-value" in out
    assert "[0, 0, 0, 0]:" in out


def test_the_targets_are_listed_with_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    """Every built-in target has a line."""
    assert run_command(["targets"]) == 0

    out = capsys.readouterr().out
    assert all(name in out for name in ("tf-cpu-eager", "tf-gpu-xla", "reference"))


def test_explain_draws_the_extra_padding(capsys: pytest.CaptureFixture[str]) -> None:
    """3x3 to 6x6 under 3x3 filters and stride 2: one more on the left and top."""
    words = ["--input", "3,3", "--filters", "3,3", "--strides", "2", "--output", "6,6"]

    assert run_command(["explain", "conv2d_transpose", *words]) == 0

    assert "padding top 2 (1 extra), bottom 1" in capsys.readouterr().out


@pytest.fixture
def environment() -> dict[str, str]:
    """Give an environment in which nothing says that there is a terminal."""
    return {name: text for name, text in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}


def test_a_run_without_a_terminal_prints_plain_lines(environment: dict[str, str]) -> None:
    """No bars and no colours: progress on standard error, the result on standard output, exit code 1 for a finding."""
    words = ["--target", "planted:lenient", "--op", "dropout_grad", "--cases", "96", "--no-known", "--out", "run"]
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "conformance", "run", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )

    assert ended.returncode == 1, ended.stderr
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "1 ops, up to 96 cases each (seed 0) on planted:lenient" in ended.stderr
    assert "NEW  dropout_grad accepts what dropout.R2 forbids" in ended.stdout
    assert "1 new findings" in ended.stdout
    assert "not run: tf-gpu-eager, " in ended.stdout
    assert Path("run/report.html").exists()
