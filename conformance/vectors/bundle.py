"""
A bundle of vectors: a folder of files that any language reads. docs/vectors.md describes them.

`bundle.json` says what the bundle is, `cases.jsonl` holds a case a line, `arrays.bin` their arrays. Beside them lie
`schema.json`, which describes the first two, and two programs that judge results, in C and in JavaScript.
"""

import importlib.metadata
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

from conformance.errors import SuiteError, UsageError
from conformance.judge.allowed import adopted, permits
from conformance.judge.judging import alternatives
from conformance.model import DISAGREEMENTS, Array, Case, Json
from conformance.ops import arguments as call_arguments
from conformance.ops import generate
from conformance.ops.support import unsupported
from conformance.report import specification
from conformance.targets.profile import TENSORFLOW, Profile
from conformance.targets.target import Target
from conformance.vectors.arrays import Arrays
from conformance.vectors.options import options

__all__ = ["CASES", "CHOICES", "ELEMENTS", "SCHEMA", "Content", "write"]

SCHEMA = 1
CASES = 2000  # of the standing set, which a release carries
ELEMENTS = 512  # that an array of a case may have: small enough to be read by eye, large enough for every rule
ENDINGS = ("crashed", "hung", "out-of-memory", "nondeterministic")  # kinds that a result does not show
TRANSLATED = ("schema.json", "vectors.c", "vectors.mjs")
CHOICES = Profile(choices=TENSORFLOW)  # and every op, dtype and layout
BLOCK = 32  # cases drawn at a time

Described: TypeAlias = tuple[dict[str, Json], list[Array]]  # a case but for its arrays, and these


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a bundle holds: the same content, the same files."""

    ops: Sequence[str]  # they take turns
    cases: int = CASES
    elements: int = ELEMENTS
    seed: int = 0
    profile: Profile = CHOICES  # what is allowed is what this permits


def write(folder: Path, content: Content) -> None:
    """
    Write a bundle into a new folder.

    Raises:
        UsageError: the folder holds something. SuiteError: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is no empty folder: name another one")
    blob = Arrays()
    lines = [_text({**said, "arrays": [blob.place(array) for array in arrays]}) for said, arrays in _chosen(content)]
    here = Path(__file__).parent
    files = {name: (here / name).read_bytes() for name in TRANSLATED}
    files["bundle.json"] = (json.dumps(_header(content), indent=1, allow_nan=False) + "\n").encode()
    files["cases.jsonl"] = "".join(f"{line}\n" for line in lines).encode()
    files["arrays.bin"] = bytes(blob.content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, raw in files.items():
            (folder / name).write_bytes(raw)
    except OSError as error:
        raise SuiteError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _header(content: Content) -> dict[str, Any]:
    """Return what bundle.json says."""
    return {
        "schema": SCHEMA,
        "suite": importlib.metadata.version("conv-conformance"),
        "seed": content.seed,
        "cases": content.cases,
        "profile": content.profile.to_json(),
        "verdicts": ["agrees", *(kind for kind in DISAGREEMENTS if kind not in ENDINGS)],
        "ops": {
            op.name: {
                "signature": op.signature,
                "rules": {rule.id: {"kind": rule.kind, "text": rule.text} for rule in op.rules},
            }
            for op in map(specification.op, content.ops)
        },
    }


def _chosen(content: Content) -> Iterator[Described]:
    """Yield the cases of a bundle: the small ones that its profile claims, of each op in turn."""
    target = Target(name="vectors", about="").claiming(content.profile)
    streams = [_claimed(op, content, target) for op in content.ops]
    return islice((case for turn in zip(*streams, strict=True) for case in turn), content.cases)


def _claimed(op: str, content: Content, target: Target) -> Iterator[Described]:
    """Yield the cases of one op without end."""
    blocks = (generate(op, content.seed, first, BLOCK) for first in count(0, BLOCK))
    for case in chain.from_iterable(blocks):
        small = all(prod(array.shape) <= content.elements for array in case.arrays.values())
        if small and (case.breaks or not unsupported(target, case)):
            said, arrays = _described(case, target)
            if max((array.size for array in arrays), default=0) <= content.elements:  # results, too
                yield said, arrays


def _described(case: Case, target: Target) -> Described:
    """Return what cases.jsonl says of a case, but for its arrays, and these: equal ones once."""
    drawn = call_arguments(case)
    places: dict[tuple[str, tuple[int, ...], bytes], int] = {}
    arrays: list[Array] = []

    def place(array: Array) -> int:
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in places:
            places[key] = len(arrays)
            arrays.append(array)
        return places[key]

    named: dict[str, Json] = {name: {"tensor": place(drawn[name])} for name in case.arrays}
    allowed = permits(case, drawn)
    said: list[Json] = []
    for arithmetic in alternatives(target, case):
        said += [
            option for option in options(adopted(allowed(arithmetic), target, case.op), place) if option not in said
        ]
    return {
        "id": case.id,
        "op": case.op,
        "breaks": case.breaks,
        "regime": case.regime,
        "arguments": {**case.attributes, **named},
        "allowed": said,
    }, arrays


def _text(data: Json) -> str:
    """Return JSON on one line, without spaces: a reader may rely on that."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False)
