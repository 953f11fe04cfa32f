"""
How a profile is read: from a mapping in a target's module, from its `ready` message, or from a TOML file.

The keys are those of `Profile`; docs/profiles.md describes them. A short way to write a table stands for all of it: a
list of dtypes for every op, one arithmetic for every op and dtype.
"""

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from conformance.cases.vocabulary import FEATURES
from conformance.errors import UsageError
from conformance.ops.table import OPS
from conformance.targets.limits import ALL_OPS, Limit
from conformance.targets.profile import (
    EVERY,
    GENERATORS,
    SPELLINGS,
    SUBNORMAL,
    SUBNORMALS,
    TENSORFLOW,
    Profile,
    names,
)
from reference.engine.precision import ARITHMETICS
from reference.ops import CHOICES

__all__ = ["loaded", "parsed"]

DTYPES = FEATURES["dtype"]


def loaded(path: Path) -> Profile:
    """
    Return the profile in a TOML file.

    Raises:
        UsageError: there is no such file, it is no TOML, or no profile: one line that names the file and the key.
    """
    try:
        return parsed(tomllib.loads(path.read_text()), str(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


def parsed(data: Any, source: str) -> Profile:  # noqa: ANN401 -- whatever a module or a message holds
    """
    Return the profile that a mapping describes.

    source: where it stands, for the messages of errors.

    Raises:
        UsageError: it is no profile: one line that names the source, the key, the value and what is expected.
    """
    return Profile(**Reader(source).fields(data, READERS))


class Reader:
    """Reads the values of one mapping; `place` says in errors where the value stands."""

    def __init__(self, place: str) -> None:
        self.place = place

    def at(self, key: str) -> "Reader":
        """Return the reader of what stands under a key."""
        return Reader(f"{self.place}: {key}" if ":" not in self.place else f"{self.place}.{key}")

    def refuse(self, value: object, expected: str) -> NoReturn:
        """Say what stands here, and what should."""
        raise UsageError(f"{self.place}: {str(value)[:100]!r} is not {expected}")

    def fields(self, data: Any, readers: Mapping[str, Callable[["Reader", Any], Any]]) -> dict[str, Any]:  # noqa: ANN401
        """Read a mapping by a reader for each key that it may hold."""
        table = self.table(data)
        return {key: readers[key](self.at(key), value) for key, value in table.items() if self.named(key, readers)}

    def table(self, data: Any) -> Mapping[str, Any]:  # noqa: ANN401
        """Return a mapping with text for keys."""
        if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
            self.refuse(data, "a table")
        return data

    def named(self, value: Any, known: Iterable[str]) -> str:  # noqa: ANN401
        """Return a word that is one of those known."""
        known = list(known)
        if not isinstance(value, str) or value not in known:
            near = difflib.get_close_matches(str(value), known, n=1)
            self.refuse(value, f"known: did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}")
        return value

    def text(self, value: Any) -> str:  # noqa: ANN401
        """Return a line of text."""
        if not isinstance(value, str) or len(value.splitlines()) > 1:
            self.refuse(value, "a line of text")
        return value

    def truth(self, value: Any) -> bool:  # noqa: ANN401
        """Return true or false."""
        if not isinstance(value, bool):
            self.refuse(value, "true or false")
        return value

    def words(self, value: Any, known: Iterable[str]) -> tuple[str, ...]:  # noqa: ANN401
        """Return words, each one of those known; one word may stand for a list of it alone."""
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list | tuple):
            self.refuse(value, "a word or a list of words")
        return tuple(self.named(word, known) for word in several)

    def by(self, keys: Iterable[str], value: Any, read: Callable[["Reader", Any], Any]) -> dict[str, Any]:  # noqa: ANN401
        """Read a table by these keys, or by `EVERY`; what is no table stands for every key."""
        if not isinstance(value, Mapping):
            return {EVERY: read(self, value)}
        allowed = dict.fromkeys((*keys, EVERY), read)
        return self.fields(value, allowed)


def ops(reader: Reader, value: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Read ops; `ALL_OPS` names every one."""
    return named(reader, value, OPS)


def drawn(reader: Reader, value: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Read ops that draw random numbers; likewise."""
    return named(reader, value, [op.name for op in OPS.values() if op.random])


def named(reader: Reader, value: Any, known: Iterable[str]) -> tuple[str, ...]:  # noqa: ANN401
    """Read ops of those known, or the word for all of them."""
    return ALL_OPS if value in ("*", ALL_OPS, [*ALL_OPS]) else reader.words(value, known)


def dtypes(reader: Reader, value: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Read dtypes by op."""
    return reader.by(OPS, value, lambda inner, given: inner.words(given, DTYPES))


def layouts(reader: Reader, value: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Read layouts by op."""
    return reader.by(OPS, value, lambda inner, given: inner.words(given, FEATURES["layout"]))


def arithmetic(reader: Reader, value: Any) -> dict[str, dict[str, tuple[str, ...]]]:  # noqa: ANN401
    """Read arithmetics by op and dtype."""
    if isinstance(value, Mapping) and not set(DTYPES).isdisjoint(value):
        return {EVERY: by_dtype(reader, value)}
    return reader.by(OPS, value, by_dtype)


def by_dtype(reader: Reader, value: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Read arithmetics by dtype."""
    return reader.by(DTYPES, value, lambda inner, given: inner.words(given, ARITHMETICS))


def choices(reader: Reader, value: Any) -> dict[str, str] | str:  # noqa: ANN401
    """Read the alternative of each rule, or that they are TensorFlow's."""
    if value == TENSORFLOW:
        return TENSORFLOW
    if not isinstance(value, Mapping):
        reader.refuse(value, f"{TENSORFLOW!r} or a table of rules")
    known = {
        rule: lambda inner, name, rule=rule: inner.named(name, names(rule))
        for rule in CHOICES
        if rule not in (*GENERATORS, SUBNORMAL)
    }
    return reader.fields(value, known)


def limits(reader: Reader, value: Any) -> tuple[Limit, ...]:  # noqa: ANN401
    """Read a list of limits."""
    if not isinstance(value, list | tuple):
        reader.refuse(value, "a list of tables")
    return tuple(limit(reader.at(f"[{place}]"), entry) for place, entry in enumerate(value))


def limit(reader: Reader, value: Any) -> Limit:  # noqa: ANN401
    """Read one limit."""
    found = reader.fields(value, {"reason": Reader.text, "ops": ops, "routes": routes, "features": features})
    if not found.get("reason"):
        reader.refuse(value, "complete: it has no reason")
    return Limit(**found)


def routes(reader: Reader, value: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Read names of routes, which are the target's own."""
    if not isinstance(value, list | tuple):
        reader.refuse(value, "a list of routes")
    return tuple(reader.text(name) for name in value)


def features(reader: Reader, value: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Read features: the classes of each attribute that is named."""
    known = {
        name: lambda inner, given, classes=classes: inner.words(given, classes) for name, classes in FEATURES.items()
    }
    return reader.fields(value, known)


READERS: Mapping[str, Callable[[Reader, Any], Any]] = {
    "name": Reader.text,
    "library": Reader.text,
    "version": Reader.text,
    "ops": ops,
    "dtypes": dtypes,
    "layouts": layouts,
    "limits": limits,
    "hangs": limits,
    "arithmetic": arithmetic,
    "subnormals": lambda reader, value: reader.named(value, SUBNORMALS),
    "choices": choices,
    "spelling": lambda reader, value: reader.named(value, SPELLINGS),
    "deterministic": Reader.truth,
    "own_masks": drawn,
    "unseeded": drawn,
}
