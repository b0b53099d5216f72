"""The gateway as an HTTP/1.1 proxy: framing, connections, forwarding headers, routes."""

import os
import threading
import time
import unittest

from client import Client, chunked, message
from stage import Stage, StageTest
from upstream import Request, response

MEBIBYTE = 1024 * 1024


class Proxying(unittest.TestCase):
    """One gateway without agents before one upstream; what the upstream answers depends on the target's first word."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.upstream = cls.stage.upstream(cls.respond)
        cls.gateway = cls.stage.gateway(cls.upstream)

    @staticmethod
    def respond(request: Request) -> bytes | None:
        big = b"0123456789abcdef" * (3 * MEBIBYTE // 16)
        answers = {
            "/echo": lambda: response(request.body),
            "/chunks": lambda: response(
                chunked(b"one", b"two" * 1000), headers="Transfer-Encoding: chunked\r\n", length=False
            ),
            "/trailers": lambda: response(
                b"3\r\nabc\r\n0\r\nX-Late: yes\r\n\r\n", headers="Transfer-Encoding: chunked\r\n", length=False
            ),
            "/big": lambda: response(big),
            "/empty": lambda: response(b"", 204, length=False),
            "/unmodified": lambda: response(b"", 304, length=False),
            "/interim": lambda: b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" + response(),
            "/hop": lambda: response(
                headers="Connection: x-mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n"
                "X-Yours: 2\r\nProxy-Authenticate: Basic\r\n"
            ),
            "/head": lambda: response(b"", headers="Content-Length: 1234\r\n", length=False),
            "/hangup": lambda: None,
            "/short": lambda: request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
            "/late": lambda: Proxying.respond_late(request),
            "/garbage": lambda: b"this is not HTTP\r\n\r\n",
            "/twolengths": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "/both": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "/switch": lambda: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        }
        return answers.get(
            request.target.split("?")[0], lambda: response(b"" if request.method == "HEAD" else b"hello\n")
        )()

    head_was_seen = threading.Event()

    @staticmethod
    def respond_late(request: Request) -> bytes:
        """A head at once, its body only after the client has seen that."""
        request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        return b"later" if Proxying.head_was_seen.wait(30) else b"stuck"

    def reached(self, target: str) -> list[Request]:
        return [request for request in list(self.upstream.requests) if request.target == target]

    def only(self, target: str) -> Request:
        found = self.reached(target)
        self.assertEqual(len(found), 1, f"requests for {target}")
        return found[0]

    # ---- connections

    def test_one_connection_serves_many_requests(self):
        with self.gateway.client() as client:
            for i in range(5):
                self.assertEqual(client.get(f"/keep?{i}").body, b"hello\n")

    def test_a_pipelining_client_is_answered_in_order(self):
        with self.gateway.client() as client:
            client.send(b"".join(message("/echo", method="POST", body=b"%d" % i) for i in range(20)))
            self.assertEqual([client.response().body for _ in range(20)], [b"%d" % i for i in range(20)])

    def test_a_pipelined_request_behind_a_chunked_body_is_the_next_request(self):
        with self.gateway.client() as client:
            client.send(
                message("/echo", "Transfer-Encoding: chunked\r\n", "POST") + chunked(b"a", b"b") + message("/next")
            )
            self.assertEqual([client.response().body, client.response().body], [b"ab", b"hello\n"])

    def test_a_request_in_single_bytes_is_served(self):
        with self.gateway.client() as client:
            for byte in message("/bytes", "X-A: b\r\n", "POST", b"abc"):
                client.send(bytes([byte]))
            self.assertEqual(client.response().status, 200)
        self.assertEqual(self.only("/bytes").body, b"abc")

    def test_a_response_head_does_not_wait_for_its_body(self):
        with self.gateway.client() as client:
            client.send(message("/late"))
            while b"\r\n\r\n" not in client.buffer:
                client.buffer += client.socket.recv(4096)
            self.head_was_seen.set()
            self.assertEqual(client.response().body, b"later")

    def test_connection_close_is_honoured(self):
        with self.gateway.client() as client:
            answer = client.get("/close", "Connection: close\r\n")
            self.assertEqual((answer.status, answer.value("connection")), (200, "close"))
            self.assertTrue(client.closed())

    def test_an_http_1_0_client_gets_a_length_or_an_end_and_no_chunks(self):
        with self.gateway.client() as client:
            client.send("GET /chunks HTTP/1.0\r\n\r\n")
            answer = client.response()
            self.assertIsNone(answer.value("transfer-encoding"))
            self.assertEqual(answer.body, b"one" + b"two" * 1000)
            self.assertEqual(client.socket.recv(1), b"")

    def test_an_http_1_0_client_may_ask_to_keep_the_connection(self):
        with self.gateway.client() as client:
            for _ in range(2):
                client.send("GET /keep10 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                answer = client.response()
                self.assertEqual((answer.body, answer.value("connection")), (b"hello\n", "keep-alive"))

    def test_an_empty_line_before_a_request_is_skipped(self):
        with self.gateway.client() as client:
            client.send(b"\r\n" + message("/afterblank"))
            self.assertEqual(client.response().status, 200)

    def test_a_second_empty_line_before_a_request_is_refused_however_it_is_split(self):
        for pieces in ([b"\r\n\r\n" + message("/twoblank")], [b"\r\n", b"\r\n"], [b"\r", b"\n\r", b"\n"]):
            with self.subTest(pieces), self.gateway.client() as client:
                for piece in pieces:
                    client.send(piece)
                    time.sleep(0.02)
                self.assertEqual((client.response().status, client.closed()), (400, True))
        self.assertEqual(self.reached("/twoblank"), [])

    # ---- bodies

    def test_a_chunked_request_reaches_the_upstream_whole(self):
        parts = [os.urandom(size) for size in (1, 7000, 70000)]
        with self.gateway.client() as client:
            client.send(message("/echo?chunked", "Transfer-Encoding: chunked\r\n", "POST") + chunked(*parts))
            self.assertEqual(client.response().body, b"".join(parts))

    def test_a_chunked_response_reaches_the_client_whole(self):
        self.assertEqual(self.gateway.get("/chunks").body, b"one" + b"two" * 1000)

    def test_large_bodies_pass_unchanged_both_ways(self):
        body = os.urandom(5 * MEBIBYTE)
        self.assertTrue(self.gateway.get("/echo?large", method="POST", body=body).body == body)
        self.assertEqual(len(self.gateway.get("/big").body), 3 * MEBIBYTE)

    def test_a_slow_reader_gets_a_large_body_whole(self):
        with self.gateway.client() as client:
            client.send(message("/big?slow"))
            time.sleep(0.3)
            self.assertEqual(client.response().body, b"0123456789abcdef" * (3 * MEBIBYTE // 16))

    def test_head_has_the_length_and_no_body(self):
        with self.gateway.client() as client:
            answer = client.get("/head", method="HEAD")
            self.assertEqual((answer.status, answer.value("content-length")), (200, "1234"))
            self.assertEqual(client.get("/afterhead").body, b"hello\n")

    def test_statuses_without_a_body_keep_the_connection(self):
        with self.gateway.client() as client:
            self.assertEqual(
                [client.get(target).status for target in ("/empty", "/unmodified", "/more")], [204, 304, 200]
            )

    def test_interim_responses_of_the_upstream_are_not_taken_for_the_answer(self):
        self.assertEqual(self.gateway.get("/interim").body, b"hello\n")

    # ---- headers

    def test_hop_by_hop_headers_stay_on_their_hop(self):
        answer = self.gateway.get(
            "/hop",
            "Connection: x-private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
            "Proxy-Authorization: secret\r\nUpgrade: h2c\r\nX-Public: 2\r\n",
        )
        names = {name.lower() for name, _ in self.only("/hop").headers}
        own = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "x-request-id"}
        self.assertEqual(names, own | {"host", "x-private", "x-public"})
        returned = {name.lower() for name, _ in answer.headers}
        self.assertEqual(returned, {"content-length", "x-mine", "x-yours", "x-request-id", "date"})

    def test_connection_cannot_take_the_host_away(self):
        self.gateway.get("/nohost", "Connection: host\r\n")
        self.assertEqual(self.only("/nohost").values("host"), ["example.test"])

    def test_a_client_says_nothing_of_whom_it_forwards_for(self):
        self.gateway.get(
            "/forwarded", "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 10.0.0.2\r\n"
        )
        request = self.only("/forwarded")
        self.assertEqual(request.values("x-forwarded-for"), ["127.0.0.1"])
        self.assertEqual(request.values("x-forwarded-proto"), ["http"])

    def test_each_request_has_an_id_upstream_and_downstream(self):
        ids = [self.gateway.get(f"/id?{i}").value("x-request-id") for i in range(2)]
        self.assertEqual([self.only(f"/id?{i}").values("x-request-id") for i in range(2)], [[ids[0]], [ids[1]]])
        self.assertNotEqual(ids[0], ids[1])

    def test_a_clients_own_request_id_is_passed_on(self):
        self.gateway.get("/ownid", "X-Request-Id: mine\r\n")
        self.assertEqual(self.only("/ownid").values("x-request-id"), ["mine"])

    def test_headers_keep_their_order_case_and_bytes(self):
        self.gateway.get("/order", "B-Second: 2\r\na-FIRST: caf\xe9\r\nB-Second: 3\r\n")
        head = self.only("/order").head
        self.assertIn(b"Host: example.test\r\nB-Second: 2\r\na-FIRST: caf\xe9\r\nB-Second: 3\r\n", head)

    def test_an_absolute_target_is_sent_on_as_a_path(self):
        self.assertEqual(self.gateway.get("http://example.test/absolute?q=1").status, 200)
        self.assertEqual(self.only("/absolute?q=1").line, "GET /absolute?q=1 HTTP/1.1")

    def test_an_absolute_target_for_another_host_than_the_host_header_is_refused(self):
        answer = self.gateway.get("http://other.test/absolute2")
        self.assertEqual((answer.status, answer.reason), (400, "bad_request"))

    # ---- upstreams that misbehave

    def test_an_upstream_connection_is_used_again(self):
        before = self.gateway.metric("picket_upstream_connects_total")
        with self.gateway.client() as client:
            numbers = {client.get(f"/reuse?{i}").status and self.only(f"/reuse?{i}").connection for i in range(4)}
        self.assertEqual(len(numbers), 1)
        self.assertLessEqual(self.gateway.metric("picket_upstream_connects_total"), before + 1)

    def test_what_no_client_should_see_becomes_502(self):
        for target in ("/garbage", "/hangup", "/twolengths", "/both", "/switch"):
            with self.subTest(target), self.gateway.client() as client:
                answer = client.get(target)
                self.assertEqual((answer.status, answer.reason), (502, "upstream_error"))
                self.assertEqual(client.get("/after502").status, 200)

    def test_a_response_that_ends_early_ends_early_for_the_client(self):
        with self.gateway.client() as client:
            with self.assertRaises(EOFError):
                client.get("/short")
        self.assertEqual(self.gateway.access("/short")[0]["reason"], "upstream_error")


class Routes(StageTest):
    def test_what_a_client_sends_behind_its_last_request_does_not_cut_the_answer(self):
        size = 600_000

        def respond(_: Request) -> bytes:
            time.sleep(0.1)
            return response(b"z" * size)

        gateway = self.stage.gateway(self.stage.upstream(respond))
        last = message("/", "Connection: close\r\n")
        post = b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        for name, request, behind in (
            ("a line end behind a POST", post, b"\r\n"),
            ("a line end", last, b"\r\n"),
            ("another request", last, message("/next")),
        ):
            with self.subTest(name), Client(gateway.port, receive_buffer=65_536) as client:
                client.send(request)
                time.sleep(0.03)
                client.send(behind)
                time.sleep(0.3)  # the answer is sent, as far as the client's buffer takes it
                self.assertEqual(len(client.response().body), size)

    def test_the_longest_prefix_wins_and_nothing_takes_the_rest(self):
        upstreams = {
            name: self.stage.upstream(lambda _, name=name: response(name.encode())) for name in ("a", "b", "c")
        }
        gateway = self.stage.unstarted()
        gateway.write(
            {name: [upstream.address] for name, upstream in upstreams.items()},
            routes="""
          route "a" { matches { path-prefix "/api" }; upstream "a" }
          route "b" { matches { path-prefix "/api/v2" }; upstream "b" }
          route "c" { matches { path-prefix "/"; host "other.test"; method "GET" }; upstream "c" }""",
        )
        gateway.start()
        self.assertEqual(
            [gateway.get(target).body for target in ("/api", "/api/x", "/api/v2?x", "/api/v2/y")],
            [b"a", b"a", b"b", b"b"],
        )
        self.assertEqual([gateway.get(target).status for target in ("/apis", "/")], [404, 404])
        with gateway.client() as client:
            client.send("GET /x HTTP/1.1\r\nHost: OTHER.test:80\r\n\r\nPOST /x HTTP/1.1\r\nHost: other.test\r\n\r\n")
            self.assertEqual([client.response().status for _ in range(2)], [200, 404])
