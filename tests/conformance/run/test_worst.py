"""The search for the worst error."""

from pathlib import Path

import pytest

from conformance import ops
from conformance.model import Returned, Verdict
from conformance.run.trials import Outcome, Panel
from conformance.run.worst import MOST, Worst, search
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


def outcome(seed: int, share: float, **verdict: str) -> Outcome:
    """Return a call that used this share of its bound, by a kernel of its own."""
    (case,) = ops.generate("conv2d", seed, 0, 1)
    judged = Verdict(**{"outcome": "agrees", **verdict}, bound_used=share)  # type: ignore[arg-type]
    return Outcome(case, "t", "", Returned((), 0.0, kernels=(f"kernel {seed}",)), judged)


def test_the_largest_share_and_its_case_are_kept() -> None:
    """A smaller share that comes later changes nothing; a larger one does."""
    first, second, third = outcome(0, 0.5), outcome(1, 0.25), outcome(2, 0.75)
    worst = Worst()

    assert [worst.add(each) for each in (first, second)] == [0.5, 0.25]
    assert (worst.share, worst.case) == (0.5, first.case)

    worst.add(third)
    assert (worst.share, worst.case) == (0.75, third.case)


def test_a_disagreement_counts_more_than_any_share() -> None:
    """Whether it has a share or, as a crash, none; and it is kept."""
    wrong = outcome(0, 3.0, outcome="disagrees", kind="wrong-value")
    crash = outcome(1, float("nan"), outcome="disagrees", kind="crashed")
    worst = Worst()

    assert [worst.add(each) for each in (wrong, crash)] == [MOST, MOST]
    assert worst.disagreeing == [wrong, crash]


def test_a_kernel_is_new_once() -> None:
    """The second call that reaches it reaches nothing new."""
    worst = Worst()

    assert [worst.reach(each) for each in (outcome(0, 0.0), outcome(0, 0.0), outcome(1, 0.0))] == [1, 0, 1]
