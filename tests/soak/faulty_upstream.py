"""An upstream that misbehaves as a request asks it to, and judges every request that reaches it."""

import hashlib
import random
import socket
import struct
import threading
import time
from collections import Counter

from upstream import Request, Upstream

ATTACK = "union+select"
# Routes whose agents fail closed, each over a transport of its own.
CLOSED = ("/closed/", "/tls/", "/grpc/", "/reverse/")


def answer(token: str, head: str = "HTTP/1.1 200 OK", *, framing: str = "length", size: int = 0) -> bytes:
    """An answer that belongs to one request: its token is in the head and begins the body."""
    body = token.encode() + b"." * size
    if framing == "chunked":
        return f"{head}\r\nX-Token: {token}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + b"".join(
            b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part) + b"0\r\n\r\n"
    return f"{head}\r\nX-Token: {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class FaultyUpstream(Upstream):
    """`wrong` collects what must not have reached it. `x-fault` of a request says how it is answered."""

    def __init__(self):
        self.wrong: list[str] = []
        self.served = 0
        self.routes: Counter = Counter()
        super().__init__(respond=self.judge_and_answer)

    def judge_and_answer(self, request: Request) -> bytes | None:
        self.served += 1
        self.routes[request.target.split("/")[1]] += 1
        self.requests.clear()
        self.received.clear()
        self.judge(request)
        return self.play(request)

    def judge(self, request: Request) -> None:
        token = next(iter(request.values("x-token")), "")
        if request.target.startswith(CLOSED):
            if request.values("x-inspected") != [token]:
                self.wrong.append(f"uninspected head on a fail-closed route: {request.line}")
            digest = hashlib.sha256(request.body).hexdigest()
            if request.body and request.values("x-inspected-body") != [digest]:
                self.wrong.append(f"uninspected body on a fail-closed route: {request.line}, {len(request.body)} bytes")
            if request.values("x-verdict"):
                self.wrong.append(f"a blocked request: {request.line}")
        elif request.target.startswith("/waf/") and (ATTACK in request.target or ATTACK.encode() in request.body):
            self.wrong.append(f"an attack on the WAF's route: {request.line}")

    def play(self, request: Request) -> bytes | None:
        token = next(iter(request.values("x-token")), "")
        fault = next(iter(request.values("x-fault")), "")
        peer = request.peer
        if request.method == "HEAD":
            head = f"HTTP/1.1 200 OK\r\nX-Token: {token}\r\nContent-Length: 5\r\n\r\n".encode()
            if fault != "body-to-head":
                return head
            peer.sendall(head)
            time.sleep(random.uniform(0, 0.01))  # well within the time for which such a connection is left alone
            return b"HTTP/1.1 200 OK\r\nX-Token: poison\r\nContent-Length: 6\r\n\r\npoison"
        match fault:
            case "close":
                return None
            case "reset":
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return None
            case "slow":
                time.sleep(random.uniform(0.05, 0.6))
                return answer(token)
            case "cut":
                peer.sendall(answer(token, size=5000)[:-1000])
                return None
            case "interim":
                return b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(token)
            case "no-content-with-body":
                return f"HTTP/1.1 204 No Content\r\nX-Token: {token}\r\n\r\n".encode() + answer("poison")
            case "more-than-asked":
                return answer(token) + answer("poison")  # what comes later cannot be told from the next answer
            case "garbage":
                return b"\x00\x01 what is this\r\n\r\n"
            case "large":
                return answer(token, size=1_000_000)
            case "chunked":
                return answer(token, framing="chunked", size=3000)
            case _:
                return answer(token)


FAULTS = ("close", "reset", "slow", "cut", "interim", "no-content-with-body", "body-to-head", "more-than-asked", "garbage",
          "large", "chunked")
