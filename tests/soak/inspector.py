"""An agent in a process of its own, for the soak: it writes down on each request what it has seen of it.

  inspector.py SOCKET

The answer to a head sets `x-inspected` to the request's token; the answer to the last chunk of a body sets `x-inspected-body` to the
SHA-256 of all chunks. A request whose head says `x-verdict: block` is blocked. SIGUSR1: says that it drains, serves what is under way and ends.
"""

import hashlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import wire
from agent import Agent, Event

HEALTH_STATUS = 0x30
DRAIN_SECONDS = 0.5


class Inspector(Agent):
    def __init__(self, path: Path):
        self._bodies: dict[str, hashlib._Hash] = {}
        super().__init__(path, request_headers=self.head, request_body=self.chunk)

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
        if kind in wire.KINDS and wire.KINDS[kind] in ("cancel", "request_complete"):
            self._bodies.pop(self.events[-1].id, None)
        self.events.clear()

    def drain(self) -> None:
        """Says so on every connection and ends a moment later."""
        state = {"agent_id": "inspector", "state": {"status": "draining", "eta_ms": 500}, "timestamp_ms": 0}
        Path(self.path).unlink(missing_ok=True)
        for connection in self.connections:
            connection.send(wire.frame(HEALTH_STATUS, state))
        time.sleep(DRAIN_SECONDS)
        os._exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    inspector = Inspector(Path(sys.argv[1]))
    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=inspector.drain, daemon=True).start())
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
