"""WebSocket where agents look at the frames: what passes, what they decide, what is barred, and how it ends."""

import asyncio
import signal
import socket
import sys
import threading
import time

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's python3-websockets, whichever interpreter this is

import http2
import websockets
import wire
from agent import Event
from client import Client, message
from frames import BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, Frame, Peer, accept_of, encode
from processes import wait
from stage import Asked, Gateway, StageTest
from upstream import Request, Upstream

UPGRADE = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
INSPECTED = "websocket #true; websocket-inspection #true;"
FRAMES = '"request_headers" "websocket_frame"'
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


class Server:
    """An upstream that switches and gives its end of the connection to the test."""

    def __init__(self, test: "WebSockets", extra: str = ""):
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


class WebSockets(StageTest):
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
        server = Server(self)
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

    # ---- what passes

    def test_messages_pass_both_ways_and_each_frame_is_an_event(self):
        agent, gateway, client, upstream = self.stand()
        client.send(TEXT, b"hello")
        self.assertEqual(upstream.next(), Frame(TEXT, b"hello"))
        upstream.send(BINARY, b"\0back")
        self.assertEqual(client.next(), Frame(BINARY, b"\0back"))
        events = agent.expect("websocket_frame", 2)
        self.assertEqual(
            [(e.body["client_to_server"], e.body["frame_index"], e.body["opcode"], e.body["fin"], e.data()) for e in events],
            [(True, 0, "text", True, b"hello"), (False, 0, "binary", True, b"\0back")])
        self.assertEqual({(e.body["route_id"], e.body["client_ip"]) for e in events}, {("all", "127.0.0.1")})
        client.close()
        self.assertEqual(upstream.next().code(), 1000)
        upstream.close()
        self.assertEqual(client.next().code(), 1000)
        upstream.socket.shutdown(socket.SHUT_RDWR)
        self.assertIsNone(client.next())
        line = gateway.access("/chat")[0]
        self.assertEqual((line["status"], line["bytes_out"]), (101, 7 + 4))
        self.assertNotEqual(line.get("reason"), "websocket_breach")
        summary = agent.expect("request_complete")[0].body
        self.assertEqual((summary["status"], summary["request_body_size"], summary["response_body_size"]), (101, line["bytes_in"], line["bytes_out"]))
        gateway.expect_metric(2, "picket_websocket_frames_total", **{"from": "client"})
        gateway.expect_metric(0, "picket_tunnels_open")

    def test_a_known_client_and_a_known_server_talk_through_it(self):
        agent, asked = self.asked()
        started, stop = threading.Event(), threading.Event()
        port: list[int] = []

        async def echo(connection):
            async for said in connection:
                await connection.send(said)

        async def serve():
            async with websockets.serve(echo, "127.0.0.1", 0) as server:
                port.append(server.sockets[0].getsockname()[1])
                started.set()
                await asyncio.get_running_loop().run_in_executor(None, stop.wait)

        thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
        thread.start()
        self.addCleanup(stop.set)
        self.assertTrue(started.wait(30))
        gateway = self.gateway(f"127.0.0.1:{port[0]}", [asked])

        async def talk():
            async with websockets.connect(f"ws://127.0.0.1:{gateway.port}/chat") as connection:
                self.assertEqual(connection.extensions, [], "none is offered, so none is agreed")
                for said in ("hello", "grüße €", b"\0\xff", "", "x" * 200_000, [b"in ", b"three ", b"frames"]):
                    await connection.send(said)
                    got = await connection.recv()
                    self.assertEqual(got, b"in three frames" if isinstance(said, list) else said)
                await asyncio.wait_for(await connection.ping(b"there?"), 30)
            self.assertEqual(connection.close_code, 1000)

        asyncio.run(talk())
        opcodes = [event.body["opcode"] for event in agent.of("websocket_frame")]
        for opcode in ("text", "binary", "continuation", "ping", "pong", "close"):
            self.assertIn(opcode, opcodes)

    def test_fragments_go_on_as_one_message_and_a_ping_between_them_before_it(self):
        agent, _, client, upstream = self.stand()
        client.send(TEXT, b"one ", fin=False)
        client.send(PING, b"there?")
        self.assertEqual(upstream.next(), Frame(PING, b"there?"))
        client.send(CONTINUATION, b"two ", fin=False)
        client.send(CONTINUATION, b"three")
        self.assertEqual(upstream.next(), Frame(TEXT, b"one two three"))
        self.assertEqual([(e.body["opcode"], e.body["fin"]) for e in agent.expect("websocket_frame", 4)],
                         [("text", False), ("ping", True), ("continuation", False), ("continuation", True)])

    def test_frames_may_come_byte_by_byte(self):
        _, _, client, upstream = self.stand()
        for byte in encode(Frame(TEXT, b"slowly"), masked=True):
            client.raw(bytes([byte]))
            time.sleep(0.002)
        self.assertEqual(upstream.next(), Frame(TEXT, b"slowly"))

    def test_both_directions_go_on_while_an_agent_thinks_about_the_other(self):
        thinks, may_answer = threading.Event(), threading.Event()

        def slowly_up(event: Event) -> dict:
            if event.body["client_to_server"] and b"think" in event.data():
                thinks.set()
                may_answer.wait(30)
            return wire.allow()

        server = Server(self)
        first, asked = self.asked(websocket_frame=slowly_up)
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        upstream = server.end()
        client.send(TEXT, b"think")
        self.assertTrue(thinks.wait(30))
        client.send(TEXT, b"next")
        may_answer.set()
        self.assertEqual([upstream.next().payload, upstream.next().payload], [b"think", b"next"], "in their order")
        upstream.send(TEXT, b"down")
        self.assertEqual(client.next().payload, b"down")

    def test_only_who_wants_frames_is_asked_and_all_of_them_in_their_order(self):
        server = Server(self)
        heads = self.stage.agent("heads")
        order: list[str] = []
        first, asked_first = self.asked("first", websocket_frame=lambda event: order.append("first") or wire.allow())
        second, asked_second = self.asked("second", websocket_frame=lambda event: order.append("second") or wire.allow())
        gateway = self.gateway(server.upstream, [Asked("heads", heads.path), asked_second, asked_first])
        client = self.switch(gateway)
        for number in range(3):
            client.send(TEXT, str(number).encode())
            self.assertEqual(server.end().next().payload, str(number).encode())
        self.assertEqual(order, ["second", "first"] * 3)
        self.assertEqual(heads.of("websocket_frame"), [])
        self.assertEqual(len({id(event.connection) for event in first.events}), 1, "one connection for all of it")

    def test_extensions_are_not_offered_and_none_may_be_answered(self):
        server = Server(self)
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        with gateway.client() as client:
            client.send(message("/chat", UPGRADE + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Protocol: a, b\r\n"))
            server.end()
        request = server.upstream.requests[0] if server.upstream.requests else None
        if request is None:
            request = wait("the request", lambda: server.upstream.requests)[0]
        self.assertEqual(request.values("sec-websocket-extensions"), [])
        self.assertEqual(request.values("sec-websocket-protocol"), ["a, b"])

    def test_an_upstream_that_answers_with_an_extension_is_refused(self):
        server = Server(self, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).status, 502)
        self.assertIn("extension", gateway.access("/chat")[0]["upstream_error"])

    def test_without_inspection_bytes_pass_and_nobody_is_asked_about_them(self):
        server = Server(self, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
        agent, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked], keys="websocket #true;")
        client = self.switch(gateway)
        client.raw(b"\xff\xffno frame at all")
        self.assertEqual(server.end().take(17), b"\xff\xffno frame at all")
        self.assertEqual(agent.of("websocket_frame"), [])

    # ---- what agents decide

    def test_a_dropped_message_is_not_told_and_the_next_one_is(self):
        agent, gateway, client, upstream = self.stand()
        client.send(TEXT, b"drop this")
        client.send(TEXT, b"first ", fin=False)
        client.send(CONTINUATION, b"drop", fin=False)
        client.send(CONTINUATION, b" last")
        client.send(TEXT, b"kept")
        self.assertEqual(upstream.next(), Frame(TEXT, b"kept"))
        upstream.send(TEXT, b"drop")
        upstream.send(TEXT, b"kept, too")
        self.assertEqual(client.next(), Frame(TEXT, b"kept, too"))
        gateway.expect_metric(3, "picket_websocket_messages_dropped_total")
        gateway.expect_metric(3, "picket_agent_decisions_total", decision="drop")
        line = gateway.audit(agent.events[0].body["metadata"]["request_id"], 3)[0]
        self.assertEqual((line["phase"], line["decision"]), ("websocket_frame", "drop"))

    def test_an_agents_close_is_told_to_both_ends(self):
        for is_clients in (True, False):
            with self.subTest(is_clients=is_clients):
                agent, gateway, client, upstream = self.stand()
                (client if is_clients else upstream).send(TEXT, b"close")
                self.assertEqual(self.assert_closed(client, 4001).payload[2:], b"no more")
                self.assert_closed(upstream, 4001)
                line = gateway.access("/chat")[0]
                self.assertEqual((line["decision"], line["agent"]), ("close", "a"))
                gateway.expect_metric(1, "picket_agent_decisions_total", decision="close")
                self.clear_stage()

    def test_a_block_closes_with_1008(self):
        server = Server(self)
        _, asked = self.asked(websocket_frame=lambda event: wire.block())
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        client.send(TEXT, b"x")
        self.assert_closed(client, 1008)
        self.assert_closed(server.end(), 1008)
        self.assertEqual(gateway.access("/chat")[0]["decision"], "cut")

    def test_a_close_that_no_frame_may_have_is_a_failure_of_the_agent(self):
        server = Server(self)
        _, asked = self.asked(websocket_frame=lambda event: wire.allow(websocket_decision={"close": {"code": 1006, "reason": ""}}))
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        client.send(TEXT, b"x")
        self.assert_closed(client, 1011)
        self.assertEqual(gateway.access("/chat")[0]["reason"], "agent_protocol_error")

    def test_the_handshake_is_asked_about_like_any_request(self):
        server = Server(self)
        _, asked = self.asked(request_headers=lambda event: wire.block(403))
        gateway = self.gateway(server.upstream, [asked])
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).status, 403)
        self.assertEqual(server.ends, [])

    # ---- agents that fail

    def test_an_agent_that_dies_within_a_message_closes_it_or_is_gone_past(self):
        for mode in ("closed", "open"):
            with self.subTest(mode):
                server = Server(self)
                agent, asked = self.asked(keys=f'failure-mode "{mode}"')
                gateway = self.gateway(server.upstream, [asked])
                client = self.switch(gateway)
                client.send(TEXT, b"one ", fin=False)
                agent.expect("websocket_frame")
                agent.close()
                client.send(CONTINUATION, b"two")
                if mode == "open":
                    self.assertEqual(server.end().next(), Frame(TEXT, b"one two"), "goes on with what is held")
                    client.send(TEXT, b"three")
                    self.assertEqual(server.end().next(), Frame(TEXT, b"three"))
                else:
                    self.assert_closed(client, 1011)
                    self.assert_closed(server.end(), 1011)
                    self.assertIn(gateway.access("/chat")[0]["reason"], ("agent_unavailable", "agent_timeout"))
                self.clear_stage()

    def test_an_agent_that_says_nothing_is_waited_for_as_long_as_its_timeout(self):
        server = Server(self)
        _, asked = self.asked(keys="timeout-ms 300", websocket_frame=lambda event: None)
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        client.send(TEXT, b"x")
        self.assert_closed(client, 1011)
        self.assertEqual(gateway.access("/chat")[0]["reason"], "agent_timeout")

    def test_an_agent_that_fails_open_about_one_frame_is_asked_about_the_next(self):
        server = Server(self)
        wrong = wire.allow(websocket_decision={"close": {"code": 1006, "reason": ""}})
        _, asked = self.asked(
            keys='failure-mode "open"', websocket_frame=lambda event: wrong if event.data() == b"odd" else by_word(event))
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        upstream = server.end()
        client.send(TEXT, b"odd")
        self.assertEqual(upstream.next(), Frame(TEXT, b"odd"))
        client.send(TEXT, b"drop it")
        client.send(TEXT, b"kept")
        self.assertEqual(upstream.next(), Frame(TEXT, b"kept"))
        gateway.expect_metric(1, "picket_websocket_messages_dropped_total")

    # ---- what is held

    def test_a_message_that_is_not_whole_in_its_time_is_closed_with_1008(self):
        _, gateway, client, upstream = self.stand(limits="held-body-secs 1")
        client.send(BINARY, b"x" * 900_000, fin=False)
        client.send(PING, b"")
        self.assertEqual(upstream.next().opcode, PING)
        self.assert_closed(client, 1008)
        self.assert_closed(upstream, 1008)
        line = gateway.access("/chat")[0]
        self.assertEqual(line["reason"], "websocket_breach")
        self.assertIn("held-body-secs", line["detail"])
        gateway.expect_metric(1, "picket_websocket_breaches_total", what="too_slow")
        gateway.expect_metric(0, "picket_held_bytes")

    def test_what_will_never_go_on_is_held_no_more(self):
        agent, gateway, client, upstream = self.stand()
        client.send(BINARY, b"drop" + b"x" * 900_000, fin=False)
        agent.expect("websocket_frame")
        gateway.expect_metric(0, "picket_held_bytes")
        client.send(CONTINUATION, b"x" * 100)
        client.send(BINARY, b"x" * 900_000, fin=False)
        agent.expect("websocket_frame", 3)
        gateway.expect_metric(900_000, "picket_held_bytes")
        client.close()
        self.assertEqual(upstream.next().code(), 1000)
        gateway.expect_metric(0, "picket_held_bytes")

    # ---- what is barred

    def test_what_breaks_the_standard_is_closed_counted_and_logged(self):
        cases = {
            "reserved_bits": (encode(Frame(TEXT, b"x"), True, first=0xC1), 1002),
            "unknown_opcode": (encode(Frame(3, b"x"), True), 1002),
            "masking": (encode(Frame(TEXT, b"x"), False), 1002),
            "fragmented_control": (encode(Frame(PING, b"x", fin=False), True), 1002),
            "long_control": (encode(Frame(PING, b"x" * 126), True), 1002),
            "length": (b"\x82\xfe\0\x05" + b"\0" * 9, 1002),
            "lone_continuation": (encode(Frame(CONTINUATION, b"x"), True), 1002),
            "unfinished_message": (encode(Frame(TEXT, b"x", fin=False), True) + encode(Frame(TEXT, b"x"), True), 1002),
            "bad_text": (encode(Frame(TEXT, b"\xed\xa0\x80"), True), 1007),
            "bad_close": (encode(Frame(CLOSE, (1006).to_bytes(2, "big")), True), 1002),
            "too_large": (encode(Frame(BINARY, b"x" * 1001), True), 1009),
        }
        server = Server(self)
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked], limits="max-websocket-message-bytes 1000")
        for number, (what, (sent, code)) in enumerate(cases.items()):
            with self.subTest(what):
                client = self.switch(gateway, f"/{what}")
                upstream = wait("it has switched", lambda: server.ends[number:])[0]
                client.raw(sent)
                self.assert_closed(client, code)
                self.assert_closed(upstream, code)
                line = gateway.access(f"/{what}")[0]
                self.assertEqual(line["reason"], "websocket_breach")
                self.assertTrue(line["detail"].startswith("client: "), line)
                gateway.expect_metric(1, "picket_websocket_breaches_total", what=what)
        gateway.said("a WebSocket was closed, client: ")

    def test_an_upstream_that_masks_is_closed_too(self):
        agent, gateway, client, upstream = self.stand()
        upstream.raw(encode(Frame(TEXT, b"x"), masked=True))
        self.assert_closed(client, 1002)
        self.assertTrue(gateway.access("/chat")[0]["detail"].startswith("upstream: "))

    def test_a_message_over_the_limit_in_fragments_is_1009_and_one_at_it_passes(self):
        agent, gateway, client, upstream = self.stand(limits="max-websocket-message-bytes 1000")
        client.send(BINARY, b"x" * 1000)
        self.assertEqual(len(upstream.next().payload), 1000)
        client.send(BINARY, b"x" * 600, fin=False)
        client.send(CONTINUATION, b"x" * 401, fin=False)
        self.assert_closed(client, 1009)
        self.assert_closed(upstream, 1009)
        self.assertEqual(len(agent.of("websocket_frame")), 2, "what is too much is not read")

    # ---- pace

    def test_a_slow_reader_holds_the_sender_back_and_gets_all_of_it(self):
        agent, gateway, client, upstream = self.stand()
        total = 64

        def fill():
            for number in range(total):
                upstream.send(BINARY, bytes([number]) * 500_000)

        sender = threading.Thread(target=fill, daemon=True)
        sender.start()
        time.sleep(0.5)
        self.assertTrue(sender.is_alive(), "32 MB are nobody's to hold")
        for number in range(total):
            self.assertEqual(client.next(), Frame(BINARY, bytes([number]) * 500_000))
        sender.join(30)

    def test_an_end_that_sends_no_more_is_still_sent_to(self):
        agent, gateway, client, upstream = self.stand()
        client.send(TEXT, b"last")
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(upstream.next(), Frame(TEXT, b"last"))
        self.assertIsNone(upstream.next())
        upstream.send(TEXT, b"late")
        self.assertEqual(client.next(), Frame(TEXT, b"late"))

    def test_a_client_that_is_gone_frees_the_upstream(self):
        agent, gateway, client, upstream = self.stand()
        client.send(TEXT, b"half", fin=False)
        agent.expect("websocket_frame")
        client.socket.close()
        self.assertIsNone(upstream.next(), "nothing of half a message")
        upstream.socket.shutdown(socket.SHUT_RDWR)
        gateway.expect_metric(0, "picket_tunnels_open")

    def test_one_through_which_nothing_passes_is_closed_with_1001(self):
        agent, gateway, client, upstream = self.stand(keys=INSPECTED + "websocket-idle-secs 1;")
        self.assert_closed(client, 1001)
        self.assert_closed(upstream, 1001)

    # ---- the process

    def test_a_reload_leaves_it_and_a_drains_end_says_1001(self):
        server = Server(self)
        agent, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked], drain_s=2)
        client = self.switch(gateway)
        self.write(gateway, server.upstream, [asked], keys="", drain_s=2)
        gateway.program.signal(signal.SIGHUP)
        gateway.said("reloaded")
        client.send(TEXT, b"after a reload")
        self.assertEqual(server.end().next().payload, b"after a reload")
        self.assertEqual(agent.expect("websocket_frame")[0].data(), b"after a reload")
        gateway.program.signal(signal.SIGTERM)
        gateway.said("drain")
        client.send(PONG, b"in a drain")
        self.assertEqual(server.end().next().payload, b"in a drain")
        self.assert_closed(client, 1001)
        self.assert_closed(server.end(), 1001)
        self.assertEqual(gateway.program.wait(), 0)


