"""Which route takes a request, and what a route does to it beside its agents."""

import json

from http2 import Http2Client
from stage import Asked, StageTest
from upstream import response
from wire import allow, block, put


class Routes(StageTest):
    def play(self, routes: str, agents=(), **keys):
        self.upstream = self.stage.upstream()
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.upstream.address]}, agents, routes=routes, **keys)
        return gateway.start()

    def answers(self, keys: dict[str, str]) -> str:
        """A route for each of these `matches`, which answers with its name."""
        return "\n".join(f'route "{name}" {{ matches {{ {matches} }}; respond 200 {json.dumps(name)} }}' for name, matches in keys.items())

    def test_are_chosen_by_path_host_header_and_query(self):
        gateway = self.play(self.answers({
            "rest": "",
            "whole": 'path "/a"',
            "prefix": 'path-prefix "/a"',
            "wild": 'path-prefix "/h"; host "*.example"',
            "gold": 'path-prefix "/t"; header "x-tier" "gold"',
            "beta": 'path-prefix "/t"; query "beta" "1"',
        }))
        for target, headers, name in (
            ("/a", "", "whole"), ("/a/b", "", "prefix"), ("/ab", "", "rest"), ("/t", "", "rest"),
            ("/t", "X-Tier: gold\r\n", "gold"), ("/t?beta=1", "X-Tier: gold\r\n", "gold"), ("/t?x&beta=1", "", "beta"), ("/t?beta=2", "", "rest"),
        ):
            with self.subTest(target=target, headers=headers):
                self.assertEqual(gateway.get(target, headers=headers).body.decode(), name)
        for host, name in (("a.example", b"wild"), ("B.A.EXAMPLE:80", b"wild"), ("example", b"rest")):
            with self.subTest(host), gateway.client() as client:
                client.send(f"GET /h HTTP/1.1\r\nHost: {host}\r\n\r\n")
                self.assertEqual(client.response().body, name)

    def test_a_request_that_could_be_meant_for_other_agents_goes_nowhere(self):
        agent = self.stage.agent("a", request_headers=lambda _: block(403))
        gateway = self.play(
            """route "admin" { matches { header "x-area" "admin" }; filters "a"; upstream "app" }
               route "debug" { matches { query "debug" "1" }; filters "a"; upstream "app" }
               route "login" { matches { path "/login" }; filters "a"; upstream "app" }
               route "rest" { upstream "app" }""", [Asked("a", agent.path)])
        for target, headers in (("/", "x-area: admin\r\n"), ("/?debug=1", ""), ("/?%64ebug=%31", ""), ("/login", "")):
            with self.subTest(target=target, headers=headers):
                self.assertEqual(gateway.get(target, headers=headers).status, 403)
        for target, headers in (
            ("/", "x-area: user\r\nx-area: admin\r\n"), ("/", "x-area: ADMIN\r\n"), ("/", "x-area: user, admin\r\n"),
            ("/?debug=0&debug=1", ""), ("/?a;debug=1", ""), ("/%3fdebug=1", ""), ("/login/", ""), ("/login%2f", ""),
        ):
            with self.subTest(target=target, headers=headers):
                answer = gateway.get(target, headers=headers)
                self.assertEqual((answer.status, answer.reason), (400, "bad_request"))
        # A name with an underscore is not passed on, so that no upstream takes it for the other.
        self.assertEqual(gateway.get("/", headers="x_area: admin\r\n").status, 200)
        self.assertEqual([r.values("x_area") for r in self.upstream.requests], [[]])

    def test_edit_what_the_upstream_and_the_client_get_after_the_agents(self):
        agent = self.stage.agent("a", request_headers=lambda _: allow(request_headers=[put("x-a", "agent"), put("x-kept", "agent")],
                                                                      response_headers=[put("x-r", "agent")]))
        gateway = self.play(
            """route "all" { filters "a"; upstream "app"
                 request-headers { set "x-a" "route"; add "x-more" "1"; add "x-more" "2"; remove "cookie" "x-b"; set "Host" "inner.test" }
                 response-headers { set "strict-transport-security" "max-age=31536000"; remove "x-secret" "x-r" } }""", [Asked("a", agent.path)])
        self.upstream.respond = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Secret: v1\r\n\r\nok"
        answer = gateway.get("/", headers="X-A: client\r\nCookie: a=b\r\nx-b: 1\r\nX-Other: 1\r\n")
        self.assertEqual((answer.status, answer.body), (200, b"ok"))
        self.assertEqual(answer.values("strict-transport-security"), ["max-age=31536000"])
        self.assertEqual((answer.values("x-secret"), answer.values("x-r")), ([], []))
        request = self.upstream.requests[0]
        for name, values in (("x-a", ["route"]), ("x-kept", ["agent"]), ("x-more", ["1", "2"]), ("cookie", []), ("x-b", []), ("x-other", ["1"]), ("host", ["inner.test"])):
            with self.subTest(name):
                self.assertEqual(request.values(name), values)

    def test_edit_their_own_answers_and_those_of_agents(self):
        agent = self.stage.agent("a", request_headers=lambda event: block(403) if event.body["uri"] == "/no" else allow())
        gateway = self.play("""route "all" { filters "a"; respond 200 "ok"; response-headers { set "x-frame-options" "DENY" } }""", [Asked("a", agent.path)])
        for target, status in (("/yes", 200), ("/no", 403)):
            answer = gateway.get(target)
            self.assertEqual((answer.status, answer.values("x-frame-options")), (status, ["DENY"]))

    def test_bound_bodies_by_a_limit_of_their_own(self):
        gateway = self.play(
            """route "small" { matches { path-prefix "/small" }; upstream "app"; limits { max-body-size-bytes 10 } }
               route "large" { matches { path-prefix "/large" }; upstream "app"; limits { max-body-size-bytes 5000 } }
               route "rest" { upstream "app" }""", limits="max-body-size-bytes 100")
        chunked = b"%x\r\n%s\r\n0\r\n\r\n"
        for target, size, status in (("/small", 10, 200), ("/small", 11, 413), ("/large", 5000, 200), ("/large", 5001, 413), ("/", 100, 200), ("/", 101, 413)):
            with self.subTest(target=target, size=size):
                self.assertEqual(gateway.get(target, method="POST", body=b"x" * size).status, status)
                with gateway.client() as client:
                    client.send(f"POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunked % (size, b"x" * size))
                    self.assertEqual(client.response().status, status)

    def test_bound_bodies_that_come_with_their_heads_over_http_2(self):
        gateway = self.stage.unstarted()
        self.upstream = self.stage.upstream(lambda request: response(b"%d" % len(request.body)))
        gateway.write({"app": [self.upstream.address]}, routes='route "small" { upstream "app"; limits { max-body-size-bytes 10 } }',
                      listeners=f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}')
        gateway.start()
        with Http2Client(gateway.port) as client:
            client.until("it is greeted", lambda: bool(client.frames))
            for size, status in ((10, 200), (11, 413), (5000, 413), (0, 200)):
                with self.subTest(size):
                    answer = client.post("/", b"x" * size)
                    self.assertEqual(answer.status, status)
            self.assertEqual([len(request.body) for request in self.upstream.requests], [10, 0])

    def test_ten_thousand_are_loaded_and_each_is_found(self):
        routes = "\n".join(f'route "{i}" {{ matches {{ host "h{i}.test"; path-prefix "/p{i % 7}" }}; respond 200 "{i}" }}' for i in range(10_000))
        gateway = self.play(routes)
        with gateway.client() as client:
            for i in (0, 1, 4999, 9999):
                client.send(f"GET /p{i % 7}/x HTTP/1.1\r\nHost: h{i}.test\r\n\r\n")
                self.assertEqual(client.response().body, str(i).encode())
            client.send("GET /p1 HTTP/1.1\r\nHost: h0.test\r\n\r\n")
            self.assertEqual(client.response().status, 404)
