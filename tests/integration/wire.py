"""Agent Protocol v2 as bytes, written from protocol.md alone: an independent check on the C++ that is under test."""

import json
import socket
import struct

HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE = 0x01, 0x02
REQUEST_HEADERS, REQUEST_BODY, RESPONSE_HEADERS, RESPONSE_BODY = 0x10, 0x11, 0x12, 0x13
REQUEST_COMPLETE, CONFIGURE = 0x14, 0x17
AGENT_RESPONSE = 0x20
HEALTH_STATUS, CONFIG_UPDATE_REQUEST = 0x30, 0x32
CANCEL, PING, PONG = 0x40, 0x41, 0x42

KINDS = {
    REQUEST_HEADERS: "request_headers",
    REQUEST_BODY: "request_body",
    RESPONSE_HEADERS: "response_headers",
    RESPONSE_BODY: "response_body",
    REQUEST_COMPLETE: "request_complete",
    CONFIGURE: "configure",
    CANCEL: "cancel",
}
EVENT_NUMBERS = {
    "configure": 0,
    "request_headers": 1,
    "request_body": 2,
    "response_headers": 3,
    "response_body": 4,
    "request_complete": 5,
}


def frame(kind: int, payload: bytes | dict) -> bytes:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return struct.pack(">IB", len(body) + 1, kind) + body


def read_frame(connection: socket.socket) -> tuple[int, bytes] | None:
    """Type and payload; None where the peer closed between frames. Raises EOFError inside of one."""
    head = _read(connection, 5, may_end=True)
    if head is None:
        return None
    length, kind = struct.unpack(">IB", head)
    return kind, _read(connection, length - 1)


def _read(connection: socket.socket, size: int, may_end: bool = False) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        got = connection.recv(size - len(data))
        if not got:
            if may_end and not data:
                return None
            raise EOFError(f"the peer closed after {len(data)} of {size} bytes")
        data += got
    return bytes(data)


def allow(**more) -> dict:
    """A response; `more`: request_headers, response_headers, audit, request_body_mutation, needs_more."""
    return {"version": 2, "decision": "allow", **more}


def block(status: int = 403, **more) -> dict:
    """`more`: body and headers of the block; audit of the response."""
    audit = {"audit": more.pop("audit")} if "audit" in more else {}
    return {"version": 2, "decision": {"block": {"status": status, **more}}, **audit}


def redirect(url: str, status: int = 302) -> dict:
    return {"version": 2, "decision": {"redirect": {"url": url, "status": status}}}


def challenge(kind: str, **params: str) -> dict:
    return {"version": 2, "decision": {"challenge": {"challenge_type": kind, "params": params}}}


def health(status: str, **details) -> bytes:
    """What an agent says of itself: healthy, degraded, draining, unhealthy."""
    state = {"status": status, **details}
    return frame(HEALTH_STATUS, {"agent_id": "scripted", "state": state, "timestamp_ms": 0})


def config_update(request_id: str) -> bytes:
    """An agent's wish for a reload."""
    wish = {"update_type": {"type": "request_reload"}, "request_id": request_id, "timestamp_ms": 0}
    return frame(CONFIG_UPDATE_REQUEST, wish)


def put(name: str, value: str) -> dict:
    return {"set": {"name": name, "value": value}}


def add(name: str, value: str) -> dict:
    return {"add": {"name": name, "value": value}}


def drop(name: str) -> dict:
    return {"remove": {"name": name}}
