"""Answers as a strict proxy reads them: protocol.md §5 and §7. What is wrong raises ValueError."""

import json
import math

import msgpack

FIELDS = ("version", "decision", "request_headers", "response_headers", "routing_metadata", "audit", "needs_more", "request_body_mutation",
          "response_body_mutation", "websocket_decision", "correlation_id", "reply_to")  # fmt: skip
WITHOUT_REPLY = 10
DECISIONS = {"block": ("status", "body", "headers"), "redirect": ("url", "status"), "challenge": ("challenge_type", "params")}
NUMBERS = {"block": "status", "redirect": "status"}


class StrictReader(msgpack.Reader):
    def _map(self, count: int, depth: int) -> dict:
        found = super()._map(count, depth)
        if len(found) != count:
            raise ValueError("a field that stands twice")
        return found


def nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    return deepest


def finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError("a number that no double holds")
    return value


def decoded(payload: bytes, encoding: str):
    if encoding == "msgpack":
        return StrictReader(payload).value()
    text = payload.decode()
    if text.count(",") > 1 << 20 or nesting(text) > 127:
        raise ValueError("more, or more deeply nested, than a reader takes")
    value = json.loads(text, parse_float=finite)
    json.dumps(value, ensure_ascii=False).encode()  # half a character has no bytes
    return value


def structure(value, names: tuple[str, ...], longest: int | None = None) -> dict:
    """A map with the names or the numbers of its fields, or a list of them."""
    if isinstance(value, list):
        if len(value) > (longest or len(names)):
            raise ValueError("a list that is too long")
        return dict(zip(names, value))
    return {names[name] if isinstance(name, int) else name: member for name, member in value.items()}


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def decision(value):
    """"allow", or a pair of its kind and what it says."""
    if value == "allow" or value == {"allow": None} or value == 0 and not isinstance(value, bool):
        return "allow"
    [(kind, said)] = value.items()
    said = structure(said, DECISIONS[kind]) if kind in DECISIONS else {}
    if kind not in DECISIONS:
        raise ValueError("no decision")
    if kind in NUMBERS and (type(said["status"]) is not int or said["status"] < 0):
        raise ValueError("no status")
    return kind, said


def operation(value) -> tuple[str, str, str]:
    [(kind, said)] = value.items()
    said = structure(said, ("name", "value"))
    return kind, said["name"], said.get("value", "")


def websocket(value):
    """"allow", "drop", or code and reason of a close."""
    if not isinstance(value, dict):
        return value
    said = structure(value["close"], ("code", "reason"))
    return said["code"], said["reason"]


def answer(value, has_reply: bool) -> dict:
    said = structure(value, FIELDS, len(FIELDS) if has_reply else WITHOUT_REPLY)
    said["decision"] = decision(said["decision"])
    audit = structure(said.get("audit") or {}, ("tags", "rule_ids", "confidence", "reason_codes", "custom"))
    within, at_top = (audit.get("custom") or {}).get("correlation_id"), text(said.get("correlation_id"))
    for name in ("request_headers", "response_headers"):
        said[name] = [operation(each) for each in said.get(name) or []]
    for name in ("request_body_mutation", "response_body_mutation"):
        said[name] = structure(said.get(name) or {}, ("data", "chunk_index"))
    said["websocket_decision"] = websocket(said.get("websocket_decision"))
    if said.get("reply_to"):
        said["reply_to"] = structure(said["reply_to"], ("type", "index", "client_to_server"))
    return said | {"id_within": within, "id_at_top": at_top}
