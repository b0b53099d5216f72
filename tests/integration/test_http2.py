"""Clients of HTTP/2 (h2c by prior knowledge): what they get, and that the streams of a connection are each other's business no more than connections are."""

import signal
import struct
import subprocess
import threading
import time
import unittest

from client import Client
from http2 import (
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, NO_ERROR, PROTOCOL_ERROR, RST_STREAM,
    SETTINGS, WINDOW, Answer, Http2Client, frame, head, literal,
)
from processes import wait
from stage import Asked, Gateway, StageTest
from upstream import response
from wire import allow, block

LARGE = bytes(range(256)) * 4096  # 1 MiB


class Http2Test(StageTest):
    def play(self, respond=None, agents=(), on_head=None, keys: str = "", **more) -> Gateway:
        self.upstream = self.stage.upstream(respond, on_head)
        gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c"; {keys} }}'
        gateway.write({"app": [self.upstream.address]}, agents, listeners=listener, **more)
        return gateway.start()

    def connect(self, gateway: Gateway, **how) -> Http2Client:
        client = Http2Client(gateway.port, **how)
        self.stage.clients.append(client)
        return client


class FrameByFrame(Http2Client):
    """Gives back what a frame took as soon as it has come, takes its time for that, and keeps sizes only."""

    def __init__(self, port: int):
        self.sizes: list[int] = []
        super().__init__(port, timeout=120)

    def _take_data(self, stream: int, flags: int, payload: bytes) -> None:
        self.sizes.append(len(payload))
        time.sleep(0.0003)  # or several frames would be given back at once
        super()._take_data(stream, flags, payload)
        self.streams[stream].body = b""


class Windows(Http2Test):
    def test_that_come_back_frame_by_frame_bring_a_large_download_in_frames_that_are_worth_it(self):
        size = 30 * len(LARGE)
        gateway = self.play(lambda request: response(LARGE * 30))
        client = FrameByFrame(gateway.port)
        self.stage.clients.append(client)
        self.assertEqual(client.get().status, 200)
        self.assertEqual(sum(client.sizes), size)
        self.assertLess(len(client.sizes), size / 2048)
        self.assertEqual(gateway.metric("picket_http2_floods_total", kind="window_updates"), 0)

    def test_that_come_back_frame_by_frame_bring_several_downloads_at_once(self):
        gateway = self.play(lambda request: response(LARGE * 8))
        client = FrameByFrame(gateway.port)
        self.stage.clients.append(client)
        streams = [client.open(head(f"/{number}")) for number in range(5)]
        for stream in streams:
            self.assertEqual(client.answer(stream).reset, None)
        self.assertEqual(sum(client.sizes), 5 * 8 * len(LARGE))

    def test_of_a_few_bytes_are_used_though_their_client_gives_no_more_before(self):
        gateway = self.play(lambda request: response(LARGE))
        client = self.connect(gateway, reads=False)
        stream = client.open(head())
        body = client.streams[stream]
        client.until("a window", lambda: len(body.body) == WINDOW)
        client.window(0, len(LARGE))
        for number in range(1, 4):
            client.window(stream, 100)
            client.until("a hundred bytes more", lambda: len(body.body) == WINDOW + 100 * number)
        client.window(stream, len(LARGE))
        self.assertTrue(client.answer(stream).body == LARGE)

    def test_that_are_tiny_from_the_beginning_are_used_at_once(self):
        gateway = self.play(lambda request: response(LARGE[:5000]))
        client = self.connect(gateway, settings={INITIAL_WINDOW_SIZE: 100})
        self.assertTrue(client.get().body == LARGE[:5000])


