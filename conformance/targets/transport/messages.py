"""
The messages of the wire protocol: what the headers of its frames say.

    suite -> target   hello, then call, or calls, again and again; the end of the stream ends the target
    target -> suite   ready or refused, once; then one answer a call: returned, raised, unsupported or out_of_memory

docs/wire-protocol.md describes them for who writes a target in another language.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from conformance.model import Array, Json, Observation, OutOfMemory, Raised, Returned, Unsupported
from conformance.targets.transport.protocol import DTYPES, VERSION, Frame, ProtocolError

__all__ = [
    "Argument",
    "Call",
    "Ready",
    "Refused",
    "answer",
    "calls",
    "decoded",
    "hello",
    "parse_answer",
    "parse_calls",
    "parse_hello",
    "parse_start",
    "start",
]

Argument: TypeAlias = "Array | Json"
LONGEST = 1e9  # seconds
MAX_KERNELS = 256  # that an answer names
MAX_MESSAGE = 4096  # characters of an exception's message that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one function of a target: op(**arguments)."""

    op: str
    arguments: Mapping[str, Argument]  # Json with the special forms of `conformance.model.Case`
    route: str = ""  # which of the target's ways to compute the op; empty: its first
    repeat: bool = False  # run twice, and say whether the bits are the same


@dataclass(frozen=True, slots=True)
class Ready:
    """What a target says of itself once it can be called: versions, devices, CPU features, build, as JSON."""

    about: Mapping[str, Json]
    batches: bool = False  # whether it takes many calls in one frame


@dataclass(frozen=True, slots=True)
class Refused:
    """A target could not start."""

    reason: str
    usage: bool  # whether what was asked for does not exist, such as a plug-in of that name


def hello(memory: int) -> Frame:
    """Return the first message: it asks the target to get ready, and says how many bytes its calls may add."""
    return Frame({"kind": "hello", "protocol": VERSION, "memory": memory})


def parse_hello(frame: Frame) -> int:
    """Return the memory limit in hello."""
    match frame.header:
        case {"kind": "hello", "protocol": int(version), "memory": int(memory)}:
            if version != VERSION:
                raise ProtocolError(f"the suite speaks version {version} of the protocol, the target {VERSION}")
            return memory
    raise ProtocolError(f"no hello: {str(frame.header)[:200]}")


def calls(first: int, requests: Sequence[Call]) -> Frame:
    """
    Return the message that asks for these calls, numbered from `first`; each is answered by itself.

    One call goes as `call`, which every target understands.
    """
    arrays: list[Array] = []
    entries = [_entry(request, arrays) for request in requests]
    if len(entries) == 1:
        return Frame({"kind": "call", "number": first, **entries[0]}, tuple(arrays))
    return Frame({"kind": "calls", "number": first, "calls": list(entries)}, tuple(arrays))


def _entry(request: Call, arrays: list[Array]) -> dict[str, Json]:
    """Return what a header says of one call; its arrays are added to those of the frame."""
    arguments: dict[str, Json] = {}
    for name, entry in request.arguments.items():
        if isinstance(entry, np.ndarray):
            arguments[name] = {"tensor": len(arrays)}
            arrays.append(entry)
        else:
            arguments[name] = entry
    return {"op": request.op, "arguments": arguments, "route": request.route, "repeat": request.repeat}


def parse_calls(frame: Frame) -> Iterator[tuple[int, Call]]:
    """Yield number and content of every call of a frame."""
    match frame.header:
        case {"kind": "call", "number": int(number), **entry}:
            yield number, _parsed(entry, frame.arrays)
        case {"kind": "calls", "number": int(first), "calls": list(several)}:
            for number, each in enumerate(several, first):
                yield number, _parsed(each, frame.arrays)
        case _:
            raise ProtocolError(f"no call: {str(frame.header)[:200]}")


def _parsed(entry: Json, arrays: tuple[Array, ...]) -> Call:
    """Return the call that a header describes."""
    match entry:
        case {"op": str(op), "arguments": dict(arguments), "route": str(route), "repeat": bool(repeat)}:
            found = {name: tensor(value, arrays) for name, value in arguments.items()}
            return Call(op=op, arguments=found, route=route, repeat=repeat)
    raise ProtocolError(f"no call: {str(entry)[:200]}")


def tensor(entry: Json, arrays: tuple[Array, ...]) -> Argument:
    """Return the array that an argument refers to, or the argument as it is."""
    if not isinstance(entry, dict) or entry.keys() != {"tensor"} or not isinstance(place := entry["tensor"], int):
        return entry
    if not 0 <= place < len(arrays):
        raise ProtocolError(f"tensor {place} of {len(arrays)}")
    return arrays[place]


