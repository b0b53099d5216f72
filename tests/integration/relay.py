"""Stands between a gateway and an agent: passes on what they say, the agent's words as a test wants."""

import enum
import select
import socket
import threading
import time
from pathlib import Path

Place = Path | tuple[str, int]
# A length that no frame has, a record that TLS has not, a frame larger than HTTP/2 allows.
NOISE = b"\xff" * 64
BETWEEN_BYTES = 0.0001


class Pace(enum.Enum):
    WHOLE = enum.auto()
    BYTE_BY_BYTE = enum.auto()
    NOISE = enum.auto()  # in the place of what the agent says


def listening(place: Place) -> socket.socket:
    if isinstance(place, tuple):
        return socket.create_server(place, backlog=128)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(place))
    listener.listen(128)
    return listener


def connected(place: Place) -> socket.socket:
    connection = socket.socket(socket.AF_INET if isinstance(place, tuple) else socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    connection.connect(place if isinstance(place, tuple) else str(place))
    connection.settimeout(None)
    if isinstance(place, tuple):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Relay:
    """Who comes to `place` finds who is at `behind`. `agent_dials`: it is the agent who comes. Thread safety: `pace` may be set at any time."""

    def __init__(self, place: Place, behind: Place, agent_dials: bool = False):
        self.pace = Pace.WHOLE
        self._behind, self._agent_dials = behind, agent_dials
        self._listener = listening(place)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                comes, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(comes,), daemon=True).start()

    def _serve(self, comes: socket.socket) -> None:
        try:
            found = connected(self._behind)
        except OSError:
            comes.close()
            return
        agent, proxy = (comes, found) if self._agent_dials else (found, comes)
        with agent, proxy:
            try:
                while self._pass_on(agent, proxy):
                    pass
            except OSError:
                pass  # one of them has gone: so do both

    def _pass_on(self, agent: socket.socket, proxy: socket.socket) -> bool:
        """Whether both are still there."""
        for ready in select.select([agent, proxy], [], [])[0]:
            said = ready.recv(65536)
            if not said:
                return False
            if ready is proxy:
                agent.sendall(said)
            else:
                self._speak(proxy, said)
        return True

    def _speak(self, proxy: socket.socket, said: bytes) -> None:
        if self.pace is Pace.NOISE:
            said = NOISE
        if self.pace is not Pace.BYTE_BY_BYTE:
            return proxy.sendall(said)
        for byte in said:
            proxy.sendall(bytes([byte]))
            time.sleep(BETWEEN_BYTES)
