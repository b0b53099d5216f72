"""An agent in a process of its own, for the soak: it writes down on each request what it has seen of it.

  inspector.py unix PATH
  inspector.py tls HOST:PORT CERTIFICATE KEY
  inspector.py reverse HOST:PORT ID        dials a proxy, and comes back

The answer to a head sets `x-inspected` to the request's token; the answer to the last chunk of a body sets `x-inspected-body` to the
SHA-256 of all chunks. A request whose head says `x-verdict: block` is blocked. SIGUSR1: says that it drains, serves what is under way and ends. SIGUSR2: says
of how many exchanges it has not heard the end.
"""

import hashlib
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

import wire
from agent import Agent, Connection, Event

HEALTH_STATUS = 0x30
DRAIN_SECONDS = 0.5
CONNECTIONS = 3  # of one that dials
DIAL_PAUSE = 0.3


class Inspector(Agent):
    def __init__(self, place: Path | tuple[str, int]):
        self._bodies: dict[str, hashlib._Hash] = {}
        self._open: dict[str, Connection] = {}
        self.is_draining = False
        super().__init__(place, request_headers=self.head, request_body=self.chunk)

    def head(self, event: Event) -> dict:
        values = event.body["headers"]
        if values.get("x-verdict") == ["block"]:
            return wire.block()
        return wire.allow(request_headers=[wire.put("x-inspected", values.get("x-token", [""])[0])])

    def chunk(self, event: Event) -> dict:
        digest = self._bodies.setdefault(event.id, hashlib.sha256())
        digest.update(event.data())
        if not event.body["is_last"]:
            return wire.allow()
        self._bodies.pop(event.id)
        return wire.allow(request_headers=[wire.put("x-inspected-body", digest.hexdigest())])

    def _take(self, connection, kind: int, payload: bytes) -> None:
        super()._take(connection, kind, payload)
        self.events.clear()
        name, body = wire.KINDS.get(kind), json.loads(payload)
        if name == "request_headers":
            self._open[body["metadata"]["correlation_id"]] = connection
        if name == "request_complete":
            self._open.pop(body["correlation_id"], None)
        if name in ("cancel", "request_complete"):
            self._bodies.pop(body["correlation_id"], None)

    def _serve(self, connection: Connection) -> None:
        super()._serve(connection)
        # Of a connection that was lost nobody tells the end.
        for id_ in [id_ for id_, its in list(self._open.items()) if its is connection]:
            self._open.pop(id_, None)

    def say_open(self) -> None:
        print(f"open {len(self._open)}", flush=True)

    def drain(self) -> None:
        """Says so on every connection and ends a moment later."""
        self.is_draining = True
        state = {"agent_id": "inspector", "state": {"status": "draining", "eta_ms": 500}, "timestamp_ms": 0}
        if self._listener:
            self._listener.close()
        for connection in self.connections:
            connection.send(wire.frame(HEALTH_STATUS, state))
        time.sleep(DRAIN_SECONDS)
        os._exit(0)


class OverTls(Inspector):
    def __init__(self, place: tuple[str, int], certificate: str, key: str):
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        super().__init__(place)

    @staticmethod
    def _listen(place: tuple[str, int]) -> socket.socket:
        return socket.create_server(place, backlog=128, reuse_port=True)  # beside one that drains

    def _serve(self, connection: Connection) -> None:
        try:
            connection.socket = self._tls.wrap_socket(connection.socket, server_side=True)
        except OSError:
            return connection.socket.close()
        super()._serve(connection)


class Dialling(Inspector):
    def __init__(self, place: tuple[str, int], agent_id: str):
        self._place, self._agent_id = place, agent_id
        super().__init__(place)

    @staticmethod
    def _listen(place: tuple[str, int]) -> None:
        return None

    def _accept(self) -> None:
        for _ in range(CONNECTIONS):
            threading.Thread(target=self._keep, daemon=True).start()

    def _keep(self) -> None:
        while not self.is_draining:
            try:
                self._register()
            except (OSError, EOFError, TypeError):
                pass  # it is not there
            time.sleep(DIAL_PAUSE)

    def _register(self) -> None:
        with socket.create_connection(self._place, timeout=10) as connected:
            connection = Connection(connected)
            connection.send(wire.registration(self._agent_id, self._capabilities["capabilities"]))
            answer = json.loads(wire.read_frame(connected)[1])
            if not answer["success"]:
                return
            connected.settimeout(None)
            self.connections.append(connection)
            self._serve(connection)
            self.connections.remove(connection)


def of_network(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    transport, place, *more = sys.argv[1:]
    match transport:
        case "tls":
            inspector = OverTls(of_network(place), *more)
        case "reverse":
            inspector = Dialling(of_network(place), *more)
        case _:
            inspector = Inspector(Path(place))
    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=inspector.drain, daemon=True).start())
    signal.signal(signal.SIGUSR2, lambda *_: inspector.say_open())
    print("serves", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
