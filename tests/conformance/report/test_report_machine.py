"""The report for machines: JSON, JUnit, Markdown, exit codes, and the commands."""
# ruff: noqa: ANN401 -- what JSON holds

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
from markupsafe import escape
from typer.testing import CliRunner

from conformance import ops
from conformance.commands import report as commands
from conformance.errors import SuiteError, UsageError
from conformance.report import machine, pages, specification
from conformance.report.data import gather

Make = Callable[..., Path]
EVIL = "<script>alert('x')</script> & ]]> \x00\x1b[31m"


def junit(folder: Path) -> ET.Element:
    """Return the JUnit file, parsed."""
    return ET.fromstring(machine.as_junit(gather([folder])))  # noqa: S314 -- made here


def told(folder: Path) -> dict[str, Any]:
    """Return the JSON, parsed by a reader that takes no NaN."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    data: dict[str, Any] = json.loads(machine.as_json(gather([folder])), parse_constant=refuse)
    return data


def test_json_says_its_schema_and_the_verdict(full_run: Path) -> None:
    """As docs/report.md has them."""
    data = told(full_run)

    assert data["schema"] == machine.SCHEMA == 2
    assert data["verdict"] == {
        "sentence": "1 new divergence in conv2d_transpose.",
        "remarks": [],
        "exit_code": 1,
        "findings": {"new": 1, "known": 1},
        "stale_causes": 1,
    }


def test_json_is_described_key_by_key(full_run: Path) -> None:
    """Every key of every table stands in docs/report.md, and every table that it names is there."""
    text = (Path(__file__).parents[3] / "docs" / "report.md").read_text()
    data = told(full_run)
    tables = [data, data["verdict"], *(value[0] for value in data.values() if isinstance(value, list) and value)]

    assert [key for table in tables for key in table if f"`{key}`" not in text] == []
    assert [name for name in data if f"## {name}" not in text and isinstance(data[name], list)] == []


def test_a_row_of_the_scoreboard_has_its_address(full_run: Path) -> None:
    """The same one as on the page."""
    data = told(full_run)
    row = next(row for row in data["scoreboard"] if row["op"] == "conv2d_transpose" and row["target"] == "tf-cpu-eager")

    assert (row["worst"], row["disagrees"], row["run"]) == ("wrong-value", 1, 0)
    assert f'id="{row["address"][1:]}"' in pages.page(gather([full_run]))


def test_an_infinite_share_is_written_as_in_cases(make_run: Make, by_hand: SimpleNamespace) -> None:
    """JSON has no word for infinity."""
    rows = [by_hand.row(by_hand.founding_case(), "tf-cpu-eager", bound_used=float("inf"), ulps=1.0, elements=1.0)]

    assert told(make_run(rows=rows))["accuracy"][0]["bound"][2] == {"float": "inf"}


def test_junit_has_a_test_for_each_op_target_and_rule(full_run: Path) -> None:
    """And one for each op's other results."""
    names = [
        case.get("name") for case in junit(full_run).iter("testcase") if ".tf-cpu-xla." in str(case.get("classname"))
    ]

    rules = [rule.id for op in specification.ops() for rule in op.rules]
    assert sorted(map(str, names)) == sorted([*rules, *(f"{op} results" for op in ops.OPS)])


def test_junit_counts_what_it_holds(full_run: Path) -> None:
    """Tests, failures and skipped of every suite, and of all."""
    root = junit(full_run)

    for suite in root:
        held = [case.find("failure") is not None for case in suite]
        assert (int(suite.get("tests", 0)), int(suite.get("failures", 0))) == (len(held), sum(held))
    assert (
        root.get("failures") == str(len(list(root.iter("failure")))) == "2"
    )  # the new finding, the cause that is gone


def test_a_new_finding_fails_its_target_alone(full_run: Path) -> None:
    """tf-cpu-eager shows it, tf-cpu-xla does not; the failure holds the script."""
    failed = {
        case.get("classname"): case for case in junit(full_run).iter("testcase") if case.find("failure") is not None
    }

    assert sorted(map(str, failed)) == ["2.21.0.tf-cpu-eager.conv2d_transpose", "causes"]
    assert "expected 1, got 3" in str(failed["2.21.0.tf-cpu-eager.conv2d_transpose"].findtext("failure"))


def test_a_finding_that_names_a_rule_fails_that_rule(make_run: Make, by_hand: SimpleNamespace) -> None:
    """conv2d_transpose.R11."""
    case = by_hand.founding_case()
    found = by_hand.finding("x", case, kind="accepted-invalid", rule="conv2d_transpose.R11")
    root = junit(make_run(rows=[by_hand.row(case, "tf-cpu-eager")], findings=[found]))

    assert [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None] == [
        "conv2d_transpose.R11"
    ]


def test_a_known_finding_is_skipped(full_run: Path) -> None:
    """It has not passed; nor have, of another target, few calls that agree."""
    skipped = [
        case.find("skipped") for case in junit(full_run).iter("testcase") if case.get("name") == "max_pool_grad results"
    ]

    assert [mark.get("message", "").split(":")[0] for mark in skipped if mark is not None] == ["known", "thin"]


