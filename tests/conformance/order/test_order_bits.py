"""Which kinds of calls keep their bits, on targets of known order."""

from pathlib import Path

import pytest

from conformance.commands import bits
from conformance.commands.bits import measured, read
from conformance.order.operands import OPERANDS

ORDERED = "tests.miniatures.ordered"


def test_calls_that_differ_are_counted_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One target adds odd columns otherwise: results of one column are the same, those of nine are not.

    Its middle column is an even one, so that both add the element in the middle alike. No pool differs.
    """
    monkeypatch.setattr(bits, "OPERANDS", {op: OPERANDS[op] for op in ("conv2d", "avg_pool")})

    found = measured([f"{ORDERED}:FORWARDS", f"{ORDERED}:STRIPED"], tmp_path, lambda _: None)

    convolution, pool = found
    assert (convolution.op, pool.op) == ("conv2d", "avg_pool")
    assert 0 < convolution.same < convolution.common
    assert [change.before == change.after for change in convolution.changes] == [True]
    assert pool.same == pool.common > 0
    assert read(tmp_path) == found
