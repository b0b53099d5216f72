"""Agent Protocol v2 as bytes, written from protocol.md alone: an independent check on the C++ that is under test."""

import json
import socket
import struct

HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE = 0x01, 0x02
REQUEST_HEADERS, REQUEST_BODY, RESPONSE_HEADERS, RESPONSE_BODY = 0x10, 0x11, 0x12, 0x13
REQUEST_COMPLETE, WEBSOCKET_FRAME, GUARDRAIL_INSPECT, CONFIGURE = 0x14, 0x15, 0x16, 0x17
AGENT_RESPONSE = 0x20
HEALTH_STATUS, METRICS_REPORT, CONFIG_UPDATE_REQUEST, FLOW_CONTROL = 0x30, 0x31, 0x32, 0x33
CANCEL, PING, PONG, CONFIG_UPDATE_RESPONSE = 0x40, 0x41, 0x42, 0x43

KINDS = {
    REQUEST_HEADERS: "request_headers",
    REQUEST_BODY: "request_body",
    RESPONSE_HEADERS: "response_headers",
    RESPONSE_BODY: "response_body",
    REQUEST_COMPLETE: "request_complete",
    WEBSOCKET_FRAME: "websocket_frame",
    GUARDRAIL_INSPECT: "guardrail",
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
    "websocket_frame": 6,
    "guardrail": 7,
}


def frame(kind: int, payload: bytes | dict) -> bytes:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return struct.pack(">IB", len(body) + 1, kind) + body


def read_frame(connection: socket.socket) -> tuple[int, bytes] | None:
    """Type and payload; None where the peer closed between frames. Raises EOFError inside of one."""
    head = take(connection, 5, may_end=True)
    if head is None:
        return None
    length, kind = struct.unpack(">IB", head)
    return kind, take(connection, length - 1)


def take(connection: socket.socket, size: int, may_end: bool = False) -> bytes | None:
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


def registration(agent_id: str, capabilities: dict, **more) -> bytes:
    """What an agent says that dials its proxy; `more`: auth_token, supported_encodings, extensions."""
    return frame(HANDSHAKE_REQUEST, {"protocol_version": 2, "agent_id": agent_id, "capabilities": capabilities, **more})


def config_update(request_id: str, kind: str = "request_reload", **details) -> bytes:
    """An agent's wish for another configuration."""
    wish = {"update_type": {"type": kind, **details}, "request_id": request_id, "timestamp_ms": 0}
    return frame(CONFIG_UPDATE_REQUEST, wish)


def flow(action: str, correlation_id: str | None = None, buffer_available: int = 0) -> bytes:
    """pause, resume, update_capacity: of a connection, or of an exchange."""
    what = {"type": action, "buffer_available": buffer_available}
    return frame(FLOW_CONTROL, {"correlation_id": correlation_id, "action": what, "timestamp_ms": 0})


def metrics(agent_id: str, timestamp_ms: int, counters=(), gauges=(), histograms=()) -> bytes:
    """What an agent counts: dictionaries of name, labels, and value or sum, count, buckets."""
    return frame(METRICS_REPORT, {"agent_id": agent_id, "timestamp_ms": timestamp_ms, "interval_ms": 1000,
                                  "counters": list(counters), "gauges": list(gauges), "histograms": list(histograms)})


def put(name: str, value: str) -> dict:
    return {"set": {"name": name, "value": value}}


def add(name: str, value: str) -> dict:
    return {"add": {"name": name, "value": value}}


def drop(name: str) -> dict:
    return {"remove": {"name": name}}
