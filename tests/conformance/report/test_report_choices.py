"""What every target did where rules leave a choice, and beyond limits: who agrees with whom."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from conformance import ops
from conformance.report.data import gather
from conformance.report.implementations import board
from conformance.report.machine import as_json
from conformance.report.pages import implementations, page
from conformance.report.records import Report
from conformance.run.rows import Row

Make = Callable[..., Path]
RULE = "max_pool.R13"


def rows(by_hand: SimpleNamespace) -> list[Row]:
    """Return two pools of NaN alone on two modes of TensorFlow, of which the larger gives the same in both."""
    valid = [case for case in ops.generate("max_pool", 7, 0, 200) if case.breaks is None]
    small, large = sorted(valid, key=lambda case: len(json.dumps(case.to_json())))[:: len(valid) - 1]
    made = ((small, "tf-cpu-eager", "lowest"), (small, "tf-cpu-xla", "-inf"))
    alike = ((large, "tf-cpu-eager", "-inf"), (large, "tf-cpu-xla", "-inf"))
    return [
        by_hand.row(case, target, choices=json.dumps({RULE: [name, "either"]})) for case, target, name in made + alike
    ]


def limited(by_hand: SimpleNamespace) -> list[Row]:
    """Return a call that one mode does not implement and the other answers."""
    case = next(case for case in ops.generate("conv2d", 7, 0, 99) if case.breaks is None)
    refused = by_hand.row(case, "tf-cpu-eager", "unsupported", evidence=json.dumps({"reason": "no such kernel"}))
    return [refused, by_hand.row(case, "tf-cpu-xla")]


def gathered(make_run: Make, by_hand: SimpleNamespace) -> Report:
    """Return the report of one run with all of these."""
    return gather([make_run(rows=[*rows(by_hand), *limited(by_hand)])])


def test_a_choice_is_counted_by_what_each_target_did(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Of alternatives that a call meets, the one that holds the others says nothing."""
    (choice,) = gathered(make_run, by_hand).choices

    assert (choice.rule, choice.op) == (RULE, "max_pool")
    assert choice.counts == ((("-inf", 1), ("lowest", 1)), (("-inf", 2),))


def test_where_the_modes_of_a_library_differ_the_smallest_call_is_shown(
    make_run: Make, by_hand: SimpleNamespace
) -> None:
    """Once for two modes; what they do alike is no remark."""
    (choice,) = gathered(make_run, by_hand).choices
    (remark,) = choice.remarks

    assert remark.startswith("tf-cpu-eager: lowest; tf-cpu-xla: -inf; as max_pool(")


def test_a_limit_shows_who_answers_what_another_refuses(make_run: Make, by_hand: SimpleNamespace) -> None:
    """The same call, on the mode that declares the limit and on the one that does not."""
    (limit,) = gathered(make_run, by_hand).limits

    assert (limit.rule, limit.op, limit.counts) == ("no such kernel", "conv2d", ((("refuses", 1),), (("answers", 1),)))
    assert limit.remarks[0].startswith("tf-cpu-eager: refuses; tf-cpu-xla: answers; as conv2d(")


def test_pages_and_json_have_both_tables(make_run: Make, by_hand: SimpleNamespace) -> None:
    """With the sentence of the rule and the remarks."""
    report = gathered(make_run, by_hand)
    text, data = page(report), json.loads(as_json(report))

    assert "A window of NaN alone gives NaN." in text
    assert 'id="limits"' in text
    assert data["choices"][0]["targets"][0]["did"] == {"-inf": 1, "lowest": 1}
    assert data["limits"][0]["rule"] == "no such kernel"


def test_the_page_of_implementations_shows_who_chose_what(make_run: Make, by_hand: SimpleNamespace) -> None:
    """-inf by XLA in two calls and eagerly in one, the lowest eagerly in one, NaN by nobody here."""
    report = gathered(make_run, by_hand)

    (several,) = board(report).choices
    by = {each.alternative.name: [(product.target, calls) for product, calls in each.by] for each in several}

    assert by == {
        "NaN": [],
        "-inf": [("tf-cpu-xla", 2), ("tf-cpu-eager", 1)],
        "lowest": [("tf-cpu-eager", 1)],
        "either": [],
    }
    assert "| *NaN*: NaN | PyTorch, JAX |  |" in implementations(report, "md")
    assert "A window of NaN alone gives NaN." in implementations(report, "html")


def test_a_finding_is_of_the_targets_that_its_cause_names(make_run: Make, by_hand: SimpleNamespace) -> None:
    """xla-groups-nan speaks of XLA alone: that the eager mode gets the same case wrong is another fault's doing."""
    case, both = by_hand.founding_case(), dict.fromkeys(("tf-cpu-eager", "tf-cpu-xla"), "wrong-value")
    known = by_hand.finding("known", case, status="known", cause="xla-groups-nan", shared_by=both)
    new = by_hand.finding("new", case, shared_by=both)

    eager, xla = board(gather([make_run(findings=[known, new])])).implementations

    assert [shown.finding.id for shown in eager.faults] == ["new"]
    assert [shown.finding.id for shown in xla.faults] == ["new", "known"]


def test_a_choice_is_exercised_by_the_calls_that_it_decided(make_run: Make, by_hand: SimpleNamespace) -> None:
    """Two of each target."""
    rules = {rule.id: rule for rule in gathered(make_run, by_hand).rules}

    assert [count.exercised for count in rules[RULE].counts] == [2, 2]
    assert rules[RULE].kind == "choice"
