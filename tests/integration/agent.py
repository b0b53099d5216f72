"""A scripted agent: speaks the protocol over a socket in JSON, does what a test says, remembers what it saw."""

import base64
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import wire
from processes import wait


@dataclass
class Event:
    """One frame from the proxy."""

    kind: str
    id: str
    body: dict
    at: float = field(default_factory=time.monotonic)
    connection: "Connection | None" = None

    def data(self) -> bytes:
        """A body chunk's bytes."""
        return base64.b64decode(self.body["data"], validate=True)


class Connection:
    """One connection of the proxy's. Behaviours may write to it what no agent should."""

    def __init__(self, socket_: socket.socket):
        self.socket = socket_
        self.ended = threading.Event()
        self._writing = threading.Lock()

    def send(self, data: bytes) -> None:
        with self._writing:
            try:
                self.socket.sendall(data)
            except OSError:
                pass  # the proxy closed

    def respond(self, correlation_id: str, response: dict) -> None:
        response = dict(response)
        audit = dict(response.get("audit", {}))
        audit["custom"] = {**audit.get("custom", {}), "correlation_id": correlation_id}
        self.send(wire.frame(wire.AGENT_RESPONSE, {**response, "correlation_id": correlation_id, "audit": audit}))

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


Behaviour = Callable[[Event], dict | None]


def reply_to(event: "Event") -> dict:
    """What an answer says beside its decision where event-reply is agreed."""
    kind = next(number for number, name in wire.KINDS.items() if name == event.kind)
    return {"reply_to": {"type": kind, "index": event.body.get("chunk_index")}}


class Agent:
    """Behaviours by kind of event return a response, or None for silence; without one an event is allowed.

    `path`: of a Unix socket, or the host and port of a network. Each event has a thread of its own, so a behaviour may wait. Thread safety: the lists are appended to by the agent's
    threads and read by the test.
    """

    def __init__(
        self,
        path: Path | tuple[str, int],
        events=("request_headers", "request_body", "response_headers"),
        handshake: Callable[[dict], dict] | None = None,
        limits: dict | None = None,
        features: dict | None = None,
        extensions=(),
        **behaviours: Behaviour,
    ):
        is_local = not isinstance(path, tuple)
        self.path = str(path) if is_local else f"{path[0]}:{path[1]}"
        self.events: list[Event] = []
        self.handshakes: list[dict] = []
        self.connections: list[Connection] = []
        self.config_answers: list[dict] = []
        self.behaviours = behaviours
        self.shakes_hands = handshake is None and "configure" not in behaviours
        self._capabilities = self.capabilities(events, limits, features)
        if extensions:
            self._capabilities["extensions"] = list(extensions)
        self._handshake = handshake or (lambda _: {})
        self._listener = self._listen(path)
        threading.Thread(target=self._accept, daemon=True).start()

    # ---- what it saw

    def of(self, kind: str) -> list[Event]:
        return [event for event in list(self.events) if event.kind == kind]

    def expect(self, kind: str, count: int = 1) -> list[Event]:
        """Waits for so many events of a kind in all. Raises TimeoutError."""
        wait(f"{count} {kind} at {Path(self.path).name}", lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    def body_of(self, correlation_id: str) -> bytes:
        return b"".join(event.data() for event in self.of("request_body") if event.id == correlation_id)

    def close(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in self.connections:
            connection.close()
        Path(self.path).unlink(missing_ok=True)

    # ---- how it serves

    @staticmethod
    def _listen(path: Path | tuple[str, int]) -> socket.socket:
        if isinstance(path, tuple):
            family = socket.AF_INET6 if ":" in path[0] else socket.AF_INET
            return socket.create_server(path, family=family, backlog=128)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(128)
        return listener

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(accepted)
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            while (got := wire.read_frame(connection.socket)) is not None:
                self._take(connection, *got)
        except (OSError, EOFError):
            pass
        connection.socket.close()
        connection.ended.set()

    def _take(self, connection: Connection, kind: int, payload: bytes) -> None:
        body = json.loads(payload)
        if kind == wire.HANDSHAKE_REQUEST:
            self.handshakes.append(body)
            connection.send(wire.frame(wire.HANDSHAKE_RESPONSE, self._capabilities | self._handshake(body)))
        elif kind == wire.PING:
            connection.send(wire.frame(wire.PONG, payload))
        elif kind == wire.CONFIG_UPDATE_RESPONSE:
            self.config_answers.append(body)
        elif kind in wire.KINDS:
            name = wire.KINDS[kind]
            event = Event(
                name, body.get("correlation_id") or body["metadata"]["correlation_id"], body, connection=connection
            )
            self.events.append(event)
            if name != "cancel":
                threading.Thread(target=self._answer, args=(event,), daemon=True).start()

    def _answer(self, event: Event) -> None:
        response = self.behaviours.get(event.kind, lambda _: wire.allow())(event)
        if response is not None:
            event.connection.respond(event.id, response)

    @staticmethod
    def capabilities(events, limits: dict | None = None, more_features: dict | None = None) -> dict:
        """The answer to a handshake."""
        features = dict.fromkeys(
            (
                "streaming_body",
                "websocket",
                "guardrails",
                "config_push",
                "metrics_export",
                "cancellation",
                "flow_control",
                "health_reporting",
            ),
            False,
        )
        return {
            "protocol_version": 2,
            "success": True,
            "error": None,
            "capabilities": {
                "agent_id": "scripted",
                "name": "scripted",
                "version": "1",
                "supported_events": [wire.EVENT_NUMBERS[name] for name in events],
                "features": features | {"concurrent_requests": 100} | (more_features or {}),
                "limits": {"max_body_size": 10485760, "max_concurrency": 100, "preferred_chunk_size": 65536}
                | (limits or {}),
            },
        }


def main() -> None:
    """An agent in a process of its own that allows everything but frames with "drop" in them: for tests that freeze or kill it."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Agent(Path(sys.argv[1]), websocket_frame=lambda event: wire.allow(websocket_decision="drop" if b"drop" in event.data() else "allow"))
    signal.pause()


if __name__ == "__main__":
    main()
