"""A raw HTTP/2 upstream: answers with the frames that a test gives it, whatever they are; keeps what it was asked."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from http2 import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, LARGEST, PING, INITIAL_WINDOW_SIZE, PREFACE, RST_STREAM, SETTINGS, WINDOW, WINDOW_UPDATE, Decoder, Fields, frame, literal,
)


@dataclass
class Call:
    """One stream as it came, and ways to answer it."""

    peer: "Connection"
    stream: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    def value(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def is_cut(self) -> bool:
        """It was reset, or its connection is over."""
        return self.reset is not None or self.peer.is_over

    @property
    def path(self) -> str:
        return self.value(":path") or ""

    def head(self, fields: Fields = (), status: str = "200", end: bool = False) -> None:
        self.raw([(":status", status), *fields], end)

    def raw(self, fields: Fields, end: bool = False) -> None:
        """These very fields."""
        self.peer.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), self.stream, literal(fields)))

    def data(self, body: bytes, end: bool = False) -> None:
        self.peer.send(frame(DATA, END_STREAM if end else 0, self.stream, body))

    def answer(self, body: bytes = b"hello\n", fields: Fields = ()) -> None:
        self.head(fields)
        self.data(body, True)

    def answer_at_pace(self, body: bytes, then: Callable[[], None] = lambda: None) -> None:
        """As windows let it, beside what else happens. `then`: what is done behind it."""
        def send() -> None:
            self.head()
            for at in range(0, len(body), 16384):
                piece = body[at : at + 16384]
                if not self.peer.await_window(self.stream, len(piece)):
                    return
                self.data(piece)
            self.data(b"", True)
            then()

        threading.Thread(target=send, daemon=True).start()

    def refuse(self, code: int) -> None:
        self.peer.send(frame(RST_STREAM, 0, self.stream, struct.pack(">I", code)))


class CallSocket:
    """A stream where a peer of frames wants a socket: what follows an extended CONNECT."""

    def __init__(self, call: Call):
        self.call, self._taken = call, 0

    def sendall(self, data: bytes) -> None:
        for at in range(0, len(data), 16384):
            piece = data[at : at + 16384]
            if not self.call.peer.await_window(self.call.stream, len(piece)):
                raise BrokenPipeError("the stream is over")
            self.call.data(piece)

    def recv(self, size: int) -> bytes:
        """Empty at the end, be it a reset: the test looks at the call where that matters."""
        call = self.call
        call.peer.until("more of the stream", lambda: len(call.body) > self._taken or call.ended or call.is_cut)
        data = call.body[self._taken : self._taken + size]
        self._taken += len(data)
        return data

    def shutdown(self, _how: int) -> None:
        self.call.data(b"", True)


# Called once a head has come, and once the request has ended.
OnCall = Callable[[Call], None]


class Connection:
    def __init__(self, owner: "Http2Upstream", peer: socket.socket):
        self.owner, self.peer = owner, peer
        self.calls: dict[int, Call] = {}
        self.frames: list[tuple[int, int, int]] = []
        self._decoder, self._block, self._lock = Decoder(), b"", threading.Lock()
        self.is_over = False
        self._windows, self._changed, self._stream_window = {0: WINDOW}, threading.Condition(), WINDOW

    def send(self, data: bytes) -> None:
        with self._lock:
            try:
                self.peer.sendall(data)
            except OSError:
                pass  # it is closed, which the test sees elsewhere

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Waits until that is true of what has come."""
        with self._changed:
            if not self._changed.wait_for(holds, 60):
                raise TimeoutError(what)

    def await_window(self, stream: int, size: int) -> bool:
        """Takes so much of the windows. False where the stream is over before."""
        call, window = self.calls[stream], self._windows
        with self._changed:
            window.setdefault(stream, self._stream_window)
            has_room = self._changed.wait_for(lambda: call.is_cut or (window[0] >= size and window[stream] >= size), 60)
            if call.is_cut or not has_room:
                return False
            window[0] -= size
            window[stream] -= size
            return True

    def end(self) -> None:
        with self._changed:
            self.is_over = True
            self._changed.notify_all()

    @property
    def window(self) -> int:
        """What may still be sent, of all streams."""
        return self._windows[0]

    def goaway(self, last: int, code: int = 0) -> None:
        self.send(frame(GOAWAY, payload=struct.pack(">II", last, code)))

    def serve(self) -> None:
        data = b""
        while len(data) < len(PREFACE):
            data += self._more()
        self.owner.is_spoken_to = data.startswith(PREFACE)
        data = data[len(PREFACE) :]
        settings = b"".join(struct.pack(">HI", key, value) for key, value in self.owner.settings.items())
        self.send(frame(SETTINGS, payload=settings))
        while True:
            while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
                data += self._more()
            size = int.from_bytes(data[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", data[3:9])
            payload, data = data[9 : 9 + size], data[9 + size :]
            self._take(kind, flags, stream & LARGEST, payload)
            with self._changed:
                self._changed.notify_all()

    def _more(self) -> bytes:
        data = self.peer.recv(65536)
        if not data:
            raise OSError("closed")
        return data

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.frames.append((kind, flags, stream))
        if kind == SETTINGS and not flags & ACK:
            self._stream_window = dict(struct.iter_unpack(">HI", payload)).get(INITIAL_WINDOW_SIZE, WINDOW)
            self.send(frame(SETTINGS, ACK))
        elif kind == WINDOW_UPDATE:
            with self._changed:
                size = self._windows.get(stream, self._stream_window)
                self._windows[stream] = size + struct.unpack(">I", payload)[0]
        elif kind == PING and not flags & ACK and not self.owner.is_deaf:
            self.send(frame(PING, ACK, 0, payload))
        elif kind in (HEADERS, CONTINUATION):
            self._block += payload
            if flags & END_HEADERS:
                self._take_head(stream)
            if kind == HEADERS and flags & END_STREAM:
                self._end(stream)
        elif kind == DATA:
            call = self.calls[stream]
            call.body += payload
            if payload and self.owner.reads:
                window = struct.pack(">I", len(payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, window) + frame(WINDOW_UPDATE, 0, stream, window))
            if flags & END_STREAM:
                self._end(stream)
        elif kind == RST_STREAM and stream in self.calls:
            self.calls[stream].reset = struct.unpack(">I", payload)[0]

    def _take_head(self, stream: int) -> None:
        fields, self._block = self._decoder.decode(self._block), b""
        if stream in self.calls:
            self.calls[stream].trailers = fields
            return
        call = self.calls[stream] = Call(self, stream, fields)
        self.owner.calls.append(call)
        self.owner.on_head(call)

    def _end(self, stream: int) -> None:
        self.calls[stream].ended = True
        self.owner.on_call(self.calls[stream])


class Http2Upstream:
    """Thread safety: the lists are appended to by its threads and read by the test."""

    def __init__(self, on_call: OnCall = Call.answer, on_head: OnCall = lambda call: None, tls: ssl.SSLContext | None = None,
                 settings: dict[int, int] | None = None, at: tuple[str, int] = ("127.0.0.1", 0)):
        self.on_call, self.on_head, self.tls, self.settings = on_call, on_head, tls, settings or {}
        self.calls: list[Call] = []
        self.connections: list[Connection] = []
        self.is_spoken_to = False  # in HTTP/2
        self.is_deaf = False  # to PING
        self.reads = True  # gives windows back
        self._listener = socket.create_server(at, backlog=256)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.close_connections()

    def close_connections(self) -> None:
        for connection in self.connections:
            try:
                connection.peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                peer = self.tls.wrap_socket(peer, server_side=True)
            connection = Connection(self, peer)
            self.connections.append(connection)
            connection.serve()
        except OSError:
            pass
        for connection in self.connections:
            if connection.peer is peer:
                connection.end()
        peer.close()
