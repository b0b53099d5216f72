"""Answers whose bodies stream through agents: what goes on when, what is stopped, and how a client can tell."""

import base64
import threading
import unittest

from client import chunked, message
from deciding import Decided
from http2 import INTERNAL_ERROR, Http2Client
from http2 import head as h2_head
from processes import wait
from stage import Asked, Gateway
from streaming import ANSWERS, chunk, replaced
from upstream import response
import wire
from wire import allow, block, challenge, put, redirect


class Answers(Decided):
    """The upstream's answer is written by the test."""

    HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    def answering(self, keys: str, events: str = ANSWERS, head: bytes = HEAD, **behaviours) -> Gateway:
        gateway = self.play(events, keys, **behaviours)
        self.asked = threading.Event()

        def hand_over(request):
            self.peer = request.peer
            request.peer.sendall(head)
            self.asked.set()
            self.done.wait(60)
            return None

        self.done = threading.Event()
        self.addCleanup(self.done.set)
        self.upstream.respond = hand_over
        return gateway

    def ask(self, gateway: Gateway, target: str = "/", method: str = "GET"):
        client = gateway.client()
        client.send(message(target, "", method))
        self.assertTrue(self.asked.wait(30))
        return client

    def head_of(self, client) -> bytes:
        while b"\r\n\r\n" not in client.buffer:
            client._more()
        head, client.buffer = client.buffer.split(b"\r\n\r\n", 1)
        return head

    def test_events_of_a_stream_pass_as_they_come_and_the_head_before_them(self):
        gateway = self.answering('response-body-mode "stream"')
        client = self.ask(gateway)
        self.assertIn(b"text/event-stream", self.head_of(client))
        for text in (b"data: one\n\n", b"data: two\n\n"):
            self.peer.sendall(chunk(text))
            self.assertEqual(client._chunk(), text)
        self.peer.sendall(b"0\r\n\r\n")
        self.assertEqual(client._chunk(), b"")
        self.assertEqual([each.data() for each in self.agent.of("response_body")], [b"data: one\n\n", b"data: two\n\n", b""])

    def test_a_value_is_redacted_while_the_answer_streams(self):
        gateway = self.answering(
            'response-body-mode "stream"',
            response_body=lambda event: replaced(event, event.data().replace(b"4111111111111111", b"[card]")),
        )
        client = self.ask(gateway)
        self.head_of(client)
        self.peer.sendall(chunk(b"data: 4111111111111111\n\n"))
        self.assertEqual(client._chunk(), b"data: [card]\n\n")

    def test_what_is_held_back_may_still_be_changed_when_the_agent_sees_more(self):
        whole = []

        def redact(event):
            whole.append(event.data())
            text = b"".join(whole)
            if b"4111111111111111" not in text or len(whole) != 2:
                return allow()
            mutation = {"data": base64.b64encode(b"card [").decode(), "chunk_index": 0}
            return allow(response_body_mutation=mutation)

        gateway = self.answering('response-body-mode "stream" hold-back=16', response_body=redact)
        client = self.ask(gateway)
        self.peer.sendall(chunk(b"card 41111111"))
        self.agent.expect("response_body")
        self.peer.sendall(chunk(b"11111111 is gone"))
        self.head_of(client)
        self.assertEqual(client._chunk(), b"card [")
        self.peer.sendall(b"0\r\n\r\n")
        self.assertEqual(client._chunk(), b"11111111 is gone")

    def test_in_buffer_mode_the_head_waits_for_the_verdict_on_the_body(self):
        for name, decision, status in (
            ("block", block(403), 403),
            ("redirect", redirect("/login"), 302),
            ("challenge", challenge("basic", realm="a"), 401),
        ):
            with self.subTest(name):
                gateway = self.answering(
                    "", response_body=lambda event, decision=decision: decision if event.body["is_last"] else allow()
                )
                client = self.ask(gateway, f"/{name}")
                self.peer.sendall(chunk(b"one") + chunk(b"two") + b"0\r\n\r\n")
                self.assertEqual(client.response().status, status)
                line = gateway.access(f"/{name}")[0]
                self.assertEqual(line["decision"], name)
                self.clear_stage()

    def test_an_agent_that_wants_the_body_before_the_head_goes_on_can_still_block_with_an_answer(self):
        for text, status in ((b"evil", 403), (b"good", 200)):
            with self.subTest(text):
                gateway = self.answering(
                    'response-body-mode "stream"',
                    events=f'{ANSWERS} "response_headers"',
                    response_headers=lambda event: allow(needs_more=True),
                    response_body=lambda event: block(403) if b"evil" in event.data() else allow(),
                )
                client = self.ask(gateway)
                self.agent.expect("response_headers")
                client.socket.settimeout(0.3)
                with self.assertRaises(TimeoutError):
                    self.head_of(client)
                client.socket.settimeout(30)
                self.peer.sendall(chunk(text))
                self.assertIn(f" {status} ".encode(), self.head_of(client))
                self.clear_stage()

    def test_who_needs_more_where_no_body_comes_has_failed(self):
        for mode, status in (("closed", 503), ("open", 200)):
            with self.subTest(mode):
                gateway = self.answering(
                    f'response-body-mode "stream"; failure-mode "{mode}"',
                    events=f'{ANSWERS} "response_headers"',
                    head=b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n",
                    response_headers=lambda event: allow(needs_more=True),
                )
                client = self.ask(gateway, method="HEAD")
                self.assertIn(f" {status} ".encode(), self.head_of(client))
                self.clear_stage()

    def test_a_body_that_is_held_to_its_end_has_its_length(self):
        gateway = self.answering("", response_body=lambda event: replaced(event, b"[" + event.data() + b"]"))
        client = self.ask(gateway)
        self.peer.sendall(chunk(b"one") + chunk(b"two") + b"0\r\n\r\n")
        answer = client.response()
        self.assertEqual((answer.value("content-length"), answer.value("transfer-encoding")), ("8", None))
        self.assertEqual(answer.body, b"[onetwo]")

    def test_an_answer_of_known_length_that_streams_says_none(self):
        gateway = self.answering(
            'response-body-mode "stream"', head=b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
        )
        client = self.ask(gateway)
        self.assertIn(b"Transfer-Encoding: chunked", self.head_of(client))
        self.peer.sendall(b"one")
        self.assertEqual(client._chunk(), b"one")
        self.peer.sendall(b"two")
        self.assertEqual(client._chunk(), b"two")
        self.assertEqual(client._chunk(), b"")

    def test_a_block_after_bytes_have_left_cuts_the_answer_so_that_the_client_can_tell(self):
        gateway = self.answering(
            'response-body-mode "stream"', response_body=lambda event: block(403) if b"evil" in event.data() else allow()
        )
        client = self.ask(gateway, "/cut")
        self.head_of(client)
        self.peer.sendall(chunk(b"good"))
        self.assertEqual(client._chunk(), b"good")
        self.peer.sendall(chunk(b"evil") + b"0\r\n\r\n")
        with self.assertRaises((EOFError, ConnectionResetError)):
            client._chunk()
        line = gateway.access("/cut")[0]
        self.assertEqual((line["status"], line["decision"], line["agent"]), (200, "cut", "a"))
        self.assertEqual([each["decision"] for each in gateway.audit(line["id"])], ["cut"])
        gateway.expect_metric(1, "picket_agent_cuts_total")

    def over_http2(self, **behaviours) -> Http2Client:
        gateway = self.stage.unstarted()
        self.upstream = self.stage.upstream()
        self.agent = self.stage.agent("a", **behaviours)
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}'
        keys = 'request-body-mode "stream"; response-body-mode "stream"'
        events = '"request_headers" "request_body" "response_body"'
        gateway.write({"app": [self.upstream.address]}, [Asked("a", self.agent.path, events, keys)], listeners=listener)
        client = Http2Client(gateway.start().port)
        self.stage.clients.append(client)
        return client

    def test_over_http2_a_cut_answer_is_a_reset_stream_and_others_go_on(self):
        client = self.over_http2(response_body=lambda event: block(403) if b"evil" in event.data() else allow())

        def respond(request):
            if request.target != "/cut":
                return response(b"fine")
            request.peer.sendall(self.HEAD + chunk(b"good"))
            self.agent.expect("response_body")
            request.peer.sendall(chunk(b"evil") + b"0\r\n\r\n")
            return b""

        self.upstream.respond = respond
        cut = client.answer(client.open(h2_head("/cut")))
        self.assertEqual((cut.status, cut.body, cut.reset), (200, b"good", INTERNAL_ERROR))
        self.assertEqual(client.get("/other").body, b"fine")

    def test_over_http2_uploads_stream_and_are_stopped_alike(self):
        client = self.over_http2(request_body=lambda event: block(403) if b"evil" in event.data() else allow())
        self.upstream.respond = lambda request: response(request.body)
        good, evil = (client.open(h2_head(path, method="POST"), end=False) for path in ("/good", "/evil"))
        for stream in (good, evil):
            client.data(stream, b"one")
        wait("both upstream", lambda: self.upstream.raw().count(b"one") == 2)
        client.data(evil, b"evil")
        self.assertEqual(client.answer(evil).status, 403)
        client.data(good, b"two", end=True)
        self.assertEqual(client.answer(good).body, b"onetwo")
        self.assertNotIn(b"evil", self.upstream.raw().replace(b"/evil", b""))

    def test_an_agent_that_fails_in_mid_answer_is_decided_by_its_failure_mode(self):
        def dies(event):
            if event.data() != b"two":
                return allow()
            event.connection.close()
            return None

        for mode in ("open", "closed"):
            with self.subTest(mode):
                gateway = self.answering(f'response-body-mode "stream"; failure-mode "{mode}"', response_body=dies)
                client = self.ask(gateway)
                self.head_of(client)
                self.peer.sendall(chunk(b"one"))
                self.assertEqual(client._chunk(), b"one")
                self.peer.sendall(chunk(b"two"))
                if mode == "open":
                    self.assertEqual(client._chunk(), b"two")
                    self.peer.sendall(chunk(b"three") + b"0\r\n\r\n")
                    self.assertEqual((client._chunk(), client._chunk()), (b"three", b""))
                else:
                    with self.assertRaises((EOFError, ConnectionResetError)):
                        client._chunk()
                self.clear_stage()

    def test_an_answer_over_the_limit_is_refused_or_passes(self):
        for mode in ("open", "closed"):
            for framing in ("length", "chunks"):
                with self.subTest(f"{mode}, {framing}"):
                    gateway = self.play(ANSWERS, f'failure-mode "{mode}"; max-response-body-bytes 1000')
                    body = b"a" * 70_000
                    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body)
                    self.upstream.respond = lambda _: response(body) if framing == "length" else chunks
                    answer = gateway.get("/")
                    if mode == "open":
                        self.assertEqual((answer.status, answer.body), (200, body))
                        self.assertEqual(gateway.metric("picket_agent_bodies_uninspected_total"), 1)
                    else:
                        self.assertEqual((answer.status, answer.reason), (502, "body_too_large"))
                    self.clear_stage()

    def test_answers_without_a_body_are_no_chunk(self):
        for name, answer, method in (
            ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"),
            ("204", b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
            ("304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET"),
            ("empty", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET"),
        ):
            with self.subTest(name):
                gateway = self.play(ANSWERS)
                self.upstream.respond = lambda _, answer=answer: answer
                got = gateway.get("/", "", method)
                self.assertEqual(got.status, int(answer.split(b" ")[1]))
                if name == "HEAD":
                    self.assertEqual(got.value("content-length"), "5")
                self.assertEqual(self.agent.of("response_body"), [])
                self.clear_stage()

    def test_answers_without_a_body_say_what_the_one_with_it_would(self):
        for mode, told in (("stream", [None, None, 'W/"a"']), ("buffer", ["5", "eA==", '"a"'])):
            gateway = self.play(ANSWERS, f'response-body-mode "{mode}"')
            self.upstream.respond = lambda _: b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-MD5: eA==\r\nETag: "a"\r\n\r\n'
            answer = gateway.get("/", method="HEAD")
            self.assertEqual([answer.value(name) for name in ("content-length", "content-md5", "etag")], told)
            self.clear_stage()

    def test_an_answer_that_ends_with_its_connection_is_inspected_to_its_end(self):
        for mode in ("buffer", "stream"):
            with self.subTest(mode):
                gateway = self.play(ANSWERS, f'response-body-mode "{mode}"', response_body=lambda event: replaced(event, event.data().upper()))

                def respond(request):
                    request.peer.sendall(b"HTTP/1.0 200 OK\r\n\r\nuntil close")
                    return None

                self.upstream.respond = respond
                self.assertEqual(gateway.get("/").body, b"UNTIL CLOSE")
                self.clear_stage()

    def test_a_client_of_http_1_0_gets_the_body_and_its_end(self):
        for mode in ("buffer", "stream"):
            with self.subTest(mode):
                gateway = self.play(ANSWERS, f'response-body-mode "{mode}"')
                self.upstream.respond = lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"one", b"two")
                client = gateway.client()
                client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
                self.assertEqual(client.response().body, b"onetwo")
                self.clear_stage()

    def test_the_text_of_a_route_is_seen_too(self):
        agent = self.stage.agent(response_body=lambda event: block(403) if event.data() == b"evil" else replaced(event, b"UPPER"))
        gateway = self.stage.gateway(
            self.stage.upstream(),
            [Asked("a", agent.path, ANSWERS, 'response-body-mode "stream"')],
            routes="; ".join(
                f'route "{text}" {{ matches {{ path "/{text}" }}; filters "a"; respond 200 "{text}" }}' for text in ("text", "evil")
            ),
        )
        answer = gateway.get("/text")
        self.assertEqual((answer.status, answer.value("content-length"), answer.body), (200, "5", b"UPPER"))
        self.assertEqual(gateway.get("/evil").status, 403)

    def test_an_agent_that_wants_no_more_of_an_answer_stops_the_reading_of_the_upstream(self):
        def pause(event):
            if event.body["chunk_index"] == 0:
                event.connection.send(wire.flow("pause", event.id))
            return allow()

        gateway = self.answering(
            'response-body-mode "stream"; max-response-body-bytes 65536',
            agent_settings={"features": {"streaming_body": True, "flow_control": True}},
            head=b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n",
            response_body=pause,
        )
        client = self.ask(gateway)
        threading.Thread(target=self.drain, args=(client,), daemon=True).start()
        self.peer.settimeout(2)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 100_000_000:
                sent += self.peer.send(b"a" * 65536)
        self.assertLess(sent, 50_000_000)
        before = len(self.agent.of("response_body"))
        first = self.agent.of("response_body")[0]
        first.connection.send(wire.flow("resume", first.id))
        self.agent.expect("response_body", before + 1)

    @staticmethod
    def drain(client) -> None:
        try:
            while client.socket.recv(1 << 20):
                pass
        except OSError:
            pass

    def test_a_slow_client_holds_back_the_upstream_and_not_the_memory(self):
        gateway = self.answering(
            'response-body-mode "stream"', head=b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
        )
        self.ask(gateway)
        self.peer.settimeout(2)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 100_000_000:
                sent += self.peer.send(b"a" * 65536)
        self.assertLess(sent, 50_000_000)
        self.assertLess(gateway.metric("picket_held_bytes"), 1_000_000)

    def test_what_the_requests_agent_made_of_the_answers_head_stands_beside_its_body(self):
        gateway = self.answering(
            'response-body-mode "stream"',
            events='"response_headers" "response_body"',
            response_headers=lambda event: allow(response_headers=[put("x-head", "a")]),
            response_body=lambda event: allow(response_headers=[put("x-body", "b")] if event.data() == b"one" else []),
        )
        client = self.ask(gateway)
        self.peer.sendall(chunk(b"one"))
        head = self.head_of(client)
        self.assertIn(b"x-head: a", head)


if __name__ == "__main__":
    unittest.main()
