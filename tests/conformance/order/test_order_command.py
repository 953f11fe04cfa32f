"""`conformance order` from the command line to the drawing, on targets of known order."""

import pytest

from conformance.commands.cli import run_command

FORWARDS = "tests.miniatures.ordered:FORWARDS"


def test_a_sequential_target_is_drawn_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows, columns, channels, whatever the batch."""
    code = run_command(["order", "conv2d", "--target", FORWARDS, "--filters", "2,3", "--depth", "4"])

    text = capsys.readouterr().out
    assert code == 0
    assert "sequential: rows, columns, channels" in text
    assert "[0,0,0] + [0,0,1] + [0,0,2] + ... + [1,2,3]" in text
    assert "the same tree as with 64 in a call, by a sample" in text


def test_an_order_that_depends_on_the_batch_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    """One image forwards, several backwards."""
    code = run_command(["order", "conv2d", "--target", "tests.miniatures.ordered:BY_BATCH", "--depth", "2"])

    text = capsys.readouterr().out
    assert code == 0
    assert "sequential, from the last to the first" in text
    assert "a result depends on what comes with it" in text


def test_a_mean_is_a_sum_and_a_division(capsys: pytest.CaptureFixture[str]) -> None:
    """Windows of 2 x 3."""
    code = run_command(["order", "avg_pool", "--target", FORWARDS, "--filters", "2,3", "--batch", "8"])

    assert code == 0
    assert "sequential: rows, columns" in capsys.readouterr().out


def test_an_exact_reference_adds_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The specification rounds once."""
    code = run_command(["order", "conv2d", "--target", "reference", "--filters", "1,3", "--depth", "2", "--batch", "8"])

    text = capsys.readouterr().out
    assert code == 0
    assert "6 numbers an addition" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["order", "max_pool", "--target", FORWARDS], "no order of 'max_pool'"),
        (["order", "conv2d", "--target", FORWARDS, "--filters", "3"], "--filters 3: not two whole numbers"),
        (["order", "conv2d", "--target", FORWARDS, "--dtype", "int32"], "--dtype int32: not one of"),
        (["order", "conv2d", "--target", FORWARDS, "--image", "2,2"], "wider than the image"),
        (["order", "conv2d", "avg_pool", "--target", FORWARDS], "one op and one --target are drawn"),
        (["order", "conv2d", "--target", FORWARDS, "--python", "/no/such/python"], "no such program"),
    ],
)
def test_a_wrong_call_is_said_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    assert run_command(arguments) == 2
    text = capsys.readouterr().err
    assert message in text
    assert text.count("\n") == 1
