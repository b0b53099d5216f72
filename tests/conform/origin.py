"""What the small proxy asks its upstream."""

import socket

HOP_BY_HOP = {"connection", "content-length", "transfer-encoding"}


def request_of(method: str, target: str, fields: list[tuple[str, str]], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "connection: close", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields if name.lower() not in HOP_BY_HOP]
    return in_bytes(lines) + body


def upgrade_of(target: str, fields: list[tuple[str, str]]) -> bytes:
    """A handshake of WebSocket."""
    return in_bytes([f"GET {target} HTTP/1.1", "connection: upgrade", *(f"{name}: {value}" for name, value in fields if name.lower() not in HOP_BY_HOP)])


def in_bytes(lines: list[str]) -> bytes:
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def ask(port: int, request: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, fields and body of what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as upstream:
        upstream.sendall(request)
        data = b""
        while got := upstream.recv(65536):
            data += got
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
    return int(first.split(" ")[1]), [(name, value) for name, value in fields if name.lower() not in HOP_BY_HOP], body


def begin(port: int, request: bytes) -> socket.socket:
    """Sends the beginning of a request, and leaves it at that."""
    upstream = socket.create_connection(("127.0.0.1", port), timeout=30)
    upstream.sendall(request)
    return upstream