def decoded(entry: Json) -> Any:  # noqa: ANN401 - whatever the JSON stands for
    """
    Return what an argument in JSON stands for: the special forms of `conformance.model.Case` resolved.

    >>> decoded([1, {"float": "-inf"}])
    [1, -inf]
    """
    match entry:
        case {"float": "nan" | "inf" | "-inf" as text, **rest} if not rest:
            return float(text)
        case {"array": content, "dtype": str(name), **rest} if not rest and name in DTYPES:
            return np.array(decoded(content), DTYPES[name])
        case list():
            return [decoded(item) for item in entry]
        case dict():
            raise ProtocolError(f"{str(entry)[:200]} is no special form")
    return entry


def clip(text: str) -> str:
    """Return a message without its middle where it is long: what a graph raises has a stack before its reason."""
    if len(text) <= MAX_MESSAGE:
        return text
    return f"{text[: MAX_MESSAGE // 4]} [...] {text[-MAX_MESSAGE * 3 // 4 + 7 :]}"


def answer(number: int, observation: Observation) -> Frame:
    """Return the message that answers a call."""
    header: dict[str, Json] = {"number": number}
    match observation:
        case Returned(arrays, seconds, repeatable, trace_seconds, cpu_seconds, kernels):
            header |= {"kind": "returned", "seconds": seconds, "trace_seconds": trace_seconds, "repeatable": repeatable}
            header |= {"kernels": list(kernels)} if kernels else {}
            return Frame(header | {"cpu_seconds": cpu_seconds}, arrays)
        case Raised(kind, message, seconds, cpu_seconds):
            header |= {"kind": "raised", "type": kind, "message": clip(message), "seconds": seconds}
            header |= {"cpu_seconds": cpu_seconds}
        case Unsupported(reason):
            header |= {"kind": "unsupported", "reason": clip(reason)}
        case OutOfMemory(detail, seconds):
            header |= {"kind": "out_of_memory", "detail": clip(detail), "seconds": seconds}
        case _:
            raise ProtocolError(f"a target does not say {type(observation).__name__} of itself")
    return Frame(header)


def parse_answer(frame: Frame, number: int) -> Observation:
    """Return the observation in the answer to call `number`."""
    if frame.header.get("number") != number:
        raise ProtocolError(f"answer to call {str(frame.header.get('number'))[:100]}, where call {number} was waiting")
    match frame.header:
        case {"kind": "returned", "seconds": seconds, **rest}:
            repeatable = rest.get("repeatable")
            if repeatable is not None and not isinstance(repeatable, bool):
                raise ProtocolError(f"repeatable is {str(repeatable)[:100]}: true, false or null")
            tracing, cpu_seconds = span(rest.get("trace_seconds", 0.0)), optional_span(rest.get("cpu_seconds"))
            kernels = names(rest.get("kernels", []))
            return Returned(frame.arrays, span(seconds), repeatable, tracing, cpu_seconds, kernels)
        case {"kind": "raised", "type": str(kind), "message": str(message), "seconds": seconds, **rest}:
            return Raised(clip(kind), clip(message), span(seconds), optional_span(rest.get("cpu_seconds")))
        case {"kind": "unsupported", "reason": str(reason)}:
            return Unsupported(clip(reason))
        case {"kind": "out_of_memory", "detail": str(detail), "seconds": seconds}:
            return OutOfMemory(clip(detail), span(seconds))
    raise ProtocolError(f"no answer: {str(frame.header)[:200]}")


def span(seconds: Json) -> float:
    """Return a length of time."""
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < LONGEST:
        return float(seconds)
    raise ProtocolError(f"{str(seconds)[:100]} is no number of seconds")


def names(kernels: Json) -> tuple[str, ...]:
    """Return the kernels that an answer names."""
    if isinstance(kernels, list) and len(kernels) <= MAX_KERNELS and all(isinstance(name, str) for name in kernels):
        return tuple(clip(str(name)) for name in kernels)
    raise ProtocolError(f"kernels is {str(kernels)[:100]}: a list of at most {MAX_KERNELS} names")


def optional_span(seconds: Json) -> float | None:
    """Return a length of time; None where none is told."""
    return None if seconds is None else span(seconds)


def start(state: Ready | Refused) -> Frame:
    """Return the message that answers hello."""
    if isinstance(state, Refused):
        return Frame({"kind": "refused", "reason": clip(state.reason), "usage": state.usage})
    return Frame({"kind": "ready", "protocol": VERSION, "about": dict(state.about), "batches": state.batches})


def parse_start(frame: Frame) -> Ready | Refused:
    """Return what the target answered to hello."""
    match frame.header:
        case {"kind": "ready", "protocol": int(version), "about": dict(about), **rest}:
            if version != VERSION:
                raise ProtocolError(f"the target speaks version {version} of the protocol, the suite {VERSION}")
            return Ready(about, rest.get("batches") is True)
        case {"kind": "refused", "reason": str(reason), "usage": bool(usage)}:
            return Refused(reason, usage)
    raise ProtocolError(f"neither ready nor refused: {str(frame.header)[:200]}")
