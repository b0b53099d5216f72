"""WebSocket where agents look at the frames: what passes, what they decide, what is barred, and how it ends."""

import asyncio
import select
import signal
import socket
import struct
import sys
import threading
import time

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's python3-websockets, whichever interpreter this is

import http2
import websockets
import wire
from agent import Event
from client import message
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, Peer, encode
from http2_upstream import Call, CallSocket, Http2Upstream
from processes import wait
from stage import Asked, Gateway
from switching import ENABLE_CONNECT_PROTOCOL, INSPECTED, UPGRADE, Http2Server, StreamSocket, Switching, by_word, connect_fields
from upstream import Upstream

MAX_CONCURRENT_STREAMS = 3  # of SETTINGS
SWITCHED_OTHERWISE = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"


class WebSockets(Switching):
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

        server = self.server()
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
        server = self.server()
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
        server = self.server()
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
        server = self.server("Sec-WebSocket-Extensions: permessage-deflate\r\n")
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).status, 502)
        self.assertIn("extension", gateway.access("/chat")[0]["upstream_error"])

    def test_a_wrong_answer_to_the_key_is_502(self):
        _, asked = self.asked()
        upstream = self.stage.upstream(lambda request: SWITCHED_OTHERWISE)
        gateway = self.gateway(upstream, [asked])
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).status, 502)
        self.assertIn("another handshake", gateway.access("/chat")[0]["upstream_error"])
        uninspected = self.gateway(upstream, [asked], keys="websocket #true;")
        self.switch(uninspected)  # the client's to judge

    def test_without_inspection_bytes_pass_and_nobody_is_asked_about_them(self):
        server = self.server("Sec-WebSocket-Extensions: permessage-deflate\r\n")
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

    def test_a_block_redirect_or_challenge_closes_with_1008(self):
        for name, decision in ("block", wire.block()), ("redirect", wire.redirect("/login")), ("challenge", wire.challenge("basic", realm="a")):
            for is_clients in (True, False):
                with self.subTest(name, is_clients=is_clients):
                    server = self.server()
                    _, asked = self.asked(websocket_frame=lambda event, decision=decision: decision)
                    gateway = self.gateway(server.upstream, [asked])
                    client, upstream = self.switch(gateway), server.end()
                    (client if is_clients else upstream).send(TEXT, b"x")
                    self.assert_closed(client, 1008)
                    self.assert_closed(upstream, 1008)
                    self.assertEqual(gateway.access("/chat")[0]["decision"], "cut")
                    gateway.expect_metric(1, "picket_agent_decisions_total", decision=name)
                    self.clear_stage()

    def test_a_close_that_no_frame_may_have_is_a_failure_of_the_agent(self):
        server = self.server()
        _, asked = self.asked(websocket_frame=lambda event: wire.allow(websocket_decision={"close": {"code": 1006, "reason": ""}}))
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        client.send(TEXT, b"x")
        self.assert_closed(client, 1011)
        self.assertEqual(gateway.access("/chat")[0]["reason"], "agent_protocol_error")

    def test_the_handshake_is_asked_about_like_any_request(self):
        server = self.server()
        _, asked = self.asked(request_headers=lambda event: wire.block(403))
        gateway = self.gateway(server.upstream, [asked])
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).status, 403)
        self.assertEqual(server.ends, [])

    # ---- agents that fail

    def test_an_agent_that_dies_within_a_message_closes_it_or_is_gone_past(self):
        for mode in ("closed", "open"):
            with self.subTest(mode):
                server = self.server()
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
        server = self.server()
        _, asked = self.asked(keys="timeout-ms 300", websocket_frame=lambda event: None)
        gateway = self.gateway(server.upstream, [asked])
        client = self.switch(gateway)
        client.send(TEXT, b"x")
        self.assert_closed(client, 1011)
        self.assertEqual(gateway.access("/chat")[0]["reason"], "agent_timeout")

    def test_an_agent_that_fails_open_about_one_frame_is_asked_about_the_next(self):
        server = self.server()
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
        server = self.server()
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
        server = self.server()
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
        server = self.server()
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
        server = self.server()
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        self.ask(gateway, extra=[("sec-websocket-extensions", "permessage-deflate"), ("sec-websocket-key", "theirs"), ("expect", "100-continue")])
        head = server.end() and server.upstream.raw()
        self.assertNotIn(b"permessage-deflate", head)
        self.assertNotIn(b"theirs", head)
        self.assertNotIn(b"100-continue", head, "there is no body to wait with")
        self.assertIn(b"Upgrade: websocket\r\n", head)

    def test_an_upstream_that_answers_with_an_extension_is_refused(self):
        server = self.server("Sec-WebSocket-Extensions: permessage-deflate\r\n")
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
        _, asked = self.asked()
        gateway = self.gateway(self.stage.upstream(lambda request: SWITCHED_OTHERWISE), [asked])
        self.assertEqual(self.ask(gateway)[2].status, 502)

    def test_a_route_without_websocket_refuses_it(self):
        plain = self.stage.upstream()
        _, asked = self.asked()
        gateway = self.gateway(plain, [asked], keys="")
        self.assertEqual(self.ask(gateway)[2].status, 400)
        self.assertEqual(plain.requests, [])

    def test_the_handshake_is_asked_about_like_any_request(self):
        server = self.server()
        _, asked = self.asked(request_headers=lambda event: wire.block(429))
        gateway = self.gateway(server.upstream, [asked])
        for number, extra in enumerate([[], [("content-type", "application/grpc")]]):  # which makes no call of gRPC of it
            self.assertEqual(self.ask(gateway, f"/{number}", extra)[2].status, 429)
            self.assertEqual(gateway.access(f"/{number}")[0]["status"], 429)
        self.assertEqual(server.ends, [])

    def test_without_inspection_bytes_pass_and_nobody_is_asked_about_them(self):
        server = self.server()
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
        server = self.server()
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


