"""Requests that two parties could read in two ways: refused before any agent or upstream sees them."""

import ssl
import unittest

from certificates import Authority
from client import Client, chunked, message
from processes import wait
from stage import Asked, Gateway, Stage
from upstream import response

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def post(headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return b"POST /p " + version + b"\r\nHost: a\r\n" + headers + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"
HEADS = {
    "Content-Length and Transfer-Encoding": post(b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n" + SMUGGLED),
    "Transfer-Encoding and Content-Length": post(CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n" + SMUGGLED),
    "two Content-Lengths that differ": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"abcdef"),
    "two Content-Lengths that agree": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"abcde"),
    "a list of Content-Lengths": post(b"Content-Length: 3, 3\r\n", b"abc"),
    "a signed Content-Length": post(b"Content-Length: +3\r\n", b"abc"),
    "a negative Content-Length": post(b"Content-Length: -1\r\n"),
    "a hexadecimal Content-Length": post(b"Content-Length: 0x3\r\n", b"abc"),
    "an empty Content-Length": post(b"Content-Length:\r\n"),
    "a Content-Length with a space inside": post(b"Content-Length: 3 4\r\n", b"abc"),
    "a Content-Length beyond 64 bits": post(b"Content-Length: 99999999999999999999999\r\n"),
    "Transfer-Encoding: gzip": post(b"Transfer-Encoding: gzip\r\n", SMUGGLED),
    "Transfer-Encoding: xchunked": post(b"Transfer-Encoding: xchunked\r\n", SMUGGLED),
    "Transfer-Encoding: chunked, identity": post(b"Transfer-Encoding: chunked, identity\r\n", SMUGGLED),
    "Transfer-Encoding: gzip, chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "Transfer-Encoding: identity": post(b"Transfer-Encoding: identity\r\n", SMUGGLED),
    "a quoted Transfer-Encoding": post(b'Transfer-Encoding: "chunked"\r\n', SMUGGLED),
    "a Transfer-Encoding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", SMUGGLED),
    "an empty Transfer-Encoding": post(b"Transfer-Encoding:\r\n", SMUGGLED),
    "two Transfer-Encodings": post(CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "Transfer-Encoding on HTTP/1.0": post(CHUNKED, b"0\r\n\r\n", b"HTTP/1.0"),
    "obs-fold": post(b"X-A: b\r\n c: d\r\nContent-Length: 0\r\n"),
    "obs-fold with a tab": post(b"X-A: b\r\n\tc\r\n"),
    "obs-fold of a Transfer-Encoding": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "a folded first field": b"GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
    "a bare LF after the request line": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a bare LF after a field": b"GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n",
    "a head that ends in bare LFs": b"GET / HTTP/1.1\r\nHost: a\n\n",
    "a bare LF in a value": post(b"X-A: b\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "a bare CR in a value": post(b"X-A: b\rTransfer-Encoding: chunked\r\n"),
    "a bare CR in the request line": b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
    "a CR before a CRLF": b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
    "white space before the colon": post(b"Content-Length : 3\r\n", b"abc"),
    "a tab before the colon": post(b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n"),
    "white space in a name": post(b"X A: b\r\n"),
    "an empty name": post(b": b\r\n"),
    "a line without a colon": post(b"Content-Length\r\n"),
    "a NUL in a value": post(b"X-A: b\0c\r\n"),
    "a NUL in a name": post(b"X\0A: b\r\n"),
    "a DEL in a value": post(b"X-A: \x7f\r\n"),
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two Hosts that agree": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a Host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a Host with user information": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "a Host list": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "a Host with a port that is none": b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "an absolute target with user information": b"GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n",
    "an absolute target without a host": b"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n",
    "two spaces in the request line": b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space behind the version": b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "a tab in the request line": b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space before the method": b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /\r\nHost: a\r\n\r\n",
    "a method that is no token": b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes above ASCII in the target": b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment in the target": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target that is no path": b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    "nothing but line ends": b"\r\n\r\n\r\n\r\n" + SMUGGLED,
}

# Behind a head that is good, so an agent that only reads heads may have seen that one.
CHUNKS = {
    "a chunk size that is no number": b"x\r\nabc\r\n0\r\n\r\n",
    "an empty chunk size": b"\r\nabc\r\n0\r\n\r\n",
    "a chunk size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a signed chunk size": b"+3\r\nabc\r\n0\r\n\r\n",
    "a negative chunk size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a space before the chunk size": b" 3\r\nabc\r\n0\r\n\r\n",
    "a space behind the chunk size": b"3 \r\nabc\r\n0\r\n\r\n",
    "a bare LF behind the chunk size": b"3\nabc\r\n0\r\n\r\n",
    "a bare CR behind the chunk size": b"3\rabc\r\n0\r\n\r\n",
    "a bare LF in a chunk extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk without its CRLF": b"3\r\nabc0\r\n\r\n",
    "a bare LF behind a chunk": b"3\r\nabc\n0\r\n\r\n",
    "a bare LF behind the last chunk": b"3\r\nabc\r\n0\n\r\n",
    "a bare LF in the trailers": b"3\r\nabc\r\n0\r\nX-A: b\n\r\n\r\n",
    "trailers that end in bare LFs": b"3\r\nabc\r\n0\r\nX-A: b\n\n" + SMUGGLED,
    "trailers that are no fields": b"3\r\nabc\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    "a chunk extension without end": b"3;" + b"a" * 70_000,
}

# Paths outside of /admin that some server takes for one in it.
AROUND_ADMIN = [
    "/x%5cy/../admin/secret.txt",
    "/x%2fy/../admin",
    "/app//../admin",
    "/x/..;/admin",
    "/x/..;a=b/admin",
    "/admin;v=1/x",
    "/admin;/x",
    "/;/admin",
    "/admin%3fx",
    "/admin%23x",
    "/admin%3bx",
    "/admin%00.css",
    "/%61dmin",
    "/%2561dmin",
    "/x/%2e%2e/admin",
    "/x/%252e%252e/admin",
    "/x%252f..%252fadmin",
    "/x/..%3ba/admin",
    "//admin",
    "//x/admin",
    "/ad%0amin",
    "/.//admin",
    "/./admin",
    "/%2fadmin",
    "/%5cadmin",
    "/%5C..%5Cadmin",
    "/admin%2fx",
    "/admin%5cx",
    "/x%3f/../../admin",
    "/x%c0%af..%c0%afadmin",
    "/%u0061dmin",
    "/x/y/..%2f..%2fadmin",
    "http://a/x/../admin",
    "/x%e0%80%af..%e0%80%afadmin",
    "/%f0%80%81%a1dmin",
    "/x%f8%80%80%80%af../admin",
    "/%c0%61dmin/..%c1%1cadmin",
    "/x%ef%bc%8f..%ef%bc%8fadmin",
    "/%uff41dmin",
    "/x%u2215../admin",
    "/ad%00min",
    "/ad%0bmin",
    "/admin%20/x",
    "/admin%a0",
    "/admin.",
    "/admin%2e/",
    "/x/..%20/admin",
]
# Paths with several readings, which all come to the same route.
HARMLESS = [
    "/a%20b",
    "/x/../y",
    "/a//b",
    "/x;v=1/y",
    "/a%2Fb%3Fc",
    "/100%25",
    "/%E4%BD%A0",
    "/x?q=/../admin",
    "/x/admin;a",
]


class Bypasses(unittest.TestCase):
    """What stands before /admin, and before a host, cannot be got around by another spelling."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.upstream = cls.stage.upstream(lambda request: response(request.body))
        cls.agent = cls.stage.agent()
        cls.gateway = cls.stage.unstarted()
        cls.gateway.write(
            {"app": [cls.upstream.address]},
            [Asked("a", cls.agent.path)],
            routes="""
          route "guarded-host" { matches { path-prefix "/"; host "guarded.test" }; filters "a"; upstream "app" }
          route "admin" { matches { path-prefix "/admin" }; filters "a"; upstream "app" }
          route "rest" { matches { path-prefix "/" }; upstream "app" }""",
        )
        cls.gateway.start()

    def setUp(self):
        self.agent.events.clear()
        self.upstream.requests.clear()

    def get(self, target: str, host: str = "a"):
        with self.gateway.client() as client:
            client.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
            return client.response()

    def test_a_prefix_with_a_slash_at_its_end_guards_the_path_without_it(self):
        gateway = self.stage.unstarted()
        gateway.write(
            {"app": [self.upstream.address]},
            [Asked("a", self.agent.path)],
            routes="""
          route "admin" { matches { path-prefix "/admin/" }; filters "a"; upstream "app" }
          route "local" { matches { path-prefix "/"; host "[0:0::1]" }; filters "a"; upstream "app" }
          route "four" { matches { path-prefix "/"; host "127.0.0.1" }; filters "a"; upstream "app" }
          route "rest" { matches { path-prefix "/" }; upstream "app" }""",
        )
        gateway.start()

        def get(target: str, host: str):
            with gateway.client() as client:
                client.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
                return client.response().status

        inspected = [("/admin", "a"), ("/admin/", "a"), ("/", "[::1]"), ("/", "[0:0:0:0:0:0:0:1]:80")]
        inspected += [("/", "[::ffff:127.0.0.1]"), ("/", "[::FFFF:7f00:1]")]
        for target, host in inspected:
            self.agent.events.clear()
            self.assertEqual((get(target, host), len(self.agent.of("request_headers"))), (200, 1), (target, host))
        for host in ("127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[1::2::3]"):
            self.assertEqual(get("/", host), 400, host)

    def test_a_method_in_another_case_does_not_get_around_a_route_of_methods(self):
        gateway = self.stage.unstarted()
        gateway.write(
            {"app": [self.upstream.address]},
            [Asked("a", self.agent.path)],
            routes="""
          route "posts" { matches { path-prefix "/"; method "POST" }; filters "a"; upstream "app" }
          route "rest" { matches { path-prefix "/" }; upstream "app" }""",
        )
        gateway.start()
        for method in ("post", "Post", "pOST"):
            self.assertEqual(gateway.get("/x", method=method).status, 400, method)
        self.assertEqual(self.upstream.requests, [])
        self.assertEqual([gateway.get("/x", method=method).status for method in ("PUT", "POST", "put")], [200] * 3)

    def test_a_path_that_an_upstream_may_read_as_one_of_another_route_is_400_and_nobody_sees_it(self):
        for target in AROUND_ADMIN:
            with self.subTest(target):
                answer = self.get(target)
                self.assertEqual((answer.status, answer.reason), (400, "bad_request"))
                self.assertIn(b"the path can be read as", answer.body)
        self.assertEqual((self.upstream.requests, self.agent.of("request_headers")), ([], []))
        [line] = self.gateway.access("/x/..;/admin")
        self.assertEqual(
            (line["reason"], line["detail"]),
            ("bad_request", "the path can be read as one of a route with other agents"),
        )

    def test_it_works_in_the_other_direction_too(self):
        for target in ("/admin/../x", "/admin/..%2fx", "/admin/..;/x", "/admin%2f..%2f..%2fx"):
            with self.subTest(target):
                self.assertEqual(self.get(target).status, 400)

    def test_readings_that_come_to_the_same_agents_pass(self):
        for target in HARMLESS:
            with self.subTest(target):
                self.assertEqual(self.get(target).status, 200)
        for target in ("/admin//x", "/admin/./x", "/admin/a%2fb", "/admin/x;v=1"):
            with self.subTest(target):
                self.assertEqual(self.get(target).status, 200)
                self.agent.expect("request_headers")

    def test_hosts_are_one_whatever_their_spelling(self):
        spellings = ["guarded.test", "GUARDED.test", "guarded.test.", "guarded.test:80", "Guarded.Test.:8080"]
        for host in (*spellings, "guarded.test:"):
            with self.subTest(host):
                self.setUp()
                self.assertEqual(self.get("/x", host).status, 200)
                self.agent.expect("request_headers")
        for host in ("%67uarded.test", "guarded.test..", "guarded%2etest"):
            with self.subTest(host):
                self.setUp()
                self.assertEqual(self.get("/x", host).status, 400)
                self.assertEqual(self.upstream.requests, [])

    def test_a_path_with_more_readings_than_anybody_means_is_400(self):
        target = "/a%255c%2f..;x//%3f;%23/./%00%252e%u002e" * 300
        self.assertEqual([self.get(target).status for _ in range(10)], [400] * 10)
        self.assertEqual(self.upstream.requests, [])


class Smuggling(unittest.TestCase):
    SCHEME = "http"

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.upstream = cls.stage.upstream(lambda request: response(request.body))
        cls.agent = cls.stage.agent()
        cls.gateway = cls.begin([Asked("a", cls.agent.path, '"request_headers" "request_body"')])

    @classmethod
    def begin(cls, asked: list[Asked]) -> Gateway:
        return cls.stage.gateway(cls.upstream, asked)

    def client(self) -> Client:
        return self.gateway.client()

    def setUp(self):
        self.forget()

    def forget(self) -> None:
        self.agent.events.clear()
        self.upstream.requests.clear()
        self.upstream.received.clear()

    def assert_refused(self, request: bytes) -> None:
        with self.client() as client:
            client.send(request)
            answer = client.response()
            self.assertEqual((answer.status, answer.reason, answer.value("connection")), (400, "bad_request", "close"))
            self.assertTrue(client.closed())
        self.assertEqual(self.upstream.raw(), b"")

    def test_ambiguous_heads_are_400_and_nobody_sees_them(self):
        for name, request in HEADS.items():
            with self.subTest(name):
                self.forget()
                self.assert_refused(request)
                self.assertEqual(self.agent.of("request_headers"), [])

    def test_ambiguous_chunks_are_400_and_no_byte_of_them_goes_on(self):
        for name, body in CHUNKS.items():
            with self.subTest(name):
                self.forget()
                self.assert_refused(post(CHUNKED, body))
                self.assertEqual(self.agent.of("request_body"), [])

    def test_what_follows_a_refused_request_is_not_served(self):
        with self.client() as client:
            client.send(post(b"Content-Length: 1\r\nContent-Length: 0\r\n") + SMUGGLED)
            self.assertEqual(client.response().status, 400)
            self.assertTrue(client.closed())
        self.assertEqual(self.agent.of("request_headers"), [])

    def test_other_versions_and_connect_have_statuses_of_their_own(self):
        for request, status in (
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
            (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
        ):
            with self.subTest(request), self.client() as client:
                client.send(request)
                self.assertEqual(client.response().status, status)
                self.assertTrue(client.closed())
        self.assertEqual((self.agent.of("request_headers"), self.upstream.requests), ([], []))

    def test_what_is_unusual_but_clear_passes(self):
        clear = {
            "an empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "a Host that is an IPv6 address": b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
            "no space behind the colon": b"GET / HTTP/1.1\r\nHost:a\r\n\r\n",
            "leading zeros": post(b"Content-Length: 003\r\n", b"abc"),
            "CHUNKED": post(b"Transfer-Encoding: CHUNKED\r\n", b"0\r\n\r\n"),
            "chunk sizes with zeros and capitals": post(CHUNKED, b"00A\r\n0123456789\r\n000\r\n\r\n"),
            "a chunk extension": post(CHUNKED, b'3;a=b;c="d"\r\nabc\r\n0\r\n\r\n'),
            "HTTP/1.0 without a Host": b"GET / HTTP/1.0\r\n\r\n",
        }
        for name, request in clear.items():
            with self.subTest(name), self.client() as client:
                client.send(request)
                self.assertEqual(client.response().status, 200)

    def test_headers_reach_the_agent_in_their_order_with_all_their_values(self):
        with self.client() as client:
            client.send(
                "GET /order HTTP/1.1\r\nX-Z: 1\r\nHost: a\r\nConnection: keep-alive\r\n"
                "X-A: 2\r\nKeep-Alive: 3\r\nX-z:  4 \r\n\r\n"
            )
            client.response()
        [event] = self.agent.of("request_headers")
        self.assertEqual(
            [*event.body["headers"].items()],
            [
                ("x-z", ["1", "4"]),
                ("host", ["a"]),
                ("x-a", ["2"]),
                ("x-forwarded-for", ["127.0.0.1"]),
                ("x-forwarded-proto", [self.SCHEME]),
                ("x-forwarded-host", ["a"]),
                ("x-real-ip", ["127.0.0.1"]),
                ("x-request-id", [event.id]),
            ],
        )

    def test_trailers_reach_neither_agent_nor_upstream(self):
        with self.client() as client:
            client.send(post(CHUNKED, b"3\r\nabc\r\n0\r\nX-Trailer: secret\r\n\r\n"))
            self.assertEqual(client.response().body, b"abc")
        self.assertNotIn("secret", str([event.body for event in self.agent.events]))
        self.assertNotIn(b"secret", self.upstream.raw())

    def test_chunks_are_framed_anew_for_the_upstream(self):
        with self.client() as client:
            client.send(message("/reframed", "Transfer-Encoding: chunked\r\n", "POST") + chunked(b"a", b"b", b"c"))
            self.assertEqual(client.response().body, b"abc")
        [request] = self.upstream.requests
        self.assertEqual((request.values("content-length"), request.values("transfer-encoding")), (["3"], []))

    def test_refusals_are_counted_and_logged(self):
        before = self.gateway.metric("picket_gateway_answers_total", reason="bad_request")
        self.assert_refused(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(self.gateway.metric("picket_gateway_answers_total", reason="bad_request"), before + 1)
        wait("an access line", lambda: any(line.get("detail") == "no Host" for line in self.gateway.lines("access")))


class SmugglingOverTls(Smuggling):
    SCHEME = "https"

    @classmethod
    def begin(cls, asked: list[Asked]) -> Gateway:
        authority = Authority(cls.stage.folder)
        shown = authority.issue("site", "DNS:a")
        cls.trusted = ssl.create_default_context(cafile=str(authority.ca.certificate))
        gateway = cls.stage.unstarted()
        tls = f'tls {{ cert-file "{shown.certificate}"; key-file "{shown.key}" }}'
        listener = f'listener "safe" {{ address "127.0.0.1:{gateway.port}"; protocol "https"; {tls} }}'
        gateway.write({"app": [cls.upstream.address]}, asked, listeners=listener)
        return gateway.start()

    def client(self) -> Client:
        return Client(self.gateway.port, tls=self.trusted, name="a")


if __name__ == "__main__":
    unittest.main()
