"""What follows from an order: whole calls predicted, invariances answered, a survey kept in a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.cases.linear import Sizes
from conformance.commands.cli import run_command
from conformance.errors import SuiteError
from conformance.model import Raised, Returned
from conformance.order.invariances import measured
from conformance.order.operands import call, element
from conformance.order.prediction import predict
from conformance.order.probing import kernel_of
from conformance.order.replay import Order
from conformance.order.results import Calls, Found, Missed, Survey, key_of, read, write
from conformance.order.trees import chain, tree
from conformance.order.wording import answered
from conformance.targets import registry
from conformance.targets.transport.pool import Worker

FORWARDS = "tests.miniatures.ordered:FORWARDS"
SIZES = Sizes(window=(2, 2), image=(4, 5), depth=3, filters=2, images=2)


@pytest.fixture(params=["FORWARDS", "BY_BATCH", "STRIPED"])
def named(request: pytest.FixtureRequest) -> Iterator[tuple[str, Worker]]:
    """Start a worker of each miniature."""
    with Worker(registry.find(f"tests.miniatures.ordered:{request.param}").start()) as worker:
        yield request.param, worker


def operands(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Draw the operands of a conv2d."""
    generator = np.random.default_rng(0)
    arrays = call("conv2d", sizes).arrays
    left, right = (generator.standard_normal(arrays[name].shape).astype(np.float32) for name in ("input", "filters"))
    return left, right


def test_a_call_is_predicted_where_its_elements_add_alike(named: tuple[str, Worker]) -> None:
    """Every bit, but of the target whose odd columns add in another order."""
    name, worker = named

    found = predict(worker, call("conv2d", SIZES), *operands(SIZES))

    assert found is not None
    assert found.elements == 2 * 3 * 4 * 2
    assert found.whole == (name != "STRIPED")
    assert bool(found.missed) == (name == "STRIPED")


def test_what_a_target_refuses_is_not_predicted() -> None:
    """None, not a miss."""
    with Worker(registry.find("tests.miniatures.ordered:REFUSING").start()) as worker:
        assert predict(worker, call("conv2d", SIZES), *operands(SIZES)) is None


def test_invariances_are_answered(named: tuple[str, Worker]) -> None:
    """One depends on the batch, one on the place of the window, and the answer names a call."""
    name, worker = named

    kinds = [replace(SIZES, depth=depth, images=images) for depth in range(3, 9) for images in (1, 2)]

    elsewhere: dict[str, Worker | str] = {"threads": "one only", "memory": worker}
    answers = {one.what: one for one in measured("conv2d", worker, elsewhere, kinds)}

    assert answers["batch"].holds == (name != "BY_BATCH")
    assert answers["translation"].holds == (name != "STRIPED")
    assert answers["beside"].holds
    assert answers["threads"].holds is None
    assert answers["memory"].holds
    if name == "BY_BATCH":
        assert answered(answers["batch"]).startswith("no: image ")


def test_kernels_that_change_the_layout_are_none_that_add() -> None:
    """A reorder stands beside a convolution in what oneDNN tells; what tells nothing has no kernel."""
    kernels = ("reorder jit:uni undef f32", "convolution brg_conv_fwd:avx2 forward_training f32")

    assert kernel_of(Returned((), 0.0, kernels=kernels)) == kernels[1]
    assert kernel_of(Returned((), 0.0)) == kernel_of(Raised("ValueError", "")) == ""


def test_terms_of_an_element_come_from_the_reference() -> None:
    """The corner of a SAME convolution has four of nine taps, numbered as the filters have them."""
    case = call("conv2d", Sizes(window=(3, 3), image=(3, 3), padding="SAME"))

    corner = element(case, (0, 0, 0, 0))

    assert corner.left == (0, 1, 3, 4)
    assert corner.right == (4, 5, 7, 8)


def test_a_survey_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With an order, a kind that has none, a missed call and answers."""
    order = Order(tree=tree(4, chain(range(4), 4)), bits=(24,) * 3, fused=(False, True, True, True))
    key = key_of(order)
    found = Survey(
        orders={key: order},
        found=(
            Found(target="t", op="conv2d", sizes=SIZES, many=64, axes=(("rows", 2), ("columns", 2)), order=key),
            Found(target="t", op="conv2d", sizes=SIZES, many=64, axes=(), why="no tree"),
        ),
        calls=(
            Calls(
                target="t",
                op="conv2d",
                dtype="float32",
                calls=3,
                missed=(Missed(sizes=SIZES, exact=1, elements=2, why=""),),
            ),
        ),
    )

    write(tmp_path, found)

    assert read(tmp_path) == found


def test_a_survey_that_finds_no_order_of_an_op_is_not_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3: no evidence for what was asked."""
    refusing = "tests.miniatures.ordered:REFUSING"

    code = run_command(["order", "conv2d", "--survey", "--target", refusing, "--calls", "1", "--out", str(tmp_path)])

    assert code == 3
    assert "not revealed, not supported" in capsys.readouterr().out


def test_what_is_no_survey_is_said_so(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "orders.json").write_text('{"schema": 1}')

    with pytest.raises(SuiteError, match="orders"):
        read(tmp_path)


def test_a_survey_makes_the_folder_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of size in one order, and its answers."""
    code = run_command(["order", "avg_pool", "--survey", "--target", FORWARDS, "--calls", "37", "--out", str(tmp_path)])

    text = capsys.readouterr().out
    assert code == 0
    assert "sequential, 24 bits" in text
    assert "1 of 1 small float32 calls predicted bit for bit" in text  # the first that is VALID, NHWC, of stride 1
    assert (tmp_path / "run.json").exists()
    kept = read(tmp_path)
    assert kept is not None
    assert {one.alone for one in kept.found} == {True}
