"""Causes as text: the one form that their files have, so that a program may change a file and a person read it."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from conformance.errors import SuiteError
from conformance.model import Case
from conformance.triage.known.cause import ANY_VERSION, Cause, Place, Versions
from conformance.triage.known.reading import TEXTS, cases_file

__all__ = ["cases_text", "text", "write"]

SHARED = ("targets", "versions", "isa", "devices")  # keys of places that stand once where they are the same in all
WIDTH = 120


def write(path: Path, causes: Sequence[Cause]) -> None:
    """Write a file of causes, and the file of their cases beside it."""
    for file, content in ((path, text(causes)), (cases_file(path), cases_text(causes))):
        try:
            file.write_text(content, "utf-8")
        except OSError as error:
            raise SuiteError(f"{file}: cannot be written: {error.strerror or error}") from error


def text(causes: Iterable[Cause]) -> str:
    """Return a file of causes."""
    return "\n".join(map(_cause, causes))


def cases_text(causes: Iterable[Cause]) -> str:
    """Return the file of their cases: a case a line."""
    listed = (f"{json.dumps(cause.id)}: [\n{_lines(cause.cases)}\n]" for cause in causes)
    return "{" + ",\n".join(listed) + "}\n"


def _lines(cases: Iterable[Case]) -> str:
    """Return cases as JSON, each on its line."""
    return ",\n".join(json.dumps(case.to_json()) for case in cases)


def _cause(cause: Cause) -> str:
    """Return one [[cause]] table and those of its places."""
    head: dict[str, Any] = {name: getattr(cause, name) for name in TEXTS}
    lasting = {name: head.pop(name) for name in ("description", "traced", "hides")}
    shared = {name: getattr(cause.where[0], name) for name in SHARED if _same(cause.where, name)}
    head |= {"review": cause.review} | lasting | shared
    needed = {"library": cause.library}
    places = ("[[cause.where]]\n" + _table(place, shared) for place in cause.where)
    return "\n".join(["[[cause]]\n" + "".join(_pairs(head, needed)), *places])


def _same(places: Sequence[Place], name: str) -> bool:
    """Return whether a field has the same value in all places."""
    return all(getattr(place, name) == getattr(places[0], name) for place in places)


def _table(place: Place, shared: Mapping[str, Any]) -> str:
    """Return the keys of a place that are not shared by all."""
    return "".join(
        _pairs({each.name: getattr(place, each.name) for each in fields(Place) if each.name not in shared}, {})
    )


def _pairs(entries: Mapping[str, Any], needed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of keys that say something, or are needed."""
    for name, value in entries.items():
        if value or name in needed:
            yield f"{name} = {_value(value)}\n" if value != ANY_VERSION else ""


def _value(value: Any) -> str:  # noqa: ANN401 -- texts, numbers, dates, and lists and tables of these
    """Write a value as TOML."""
    match value:
        case dt.date():
            return value.isoformat()
        case Versions(first=first, last=last, absent=absent):
            return _value({"first": first, "last": last} | ({"absent": absent} if absent else {}))
        case Mapping():
            return "{ " + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items()) + " }"
        case str() if "\n" in value and "'''" not in value and _plain(value):
            return f"'''\n{value}'''"
        case str():
            return _quoted(value)
    return _list(value)


def _plain(value: str) -> bool:
    """Return whether a text of several lines can stand as it is."""
    return all(line.isprintable() for line in value.split("\n"))


def _quoted(value: str) -> str:
    """Write a text on one line: TOML's strings are JSON's, but for DEL."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    """Write a key."""
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else _quoted(name)


def _list(values: Iterable[Any]) -> str:
    """Write a list, on several lines where it is long."""
    written = [str(each) if isinstance(each, int) else _quoted(each) for each in values]
    line = f"[{', '.join(written)}]"
    return line if len(line) < WIDTH - 20 else "[\n" + "".join(f"    {each},\n" for each in written) + "]"
