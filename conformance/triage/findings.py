"""
What a run found, and what of it was known: the records of findings.json, as they are written and read.

Whoever wrote a file, each field is checked when it is read. A file of schema 1 has neither symptoms nor kernels, and
calls the cause of a finding its waiver; what is known it calls waived.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, TypeAlias, TypeVar, get_type_hints

from conformance.errors import SuiteError
from conformance.run.store import SCHEMA, Store

__all__ = ["Finding", "Findings", "Known", "read", "write"]

FILE = "findings.json"
Case: TypeAlias = Mapping[str, Any]  # as `conformance.model.Case.to_json` has it; of another suite's version, too
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Disagreements with one cause, and the smallest case that shows it."""

    id: str  # the same cause has the same id in every run
    title: str  # what is wrong, and when, in words
    op: str
    target: str  # the first that shows it
    kind: str
    status: str  # new or known
    severity: str = ""  # one of conformance.judge.severity.SEVERITIES
    case: Case  # the smallest one
    case_id: str
    before: Case | None = None  # a call of the same process without which the case is right
    route: str = ""
    symptoms: tuple[str, ...] = ()  # of the verdict on the case: values of conformance.model.Symptom
    signature: tuple[str, ...] = ()  # of these, what groups its observations; () where the predicate does
    error: str = ""  # the type of the exception, without its module
    message: str = ""  # a part of its message, without what differs from call to call
    rule: str = ""
    reason: str = ""  # the verdict in words
    predicate: Mapping[str, str]  # attribute: the class in which the cause shows; all of them must hold
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of these attributes, all that were seen
    kernels: tuple[str, ...] = ()  # the compiled code that shows it, where the target tells
    agreeing_kernels: tuple[str, ...] = ()  # that of calls next to its case, which agree
    cause: str | None = None  # the id of the cause that covers it
    link: str | None = None  # that cause's
    shared_by: Mapping[str, str]  # targets that disagree on the case: their kind
    not_shared_by: tuple[str, ...] = ()  # targets that agree
    cases: int = 0  # of the run that show it
    worst: tuple[int, ...] = ()  # index of the worst element


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A cause, and its state after a run."""

    id: str
    state: str  # seen, not there, not tried or expired
    title: str = ""
    severity: str = ""
    link: str = ""
    review: str = ""  # a date
    own: bool = False  # whether it is of the user's own file
    gone: tuple[str, ...] = ()  # the ids of its cases that no longer show it, where they were called

    @property
    def stale(self) -> bool:
        """Whether it fails a run: a user's own that is not met any more, or past its review date."""
        return self.own and self.state in {"not there", "expired"}


@dataclass(frozen=True, slots=True)
class Findings:
    """All that findings.json holds."""

    findings: tuple[Finding, ...] = ()
    known: tuple[Known, ...] = ()


def write(store: Store, found: Findings) -> None:
    """Write findings.json."""
    listed = {"findings": list(map(asdict, found.findings)), "causes": list(map(asdict, found.known))}
    store.write_json(FILE, {"schema": SCHEMA, **listed})


def read(store: Store) -> Findings:
    """
    Read findings.json; nothing where the run was killed before it was written.

    Raises:
        SuiteError: the file is no such file; one line says what is wrong, and where.
    """
    path = store.folder / FILE
    if not path.exists():
        return Findings()
    data = store.read_json(FILE)
    return Findings(
        findings=tuple(_record(Finding, where, entry) for where, entry in _entries(path, data, "findings")),
        known=tuple(
            _record(Known, where, entry)
            for where, entry in _entries(path, data, "causes" if "causes" in data else "waivers")
        ),
    )


def _entries(path: object, data: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the entries of one of the lists, each with its place."""
    entries = data.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SuiteError(f"{path}: {name} is no list of objects")
    return [(f"{path}: {name}[{number}]", _renamed(entry)) for number, entry in enumerate(entries)]


def _renamed(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry under the names of now: what is known was waived in schema 1, and had a waiver."""
    renamed = {"status": "known"} if entry.get("status") == "waived" else {}
    return {"cause": entry["waiver"], **entry, **renamed} if "waiver" in entry else {**entry, **renamed}


def _record(kind: type[Record], where: str, data: Mapping[str, Any]) -> Record:
    """Return an object as a record, each of its fields checked; what the record does not have is left out."""
    values = {}
    for each, annotation in zip(fields(kind), get_type_hints(kind).values(), strict=True):  # type: ignore[arg-type]
        if each.name not in data:
            if each.default is MISSING and each.default_factory is MISSING:
                raise SuiteError(f"{where} has no {each.name}")
            continue
        value, (fits, what) = data[each.name], TYPES[annotation]
        if not fits(value):
            raise SuiteError(f"{where}.{each.name} is {value!r:.80}: it needs {what}")
        values[each.name] = _frozen(value, annotation)
    return kind(**values)


def _frozen(value: Any, annotation: object) -> Any:  # noqa: ANN401 -- whatever a field holds
    """Return a value of JSON as a record has it: tuples for lists."""
    if annotation == Mapping[str, tuple[str, ...]]:
        return {name: tuple(several) for name, several in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _all(kind: type, values: Sequence[object]) -> bool:
    """Return whether all values are of a type; True is no integer."""
    return all(isinstance(value, kind) and not isinstance(value, bool) for value in values)


def _is_case(value: object) -> bool:
    """Return whether a value looks like a case."""
    if not isinstance(value, dict) or not isinstance(value.get("op"), str):
        return False
    arrays, attributes = value.get("arrays"), value.get("attributes")
    return isinstance(arrays, dict) and isinstance(attributes, dict) and _all(dict, list(arrays.values()))


# What a field's value must be.
TYPES: Mapping[Any, tuple[Callable[[Any], bool], str]] = {
    str: (lambda value: isinstance(value, str), "a text"),
    str | None: (lambda value: value is None or isinstance(value, str), "a text or null"),
    int: (lambda value: _all(int, [value]), "an integer"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    tuple[str, ...]: (lambda value: isinstance(value, list) and _all(str, value), "a list of texts"),
    tuple[int, ...]: (lambda value: isinstance(value, list) and _all(int, value), "a list of integers"),
    Mapping[str, str]: (lambda value: isinstance(value, dict) and _all(str, list(value.values())), "texts by name"),
    Mapping[str, tuple[str, ...]]: (
        lambda value: (
            isinstance(value, dict) and all(isinstance(each, list) and _all(str, each) for each in value.values())
        ),
        "lists of texts by name",
    ),
    Case: (_is_case, "an object with op, arrays and attributes"),
    Case | None: (lambda value: value is None or _is_case(value), "null, or an object with op, arrays and attributes"),
}
