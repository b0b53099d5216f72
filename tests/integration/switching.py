"""WebSockets that agents look at, as tests of the gateway have them: an upstream that switches, agents, a client."""

import threading

import http2
import wire
from agent import Event
from client import message
from frames import CLOSE, KEY, Frame, Peer, accept_of
from http2_upstream import Call, CallSocket, Http2Upstream
from processes import wait
from stage import Asked, Gateway, StageTest
from upstream import Request, Upstream

UPGRADE = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
INSPECTED = "websocket #true; websocket-inspection #true;"
FRAMES = '"request_headers" "websocket_frame"'
ENABLE_CONNECT_PROTOCOL = 8  # of SETTINGS (RFC 8441)
EVENTS = ("request_headers", "websocket_frame", "request_complete")


def switched(request: Request, extra: str = "") -> bytes:
    accept = accept_of(request.values("sec-websocket-key")[0])
    return f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n{extra}\r\n".encode()


def by_word(event: Event) -> dict:
    """Drops frames with "drop" in them, closes for "close"."""
    data = event.data()
    if b"drop" in data:
        return wire.allow(websocket_decision="drop")
    if b"close" in data:
        return wire.allow(websocket_decision={"close": {"code": 4001, "reason": "no more"}})
    return wire.allow()


class StreamSocket:
    """A stream of HTTP/2 where a peer of frames wants a socket."""

    def __init__(self, client: http2.Http2Client, stream: int):
        self.client, self.stream, self._taken = client, stream, 0

    def sendall(self, data: bytes) -> None:
        self.client.pour(self.stream, data)

    def recv(self, size: int) -> bytes:
        answer = self.client.streams[self.stream]
        self.client.until("more of the stream", lambda: len(answer.body) > self._taken or answer.is_over or answer.reset is not None)
        data = bytes(answer.body[self._taken : self._taken + size])
        self._taken += len(data)
        return data

    def shutdown(self, _how: int) -> None:
        self.client.data(self.stream, b"", end=True)


def connect_fields(path: str = "/chat", extra: list = ()) -> list:
    return [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "a.test"), (":path", path),
            ("sec-websocket-version", "13"), *extra]


class Server:
    """An upstream that switches and gives its end of the connection to the test."""

    def __init__(self, test: "Switching", extra: str = ""):
        self.ends: list[Peer] = []
        self.over = threading.Event()

        def respond(request: Request) -> None:
            request.peer.sendall(switched(request, extra))
            self.ends.append(Peer(request.peer, is_client=False))
            self.over.wait(60)

        self.upstream: Upstream = test.stage.upstream(respond)
        test.addCleanup(self.over.set)

    def end(self) -> Peer:
        return wait("the upstream has switched", lambda: self.ends)[-1]


class Http2Server:
    """The same with an upstream that speaks HTTP/2: a stream is its end."""

    def __init__(self, test: "Switching", extra: str = "", settings: dict[int, int] | None = None):
        self.ends: list[Peer] = []
        self.over = threading.Event()
        fields = [tuple(line.lower().split(": ")) for line in extra.splitlines()]

        def on_head(call: Call) -> None:
            if call.value(":protocol") is None:
                return call.answer(b"plain\n")
            call.head(fields)
            self.ends.append(Peer(CallSocket(call), is_client=False))

        self.upstream = Http2Upstream(on_head=on_head, on_call=lambda call: None, settings={ENABLE_CONNECT_PROTOCOL: 1} if settings is None else settings)
        test.stage.adopt(self.upstream)

    def end(self) -> Peer:
        return wait("the upstream has switched", lambda: self.ends)[-1]


class Switching(StageTest):
    def server(self, extra: str = "") -> Server | Http2Server:
        return Server(self, extra)

    def gateway(self, upstream: Upstream | str, agents: list[Asked], keys: str = INSPECTED, **more) -> Gateway:
        gateway = self.stage.unstarted()
        self.write(gateway, upstream, agents, keys, **more)
        return gateway.start()

    @staticmethod
    def write(gateway: Gateway, upstream: Upstream | str, agents: list[Asked], keys: str = INSPECTED, **more) -> None:
        more.setdefault("drain_s", 1)  # what is open at a test's end waits for no longer
        filters = " ".join(f'"{agent.name}"' for agent in agents)
        address = upstream if isinstance(upstream, str) else upstream.address
        gateway.write({"app": [address]}, agents, routes=f'route "all" {{ filters {filters}; upstream "app"; {keys} }}', **more)

    def asked(self, name: str = "a", keys: str = "", events=EVENTS, **behaviours) -> tuple:
        agent = self.stage.agent(name, events=events, **behaviours)
        return agent, Asked(name, agent.path, FRAMES, keys)

    def switch(self, gateway: Gateway, target: str = "/chat") -> Peer:
        client = gateway.client()
        client.send(message(target, UPGRADE))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.socket.recv(1)
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        return Peer(client.socket, is_client=True)

    def stand(self, **more) -> tuple:
        """A gateway with one agent that decides by word: the agent, the gateway, the client's end and the upstream's."""
        server = self.server()
        agent, asked = self.asked(websocket_frame=by_word)
        gateway = self.gateway(server.upstream, [asked], **more)
        client = self.switch(gateway)
        return agent, gateway, client, server.end()

    def assert_closed(self, end: Peer, code: int) -> Frame:
        frame = end.next()
        self.assertIsNotNone(frame)
        self.assertEqual((frame.opcode, frame.code()), (CLOSE, code))
        self.assertIsNone(end.next())
        return frame
