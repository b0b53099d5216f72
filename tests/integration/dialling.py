"""An agent that dials its proxy, by hand: in JSON, as the reference's register (protocol.md §8)."""

import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import wire
from agent import Agent, Connection


def connect(address: Path | tuple[str, int], tls: ssl.SSLContext | None = None) -> socket.socket:
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(30)
    connection.connect(address if isinstance(address, tuple) else str(address))
    return tls.wrap_socket(connection, server_hostname="gateway.test") if tls else connection


class Dialled:
    """One connection. `said`: the proxy's answer to the registration; None where it closed without one."""

    def __init__(
        self,
        address: Path | tuple[str, int],
        agent_id: str = "edge-1",
        answer: Callable[[dict], dict | None] = lambda _: wire.allow(),
        tls: ssl.SSLContext | None = None,
        **more,
    ):
        self.events: list[tuple[int, dict]] = []
        self.connection = Connection(connect(address, tls))
        self._answer = answer
        self._serving: threading.Thread | None = None
        capabilities = Agent.capabilities(("request_headers",))["capabilities"]
        self.connection.send(wire.registration(agent_id, capabilities, **more))
        self.said = self._read_answer()

    def serve(self) -> "Dialled":
        """Answers what it is asked, on a thread of its own, until the proxy closes."""
        assert self.said and self.said["success"], self.said
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()
        return self

    def ends(self) -> bool:
        """Whether the proxy closes, whatever it sends before."""
        try:
            while wire.read_frame(self.connection.socket) is not None:
                pass
        except (ConnectionResetError, EOFError):
            pass
        return True

    def close(self) -> None:
        self.connection.close()
        # A TLS read goes by the descriptor's number, which may be another's by then.
        if self._serving:
            self._serving.join(30)
        self.connection.socket.close()

    def _read_answer(self) -> dict | None:
        try:
            got = wire.read_frame(self.connection.socket)
        except ConnectionResetError:
            return None
        if got is None:
            return None
        assert got[0] == wire.HANDSHAKE_RESPONSE, got
        return json.loads(got[1])

    def heads(self) -> list[dict]:
        """The requests that it was asked about; their ends come when they come."""
        return [body for kind, body in list(self.events) if kind == wire.REQUEST_HEADERS]

    def _serve(self) -> None:
        try:
            while (got := wire.read_frame(self.connection.socket)) is not None:
                self._take(got[0], json.loads(got[1]))
        except (OSError, EOFError):
            pass

    def _take(self, kind: int, body: dict) -> None:
        if kind == wire.PING:
            self.connection.send(wire.frame(wire.PONG, body))
        elif kind in wire.KINDS and kind != wire.CANCEL:
            self.events.append((kind, body))
            response = self._answer(body)
            if response is not None:
                self.connection.respond(body.get("correlation_id") or body["metadata"]["correlation_id"], response)
