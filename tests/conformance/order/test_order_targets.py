"""The orders of real targets."""

from collections.abc import Iterator

import pytest

from conformance.order.kinds import CALLS, Sizes, call, middle
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
@pytest.mark.parametrize("op", CALLS)
def test_tensorflow_is_predicted_bit_for_bit(op: str, tensorflow: Worker) -> None:
    """Eager, on this processor, whichever it is: one image alone and sixteen."""
    sizes = Sizes(window=(2, 2), image=(5, 5), depth=3, filters=4)
    for many in (1, 16):
        found = reveal(probed(tensorflow, call(op, sizes), middle(op, sizes), many))

        assert found.replayed


@pytest.mark.tensorflow
def test_layouts_find_the_same_terms(tensorflow: Worker) -> None:
    """NCHW: as many terms as NHWC, along the same axes."""
    boxes = [
        probed(tensorflow, call("conv2d", sizes), middle("conv2d", sizes), 8)
        for layout in ("NHWC", "NCHW")
        for sizes in [Sizes(window=(2, 3), image=(5, 5), depth=4, filters=3, layout=layout)]
    ]

    assert boxes[0].element.axes() == boxes[1].element.axes() == (("rows", 2), ("columns", 3), ("channels", 4))
    assert all(reveal(box).replayed for box in boxes)
