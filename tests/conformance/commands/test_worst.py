"""The search for the worst error."""

from pathlib import Path

import pytest

from conformance import ops
from conformance.commands.worst import Worst, search
from conformance.run.trials import Panel
from conformance.targets.registry import find


def test_the_search_returns_the_case_that_uses_most_of_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Means that are one ulp too large use part of every bound; the reference, in the same calls, uses nothing."""
    (tmp_path / "above.py").write_text(
        "import numpy as np\nimport reference\n\n\ndef avg_pool(**call):\n"
        "    out = reference.avg_pool(**call)\n"
        "    return np.nextafter(out, out.dtype.type(np.inf)) if out.dtype == np.float32 else out\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Panel({name: find(name) for name in ("above", "reference")}) as panel:
        above, right = (search("avg_pool", panel, name, 20) for name in ("above", "reference"))
        assert above.case is not None
        (again,) = panel.examine(above.case, ["above"])

    assert above.share > right.share == 0
    assert again.verdict.bound_used == above.share


def test_the_largest_share_and_its_case_are_kept() -> None:
    """A smaller share that comes later changes nothing; a larger one does."""
    first, second, third = (next(iter(ops.generate("conv2d", seed, 0, 1))) for seed in range(3))
    worst = Worst()

    for share, case in ((0.5, first), (0.25, second)):
        worst.add(share, case)
    assert (worst.share, worst.case) == (0.5, first)

    worst.add(0.75, third)
    assert (worst.share, worst.case) == (0.75, third)
