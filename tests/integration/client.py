"""A raw HTTP/1.1 client: sends exactly the bytes it is given, reads answers by their framing."""

import socket
import ssl
import time
from dataclasses import dataclass, field


@dataclass
class Response:
    head: str
    body: bytes = b""
    interim: list[int] = field(default_factory=list)  # 1xx before it

    @property
    def status(self) -> int:
        return int(self.head.split(" ", 2)[1])

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [tuple(line.split(": ", 1)) for line in self.head.split("\r\n")[1:] if line]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        return next(iter(self.values(name)), None)

    @property
    def reason(self) -> str | None:
        """Why the gateway answered by itself."""
        return self.value("x-picket-reason")


class Client:
    """One connection; over TLS where `tls` says how. Every wait ends after `timeout` seconds with TimeoutError."""

    def __init__(self, port: int, timeout: float = 30, source: str = "127.0.0.1", receive_buffer: int | None = None,
                 tls: ssl.SSLContext | None = None, name: str | None = None, session: ssl.SSLSession | None = None):
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name, session=session)
        self.buffer = b""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def get(self, target: str = "/", headers: str = "", method: str = "GET", body: bytes = b"") -> Response:
        self.send(message(target, headers, method, body))
        return self.response(method)

    def response(self, method: str = "GET") -> Response:
        """Reads one answer whole, interim ones before it. Raises EOFError where the gateway closed instead."""
        interim = []
        while True:
            while b"\r\n\r\n" not in self.buffer:
                self._more()
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            response = Response(head.decode("latin-1"), interim=interim)
            if response.status >= 200:
                break
            interim.append(response.status)
        if method != "HEAD" and response.status not in (204, 304):
            response.body = self._body(response)
        return response

    def closed(self) -> bool:
        """Whether the gateway closes the connection without sending more. Waits for it to happen."""
        try:
            return not self.buffer and not self.socket.recv(1)
        except (ConnectionResetError, ssl.SSLZeroReturnError):
            return True
        except TimeoutError:
            return False

    def closed_after(self) -> float:
        """Seconds until the gateway closes, whatever it sends before."""
        begin = time.monotonic()
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return time.monotonic() - begin

    def _body(self, response: Response) -> bytes:
        if length := response.value("content-length"):
            return self._take(int(length))
        if response.value("transfer-encoding") == "chunked":
            return b"".join(iter(self._chunk, b""))
        parts = [self.buffer]
        while data := self.socket.recv(65536):
            parts.append(data)
        self.buffer = b""
        return b"".join(parts)

    def _chunk(self) -> bytes:
        while b"\r\n" not in self.buffer:
            self._more()
        size, self.buffer = self.buffer.split(b"\r\n", 1)
        return self._take(int(size, 16) + 2)[:-2]

    def _take(self, size: int) -> bytes:
        parts, have = [self.buffer], len(self.buffer)
        while have < size:
            data = self.socket.recv(256 * 1024)
            if not data:
                raise EOFError(f"closed after {have} of {size} bytes")
            parts.append(data)
            have += len(data)
        data = b"".join(parts)
        self.buffer = data[size:]
        return data[:size]

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed; before it came {self.buffer!r}")
        self.buffer += data


def message(target: str = "/", headers: str = "", method: str = "GET", body: bytes = b"") -> bytes:
    """A request; `headers`: whole lines with their CRLF. A body gets its Content-Length."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: example.test\r\n{length}{headers}\r\n".encode("latin-1") + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
