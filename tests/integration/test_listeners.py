"""What a listener's own time-outs and limits do to its clients. Bounds are wide: a busy machine keeps them."""

import contextlib
import socket
import ssl
import time

from certificates import Authority
from client import Client
from http2 import END_HEADERS, HEADERS, Http2Client, frame, head, literal
from stage import StageTest
from upstream import response


class Listeners(StageTest):
    def play(self, keys: str, protocol: str = "h2c"):
        self.upstream = self.stage.upstream(lambda request: response(request.body))
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.upstream.address]},
                      listeners=f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "{protocol}"; {keys} }}')
        return gateway.start()

    def http2(self, gateway) -> Http2Client:
        client = Http2Client(gateway.port)
        self.stage.clients.append(client)
        return client

    def ends_after(self, what, least: float, most: float = 20) -> None:
        begin = time.monotonic()
        what()
        self.assertGreater(time.monotonic() - begin, least)
        self.assertLess(time.monotonic() - begin, most)

    def test_close_connections_that_wait_longer_than_they_keep_them(self):
        gateway = self.play("keepalive-timeout-secs 2; request-timeout-secs 30")
        with Client(gateway.port) as client:
            self.assertEqual(client.get().status, 200)
            self.ends_after(lambda: self.assertEqual(client.socket.recv(1), b""), 1.5)
        client = self.http2(gateway)
        self.assertEqual(client.get().status, 200)
        self.ends_after(client.until_closed, 1.5)
        self.assertEqual(client.goaway[1], 0)

    def test_hear_clients_that_have_rested(self):
        """Who says nothing for a second has no memory any more: what it says then, whole or in parts, counts all the same."""
        gateway = self.play("keepalive-timeout-secs 60", protocol="http")
        with Client(gateway.port) as silent, Client(gateway.port) as client:
            self.assertEqual(client.get().status, 200)
            time.sleep(2)
            client.send("GET /1 HTTP/1.1\r\nHo")
            time.sleep(2)
            client.send("st: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual([client.response().status, client.response().status], [200, 200])
            self.assertEqual(silent.get().status, 200, "it had not said a word before")
            time.sleep(2)
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.socket.recv(1), b"")

    def test_give_a_head_its_time_also_a_later_one(self):
        gateway = self.play("keepalive-timeout-secs 60; request-timeout-secs 2")
        with Client(gateway.port) as client:
            self.ends_after(lambda: self.assertEqual(client.socket.recv(1), b""), 1.5)
        with Client(gateway.port) as client:
            self.assertEqual(client.get().status, 200)
            client.send("GET / HTT")
            self.ends_after(lambda: self.assertEqual(client.response().status, 408), 1.5)
        client = self.http2(gateway)
        self.assertEqual(client.get().status, 200)
        client.send(frame(HEADERS, END_HEADERS, 3, literal(head()))[:15])
        self.ends_after(client.until_closed, 1.5)

    def test_give_a_body_its_time(self):
        gateway = self.play("body-timeout-secs 2")
        with Client(gateway.port) as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
            self.ends_after(lambda: self.assertEqual(client.response().status, 408), 1.5)

    def test_let_an_address_begin_so_many_handshakes_in_a_second(self):
        authority = Authority(self.stage.folder)
        shown = authority.issue("site", "DNS:site.test")
        trusting = ssl.create_default_context(cafile=str(authority.ca.certificate))
        self.upstream = self.stage.upstream()
        gateway = self.stage.unstarted()
        tls = f'tls {{ cert-file "{shown.certificate}"; key-file "{shown.key}" }}'
        gateway.write({"app": [self.upstream.address]}, limits="handshakes-per-second 3",
                      listeners=f'listener "safe" {{ address "127.0.0.1:{gateway.port}"; protocol "https"; {tls} }}')
        gateway.start()
        let_in = 0
        begin = time.monotonic()
        for _ in range(30):
            with contextlib.suppress(OSError), Client(gateway.port, tls=trusting, name="site.test") as client:
                let_in += client.get().status == 200
        refused = 30 - let_in
        most = 3 + 3 * (time.monotonic() - begin)
        self.assertTrue(3 <= let_in <= most + 1, f"{let_in} of {most}")
        gateway.expect_metric(refused, "picket_tls_handshake_failures_total", reason="rate")
        self.assertGreater(refused, 0)
        with Client(gateway.port, tls=trusting, name="site.test", source="127.0.0.2") as client:
            self.assertEqual(client.get().status, 200, "another address")

    def test_end_a_connection_after_so_many_requests(self):
        gateway = self.play("keepalive-max-requests 3")
        with Client(gateway.port) as client:
            self.assertEqual([client.get().value("connection") for _ in range(3)], [None, None, "close"])
            self.assertEqual(client.socket.recv(1), b"")
        client = self.http2(gateway)
        streams = [client.open(head(f"/{i}", method="POST"), body=b"x" * i) for i in range(3)]
        self.assertEqual([client.answer(stream).body for stream in streams], [b"", b"x", b"xx"])
        client.until_closed()
        self.assertEqual(client.goaway, (streams[-1], 0))
