"""A relay between two programs that treats the bytes badly: slices, delays, gathers, cuts or changes them, by a seed."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

Address = tuple[str, int] | str  # a host and a port, or the path of a Unix socket
# What becomes of the bytes that a source sends: pieces, each written by itself.
Fault = Callable[[socket.socket, random.Random], Iterator[bytes]]


class Cut(Exception):
    """Both ends of a connection are to be closed here."""


def whole(source: socket.socket, _: random.Random) -> Iterator[bytes]:
    while data := source.recv(65536):
        yield data


def byte_by_byte(source: socket.socket, _: random.Random) -> Iterator[bytes]:
    for data in whole(source, _):
        for at in range(len(data)):
            yield data[at : at + 1]


def in_pieces(source: socket.socket, chance: random.Random) -> Iterator[bytes]:
    """Of any size, one in ten late."""
    for data in whole(source, chance):
        while data:
            size = chance.choice((1, 2, 3, 4, 5, 9, 60, 700, 5000))
            yield data[:size]
            data = data[size:]
            if chance.random() < 0.1:
                time.sleep(chance.uniform(0, 0.004))


def gathered(source: socket.socket, _: random.Random) -> Iterator[bytes]:
    """What comes within a while arrives at once, an end with what stood before it."""
    for data in whole(source, _):
        time.sleep(0.01)
        try:
            data += source.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        yield data


def cut(mean: int) -> Fault:
    """Behind so many bytes, on average: in a handshake, in a frame, between two."""

    def fault(source: socket.socket, chance: random.Random) -> Iterator[bytes]:
        left = int(chance.expovariate(1 / mean))
        for data in whole(source, chance):
            yield data[:left]
            left -= len(data)
            if left <= 0:
                raise Cut

    return fault


def changed(mean: int) -> Fault:
    """One bit in so many bytes, on average."""

    def fault(source: socket.socket, chance: random.Random) -> Iterator[bytes]:
        left = int(chance.expovariate(1 / mean))
        for data in map(bytearray, whole(source, chance)):
            while left < len(data):
                data[left] ^= 1 << chance.randrange(8)
                left += 1 + int(chance.expovariate(1 / mean))
            left -= len(data)
            yield bytes(data)

    return fault


class Relay:
    """Listens at `listen` and connects to `target` for each connection. `there`: what becomes of the bytes to the target,
    `back`: of those from it; a change counts for connections that come after it. Both ends are told of an end in the
    direction in which it came."""

    def __init__(self, listen: Address, target: Address, seed: int):
        self.there: Fault = whole
        self.back: Fault = whole
        self.target, self._seed = target, seed
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        family = socket.AF_UNIX if isinstance(listen, str) else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.bind(listen)
        self._listener.listen(256)
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return self.address[1]

    def end_all(self) -> None:
        """Every connection that is open."""
        with self._lock:
            for end in self._open:
                _shut_down(end)

    def close(self) -> None:
        _shut_down(self._listener)
        self._listener.close()
        self.end_all()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(accepted, self.connections), daemon=True).start()

    def _serve(self, near: socket.socket, number: int) -> None:
        far = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET, socket.SOCK_STREAM)
        ends = {near, far}
        with self._lock:
            self._open |= ends
        try:
            far.connect(self.target)
            for end in ends:
                if end.family == socket.AF_INET:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._pump, args=(far, near, self.back, f"{self._seed}/{number}/back"), daemon=True)
            back.start()
            self._pump(near, far, self.there, f"{self._seed}/{number}/there")
            back.join()
        except OSError:
            pass
        with self._lock:
            self._open -= ends
        for end in ends:
            end.close()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, fault: Fault, seed: str) -> None:
        chance = random.Random(seed)
        try:
            for piece in fault(source, chance):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except (OSError, Cut):
            for end in (source, sink):
                if chance.random() < 0.5:  # a reset, in place of an end
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                _shut_down(end)


def _shut_down(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
