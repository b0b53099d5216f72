"""Clients that behave in every way, each checking that what it gets answers what it asked."""

import random
import socket
import struct
import threading
import time
from collections import Counter

from client import Client, chunked
from faulty_upstream import ATTACK, FAULTS

OWN_ANSWERS = {400, 403, 404, 408, 413, 431, 502, 503, 504}


class Visitor(threading.Thread):
    """One client after the other until `stop` is set. `wrong`: what it got and must not have got."""

    def __init__(self, seed: int, port: int, stop: threading.Event, routes: tuple[str, ...]):
        super().__init__(name=f"client {seed}", daemon=True)
        self.random = random.Random(seed)
        self.seed, self.port, self.stop, self.routes = seed, port, stop, routes
        self.wrong: list[str] = []
        self.counts: Counter = Counter()
        self.number = 0

    def run(self) -> None:
        ways = (self.keep_alive, self.keep_alive, self.keep_alive, self.leave, self.reset, self.half_close, self.drip,
                self.pipeline, self.nonsense, self.expect)
        while not self.stop.is_set():
            way = self.random.choice(ways)
            try:
                with Client(self.port, timeout=40) as client:
                    way(client)
            except (EOFError, ConnectionError):
                self.counts["cut"] += 1
            except TimeoutError:
                self.wrong.append(f"no answer within 40 s to {way.__name__}, request {self.token()}")
            except OSError as error:
                self.counts[f"os error {error.errno}"] += 1

    # ---- what is asked

    def token(self) -> str:
        return f"t{self.seed}-{self.number}"

    def ask(self) -> tuple[str, str, str, bytes]:
        """Method, target, header lines and body of the next request."""
        self.number += 1
        route = self.random.choice(self.routes)
        method = self.random.choice(("GET", "GET", "POST", "POST", "HEAD"))
        lines = f"X-Token: {self.token()}\r\n"
        if self.random.random() < 0.3:
            lines += f"X-Fault: {self.random.choice(FAULTS)}\r\n"
        if route not in ("waf", "plain") and self.random.random() < 0.1:
            lines += "X-Verdict: block\r\n"
        attack = route == "waf" and self.random.random() < 0.4
        target = f"/{route}/{self.token()}"
        body = b""
        if method == "POST":
            lines += "Content-Type: application/x-www-form-urlencoded\r\n"
            size = self.random.choice((10, 200, 20_000, 100_000)) if route != "waf" else self.random.choice((10, 500))
            body = b"a=" + b"x" * size + (f"&b=1'+{ATTACK}+password+from+users--".encode() if attack else b"")
        elif attack:
            target += f"?b=1%27+{ATTACK}+password+from+users--"
        return method, target, lines, body

    def send(self, client: Client) -> tuple[str, str]:
        """Sends a whole request; returns its method and header lines."""
        method, target, lines, body = self.ask()
        if body and self.random.random() < 0.3:
            client.send(f"{method} {target} HTTP/1.1\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n{lines}\r\n")
            client.send(chunked(body[:100], body[100:]) if len(body) > 100 else chunked(body))
        else:
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            client.send(f"{method} {target} HTTP/1.1\r\nHost: example.test\r\n{length}{lines}\r\n".encode() + body)
        return method, lines

    def check(self, client: Client, method: str, token: str) -> bool:
        """Reads an answer; whether the connection goes on."""
        response = client.response(method)
        self.counts[response.status] += 1
        if response.reason is None and response.status in (200, 204):
            if response.value("x-token") != token or (response.body and not response.body.startswith(token.encode())):
                self.wrong.append(f"{token} got the answer of {response.value('x-token')}, {response.body[:40]!r}")
        elif response.status not in OWN_ANSWERS:
            self.wrong.append(f"{token} got {response.status} {response.reason}")
        return response.value("connection") != "close"

    # ---- ways of asking

    def keep_alive(self, client: Client) -> None:
        for _ in range(self.random.randint(1, 8)):
            method, _ = self.send(client)
            if not self.check(client, method, self.token()):
                return

    def leave(self, client: Client) -> None:
        self.send(client)
        time.sleep(self.random.uniform(0, 0.05))

    def reset(self, client: Client) -> None:
        self.send(client)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def half_close(self, client: Client) -> None:
        method, _ = self.send(client)
        client.socket.shutdown(socket.SHUT_WR)
        self.check(client, method, self.token())

    def drip(self, client: Client) -> None:
        method, target, lines, body = self.ask()
        body = body[:400]
        data = f"{method} {target} HTTP/1.1\r\nHost: example.test\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body
        for at in range(0, len(data), 97):
            client.send(data[at:at + 97])
            time.sleep(0.01)
        self.check(client, method, self.token())

    def pipeline(self, client: Client) -> None:
        sent = []
        for _ in range(3):
            method, _ = self.send(client)
            sent.append((method, self.token()))
        for method, token in sent:
            if not self.check(client, method, token):
                return

    def nonsense(self, client: Client) -> None:
        client.send(self.random.choice((b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                                        b"GET /" + b"a" * 30_000, b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n")))
        client.response()

    def expect(self, client: Client) -> None:
        self.number += 1
        client.send(f"POST /closed/{self.token()} HTTP/1.1\r\nHost: example.test\r\nContent-Length: 4\r\n"
                    f"X-Token: {self.token()}\r\nExpect: 100-continue\r\n\r\n")
        time.sleep(0.01)
        client.send("body")
        self.check(client, "POST", self.token())
