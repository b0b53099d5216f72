"""The PROXY protocol: a load balancer that passes bytes on and says whose they are."""

from client import Client, message
from https import HEAD_TIMEOUT, Https
from processes import free_port
from stage import Asked


class ProxyProtocol(Https):
    TRUSTS = 'proxy-protocol #true; trusted-proxies "127.0.0.1"'
    V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
    V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 8, 198, 51, 100, 1, 0xDC, 4, 1, 0xBB])

    def through(self, header: bytes, client: Client, piece: int = 1000) -> Client:
        for at in range(0, len(header), piece):
            client.send(header[at:at + piece])
        return client

    def plain(self) -> int:
        self.plain_port = free_port()
        return (f'listener "plain" {{ address "127.0.0.1:{self.plain_port}"; {self.TRUSTS} }}')

    def test_names_the_client_to_upstreams_agents_and_logs(self):
        agent = self.stage.agent()
        gateway = self.gateway(more=self.plain(), agents=[Asked("a", agent.path)])
        for number, (header, address) in enumerate(((self.V1, "192.0.2.7"), (self.V2, "192.0.2.8"))):
            for piece in (1000, 1):
                with self.subTest((address, piece)), self.through(header, Client(self.plain_port), piece) as client:
                    answer = client.get(f"/{number}{piece}", "X-Forwarded-For: 6.6.6.6\r\n")
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(self.upstream_saw("x-forwarded-for"), [address])
                    self.assertEqual(gateway.access(f"/{number}{piece}")[0]["client"], address)
                    [event] = [event for event in agent.events if event.kind == "request_headers"][-1:]
                    self.assertEqual(event.body["metadata"]["client_ip"], address)

    def test_goes_before_tls(self):
        self.gateway(listener_keys=self.TRUSTS)
        for header, address in ((self.V1, "192.0.2.7"), (self.V2, "192.0.2.8")):
            with self.through(header, Client(self.port)) as client:
                client.socket = self.context().wrap_socket(client.socket, server_hostname="site.test")
                self.assertEqual(client.get().status, 200)
                self.assertEqual((self.upstream_saw("x-real-ip"), self.upstream_saw("x-forwarded-proto")), ([address], ["https"]))

    def test_of_the_proxy_itself_is_the_proxys_own_connection(self):
        self.gateway(more=self.plain())
        with self.through(b"PROXY UNKNOWN\r\n", Client(self.plain_port)) as client:
            self.assertEqual(client.get().status, 200)
        self.assertEqual(self.upstream_saw("x-real-ip"), ["127.0.0.1"])

    def test_must_be_there_and_whole_where_the_proxy_is_trusted(self):
        gateway = self.gateway(more=self.plain())
        for first in (message(), b"PROXY TCP4 nonsense\r\n", self.V2[:12] + b"\x11" + self.V2[13:]):
            with self.through(first, Client(self.plain_port)) as client:
                self.assertTrue(client.closed())
        gateway.expect_metric(3, "picket_proxy_headers_refused_total")
        gateway.said("a trusted proxy sent no PROXY header, or a malformed one (at 127.0.0.1)")
        self.assertEqual(self.app.requests, [])

    def test_is_nobody_elses_to_say(self):
        self.gateway(more=self.plain())
        with self.through(self.V1, Client(self.plain_port, source="127.0.0.2")) as client:
            client.send(message())
            self.assertEqual(client.response().status, 400)
        with Client(self.plain_port, source="127.0.0.2") as client:
            self.assertEqual(client.get().status, 200)
        self.assertEqual(self.upstream_saw("x-real-ip"), ["127.0.0.2"])

    def test_that_does_not_come_is_waited_for_as_a_head_is(self):
        self.gateway(more=self.plain())
        with Client(self.plain_port) as client:
            self.assertLess(abs(client.closed_after() - HEAD_TIMEOUT), 3)
