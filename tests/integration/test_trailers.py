"""Fields behind bodies: which go on, to whom, and in which version of HTTP."""

import unittest

from client import message
from http2 import END_HEADERS, END_STREAM, HEADERS, Http2Client, head, literal
from stage import Asked, Gateway, StageTest
from streaming import ANSWERS, replaced
from upstream import Request, response
from wire import allow

ANSWER = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    b"X-Sum: 1\r\nSet-Cookie: a=1\r\nX-Agents: theirs\r\nContent-Type: text/evil\r\n\r\n"
)
SENT = [("x-sum", "1"), ("host", "evil"), ("x-forwarded-for", "6.6.6.6"), ("cookie", "a=1"), ("x_sum", "2"), ("x-agents", "mine")]
NAME = "picket_trailers_dropped_total"


class Trailers(StageTest):
    @staticmethod
    def respond(request: Request) -> bytes:
        return ANSWER if request.target == "/behind" else response()

    def play(self, agents=(), route: str = "") -> Gateway:
        self.upstream = self.stage.upstream(self.respond)
        gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}'
        routes = f'route "all" {{ matches {{ path-prefix "/" }}; upstream "app"; {route} }}' if route else ""
        gateway.write({"app": [self.upstream.address]}, agents, listeners=listener, routes=routes)
        return gateway.start()

    def asking(self, verdict) -> Gateway:
        agent = self.stage.agent(request_headers=lambda event: verdict)
        return self.play([Asked("a", agent.path)])

    def send(self, gateway, fields=()) -> list[tuple[str, str]]:
        """Sends a request with trailers over HTTP/2; what of them the upstream got."""
        with Http2Client(gateway.port) as client:
            stream = client.open(head("/", fields, method="POST"), end=False)
            client.data(stream, b"abc")
            client.frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(SENT))
            self.assertEqual(client.answer(stream).status, 200)
        self.assertEqual(self.upstream.requests[-1].body, b"abc")
        return self.upstream.requests[-1].trailers

    def test_of_requests_go_on_where_no_agent_is_asked(self):
        gateway = self.play()
        self.assertEqual(self.send(gateway), [("x-sum", "1"), ("x-agents", "mine")])
        gateway.expect_metric(4, NAME, direction="request")

    def test_of_requests_of_http1_go_on_in_chunks(self):
        gateway = self.play()
        lines = "".join(f"{name}: {value}\r\n" for name, value in SENT).encode()
        with gateway.client() as client:
            client.send(message("/", "Transfer-Encoding: chunked\r\n", "POST") + b"3\r\nabc\r\n0\r\n" + lines + b"\r\n")
            client.send(message("/after"))
            self.assertEqual([client.response().body, client.response().body], [b"hello\n", b"hello\n"])
        self.assertEqual(self.upstream.requests[0].trailers, [("x-sum", "1"), ("x-agents", "mine")])
        gateway.expect_metric(4, NAME, direction="request")

    def test_of_requests_that_agents_were_asked_about_stay_here(self):
        gateway = self.asking(allow())
        self.assertEqual(self.send(gateway), [])
        gateway.expect_metric(len(SENT), NAME, direction="request")

    def test_of_requests_to_services_of_grpc_go_on_but_for_what_an_agent_has_set(self):
        gateway = self.asking(allow(request_headers=[{"set": {"name": "X-Agents", "value": "theirs"}}]))
        self.assertEqual(self.send(gateway, [("content-type", "application/grpc+proto")]), [("x-sum", "1")])

    def test_of_answers_reach_clients_of_http2(self):
        gateway = self.play()
        with Http2Client(gateway.port) as client:
            answer = client.get("/behind")
        self.assertEqual((answer.body, answer.trailers), (b"abc", [("x-sum", "1"), ("x-agents", "theirs")]))
        gateway.expect_metric(2, NAME, direction="response")

    def test_of_answers_stand_behind_a_body_that_agents_look_at_or_change(self):
        for mode in ("buffer", "stream"):
            for verdict, body in (lambda _: allow(), b"abc"), (lambda event: replaced(event, event.data().upper()), b"ABC"):
                with self.subTest(mode, body=body):
                    agent = self.stage.agent(response_body=verdict)
                    gateway = self.play([Asked("a", agent.path, ANSWERS, f'response-body-mode "{mode}"')])
                    with Http2Client(gateway.port) as client:
                        answer = client.get("/behind")
                    self.assertEqual((answer.body, answer.trailers), (body, [("x-sum", "1"), ("x-agents", "theirs")]))
                    self.clear_stage()

    def test_that_tell_of_the_very_bytes_stand_behind_no_others(self):
        digests = [("content-digest", "sha-256=:eA==:"), ("repr-digest", "sha-256=:eA==:"), ("digest", "md5=eA=="), ("content-md5", "eA=="), ("etag", '"a"')]
        end = "".join(f"{name}: {value}\r\n" for name, value in [*digests, ("x-sum", "1")])
        told = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" + end.encode() + b"\r\n"
        for agents_do, left in ((lambda event: replaced(event, event.data().upper()), 0), (None, len(digests))):
            for mode in ("buffer", "stream"):
                with self.subTest(mode, left=left):
                    agent = self.stage.agent(response_body=agents_do)
                    gateway = self.play([Asked("a", agent.path, ANSWERS, f'response-body-mode "{mode}"')] if agents_do else [])
                    self.upstream.respond = lambda _: told
                    with Http2Client(gateway.port) as client:
                        answer = client.get("/")
                    self.assertEqual(answer.trailers, [*digests[:left], ("x-sum", "1")])
                    gateway.expect_metric(len(digests) - left, NAME, direction="response")
                    self.clear_stage()

    def test_of_answers_reach_clients_of_http1_that_want_them(self):
        gateway = self.play()
        end = b"0\r\nX-Sum: 1\r\nX-Agents: theirs\r\n\r\n"
        for fields, wanted in (("", False), ("TE: gzip, Trailers\r\n", True)):
            with self.subTest(fields=fields), gateway.client() as client:
                client.send(message("/behind", fields + "Connection: close\r\n"))
                whole = b"".join(iter(lambda: client.socket.recv(65536), b""))
                self.assertEqual(whole.endswith(end), wanted)
                self.assertEqual(whole.endswith(b"abc\r\n0\r\n\r\n"), not wanted)
        gateway.expect_metric(4 + 2, NAME, direction="response")

    def test_that_a_route_sets_or_removes_do_not_come_back_behind_the_body(self):
        edits = 'request-headers { set "X-Agents" "ours" }; response-headers { remove "X-Agents" }'
        gateway = self.play(route=edits)
        self.assertEqual(self.send(gateway), [("x-sum", "1")])
        with Http2Client(gateway.port) as client:
            self.assertEqual(client.get("/behind").trailers, [("x-sum", "1")])


if __name__ == "__main__":
    unittest.main()
