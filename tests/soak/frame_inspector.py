"""An agent that looks at WebSocket frames, in a process of its own: drops those that say "poison", and allows the others.

  frame_inspector.py PATH
  frame_inspector.py HOST:PORT

SIGUSR1: says that it drains, serves what is under way and ends.
"""

import base64
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import wire
from agent import Agent, Connection

DRAIN_SECONDS = 0.5


class FrameInspector(Agent):
    def __init__(self, place: Path | tuple[str, int]):
        super().__init__(place, events=("request_headers", "websocket_frame", "request_complete"))

    @staticmethod
    def _listen(path: Path | tuple[str, int]) -> socket.socket:
        if isinstance(path, tuple):
            return socket.create_server(path, backlog=128, reuse_port=True)  # beside one that drains
        return Agent._listen(path)

    def _take(self, connection: Connection, kind: int, payload: bytes) -> None:
        """Frames at once, by the connection's thread: there are many."""
        if kind != wire.WEBSOCKET_FRAME:
            super()._take(connection, kind, payload)
            return self.events.clear()
        frame = json.loads(payload)
        is_poison = b"poison" in base64.b64decode(frame["data"])
        connection.respond(frame["correlation_id"], wire.allow(websocket_decision="drop") if is_poison else wire.allow())

    def drain(self) -> None:
        self._listener.close()
        for connection in self.connections:
            connection.send(wire.health("draining", eta_ms=500))
        time.sleep(DRAIN_SECONDS)
        os._exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    place = sys.argv[1]
    host, _, port = place.rpartition(":")
    inspector = FrameInspector((host, int(port)) if host else Path(place))
    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=inspector.drain, daemon=True).start())
    print("serves", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
