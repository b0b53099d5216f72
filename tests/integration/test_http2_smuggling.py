"""What HTTP/2 can say in a head and HTTP/1.1 would read as something else: towards an upstream of HTTP/1.1 that records the bytes."""

import unittest

from http2 import Http2Client, head
from processes import wait
from stage import Asked, StageTest
from upstream import response
from wire import allow

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def pseudo(name: str, value: str | bytes) -> list:
    return [(key, value if key == name else old) for key, old in head("/p", [("x-end", "1")], "POST")]


def more(*fields) -> list:
    return head("/p", list(fields), "POST")


def table() -> dict[str, list]:
    """What must reach nobody, by what it is."""
    cases: dict[str, list] = {}
    endings = {
        "CRLF and a field": "\r\nx-in: 1", "LF and a field": "\nx-in: 1", "CR and a field": "\rx-in: 1", "CRLF alone": "\r\n",
        "an end of head": f"\r\n\r\n{SMUGGLED}", "NUL": "\0", "a space behind": " ", "a tab behind": "\t", "DEL": "\x7f",
        "a version and CRLF": " HTTP/1.1\r\nx-in: 1", "a space and more": " /x", "a vertical tab": "\x0b",
    }  # fmt: skip
    usual = {":method": "POST", ":scheme": "http", ":authority": "a.test", ":path": "/p"}
    for what, ending in endings.items():
        for name, value in usual.items():
            cases[f"{what} in {name}"] = pseudo(name, value + ending)
            cases[f"{what} before {name}"] = pseudo(name, ending + value)
        if what not in ("a version and CRLF", "a space and more"):
            cases[f"{what} at a value's end"] = more(("x-a", "b" + ending))
            cases[f"{what} at a value's front"] = more(("x-a", ending + "b"))
        cases[f"{what} in a name"] = more((f"x-a{ending}", "b"))
        cases[f"{what} in a cookie"] = more(("cookie", "a=1"), ("cookie", "b" + ending + "\r"))
    names = ["transfer-encoding ", "transfer-encoding:", "transfer-encoding: chunked\r\nx", "", ":", "x y", "x:y", ":x", "X-Upper",
             "Transfer-Encoding", "Content-Length", "\xe9", "x\"", "x(", "x@", "x/"]  # fmt: skip
    for name in names:
        cases[f"the name {name!r}"] = more((name, "chunked"))
    for name in ("connection", "proxy-connection", "keep-alive", "upgrade", "transfer-encoding"):
        cases[f"{name}, which is a connection's"] = more((name, "chunked"))
    cases["te that is not trailers"] = more(("te", "chunked"))
    for length in ("1, 1", "+1", "-1", "0x1", "1 1", "", "1\r\nx: y", "99999999999999999999", "1.0", "\xb2"):
        cases[f"the length {length!r}"] = more(("content-length", length))
    cases["two lengths"] = more(("content-length", "0"), ("content-length", "5"))
    cases["two lengths that agree"] = more(("content-length", "5"), ("content-length", "5"))
    for path in ("", "p", "http://b.test/", "//b.test\\", "/a#b", "/a b", "*", "/\xe9", "/a\\b", "?x"):
        cases[f"the path {path!r}"] = pseudo(":path", path)
    for authority in ("", "a b", "u@a.test", "a.test:x", "a.test/p", "a,b", "a.test?", "a.test#", "a..test", "[::1", "a%2etest"):
        cases[f"the authority {authority!r}"] = pseudo(":authority", authority)
    for method in ("", "GET /x", "G:T", "CONNECT", "POST\t"):
        cases[f"the method {method!r}"] = pseudo(":method", method)
    for scheme in ("", "ftp", "http://b.test/x?", "http\r\n", "HTTP "):
        cases[f"the scheme {scheme!r}"] = pseudo(":scheme", scheme)
    cases["a Host that is another"] = more(("host", "b.test"))
    cases["two Hosts"] = more(("host", "a.test"), ("host", "b.test"))
    cases["a pseudo-field behind a field"] = [*head()[:3], ("x", "y"), (":path", "/p")]
    for name, value in usual.items():
        cases[f"{name} twice"] = [(name, value), *head()]
        if name != ":authority":
            cases[f"no {name}"] = [field for field in head() if field[0] != name]
    cases["no host at all"] = [field for field in head() if field[0] != ":authority"]
    cases["an unknown pseudo-field"] = [(":x", "y"), *head()]
    cases["a pseudo-field of answers"] = [(":status", "200"), *head()]
    cases["a protocol without CONNECT"] = [*head(), (":protocol", "websocket")]
    return cases


