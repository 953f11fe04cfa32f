"""How numbers, versions and names are written, the same on the page, in Markdown and in the terminal."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["anchor", "call", "count", "duration", "labelled", "number", "scalar", "share"]

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
LONGEST = 60  # characters of an anchor's readable part


def anchor(*parts: str) -> str:
    """
    Return an address on the page: letters, digits, dots and dashes.

    Where that changes more than spaces and underscores, six digits of the content tell two names apart.

    >>> anchor("cell", "conv2d_transpose", "tf-cpu-eager")
    'cell-conv2d_transpose-tf-cpu-eager'
    >>> anchor("target", "command:./x").startswith("target-command-.-x-")
    True
    """
    text = "-".join(parts)
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")
    if plain == text and len(plain) <= LONGEST:
        return plain
    return f"{plain[:LONGEST].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def number(value: float) -> str:
    """
    Write a whole number with thin spaces between thousands.

    >>> number(1234567).replace(chr(0x202F), " ")
    '1 234 567'
    """
    return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def count(value: int, noun: str, nouns: str = "") -> str:
    """
    Write a number with its noun.

    >>> count(1, "case"), count(0, "case"), count(2, "class", "classes")
    ('1 case', '0 cases', '2 classes')
    """
    return f"{number(value)} {noun if value == 1 else nouns or noun + 's'}"


def share(part: int, whole: int) -> str:
    """
    Write a share, rounded toward the middle: only all is 100%, only none is 0%.

    >>> [share(part, 10000) for part in (0, 1, 5000, 9899, 9999, 10000)]
    ['0%', '0.1%', '50%', '98.9%', '99.9%', '100%']
    """
    thousandths = 1000 * part // whole if 2 * part > whole else -(-1000 * part // whole)
    return f"{thousandths / 10:.1f}".removesuffix(".0") + "%"


def duration(seconds: float) -> str:
    """
    Write a time with three digits.

    >>> duration(0.00123), duration(2.0), duration(200), duration(7380)
    ('1.23 ms', '2 s', '3 min 20 s', '2 h 3 min')
    """
    if not math.isfinite(seconds):
        return "unknown"
    if seconds >= 3600:
        return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"
    if seconds >= 120:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    scale, unit = next((entry for entry in UNITS if seconds >= entry[0]), UNITS[-1])
    return f"{seconds / scale:.3g} {unit}"


def scalar(value: float) -> str:
    """
    Write a measured number with three digits; a very small or large one as a power of ten.

    >>> scalar(0.5), scalar(1234.5), scalar(2.5e-7), scalar(float("nan")), scalar(0)
    ('0.5', '1230', '2.5e-07', '-', '0')
    """
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}'):.10f}".rstrip("0").rstrip(".")


def call(op: str, arrays: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
    """
    Write a case as one would call it.

    >>> call("avg_pool", {"input": {"shape": [1, 4, 4, 1], "dtype": "float32"}}, {"ksize": 2, "padding": "SAME"})
    "avg_pool(input=float32[1, 4, 4, 1], ksize=2, padding='SAME')"
    """
    given = [f"{name}={array.get('dtype')}{array.get('shape')}" for name, array in arrays.items()]
    given += [f"{name}={_written(value)}" for name, value in attributes.items()]
    return f"{op}({', '.join(given)})"


def _written(value: Any) -> str:  # noqa: ANN401 -- any JSON
    """Write an attribute of a case."""
    match value:
        case {"float": text}:
            return str(text)
        case {"array": data, "dtype": dtype}:
            return f"{dtype}{data}"
        case _:
            return repr(value)


def labelled(names: Sequence[tuple[str, str]]) -> list[str]:
    """
    Return a short label for each (version, folder): the version where it says enough, else the folder too.

    >>> labelled([("2.20.0", "a"), ("2.21.0", "b"), ("2.21.0", "c")])
    ['2.20.0', '2.21.0 (b)', '2.21.0 (c)']
    >>> labelled([("", "killed")])
    ['killed']
    """
    versions = [version for version, _ in names]
    once = {version for version in versions if version and versions.count(version) == 1}
    first = [
        version if version in once else f"{version} ({folder})" if version else folder for version, folder in names
    ]
    return [text if first.count(text) == 1 else f"{text} no. {i + 1}" for i, text in enumerate(first)]
