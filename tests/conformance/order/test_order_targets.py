"""The orders of real targets."""

from collections.abc import Iterator

import pytest

from conformance.cases.linear import Sizes
from conformance.order.operands import OPERANDS, call, middle
from conformance.order.probing import probed
from conformance.order.reveal import reveal
from conformance.targets import registry
from conformance.targets.transport.pool import Worker


@pytest.fixture(scope="module")
def tensorflow() -> Iterator[Worker]:
    """Start one worker for all."""
    with Worker(registry.find("tf-cpu-eager").start()) as worker:
        yield worker


@pytest.mark.tensorflow
@pytest.mark.parametrize("op", OPERANDS)
def test_tensorflow_is_predicted_bit_for_bit(op: str, tensorflow: Worker) -> None:
    """Eager, on this processor, whichever it is: one image alone and sixteen."""
    sizes = Sizes(window=(2, 2), image=(5, 5), depth=3, filters=4)
    for many in (1, 16):
        case = call(op, sizes)
        found = reveal(probed(tensorflow, case, middle(case), many))

        assert found.replayed


@pytest.mark.tensorflow
def test_layouts_find_the_same_terms(tensorflow: Worker) -> None:
    """NCHW: as many terms as NHWC, along the same axes."""
    boxes = [
        probed(tensorflow, case, middle(case), 8)
        for layout in ("NHWC", "NCHW")
        for sizes in [Sizes(window=(2, 3), image=(5, 5), depth=4, filters=3, layout=layout)]
        for case in [call("conv2d", sizes)]
    ]

    assert boxes[0].element.axes() == boxes[1].element.axes() == (("rows", 2), ("columns", 3), ("channels", 4))
    assert all(reveal(box).replayed for box in boxes)