class Heads(StageTest):
    def play(self):
        self.upstream = self.stage.upstream(lambda request: response(b"ok"))
        self.agent = self.stage.agent(request_headers=lambda event: allow())
        gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}'
        gateway.write({"app": [self.upstream.address]}, [Asked("a", self.agent.path)], listeners=listener)
        return gateway.start()

    def ask(self, gateway, fields: list, body: bytes = b""):
        with Http2Client(gateway.port) as client:
            stream = client.open(fields, body=body)
            try:
                return client.answer(stream)
            except ConnectionError:
                return client.streams[stream]

    def test_that_would_be_something_else_reach_neither_agents_nor_upstreams(self):
        gateway = self.play()
        for what, fields in table().items():
            for body in (b"", SMUGGLED.encode()):
                with self.subTest(what, body=body):
                    answer = self.ask(gateway, fields, body)
                    self.assertTrue(answer.reset == 1 or answer.status in (400, 405), (answer.status, answer.reset))
        self.assertEqual(self.upstream.raw(), b"")
        self.assertEqual(self.agent.of("request_headers"), [])

    def test_with_bodies_that_look_like_requests_are_one_request_each(self):
        gateway = self.play()
        shapes = {
            "of no length": head("/p", method="POST"),
            "of a length": head("/p", [("content-length", str(len(SMUGGLED)))], "POST"),
            "of a GET": head("/p"),
            "with an Expect": head("/p", [("expect", "100-continue")], "POST"),
        }
        for what, fields in shapes.items():
            with self.subTest(what):
                self.assertEqual(self.ask(gateway, fields, SMUGGLED.encode()).status, 200)
        wait("all came", lambda: len(self.upstream.requests) == len(shapes))
        self.assertEqual([(request.target, request.body) for request in self.upstream.requests], [("/p", SMUGGLED.encode())] * 4)
        for request in self.upstream.requests:
            framing = request.values("content-length") + request.values("transfer-encoding")
            self.assertEqual(len(framing), 1, request.head)

    def test_that_pass_are_what_agents_were_asked_about(self):
        gateway = self.play()
        fields = [
            ("cookie", "a=1"), ("x-quote", "\"<'"), ("x-high", b"\xff\xfe"), ("x-tab", "a\tb"), ("x-colon", ": x"), ("cookie", "b: c"),
            ("host", "A.TEST"),
        ]  # fmt: skip
        self.assertEqual(self.ask(gateway, head("/ok?a=%0d%0a", fields)).status, 200)
        request, event = self.upstream.requests[0], self.agent.of("request_headers")[0].body
        self.assertEqual((request.line, event["uri"]), ("GET /ok?a=%0d%0a HTTP/1.1", "/ok?a=%0d%0a"))
        self.assertEqual((request.values("host"), event["headers"]["host"]), (["a.test"], ["a.test"]))
        self.assertEqual((request.values("cookie"), event["headers"]["cookie"]), (["a=1; b: c"], ["a=1; b: c"]))
        self.assertEqual((request.values("x-tab"), request.values("x-colon")), (["a\tb"], [": x"]))
        self.assertEqual(request.values("x-high"), ["\xff\xfe"])


if __name__ == "__main__":
    unittest.main()
