"""The specification as chapters of the documentation, in Markdown."""

import pytest

from conformance.report import pages, specification


@pytest.mark.parametrize("op", specification.ops(), ids=lambda op: op.name)
def test_a_chapter_has_every_rule_and_the_definition(op: specification.Op) -> None:
    """Each rule by the address that the report uses, too."""
    text = pages.chapter(op)

    assert [rule.id for rule in op.rules if f'<span id="rule-{rule.id}">' not in text] == []
    assert op.definition in text


def test_figures_stand_where_they_can_be_drawn() -> None:
    """The even output of conv2d_transpose has its extra row and column hatched; dropout slides no window."""
    drawn = {op.name: pages.chapter(op) for op in specification.ops()}

    assert 'class="g-extra"' in drawn["conv2d_transpose"]
    assert "<figure" not in drawn["dropout"]


def test_formulas_stay_as_they_are() -> None:
    """The star of a product is no stress; what a docstring stresses is."""
    assert pages.prose("y*sh - top, *then* 2*x") == r"y\*sh - top, *then* 2\*x"
