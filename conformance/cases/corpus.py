"""
Geometries that makers of kernels test and time: numbers only, each with the name of the list that it comes from.

Source: the problem lists of benchdnn, the test driver of oneDNN (https://github.com/uxlfoundation/oneDNN,
tests/benchdnn/inputs, Apache-2.0), those of two dimensions. They stand in corpus.csv.xz, a table in CSV: the op (conv,
deconv or pool), images, groups, channels and sides before and after, windows, strides, padding at the top, bottom,
left and right, dilations (1: none), products, and the list.
"""

import csv
import lzma
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from conformance.cases.layers import Layer, laid
from conformance.cases.sizes import LARGEST
from conformance.errors import SuiteError
from reference import windows

__all__ = ["LARGE", "SMALL", "Corpus", "corpus"]

TABLE = Path(__file__).with_name("corpus.csv.xz")
COLUMNS = (
    *("op", "mb", "g", "ic", "oc", "ih", "iw", "oh", "ow", "kh", "kw", "sh", "sw"),
    *("pt", "pb", "pl", "pr", "dh", "dw", "macs", "from"),
)
NUMBERS = tuple(name for name in COLUMNS if name not in ("op", "from", "macs"))
POSITIVE = ("g", "kh", "kw", "sh", "sw", "dh", "dw")
KINDS = ("conv", "deconv", "pool")
SMALL = 3 * 10**6  # products of a layer that every run has time for
LARGE = 2 * 10**9  # beyond, one call takes longer than a call may


@dataclass(frozen=True, slots=True)
class Corpus:
    """The layers of the table, and how many of its lines are none, by the reason."""

    layers: tuple[Layer, ...]
    left_out: Mapping[str, int]


@cache
def corpus() -> Corpus:
    """
    Read the table.

    Raises:
        SuiteError: a line is not made of the columns' words and whole numbers.
    """
    with lzma.open(TABLE, "rt", newline="") as file:
        lines = csv.DictReader(file)
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise SuiteError(f"{TABLE.name}: its columns are {lines.fieldnames}, not {', '.join(COLUMNS)}")
        read = [_read(number, line) for number, line in enumerate(lines, 2)]
    left_out = Counter(each for each in read if isinstance(each, str))
    return Corpus(tuple(each for each in read if isinstance(each, Layer)), left_out)


def _read(number: int, line: Mapping[str, str]) -> Layer | str:
    """Return the layer of one line, or why it is none."""
    try:
        n = {name: int(line[name]) for name in NUMBERS}
    except (TypeError, ValueError) as error:
        raise SuiteError(f"{TABLE.name}, line {number}: {error}") from error
    kind = line["op"]
    if kind not in KINDS or min(n.values()) < 0 or min(n[name] for name in POSITIVE) < 1:
        raise SuiteError(f"{TABLE.name}, line {number}: {dict(line)} is no geometry")
    if max(n.values()) > LARGEST:
        return f"a number above {LARGEST}"
    before, after = ("o", "i") if kind == "deconv" else ("i", "o")
    rows, columns = (
        windows.lay(n[before + a], n["k" + a], n["s" + a], n["d" + a], (n[first], n[last]))
        for a, first, last in (("h", "pt", "pb"), ("w", "pl", "pr"))
    )
    if (rows.out, columns.out) != (n[after + "h"], n[after + "w"]):
        return "windows that give another result than the one it has"
    return laid(kind, line["from"], (n["mb"], n["g"], n[before + "c"], n[after + "c"]), rows, columns)
