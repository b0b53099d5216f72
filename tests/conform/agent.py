"""A small agent that keeps every rule of the protocol, and one mutant for each rule: an agent that breaks it, and no other.

A mutant breaks its rule where the tool tests that rule, which the tool says in proxy_id; elsewhere it is as good as the rest.
Python's standard library only, written from protocol.md.
"""

import json
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path

import events
import msgpack
import mutations

HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, REQUEST_HEADERS, REQUEST_BODY, REQUEST_COMPLETE, CONFIGURE = 0x01, 0x02, 0x10, 0x11, 0x14, 0x17
AGENT_RESPONSE, HEALTH_STATUS, CANCEL, PING, PONG = 0x20, 0x30, 0x40, 0x41, 0x42
PROXIES_TYPES = {HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, *events.SHAPES, CANCEL, PING, PONG, 0x43}
LARGEST = 16 * 1024 * 1024
EXTENSIONS = ("raw-bytes", "event-reply", "one-way-complete")
HANDSHAKE_SECONDS = 2
CONNECTIONS_KEPT = 64  # what the tool wants of agents that dial
PAUSE_SECONDS = 0.7
TOKEN = "secret-1"


class Closed(Exception):
    """The connection is over: the proxy has gone, or has done what ends it."""


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">IB", len(payload) + 1, kind) + payload


