"""A name server of the tests' own: answers A, AAAA and SRV over UDP and TCP, as a test says, which may change it meanwhile."""

import ipaddress
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable

from processes import free_port

A, AAAA, SRV = 1, 28, 33
NO_ERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
Way = Callable[[bytes], list[bytes]]


def encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def question_of(query: bytes) -> tuple[str, int, bytes]:
    """Name, type, and the question as it stands there."""
    at, labels = 12, []
    while size := query[at]:
        labels.append(query[at + 1 : at + 1 + size].decode())
        at += size + 1
    return ".".join(labels).lower(), struct.unpack_from(">H", query, at + 1)[0], query[12 : at + 5]


class NameServer:
    """`set()` says what a name has, `answer_by()` how it is answered. Thread safety: all of it."""

    def __init__(self, port: int = 0):
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.queries: list[tuple[str, int, float]] = []
        self._records: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        self._names: set[str] = set()
        self._way: Way = self._plainly
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._udp.settimeout(0.05)
        self._closing = threading.Event()
        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), self._handler(), bind_and_activate=False)
        self._tcp.allow_reuse_address = True
        self._tcp.daemon_threads = True
        self._tcp.server_bind()
        self._tcp.server_activate()
        self._serving = threading.Thread(target=self._serve_udp, daemon=True)
        self._serving.start()
        threading.Thread(target=self._tcp.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        if self._closing.is_set():
            return
        self._closing.set()
        self._serving.join()
        self._udp.close()
        self._tcp.shutdown()
        self._tcp.server_close()

    # ---- what it says

    def set(self, name: str, *addresses: str, ttl: int = 1) -> None:
        """The addresses of a name, of both families; without any it exists and has none."""
        found: dict[int, list[tuple[int, bytes]]] = {A: [], AAAA: []}
        for text in addresses:
            address = ipaddress.ip_address(text)
            found[A if address.version == 4 else AAAA].append((ttl, address.packed))
        self._names.add(name)
        for kind, records in found.items():
            self._records[name, kind] = records

    def set_service(self, name: str, *records: tuple[int, int, int, str], ttl: int = 1) -> None:
        """Priority, weight, port, host of each."""
        self._names.add(name)
        self._records[name, SRV] = [(ttl, struct.pack(">HHH", *numbers) + encoded(host)) for *numbers, host in records]

    def forget(self, name: str) -> None:
        """There is no such name."""
        self._names.discard(name)

    def answer_by(self, way: Way | None) -> None:
        """`way` makes of a query the packets that are sent; none: as the records say."""
        self._way = way or self._plainly

    def asked(self, name: str) -> int:
        return sum(1 for asked, _, _ in list(self.queries) if asked == name)

    # ---- answers

    def answer(self, query: bytes, code: int = NO_ERROR, *, number: int | None = None, question: bytes = b"", flags: int = 0,
               records: list[tuple[int, bytes]] | None = None) -> bytes:
        """An answer, or one that is wrong in one thing."""
        name, kind, asked = question_of(query)
        records = self._records.get((name, kind), []) if records is None else records
        if code == NO_ERROR and name not in self._names:
            code = NXDOMAIN
        if code != NO_ERROR or flags:
            records = []
        number = struct.unpack_from(">H", query)[0] if number is None else number
        head = struct.pack(">HHHHHH", number, 0x8180 | flags | code, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data for ttl, data in records)
        return head + (question or asked) + body

    def truncated(self, query: bytes) -> list[bytes]:
        return [self.answer(query, flags=0x0200)]

    def _plainly(self, query: bytes) -> list[bytes]:
        whole = self.answer(query)
        return [whole] if len(whole) <= 512 else self.truncated(query)

    # ---- how it serves

    def _note(self, query: bytes) -> None:
        name, kind, _ = question_of(query)
        self.queries.append((name, kind, time.monotonic()))

    def _serve_udp(self) -> None:
        while not self._closing.is_set():
            try:
                query, peer = self._udp.recvfrom(4096)
            except TimeoutError:
                continue
            self._note(query)
            for packet in self._way(query):
                self._udp.sendto(packet, peer)

    def _handler(server):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while len(size := self.rfile.read(2)) == 2:
                    query = self.rfile.read(struct.unpack(">H", size)[0])
                    server._note(query)
                    answer = server.answer(query)
                    self.wfile.write(struct.pack(">H", len(answer)) + answer)

        return Handler