class TowardsHttp2(WebSockets):
    """The same, and more, with an upstream that speaks HTTP/2 and offers extended CONNECT. Clients come in either version."""

    def server(self, extra: str = "") -> Http2Server:
        return Http2Server(self, extra)

    def gateway(self, upstream: Http2Upstream, agents: list[Asked], keys: str = INSPECTED, **more) -> Gateway:
        gateway = self.stage.unstarted()
        self.more = {"listeners": f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}',
                     "upstream_keys": "http-version { min-version 2 }"} | more
        super().write(gateway, upstream, agents, keys, **self.more)
        return gateway.start()

    def write(self, gateway, upstream, agents, keys=INSPECTED, **more):
        super().write(gateway, upstream, agents, keys, **(self.more | more))

    def connect(self, gateway: Gateway) -> http2.Http2Client:
        client = http2.Http2Client(gateway.port)
        self.addCleanup(client.close)
        return client

    def test_the_handshake_is_an_extended_connect_and_its_answer_a_101(self):
        server = self.server("Sec-WebSocket-Protocol: b\r\n")
        agent, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        with gateway.client() as client:
            client.send(message("/chat?a=b", UPGRADE + "Sec-WebSocket-Protocol: a, b\r\nCookie: c=d\r\n"))
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.socket.recv(1)
        server.end()
        self.assertIn(b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n".lower(), head.lower())
        self.assertIn(b"\r\nsec-websocket-protocol: b\r\n", head.lower())
        call = server.upstream.calls[0]
        self.assertEqual(call.headers[:5], [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
                                            (":authority", "example.test"), (":path", "/chat?a=b")])
        names = {name for name, _ in call.headers}
        self.assertLessEqual({"sec-websocket-version", "sec-websocket-protocol", "cookie", "x-forwarded-for"}, names)
        self.assertEqual(names & {"sec-websocket-key", "sec-websocket-accept", "upgrade", "connection", "host", "content-length"}, set())
        event = agent.expect("request_headers")[0].body
        self.assertEqual((event["method"], event["uri"]), ("GET", "/chat?a=b"), "agents see one handshake, whatever is spoken")

    def test_an_extended_connect_of_a_client_goes_on_as_one(self):
        server = self.server()
        agent, asked = self.asked(websocket_frame=by_word)
        gateway = self.gateway(server.upstream, [asked])
        client = self.connect(gateway)
        stream = client.open(connect_fields(), end=False)
        answer = client.streams[stream]
        client.until("an answer", lambda: answer.headers)
        self.assertEqual((answer.status, answer.value("sec-websocket-accept")), (200, None))
        one, other = Peer(StreamSocket(client, stream), is_client=True), server.end()
        one.send(TEXT, b"drop it")
        one.send(TEXT, b"up")
        self.assertEqual(other.next(), Frame(TEXT, b"up"))
        other.send(TEXT, b"down")
        self.assertEqual(one.next(), Frame(TEXT, b"down"))
        one.close()
        self.assertEqual(other.next().code(), 1000)
        other.close()
        other.socket.shutdown(socket.SHUT_RDWR)
        self.assertEqual(one.next().code(), 1000)
        self.assertIsNone(one.next())
        client.data(stream, b"", end=True)
        call = server.upstream.calls[0]
        wait("its end", lambda: call.ended)
        gateway.expect_metric(0, "picket_tunnels_open")
        self.assertIsNone(call.reset, "an end, no reset")

    def test_where_the_upstream_does_not_offer_it_a_handshake_is_502_and_says_why(self):
        upstream = Http2Upstream()
        self.stage.adopt(upstream)
        _, asked = self.asked()
        gateway = self.gateway(upstream, [asked])
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).status, 502)
        client = self.connect(gateway)
        self.assertEqual(client.answer(client.open(connect_fields("/two"), end=False)).status, 502)
        for path in ("/chat", "/two"):
            self.assertIn("ENABLE_CONNECT_PROTOCOL", gateway.access(path)[0]["upstream_error"])
        self.assertEqual(upstream.calls, [], "it is asked for nothing that it has not offered")
        self.assertEqual(gateway.get("/plain").body, b"hello\n")
        self.assertEqual(len(upstream.connections), 1)
        self.assertEqual(gateway.metric("picket_upstream_target_failures_total", upstream="app"), 0, "nor has it failed")

    def test_a_refusal_of_the_upstream_is_the_clients_answer_and_the_connection_serves_on(self):
        upstream = Http2Upstream(on_head=lambda call: call.answer(b"no\n") if call.path == "/plain" else (call.head((), "403"), call.data(b"no\n", True)),
                                 on_call=lambda call: None, settings={ENABLE_CONNECT_PROTOCOL: 1})
        self.stage.adopt(upstream)
        _, asked = self.asked()
        gateway = self.gateway(upstream, [asked])
        answer = gateway.get("/chat", headers=UPGRADE)
        self.assertEqual((answer.status, answer.body), (403, b"no\n"))
        wait("the request has ended, too", lambda: upstream.calls[0].ended)
        self.assertEqual(gateway.get("/plain").status, 200)
        self.assertEqual(len(upstream.connections), 1)

    def test_any_2xx_is_a_switch_but_those_behind_which_nothing_may_come(self):
        def on_head(call: Call) -> None:
            call.head(status=call.path[1:4], end=call.path.endswith("end"))

        upstream = Http2Upstream(on_head=on_head, on_call=lambda call: None, settings={ENABLE_CONNECT_PROTOCOL: 1})
        self.stage.adopt(upstream)
        _, asked = self.asked()
        gateway = self.gateway(upstream, [asked])
        for status in ("200", "201", "206", "299"):
            end = self.switch(gateway, f"/{status}")
            Peer(CallSocket(upstream.calls[-1]), is_client=False).send(TEXT, b"down")
            self.assertEqual(end.next(), Frame(TEXT, b"down"), status)
        client = self.connect(gateway)
        for path in ("/204", "/204-end", "/205"):
            self.assertEqual(gateway.get(path, headers=UPGRADE).status, 502)
            self.assertIn("no tunnel", gateway.access(path)[0]["upstream_error"])
            self.assertEqual(client.answer(client.open(connect_fields(path), end=False)).status, 502)
        self.assertEqual(len(upstream.connections), 1)

    # ---- upstreams that take few

    def few(self, most: int, keys: str = "") -> tuple[Http2Server, Gateway]:
        server = Http2Server(self, settings={ENABLE_CONNECT_PROTOCOL: 1, MAX_CONCURRENT_STREAMS: most})
        _, asked = self.asked()
        return server, self.gateway(server.upstream, [asked], upstream_keys=f"http-version {{ min-version 2 }}; {keys}")

    def burst(self, gateway: Gateway, count: int) -> list:
        """Handshakes, all at once."""
        clients = [gateway.client() for _ in range(count)]
        for client in clients:
            client.send(message("/chat", UPGRADE))
        return clients

    def status(self, client) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.socket.recv(1) or self.fail(head)
        return head[9:12]

    def expect_connections_enough(self, most: int, keys: str = "") -> None:
        server, gateway = self.few(most, keys)
        clients = self.burst(gateway, 24)
        self.assertEqual([self.status(client) for client in clients], [b"101"] * 24)
        for connection in server.upstream.connections:
            self.assertLessEqual(len(connection.calls), most)

    def test_a_burst_at_an_upstream_that_takes_one_at_a_time_gets_connections_enough(self):
        self.expect_connections_enough(1)

    def test_a_burst_at_an_upstream_that_takes_three_at_a_time_gets_connections_enough(self):
        self.expect_connections_enough(3)

    def test_a_burst_gets_connections_enough_whatever_retries_are_for(self):
        self.expect_connections_enough(2, "retry { attempts 1 }")

    def test_a_burst_at_an_upstream_of_few_connections_waits_for_those_before(self):
        server, gateway = self.few(2, "connection-pool { max-connections 2 }; timeouts { connect 20 }")
        clients = self.burst(gateway, 12)
        sockets = [client.socket for client in clients]
        for number in range(12):
            begun = min(number + 4, 12)
            wait("as many as there is room for", lambda begun=begun: len(server.ends) == begun)
            wait("each is told", lambda begun=begun: len(select.select(sockets, [], [], 0)[0]) == begun)
            server.ends[number].socket.call.refuse(http2.CANCEL)
        self.assertEqual([self.status(client) for client in clients], [b"101"] * 12)

    def test_tunnels_and_requests_share_a_connection_and_one_that_breaks_ends_alone(self):
        server = self.server()
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        first, second = self.switch(gateway, "/one"), self.switch(gateway, "/two")
        to_first, to_second = wait("both", lambda: server.ends[1:] and server.ends)
        self.assertEqual(gateway.get("/plain").body, b"plain\n")
        self.assertEqual(len(server.upstream.connections), 1)
        first.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first.socket.close()
        wait("it is told", lambda: server.upstream.calls[0].reset is not None)
        self.assertEqual(server.upstream.calls[0].reset, http2.CANCEL)
        second.send(TEXT, b"still here")
        self.assertEqual(to_second.next(), Frame(TEXT, b"still here"))
        to_second.socket.call.refuse(http2.INTERNAL_ERROR)
        self.assertIsNone(second.next(), "a reset cuts the client")
        self.assertEqual(gateway.get("/plain").body, b"plain\n")
        gateway.expect_metric(0, "picket_tunnels_open")
        self.assertEqual(len(server.upstream.connections), 1)

    def test_a_connection_that_goes_away_keeps_its_tunnel_and_the_next_one_is_elsewhere(self):
        server = self.server()
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        first = self.switch(gateway)
        upstream = server.end()
        server.upstream.connections[0].goaway(server.upstream.calls[0].stream)
        wait("another connection", lambda: gateway.get("/plain").status == 200 and len(server.upstream.connections) == 2)
        self.switch(gateway)
        upstream.send(TEXT, b"down")
        self.assertEqual(first.next(), Frame(TEXT, b"down"))
        self.assertEqual(server.upstream.calls[-1].peer, server.upstream.connections[1])

    def test_much_passes_both_ways_at_the_pace_of_windows_where_nobody_looks(self):
        server = self.server()
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked], keys="websocket #true;")
        client = self.switch(gateway)
        upstream = server.end()
        body = bytes(range(256)) * 4096 * 4  # many windows, of which this peer gives back what each frame took
        threads = [threading.Thread(target=end.raw, args=(body,), daemon=True) for end in (client, upstream)]
        for thread in threads:
            thread.start()
        self.assertTrue(upstream.take(len(body)) == body)
        self.assertTrue(client.take(len(body)) == body)
        client.socket.shutdown(socket.SHUT_WR)
        self.assertIsNone(upstream.take(1))
        upstream.raw(b"late")
        self.assertEqual(client.take(4), b"late")
        upstream.socket.shutdown(socket.SHUT_WR)
        self.assertIsNone(client.take(1))
        gateway.expect_metric(0, "picket_tunnels_open")
        self.assertIsNone(server.upstream.calls[0].reset, "both have ended: nothing is reset")

    def test_a_handshake_without_a_key_is_a_plain_request(self):
        server = self.server()
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        self.assertEqual(gateway.get("/chat", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n").body, b"plain\n")
        self.assertEqual(server.upstream.calls[0].value(":method"), "GET")

    def test_extensions_are_not_offered_and_none_may_be_answered(self):
        server = self.server()
        _, asked = self.asked()
        gateway = self.gateway(server.upstream, [asked])
        with gateway.client() as client:
            client.send(message("/chat", UPGRADE + "Sec-WebSocket-Extensions: permessage-deflate\r\n"))
            server.end()
        self.assertIsNone(server.upstream.calls[0].value("sec-websocket-extensions"))

    # What stands on an upstream of HTTP/1.1 has no meaning here.
    test_a_known_client_and_a_known_server_talk_through_it = None
    test_a_wrong_answer_to_the_key_is_502 = None
