"""What the gateway refuses because it is too much: heads, bodies, connections."""

import time

from client import Client, chunked, message
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

    def holding(self, **limits):
        """A gateway that holds bodies for an agent, up to a megabyte each."""
        agent = self.stage.agent()
        self.upstream = self.stage.upstream()
        asked = Asked("a", agent.path, '"request_headers" "request_body"')
        return self.stage.gateway(self.upstream, [asked], **limits)

    def test_held_bodies_over_the_budget_are_503_and_give_their_room_back(self):
        gateway = self.holding(limits="max-held-bytes 1048576")
        clients = [gateway.client() for _ in range(3)]
        for client in clients:
            client.send(message("/held", "Content-Length: 300001\r\n", "POST") + b"a" * 300_000)
        wait("they are held", lambda: gateway.metric("picket_held_bytes") > 900_000)
        for framing in ("Content-Length: 300000\r\n", "Transfer-Encoding: chunked\r\n"):
            with self.subTest(framing), gateway.client() as client:
                body = b"a" * 300_000 if "Length" in framing else chunked(b"a" * 300_000)
                client.send(message("/over", framing, "POST") + body)
                answer = client.response()
                self.assertEqual((answer.status, answer.reason), (503, "overloaded"))
        self.assertEqual(gateway.get("/none").status, 200)
        for client in clients:
            client.send("a")
        self.assertEqual([client.response().status for client in clients], [200] * 3)
        self.assertEqual(gateway.get("/again", method="POST", body=b"a" * 900_000).status, 200)
        gateway.expect_metric(0, "picket_held_bytes")
        self.assertNotIn("/over", [request.target for request in self.upstream.requests])

    def test_each_worker_has_its_share_of_the_budget(self):
        gateway = self.holding(limits="max-held-bytes 1048576", workers=2)
        statuses = {gateway.get(method="POST", body=b"a" * 600_000).status for _ in range(10)}
        self.assertEqual(statuses, {503})
        self.assertEqual(gateway.get(method="POST", body=b"a" * 400_000).status, 200)

    def test_memory_of_held_bodies_goes_back_to_the_system(self):
        gateway = self.holding()
        gateway.get(method="POST", body=b"a" * 100_000)
        before = gateway.resident_kib()
        clients = [gateway.client() for _ in range(100)]
        for client in clients:
            client.send(message("/held", "Content-Length: 900001\r\n", "POST") + b"a" * 900_000)
        wait("they are held", lambda: gateway.metric("picket_held_bytes") > 90_000_000)
        self.assertGreater(gateway.resident_kib() - before, 80_000)
        for client in clients:
            client.close()
        wait("they are let go", lambda: gateway.metric("picket_held_bytes") == 0)
        # A sanitizer notes what was there.
        wait("the system has their memory", lambda: gateway.resident_kib() - before < 60_000)

    def test_a_held_body_that_is_not_whole_in_time_is_408_however_steadily_it_comes(self):
        gateway = self.holding(limits="held-body-secs 1")
        with gateway.client() as client:
            client.send(message("/dripped", "Content-Length: 900000\r\n", "POST"))
            client.socket.settimeout(0.05)
            begin = time.monotonic()
            while time.monotonic() - begin < 10:
                client.send(b"a" * 1000)
                try:
                    answer = client.response()
                    break
                except TimeoutError:
                    continue
            self.assertEqual((answer.status, answer.reason), (408, "bad_request"))
            self.assertGreater(time.monotonic() - begin, 0.8)
        self.assertEqual(self.upstream.requests, [])

    def test_a_connection_over_max_connections_is_told_so(self):
        gateway = self.gateway(system="max-connections 3")
        clients = [gateway.client() for _ in range(3)]
        for client in clients:
            client.send("GET / HTTP/1.1\r\n")
        wait("they are there", lambda: gateway.metric("picket_client_connections_open") == 3)
        time.sleep(0.1)  # and have begun
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