class Connection:
    def __init__(self, agent: "Agent", socket_: socket.socket):
        self.agent, self.socket = agent, socket_
        self.case = ""  # the rule that is being tested
        self.encoding = "json"
        self.extensions: list[str] = []
        self.received = bytearray()
        self.pongs: list[bytes] = []

    # ---- what is broken

    def breaks(self, rule: str) -> bool:
        return self.case == rule and self.agent.broken in (rule, "all")

    def breaks_blindly(self, rule: str) -> bool:
        """Before the proxy has said which rule it tests."""
        return self.agent.broken == rule or (self.agent.broken == "all" and rule not in mutations.NEEDED)

    def mutation(self, table: dict):
        return table.get(self.case) if self.breaks(self.case) else None

    # ---- bytes

    def serve(self) -> None:
        try:
            if self.agent.dials:
                self.register()
            else:
                self.socket.settimeout(None if self.breaks_blindly("handshake.in-time") else HANDSHAKE_SECONDS)
                self.shake_hands(*self.read_frame())
            self.socket.settimeout(None)
            while True:
                self.take(*self.read_frame())
        except (Closed, OSError):
            if self.breaks("connections.half-closed-ends"):
                threading.Event().wait(60)  # leaves it open
        finally:
            self.agent.leave(self)
            self.socket.close()

    def read(self, size: int) -> bytes:
        while len(self.received) < size:
            got = self.socket.recv(1 << 20)
            if not got:
                raise Closed
            self.received += got
        data = bytes(self.received[:size])
        del self.received[:size]
        return data

    def read_frame(self) -> tuple[int, bytes]:
        length = struct.unpack(">I", self.read(4))[0]
        if not 1 <= length <= LARGEST:
            self.refuse()
        kind = self.read(1)[0]
        if kind not in PROXIES_TYPES:
            self.refuse()
        return kind, self.read(length - 1)

    def send(self, kind: int, payload: bytes | dict) -> None:
        try:
            self.socket.sendall(frame(kind, payload if isinstance(payload, bytes) else json.dumps(payload).encode()))
        except OSError as error:
            raise Closed from error

    def refuse(self):
        """What is no event ends the connection; a mutant of that rule answers it."""
        if self.breaks("malformed.others-live") or self.breaks("nesting.bomb"):
            self.agent.close_all(last=self)
        if self.breaks(self.case) and self.case in mutations.TOLERANT:
            self.answer_raw({"version": 2, "decision": "allow", "audit": {"custom": {"correlation_id": "unknown"}}})
        raise Closed

    # ---- the handshake

    def shake_hands(self, kind: int, payload: bytes) -> None:
        request = self.read_handshake(kind, payload)
        self.case = str(request.get("proxy_id", "")).removeprefix("picket-conform/")
        if self.breaks("handshake.answered"):
            raise Closed
        if self.breaks("handshake.first"):
            self.send(HEALTH_STATUS, self.health())
        offered = request.get("supported_encodings") or []
        self.encoding = next((name for name in offered if name in ("json", "msgpack")), "json")
        self.extensions = [name for name in request.get("extensions", []) if name in EXTENSIONS]
        answer = self.hello() if 2 in request.get("supported_versions", []) else self.refusal("only version 2 is spoken here")
        accepted = answer["success"]
        if mutate := self.mutation(mutations.HANDSHAKES):
            answer = mutate(answer, self)
        self.send(HANDSHAKE_RESPONSE, answer)
        if not accepted and not self.breaks("refusal.closes"):
            raise Closed
        if accepted:
            self.after_handshake()

    def register(self) -> None:
        """The agent dialled: it says who it is, and hears whether it may stay."""
        registration = {"protocol_version": 2, "agent_id": "edge", "capabilities": self.hello()["capabilities"], "auth_token": TOKEN,
                        "supported_encodings": ["msgpack", "json"], "extensions": list(EXTENSIONS)}  # fmt: skip
        if self.breaks_blindly("registration.constant"):
            registration["agent_id"] = f"edge-{id(self)}"
        for rule, wrong in mutations.WRONG_REGISTRATIONS.items():
            if self.breaks_blindly(rule):
                registration |= wrong
        if self.breaks_blindly("registration.comes"):
            self.send(PING, {"sequence": 1, "timestamp_ms": 1})
        self.send(HANDSHAKE_REQUEST, registration)
        if self.breaks_blindly("registration.waits"):
            self.send(HEALTH_STATUS, self.health())
        answer = self.read_registration_answer(*self.read_frame())
        self.case = str(answer.get("proxy_id", "")).removeprefix("picket-conform/")
        if (not answer["success"] and not self.breaks("registration.refusal")) or (self.breaks(self.case) and self.case in mutations.FASTIDIOUS):
            raise Closed
        self.encoding, self.extensions = answer.get("encoding") or "json", answer.get("extensions") or []
        if self.encoding not in ("json", "msgpack") and not self.breaks_blindly("registration.encoding"):
            raise Closed
        self.after_handshake()

    def read_registration_answer(self, kind: int, payload: bytes) -> dict:
        try:
            answer = json.loads(payload)
            if kind == HANDSHAKE_RESPONSE and isinstance(answer, dict):
                return answer
        except ValueError:
            pass
        meant = "registration.event-first" if kind != HANDSHAKE_RESPONSE else "registration.empty" if not payload else "registration.no-object" if payload.startswith(b"[") else "registration.no-json"
        if self.breaks_blindly(meant):
            return {"success": True, "proxy_id": "", "encoding": "json"}
        raise Closed

    def read_handshake(self, kind: int, payload: bytes) -> dict:
        try:
            if kind != HANDSHAKE_REQUEST:
                raise ValueError
            request = json.loads(payload)
            if not isinstance(request, dict):
                raise ValueError
            return request
        except ValueError:
            pass
        if kind == REQUEST_HEADERS and self.breaks_blindly("handshake.event-first"):
            self.answer_raw({"version": 2, "decision": "allow"})
        taken = {
            "handshake.answer-first": kind == HANDSHAKE_RESPONSE,
            "handshake.empty": payload == b"",
            "handshake.no-object": payload.startswith(b"["),
            "handshake.no-json": payload.startswith(b"{") and kind == HANDSHAKE_REQUEST,
        }
        accepts = any(self.breaks_blindly(rule) and applies for rule, applies in taken.items())
        self.send(HANDSHAKE_RESPONSE, self.hello() if accepts else self.refusal("no handshake"))
        raise Closed

    def hello(self) -> dict:
        flags = ("streaming_body", "websocket", "guardrails", "config_push", "metrics_export", "cancellation", "flow_control", "health_reporting")
        answer = {
            "protocol_version": 2,
            "capabilities": {
                "agent_id": "peer", "name": "peer", "version": "1", "supported_events": [1, 2, 3, 4, 5, 6, 7, 8],
                "features": {**dict.fromkeys(flags, True), "concurrent_requests": 100},
                "limits": {"max_body_size": 1 << 20, "max_concurrency": 100, "preferred_chunk_size": 65536},
            },
            "success": True, "error": None, "encoding": self.encoding,
        }  # fmt: skip
        return answer | ({"extensions": self.extensions} if self.extensions else {})

    def refusal(self, why: str) -> dict:
        return self.hello() | {"protocol_version": 0, "success": False, "error": why}

    def after_handshake(self) -> None:
        if self.breaks("answers.unasked"):
            self.answer_raw({"version": 2, "decision": "allow", "audit": {"custom": {"correlation_id": "nobody"}}})
        if self.case == "control.decodable":
            status = "sideways" if self.breaks("control.decodable") else "healthy"
            self.send(HEALTH_STATUS, self.encoded(self.health(status)))

    def health(self, status: str = "healthy") -> dict:
        return {"agent_id": "peer", "state": {"status": status}, "timestamp_ms": 1}

    # ---- events

    def take(self, kind: int, payload: bytes) -> None:
        if self.breaks(self.case) and self.gives_up(kind, payload):
            raise Closed
        if kind == PING:
            self.answer_ping(payload)
        elif kind == CANCEL:
            self.take_cancel(json.loads(payload))
        elif kind == HANDSHAKE_REQUEST:
            if not self.breaks("handshake.twice"):
                raise Closed
            self.send(HANDSHAKE_RESPONSE, self.hello())
        elif kind in events.SHAPES:
            self.take_event(kind, payload)
        elif kind == HANDSHAKE_RESPONSE:
            self.refuse()

    def gives_up(self, kind: int, payload: bytes) -> bool:
        """Mutants that do nothing but close, where what they hear is what they cannot bear."""
        return kind in mutations.CLOSING.get(self.case, ()) or (self.case == "framing.largest" and len(payload) > LARGEST // 2)

    def take_event(self, kind: int, payload: bytes) -> None:
        try:
            event = events.read(kind, payload, self.encoding)
        except (ValueError, RecursionError, TypeError):
            self.refuse()
            return
        if self.breaks("nesting.taken"):
            raise Closed
        if self.breaks(self.case) and self.case in mutations.TOLERANT:
            self.refuse()
        if kind == REQUEST_COMPLETE and "one-way-complete" in self.extensions and not self.breaks("answers.complete-one-way"):
            return
        self.answer(kind, event)

    def answer(self, kind: int, event: dict) -> None:
        id_ = event["id"]
        answer = {"version": 2, "decision": "allow", "request_headers": [], "response_headers": [], "routing_metadata": {}, "audit": {},
                  "needs_more": False, "request_body_mutation": None, "response_body_mutation": None, "websocket_decision": None}  # fmt: skip
        answer["audit"] = {"custom": {"correlation_id": id_}}
        if "event-reply" in self.extensions:
            answer |= {"correlation_id": id_, "reply_to": self.reply_to(kind, event)}
        answer |= mutations.DECISIONS.get(self.case, {})
        if self.case == "audit.confidence":
            answer["audit"]["confidence"] = 0.5
        if mutate := self.mutation(mutations.ANSWERS):
            answer = mutate(answer, kind, event)
        self.answer_raw(answer)
        if self.breaks(self.case) and self.case in mutations.ANSWERED_TWICE:
            self.answer_raw(answer)

    def reply_to(self, kind: int, event: dict) -> dict:
        reply = {"type": kind}
        if "chunk_index" in event:
            reply["index"] = event["chunk_index"]
        if "frame_index" in event:
            reply |= {"index": event["frame_index"], "client_to_server": event["client_to_server"]}
        if "inspection_type" in event:
            reply["index"] = int((event["metadata"] or {}).get("index", 0))
        return reply

    def encoded(self, message) -> bytes:
        return msgpack.pack(message) if self.encoding == "msgpack" else json.dumps(message).encode()

    def answer_raw(self, answer) -> None:
        self.send(AGENT_RESPONSE, self.encoded(answer))
        if self.breaks("framing.types"):
            self.send(CANCEL, {"correlation_id": "a", "reason": 0, "timestamp_ms": 1})

    # ---- control

    def answer_ping(self, payload: bytes) -> None:
        if mutate := self.mutation(mutations.PONGS):
            payload = mutate(json.loads(payload), self)
        self.send(PONG, payload)

    def take_cancel(self, cancel: dict) -> None:
        if self.breaks("cancel.in-flight") or self.breaks("cancel.twice"):
            answer = {"version": 2, "decision": "allow", "audit": {"custom": {"correlation_id": cancel["correlation_id"]}}}
            for _ in range(2):
                self.answer_raw(answer)


class Agent:
    """Serves at a path, or dials it and keeps connections there, until it is closed. `broken`: the id of a rule, "all" for each in its own
    case, or None."""

    def __init__(self, path: Path, broken: str | None = None, dials: bool = False):
        self.broken, self.dials, self._path = broken, dials, path
        self._is_closed = False
        self._connections: list[Connection] = []
        self._listener = None
        if dials:
            for _ in range(5 if broken == "registration.wanted" else CONNECTIONS_KEPT):
                threading.Thread(target=self._keep, daemon=True).start()
            return
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.close_all()

    def close_all(self, last: Connection | None = None) -> None:
        """`last`: whoever sees the end of that one, has seen the end of all."""
        for connection in sorted(self._connections, key=lambda each: each is last):
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself

    def leave(self, connection: Connection) -> None:
        self._connections.remove(connection)

    def _keep(self) -> None:
        """One connection, made again after a pause."""
        while not self._is_closed:
            connection = Connection(self, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            try:
                connection.socket.connect(str(self._path))
            except OSError:
                connection.socket.close()
                time.sleep(PAUSE_SECONDS)
                continue
            self._connections.append(connection)
            connection.serve()
            if connection.breaks("registration.comes-back"):
                return
            if not connection.breaks("registration.pause"):
                time.sleep(PAUSE_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(self, accepted)
            self._connections.append(connection)
            threading.Thread(target=connection.serve, daemon=True).start()


def main() -> None:
    """agent.py PATH [RULE]: for trying one by hand."""
    Agent(Path(sys.argv[1]), *sys.argv[2:3])
    threading.Event().wait()
    os._exit(0)


if __name__ == "__main__":
    main()
