"""The search for the worst error."""

from conformance.commands.worst import Worst, search
from conformance.run.trials import Panel
from conformance.targets.registry import find


def test_the_reference_uses_nothing_of_its_bounds() -> None:
    """The exact value rounded once is what the bound is measured from."""
    with Panel({"reference": find("reference")}) as panel:
        found = search("avg_pool", panel, "reference", 20)

    assert found.share == 0


def test_the_largest_share_and_its_case_are_kept() -> None:
    """A smaller share that comes later changes nothing."""
    from conformance import ops

    first, second = (next(iter(ops.generate("conv2d", seed, 0, 1))) for seed in (0, 1))
    worst = Worst()

    worst.meet(0.5, first)
    worst.meet(0.25, second)

    assert (worst.share, worst.case) == (0.5, first)
