"""Agents of other SDKs, a dozen lines each, written from protocol.md §13: what they say, and nothing that they do not."""

import json
import select
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import wire

Decide = Callable[[str, dict], dict | str]


def read_message(connection: socket.socket) -> dict | None:
    """JSON behind a length; None where the proxy closed."""
    head = wire.take(connection, 4)
    return None if head is None else json.loads(wire.take(connection, struct.unpack(">I", head)[0]))


def write_message(connection: socket.socket, message: dict) -> None:
    body = json.dumps(message).encode()
    connection.sendall(struct.pack(">I", len(body)) + body)


class DialectAgent:
    """Listens on a Unix socket and serves each connection in order, on a thread of its own. Thread safety: lists are
    appended to by those threads and read by the test."""

    def __init__(self, path: Path, decide: Decide):
        self.path = str(path)
        self.decide = decide
        self.seen: list[tuple[str, dict]] = []
        self.wrong: list[str] = []
        self.connections: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def of(self, kind: str) -> list[dict]:
        return [body for name, body in list(self.seen) if name == kind]

    def close(self) -> None:
        for end in [self._listener, *self.connections]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        try:
            self.serve(connection)
        except (OSError, EOFError):
            pass
        connection.close()

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


class V1Agent(DialectAgent):
    """The dialect v1, as Python's, TypeScript's and Elixir's SDKs speak it: one event, one answer, no names."""

    def serve(self, connection: socket.socket) -> None:
        while (event := read_message(connection)) is not None:
            kind, payload = event["event_type"], event["payload"]
            self.seen.append((kind, payload))
            if event["version"] != 1:
                self.wrong.append(f"version {event['version']}")
            answer = {"success": True} if kind == "request_complete" else self.decide(kind, payload)
            if select.select([connection], [], [], 0)[0] and connection.recv(1, socket.MSG_PEEK):
                self.wrong.append(f"more came before {kind} was answered")
            write_message(connection, answer)


class SiteAgent(DialectAgent):
    """The dialect site. As Go's SDK it allows request 0 for whatever it does not know."""

    ANSWERED = {0x10: "request_headers", 0x11: "request_body_chunk", 0x12: "response_headers", 0x13: "response_body_chunk"}

    def __init__(self, path: Path, decide: Decide, answer: dict | None = None):
        self.hellos: list[dict] = []
        handles = ("handles_request_headers", "handles_request_body", "handles_response_headers")
        self.answer = {
            "protocol_version": 2,
            "agent_name": "of the site",
            "capabilities": dict.fromkeys(handles, True) | {"supports_streaming": True, "supports_cancellation": True},
            "accepted": True,
        } | (answer or {})
        super().__init__(path, decide)

    def serve(self, connection: socket.socket) -> None:
        while (got := wire.read_frame(connection)) is not None:
            kind, body = got[0], json.loads(got[1])
            if kind == wire.HANDSHAKE_REQUEST:
                self.hellos.append(body)
                refused = {} if body.get("protocol_version") == 2 else {"accepted": False, "error": "no version"}
                connection.sendall(wire.frame(wire.HANDSHAKE_RESPONSE, self.answer | refused))
            elif kind in self.ANSWERED:
                self.seen.append((self.ANSWERED[kind], body))
                decision = self.decide(self.ANSWERED[kind], body)
                whole = decision if isinstance(decision, dict) and "decision" in decision else {"decision": decision}
                connection.sendall(wire.frame(wire.AGENT_RESPONSE, {"request_id": body["request_id"], **whole}))
            elif kind == 0x30:
                self.seen.append(("cancel", body))
            elif kind == 0xF0:
                connection.sendall(wire.frame(0xF1, {"timestamp": body["timestamp"]}))
            else:
                self.wrong.append(f"type 0x{kind:02x}")
                connection.sendall(wire.frame(wire.AGENT_RESPONSE, {"request_id": 0, "decision": "allow"}))
