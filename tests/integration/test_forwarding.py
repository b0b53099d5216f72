"""What goes on of a request: agents, logs and the upstream see the same one, and nobody but a trusted proxy says whom
it is from."""

import re
import signal
import time
import unittest
from email.utils import parsedate_to_datetime

from processes import wait
from stage import Asked, Stage, StageTest
from upstream import response
from wire import add, allow, drop, put

TRUSTED_FOR = "203.0.113.7, 127.0.0.1"
OWN = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "x-request-id"}


class SameRequest(unittest.TestCase):
    """One agent and one upstream, which must have seen the same."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.upstream = cls.stage.upstream(lambda request: response(request.body))
        cls.operations = []
        cls.agent = cls.stage.agent(request_headers=lambda _: allow(request_headers=cls.operations))
        cls.gateway = cls.stage.gateway(cls.upstream, [Asked("a", cls.agent.path, '"request_headers" "request_body"')])

    def setUp(self):
        self.operations.clear()

    def exchange(self, head: str, body: bytes = b""):
        """Sends a request; returns the agent's event and the upstream's request."""
        self.agent.events.clear()
        self.upstream.requests.clear()
        with self.gateway.client() as client:
            client.send(head.encode("latin-1") + b"\r\n" + body)
            self.assertEqual(client.response().status, 200)
        [event] = self.agent.expect("request_headers")
        [request] = self.upstream.requests
        return event.body, request

    def assert_same(self, head: str, body: bytes = b""):
        event, request = self.exchange(head, body)
        sent: dict[str, list[str]] = {}
        for name, value in request.headers:
            sent.setdefault(name.lower(), []).append(value)
        framing = ("content-length", "transfer-encoding")
        self.assertEqual(
            {name: values for name, values in event["headers"].items() if name not in framing},
            {name: values for name, values in sent.items() if name not in framing},
        )
        self.assertEqual(f"{event['method']} {event['uri']} HTTP/1.1", request.line)
        return event, request

    def test_agent_and_upstream_see_the_same_fields(self):
        event, _ = self.assert_same(
            "POST /same HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nConnection: keep-alive, x-mine\r\nX-Mine: 1\r\n"
            "X-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\nX-Request-Id:\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n"
            "Upgrade: h2c\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nX_Under: 1\r\n"
            "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
            "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nContent-Length: 3\r\n",
            b"abc",
        )
        headers = event["headers"]
        self.assertEqual(set(headers), OWN | {"host", "x-a", "x-mine", "content-length"})
        self.assertEqual(len(headers["x-request-id"]), 1)
        self.assertNotIn(headers["x-request-id"][0], ("", "a", "b"))
        self.assertEqual(
            [headers[name] for name in ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip")],
            [["127.0.0.1"], ["http"], ["a"], ["127.0.0.1"]],
        )

    def test_an_absolute_target_is_a_path_to_agent_upstream_and_log(self):
        event, request = self.assert_same("GET http://a.test/absolute?q HTTP/1.1\r\nHost: a.test\r\n")
        self.assertEqual((event["uri"], request.target), ("/absolute?q", "/absolute?q"))
        self.gateway.access("/absolute?q")

    def test_an_absolute_targets_authority_may_differ_in_case_and_default_port(self):
        for target, host in (
            ("http://A.test/", "a.test"),
            ("http://a.test:80/", "a.test"),
            ("http://a.test/", "A.TEST:80"),
            ("HTTP://a.test:080/", "a.test:80"),
            ("https://a.test:443/", "a.test"),
            ("http://[::1]:80/", "[::1]"),
        ):
            with self.subTest(target=target, host=host):
                _, request = self.assert_same(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n")
                self.assertEqual(request.values("host"), [host.lower()])

    def test_an_absolute_target_on_http_1_0_needs_no_host(self):
        event, request = self.assert_same("GET http://A.test/old HTTP/1.0\r\n")
        self.assertEqual((request.values("host"), event["metadata"]["server_name"]), (["a.test"], "a.test"))

    def test_connection_cannot_name_what_is_everybodys(self):
        names = ["Content-Type", "Cookie", "Authorization", "X-Forwarded-For", "User-Agent", "Host", "Content-Length"]
        fields = "".join(f"{name}: v\r\n" for name in names[:3])
        for options in (", ".join(names), ",".join(names).upper()):
            _, request = self.assert_same(
                f"POST /named HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: 3\r\nConnection: {options}\r\n", b"abc"
            )
            self.assertEqual([request.values(name) for name in names[:3]], [["v"]] * 3)
            self.assertEqual((request.values("x-forwarded-for"), request.body), (["127.0.0.1"], b"abc"))

    def test_a_header_that_an_agent_sets_replaces_every_spelling_of_it(self):
        self.operations.append(put("X-Auth-User", "me"))
        _, request = self.exchange(
            "GET /set HTTP/1.1\r\nHost: a\r\nX_Auth_User: root\r\nX-Auth-User: root\r\nx-auth_user: root\r\n"
            "X.Auth.User: root\r\n"
        )
        self.assertEqual(
            [(name, value) for name, value in request.headers if re.match("(?i)x.auth.user", name)],
            [("X-Auth-User", "me")],
        )

    def test_a_header_that_an_agent_removes_is_gone_in_every_spelling(self):
        self.operations += [drop("X-Key"), add("X-Other", "1")]
        _, request = self.exchange("GET /remove HTTP/1.1\r\nHost: a\r\nX-Key: 1\r\nX.Key: 2\r\n")
        self.assertNotIn("key", request.head.decode("latin-1").lower())

    def test_hosts_go_on_in_one_spelling(self):
        event, request = self.assert_same("GET /host HTTP/1.1\r\nHost: A.Test.:8080\r\n")
        self.assertEqual((request.values("host"), event["headers"]["host"]), (["a.test:8080"], ["a.test:8080"]))

    def test_options_of_the_whole_server(self):
        for head in ("OPTIONS * HTTP/1.1\r\nHost: a\r\n", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n"):
            event, request = self.assert_same(head)
            self.assertEqual((event["uri"], request.line), ("*", "OPTIONS * HTTP/1.1"))

    def test_max_forwards_counts_hops_of_options_and_trace(self):
        for method in ("OPTIONS", "TRACE"):
            event, request = self.assert_same(f"{method} /hops HTTP/1.1\r\nHost: a\r\nMax-Forwards: 5\r\n")
            self.assertEqual(request.values("max-forwards"), ["4"])
        _, request = self.assert_same("GET /hops HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n")
        self.assertEqual(request.values("max-forwards"), ["0"])

    def test_at_max_forwards_0_the_gateway_answers(self):
        self.upstream.requests.clear()
        with self.gateway.client() as client:
            self.assertEqual(client.get("*", "Max-Forwards: 0\r\n", "OPTIONS").status, 200)
            secrets = "".join(f"{name}: secret\r\n" for name in ("Cookie", "Authorization", "X-Api-Key", "X-A"))
            answer = client.get("/t", f"Max-Forwards: 0\r\nVia: 1.0 x\r\n{secrets}", "TRACE")
            self.assertEqual((answer.status, answer.value("content-type")), (200, "message/http"))
            self.assertIn(b"TRACE /t HTTP/1.1\r\n", answer.body)
            self.assertIn(b"Host: ", answer.body)
            self.assertIn(b"Via: 1.0 x\r\n", answer.body)
            self.assertIn(b"Max-Forwards: 0\r\n", answer.body)
            self.assertNotIn(b"secret", answer.body)
            self.assertEqual(client.get("/t", "Max-Forwards: x\r\n", "TRACE").status, 400)
        self.assertEqual(self.upstream.requests, [])

    def test_a_backslash_in_a_query_passes(self):
        _, request = self.assert_same("GET /q?file=C:\\dir\\x HTTP/1.1\r\nHost: a\r\n")
        self.assertEqual(request.target, "/q?file=C:\\dir\\x")

    def test_expect_may_stand_twice(self):
        for expect in ("Expect: 100-continue\r\nExpect: 100-continue\r\n", "Expect: x\r\nExpect: 100-continue\r\n"):
            with self.gateway.client() as client:
                client.send(f"POST /expect HTTP/1.1\r\nHost: a\r\n{expect}Content-Length: 4\r\n\r\n")
                wait("100 Continue", lambda: client.socket.recv(1000).startswith(b"HTTP/1.1 100 "))
                client.send(b"body")
                self.assertEqual(client.response().body, b"body")


class TrustedProxies(StageTest):
    def play(self, listener: str = "", limits: str = "", address: str = "127.0.0.1:{}"):
        self.upstream = self.stage.upstream()
        self.agent = self.stage.agent()
        gateway = self.stage.unstarted()
        gateway.write(
            {"app": [self.upstream.address]},
            [Asked("a", self.agent.path)],
            listeners=f'listener "web" {{ address "{address.format(gateway.port)}"; {listener} }}',
            limits=limits,
        )
        return gateway.start()

    def get(self, gateway, headers: str = "", target: str = "/"):
        self.upstream.requests.clear()
        self.agent.events.clear()
        self.assertEqual(gateway.get(target, headers).status, 200)
        [event] = self.agent.expect("request_headers")
        return event.body, self.upstream.requests[0]

    def test_what_a_trusted_proxy_says_counts_for_upstream_agents_and_logs(self):
        gateway = self.play('trusted-proxies "127.0.0.0/8" "10.1.0.0/16"')
        event, request = self.get(
            gateway,
            "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n"
            "X-Forwarded-Host: App.test\r\nX-Forwarded-Port: 443\r\nForwarded: for=6.6.6.6\r\n",
            "/trusted",
        )
        for name, value in (
            ("x-forwarded-for", "203.0.113.7, 10.1.2.3, 127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.test"),
            ("x-forwarded-port", "443"),
            ("x-real-ip", "203.0.113.7"),
        ):
            self.assertEqual((event["headers"][name], request.values(name)), ([value], [value]), name)
        self.assertEqual(request.values("forwarded"), [])
        self.assertEqual((event["metadata"]["client_ip"], event["metadata"]["client_port"]), ("203.0.113.7", 0))
        self.assertEqual(gateway.access("/trusted")[0]["client"], "203.0.113.7")

    def test_an_empty_x_forwarded_for_is_no_item(self):
        gateway = self.play('trusted-proxies "127.0.0.1"')
        for value in ("", " , ,", ","):
            _, request = self.get(gateway, f"X-Forwarded-For: {value}\r\n")
            self.assertEqual(request.values("x-forwarded-for"), ["127.0.0.1"])
        _, request = self.get(gateway, "X-Forwarded-For:\r\nX-Forwarded-For: 203.0.113.7\r\n")
        self.assertEqual(request.values("x-forwarded-for"), [TRUSTED_FOR])

    def test_who_is_trusted_changes_with_a_reload(self):
        gateway = self.play('trusted-proxies "10.0.0.0/8"')
        said = "X-Forwarded-For: 203.0.113.7\r\n"
        with gateway.client() as client:
            client.get("/before", said)
            text = gateway.file.read_text().replace("10.0.0.0/8", "127.0.0.1")
            gateway.file.write_text(text)
            gateway.program.signal(signal.SIGHUP)
            wait("the reload counts", lambda: client.get("/after", said).status == 200 and self.says(TRUSTED_FOR))
        self.assertEqual(gateway.access("/before")[0]["client"], "127.0.0.1")

    def says(self, forwarded_for: str) -> bool:
        return self.upstream.requests[-1].values("x-forwarded-for") == [forwarded_for]

    def test_ipv4_clients_of_an_ipv6_listener_have_their_ipv4_address_everywhere(self):
        gateway = self.play('trusted-proxies "127.0.0.1"', address="[::]:{}")
        event, request = self.get(gateway, target="/mapped")
        self.assertEqual(event["metadata"]["client_ip"], "127.0.0.1")
        self.assertEqual(request.values("x-forwarded-for"), ["127.0.0.1"])
        self.assertEqual(gateway.access("/mapped")[0]["client"], "127.0.0.1")
        _, request = self.get(gateway, "X-Forwarded-For: ::ffff:203.0.113.7\r\n")
        self.assertEqual(request.values("x-forwarded-for"), [TRUSTED_FOR])

    def test_names_with_underscores_go_on_where_they_are_allowed(self):
        gateway = self.play(limits="underscores-in-headers #true")
        event, request = self.get(gateway, "X_Mine: 1\r\nX_Forwarded_For: 6.6.6.6\r\nTransfer_Encoding: chunked\r\n")
        self.assertEqual((request.values("x_mine"), event["headers"]["x_mine"]), (["1"], ["1"]))
        self.assertEqual((request.values("x_forwarded_for"), request.values("transfer_encoding")), ([], []))


class Dates(StageTest):
    def test_every_answer_says_when_it_was_made(self):
        dated = "Sun, 06 Nov 1994 08:49:37 GMT"
        upstream = self.stage.upstream(
            lambda request: response(headers=f"Date: {dated}\r\n" if request.target == "/dated" else "")
        )
        gateway = self.stage.gateway(upstream)
        self.assertEqual(gateway.get("/dated").values("date"), [dated])
        with gateway.client() as client:
            client.send("GET / HTTP/1.1\r\n\r\n")
            refused = client.response()
        for answer in (gateway.get("/undated"), refused, gateway.get("http://other/")):
            [value] = answer.values("date")
            self.assertLess(abs(parsedate_to_datetime(value).timestamp() - time.time()), 60)


if __name__ == "__main__":
    unittest.main()
