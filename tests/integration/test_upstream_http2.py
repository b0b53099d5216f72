"""Upstreams that speak HTTP/2: what they are asked and how, what of their answers passes, and what they cannot cost."""

import contextlib
import ssl
import threading
import unittest

from certificates import Authority
from client import Response, message
from http2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, SETTINGS, WINDOW, Http2Client, frame, head, literal
from http2_upstream import Call, Http2Upstream
from processes import wait
from stage import Gateway, StageTest
from upstream import response

REFUSED_STREAM, INTERNAL_ERROR, FLOW_CONTROL_ERROR, MAX_CONCURRENT_STREAMS = 7, 2, 3, 3
MEBIBYTE = 1 << 20
CONNECTS = "picket_upstream_connects_total"


class UpstreamHttp2(StageTest):
    def play(self, on_call=Call.answer, keys: str = "", protocol: str = "h2c", version: str = "min-version 2", limits: str = "", **how) -> Gateway:
        self.upstream = Http2Upstream(on_call, **how)
        self.stage.adopt(self.upstream)
        gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "{protocol}" }}'
        gateway.write({"app": [self.upstream.address]}, listeners=listener, limits=limits, upstream_keys=f"http-version {{ {version} }}; {keys}")
        return gateway.start()

    def connect(self, gateway: Gateway) -> Http2Client:
        client = Http2Client(gateway.port)
        self.stage.clients.append(client)
        return client

    # ---- requests

    def test_are_asked_in_http2_whatever_their_client_speaks(self):
        gateway = self.play()
        self.assertEqual(gateway.get("/one?a=b", "X-Upper: Yes\r\nConnection: keep-alive\r\nTE: trailers\r\nCookie: a=1; b=2\r\n").body, b"hello\n")
        self.assertEqual(self.connect(gateway).get("/two").body, b"hello\n")
        first, second = self.upstream.calls
        self.assertEqual(first.headers[:4], [(":method", "GET"), (":scheme", "http"), (":authority", "example.test"), (":path", "/one?a=b")])
        names = {name for name, _ in first.headers}
        self.assertLessEqual({"x-upper", "cookie", "x-forwarded-for", "x-request-id", "te"}, names)
        self.assertEqual(names & {"connection", "host", "transfer-encoding", "keep-alive"}, set())
        self.assertEqual(second.path, "/two")
        self.assertEqual(gateway.metric(CONNECTS, upstream="app"), 1)

    def test_bodies_pass_both_ways_at_the_pace_of_windows(self):
        gateway = self.play(lambda call: call.answer_at_pace(call.body))
        body = bytes(range(256)) * 4096 * 3  # 3 MiB
        self.assertTrue(gateway.get("/", method="POST", body=body).body == body)
        self.assertEqual(self.upstream.calls[0].value("content-length"), str(len(body)))
        self.assertTrue(self.connect(gateway).post("/", b"abc").body == b"abc")

    def test_a_large_upload_is_no_flood_though_the_upstream_gives_windows_back_frame_by_frame(self):
        gateway = self.play(lambda call: call.answer(str(len(call.body)).encode()), limits="max-body-size-bytes 20000000")
        body = bytes(range(256)) * 4096 * 16  # 16 MiB
        self.assertEqual(gateway.get("/", method="POST", body=body).body, str(len(body)).encode())
        frames = [kind for kind, _, _ in self.upstream.connections[0].frames if kind == DATA]
        self.assertLess(len(frames), len(body) / 2048)
        self.assertEqual(len(self.upstream.connections), 1)

    def test_heads_204_and_interim_answers_are_what_they_are(self):
        def answer(call: Call) -> None:
            if call.path == "/early":
                call.raw([(":status", "103"), ("link", "</a>")])
                return call.answer()
            if call.path == "/none":
                return call.head((), "204", True)
            call.head([("content-length", "5")], end=True)

        gateway = self.play(answer)
        with gateway.client() as client:
            self.assertEqual(client.get("/head", method="HEAD").value("content-length"), "5")
            self.assertEqual(client.get("/none").status, 204)
            early = client.get("/early")
            self.assertEqual((early.interim, early.body), ([103], b"hello\n"))

    def test_trailers_pass(self):
        def answer(call: Call) -> None:
            call.head()
            call.data(b"abc")
            call.raw([("x-sum", "1"), ("set-cookie", "a=1")], True)

        gateway = self.play(answer)
        client = self.connect(gateway)
        stream = client.open(head("/", method="POST"), end=False)
        client.data(stream, b"abc")
        client.frame(HEADERS, END_HEADERS | END_STREAM, stream, literal([("x-mine", "2"), ("host", "evil")]))
        self.assertEqual(client.answer(stream).trailers, [("x-sum", "1")])
        self.assertEqual(self.upstream.calls[0].trailers, [("x-mine", "2")])

    def test_begin_to_be_answered_before_they_end(self):
        gateway = self.play(lambda call: call.data(b"", True), on_head=Call.head)
        client = self.connect(gateway)
        stream = client.open(head("/", method="POST"), end=False)
        client.until("a head", lambda: client.streams[stream].headers)
        for piece in (b"one", b"two", b"three"):
            client.data(stream, piece)
            wait("it arrives", lambda: self.upstream.calls[0].body.endswith(piece))
        self.assertFalse(client.streams[stream].is_over)
        client.data(stream, b"", True)
        self.assertTrue(client.answer(stream).ended)

    def test_that_are_refused_by_a_whole_answer_are_sent_no_further(self):
        def too_large(call: Call) -> None:
            call.head((), "413", True)
            call.refuse(0)

        gateway = self.play(on_head=too_large)
        client = self.connect(gateway)
        stream = client.open(head("/", method="POST"), end=False)
        self.assertEqual(client.answer(stream).status, 413)
        self.assertEqual(self.connect(gateway).get("/").status, 413)
        with gateway.client() as http1:
            http1.send(message("/", "Content-Length: 100000\r\n", "POST") + b"x" * 10)
            self.assertEqual(http1.response().status, 413)

    # ---- a client that is slow to read

    def reading_slowly(self, gateway: Gateway) -> tuple[Http2Client, int]:
        """A client that still has something to send, and as much of its answer as a first window takes."""
        client = self.connect(gateway)
        client.reads = False
        stream = client.open(head("/", method="POST"), end=False)
        client.until("all that its window takes", lambda: len(client.streams[stream].body) == WINDOW)
        return client, stream

    def expect_the_rest(self, client: Http2Client, stream: int, whole: bytes) -> None:
        client.window(0, MEBIBYTE)
        client.window(stream, MEBIBYTE)
        answer = client.answer(stream)
        self.assertEqual((answer.ended, len(answer.body)), (True, len(whole)))

    def test_keeps_its_answer_where_the_upstream_takes_no_more_of_the_request(self):
        whole = b"x" * 100_000

        refused = threading.Event()

        def refuse(call: Call) -> None:
            call.refuse(0)
            refused.set()

        gateway = self.play(on_head=lambda call: call.answer_at_pace(whole, lambda: refuse(call)), on_call=lambda call: None)
        client, stream = self.reading_slowly(gateway)
        self.assertTrue(refused.wait(30))
        for number in range(1, 4):
            client.data(stream, b"more")
            client.frame(PING, payload=b"12345678")
            client.until("it is read", lambda: len([kind for kind, *_ in client.frames if kind == PING]) == number)
        self.expect_the_rest(client, stream, whole)

    def test_keeps_its_answer_where_the_upstream_has_left_while_the_request_was_written(self):
        whole = b"x" * 100_000
        answered = threading.Event()
        gateway = self.play(on_head=lambda call: call.answer_at_pace(whole, answered.set), on_call=lambda call: None, keys="timeouts { write 1 }")
        self.upstream.reads = False
        client, stream = self.reading_slowly(gateway)
        for number in range(4):
            wait("it is taken", lambda: len(self.upstream.calls[0].body) == number * 16384)
            client.data(stream, b"x" * 16384)
        self.assertTrue(answered.wait(30))
        wait("its window is full", lambda: len(self.upstream.calls[0].body) == WINDOW)
        self.upstream.close_connections()
        wait("it is gone", lambda: gateway.metric("picket_upstream_connections_open", upstream="app") == 0)
        client.drop_input(2)  # longer than a write may take
        self.expect_the_rest(client, stream, whole)

    # ---- connections

    def test_beyond_what_a_connection_takes_get_another(self):
        held: list[Call] = []
        gateway = self.play(lambda call: held.append(call) if call.path == "/held" else call.answer(), settings={MAX_CONCURRENT_STREAMS: 2})
        client = self.connect(gateway)
        self.assertEqual(client.get("/").status, 200)  # so that what it says of itself is known
        streams = [client.open(head("/held")) for _ in range(4)]
        wait("all have come", lambda: len(held) == 4)
        for call in held:
            call.answer()
        self.assertEqual([client.answer(stream).status for stream in streams], [200] * 4)
        self.assertEqual(gateway.metric(CONNECTS, upstream="app"), 2)

    def test_that_go_away_get_no_more_and_end_what_is_under_way(self):
        held: list[Call] = []
        gateway = self.play(lambda call: held.append(call) if call.path == "/held" else call.answer())
        client = self.connect(gateway)
        stream = client.open(head("/held"))
        wait("it has come", lambda: held)
        held[0].peer.goaway(held[0].stream)
        wait("another connection", lambda: client.get("/").status == 200 and len(self.upstream.connections) == 2)
        held[0].answer(b"late")
        self.assertEqual(client.answer(stream).body, b"late")

    def test_what_was_refused_is_sent_again_whatever_its_method(self):
        def answer(call: Call) -> None:
            if len(self.upstream.calls) < 3:
                return call.refuse(REFUSED_STREAM)
            call.answer(call.body)

        gateway = self.play(answer)
        self.assertEqual(self.connect(gateway).post("/", b"abc").body, b"abc")
        self.assertEqual(len(self.upstream.calls), 3)
        gateway.expect_metric(2, "picket_upstream_retries_total")
        self.assertEqual(gateway.metric("picket_upstream_target_failures_total", upstream="app"), 0)

    def test_what_is_always_refused_is_a_502(self):
        gateway = self.play(lambda call: call.refuse(REFUSED_STREAM))
        self.assertEqual(gateway.get("/").status, 502)
        self.assertEqual(len(self.upstream.calls), 3)

    def test_a_target_that_closed_while_idle_costs_a_get_nothing(self):
        gateway = self.play()
        self.assertEqual(gateway.get("/").status, 200)
        self.upstream.close_connections()
        self.assertEqual([gateway.get("/").status for _ in range(3)], [200] * 3)

    def test_a_connection_without_a_sign_of_life_is_given_up(self):
        deaf = threading.Event()
        gateway = self.play(lambda call: None if deaf.is_set() else call.answer(), keys="timeouts { read 1 }")
        self.assertEqual(gateway.get("/").status, 200)
        deaf.set()
        self.upstream.is_deaf = True
        self.assertEqual(gateway.get("/").status, 504)
        wait("it is closed", lambda: gateway.metric("picket_upstream_connections_open", upstream="app") == 0)
        deaf.clear()
        self.assertEqual(gateway.get("/").status, 200)
        self.assertEqual(len(self.upstream.connections), 2)

    def test_a_client_that_leaves_resets_its_stream_alone(self):
        held: list[Call] = []
        gateway = self.play(lambda call: held.append(call) if call.path == "/held" else call.answer())
        client = self.connect(gateway)
        stream = client.open(head("/held"))
        wait("it has come", lambda: held)
        client.reset(stream)
        wait("it is reset", lambda: held[0].reset is not None)
        self.assertEqual(client.get("/").status, 200)
        self.assertEqual(gateway.metric(CONNECTS, upstream="app"), 1)

    def test_checks_of_http_speak_it_too(self):
        check = 'health-check { type "http" { path "/up" }; interval-secs 1 }'
        gateway = self.play(lambda call: call.answer() if call.path == "/up" else call.head((), "500", True), keys=check)
        wait("two checks", lambda: len([call for call in self.upstream.calls if call.path == "/up"]) >= 2)
        self.assertEqual(gateway.metric("picket_upstream_checks_failed_total", upstream="app"), 0)

    # ---- over TLS

    def test_over_tls_the_target_chooses(self):
        authority = Authority(self.stage.folder)
        site = authority.issue("app", "IP:127.0.0.1")
        for offered, speaks in ((["h2"], True), (["http/1.1"], False), ([], False)):
            with self.subTest(offered=offered):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(site.certificate, site.key)
                if offered:
                    context.set_alpn_protocols(offered)
                upstream = Http2Upstream(tls=context) if speaks else self.stage.upstream(lambda request: response(), tls=context)
                if speaks:
                    self.stage.adopt(upstream)
                gateway = self.stage.unstarted()
                gateway.write({"app": [upstream.address]}, upstream_keys=f'http-version {{ max-version 2 }}; tls {{ ca-cert "{authority.ca.certificate}" }}')
                gateway.start()
                self.assertEqual([gateway.get("/").body for _ in range(2)], [b"hello\n"] * 2)
                if speaks:
                    self.assertEqual(upstream.calls[0].value(":scheme"), "https")

    # ---- answers that must not pass

    def test_what_http2_forbids_is_a_502_and_never_another_answer(self):
        ok = (":status", "200")
        cases: dict[str, list] = {
            "no status": [("x-a", "b")],
            "a status that is none": [(":status", "2x0")],
            "an empty status": [(":status", "")],
            "two statuses": [ok, ok],
            "a status behind a field": [("x-a", "b"), ok],
            "a pseudo-field of requests": [ok, (":path", "/")],
            "upper case": [ok, ("X-A", "b")],
            "connection": [ok, ("connection", "close")],
            "transfer-encoding": [ok, ("transfer-encoding", "chunked")],
            "upgrade": [ok, ("upgrade", "h2c")],
            "a line end in a value": [ok, ("x-a", "b\r\nset-cookie: c=d")],
            "a LF in a value": [ok, ("x-a", "b\nset-cookie: c=d")],
            "a NUL in a value": [ok, ("x-a", "b\0c")],
            "a line end in a name": [ok, ("x-a\r\nset-cookie", "b")],
            "a colon in a name": [ok, ("x-a: b", "c")],
            "a blank in a name": [ok, ("x a", "b")],
            "an empty name": [ok, ("", "b")],
            "a length that is none": [ok, ("content-length", "5x")],
            "two lengths": [ok, ("content-length", "5"), ("content-length", "6")],
            "a negative length": [ok, ("content-length", "-1")],
            "a 101": [(":status", "101")],
        }
        forbidden = {str(i): fields for i, fields in enumerate(cases.values())}

        def answer(call: Call) -> None:
            call.raw(forbidden[call.path[1:]])
            call.data(b"hello", True)

        gateway = self.play(answer)
        for number, name in enumerate(cases):
            with self.subTest(name):
                answered = gateway.get(f"/{number}")
                self.assertEqual((answered.status, answered.reason), (502, "upstream_error"))
                self.assertIsNone(answered.value("set-cookie"))
                self.assertTrue(gateway.access(f"/{number}")[0]["upstream_error"])

    def test_bodies_that_are_not_as_long_as_they_say_are_cut(self):
        for declared, body in (("5", b"too long"), ("50", b"short")):
            with self.subTest(declared=declared):
                def answer(call: Call) -> None:
                    call.head([("content-length", declared)])
                    call.data(body, True)

                gateway = self.play(answer)
                with gateway.client() as client:
                    with self.assertRaises((EOFError, AssertionError, ConnectionResetError)):
                        answered: Response = client.get("/")
                        self.assertEqual(answered.status, 200)

    def test_a_body_behind_a_head_that_has_none_is_nobodys(self):
        """A client of HTTP/1.1 would take it for the next answer."""
        def answer(call: Call) -> None:
            if call.path == "/well":
                return call.answer()
            call.head((), "205")
            call.data(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", True)

        gateway = self.play(answer)
        for _ in range(10):
            with gateway.client() as client, contextlib.suppress(EOFError, ConnectionResetError):
                answered = client.get("/reset")
                self.assertIn(answered.status, (205, 502))
                self.assertEqual(client.get("/well").body, b"hello\n")
            self.assertNotIn(b"EVIL", self.connect(gateway).get("/reset").body)

    def test_a_reset_within_an_answer_reaches_the_client(self):
        def answer(call: Call) -> None:
            call.head()
            call.data(b"abc")

        gateway = self.play(answer)
        client = self.connect(gateway)
        stream = client.open(head("/"))
        client.until("a beginning", lambda: client.streams[stream].body == b"abc")
        self.upstream.calls[0].refuse(INTERNAL_ERROR)
        got = client.answer(stream)
        self.assertFalse(got.ended)
        self.assertEqual(got.reset, INTERNAL_ERROR)

    # ---- what an upstream cannot cost

    def test_floods_end_their_connection_and_nobody_elses(self):
        floods = {
            "pings": frame(PING, payload=b"12345678") * 5000,
            "settings": frame(SETTINGS) * 5000,
            "empty frames": b"".join([frame(HEADERS, END_HEADERS, 1, literal([(":status", "200")])), frame(DATA, 0, 1) * 5000]),
            "continuations": frame(HEADERS, 0, 1, literal([(":status", "200")])) + frame(CONTINUATION, 0, 1, literal([("x-a", "b")])) * 5000,
            "a head over the limit": frame(HEADERS, 0, 1, literal([(":status", "200")])) + frame(CONTINUATION, 0, 1, literal([("x-a", "b" * 16000)])) * 8
            + frame(CONTINUATION, END_HEADERS, 1),
        }
        for name, bytes_ in floods.items():
            with self.subTest(name):
                gateway = self.play(lambda call: call.answer() if call.path == "/well" else call.peer.send(bytes_))
                with gateway.client() as client, contextlib.suppress(EOFError, ConnectionResetError):
                    self.assertIn(client.get("/flood").status, (200, 502))
                # Who asks while the flood is still read shares its connection's end.
                wait("who comes later is served", lambda: gateway.get("/well").body == b"hello\n")

    def test_an_answer_that_nobody_reads_is_held_within_its_window(self):
        whole = b"x" * (8 * MEBIBYTE)
        gateway = self.play(lambda call: call.answer() if call.path == "/well" else call.answer_at_pace(whole))
        client = self.connect(gateway)
        client.reads = False
        stream = client.open(head("/large"))
        client.until("all that its window takes", lambda: len(client.streams[stream].body) == WINDOW)
        self.assertEqual(gateway.get("/well").body, b"hello\n")
        self.assertLess(gateway.metric("picket_held_bytes"), MEBIBYTE)
        self.assertEqual(gateway.metric(CONNECTS, upstream="app"), 1)

    def test_answers_whose_clients_leave_give_the_connections_window_back(self):
        whole, streams = b"x" * (120 * 1024), 80
        gateway = self.play(lambda call: call.answer() if call.path == "/well" else call.answer_at_pace(whole))
        for _ in range(2):
            client = self.connect(gateway)
            client.reads = False
            for _ in range(streams):
                client.open(head("/large"))
            wait("they are held", lambda: gateway.metric("picket_held_bytes") > streams * 48 * 1024)
            client.close()
            wait("they are given up", lambda: gateway.metric("picket_held_bytes") == 0)
        self.assertEqual(gateway.get("/well").body, b"hello\n")
        # What was taken is told once it is half of the window.
        self.assertGreater(self.upstream.connections[0].window, 6 * MEBIBYTE)

    def test_an_answer_that_minds_no_window_is_reset_alone(self):
        whole = b"x" * (8 * MEBIBYTE)

        def answer(call: Call) -> None:
            if call.path == "/well":
                return call.answer()
            call.head()
            for at in range(0, len(whole), 16384):
                call.data(whole[at : at + 16384])

        gateway = self.play(answer)
        client = self.connect(gateway)
        client.reads = False
        stream = client.open(head("/large"))
        answer = client.streams[stream]
        client.until("all that its window takes, or its end", lambda: len(answer.body) == WINDOW or answer.reset is not None)
        # Windows that are given before would let it be minded.
        wait("it is reset", lambda: self.upstream.calls[0].reset == FLOW_CONTROL_ERROR)
        client.window(0, len(whole))
        client.window(stream, len(whole))
        self.assertIsNotNone(client.answer(stream).reset)
        self.assertLess(len(client.streams[stream].body), len(whole))
        self.assertEqual(gateway.get("/well").body, b"hello\n")
        self.assertEqual(gateway.metric(CONNECTS, upstream="app"), 1)


if __name__ == "__main__":
    unittest.main()