class Requests(Http2Test):
    def test_go_upstream_as_those_of_http_1_and_answers_come_back(self):
        gateway = self.play(lambda request: response(b"hi", headers="X-Up: Yes\r\nConnection: keep-alive\r\n"))
        answer = self.connect(gateway).get("/x?y", [("x-a", "b"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")])
        self.assertEqual((answer.status, answer.body, answer.value("x-up"), answer.value("content-length")), (200, b"hi", "Yes", "2"))
        self.assertIsNotNone(answer.value("date"))
        self.assertIsNone(answer.value("connection"))
        request = self.upstream.requests[0]
        self.assertEqual(request.line, "GET /x?y HTTP/1.1")
        self.assertEqual(request.values("host"), ["a.test"])
        self.assertEqual((request.values("cookie"), request.values("te")), (["a=1; b=2"], []))
        line = gateway.access("/x?y")[0]
        self.assertEqual((line["protocol"], line["status"], line["bytes_out"]), ("HTTP/2", 200, 2))

    def test_an_answers_head_of_many_fields_comes_back_whole(self):
        fields = "".join(f"X-{number:05}: {'v' * 50}\r\n" for number in range(900))
        gateway = self.play(lambda request: response(b"hi", headers=fields))
        answer = self.connect(gateway).get()
        self.assertEqual((answer.status, answer.body, answer.value("x-00899")), (200, b"hi", "v" * 50))

    def test_of_http_1_are_served_on_the_same_port(self):
        gateway = self.play()
        self.assertEqual(gateway.get("/old").status, 200)
        self.assertEqual(gateway.access("/old")[0]["protocol"], "HTTP/1.1")
        with Client(gateway.port) as client:
            client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
            self.assertEqual(client.response().status, 400)

    def test_are_read_however_they_are_cut(self):
        gateway = self.play()
        client = self.connect(gateway)
        for byte in frame(HEADERS, END_HEADERS, 1, literal(head("/cut", method="POST"))) + frame(DATA, END_STREAM, 1, b"abc"):
            client.send(bytes([byte]))
        client.streams[1] = Answer()
        self.assertEqual(client.answer(1).status, 200)
        self.assertEqual(self.upstream.requests[0].body, b"abc")

    def test_have_bodies_of_any_length_both_ways(self):
        gateway = self.play(lambda request: response(request.body))
        client = self.connect(gateway)
        stream = client.open(head("/echo", method="POST"), end=False)
        sent, allowed = 0, WINDOW
        while sent < len(LARGE):
            piece = LARGE[sent : sent + min(16384, allowed)]
            if piece:
                client.data(stream, piece)
                sent, allowed = sent + len(piece), allowed - len(piece)
                continue
            seen = len(client.frames)
            client.until("the window grows", lambda: len(client.frames) > seen)
            allowed += sum(struct.unpack(">I", f[3])[0] for f in client.frames[seen:] if f[0] == 8 and f[2] == stream)
        client.data(stream, b"", end=True)
        answer = client.answer(stream)
        self.assertEqual((answer.status, answer.body == LARGE), (200, True))
        self.assertEqual(self.upstream.requests[0].values("transfer-encoding"), ["chunked"])

    def test_declare_their_length_upstream_where_the_client_does(self):
        gateway = self.play()
        answer = self.connect(gateway).post("/", b"abc", [("content-length", "3")])
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.upstream.requests[0].values("content-length"), ["3"])

    def test_to_head_and_answers_without_body_have_none(self):
        statuses = {"/204": 204, "/304": 304}
        gateway = self.play(
            lambda request: response(b"", statuses.get(request.target, 200), headers="Content-Length: 5\r\n" if request.method == "HEAD" else "", length=request.method != "HEAD" and request.target not in statuses)
        )
        client = self.connect(gateway)
        answer = client.answer(client.open(head("/", method="HEAD")))
        self.assertEqual((answer.status, answer.body, answer.value("content-length")), (200, b"", "5"))
        for path, status in statuses.items():
            answer = client.get(path)
            self.assertEqual((answer.status, answer.body, answer.ended), (status, b"", True))

    def test_get_interim_answers(self):
        gateway = self.play(lambda request: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(b"x"))
        answer = self.connect(gateway).get()
        self.assertEqual([dict(fields) for fields in answer.interim], [{":status": "103", "link": "</a>"}])
        self.assertEqual(answer.status, 200)

    def test_wait_for_100_where_they_expect_it(self):
        agent = self.stage.agent(request_headers=lambda event: allow(), request_body_chunk=lambda event: allow())
        gateway = self.play(agents=[Asked("a", agent.path, '"request_headers" "request_body"')])
        client = self.connect(gateway)
        stream = client.open(head("/", [("expect", "100-continue"), ("content-length", "3")], "POST"), end=False)
        client.until("100", lambda: client.streams[stream].interim)
        client.data(stream, b"abc", end=True)
        self.assertEqual(client.answer(stream).status, 200)

    def test_are_told_to_agents_as_they_go_upstream(self):
        agent = self.stage.agent(request_headers=lambda event: block(403) if event.body["uri"] == "/no" else allow())
        gateway = self.play(agents=[Asked("a", agent.path)])
        client = self.connect(gateway)
        self.assertEqual((client.get("/no").status, client.get("/yes").status), (403, 200))
        event = agent.of("request_headers")[-1].body
        self.assertEqual((event["metadata"]["protocol"], event["method"], event["uri"]), ("HTTP/2", "GET", "/yes"))
        self.assertEqual(event["headers"]["host"], ["a.test"])
        self.assertEqual([request.target for request in self.upstream.requests], ["/yes"])

    def test_with_a_head_in_many_frames_are_served(self):
        gateway = self.play()
        client = self.connect(gateway)
        block_ = literal(head("/parts", [("x-a", "b" * 3000)]))
        client.streams[1] = Answer()
        parts = [block_[i : i + 800] for i in range(0, len(block_), 800)]
        client.frame(HEADERS, END_STREAM, 1, parts[0])
        for part in parts[1:-1]:
            client.frame(CONTINUATION, 0, 1, part)
        client.frame(CONTINUATION, END_HEADERS, 1, parts[-1])
        self.assertEqual(client.answer(1).status, 200)

    def test_with_heads_over_the_limit_get_431(self):
        gateway = self.play()
        client = self.connect(gateway)
        for size in (15_000, 17_000, 60_000):
            blocks = literal(head("/", [(f"x-{i}", "y" * 1000) for i in range(size // 1000)]))
            stream, client._next = client._next, client._next + 2
            client.streams[stream] = Answer()
            client.frame(HEADERS, END_STREAM, stream, blocks[:16000])
            for i in range(16000, len(blocks), 16000):
                client.frame(CONTINUATION, 0, stream, blocks[i : i + 16000])
            client.frame(CONTINUATION, END_HEADERS, stream, b"")
            self.assertEqual(client.answer(stream).status, 200 if size < 16_000 else 431, size)


class Streams(Http2Test):
    def test_a_hundred_at_once_and_one_of_them_stalled_reset_or_denied(self):
        agent = self.stage.agent(request_headers=lambda event: block(403) if event.body["uri"] == "/denied" else allow())
        gate = threading.Event()

        def respond(request):
            if request.target == "/stalled":
                gate.wait(30)
            return response(request.target.encode() * 1000)

        gateway = self.play(respond, [Asked("a", agent.path)])
        client = self.connect(gateway)
        stalled = client.open(head("/stalled"))
        reset = client.open(head("/stalled"))
        denied = client.open(head("/denied"))
        others = [client.open(head(f"/{i}")) for i in range(97)]
        client.reset(reset)
        for i, stream in enumerate(others):
            answer = client.answer(stream)
            self.assertEqual((answer.status, answer.body), (200, f"/{i}".encode() * 1000))
        self.assertEqual(client.answer(denied).status, 403)
        self.assertFalse(client.streams[stalled].is_over)
        gate.set()
        self.assertEqual(client.answer(stalled).status, 200)
        self.assertEqual(client.get("/after").status, 200)

    def test_more_than_allowed_end_the_connection_of_who_was_told(self):
        gateway = self.play(keys="max-concurrent-streams 2")
        client = self.connect(gateway)
        client.until("settings", lambda: any(f[:2] == (SETTINGS, ACK) for f in client.frames))
        for _ in range(3):
            client.open(head("/", method="POST"), end=False)
        client.until_closed()
        self.assertEqual(client.goaway[1], PROTOCOL_ERROR)

    def test_that_were_reset_count_until_their_exchanges_are_over(self):
        # CVE-2025-8671, CVE-2023-44487: the client thinks that it has none, and what they began is still under way.
        gate = threading.Event()
        agent = self.stage.agent(request_headers=lambda event: allow())
        gateway = self.play(
            lambda request: gate.wait(30) and response(), [Asked("a", agent.path)], keys="max-concurrent-streams 2"
        )
        client = self.connect(gateway)
        burst = b""
        for stream in range(1, 41, 2):
            client.streams[stream] = Answer()
            burst += frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(head(f"/{stream}")))
            burst += frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
        client.send(burst)
        gate.set()
        gateway.expect_metric(20, "picket_http2_streams_total")
        self.assertGreaterEqual(gateway.metric("picket_http2_streams_refused_total"), 17)
        self.assertLessEqual(len(self.upstream.requests), 2)

    def test_a_response_that_is_not_read_holds_no_other_up(self):
        gateway = self.play(lambda request: response(LARGE if request.target == "/large" else b"small"))
        client = self.connect(gateway, reads=False)
        large = client.open(head("/large"))
        client.until("the window is full", lambda: len(client.streams[large].body) == WINDOW)
        client.window(0, 10_000_000)
        for _ in range(10):
            self.assertEqual(client.get("/small").body, b"small")
        client.window(large, 10_000_000)
        self.assertEqual(client.answer(large).body, LARGE)

    def test_a_window_that_shrinks_below_nothing_is_waited_for(self):
        gateway = self.play(lambda request: response(LARGE[:100_000]))
        client = self.connect(gateway, reads=False, settings={INITIAL_WINDOW_SIZE: 0})
        stream = client.open(head("/"))
        client.until("the head", lambda: client.streams[stream].headers)
        client.drop_input(0.2)
        self.assertEqual(client.streams[stream].body, b"")
        client.window(0, 1_000_000)
        client.window(stream, 100_000)
        self.assertEqual(client.answer(stream).body, LARGE[:100_000])

    def test_uploads_pass_beside_one_that_nobody_reads(self):
        gate = threading.Event()

        def on_head(request):
            if b"/unread" in request.head:
                gate.wait(30)
            return True

        gateway = self.play(on_head=on_head)
        client = self.connect(gateway)
        unread = client.open(head("/unread", method="POST"), end=False)
        for _ in range(4):
            client.data(unread, b"x" * 16000)
        streams = [client.open(head(f"/{i}", method="POST"), body=b"y" * 16000) for i in range(30)]
        for stream in streams:
            self.assertEqual(client.answer(stream).status, 200)
        gate.set()
        client.data(unread, b"", end=True)
        self.assertEqual(client.answer(unread).status, 200)
        bodies = [request.body for request in self.upstream.requests]
        self.assertEqual(sorted(map(len, bodies)), [16000] * 30 + [64000])

    def test_a_reset_cancels_what_agents_are_asked(self):
        agent = self.stage.agent(request_headers=lambda event: None if event.body["uri"] == "/held" else allow())
        gateway = self.play(agents=[Asked("a", agent.path)])
        client = self.connect(gateway)
        stream = client.open(head("/held"))
        wait("the agent is asked", lambda: agent.of("request_headers"))
        client.reset(stream)
        wait("the agent is told", lambda: agent.of("cancel"))
        self.assertEqual(client.get("/other").status, 200)
        self.assertEqual(gateway.access("/held")[0]["reason"], "client_gone")
        gateway.expect_metric(1, "picket_http2_streams_reset_total")

    def test_a_connection_that_closes_ends_its_exchanges(self):
        agent = self.stage.agent(request_headers=lambda event: None)
        gateway = self.play(agents=[Asked("a", agent.path)])
        client = self.connect(gateway)
        for _ in range(3):
            client.open(head("/held"))
        client.open(head("/upload", method="POST"), end=False)
        wait("the agent is asked", lambda: len(agent.of("request_headers")) == 4)
        client.close()
        wait("the agent is told", lambda: len(agent.of("cancel")) == 4)
        gateway.expect_metric(0, "picket_client_connections_open")

    def test_a_client_that_leaves_in_the_middle_of_an_upload_leaves_nothing_behind(self):
        gateway = self.play()
        client = self.connect(gateway)
        stream = client.open(head("/upload", method="POST"), end=False)
        client.data(stream, b"x" * 1000)
        wait("the upstream has some of it", lambda: b"xxx" in self.upstream.raw())
        client.reset(stream)
        self.assertEqual(gateway.access("/upload")[0]["status"], 0)
        self.assertEqual(client.get("/next").status, 200)
        gateway.expect_metric(0, "picket_held_bytes")

    def test_an_upstream_that_dies_in_the_middle_resets_its_stream_alone(self):
        gateway = self.play(
            lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" if request.target == "/dies" else response(b"lives")
        )
        client = self.connect(gateway)
        stream = client.open(head("/dies"))
        client.until("some of it", lambda: client.streams[stream].body)
        self.upstream.close_connections()
        answer = client.answer(stream)
        self.assertEqual((answer.status, answer.ended), (200, False))
        self.assertIsNotNone(answer.reset)
        self.assertEqual(client.get("/lives").body, b"lives")

    def test_an_answer_before_the_end_of_the_request_says_that_no_more_is_wanted(self):
        agent = self.stage.agent(request_headers=lambda event: block(403))
        gateway = self.play(agents=[Asked("a", agent.path)])
        client = self.connect(gateway)
        stream = client.open(head("/", method="POST"), end=False)
        answer = client.answer(stream)
        self.assertEqual(answer.status, 403)
        client.until("no more is wanted", lambda: client.streams[stream].reset is not None)
        self.assertEqual(answer.reset, NO_ERROR)
        agent.close()

    def test_bodies_that_lie_about_their_length_are_reset(self):
        gateway = self.play()
        client = self.connect(gateway)
        for body, length in ((b"abc", "2"), (b"abc", "4"), (b"abc", "0")):
            stream = client.open(head("/", [("content-length", length)], "POST"), body=body)
            self.assertEqual(client.answer(stream).reset, 1, (body, length))
        self.assertEqual(client.get().status, 200)


class Ends(Http2Test):
    def test_a_drain_lets_what_is_under_way_end_and_takes_nothing_new(self):
        gate = threading.Event()

        def respond(request):
            gate.wait(30)
            return response(b"done")

        gateway = self.play(respond)
        client = self.connect(gateway)
        stream = client.open(head("/slow"))
        wait("it is upstream", lambda: self.upstream.requests)
        idle = self.connect(gateway)
        idle.drop_input(0.2)
        gateway.program.signal(signal.SIGTERM)
        idle.until_closed()
        client.until("goaway", lambda: client.goaway is not None)
        self.assertEqual(client.goaway, (stream, NO_ERROR))
        late = client.open(head("/late"))
        gate.set()
        self.assertEqual(client.answer(stream).body, b"done")
        client.until_closed()
        self.assertFalse(client.streams[late].headers)
        self.assertEqual(len(self.upstream.requests), 1)
        gateway.program.wait(20)

    def test_a_connection_that_says_nothing_is_closed(self):
        gateway = self.play(limits="")
        client = self.connect(gateway)
        client.until_closed()  # 10 s: the time for a first request
        self.assertEqual(client.goaway, (0, NO_ERROR))

    def test_of_the_process_end_what_does_not_end_in_time(self):
        agent = self.stage.agent(request_headers=lambda event: None)
        gateway = self.play(agents=[Asked("a", agent.path)], drain_s=1)
        client = self.connect(gateway)
        client.open(head("/held"))
        wait("the agent is asked", lambda: agent.of("request_headers"))
        gateway.program.signal(signal.SIGTERM)
        client.until_closed()
        gateway.program.wait(20)

    def test_a_reload_leaves_connections_as_they_are(self):
        gateway = self.play()
        client = self.connect(gateway)
        self.assertEqual(client.get("/1").status, 200)
        gateway.program.signal(signal.SIGHUP)
        gateway.said("reloaded /")
        self.assertEqual(client.get("/2").status, 200)


class Programs(Http2Test):
    """What others wrote."""

    def test_curl_gets_what_it_asks_for(self):
        gateway = self.play(lambda request: response(request.body or b"hello"))
        url = f"http://127.0.0.1:{gateway.port}/"
        ask = ["curl", "-sS", "--http2-prior-knowledge", "--max-time", "20", "-w", " %{http_version} %{http_code}"]
        self.assertEqual(subprocess.check_output([*ask, url]), b"hello 2 200")
        self.assertEqual(subprocess.check_output([*ask, "-d", "body", url]), b"body 2 200")
        large = subprocess.run([*ask, "--data-binary", "@-", url], input=LARGE, capture_output=True, check=True).stdout
        self.assertEqual((large[:-6] == LARGE, large[-6:]), (True, b" 2 200"))

    def test_h2load_has_all_its_requests_answered(self):
        gateway = self.play()
        said = subprocess.check_output(
            ["h2load", "-n", "2000", "-c", "4", "-m", "50", f"http://127.0.0.1:{gateway.port}/"], text=True
        )
        self.assertIn("2000 succeeded, 0 failed", said)


if __name__ == "__main__":
    unittest.main()
