"""WebSocket by hand: frames exactly as a test wants them, written from RFC 6455 alone."""

import base64
import hashlib
import os
import socket
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def accept_of(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


@dataclass
class Frame:
    opcode: int
    payload: bytes = b""
    fin: bool = True

    def code(self) -> int:
        """Of a close frame; 0 where it has none."""
        return int.from_bytes(self.payload[:2], "big")


def encode(frame: Frame, masked: bool, first: int | None = None) -> bytes:
    """`first`: in place of the first byte."""
    size = len(frame.payload)
    head = bytes([first if first is not None else (0x80 if frame.fin else 0) | frame.opcode])
    bit = 0x80 if masked else 0
    if size <= 125:
        head += bytes([bit | size])
    elif size <= 0xFFFF:
        head += bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + frame.payload
    key = os.urandom(4)
    return head + key + masked_by(key, frame.payload)


def masked_by(key: bytes, payload: bytes) -> bytes:
    """The mask put on, or taken off (RFC 6455 §5.3)."""
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


class Peer:
    """One end of a WebSocket, client or server, on a connection that has switched."""

    def __init__(self, connection: socket.socket, is_client: bool, buffered: bytes = b""):
        self.socket, self.is_client = connection, is_client
        self.buffer = bytearray(buffered)

    def send(self, opcode: int, payload: bytes = b"", fin: bool = True) -> None:
        self.raw(encode(Frame(opcode, payload, fin), self.is_client))

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self, code: int = 1000, reason: bytes = b"") -> None:
        self.send(CLOSE, code.to_bytes(2, "big") + reason)

    def take(self, size: int) -> bytes | None:
        """None at the end of the connection. Raises EOFError inside of what is taken."""
        while len(self.buffer) < size:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                if self.buffer:
                    raise EOFError(f"the end came after {bytes(self.buffer)!r}")
                return None
            self.buffer += data
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def next(self) -> Frame | None:
        """None at the end. Raises AssertionError for a frame that the other end must not send."""
        head = self.take(2)
        if head is None:
            return None
        assert head[0] & 0x70 == 0, f"a reserved bit in {head!r}"
        assert bool(head[1] & 0x80) != self.is_client, "a mask where there must be none, or none where there must be one"
        size = head[1] & 0x7F
        if size > 125:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        key = b"" if self.is_client else self.take(4)
        payload = self.take(size) if size else b""
        if key:
            payload = masked_by(key, payload)
        return Frame(head[0] & 0x0F, payload, bool(head[0] & 0x80))
