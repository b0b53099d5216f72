"""Before anything is timed: both sides encode every payload, each decodes what the other wrote, and what it understood
must be what the description says. A benchmark whose sides do different work is a defect."""

import base64
import json
import re
from datetime import datetime

from places import BIN, ENCODED, PAYLOADS, PICKET_BIN, output_of, stop


def body_of(description):
    state, body = description["seed"], bytearray()
    for _ in range(description["size"]):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        body.append(state >> 24)
    return base64.b64encode(bytes(body)).decode()


def expected(name):
    """What decoding `NAME.ENCODING` must yield."""
    stem = name.rsplit(".", 1)[0].replace("chunk_", "body_")
    about = json.loads((PAYLOADS / f"{stem}.json").read_text(encoding="utf-8"))
    if about["kind"] == "body":
        chunk = {"correlation_id": about["correlation_id"], "data": body_of(about), "chunk_index": 0}
        if name.startswith("chunk_"):
            return {**chunk, "is_last": True, "total_size": about["size"], "bytes_received": about["size"]}
        return {**chunk, "is_last": False}
    if about["kind"] == "allow":
        return {"version": 2, "decision": "allow", "request_headers": [], "response_headers": [],
                "routing_metadata": {}, "needs_more": False,
                "audit": {"tags": [], "rule_ids": [], "confidence": None, "reason_codes": [],
                          "custom": {"correlation_id": about["correlation_id"]}},
                "request_body_mutation": None, "response_body_mutation": None, "websocket_decision": None}
    message = {key: value for key, value in about.items() if key not in ("about", "kind")}
    message = {**message, "headers": dict(message["headers"])}
    return as_protobuf_has_it(message) if name.endswith(".protobuf") else message


def as_protobuf_has_it(message):
    """A request's head with the fields that both sides' messages have there: time in milliseconds, no cipher, nothing null."""
    metadata = {key: value for key, value in message["metadata"].items() if key != "tls_cipher" and value is not None}
    if "timestamp" in metadata:
        text = re.sub(r"(\.\d{1,6})\d*", r"\1", metadata.pop("timestamp"))
        metadata["timestamp_ms"] = int(datetime.fromisoformat(text).timestamp() * 1000)
    return {key: message[key] for key in ("method", "uri", "headers")} | {"metadata": metadata}


def understood(side, name, content):
    """One decoded message without what is only one side's way of writing it down."""
    if side == "picket":
        # Picket repeats the id at the top of a response and of a request's head in JSON (protocol.md §4, §5).
        if "metadata" in content or "decision" in content:
            content = {key: value for key, value in content.items() if key not in ("correlation_id", "reply_to")}
    return as_protobuf_has_it(content) if name.endswith(".protobuf") else content


def encode():
    """Fills our own folder of encoded payloads."""
    ENCODED["picket"].mkdir(parents=True, exist_ok=True)
    output_of([PICKET_BIN / "picket_bench_payloads", "write", ENCODED["picket"]])


def compare():
    """Fills both folders of encoded payloads; ends the run where one side understands something else."""
    output_of([BIN / "reference-bench-msgpack", "write", "--payloads", PAYLOADS, "--into", ENCODED["reference"]])
    encode()
    checked = 0
    for writer, folder in ENCODED.items():
        readers = {"picket": [PICKET_BIN / "picket_bench_payloads", "read", folder],
                   "reference": [BIN / "reference-bench-msgpack", "read", "--from", folder]}
        for reader, command in readers.items():
            for name, content in json.loads(output_of(command)).items():
                if understood(reader, name, content) != expected(name):
                    stop(f"{reader} reads {name} as {writer} wrote it as something else:\n"
                         f"  is      {json.dumps(understood(reader, name, content))[:600]}\n"
                         f"  must be {json.dumps(expected(name))[:600]}")
                checked += 1
    return checked


def size_of(side, name):
    return (ENCODED[side] / name).stat().st_size
