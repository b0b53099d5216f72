"""Bodies that stream through agents, in both directions: what goes on when, what is stopped, and how a receiver can tell."""

import base64
import gzip
import threading
import time
import zlib

from agent import reply_to
from client import chunked, message
from deciding import Decided
from http2 import INITIAL_WINDOW_SIZE, INTERNAL_ERROR, Http2Client
from http2 import head as h2_head
from http2_upstream import Call, Http2Upstream
from processes import wait
from stage import Asked, Gateway
from upstream import response
import wire
from wire import allow, block, challenge, put, redirect

REQUESTS = '"request_headers" "request_body"'
ANSWERS = '"request_headers" "response_body"'


def replaced(event, data: bytes, direction: str = "response", **more) -> dict:
    mutation = {"data": base64.b64encode(data).decode(), "chunk_index": event.body["chunk_index"]}
    return allow(**{f"{direction}_body_mutation": mutation}, **more)


FLOW_CONTROL = {"streaming_body": True, "flow_control": True}
KINDS = ("request_headers", "request_body", "response_headers", "response_body")


def pausing(event) -> dict:
    """Allows the first chunk, and wants no more for now."""
    if event.body["chunk_index"] == 0:
        event.connection.send(wire.flow("pause", event.id))
    return allow()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Upload:
    """A request in chunks, a piece at a time."""

    def __init__(self, gateway: Gateway, target: str = "/", headers: str = ""):
        self.client = gateway.client()
        self.client.send(message(target, f"Transfer-Encoding: chunked\r\n{headers}", "POST"))

    def piece(self, data: bytes) -> None:
        self.client.send(chunk(data))

    def end(self):
        self.client.send(b"0\r\n\r\n")
        return self.client.response("POST")


