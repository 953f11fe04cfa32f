"""How grave a disagreement is: by what is wrong, and whether a forward result or a gradient is."""

import pytest

from conformance.judge.severity import severity_of
from conformance.model import Symptom, Verdict
from conformance.ops import OPS

WRONG = Verdict(outcome="disagrees", kind="wrong-value")


@pytest.mark.parametrize("op", OPS)
def test_a_wrong_number_of_a_gradient_is_a_wrong_gradient(op: str) -> None:
    """Of every op that TensorFlow's names call one: ..._grad, ..._grad_grad and ..._backprop_..."""
    named = "_grad" in op or "_backprop_" in op
    assert severity_of(op, WRONG) == ("wrong gradient" if named else "silent wrong value")


def test_memory_and_nan_come_before_gradients() -> None:
    """What nobody wrote is graver than a wrong gradient, and NaN has a severity of its own."""
    unwritten = Verdict(outcome="disagrees", kind="wrong-value", symptoms=(Symptom.UNWRITTEN,))
    nan = Verdict(outcome="disagrees", kind="wrong-value", symptoms=(Symptom.NAN,))

    assert severity_of("max_pool_grad", unwritten) == "memory read or written"
    assert severity_of("max_pool_grad", nan) == "NaN handling"
