"""
A target that speaks the wire protocol by hand, as one in another language does, and breaks it as its argument says.

Written from docs/wire-protocol.md; imports nothing of the suite.
"""

import json
import struct
import sys
import time
from typing import Any

PREFIX = struct.Struct("<4sIQ")


def read() -> tuple[dict[str, Any], bytes]:
    """Read one frame; the end of the stream ends the process."""
    prefix = sys.stdin.buffer.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        sys.exit()
    _, header_size, payload_size = PREFIX.unpack(prefix)
    return json.loads(sys.stdin.buffer.read(header_size)), sys.stdin.buffer.read(payload_size)


def write(header: dict[str, Any], payload: bytes = b"", *, magic: bytes = b"CNF1", claim: int = 0) -> None:
    """Write one frame, with another magic or payload length where asked to."""
    text = json.dumps(header).encode()
    sys.stdout.buffer.write(PREFIX.pack(magic, len(text), claim or len(payload)) + text + payload)
    sys.stdout.buffer.flush()


def echo(header: dict[str, Any], payload: bytes) -> None:
    """Return the first array as it came, by a kernel for its rank."""
    first = header["arrays"][0]
    told = {"arrays": header["arrays"], "kernels": [f"echo of rank {len(first['shape'])}"]}
    write({"kind": "returned", "number": header["number"], "seconds": 0.0, **told}, payload)


def misbehave(fault: str, header: dict[str, Any], payload: bytes) -> None:
    """Answer in the way that `fault` names."""
    right = {"kind": "returned", "number": header["number"], "seconds": 0.0, "arrays": header["arrays"]}
    wrong: dict[str, dict[str, Any]] = {
        "number": {"number": header["number"] + 1},
        "shape": {"arrays": [{"dtype": "float32", "shape": [70]}]},
        "dtype": {"arrays": [{"dtype": "pickle", "shape": [1]}]},
        "kind": {"kind": "fine"},
        "seconds": {"seconds": "NaN"},
    }
    if fault in {"truncated", "stalled"}:
        write(right, payload[:5], claim=len(payload))
        time.sleep(0 if fault == "truncated" else 60)
        sys.exit()
    write(
        right | wrong.get(fault, {}),
        payload,
        magic=b"HTTP" if fault == "magic" else b"CNF1",
        claim=1 << 60 if fault == "huge" else 0,
    )


def main(fault: str = "") -> None:
    """Get ready, then answer every call; a call of op max_pool in the way that `fault` names."""
    read()
    write({"kind": "ready", "protocol": 2 if fault == "version" else 1, "about": {}})
    while True:
        header, payload = read()
        if fault and header["op"] == "max_pool":
            misbehave(fault, header, payload)
        else:
            echo(header, payload)


if __name__ == "__main__":
    main(*sys.argv[1:])
