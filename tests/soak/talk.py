"""Two ends of a WebSocket that know by heart what each says, so that each message tells whether it may come now, and whether it is whole."""

import itertools
import random
import socket
import threading
import time
from collections import Counter

from client import message
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Peer
from http2 import Http2Client
from http2_upstream import Call, CallSocket
from switching import UPGRADE, StreamSocket, connect_fields, switched

PATIENCE = 60  # seconds for whatever is waited for
GOING_AWAY, AGENT_FAILED = 1001, 1011
SIZES = (0, 40, 300, 3_000, 3_000, 20_000)


class Line:
    """What one end says: line number so many of a conversation. One in four is poison, which an agent is to drop."""

    def __init__(self, way: str, name: str, number: int):
        chance = random.Random(f"{way} {name} {number}")
        self.is_poison = chance.random() < 0.25
        words = f"{'poison' if self.is_poison else 'plain'} {way} {name} {number} ".encode()
        self.text = words + (words * (chance.choice(SIZES) // len(words)))
        self.cuts = sorted(chance.randrange(len(words), len(self.text) + 1) for _ in range(chance.choice((0, 0, 0, 1, 3))))
        self.opcode = chance.choice((TEXT, BINARY))
        self.pings = chance.random() < 0.1

    def say(self, end: Peer) -> None:
        """In fragments, perhaps with a ping between them."""
        pieces = [self.text[begin:until] for begin, until in itertools.pairwise((0, *self.cuts, len(self.text)))]
        for index, piece in enumerate(pieces):
            end.send(CONTINUATION if index else self.opcode, piece, fin=index == len(pieces) - 1)
            if self.pings and index == 0:
                end.send(PING, b"there?")


def may_lack(way: str, name: str, number: int) -> bool:
    """Whether that line may never come: it is poison, or an answer to poison."""
    return Line(way, name, number).is_poison or Line("up", name, number).is_poison


class Listener:
    """Hears the lines of the other end. `wrong`: what it must not have heard."""

    def __init__(self, way: str, name: str, takes_poison: bool, wrong: list[str]):
        self.way, self.name, self.takes_poison, self.wrong = way, name, takes_poison, wrong
        self.last = -1

    def hear(self, text: bytes) -> Line | None:
        """The line; None where it is none that may come now."""
        words = text[:200].split(b" ", 4)
        number = int(words[3]) if len(words) == 5 and words[3].isdigit() else -1
        line = Line(self.way, self.name, number)
        if number < 0 or line.text != text:
            return self._is_wrong(f"{len(text)} bytes that nobody said: {text[:60]!r}")
        if number <= self.last:
            return self._is_wrong(f"line {number} behind line {self.last}")
        lost = [each for each in range(self.last + 1, number) if not may_lack(self.way, self.name, each)]
        if lost:
            return self._is_wrong(f"line {number}, and not {lost}")
        if line.is_poison and not self.takes_poison:
            return self._is_wrong(f"line {number}, which no agent has let pass")
        self.last = number
        return line

    def _is_wrong(self, what: str) -> None:
        self.wrong.append(f"{self.way} of {self.name}: {what}")


class Answering:
    """The upstreams: to each line that one hears it says its own of the same number, and poison with it where that number has some."""

    def __init__(self):
        self.wrong: list[str] = []
        self.heard = Counter()  # lines, by route and the protocol's version

    def over_http1(self, request) -> None:
        request.peer.sendall(switched(request))
        self._answer(request.peer, request.target, "HTTP/1.1")

    def over_http2(self, call: Call) -> None:
        """An extended CONNECT, beside the others of its connection."""
        def answer() -> None:
            call.head()
            stream = CallSocket(call)
            self._answer(stream, call.path, "HTTP/2")
            if not call.is_cut:
                stream.shutdown(socket.SHUT_WR)

        threading.Thread(target=answer, daemon=True).start()

    def _answer(self, connected: socket.socket | CallSocket, target: str, version: str) -> None:
        route, name = target.split("/")[-2:]
        end = Peer(connected, is_client=False)
        listener = Listener("up", name, route == "open", self.wrong)
        try:
            while (frame := end.next()) is not None and frame.opcode != CLOSE:
                if frame.opcode == PING:
                    end.send(PONG, frame.payload)
                elif frame.opcode != PONG and (line := listener.hear(frame.payload)) is not None:
                    self.heard[route, version] += 1
                    Line("down", name, listener.last).say(end)
                    if not line.is_poison:
                        end.send(TEXT, answer_to(name, listener.last))
            if frame is not None:
                end.close(frame.code() or 1000)
                while end.next() is not None:
                    pass
        except (OSError, EOFError):
            pass  # it was cut


def answer_to(name: str, number: int) -> bytes:
    return f"heard {name} {number}".encode()


class Talker(threading.Thread):
    """A client that opens one WebSocket after the other and says its lines, each when the one before was answered; one in four over HTTP/2, and half of
    each kind to an upstream of HTTP/2."""

    def __init__(self, number: int, port: int, route: str, stop: threading.Event):
        super().__init__(name=f"{route}-{number}", daemon=True)
        self.port, self.route, self.stop = port, route, stop
        self.wrong: list[str] = []
        self.counts: Counter = Counter()
        self.talks = 0
        self.is_over_http2 = number % 4 == 3
        self.place = f"/http2/{route}" if number // 12 % 2 else f"/{route}"  # of twelve each is another route or another version of client
        self.chance = random.Random(number)

    def run(self) -> None:
        while not self.stop.is_set():
            self.talks += 1
            try:
                self._talk(f"{self.name}-{self.talks}")
            except ConnectionError:
                self.counts["reset"] += 1
            except (OSError, EOFError, AssertionError) as error:
                self.wrong.append(f"{self.name}-{self.talks}: {error!r}")

    def _talk(self, name: str) -> None:
        if self.is_over_http2:
            with Http2Client(self.port, PATIENCE) as client:
                stream = client.open(connect_fields(f"{self.place}/{name}"), end=False)
                answer = client.streams[stream]
                client.until("an answer", lambda: answer.headers or answer.reset is not None)
                self._say(Peer(StreamSocket(client, stream), is_client=True), name, str(answer.status if answer.headers else "reset"))
        else:
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connected:
                self._switch(connected, name)

    def _switch(self, connected: socket.socket, name: str) -> None:
        connected.sendall(message(f"{self.place}/{name}", UPGRADE))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connected.recv(1)
            if not byte:
                self.counts["not answered"] += 1
                return
            head += byte
        self._say(Peer(connected, is_client=True), name, head.split(b" ", 2)[1].decode())

    def _say(self, end: Peer, name: str, status: str) -> None:
        self.counts[status] += 1
        if status not in ("101", "200"):
            if status not in ("503", "504") or self.route == "open":
                self.wrong.append(f"{name} was answered {status}")
            time.sleep(0.2)
            return
        listener = Listener("down", name, self.route == "open", self.wrong)
        for number in itertools.count():
            if self.stop.is_set():
                return self._leave(end)
            line = Line("up", name, number)
            line.say(end)
            if not line.is_poison and not self._answered(end, listener, answer_to(name, number)):
                return
            time.sleep(self.chance.uniform(0, 0.05))

    def _answered(self, end: Peer, listener: Listener, answer: bytes) -> bool:
        while (frame := end.next()) is not None:
            if frame.opcode == CLOSE:
                self._note_close(frame.code())
                return False
            if frame.opcode == PING:
                end.send(PONG, frame.payload)
            elif frame.payload == answer:
                self.counts["answered"] += 1
                return True
            elif frame.opcode != PONG:
                listener.hear(frame.payload)
        self.counts["ended"] += 1
        return False

    def _note_close(self, code: int) -> None:
        """Who fails open closes nothing; an old process does when its time is over."""
        self.counts[f"closed {code}"] += 1
        if code not in ((GOING_AWAY,) if self.route == "open" else (GOING_AWAY, AGENT_FAILED)):
            self.wrong.append(f"{self.name}-{self.talks} was closed with {code}")

    def _leave(self, end: Peer) -> None:
        end.close()
        while (frame := end.next()) is not None and frame.opcode != CLOSE:
            pass