def test_disagreements_of_a_killed_run_fail(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Nobody has looked into them."""
    rows = [by_hand.row(by_hand.founding_case(), "tf-cpu-eager", "disagrees", "crashed")]
    root = junit(make_run(rows=rows, ended=False))

    assert [failure.get("type") for failure in root.iter("failure")] == ["unexplained"]


def evil_run(make_run: Make, by_hand: SimpleNamespace) -> Path:
    """Return a run in which everything from a target is a script, and holds control characters."""
    found = by_hand.finding(
        EVIL,
        by_hand.founding_case(),
        title=EVIL,
        reason=EVIL,
        target=EVIL,
        route=EVIL,
        kind=EVIL,
        predicate={EVIL: EVIL},
        shared_by={EVIL: EVIL},
        not_shared_by=[EVIL],
        cause=EVIL,
        status="known",
    )
    cause = {"id": EVIL, "state": "expired", "link": f"javascript:{EVIL}", "title": EVIL, "review": EVIL, "own": True}
    rows = [
        by_hand.row(
            by_hand.founding_case(), EVIL, "disagrees", EVIL, dtype=EVIL, layout=EVIL, elements=1.0, squares=1.0
        )
    ]
    folder = make_run(
        rows=rows, targets=[EVIL], findings=[found], causes=[cause], not_run=[{"name": EVIL, "reason": EVIL}]
    )
    row = {"op": EVIL, "layer": EVIL, "target": EVIL, "median": 1.0, "dtype": EVIL}
    (folder / "bench.json").write_text(json.dumps({"rows": [row], "ceilings": {EVIL: EVIL}}))
    return folder


def test_everything_from_a_target_is_escaped_on_the_page(make_run: Make, by_hand: SimpleNamespace) -> None:
    """The only script that starts is the page's own; charts included."""
    text = pages.page(gather([evil_run(make_run, by_hand)]))

    assert text.lower().count("<script") == 1
    assert "alert(&#39;x&#39;)" in text
    assert 'href="javascript' not in text


def test_everything_from_a_target_is_escaped_in_xml(make_run: Make, by_hand: SimpleNamespace) -> None:
    """It parses, and holds what XML can."""
    text = machine.as_junit(gather([evil_run(make_run, by_hand)]))

    assert "<script" not in text
    assert ET.fromstring(text).tag == "testsuites"  # noqa: S314 -- made here


def test_everything_from_a_target_is_escaped_in_markdown(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Neither HTML nor a further column of a table."""
    text = pages.markdown(gather([evil_run(make_run, by_hand)]))

    assert "<script" not in text
    widths = {line.count("|") - line.count(r"\|") for line in text.splitlines() if line.startswith("| conv2d")}
    assert widths == {3}


def test_markdown_tells_the_verdict_the_board_and_the_findings(full_run: Path) -> None:
    """In this order."""
    text = pages.markdown(gather([full_run]))
    places = [
        text.index(part)
        for part in ("## 1 new divergence", "| op |", "### Findings", "### Accepted causes", "### Not run")
    ]

    assert places == sorted(places)


def application() -> typer.Typer:
    """Return the two commands as the command line has them."""
    app = typer.Typer()
    app.command()(commands.report)
    app.command()(commands.rules)
    return app


def called(*arguments: str | Path) -> Any:
    """Call a command."""
    return CliRunner().invoke(application(), [str(argument) for argument in arguments])


def test_the_page_lands_in_the_runs_folder(full_run: Path) -> None:
    """Unless told otherwise."""
    result = called("report", full_run)

    assert result.output.splitlines()[0] == "1 new divergence in conv2d_transpose."
    assert (full_run / "report.html").read_text().startswith("<!doctype html>")


def test_every_output_can_be_asked_for(full_run: Path, tmp_path: Path) -> None:
    """All four, whole."""
    paths = {kind: tmp_path / f"out.{kind}" for kind in ("html", "junit", "json", "markdown")}
    called("report", full_run, *(part for kind, path in paths.items() for part in (f"--{kind}", path)))

    assert [kind for kind, path in paths.items() if not path.exists()] == []
    assert not list(tmp_path.glob("*.part"))


def test_the_exit_code_is_returned(full_run: Path, make_run: Make) -> None:
    """1 for a new finding, 0 for none: as `run`."""
    assert commands.report([full_run]) == 1
    assert commands.report([make_run("good")]) == 0


def test_a_wrong_folder_is_the_callers_fault(tmp_path: Path) -> None:
    """UsageError: exit code 2."""
    with pytest.raises(UsageError):
        commands.report([tmp_path])


def test_a_page_that_cannot_be_written_is_the_suites_fault(full_run: Path, tmp_path: Path) -> None:
    """SuiteError, exit code 3, and it names the file."""
    with pytest.raises(SuiteError, match="nowhere"):
        commands.report([full_run], html=tmp_path / "nowhere" / "report.html")


def test_rules_of_one_op_are_printed() -> None:
    """All of them and no other's."""
    output = called("rules", "avg_pool").output

    assert [line.split()[0] for line in output.splitlines() if line.startswith("avg_pool.R")] == [
        f"avg_pool.R{n}" for n in range(1, 10)
    ]
    assert "max_pool.R1 " not in output


def test_an_ops_page_is_printed_whole() -> None:
    """Where its windows lie, its rounding and its definition, without the examples."""
    output = called("rules", "conv2d_transpose").output

    assert "SAME      (OH - 1)*sh < H <= OH*sh" in output
    assert "What falls outside out is dropped" in output
    assert "Rounding:\n  The exact sum, rounded once" in output
    assert "def definition(" in output
    assert ">>>" not in output


def test_rules_of_an_unknown_op_are_refused() -> None:
    """With the ones there are."""
    with pytest.raises(UsageError, match="no op 'conv3d': there are conv2d"):
        commands.rules("conv3d")


def test_the_specification_is_written_as_a_page(tmp_path: Path) -> None:
    """With every rule and the founding example."""
    called("rules", "--html", tmp_path / "rules.html")
    text = (tmp_path / "rules.html").read_text()

    assert [rule.id for op in specification.ops() for rule in op.rules if f'id="rule-{rule.id}"' not in text] == []
    assert "3x3 to 6x6, stride 2, SAME" in text


def test_the_page_has_every_definition_and_what_holds_for_all_ops(tmp_path: Path) -> None:
    """The source of the function, escaped, beside the rules; the sections once, before the first op."""
    called("rules", "--html", tmp_path / "rules.html")
    text = (tmp_path / "rules.html").read_text()

    assert all(op.definition.startswith("def definition(") for op in specification.ops())
    assert [op.name for op in specification.ops() if str(escape(op.definition)) not in text] == []
    assert [title for title, _ in specification.common()] == ["Definition", "Conformance", "Rules", "Refusals", "Scope"]
    assert text.index("SpecError names one of them") < text.index("def definition(")


def test_every_op_has_its_formula_and_rules() -> None:
    """Taken from its docstring, numbered from 1."""
    for op in specification.ops():
        assert [rule.id for rule in op.rules] == [f"{op.name}.R{n}" for n in range(1, len(op.rules) + 1)]
        assert op.rules


def test_dropout_takes_the_rules_of_general_dropout() -> None:
    """R1 to R10 and R13 to R16 stand there, R11 and R12 in its own docstring."""
    assert len(specification.op("dropout").rules) == 16


def test_the_page_stays_under_six_megabytes(make_run: Make, by_hand: SimpleNamespace) -> None:
    """With 200 findings, each with the longest script that is shown, and a full image."""
    import numpy as np

    from conformance.run.store import Store

    case = by_hand.founding_case()
    folder = make_run(findings=[by_hand.finding(f"f{n:03}", case) for n in range(200)])
    value = np.zeros((4, 24, 24, 4))
    noise = np.random.default_rng(0).normal(size=value.shape)
    files = {"arrays.npz": by_hand.arrays(noise, value), "repro.py": b"x = 1  # a line\n" * 500}
    for n in range(200):
        Store(folder).write_finding(f"f{n:03}", files)

    assert len(pages.page(gather([folder])).encode()) < 6_000_000


@pytest.mark.parametrize("schema", [1, 2])
def test_the_footer_says_how_far_the_suite_can_be_trusted(full_run: Path, schema: int) -> None:
    """The scores of the self-test that is kept with the run, whatever its schema; without one, how to have it."""
    without = pages.page(gather([full_run]))
    scores: dict[str, object] = (
        {"mutants": 60, "killed": 59, "correct_cases": 936, "false_positives": 1, "hazards": 9, "survived": 8}
        if schema == 2
        else {"faulty": 60, "caught": 59, "quiet_cases": 936, "false_alarms": 1, "deeds": 9, "survived": 8}
    )
    (full_run / "selftest.json").write_text(json.dumps({"schema": schema, "date": "2026-11-22", **scores}))

    text = pages.page(gather([full_run]))

    assert "59 of 60 mutants killed, 1 false positives in 936 cases" in text
    assert "8 of 9 hazards survived" in text
    assert "conformance selftest --into DIR" in without


def test_the_scoreboard_of_implementations_names_versions_evidence_and_faults(full_run: Path, tmp_path: Path) -> None:
    """Two pages of the same: a cell shows its n, a new finding stands with its severity, a known one with its link."""
    called("report", full_run, "--implementations", tmp_path / "board")
    text, page = ((tmp_path / f"board.{end}").read_text() for end in ("md", "html"))

    assert "## tf-cpu-eager" in text
    assert "(n " in text
    assert "docs/known-divergences.md#tie-order" in text
    assert "measured on 2026-" in text
    assert "not tested" in page
    assert "docs/known-divergences.md#tie-order" in page