class StreamSocket:
    """A stream of HTTP/2 where a peer of frames wants a socket."""

    def __init__(self, client: http2.Http2Client, stream: int):
        self.client, self.stream, self._taken = client, stream, 0

    def sendall(self, data: bytes) -> None:
        for at in range(0, len(data), 16384):
            self.client.data(self.stream, data[at : at + 16384])

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


class OverHttp2(WebSockets):
    """The same, and more, with clients that ask by extended CONNECT."""

    def gateway(self, upstream: Upstream | str, agents: list[Asked], keys: str = INSPECTED, **more) -> Gateway:
        gateway = self.stage.unstarted()
        self.more = more | {"listeners": f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}'}
        super().write(gateway, upstream, agents, keys, **self.more)
        return gateway.start()

    def write(self, gateway, upstream, agents, keys=INSPECTED, **more):
        super().write(gateway, upstream, agents, keys, **(self.more | more))

    def ask(self, gateway: Gateway, target: str = "/chat", extra: list = ()) -> tuple[http2.Http2Client, int, http2.Answer]:
        client = http2.Http2Client(gateway.port)
        self.addCleanup(client.close)
        stream = client.open(connect_fields(target, extra), end=False)
        answer = client.streams[stream]
        client.until("an answer", lambda: answer.headers or answer.reset is not None)
        return client, stream, answer

    def switch(self, gateway: Gateway, target: str = "/chat") -> Peer:
        client, stream, answer = self.ask(gateway, target)
        self.assertEqual((answer.status, answer.value("sec-websocket-accept")), (200, None))
        return Peer(StreamSocket(client, stream), is_client=True)

    def test_the_handshake_is_the_one_of_http1_to_agents_upstream_and_log(self):
        server = Server(self)
        agent, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        upstream = server.end()
        event = agent.expect("request_headers")[0].body
        self.assertEqual((event["method"], event["uri"], event["metadata"]["protocol"]), ("GET", "/chat", "HTTP/2"))
        request = wait("the request", lambda: server.upstream.requests or [None])[0]
        client.close()
        upstream.next()
        upstream.close()
        self.assertEqual(client.next().code(), 1000)
        upstream.socket.shutdown(socket.SHUT_RDWR)
        self.assertIsNone(client.next())
        self.assertTrue(client.socket.client.streams[client.socket.stream].ended, "an end, no reset")
        line = gateway.access("/chat")[0]
        self.assertEqual((line["status"], line["protocol"]), (101, "HTTP/2"))

    def test_extensions_are_not_offered_and_none_may_be_answered(self):
        server = Server(self)
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        self.ask(gateway, extra=[("sec-websocket-extensions", "permessage-deflate"), ("sec-websocket-key", "theirs"), ("expect", "100-continue")])
        head = server.end() and server.upstream.raw()
        self.assertNotIn(b"permessage-deflate", head)
        self.assertNotIn(b"theirs", head)
        self.assertNotIn(b"100-continue", head, "there is no body to wait with")
        self.assertIn(b"Upgrade: websocket\r\n", head)

    def test_an_upstream_that_answers_with_an_extension_is_refused(self):
        server = Server(self, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
        _, asked = self.asked()
        self.assertEqual(self.ask(self.gateway(server.upstream, [asked]))[2].status, 502)

    def test_nothing_but_a_switch_is_answered_with_2xx(self):
        plain = self.stage.upstream()
        _, asked = self.asked(request_headers=lambda event: wire.block(200) if event.body["uri"] == "/blocked" else wire.allow())
        gateway = self.gateway(plain, [asked])
        self.assertEqual(self.ask(gateway)[2].status, 502)
        self.assertEqual(self.ask(gateway, "/blocked")[2].status, 403)
        self.assertEqual(gateway.access("/blocked")[0]["status"], 403)
        self.assertIn("did not switch", gateway.access("/chat")[0]["upstream_error"])

    def test_a_wrong_answer_to_the_key_is_502(self):
        other = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
        _, asked = self.asked()
        gateway = self.gateway(self.stage.upstream(lambda request: other), [asked])
        self.assertEqual(self.ask(gateway)[2].status, 502)

    def test_a_route_without_websocket_refuses_it(self):
        plain = self.stage.upstream()
        _, asked = self.asked()
        gateway = self.gateway(plain, [asked], keys="")
        self.assertEqual(self.ask(gateway)[2].status, 400)
        self.assertEqual(plain.requests, [])

    def test_the_handshake_is_asked_about_like_any_request(self):
        server = Server(self)
        _, asked = self.asked(request_headers=lambda event: wire.block(429))
        gateway = self.gateway(server.upstream, [asked])
        for number, extra in enumerate([[], [("content-type", "application/grpc")]]):  # which makes no call of gRPC of it
            self.assertEqual(self.ask(gateway, f"/{number}", extra)[2].status, 429)
            self.assertEqual(gateway.access(f"/{number}")[0]["status"], 429)
        self.assertEqual(server.ends, [])

    def test_without_inspection_bytes_pass_and_nobody_is_asked_about_them(self):
        server = Server(self)
        agent, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked], keys="websocket #true;")
        client = self.switch(gateway)
        client.raw(b"\xff\xffno frame at all")
        self.assertEqual(server.end().take(17), b"\xff\xffno frame at all")
        server.end().raw(b"back")
        self.assertEqual(client.take(4), b"back")
        server.over.set()
        self.assertIsNone(client.take(1))

    def test_several_share_a_connection_and_one_that_is_reset_ends_alone(self):
        server = Server(self)
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        connection, first, _ = self.ask(gateway, "/first")
        one = Peer(StreamSocket(connection, first), is_client=True)
        to_first = server.end()
        second = connection.open(connect_fields("/second"), end=False)
        connection.until("an answer", lambda: connection.streams[second].headers)
        two = Peer(StreamSocket(connection, second), is_client=True)
        to_second = wait("both", lambda: server.ends[1:])[0]
        connection.reset(first)
        self.assertIsNone(to_first.next())
        two.send(TEXT, b"still here")
        self.assertEqual(to_second.next(), Frame(TEXT, b"still here"))

    # What stands on a client of HTTP/1.1 has no meaning here.
    test_a_known_client_and_a_known_server_talk_through_it = None
    test_a_client_that_is_gone_frees_the_upstream = None
    test_a_slow_reader_holds_the_sender_back_and_gets_all_of_it = None
