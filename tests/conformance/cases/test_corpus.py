"""The corpus is read whole, each geometry of it has a call that is valid, and what has none is counted."""

import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import reference
from conformance import ops
from conformance.cases import corpus as module
from conformance.cases.corpus import COLUMNS, SMALL, corpus
from conformance.errors import SuiteError
from conformance.ops import OPS
from conformance.ops.listed import at, left_out, places

Read = Callable[..., module.Corpus]

LINES = 9_938  # of the table
LINE = "conv,2,1,3,4,5,6,5,3,3,3,1,2,1,1,1,1,1,1,3240,by hand"
TAKEN = [op for op, record in OPS.items() if record.of_layer]


def table(folder: Path, *lines: str) -> Path:
    """Write a table with these lines."""
    path = folder / "corpus.csv.xz"
    with lzma.open(path, "wt") as file:
        file.write("\n".join([",".join(COLUMNS), *lines, ""]))
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    """Return a function that reads other lines than the project's."""

    def of(*lines: str) -> module.Corpus:
        monkeypatch.setattr(module, "TABLE", table(tmp_path, *lines))
        return corpus.__wrapped__()

    return of


def test_a_line_is_read_as_a_layer(read: Read) -> None:
    """Images of 5x6, windows of 3x3, strides 1 and 2: 2*5*3*4 sums of 3*3*3 products. SAME would pad 0 on the left."""
    (layer,) = read(LINE).layers

    assert (layer.batch, layer.channels, layer.outputs, layer.products) == (2, 3, 4, 2 * 5 * 3 * 4 * 27)
    assert (layer.rows.out, layer.columns.out, layer.columns.stride) == (5, 3, 2)
    assert (layer.padding, layer.source) == ("EXPLICIT", "by hand")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE.replace(",5,3,3,3,", ",5,4,3,3,"), "windows that give another result than the one it has"),
        (LINE.replace("conv,2", "conv,4294967296"), "a number above 2147483647"),
    ],
)
def test_a_geometry_that_cannot_be_is_left_out(read: Read, line: str, reason: str) -> None:
    """And counted by its reason; the line beside it stays."""
    found = read(LINE, line)

    assert (len(found.layers), found.left_out) == (1, {reason: 1})


@pytest.mark.parametrize(
    "line",
    [LINE.replace("conv", "gemm"), LINE.replace("conv,2", "conv,two"), LINE.replace(",3,3,1,2", ",0,3,1,2"), "conv,1"],
)
def test_a_line_that_is_no_geometry_is_a_fault_of_the_suite(read: Read, line: str) -> None:
    """The error names the file and the line."""
    with pytest.raises(SuiteError, match=r"corpus\.csv\.xz, line 2: "):
        read(line)


def test_every_line_of_the_table_is_a_layer_or_counted() -> None:
    """9,938 lines; of the seven with numbers beyond 2^31 - 1 and the 23 that contradict themselves none is a layer."""
    assert len(corpus().layers) + sum(corpus().left_out.values()) == LINES
    assert sorted(corpus().left_out.values()) == [7, 23]


def test_each_small_layer_is_called_once_by_one_op() -> None:
    """Which op, the seed decides; what is not called is counted."""
    seeds = [Counter(place for op in OPS for place in places(op, seed, whole=False)) for seed in (0, 1)]

    assert set(seeds[0].values()) == {1}
    assert seeds[0] == seeds[1]
    assert len(seeds[0]) + sum(left_out(whole=False).values()) == LINES
    assert places("conv2d", 0, whole=False) != places("conv2d", 1, whole=False)


def test_the_whole_corpus_is_called_by_every_op_that_has_it() -> None:
    """Each convolution by conv2d and by both gradients."""
    assert places("conv2d", 0, whole=True) == places("conv2d_backprop_filter", 3, whole=True)
    assert len(places("conv2d", 0, whole=True)) > 9_000


@pytest.mark.parametrize("op", TAKEN)
def test_calls_at_layers_are_valid_and_as_large_as_their_layer(op: str) -> None:
    """Twenty of each op: the reference takes them."""
    small = [place for place in places(op, 0, whole=False) if corpus().layers[place].products < SMALL / 10]
    cases = [at(op, 0, place) for place in small[:: max(len(small) // 20, 1)]]

    for case in cases:
        getattr(reference, op)(**ops.arguments(case))
    assert {case.regime for case in cases} == {"lattice"}


def test_a_transposed_convolution_of_the_corpus_runs_backward() -> None:
    """From the smaller side to the larger: of the forward convolution behind it the image is the result."""
    forward = [layer for layer in corpus().layers if layer.kind == "deconv" and layer.rows.stride > 1]

    assert all(layer.rows.size > layer.rows.out for layer in forward)
