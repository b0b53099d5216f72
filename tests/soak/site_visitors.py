"""Visitors of a site that is changed meanwhile: each does what browsers do, and says what went wrong.

A kept connection that ends before a byte of an answer, and a stream of HTTP/2 that the gateway says it did not look at, are asked again on a
new one, as RFC 9112 §9.3.1 and RFC 9113 §6.8 have it. Whatever else is not answered in full is a failure.
"""

import ssl
import threading
from collections import Counter

import grpc
from client import Client
from http2 import REFUSED_STREAM, Http2Client, head

NAME = "site.test"
ATTACK = "?id=1%27+union+select+password+from+users--"


class Visitor(threading.Thread):
    def __init__(self, site, number: int, stop: threading.Event):
        super().__init__(name=f"{type(self).__name__.lower()}-{number}", daemon=True)
        self.site, self.stop = site, stop
        self.wrong: list[str] = []
        self.counts: Counter = Counter()
        self.asked = 0

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self.visit()
            except Exception as error:  # whatever it is, the visitor has noticed something
                self.wrong.append(f"{self.name}, request {self.asked}: {error!r}")

    def next_page(self, folder: str = "pages") -> str:
        self.asked += 1
        return f"/{folder}/{self.name}/{self.asked}"

    def judge(self, page: str, status: int, body: bytes, wanted: bytes | None = None) -> None:
        if (status, body) == (200, page.encode() if wanted is None else wanted):
            self.counts["whole"] += 1
        else:
            self.wrong.append(f"{self.name}: {page} got {status} {body[:80]!r}")

    def visit(self) -> None:
        """Comes, asks a few times, and goes."""
        raise NotImplementedError


class Browser(Visitor):
    """HTTP/1.1 over TLS, on connections that are kept."""

    def connect(self) -> Client:
        self.counts["connections"] += 1
        return Client(self.site.gateway.port, 60, tls=self.site.trust(), name=NAME)

    def visit(self) -> None:
        client, is_new = self.connect(), True
        for _ in range(20):
            page = self.next_page()
            request = f"GET {page} HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
            try:
                client.send(request)
                answer = client.response()
            except (EOFError, ConnectionError, ssl.SSLEOFError):
                if is_new or client.buffer:
                    raise
                self.counts["stale"] += 1
                client.close()
                client, is_new = self.connect(), True
                client.send(request)
                answer = client.response()
            self.judge(page, answer.status, answer.body)
            is_new = False
            if answer.value("connection") == "close" or self.stop.is_set():
                break
        client.close()


class Attacker(Visitor):
    """Gets 403 from the WAF and from the authenticator, whatever is changed."""

    def visit(self) -> None:
        with Client(self.site.gateway.port, 60, tls=self.site.trust(), name=NAME) as client:
            attack, stranger = self.next_page() + ATTACK, self.next_page()
            client.send(f"GET {attack} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n")
            self.refused(attack, client.response().status)
        with Client(self.site.gateway.port, 60, tls=self.site.trust(), name=NAME) as client:
            client.send(f"GET {stranger} HTTP/1.1\r\nHost: {NAME}\r\nx-user: nobody\r\nConnection: close\r\n\r\n")
            self.refused(stranger, client.response().status)
        self.stop.wait(0.2)

    def refused(self, page: str, status: int) -> None:
        if status == 403:
            self.counts["whole"] += 1
        else:
            self.wrong.append(f"{self.name}: {page} got {status}, and was to be refused")


class Multiplexer(Visitor):
    """HTTP/2, several requests at a time."""

    AT_ONCE = 4

    def visit(self) -> None:
        pages = [self.next_page() for _ in range(5 * self.AT_ONCE)]
        while pages:
            self.counts["connections"] += 1
            with Http2Client(self.site.gateway.port, 60, tls=self.site.trust(), name=NAME) as client:
                pages = self.ask(client, pages)

    def ask(self, client: Http2Client, pages: list[str]) -> list[str]:
        """Those that the gateway did not look at."""
        while pages and client.goaway is None:
            batch, pages = pages[: self.AT_ONCE], pages[self.AT_ONCE :]
            try:
                streams = {client.open(head(page, authority=NAME)): page for page in batch}
            except (ConnectionError, ssl.SSLEOFError):
                client.read()  # what it said before it closed
                if client.goaway is None:
                    raise
                return batch + pages
            client.until("all is answered", lambda: all(self.is_over(client, stream) for stream in streams))
            again = [page for stream, page in streams.items() if self.was_not_looked_at(client, stream)]
            self.counts["asked again"] += len(again)
            for stream, page in streams.items():
                if page not in again:
                    self.judge(page, client.streams[stream].status, client.streams[stream].body)
            pages = again + pages
        return pages

    def is_over(self, client: Http2Client, stream: int) -> bool:
        return client.streams[stream].is_over or self.was_not_looked_at(client, stream)

    @staticmethod
    def was_not_looked_at(client: Http2Client, stream: int) -> bool:
        is_behind = client.goaway is not None and stream > client.goaway[0]
        return is_behind or client.streams[stream].reset == REFUSED_STREAM


class Listener(Visitor):
    """Hears an event stream to its end."""

    def visit(self) -> None:
        with Client(self.site.gateway.port, 60, tls=self.site.trust(), name=NAME) as client:
            page = self.next_page("events")
            client.send(f"GET {page} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n")
            answer = client.response()
            wanted = "".join(f"data: {page} {number}\n\n" for number in range(10))
            self.judge(page, answer.status, answer.body, wanted.encode())


class Caller(Visitor):
    """Calls a gRPC service."""

    def visit(self) -> None:
        with self.site.channel() as channel:
            call = channel.unary_unary("/test.Service/echo")
            for _ in range(50):
                asked = self.next_page()
                try:
                    self.judge(asked, 200, call(asked.encode(), timeout=60))
                except grpc.RpcError as error:
                    self.wrong.append(f"{self.name}: {asked} got {error.code()} {error.details()}")
                if self.stop.is_set():
                    break


VISITORS = (Browser, Browser, Multiplexer, Multiplexer, Listener, Listener, Caller, Attacker)
