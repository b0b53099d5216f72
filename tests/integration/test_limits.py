"""What the gateway refuses because it is too much: heads, bodies, connections."""

from client import Client, message
from processes import wait
from stage import Asked, StageTest


class Limits(StageTest):
    def gateway(self, respond=None, **keys):
        self.upstream = self.stage.upstream(respond)
        return self.stage.gateway(
            self.upstream, limits="max-header-size-bytes 2048; max-header-count 10; max-body-size-bytes 100000", **keys
        )

    def test_heads_over_the_limits_are_431_and_the_connection_closes(self):
        gateway = self.gateway()
        for name, headers in (("bytes", f"X-Long: {'a' * 3000}\r\n"), ("fields", "X-A: b\r\n" * 20)):
            with self.subTest(name), gateway.client() as client:
                answer = client.get("/head", headers)
                self.assertEqual(
                    (answer.status, answer.reason, answer.value("connection")), (431, "bad_request", "close")
                )
                self.assertTrue(client.closed())
        self.assertEqual(self.upstream.requests, [])

    def test_a_head_that_never_ends_is_431_as_soon_as_it_is_too_large(self):
        gateway = self.gateway()
        with gateway.client() as client:
            client.send(b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * 4096)
            self.assertEqual(client.response().status, 431)

    def refuses_a_body_of(self, gateway, size):
        with gateway.client() as client:
            client.send(message("/declared", f"Content-Length: {size}\r\nExpect: 100-continue\r\n", "POST"))
            answer = client.response()
            self.assertEqual((answer.status, answer.reason, answer.interim), (413, "body_too_large", []))
        self.assertEqual(self.upstream.requests, [])

    def test_a_declared_body_over_the_limit_is_413_before_anything_is_sent_on(self):
        self.refuses_a_body_of(self.gateway(), 100_001)

    def test_a_declared_body_over_an_agents_limit_is_413_and_no_100_continue_before_it(self):
        agent = self.stage.agent()
        gateway = self.gateway(
            agents=[Asked("a", agent.path, '"request_headers" "request_body"', "max-request-body-bytes 1000")]
        )
        self.refuses_a_body_of(gateway, 1001)

    def test_the_client_can_read_413_although_it_is_still_sending(self):
        gateway = self.gateway()
        with gateway.client() as client:
            client.send(message("/lingering", "Content-Length: 200000\r\n", "POST") + b"a" * 200_000)
            self.assertEqual(client.response().status, 413)
            self.assertTrue(client.closed())

    def test_a_chunked_body_over_the_limit_is_413_and_no_whole_request_reaches_the_upstream(self):
        gateway = self.gateway()
        with gateway.client() as client:
            client.send(message("/growing", "Transfer-Encoding: chunked\r\n", "POST"))
            client.send(b"%x\r\n%s\r\n" % (150_000, b"a" * 150_000))
            self.assertEqual(client.response().status, 413)
        self.assertEqual(self.upstream.requests, [])

    def test_a_body_of_exactly_the_limit_passes(self):
        gateway = self.gateway()
        self.assertEqual(gateway.get("/exact", method="POST", body=b"a" * 100_000).status, 200)

    def test_a_declared_length_reserves_nothing(self):
        agent = self.stage.agent()
        self.upstream = self.stage.upstream()
        gateway = self.stage.gateway(
            self.upstream,
            [Asked("a", agent.path, '"request_headers" "request_body"', "max-request-body-bytes 104857600")],
            limits="max-body-size-bytes 104857600",
        )
        gateway.get()
        before = gateway.resident_kib()
        clients = [gateway.client() for _ in range(20)]
        for client in clients:
            client.send(message("/promise", "Content-Length: 10000000\r\n", "POST"))
        agent.expect("request_headers", 21)
        self.assertLess(gateway.resident_kib() - before, 60_000)  # 200 MB were announced

    def test_a_connection_over_max_connections_is_told_so(self):
        gateway = self.gateway(system="max-connections 3")
        clients = [gateway.client() for _ in range(3)]
        self.assertEqual([client.get().status for client in clients], [200] * 3)
        with gateway.client() as one_more:
            answer = one_more.response()
            self.assertEqual((answer.status, answer.reason), (503, "overloaded"))
        self.assertEqual(gateway.metric("picket_client_connections_refused_total"), 1)
        clients[0].close()
        wait("a place is free again", lambda: self.served(gateway))

    @staticmethod
    def served(gateway) -> bool:
        try:
            with Client(gateway.port) as client:
                return client.get().status == 200
        except (EOFError, OSError):
            return False
