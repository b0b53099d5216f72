"""WebSocket: an upgrade passes as a tunnel, and nothing else does."""

import signal
import socket
import ssl
import threading

from certificates import Authority
from client import Client, message
from processes import wait
from stage import Asked, Gateway, StageTest
from upstream import Request, Upstream, response

MEBIBYTE = 1024 * 1024
UPGRADE = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\n"


def echoes(request: Request) -> bytes | None:
    """Switches where it is asked to, and gives back all bytes until the client ends."""
    if not request.values("upgrade"):
        return response(b"plain\n")
    request.peer.sendall(SWITCHED + b"first")
    while data := request.peer.recv(65536):
        request.peer.sendall(data)
    request.peer.sendall(b"last")
    return None


class Tunnels(StageTest):
    def gateway(self, upstream: Upstream, keys: str = "websocket #true;", agents: list[Asked] = (), **more) -> Gateway:
        gateway = self.stage.unstarted()
        filters = f"filters {' '.join(chr(34) + agent.name + chr(34) for agent in agents)};" if agents else ""
        gateway.write({"app": [upstream.address]}, agents, routes=f'route "all" {{ {filters} upstream "app"; {keys} }}', **more)
        return gateway.start()

    def switched(self, gateway: Gateway, early: bytes = b"", target: str = "/chat") -> Client:
        client = gateway.client()
        client.send(message(target, UPGRADE) + early)
        self.assertEqual(self.until(client, b"\r\n\r\n").split(b"\r\n")[0], b"HTTP/1.1 101 Switching Protocols")
        return client

    @staticmethod
    def until(client: Client, end: bytes) -> bytes:
        got = b""
        while not got.endswith(end):
            byte = client.socket.recv(1)
            if not byte:
                raise AssertionError(f"the end came after {got!r}")
            got += byte
        return got

    @staticmethod
    def take(client: Client, size: int) -> bytes:
        got = b""
        while len(got) < size and (data := client.socket.recv(min(65536, size - len(got)))):
            got += data
        return got

    def test_bytes_pass_both_ways_and_each_end_may_end_first(self):
        upstream = self.stage.upstream(echoes)
        gateway = self.gateway(upstream)
        with self.switched(gateway) as client:
            self.assertEqual(self.take(client, 5), b"first")
            for text in (b"x", b"hello", b"\0\r\n\r\n"):
                client.send(text)
                self.assertEqual(self.take(client, len(text)), text)
            gateway.expect_metric(1, "picket_tunnels_open")
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(self.take(client, 100), b"last", "what comes after the client's end still passes")
        line = gateway.access("/chat")[0]
        self.assertEqual((line["status"], line["bytes_in"], line["bytes_out"]), (101, 11, 20))
        gateway.expect_metric(0, "picket_tunnels_open")
        self.assertEqual(gateway.metric("picket_tunnels_total"), 1)

    def test_the_handshake_goes_on_with_its_fields(self):
        upstream = self.stage.upstream(echoes)
        with self.switched(self.gateway(upstream)):
            pass
        request = upstream.requests[0] if upstream.requests else wait("it", lambda: upstream.requests)[0]
        self.assertEqual(request.values("connection"), ["Upgrade"])
        self.assertEqual(request.values("upgrade"), ["websocket"])
        self.assertEqual(request.values("sec-websocket-version"), ["13"])

    def test_bytes_that_come_along_with_the_handshake_pass(self):
        with self.switched(self.gateway(self.stage.upstream(echoes)), b"early") as client:
            self.assertEqual(sorted(self.take(client, 10)), sorted(b"firstearly"))

    def test_much_passes_whole_while_the_other_end_is_slow(self):
        with self.switched(self.gateway(self.stage.upstream(echoes))) as client:
            body = bytes(range(256)) * 4096 * 8
            threading.Thread(target=client.send, args=(body,), daemon=True).start()
            self.assertTrue(self.take(client, 5 + len(body)) == b"first" + body)

    def test_over_tls_on_both_sides(self):
        authority = Authority(self.stage.folder)
        site = authority.issue("app", "DNS:app.test,IP:127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(site.certificate, site.key)
        upstream = self.stage.upstream(echoes, tls=context)
        gateway = self.stage.unstarted()
        gateway.write(
            {"app": [upstream.address]}, upstream_keys=f'tls {{ ca-cert "{authority.ca.certificate}" }}',
            listeners=f'listener "safe" {{ address "127.0.0.1:{gateway.port}"; protocol "https"; tls {{ cert-file "{site.certificate}"; key-file "{site.key}" }} }}',
            routes='route "all" { upstream "app"; websocket #true }')
        gateway.start()
        trusting = ssl.create_default_context(cafile=str(authority.ca.certificate))
        trusting.check_hostname = False
        client = Client(gateway.port, tls=trusting, name="app.test")
        self.stage.clients.append(client)
        client.send(message("/chat", UPGRADE).replace(b"example.test", b"app.test"))
        self.assertIn(b" 101 ", self.until(client, b"\r\n\r\n"))
        self.assertEqual(self.take(client, 5), b"first")
        client.send(b"hello")
        self.assertEqual(self.take(client, 5), b"hello")

    def test_agents_are_asked_about_the_handshake(self):
        upstream = self.stage.upstream(echoes)
        agent = self.stage.agent("a")
        gateway = self.gateway(upstream, agents=[Asked("a", agent.path)])
        with self.switched(gateway) as client:
            self.assertEqual(self.take(client, 5), b"first")
        self.assertEqual(len(agent.of("request_headers")), 1)

    # ---- what is no tunnel

    def test_without_the_key_the_upgrade_does_not_go_on(self):
        upstream = self.stage.upstream(echoes)
        gateway = self.gateway(upstream, keys="")
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).body, b"plain\n")
        self.assertEqual(upstream.requests[0].values("upgrade"), [])

    def test_no_other_protocol_and_no_half_of_a_handshake_goes_on(self):
        upstream = self.stage.upstream(echoes)
        gateway = self.gateway(upstream)
        for headers in ("Connection: Upgrade\r\nUpgrade: h2c\r\n", "Connection: Upgrade\r\n", "Upgrade: websocket\r\n",
                        "Connection: Upgrade\r\nUpgrade: websocket/13\r\n", "Connection: Upgrade-x\r\nUpgrade: websocket\r\n"):
            with self.subTest(headers):
                self.assertEqual(gateway.get("/chat", headers=headers).body, b"plain\n")
        self.assertEqual(gateway.get("/chat", headers=UPGRADE, method="POST", body=b"x").body, b"plain\n")
        self.assertTrue(all(not request.values("upgrade") for request in upstream.requests))

    def test_an_upstream_that_does_not_switch_answers_as_always_and_the_connection_serves_on(self):
        upstream = self.stage.upstream(lambda request: response(b"no\n", 426, "Upgrade: websocket\r\n"))
        gateway = self.gateway(upstream)
        with gateway.client() as client:
            for _ in range(2):
                client.send(message("/chat", UPGRADE))
                answer = client.response()
                self.assertEqual((answer.status, answer.body), (426, b"no\n"))

    def test_a_101_that_nobody_asked_for_or_of_another_protocol_is_502(self):
        other = SWITCHED.replace(b"WebSocket", b"h2c")
        gateway = self.gateway(self.stage.upstream(lambda request: other))
        self.assertEqual(gateway.get("/chat", headers=UPGRADE).status, 502)
        gateway = self.gateway(self.stage.upstream(lambda request: SWITCHED))
        self.assertEqual(gateway.get("/chat").status, 502)

    # ---- ends

    def test_a_client_that_is_gone_frees_the_upstream(self):
        ended = threading.Event()

        def respond(request: Request) -> None:
            request.peer.sendall(SWITCHED)
            try:
                while request.peer.recv(100):
                    pass
            except OSError:
                pass
            ended.set()

        gateway = self.gateway(self.stage.upstream(respond))
        with self.switched(gateway):
            pass
        self.assertTrue(ended.wait(30))
        gateway.expect_metric(0, "picket_tunnels_open")
        gateway.expect_metric(0, "picket_upstream_connections_open")

    def test_an_upstream_that_is_gone_ends_the_client(self):
        def respond(request: Request) -> None:
            request.peer.sendall(SWITCHED)
            request.peer.recv(1)
            return None

        with self.switched(self.gateway(self.stage.upstream(respond))) as client:
            client.send(b"x")
            self.assertEqual(client.socket.recv(100), b"")

    def test_a_reload_leaves_it_and_a_drain_ends_it_in_its_time(self):
        upstream = self.stage.upstream(echoes)
        gateway = self.gateway(upstream, drain_s=2)
        with self.switched(gateway) as client:
            self.assertEqual(self.take(client, 5), b"first")
            gateway.write({"app": [upstream.address]}, drain_s=2, routes='route "all" { upstream "app" }')
            gateway.program.signal(signal.SIGHUP)
            gateway.said("reloaded")
            client.send(b"after a reload")
            self.assertEqual(self.take(client, 14), b"after a reload")
            gateway.program.signal(signal.SIGTERM)
            gateway.said("drain")
            client.send(b"in a drain")
            self.assertEqual(self.take(client, 10), b"in a drain")
            self.assertEqual(self.take(client, 1), b"")
            self.assertEqual(gateway.program.wait(), 0)
