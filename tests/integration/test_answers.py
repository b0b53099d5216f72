"""Answers of upstreams: whose they are, how they break, what comes before the final one, and what the log says of it."""

import signal
import socket
import struct
import threading
import time

from client import chunked, message
from processes import free_port
from stage import Asked, StageTest
from upstream import Request, response

POISON = response(b"poison")


def close_with(answer: bytes):
    """Answers with these bytes and closes."""

    def respond(request: Request) -> None:
        request.peer.sendall(answer)

    return respond


def reset(request: Request) -> None:
    request.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class StrayBytes(StageTest):
    """An upstream that sends what nobody asked for: no other request gets it for an answer."""

    def play(self, head: bytes, status: int = 200, method: str = "GET", delay: float = 0.03) -> None:
        def respond(request: Request) -> bytes:
            if request.target != "/stray":
                return response(b"" if request.method == "HEAD" else b"mine\n")
            request.peer.sendall(head)
            time.sleep(delay)
            return POISON

        upstream = self.stage.upstream(respond)
        gateway = self.stage.gateway(upstream)
        for _ in range(3):
            with gateway.client() as first, gateway.client() as second:
                self.assertEqual(first.get("/stray", method=method).status, status)
                end = time.monotonic() + delay + 0.15
                while time.monotonic() < end:
                    self.assertEqual(second.get("/next").body, b"mine\n")

    def test_behind_an_answer_that_declared_a_body_which_it_must_not_have(self):
        length, coding = b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"
        for method, status, fields in (
            ("GET", b"204 No Content", length),
            ("GET", b"204 No Content", coding),
            ("HEAD", b"204 No Content", length),
            ("HEAD", b"200 OK", length),
            ("HEAD", b"200 OK", coding),
            ("HEAD", b"200 OK", b""),
            ("HEAD", b"404 Not Found", length),
            ("GET", b"304 Not Modified", length),
            ("GET", b"304 Not Modified", coding),
            ("GET", b"205 Reset Content", length),
            ("GET", b"205 Reset Content", b""),
        ):
            with self.subTest(method=method, status=status, fields=fields):
                self.play(b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n", int(status[:3]), method)
                self.clear_stage()
        self.play(b"HTTP/1.1 103 X\r\n" + length + b"\r\n" + response(b"ok"))

    def test_right_behind_a_complete_answer(self):
        self.play(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + POISON, delay=0)
        self.clear_stage()
        self.play(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"ok") + POISON, delay=0)
        self.clear_stage()
        self.play(b"HTTP/1.1 204 No Content\r\n\r\n" + POISON, 204, delay=0)

    def test_an_ordinary_answer_without_a_body_keeps_its_connection(self):
        answers = {
            "/none": b"HTTP/1.1 204 No Content\r\n\r\n",
            "/same": b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
            "/reset": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        }
        upstream = self.stage.upstream(lambda request: answers[request.target])
        gateway = self.stage.gateway(upstream)
        with gateway.client() as client:
            statuses = []
            for target in [target for target in answers for _ in range(3)]:
                statuses.append(client.get(target).status)
                time.sleep(0.2)  # for which a body that nobody declared might still have come
        self.assertEqual(statuses, [204] * 3 + [304] * 3 + [205] * 3)
        self.assertEqual({request.connection for request in upstream.requests}, {1})

    def test_a_connection_serves_again_once_it_has_kept_still(self):
        upstream = self.stage.upstream(lambda request: response(b"", headers="Content-Length: 9\r\n", length=False))
        gateway = self.stage.gateway(upstream)
        with gateway.client() as client:
            for wait in (0.3, 0, 0):
                client.get(method="HEAD")
                time.sleep(wait)
        self.assertEqual([request.connection for request in upstream.requests], [1, 1, 2])

    def test_a_204_to_head_has_no_length(self):
        upstream = self.stage.upstream(lambda _: b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")
        answer = self.stage.gateway(upstream).get(method="HEAD")
        self.assertEqual((answer.status, answer.values("content-length")), (204, []))

    def test_a_205_reaches_the_client_empty(self):
        gateway = self.stage.gateway(self.stage.upstream(lambda _: response(b"content", 205)))
        with gateway.client() as client:
            client.send(message("/a") + message("/b"))
            for _ in range(2):
                answer = client.response()
                self.assertEqual((answer.status, answer.value("content-length")), (205, "0"))


class BrokenBodies(StageTest):
    def test_a_body_that_breaks_before_anything_was_sent_is_502(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for body in (b"zz\r\n", b"3\r\nabcd", b"-1\r\n", b"5"):
            with self.subTest(body):
                gateway = self.stage.gateway(self.stage.upstream(close_with(head + body)))
                with gateway.client() as client:
                    answer = client.get("/broken")
                    self.assertEqual((answer.status, answer.reason), (502, "upstream_error"))
                    self.assertEqual(client.get("/broken").status, 502, "the client's connection serves on")
                self.clear_stage()

    def test_an_answer_that_is_cut_is_a_reset_for_a_client_that_sees_only_the_end(self):
        whole = {
            "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"all", b" of it"),
            "/closing": b"HTTP/1.1 200 OK\r\n\r\nall of it",
        }
        answers = whole | {"/cut": whole["/chunked"][:-12]}
        gateway = self.stage.gateway(self.stage.upstream(lambda request: close_with(answers[request.target])(request)))
        for target in answers:
            with self.subTest(target), gateway.client() as client:
                client.send(f"GET {target} HTTP/1.0\r\n\r\n")
                if target == "/cut":
                    with self.assertRaises(ConnectionResetError):
                        client.response()
                else:
                    self.assertEqual(client.response().body, b"all of it")

    def test_an_answer_that_the_gateways_own_end_cuts_is_a_reset_too(self):
        def stall(request: Request) -> bytes:
            request.peer.sendall(b"HTTP/1.1 200 OK\r\n\r\nbegun")
            threading.Event().wait(30)
            return b""

        gateway = self.stage.unstarted()
        gateway.write({"app": [self.stage.upstream(stall).address]}, drain_s=1)
        gateway.start()
        with gateway.client() as client:
            client.send("GET / HTTP/1.0\r\n\r\n")
            while not client.buffer.endswith(b"begun"):
                client.buffer += client.socket.recv(4096)
            gateway.program.signal(signal.SIGTERM)
            with self.assertRaises(ConnectionResetError):
                client.socket.recv(1)


class Grammar(StageTest):
    def test_white_space_behind_a_chunk_size_is_a_responses_freedom(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        bodies = {f"/{i}": body for i, body in enumerate((
            b"3 \r\nabc\r\n0 \r\n\r\n", b"3  ;a=b\r\nabc\r\n0\r\n\r\n", b"3\t\r\nabc\r\n0\t;x\r\n\r\n", b"3; a\r\nabc\r\n0\r\n\r\n"
        ))}
        upstream = self.stage.upstream(lambda request: head + bodies[request.target])
        gateway = self.stage.gateway(upstream)
        for target in bodies:
            self.assertEqual(gateway.get(target).body, b"abc", bodies[target])
        self.assertEqual({request.connection for request in upstream.requests}, {1})
        for body in bodies.values():
            if b";" in body and b" ;" not in body and b"\t;" not in body:
                continue  # an extension, which requests may have
            with gateway.client() as client:
                client.send(message("/request", "Transfer-Encoding: chunked\r\n", "POST") + body)
                self.assertEqual(client.response().status, 400, body)

    def test_a_status_line_may_lack_its_second_space(self):
        gateway = self.stage.gateway(self.stage.upstream(lambda _: b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"))
        with gateway.client() as client:
            for _ in range(2):
                answer = client.get()
                self.assertEqual((answer.status, answer.body), (200, b"ok"))
                self.assertTrue(answer.head.startswith("HTTP/1.1 200 "))


class Interim(StageTest):
    HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: keep-alive\r\nKeep-Alive: 1\r\n\r\n"

    def play(self, interim: bytes, **keys) -> None:
        self.may_answer = threading.Event()

        def respond(request: Request) -> bytes:
            request.peer.sendall(interim)
            self.may_answer.wait(10)
            return response()

        self.gateway = self.stage.gateway(self.stage.upstream(respond), **keys)

    def test_an_interim_answer_goes_on_at_once_with_its_end_to_end_fields(self):
        self.play(self.HINTS)
        with self.gateway.client() as client:
            client.send(message())
            got = b""
            while not got.endswith(b"\r\n\r\n"):
                got += client.socket.recv(4096)
            self.assertEqual(got, b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            self.may_answer.set()
            answer = client.response()
            self.assertEqual((answer.status, answer.body, answer.interim), (200, b"hello\n", []))

    def test_several_go_on_in_their_order_and_a_flood_is_502(self):
        self.play(b"".join(b"HTTP/1.1 %d X\r\n\r\n" % status for status in (102, 103, 199, 100)))
        self.may_answer.set()
        self.assertEqual(self.gateway.get().interim, [102, 103, 199, 100])
        self.clear_stage()
        self.play(b"HTTP/1.1 103 X\r\n\r\n" * 1000)
        self.may_answer.set()
        answer = self.gateway.get()
        self.assertEqual((answer.status, len(answer.interim)), (502, 16))

    def test_http_1_0_knows_none(self):
        self.play(self.HINTS)
        self.may_answer.set()
        with self.gateway.client() as client:
            client.send("GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(client.response().interim, [])

    def test_one_passes_while_a_body_is_sent(self):
        def hints(request: Request) -> bool:
            request.peer.sendall(self.HINTS)
            return True

        gateway = self.stage.gateway(self.stage.upstream(lambda request: response(request.body), on_head=hints))
        with gateway.client() as client:
            client.send(message(method="POST", headers="Content-Length: 4\r\n") + b"bo")
            time.sleep(0.2)
            client.send(b"dy")
            answer = client.response()
            self.assertEqual((answer.interim, answer.body), ([103], b"body"))

    def test_where_agents_look_at_answers_none_passes_them_by(self):
        agent = self.stage.agent()
        self.play(self.HINTS, agents=[Asked("a", agent.path, '"response_headers"')])
        self.may_answer.set()
        answer = self.gateway.get()
        self.assertEqual((answer.status, answer.interim), (200, []))


class Expectations(StageTest):
    """`Expect: 100-continue` where no agent wants the body: the upstream says."""

    HEADERS = "Expect: 100-continue\r\nContent-Length: 4\r\n"

    def play(self, on_head, **keys) -> None:
        self.upstream = self.stage.upstream(lambda request: response(request.body), on_head=on_head)
        self.gateway = self.stage.gateway(self.upstream, **keys)

    def test_the_upstreams_100_is_passed_on_and_no_other(self):
        asked = threading.Event()

        def waits(request: Request) -> bool:
            asked.set()
            time.sleep(0.3)
            request.peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            return True

        self.play(waits)
        with self.gateway.client() as client:
            client.send(message("/a", self.HEADERS, "POST"))
            self.assertTrue(asked.wait(10))
            client.socket.settimeout(0.1)
            self.assertRaises(TimeoutError, client.socket.recv, 1)
            client.socket.settimeout(30)
            self.assertEqual(client.socket.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.send(b"body")
            answer = client.response()
            self.assertEqual((answer.body, answer.interim), (b"body", []))
            self.assertEqual(client.get("/next").body, b"")
        self.assertEqual(self.upstream.requests[0].values("expect"), ["100-continue"])
        self.assertEqual({request.connection for request in self.upstream.requests}, {1})

    def test_a_final_answer_spares_the_body(self):
        def refuses(request: Request) -> bool:
            if request.target == "/refused":
                request.peer.sendall(response(b"no\n", 417))
            return request.target != "/refused"

        self.play(refuses)
        with self.gateway.client() as client:
            client.send(message("/refused", self.HEADERS, "POST"))
            answer = client.response()
            self.assertEqual((answer.status, answer.body, answer.interim), (417, b"no\n", []))
            self.assertEqual((answer.value("connection"), client.closed()), ("close", True))
        self.assertNotIn(b"body", self.upstream.raw())
        self.assertEqual(self.gateway.get("/next").status, 200)
        self.assertEqual(self.upstream.requests[-1].connection, 2)  # the first waits for a body

    def test_a_client_that_does_not_wait_is_not_made_to(self):
        self.play(lambda _: True)  # an upstream that knows nothing of 100
        for headers, body in ((self.HEADERS, b"body"), ("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", chunked(b"body"))):
            with self.gateway.client() as client:
                client.send(message("/tired", headers, "POST"))
                time.sleep(0.2)
                client.send(body)
                self.assertEqual(client.response().body, b"body")

    def test_a_target_that_hangs_up_before_the_body_is_replaced(self):
        gone = self.stage.upstream(on_head=lambda request: request.peer.shutdown(socket.SHUT_RDWR))
        alive = self.stage.upstream(
            lambda request: response(request.body),
            on_head=lambda request: request.peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n") is None,
        )
        gateway = self.stage.unstarted()
        gateway.write({"app": [gone.address, alive.address]})
        gateway.start()
        for _ in range(2):
            with gateway.client() as client:
                client.send(message("/put", self.HEADERS, "PUT"))
                self.assertEqual(client.socket.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
                client.send(b"body")
                self.assertEqual(client.response().body, b"body")

    def test_where_an_agent_wants_the_body_the_gateway_says(self):
        agent = self.stage.agent()
        self.play(lambda _: True, agents=[Asked("a", agent.path, '"request_body"')])
        with self.gateway.client() as client:
            client.send(message("/held", self.HEADERS, "POST"))
            self.assertEqual(client.socket.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.send(b"body")
            self.assertEqual(client.response().body, b"body")
        self.assertEqual(self.upstream.requests[0].values("expect"), [])


class Failover(StageTest):
    def play(self, hangs_up=lambda _: None, on_head=None) -> None:
        self.gone = self.stage.upstream(hangs_up, on_head)
        self.alive = self.stage.upstream(lambda request: response(request.body))
        self.gateway = self.stage.unstarted()
        self.gateway.write({"app": [self.gone.address, self.alive.address]})
        self.gateway.start()

    def test_a_target_that_hangs_up_counts_as_failed_and_the_request_goes_to_another(self):
        self.play()
        for method, body in (("GET", b""), ("PUT", b"held"), ("DELETE", b"")):
            self.assertEqual(self.gateway.get("/x", method=method, body=body).status, 200)
        self.assertEqual(len(self.gone.requests), 1)  # it rests
        self.assertEqual(self.gateway.metric("picket_upstream_retries_total"), 1)
        self.gateway.said(f"upstream {self.gone.address}: closed before it answered (request ")
        self.assertNotIn("upstream_error", self.gateway.access("/x")[0])

    def test_what_may_have_been_done_is_not_done_twice(self):
        self.play()
        self.assertEqual(sorted(self.gateway.get("/x", method="POST", body=b"pay").status for _ in range(4)), [200] * 3 + [502])
        self.assertEqual(len(self.gone.requests), 1)

    def test_a_body_that_has_begun_is_not_begun_again(self):
        self.play(on_head=lambda request: not time.sleep(0.2) and request.peer.shutdown(socket.SHUT_RDWR))
        with self.gateway.client() as client:
            client.send(message("/begun", "Content-Length: 100000\r\n", "PUT") + b"begun")
            self.assertEqual(client.response().status, 502)

    def test_what_has_begun_to_answer_is_not_asked_again(self):
        self.play(close_with(b"HTTP/1.1 200 OK\r\nConte"))
        self.assertEqual(sorted(self.gateway.get().status for _ in range(2)), [200, 502])

    def test_when_all_hang_up_it_is_502_once(self):
        upstreams = [self.stage.upstream(lambda _: None) for _ in range(3)]
        gateway = self.stage.unstarted()
        gateway.write({"app": [upstream.address for upstream in upstreams]})
        gateway.start()
        self.assertEqual(gateway.get("/x").status, 502)
        self.assertEqual([len(upstream.requests) for upstream in upstreams], [1, 1, 1])

    def test_each_address_of_a_name_is_tried(self):
        addresses = {entry[4][0] for entry in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)}
        if addresses != {"127.0.0.1", "::1"}:
            self.skipTest("localhost has one address here; pool_test.cpp has the rule")
        upstream = self.stage.upstream()
        gateway = self.stage.unstarted()
        gateway.write({"app": [f"localhost:{upstream.port}"]})
        self.assertEqual(gateway.start().get().status, 200)


class Causes(StageTest):
    """Each 502's and 504's cause is in the access line."""

    def check(self, respond, cause: str, status: int = 502, on_head=None, address: str = "") -> None:
        gateway = self.stage.unstarted()
        address = address or self.stage.upstream(respond, on_head).address
        gateway.write({"app": [address]})
        gateway.start()
        with gateway.client() as client:
            try:
                self.assertEqual(client.get("/x").status, status)
            except EOFError:
                pass
        line = gateway.access("/x")[0]
        self.assertEqual((line["upstream_error"], line["upstream"], line["status"]), (cause, address, status))
        self.assertEqual(line["reason"], "upstream_error")
        gateway.said(f"upstream {address}: {cause} (request ")
        self.clear_stage()

    def test_is_said(self):
        head = b"HTTP/1.1 200 OK\r\n"
        self.check(None, "connection refused", address=f"127.0.0.1:{free_port()}")
        self.check(lambda _: None, "closed before it answered")
        self.check(reset, "connection reset before it answered")
        self.check(close_with(head), "closed within its answer's head")
        self.check(close_with(b"this is not HTTP\r\n\r\n"), "malformed answer: the status line is not HTTP/1.x STATUS REASON")
        self.check(
            close_with(head + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            "malformed answer: more than one Content-Length",
        )
        self.check(
            close_with(head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "malformed answer: a chunk size that is no hexadecimal number",
        )
        self.check(close_with(head + b"Content-Length: 100\r\n\r\nonly this"), "the answer ended early", status=200)

    def test_is_not_said_of_a_whole_answer(self):
        gateway = self.stage.gateway(self.stage.upstream())
        gateway.get("/fine")
        self.assertNotIn("upstream_error", gateway.access("/fine")[0])
