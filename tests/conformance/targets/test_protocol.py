"""Frames and messages: what is written is read again, and nothing else is."""

import io
import json
import struct

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import Array, Json, Observation, OutOfMemory, Raised, Returned, TimedOut, Unsupported
from conformance.targets.transport import messages, protocol
from conformance.targets.transport.messages import Call, Ready, Refused
from conformance.targets.transport.protocol import Frame, ProtocolError


def reading(data: bytes) -> Frame:
    """Read one frame out of these bytes."""
    stream = io.BytesIO(data)

    def fill(view: memoryview) -> None:
        if stream.readinto(view) < len(view):
            raise EOFError

    return protocol.read(fill)


def framed(header: object, payload: bytes = b"") -> bytes:
    """Return a frame made by hand, as docs/wire-protocol.md says; the header is any JSON, or text."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return b"CNF1" + struct.pack("<IQ", len(text), len(payload)) + text + payload


def through(frame: Frame) -> Frame:
    """Return the frame as it comes out at the other side."""
    return reading(protocol.encode(frame))


@pytest.mark.parametrize("name", protocol.DTYPES)
def test_each_dtype_passes_bit_for_bit(name: str) -> None:
    """Every pattern of one byte passes in every dtype, special values included."""
    patterns = np.arange(2 if name == "bool" else 256, dtype=np.uint8)
    array = patterns.view(protocol.DTYPES[name]).reshape(2, -1)

    (back,) = through(Frame({}, (array,))).arrays

    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_a_frame_is_laid_out_as_documented() -> None:
    """Two arrays by hand: 4 bytes and a gap of 64 + 60, then 1 byte and a gap of 64 + 63."""
    arrays = (np.array([1.0], np.float32), np.array(True))

    data = protocol.encode(Frame({"kind": "x"}, arrays))

    header = b'{"kind":"x","arrays":[{"dtype":"float32","shape":[1]},{"dtype":"bool","shape":[]}]}'
    payload = b"\x00\x00\x80\x3f" + b"\xff" * 124 + b"\x01" + b"\xff" * 127
    assert data == b"CNF1" + struct.pack("<IQ", len(header), 256) + header + payload


def test_arrays_of_any_layout_pass() -> None:
    """Transposed, sliced, big-endian, empty and scalar arrays arrive with their values, in C order."""
    base = np.arange(12, dtype=np.int32).reshape(3, 4)
    arrays: tuple[Array, ...] = (base.T, base[:, ::2], base.astype(">i4"), base[:0], np.array(7, np.int32))

    back = through(Frame({}, arrays)).arrays

    assert [array.tolist() for array in back] == [array.tolist() for array in arrays]
    assert all(array.dtype == np.int32 for array in back)


def test_arrays_arrive_aligned_and_read_only() -> None:
    """What arrives lies at multiples of 64 bytes, and nobody can write into it."""
    odd = np.ones(3, np.uint8)

    back = through(Frame({}, (odd, odd, odd))).arrays

    assert [array.__array_interface__["data"][0] % 64 for array in back] == [0, 0, 0]
    assert not any(array.flags.writeable for array in back)


def test_what_has_no_dtype_on_the_wire_is_opaque() -> None:
    """Objects pass as their shape alone, and take no memory there, however large."""
    objects = np.broadcast_to(np.array(None, dtype=object), (1 << 40, 3))

    (back,) = through(Frame({}, (objects,))).arrays

    assert back.dtype == object
    assert back.shape == (1 << 40, 3)


GAP = b"\xff" * 64


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"HTTP/1.1 200 OK\r\n", "starts with"),
        (b"CNF1" + struct.pack("<IQ", 1 << 30, 0), "limits"),
        (b"CNF1" + struct.pack("<IQ", 2, 1 << 60) + b"{}", "limits"),
        (framed("{"), "not JSON"),
        (framed("[" * 100_000), "not JSON"),
        (framed('{"a": NaN}'), "NaN is not JSON"),
        (framed('{"a": "\udcff"}'.encode("utf-8", "surrogateescape").decode("latin-1")[:-1]), "not JSON"),
        (framed("1" * 5000), "not JSON"),
        (framed([]), "not an object"),
        (framed({"arrays": {}}), "not a list"),
        (framed({"arrays": [{"dtype": "object", "shape": []}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32"}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32", "shape": [], "offset": 0}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32", "shape": [-1]}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32", "shape": [1.0]}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32", "shape": [True]}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32", "shape": [1 << 63]}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32", "shape": [1] * 33}]}), "describes no array"),
        (framed({"arrays": [{"dtype": "float32", "shape": [1 << 62, 1 << 62]}]}), "ends at byte"),
        (framed({"arrays": [{"dtype": "float32", "shape": [0, 1 << 62, 1 << 62]}]}, GAP), "too big|too large|maximum"),
        (framed({"arrays": [{"dtype": "int8", "shape": [64]}]}, GAP), "ends at byte"),
        (framed({"arrays": [{"dtype": "int8", "shape": [64]}]}, GAP * 3), "take 128 bytes of the payload's 192"),
        (framed({}, b"x"), "take 0 bytes of the payload's 1"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, message: str) -> None:
    """Each way to break a frame meets an error of one line that says how; none allocates what it claims."""
    with pytest.raises(ProtocolError, match=message) as caught:
        reading(data)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_raise(data: bytes) -> None:
    """Whatever bytes follow a magic and lengths that fit, reading ends in a frame or in one of two errors."""
    try:
        frame = reading(framed(data[:100].decode("latin-1"), data[100:]))
    except (ProtocolError, EOFError):
        return
    assert isinstance(frame.header, dict)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_damaged_frame_does_no_more_than_raise(place: int, damage: bytes) -> None:
    """A right call with any few bytes changed is read as some call or refused."""
    call = Call(op="conv2d", arguments={"input": np.ones(5, np.float32), "strides": 1, "padding": "SAME"})
    data = bytearray(protocol.encode(messages.calls(1, [call])))
    data[place : place + len(damage)] = damage
    try:
        list(messages.parse_calls(reading(bytes(data))))
    except (ProtocolError, EOFError):
        return


def test_a_header_that_is_not_json_is_not_sent() -> None:
    """NaN without its special form, and what JSON does not know, never leave this side."""
    with pytest.raises(ProtocolError, match="not JSON"):
        protocol.encode(Frame({"rate": float("nan")}))


def test_a_call_comes_back_as_it_was() -> None:
    """Arrays, attributes in their spelling, route and number pass."""
    image = np.ones((1, 2, 2, 1), ml_dtypes.bfloat16)
    attributes: dict[str, Json] = {"strides": [1, 2], "padding": [[0, 0], [1, 1]], "noise_shape": None, "rate": 0.25}
    sent = Call(op="conv2d", arguments={"input": image, **attributes}, route="tape", repeat=True)

    ((number, back),) = messages.parse_calls(through(messages.calls(7, [sent])))

    assert number == 7
    assert (back.op, back.route, back.repeat) == ("conv2d", "tape", True)
    assert np.array_equal(np.asarray(back.arguments["input"]), image)
    assert {name: back.arguments[name] for name in attributes} == attributes


@pytest.mark.parametrize(
    "header",
    [
        {"kind": "call"},
        {"kind": "call", "number": 1, "op": 3, "arguments": {}, "route": "", "repeat": False},
        {"kind": "call", "number": 1, "op": "x", "arguments": [], "route": "", "repeat": False},
        {"kind": "call", "number": 1, "op": "x", "arguments": {"a": {"tensor": 0}}, "route": "", "repeat": False},
        {"kind": "call", "number": 1, "op": "x", "arguments": {"a": {"tensor": -1}}, "route": "", "repeat": False},
    ],
)
def test_what_is_no_call_is_refused(header: dict[str, Json]) -> None:
    """A missing key, a wrong type, a reference to an array that is not there."""
    with pytest.raises(ProtocolError):
        list(messages.parse_calls(Frame(header)))


def test_special_forms_stand_for_what_json_cannot_say() -> None:
    """NaN and the infinities, alone, in lists and in arrays, which have the dtype they name."""
    assert str(messages.decoded([{"float": "nan"}, [{"float": "-inf"}], 1, None])) == "[nan, [-inf], 1, None]"

    array = messages.decoded({"array": [[{"float": "inf"}, 1.5]], "dtype": "bfloat16"})

    assert array.dtype == ml_dtypes.bfloat16
    assert array.tolist() == [[float("inf"), 1.5]]


@pytest.mark.parametrize("form", [{"float": "1"}, {"array": [1], "dtype": "object"}, {"array": 1}, {}])
def test_a_dictionary_that_is_no_special_form_is_refused(form: Json) -> None:
    """No attribute is a dictionary otherwise."""
    with pytest.raises(ProtocolError, match="special form"):
        messages.decoded(form)


@pytest.mark.parametrize(
    "observation",
    [
        Returned((np.ones(3),), 0.5, True, 0.25),
        Returned((), 0.0),
        Returned((), 0.0, kernels=("convolution a", "reorder b")),
        Raised("builtins.ValueError", "no", 0.5),
        Unsupported("no"),
        OutOfMemory("no", 0.5),
    ],
)
def test_an_answer_comes_back_as_it_was(observation: Observation) -> None:
    """Each answer that a target can give passes with all that it says."""
    back = messages.parse_answer(through(messages.answer(3, observation)), 3)

    assert repr(back) == repr(observation)


def test_a_target_cannot_tell_its_own_hang() -> None:
    """Crash and hang are seen from outside, never told."""
    with pytest.raises(ProtocolError, match="TimedOut"):
        messages.answer(1, TimedOut(1.0))


@pytest.mark.parametrize(
    "header",
    [
        {"number": 2, "kind": "unsupported", "reason": "the answer to another call"},
        {"number": 1, "kind": "returned"},
        {"number": 1, "kind": "returned", "seconds": -1},
        {"number": 1, "kind": "returned", "seconds": 10**400},
        {"number": 1, "kind": "returned", "seconds": True},
        {"number": 1, "kind": "returned", "seconds": 0, "repeatable": "yes"},
        {"number": 1, "kind": "returned", "seconds": 0, "kernels": "one"},
        {"number": 1, "kind": "returned", "seconds": 0, "kernels": [1]},
        {"number": 1, "kind": "raised", "type": None, "message": "", "seconds": 0},
        {"number": 1, "kind": "crashed"},
        {"number": 1},
        {},
    ],
)
def test_what_is_no_answer_is_refused(header: dict[str, Json]) -> None:
    """An answer to another call, a time that is none, an unknown kind."""
    with pytest.raises(ProtocolError):
        messages.parse_answer(Frame(header), 1)


def test_a_long_message_keeps_its_ends() -> None:
    """A graph's error has a stack first and its reason last: the middle goes."""
    raised = Raised("builtins.ValueError", "first" + "x" * 10_000 + "last")

    back = messages.parse_answer(through(messages.answer(1, raised)), 1)

    assert isinstance(back, Raised)
    assert back.message.startswith("first")
    assert back.message.endswith("last")
    assert len(back.message) == 4096


def test_a_target_says_how_it_starts() -> None:
    """Ready with what it says of itself, refused with its reason."""
    for state in (Ready({"versions": {"x": "1"}}), Refused("no such device", True)):
        assert messages.parse_start(through(messages.start(state))) == state


def test_only_one_version_is_spoken() -> None:
    """Either side refuses another version by number."""
    with pytest.raises(ProtocolError, match="version 9"):
        messages.parse_start(Frame({"kind": "ready", "protocol": 9, "about": {}}))
    with pytest.raises(ProtocolError, match="version 9"):
        messages.parse_hello(Frame({"kind": "hello", "protocol": 9, "memory": 1}))
