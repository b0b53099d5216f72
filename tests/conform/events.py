"""Events as a strict agent reads them: protocol.md §4, field by field. What is wrong raises ValueError."""

import base64
import json

import msgpack

REQUIRED, NULLABLE, OMITTED = range(3)


def text(value):
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def flag(value):
    if not isinstance(value, bool):
        raise ValueError("no boolean")
    return value


def number(bits: int):
    def read(value):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise ValueError(f"no number of {bits} bits")
        return value

    return read


def field_value(value):
    return value if isinstance(value, bytes) else text(value)


def fields(value):
    if not isinstance(value, dict) or not all(isinstance(values, list) for values in value.values()):
        raise ValueError("no fields")
    return {text(name): [field_value(item) for item in values] for name, values in value.items()}


def data(value):
    return value if isinstance(value, bytes) else base64.b64decode(text(value), validate=True)


def texts(value):
    if not isinstance(value, list):
        raise ValueError("no list")
    return [text(item) for item in value]


def anything(value):
    return value


METADATA = [
    ("correlation_id", text, REQUIRED), ("request_id", text, REQUIRED), ("client_ip", text, REQUIRED), ("client_port", number(16), REQUIRED),
    ("server_name", text, NULLABLE), ("protocol", text, REQUIRED), ("tls_version", text, NULLABLE), ("tls_cipher", text, NULLABLE),
    ("route_id", text, NULLABLE), ("upstream_id", text, NULLABLE), ("timestamp", text, REQUIRED), ("traceparent", text, OMITTED),
]  # fmt: skip


def structure(shape):
    """Reads an object, or in MessagePack an array of all its fields."""

    def read(value):
        if isinstance(value, list):
            if len(value) != len(shape):
                raise ValueError("a list of another length")
            value = dict(zip((name for name, _, _ in shape), value))
        if not isinstance(value, dict):
            raise ValueError("no object")
        found = dict.fromkeys(name for name, _, _ in shape)
        for name, reader, presence in shape:
            if value.get(name) is not None:
                found[name] = reader(value[name])
            elif presence == REQUIRED:
                raise ValueError(f"no {name}")
        return found

    return read


def body_chunk(passed: str):
    return [("correlation_id", text, REQUIRED), ("data", data, REQUIRED), ("is_last", flag, REQUIRED), ("total_size", number(64), NULLABLE),
            ("chunk_index", number(32), REQUIRED), (passed, number(64), REQUIRED)]  # fmt: skip


SHAPES = {
    0x10: [("metadata", structure(METADATA), REQUIRED), ("method", text, REQUIRED), ("uri", text, REQUIRED), ("headers", fields, REQUIRED)],
    0x11: body_chunk("bytes_received"),
    0x12: [("correlation_id", text, REQUIRED), ("status", number(16), REQUIRED), ("headers", fields, REQUIRED)],
    0x13: body_chunk("bytes_sent"),
    0x14: [("correlation_id", text, REQUIRED), ("status", number(16), REQUIRED), ("duration_ms", number(64), REQUIRED), ("request_body_size", number(64), REQUIRED),
           ("response_body_size", number(64), REQUIRED), ("upstream_attempts", number(32), REQUIRED), ("error", text, NULLABLE)],
    0x15: [("correlation_id", text, REQUIRED), ("opcode", text, REQUIRED), ("data", data, REQUIRED), ("client_to_server", flag, REQUIRED),
           ("frame_index", number(64), REQUIRED), ("fin", flag, REQUIRED), ("route_id", text, NULLABLE), ("client_ip", text, REQUIRED)],
    0x16: [("correlation_id", text, REQUIRED), ("inspection_type", text, REQUIRED), ("content", text, REQUIRED), ("model", text, OMITTED),
           ("categories", texts, NULLABLE), ("route_id", text, OMITTED), ("metadata", anything, NULLABLE)],
    0x17: [("config", anything, NULLABLE), ("config_version", text, NULLABLE), ("correlation_id", text, REQUIRED)],
}  # fmt: skip


def depth_of(document: str) -> int:
    """How deep a JSON text is nested."""
    depth = deepest = 0
    in_text = escaped = False
    for character in document:
        if in_text:
            in_text = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_text = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def from_json(payload: bytes):
    document = payload.decode()
    if len(document) < 1 << 22 and depth_of(document) > 127:
        raise ValueError("nested too deeply")
    return json.loads(document)


def read(kind: int, payload: bytes, encoding: str) -> dict:
    value = msgpack.unpack(payload) if encoding == "msgpack" else from_json(payload)
    event = structure(SHAPES[kind])(value)
    event["id"] = event["metadata"]["correlation_id"] if kind == 0x10 else event["correlation_id"]
    return event
