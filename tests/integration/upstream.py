"""A recording upstream: every byte that reached it, when, on which connection; answers as a test says."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Request:
    """One request as it arrived."""

    head: bytes = b""
    body: bytes = b""
    raw_body: bytes = b""  # with its framing
    trailers: list[tuple[str, str]] = field(default_factory=list)
    connection: int = 0
    at: float = field(default_factory=time.monotonic)
    peer: socket.socket | None = None  # to write to, where a test answers by hand

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [tuple(line.split(": ", 1)) for line in lines if line]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def response(body: bytes = b"hello\n", status: int = 200, headers: str = "", length: bool = True) -> bytes:
    framing = f"Content-Length: {len(body)}\r\n" if length else ""
    return f"HTTP/1.1 {status} Something\r\n{framing}{headers}\r\n".encode() + body


# Returns the bytes to answer with; None closes the connection without an answer.
Respond = Callable[[Request], bytes | None]
# Sees a request before its body is read; returns whether to go on reading.
OnHead = Callable[[Request], bool]


class Upstream:
    """Thread safety: the lists are appended to by its threads and read by the test."""

    def __init__(self, respond: Respond | None = None, on_head: OnHead | None = None, at: tuple[str, int] | Path = ("127.0.0.1", 0),
                 tls: ssl.SSLContext | None = None):
        """At a host and port, or at a Unix socket; with `tls` it shakes hands first."""
        self.tls = tls
        self.handshake_failures: list[str] = []
        self.on_head = on_head or (lambda request: True)
        self.respond = respond or (lambda request: response(b"" if request.method == "HEAD" else b"hello\n"))
        self.requests: list[Request] = []
        self.received: list[tuple[float, bytes]] = []  # every byte, in the order of arrival
        self.sockets: list[socket.socket] = []
        if isinstance(at, Path):
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(at))
            self._listener.listen(256)
            self.port, self.address = 0, f"unix:{at}"
        else:
            host = at[0]
            self._listener = socket.create_server(at, family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256)
            self.port = self._listener.getsockname()[1]
            self.address = f"{host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def raw(self) -> bytes:
        return b"".join(data for _, data in list(self.received))

    def close(self) -> None:
        """Refuses new connections and ends those that are open."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.close_connections()

    def close_connections(self) -> None:
        for open_ in self.sockets:
            try:
                open_.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            if accepted.family != socket.AF_UNIX:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(accepted)
            number = len(self.sockets)
            threading.Thread(target=self._serve, args=(accepted, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                connection = self._secure(connection)
            reader = _Reader(connection, self.received, self.on_head)
            while (request := reader.request(number)) is not None:
                self.requests.append(request)
                answer = self.respond(request)
                if answer is None:
                    break
                connection.sendall(answer)
        except (OSError, ValueError):
            pass
        connection.close()

    def _secure(self, connection: socket.socket) -> socket.socket:
        try:
            return self.tls.wrap_socket(connection, server_side=True)
        except OSError as error:
            self.handshake_failures.append(str(error))
            raise


class _Reader:
    """Reads requests off a connection by their framing, strictly: what it cannot read is a defect of the gateway."""

    def __init__(self, connection: socket.socket, received: list[tuple[float, bytes]], on_head: OnHead):
        self.connection, self.received, self.on_head = connection, received, on_head
        self.buffer = bytearray()

    def more(self) -> bool:
        data = self.connection.recv(256 * 1024)
        if data:
            self.received.append((time.monotonic(), data))
        self.buffer += data
        return bool(data)

    def take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not self.more():
                raise OSError("closed in the middle of a request")
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def take_line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise OSError("closed in the middle of a request")
        return self.take(self.buffer.index(b"\r\n") + 2)

    def request(self, number: int) -> Request | None:
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return None
        at = time.monotonic()
        head = self.take(self.buffer.index(b"\r\n\r\n") + 4)
        request = Request(head[:-2], connection=number, at=at, peer=self.connection)
        if not self.on_head(request):
            threading.Event().wait(30)  # neither reads nor closes
            return None
        if lengths := request.values("content-length"):
            request.body = request.raw_body = self.take(int(lengths[0]))
        elif request.values("transfer-encoding"):
            self.chunks(request)
        return request

    def chunks(self, request: Request) -> None:
        raw, body = [], []
        while True:
            line = self.take_line()
            size = int(line, 16)
            raw.append(line)
            if not size:
                break
            chunk = self.take(size + 2)
            raw.append(chunk)
            body.append(chunk[:-2])
        while (line := self.take_line()) != b"\r\n":
            request.trailers.append(tuple(line[:-2].decode("latin-1").split(": ", 1)))
            raw.append(line)
        raw.append(line)
        request.raw_body, request.body = b"".join(raw), b"".join(body)
