"""The order of sums in the report."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from conformance.cases.linear import Sizes
from conformance.order.invariances import Answer
from conformance.order.replay import Order
from conformance.order.results import Calls, Found, Survey, key_of, write
from conformance.order.trees import chain, pairs, tree
from conformance.report.data import gather
from conformance.report.machine import as_json
from conformance.report.orders import picture
from conformance.report.pages import page

Make = Callable[..., Path]

SIZES = Sizes(window=(2, 2), image=(4, 4))
CHAIN = Order(tree=tree(4, chain(range(4), 4)), bits=(24,) * 3, fused=(False,) * 4)
PAIRS = Order(tree=tree(4, pairs(range(4), 4)), bits=(24,) * 3, fused=(False,) * 4)


def survey(target: str, order: Order) -> Survey:
    """Return what a survey of one call found."""
    axes = (("rows", 2), ("columns", 2))
    found = Found(
        target=target, op="conv2d", sizes=SIZES, many=64, axes=axes, order=key_of(order), alone=True, kernel="code"
    )
    return Survey(
        orders={key_of(order): order},
        found=(found,),
        calls=(Calls(target=target, op="conv2d", dtype="float32", calls=5, missed=(), kernel="code"),),
        answers=((target, "conv2d", Answer(what="batch", holds=False, kernel="code", pairs=3, smallest=SIZES)),),
    )


def test_orders_stand_in_the_page(make_run: Make) -> None:
    """Invariances first, the order by its name, each with its kernel, and names escaped."""
    folder = make_run(rows=[])
    write(folder, survey("<script>t", CHAIN))

    text = page(gather([folder]))

    assert text.index('id="invariances"') < text.index('id="orders"')
    assert "sequential, 24 bits" in text
    assert "<b>no</b> <small>image 4x4x1" in text
    assert "5 of 5" in text
    assert text.count('wrapped">code</t') == 2
    assert "<code>code</code> image 4x4x1" in text
    assert "<script>t" not in text


def test_a_report_without_a_survey_has_no_such_section(make_run: Make) -> None:
    """Nothing of orders."""
    assert 'id="orders"' not in page(gather([make_run(rows=[])]))


def test_who_adds_alike_is_counted(make_run: Make) -> None:
    """Two targets with one kind of sizes, in two orders."""
    folder = make_run(rows=[])
    one, other = survey("a", CHAIN), survey("b", PAIRS)
    write(folder, replace(one, orders={**one.orders, **other.orders}, found=one.found + other.found))

    (pair,) = json.loads(as_json(gather([folder])))["orders"]["shared"]

    assert (pair["same"], pair["common"], pair["example"][:9]) == (0, 1, "image 4x4")


def test_the_picture_of_a_chain_falls() -> None:
    """Four terms: the first two go through three additions, the last through one; 44 pixels are three additions."""
    ((color, path),) = picture(CHAIN).paths

    tops = [float(mark.split("h")[0].split()[1]) for mark in path.split("M")[1:]]
    assert color == 0
    assert tops == [0.0, 0.0, 14.7, 29.3]


def test_the_picture_of_pairs_is_level() -> None:
    """Four terms through two additions each, in two colors."""
    paths = picture(PAIRS).paths

    assert [color for color, _ in paths] == [0, 1]
    assert all(mark.split("h")[0].split()[1] == "0.0" for _, path in paths for mark in path.split("M")[1:])
