"""A raw HTTP/2 client: sends the frames and the very field bytes that it is given, reads what comes."""

import socket
import ssl
import struct
import sys
import time
from dataclasses import dataclass, field

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's python3-hpack, whichever interpreter this is

from hpack import Decoder  # noqa: E402

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR = 0, 1, 2
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 7, 8, 11
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 4, 5
WINDOW = 65535
LARGEST = 2**31 - 1

Fields = list[tuple[bytes | str, bytes | str]]


def octets(text: bytes | str) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def integer(value: int, bits: int) -> bytes:
    """RFC 7541 §5.1, with nothing before it."""
    most = 2**bits - 1
    if value < most:
        return bytes([value])
    out, value = [most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def literal(fields: Fields) -> bytes:
    """A header block of literals without Huffman code or index: names and values as they are given, whatever they are."""
    block = b""
    for name, value in fields:
        name, value = octets(name), octets(value)
        block += b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value
    return block


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def head(path: str = "/", extra: Fields = (), method: str = "GET", authority: str = "a.test") -> Fields:
    return [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path), *extra]


@dataclass
class Answer:
    """What came on one stream."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[list[tuple[str, str]]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.value(":status") or 0)

    def value(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def reason(self) -> str | None:
        return self.value("x-picket-reason")

    @property
    def is_over(self) -> bool:
        return self.ended or self.reset is not None


class Http2Client:
    """One connection. Every wait ends after `timeout` seconds with TimeoutError."""

    def __init__(self, port: int, timeout: float = 30, settings: dict[int, int] | None = None, reads: bool = True,
                 tls: ssl.SSLContext | None = None, name: str | None = None):
        self.timeout = timeout
        self.reads = reads  # gives windows back as bytes come
        self.streams: dict[int, Answer] = {}
        self.goaway: tuple[int, int] | None = None  # last stream, code
        self.is_closed = False
        self.frames: list[tuple[int, int, int, bytes]] = []
        self._next = 1
        self._first_window = WINDOW
        self._granted: dict[int, int] = {}  # by stream, beside the first window; 0: of the connection
        self._sent: dict[int, int] = {}
        self._buffer = b""
        self._decoder = Decoder()
        self._decoder.max_header_list_size = 1 << 20
        self._block = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            tls.set_alpn_protocols(["h2"])
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        values = b"".join(struct.pack(">HI", key, value) for key, value in (settings or {}).items())
        self.send(PREFACE + frame(SETTINGS, payload=values))

    def __enter__(self) -> "Http2Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    # ---- saying

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def frame(self, kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> None:
        self.send(frame(kind, flags, stream, payload))

    def open(self, fields: Fields, end: bool = True, body: bytes = b"") -> int:
        """Begins a request with these very fields; a body in one frame where there is one."""
        stream = self._next
        self._next += 2
        self.streams[stream] = Answer()
        flags = END_HEADERS | (END_STREAM if end and not body else 0)
        data = frame(HEADERS, flags, stream, literal(fields))
        if body:
            data += frame(DATA, END_STREAM if end else 0, stream, body)
        self.send(data)
        return stream

    def data(self, stream: int, body: bytes, end: bool = False) -> None:
        """One frame, whatever the windows let out."""
        for each in 0, stream:
            self._sent[each] = self._sent.get(each, 0) + len(body)
        self.frame(DATA, END_STREAM if end else 0, stream, body)

    def room(self, stream: int) -> int:
        """What the peer's windows let out on that stream."""
        of_all = WINDOW + self._granted.get(0, 0) - self._sent.get(0, 0)
        return min(of_all, self._first_window + self._granted.get(stream, 0) - self._sent.get(stream, 0))

    def pour(self, stream: int, body: bytes) -> None:
        """In frames, as the peer's windows let them out; no more of it once the stream is over."""
        at = 0
        while at < len(body):
            self.until("the peer gives its window back", lambda: self.room(stream) > 0 or self.streams[stream].is_over)
            if self.streams[stream].is_over:
                return
            part = body[at : at + min(self.room(stream), 16384)]
            self.data(stream, part)
            at += len(part)

    def reset(self, stream: int, code: int = CANCEL) -> None:
        self.frame(RST_STREAM, 0, stream, struct.pack(">I", code))

    def window(self, stream: int, size: int) -> None:
        self.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))

    # ---- hearing

    def until(self, what: str, holds) -> None:
        """Reads until `holds()`."""
        deadline = time.monotonic() + self.timeout
        while not holds():
            if self.is_closed:
                raise ConnectionError(f"closed before {what}; goaway {self.goaway}")
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            self.read()

    def answer(self, stream: int) -> Answer:
        self.until(f"stream {stream} is over", lambda: self.streams[stream].is_over)
        return self.streams[stream]

    def get(self, path: str = "/", extra: Fields = ()) -> Answer:
        return self.answer(self.open(head(path, extra)))

    def post(self, path: str, body: bytes, extra: Fields = ()) -> Answer:
        return self.answer(self.open(head(path, extra, "POST"), body=body))

    def until_closed(self) -> None:
        self.until("the connection is closed", lambda: self.is_closed)

    def drop_input(self, seconds: float) -> None:
        """Reads for a while."""
        deadline = time.monotonic() + seconds
        while not self.is_closed and time.monotonic() < deadline:
            self.read(0.1)

    def read(self, wait: float = 1.0) -> None:
        self.socket.settimeout(wait)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return
        except OSError:
            data = b""
        finally:
            self.socket.settimeout(self.timeout)
        self.is_closed = not data
        self._buffer += data
        while len(self._buffer) >= 9:
            size = int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self._buffer[3:9])
            payload = self._buffer[9 : 9 + size]
            self._buffer = self._buffer[9 + size :]
            self._take(kind, flags, stream & LARGEST, payload)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.frames.append((kind, flags, stream, payload if kind != DATA else b""))
        if kind == SETTINGS and not flags & ACK:
            pairs = dict(struct.iter_unpack(">HI", payload))
            self._first_window = pairs.get(INITIAL_WINDOW_SIZE, self._first_window)
            self._answer(frame(SETTINGS, ACK))
        elif kind == WINDOW_UPDATE:
            self._granted[stream] = self._granted.get(stream, 0) + (struct.unpack(">I", payload)[0] & LARGEST)
        elif kind == PING and not flags & ACK:
            self._answer(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = (struct.unpack(">I", payload[:4])[0] & LARGEST, struct.unpack(">I", payload[4:8])[0])
        elif kind in (HEADERS, CONTINUATION):
            self._block += payload
            if flags & END_HEADERS:
                self._take_head(self.streams[stream])
            self.streams[stream].ended |= kind == HEADERS and bool(flags & END_STREAM)
        elif kind == DATA:
            self._take_data(stream, flags, payload)
        elif kind == RST_STREAM and stream in self.streams:
            self.streams[stream].reset = struct.unpack(">I", payload)[0]

    def _take_head(self, answer: Answer) -> None:
        fields, self._block = self._decoder.decode(self._block), b""
        if fields[0][1].startswith("1") and fields[0][0] == ":status":
            answer.interim.append(fields)
        elif answer.headers:
            answer.trailers = fields
        else:
            answer.headers = fields

    def _take_data(self, stream: int, flags: int, payload: bytes) -> None:
        self.streams[stream].body += payload
        self.streams[stream].ended |= bool(flags & END_STREAM)
        if self.reads and payload:
            size = struct.pack(">I", len(payload))
            self._answer(frame(WINDOW_UPDATE, 0, 0, size) + frame(WINDOW_UPDATE, 0, stream, size))

    def _answer(self, data: bytes) -> None:
        try:
            self.send(data)
        except OSError:
            pass  # it is closed, which the next read says