class RequestBodies(Decided):
    def upstream_has(self, text: bytes) -> None:
        wait(f"{text} upstream", lambda: text in self.upstream.raw())

    def test_a_chunk_goes_on_with_its_verdict_while_the_rest_is_still_to_come(self):
        gateway = self.play(REQUESTS, 'request-body-mode "stream"')
        upload = Upload(gateway)
        for text in (b"one", b"two", b"three"):
            upload.piece(text)
            self.upstream_has(b"\r\n" + text + b"\r\n")
        self.assertEqual(upload.end().body, b"onetwothree")
        chunks = self.agent.of("request_body")
        self.assertEqual([each.data() for each in chunks], [b"one", b"two", b"three", b""])
        self.assertEqual([each.body["is_last"] for each in chunks], [False, False, False, True])

    def test_an_upload_that_is_stopped_at_its_third_chunk_reaches_the_upstream_no_further(self):
        gateway = self.play(
            REQUESTS,
            'request-body-mode "stream"',
            request_body=lambda event: block(403, body="no") if b"evil" in event.data() else allow(),
        )
        upload = Upload(gateway, "/cut")
        for text in (b"one", b"two"):
            upload.piece(text)
            self.upstream_has(text)
        upload.piece(b"evil")
        answer = upload.client.response("POST")
        self.assertEqual((answer.status, answer.body), (403, b"no"))
        wait("the upstream's connection is over", lambda: self.upstream_ended())
        self.assertNotIn(b"evil", self.upstream.raw())
        self.assertNotIn(b"\r\n0\r\n", self.upstream.raw())
        line = gateway.access("/cut")[0]
        self.assertEqual((line["status"], line["decision"]), (403, "cut"))
        self.assertEqual([each["decision"] for each in gateway.audit(line["id"])], ["cut"])
        gateway.expect_metric(1, "picket_agent_cuts_total")

    def upstream_ended(self) -> bool:
        return all(each.fileno() == -1 for each in self.upstream.sockets)

    def test_before_anything_has_left_a_block_is_an_answer_and_nobody_is_asked(self):
        gateway = self.play(REQUESTS, 'request-body-mode "stream"', request_body=lambda event: block(403))
        upload = Upload(gateway)
        upload.piece(b"evil")
        self.assertEqual(upload.client.response("POST").status, 403)
        self.assertEqual(self.upstream.raw(), b"")
        self.assertEqual(gateway.metric("picket_agent_cuts_total"), 0)

    def test_hybrid_holds_so_much_and_then_streams(self):
        gateway = self.play(REQUESTS, 'request-body-mode "hybrid" 8; buffer-size 1024')
        upload = Upload(gateway)
        upload.piece(b"abcd")
        time.sleep(0.2)
        self.assertEqual((self.agent.of("request_body"), self.upstream.raw()), ([], b""))
        upload.piece(b"efgh")
        self.upstream_has(b"abcdefgh")
        upload.piece(b"ijkl")
        self.upstream_has(b"ijkl")
        self.assertEqual(upload.end().body, b"abcdefghijkl")

    def test_needs_more_holds_what_is_there_until_the_agent_has_seen_enough(self):
        gateway = self.play(
            REQUESTS, 'request-body-mode "stream"', request_body=lambda event: allow(needs_more=event.data() == b"one")
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.agent.expect("request_body")
        time.sleep(0.2)
        self.assertEqual(self.upstream.raw(), b"")
        upload.piece(b"two")
        self.upstream_has(b"onetwo")
        self.assertEqual(upload.end().body, b"onetwo")

    def test_chunks_are_replaced_dropped_grown_and_shrunk_as_they_stream(self):
        made = {b"one": b"1", b"two": b"", b"three": b"three times three" * 5000, b"four": None, b"": None}

        def change(event):
            new = made[event.data()]
            return allow() if new is None else replaced(event, new, "request")

        gateway = self.play(REQUESTS, 'request-body-mode "stream"', request_body=change)
        body = b"onetwothreefour"
        client = gateway.client()
        client.send(message("/", f"Content-Length: {len(body)}\r\n", "POST"))
        for text in (b"one", b"two", b"three", b"four"):
            count = len(self.agent.of("request_body"))
            client.send(text)
            self.agent.expect("request_body", count + 1)
        self.assertEqual(client.response("POST").body, b"1" + b"three times three" * 5000 + b"four")
        self.assertEqual(self.upstream.requests[0].values("content-length"), [])
        self.assertEqual(self.upstream.requests[0].values("transfer-encoding"), ["chunked"])

    def test_a_body_that_is_whole_when_it_goes_on_has_its_length(self):
        for mode in ('"buffer"', '"stream"', '"hybrid" 4'):
            with self.subTest(mode):
                gateway = self.play(REQUESTS, f"request-body-mode {mode}", request_body=lambda event: replaced(event, b"123", "request"))
                self.assertEqual(gateway.get("/", "", "POST", b"one two").body, b"123")
                self.assertEqual(self.upstream.requests[0].values("content-length"), ["3"])
                self.clear_stage()

    def test_the_most_careful_of_several_modes_counts_and_each_sees_what_the_one_before_made(self):
        gateway = self.play_many(
            {"request_body": lambda event: replaced(event, event.data().upper(), "request")},
            {},
            events=REQUESTS,
            a='request-body-mode "stream"',
            b='request-body-mode "buffer"',
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.agents[0].expect("request_body")
        upload.piece(b"two")
        self.agents[0].expect("request_body", 2)
        self.assertEqual((self.agents[1].of("request_body"), self.upstream.raw()), ([], b""))
        self.assertEqual(upload.end().body, b"ONETWO")
        self.assertEqual(b"".join(each.data() for each in self.agents[1].of("request_body")), b"ONETWO")

    def test_the_time_for_chunks_runs_only_while_an_agent_owes_an_answer(self):
        gateway = self.play(REQUESTS, 'request-body-mode "stream"; chunk-timeout-ms 1000')
        upload = Upload(gateway)
        upload.piece(b"one")
        self.upstream_has(b"one")
        time.sleep(1.5)
        upload.piece(b"two")
        self.assertEqual(upload.end().body, b"onetwo")

    def test_an_agent_that_owes_an_answer_too_long_has_failed(self):
        def slow(event):
            return None if event.data() == b"two" else allow()

        for mode in ("open", "closed"):
            with self.subTest(mode):
                gateway = self.play(
                    REQUESTS, f'request-body-mode "stream"; failure-mode "{mode}"; chunk-timeout-ms 500', request_body=slow
                )
                upload = Upload(gateway)
                upload.piece(b"one")
                self.upstream_has(b"one")
                upload.piece(b"two")
                if mode == "open":
                    self.upstream_has(b"two")
                    upload.piece(b"three")
                    self.assertEqual(upload.end().body, b"onetwothree")
                else:
                    self.assertEqual(upload.client.response("POST").status, 504)
                    wait("the upstream's connection is over", self.upstream_ended)
                    self.assertNotIn(b"two", self.upstream.raw())
                self.clear_stage()

    def test_an_agent_that_dies_in_mid_body_lets_go_what_it_holds_or_cuts(self):
        def dies(event):
            if event.data() == b"two":
                event.connection.close()
                return None
            return allow(needs_more=True)

        for mode in ("open", "closed"):
            with self.subTest(mode):
                gateway = self.play(REQUESTS, f'request-body-mode "stream"; failure-mode "{mode}"', request_body=dies)
                upload = Upload(gateway)
                upload.piece(b"one")
                self.agent.expect("request_body")
                upload.piece(b"two")
                if mode == "open":
                    self.upstream_has(b"onetwo")
                    self.assertEqual(upload.end().body, b"onetwo")
                else:
                    self.assertEqual(upload.client.response("POST").reason, "agent_unavailable")
                    self.assertEqual(self.upstream.raw(), b"")
                self.clear_stage()

    def test_operations_on_a_head_that_has_left_cannot_be_honoured(self):
        gateway = self.play(
            REQUESTS, 'request-body-mode "stream"', request_body=lambda event: allow(request_headers=[put("x-a", "b")])
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.upstream_has(b"one")
        self.assertIn(b"x-a: b", self.upstream.raw())
        upload.piece(b"two")
        self.assertEqual(upload.client.response("POST").reason, "agent_protocol_error")

    def test_a_route_s_limit_is_of_the_body_and_an_agent_s_of_what_is_held(self):
        gateway = self.play(
            REQUESTS, 'request-body-mode "stream"; max-request-body-bytes 1000', limits="max-body-size-bytes 50000"
        )
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 50_000).body, b"a" * 50_000)
        upload = Upload(gateway)
        upload.piece(b"b" * 1000)
        self.upstream_has(b"b" * 1000)
        upload.piece(b"b" * 49_001)
        answer = upload.client.response("POST")
        self.assertEqual((answer.status, answer.reason), (413, "body_too_large"))

    def test_what_is_too_large_to_hold_is_refused_at_once_where_its_agent_wants_more_and_its_end_is_to_come(self):
        for mode in ("buffer", "stream", "hybrid"):
            for size in (3_000, 20_000, 60_000):
                with self.subTest(f"{mode} {size}"):
                    keys = f'request-body-mode "{mode}"' + (" 500" if mode == "hybrid" else "")
                    gateway = self.play(REQUESTS, f"{keys}; max-request-body-bytes 1000", request_body=lambda _: allow(needs_more=True))
                    upload = Upload(gateway)
                    upload.piece(b"a" * size)
                    answer = upload.client.response("POST")
                    self.assertEqual((answer.status, answer.reason), (413, "body_too_large"))
                self.clear_stage()

    def test_what_an_agent_puts_in_a_chunks_place_is_not_held_where_there_is_no_room_for_it(self):
        for mode in ("buffer", "stream"):
            with self.subTest(mode):
                gateway = self.play(
                    f'{REQUESTS} "response_body"',
                    f'request-body-mode "{mode}"; response-body-mode "{mode}"; max-request-body-bytes 20000000',
                    limits="max-held-bytes 1048576; max-body-size-bytes 20000000",
                    request_body=lambda event: replaced(event, b"a" * 2_000_000, "request") if event.data() == b"grow" else allow(),
                    response_body=lambda event: replaced(event, b"a" * 2_000_000) if event.data() == b"more" else allow(),
                )
                self.assertEqual(gateway.get("/", "", "POST", b"fine").body, b"fine")
                answer = gateway.get("/", "", "POST", b"grow")
                self.assertEqual((answer.status, answer.reason, self.upstream.requests[1:]), (503, "overloaded", []))
                answer = gateway.get("/", "", "POST", b"more")
                self.assertEqual((answer.status, answer.reason), (503, "overloaded"))
                gateway.expect_metric(0, "picket_held_bytes")
                self.assertEqual(gateway.get("/", "", "POST", b"fine").body, b"fine")
                self.clear_stage()

    def test_a_hundred_mebibytes_stream_through_an_agent_at_flat_memory(self):
        pieces = 1600
        seen = []
        gateway = self.play(
            REQUESTS,
            'request-body-mode "stream"; timeout-ms 60000',
            limits="max-body-size-bytes 200000000; max-held-bytes 4194304",
            agent_settings={"features": {"streaming_body": True}},
            request_body=lambda event: replaced(event, event.data()[:10], "request", needs_more=False),
        )
        client = gateway.client(60)
        client.send(message("/", f"Content-Length: {pieces * 65536}\r\n", "POST"))
        piece = b"0123456789abcdef" * 4096
        for number in range(pieces):
            client.send(piece)
            if number in (200, pieces - 1):
                seen.append(gateway.resident_kib())
        self.assertGreater(len(client.response("POST").body), 1000)
        self.assertLess(seen[1] - seen[0], 30_000)  # of 90 MiB that passed; what there is is AddressSanitizer's
        gateway.expect_metric(0, "picket_held_bytes")

    def test_an_agent_that_wants_no_more_holds_the_client_back(self):
        resumed = threading.Event()

        def pause(event):
            if event.body["chunk_index"] == 0:
                event.connection.send(wire.flow("pause", event.id))
            return allow()

        gateway = self.play(
            REQUESTS,
            'request-body-mode "stream"; max-request-body-bytes 65536',
            limits="max-body-size-bytes 200000000",
            agent_settings={"features": {"streaming_body": True, "flow_control": True}},
            request_body=pause,
        )
        client = gateway.client()
        client.socket.settimeout(2)
        client.send(message("/", "Content-Length: 100000000\r\n", "POST"))
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 100_000_000:
                sent += client.socket.send(b"a" * 65536)
        self.assertLess(sent, 50_000_000)
        resumed.set()
        first = self.agent.of("request_body")[0]
        before = len(self.agent.of("request_body"))
        first.connection.send(wire.flow("resume", first.id))
        self.agent.expect("request_body", before + 1)

    def test_a_client_that_leaves_while_an_agent_wants_no_more_is_let_go(self):
        gateway = self.play(
            f'{REQUESTS} "request_complete"',
            'request-body-mode "stream"',
            agent_settings={"features": FLOW_CONTROL, "events": (*KINDS, "request_complete")},
            request_body=pausing,
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.upstream_has(b"one")
        upload.client.close()
        self.agent.expect("request_complete")


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


class Compressed(Decided):
    """Bodies in a content coding, shown as what they contain."""

    TEXT = b"card 4111111111111111, " * 40
    BROTLI = b"\x0b\x02\x80hello\x03"

    def codings(self):
        bare = zlib.compressobj(wbits=-15)
        yield "gzip", gzip.compress(self.TEXT), self.TEXT
        yield "x-gzip", gzip.compress(self.TEXT[:100]) + gzip.compress(self.TEXT[100:]), self.TEXT
        yield "deflate", zlib.compress(self.TEXT), self.TEXT
        yield "deflate", bare.compress(self.TEXT) + bare.flush(), self.TEXT
        yield "br", self.BROTLI, b"hello"
        yield "identity", self.TEXT, self.TEXT

    @staticmethod
    def fields(codings: tuple[str, ...]) -> str:
        return "".join(f"Content-Encoding: {coding}\r\n" for coding in codings)

    def test_an_answer_is_shown_and_goes_out_as_what_it_contains(self):
        for mode in ("buffer", "stream"):
            gateway = self.play(
                ANSWERS,
                f'decompress #true; response-body-mode "{mode}"',
                response_body=lambda event: replaced(event, event.data().replace(b"4111111111111111", b"[card]")),
            )
            for coding, packed, text in self.codings():
                with self.subTest(f"{mode} {coding}"):
                    headers = f'Content-Encoding: {coding}\r\nETag: "a"\r\n'
                    self.upstream.respond = lambda _, packed=packed, headers=headers: response(packed, headers=headers)
                    answer = gateway.get("/", "Accept-Encoding: zstd, gzip;q=0.5\r\nAccept-Encoding: br, *;q=0.1\r\n")
                    self.assertEqual(answer.body, text.replace(b"4111111111111111", b"[card]"))
                    if coding != "identity":
                        self.assertEqual((answer.value("content-encoding"), answer.value("etag")), (None, 'W/"a"'))
            self.assertEqual(self.upstream.requests[0].values("accept-encoding"), ["gzip;q=0.5, br"])
            self.clear_stage()

    def test_a_request_is_shown_and_goes_on_as_what_it_contains(self):
        for mode in ("buffer", "stream"):
            gateway = self.play(REQUESTS, f'decompress #true; request-body-mode "{mode}"')
            for coding, packed, text in self.codings():
                with self.subTest(f"{mode} {coding}"):
                    before = len(self.agent.of("request_body"))
                    self.assertEqual(gateway.get("/", f"Content-Encoding: {coding}\r\n", "POST", packed).body, text)
                    shown = b"".join(each.data() for each in self.agent.of("request_body")[before:])
                    self.assertEqual(shown, text)
                    if coding != "identity":
                        self.assertEqual(self.upstream.requests[-1].values("content-encoding"), [])
            self.clear_stage()

    def test_what_does_not_decode_is_refused_and_an_unknown_coding_is_decided_by_the_failure_mode(self):
        for mode in ("closed", "open"):
            gateway = self.play(f'{REQUESTS} "response_body"', f'decompress #true; failure-mode "{mode}"')
            self.upstream.respond = lambda request: response(
                request.body, headers="Content-Encoding: zstd\r\n" if request.target == "/zstd" else "Content-Encoding: gzip\r\n"
            )
            for coding, body, refused in (
                ("gzip", b"plain", True),
                ("gzip", gzip.compress(self.TEXT)[:-1], True),
                ("gzip, br", self.BROTLI, mode == "closed"),
                ("zstd", b"plain", mode == "closed"),
            ):
                with self.subTest(f"{mode} {coding} {body[:5]}"):
                    answer = gateway.get("/zstd", f"Content-Encoding: {coding}\r\n", "POST", body)
                    if refused:
                        self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"))
                    else:
                        self.assertEqual((answer.status, answer.body), (200, body))
            for target, text, refused in (("/gzip", b"plain", True), ("/zstd", b"plain", mode == "closed")):
                with self.subTest(f"{mode} answer {target}"):
                    answer = gateway.get(target, "", "POST", text)
                    if refused:
                        self.assertEqual((answer.status, answer.reason), (502, "body_undecodable"))
                    else:
                        self.assertEqual((answer.status, answer.body), (200, text))
            self.clear_stage()

    def test_all_fields_that_tell_of_codings_count_as_one_list(self):
        packed = gzip.compress(self.TEXT)
        for mode in ("buffer", "stream"):
            keys = f'decompress #true; request-body-mode "{mode}"; response-body-mode "{mode}"'
            gateway = self.play(f'{REQUESTS} "response_body"', keys)
            for codings, body, is_shown in (
                (("identity", "gzip"), packed, True),
                (("", "gzip"), packed, True),
                (("gzip", "identity"), packed, True),
                (("gzip", "gzip"), gzip.compress(packed), False),
                (("gzip", "br"), packed, False),
                (("gzip, gzip",), gzip.compress(packed), False),
            ):
                with self.subTest(f"{mode} {codings}"):
                    self.upstream.respond = lambda _: response()
                    answer = gateway.get("/", self.fields(codings), "POST", body)
                    if is_shown:
                        forwarded = self.upstream.requests[-1]
                        self.assertEqual((forwarded.body, forwarded.values("content-encoding")), (self.TEXT, []))
                    else:
                        self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"))
                    self.upstream.respond = lambda _, body=body, codings=codings: response(body, headers=self.fields(codings))
                    answer = gateway.get("/")
                    if is_shown:
                        self.assertEqual((answer.body, answer.value("content-encoding")), (self.TEXT, None))
                    else:
                        self.assertEqual((answer.status, answer.reason), (502, "body_undecodable"))
            for kind in ("request_body", "response_body"):
                self.assertNotIn(packed[:2], b"".join(each.data() for each in self.agent.of(kind)))
            self.clear_stage()

    def test_what_is_said_of_the_packed_bytes_does_not_go_out_with_what_they_contain(self):
        gateway = self.play(ANSWERS, "decompress #true")
        said = "Content-Digest: sha-256=:eA==:\r\nRepr-Digest: sha-256=:eA==:\r\nContent-MD5: eA==\r\nAccept-Ranges: bytes\r\n"
        names = ("content-digest", "repr-digest", "content-md5", "accept-ranges")
        for coding, is_packed in (("gzip", True), ("identity", False)):
            body = gzip.compress(self.TEXT) if is_packed else self.TEXT
            headers = f"Content-Encoding: {coding}\r\n{said}"
            self.upstream.respond = lambda _, body=body, headers=headers: response(body, headers=headers)
            answer = gateway.get("/")
            self.assertEqual(answer.body, self.TEXT)
            self.assertEqual([answer.value(name) is None for name in names], [is_packed] * len(names))

    def test_answers_without_a_body_say_what_the_one_with_it_would(self):
        gateway = self.play(ANSWERS, "decompress #true")
        packed = gzip.compress(self.TEXT)
        said = 'Content-Encoding: gzip\r\nETag: "a"\r\nAccept-Ranges: bytes\r\nContent-MD5: eA==\r\n'
        names = ("content-encoding", "etag", "accept-ranges", "content-md5", "content-length")
        length = f"Content-Length: {len(packed)}\r\n"
        self.upstream.respond = lambda request: response(
            b"" if request.method == "HEAD" else packed, headers=length + said, length=False
        )
        with_it, without = gateway.get("/"), gateway.get("/", method="HEAD")
        self.assertEqual([without.value(name) for name in names], [None, 'W/"a"', None, None, None])
        self.assertEqual([with_it.value(name) for name in names[:4]], [without.value(name) for name in names[:4]])
        for fields in (said, 'ETag: "a"\r\n'):
            self.upstream.respond = lambda _, fields=fields: response(b"", 304, fields, length=False)
            unchanged = gateway.get("/", 'If-None-Match: W/"a"\r\n')
            self.assertEqual((unchanged.status, unchanged.value("content-encoding"), unchanged.value("etag")), (304, None, 'W/"a"'))
        self.upstream.respond = lambda _: response(b"", headers='ETag: "a"\r\nContent-Length: 5\r\n', length=False)
        self.assertEqual(gateway.get("/", method="HEAD").value("etag"), '"a"')

    def test_agents_see_the_head_of_what_they_are_shown(self):
        gateway = self.play(f'{ANSWERS} "response_headers"', "decompress #true")
        self.upstream.respond = lambda _: response(gzip.compress(self.TEXT), headers="Content-Encoding: gzip\r\n")
        self.assertEqual(gateway.get("/").body, self.TEXT)
        shown = self.agent.of("response_headers")[0].body["headers"]
        self.assertNotIn("content-encoding", {name.lower() for name in shown})

    def test_no_part_is_asked_for_and_one_of_packed_bytes_is_decided_by_the_failure_mode(self):
        packed = gzip.compress(self.TEXT)
        for mode in ("closed", "open"):
            gateway = self.play(ANSWERS, f'decompress #true; failure-mode "{mode}"')
            self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
            answer = gateway.get("/", 'Range: bytes=10-\r\nIf-Range: "a"\r\n')
            self.assertEqual((answer.status, answer.body), (200, self.TEXT))
            asked = self.upstream.requests[-1]
            self.assertEqual((asked.values("range"), asked.values("if-range")), ([], []))
            part = response(packed[10:], 206, f"Content-Encoding: gzip\r\nContent-Range: bytes 10-{len(packed) - 1}/{len(packed)}\r\n")
            self.upstream.respond = lambda _: part
            answer = gateway.get("/")
            if mode == "closed":
                self.assertEqual((answer.status, answer.reason), (502, "body_undecodable"))
            else:
                self.assertEqual((answer.status, answer.body, answer.value("content-encoding")), (206, packed[10:], "gzip"))
            self.clear_stage()

    def test_what_does_not_decode_behind_what_is_held_is_refused_at_once(self):
        packed = gzip.compress(b"x" * 20_000, 0)
        for mode in ("buffer", "stream", "hybrid"):
            with self.subTest(mode):
                keys = f'decompress #true; request-body-mode "{mode}"' + (" 65536" if mode == "hybrid" else "")
                gateway = self.play(REQUESTS, keys, request_body=lambda _: allow(needs_more=True))
                client = gateway.client()
                client.send(message("/", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "POST"))
                client.send(chunk(packed) + chunk(b"garbage" * 5_000))  # and no end
                answer = client.response("POST")
                self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"))
            self.clear_stage()

    def test_what_becomes_too_much_is_refused(self):
        gateway = self.play(REQUESTS, 'decompress #true; request-body-mode "stream"', limits="max-body-size-bytes 100000000")
        bomb = gzip.compress(bytes(20_000_000))
        answer = gateway.get("/", "Content-Encoding: gzip\r\n", "POST", bomb)
        self.assertEqual((answer.status, answer.reason), (413, "body_too_large"))
        self.clear_stage()
        gateway = self.play(REQUESTS, 'decompress #true', limits="max-body-size-bytes 3000")
        for size, status in ((3000, 200), (3001, 413)):
            body = gzip.compress(bytes(size % 251 for size in range(size)))
            self.assertEqual(gateway.get("/", "Content-Encoding: gzip\r\n", "POST", body).status, status)

    def test_without_the_key_bodies_are_shown_as_they_come(self):
        gateway = self.play(ANSWERS)
        packed = gzip.compress(self.TEXT)
        self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
        answer = gateway.get("/", "Accept-Encoding: zstd\r\n")
        self.assertEqual((answer.body, answer.value("content-encoding")), (packed, "gzip"))
        self.assertEqual(self.upstream.requests[0].values("accept-encoding"), ["zstd"])


class Http2(Decided):
    """Both sides of HTTP/2, where a request may go on beside its answer."""

    ALL_EVENTS = f'{REQUESTS} "response_headers" "response_body"'

    def conversation(self, agent_keys: str, asked_about: str = ALL_EVENTS, settings: dict | None = None, **agent) -> tuple[Http2Client, int]:
        """A call of which the upstream has begun to answer when the request has begun."""
        self.call: Call | None = None
        self.upstream = Http2Upstream(lambda call: None, self.answers)
        self.stage.adopt(self.upstream)
        self.agent = self.stage.agent("a", **agent)
        gateway = self.gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}'
        gateway.write(
            {"app": [self.upstream.address]},
            [Asked("a", self.agent.path, asked_about, f"{agent_keys}; buffer-size 65536")],
            listeners=listener,
            upstream_keys="http-version { min-version 2 }",
        )
        client = Http2Client(gateway.start().port, settings=settings)
        self.stage.clients.append(client)
        stream = client.open(h2_head("/", method="POST"), end=False)
        client.data(stream, b"one")
        wait("the call upstream", lambda: self.call is not None)
        return client, stream

    def answers(self, call: Call) -> None:
        self.call = call
        call.head()
        call.data(b"first")

    MODES = 'request-body-mode "stream"; response-body-mode "stream"'

    def answering_apart(self, **behaviours) -> dict:
        """An agent that tells its answers apart."""
        def answer(event) -> dict:
            return behaviours.get(event.kind, lambda _: allow())(event) | reply_to(event)

        return {"extensions": ("event-reply",), "events": KINDS, **dict.fromkeys(KINDS, answer)}

    def test_a_conversation_streams_through_an_agent_that_tells_answers_apart(self):
        client, stream = self.conversation(self.MODES, **self.answering_apart())
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        client.data(stream, b"two", end=True)
        wait("the request's end", lambda: self.call.body == b"onetwo")
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")

    def test_an_answer_that_is_whole_waits_for_no_agents_pause(self):
        behaviours = self.answering_apart(request_body=pausing)
        client, stream = self.conversation(self.MODES, features=FLOW_CONTROL, **behaviours)
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        wait("the agent has paused it", lambda: self.call.body == b"one")
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")
        wait("it is over", lambda: self.gateway.access("/"))

    def test_a_block_in_a_conversation_cuts_it(self):
        behaviour = {"request_body": lambda event: block(403) if event.data() == b"evil" else allow()}
        client, stream = self.conversation(self.MODES, **self.answering_apart(**behaviour))
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        client.data(stream, b"evil")
        cut = client.answer(stream)
        self.assertEqual((cut.status, cut.reset), (200, INTERNAL_ERROR))
        self.assertNotIn(b"evil", self.call.body)

    def test_a_word_that_comes_behind_the_one_that_the_client_is_told_changes_nothing(self):
        asked, may_answer = threading.Event(), threading.Event()

        def late(event):
            if event.body["chunk_index"] == 0:
                return allow()
            asked.set()
            may_answer.wait(30)
            return block(403)

        def first(event):
            asked.wait(30)
            return block(403, body="no")

        behaviours = self.answering_apart(request_body=late, response_headers=first)
        client, stream = self.conversation(self.MODES, settings={INITIAL_WINDOW_SIZE: 0}, **behaviours)
        client.data(stream, b"two")
        client.until("a head", lambda: client.streams[stream].headers)
        may_answer.set()
        wait("the other word", lambda: len(self.gateway.lines("audit")) == 2)
        client.window(stream, 100)
        self.assertEqual(client.answer(stream).body, b"no")
        self.assertEqual(self.gateway.access("/")[0]["decision"], "block")

    def test_an_agent_that_does_not_may_look_at_the_requests_side_alone(self):
        client, stream = self.conversation('request-body-mode "stream"', REQUESTS)
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        client.data(stream, b"two")
        wait("more of the request", lambda: self.call.body == b"onetwo")
        client.data(stream, b"", end=True)
        wait("the request's end", lambda: self.call.ended)
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")

    def test_an_agent_that_does_not_gets_one_question_at_a_time(self):
        asked, at_once = [], []

        def watched(event):
            asked.append(event.kind)
            time.sleep(0.05)
            at_once.append(len(asked))
            asked.remove(event.kind)
            return allow()

        client, stream = self.conversation(self.MODES, request_body=watched, response_body=watched, response_headers=watched)
        client.data(stream, b"two", end=True)
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        self.assertEqual(self.call.body, b"onetwo")
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")
        self.assertEqual(set(at_once), {1})
        self.assertGreater(len(at_once), 2)


if __name__ == "__main__":
    import unittest

    unittest.main()
