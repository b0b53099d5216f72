"""HTTPS: clients over TLS, from the handshake to the last byte."""

import contextlib
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from client import Client, message
from http2 import Http2Client, head
from https import HEAD_TIMEOUT, HandMade, Https, client_hello
from processes import free_port, wait
from stage import Asked
from upstream import response

ALERT, HANDSHAKE = b"\x15", b"\x16"  # the types of records
ANSWERS = {"not TLS": b"", "zeros": b"", "two hellos": HANDSHAKE}  # of what is no handshake, beside alerts


class Requests(Https):
    def test_are_served_over_tls_1_2_and_1_3(self):
        gateway = self.gateway()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version), self.client(context=self.context(maximum_version=version)) as client:
                for _ in range(3):
                    self.assertEqual(client.get().status, 200)
                self.assertEqual(client.get(method="POST", body=b"x" * 100_000).status, 200)
                self.assertEqual(self.upstream_saw("x-forwarded-proto"), ["https"])
        self.assertIn("listening on https://127.0.0.1", gateway.program.text())
        gateway.expect_metric(2, "picket_tls_handshakes_total")

    def test_carry_large_answers_and_bodies(self):
        body = bytes(range(256)) * 40_000
        self.app.respond = lambda request: response(request.body)
        self.gateway(limits="max-body-size-bytes 20000000")
        with self.client() as client:
            for _ in range(2):
                self.assertEqual(client.get("/large", method="POST", body=body).body, body)

    def test_agree_on_a_version_of_http_and_on_nothing_else(self):
        gateway = self.gateway()
        context = self.context()
        for offered, chosen in ((["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.0", "http/1.1"], "http/1.1"), (["http/1.0"], "http/1.0")):
            context.set_alpn_protocols(offered)
            with self.client(context=context) as client:
                self.assertEqual(client.socket.selected_alpn_protocol(), chosen)
                if chosen != "h2":
                    self.assertEqual(client.get().status, 200)
        context.set_alpn_protocols(["h3"])
        with self.assertRaises(ssl.SSLError):
            self.client(context=context)
        gateway.expect_metric(1, "picket_tls_handshake_failures_total", reason="alpn")

    def test_are_shown_to_agents_with_version_and_cipher(self):
        agent = self.stage.agent()
        self.gateway(agents=[Asked("a", agent.path)])
        with self.client(context=self.context(minimum_version=ssl.TLSVersion.TLSv1_3)) as client:
            client.get()
            cipher = client.socket.cipher()[0]
        [event] = [event for event in agent.events if event.kind == "request_headers"]
        self.assertEqual(event.body["metadata"]["tls_version"], "TLSv1.3")
        self.assertEqual(event.body["metadata"]["tls_cipher"], cipher)

    def test_keep_to_versions_and_ciphers(self):
        gateway = self.gateway('max-version "1.2"; cipher-suite "ECDHE-ECDSA-CHACHA20-POLY1305"')
        with self.client() as client:
            self.assertEqual((client.socket.version(), client.socket.cipher()[0]), ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"))
        with self.assertRaises(ssl.SSLError):
            self.client(context=self.context(minimum_version=ssl.TLSVersion.TLSv1_3))
        gateway.expect_metric(1, "picket_tls_handshake_failures_total", reason="version")
        self.reload(gateway, self.listener('min-version "1.3"'))
        with self.assertRaises(ssl.SSLError):
            self.client(context=self.context(maximum_version=ssl.TLSVersion.TLSv1_2))

    def test_that_are_pipelined_are_answered_in_order(self):
        self.app.respond = lambda request: response(request.target.encode())
        self.gateway()
        with self.client() as client:
            client.send(b"".join(message(f"/{i}") for i in range(20)))
            self.assertEqual([client.response().body for _ in range(20)], [f"/{i}".encode() for i in range(20)])

    def test_that_come_a_byte_a_record_are_served(self):
        self.gateway()
        with self.client() as client:
            for byte in message("/slow", method="POST", body=b"body" * 50):
                client.send(bytes([byte]))
            self.assertEqual(client.response().status, 200)
            self.assertEqual(self.app.requests[-1].body, b"body" * 50)

    def test_of_clients_that_have_rested_are_served(self):
        self.gateway()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version), self.client(context=self.context(maximum_version=version)) as client:
                for _ in range(2):
                    self.assertEqual(client.get(body=b"x" * 40_000).status, 200)
                    time.sleep(2)
                self.assertEqual(client.get().status, 200)


class OverHttp2(Https):
    """What ALPN leads to; test_http2 has HTTP/2 itself."""

    def http2(self, name: str | None = "site.test", context: ssl.SSLContext | None = None) -> Http2Client:
        client = Http2Client(self.port, tls=context or self.context(), name=name)
        self.stage.clients.append(client)
        return client

    def test_requests_are_served_and_told_as_what_they_are(self):
        agent = self.stage.agent()
        gateway = self.gateway(agents=[Asked("a", agent.path)])
        client = self.http2()
        answers = [client.open(head(f"/{i}", authority="site.test")) for i in range(50)]
        self.assertEqual({client.answer(stream).status for stream in answers}, {200})
        self.assertEqual(self.upstream_saw("x-forwarded-proto"), ["https"])
        [event] = [event for event in agent.of("request_headers") if event.body["uri"] == "/7"]
        self.assertEqual((event.body["metadata"]["protocol"], event.body["metadata"]["tls_version"]), ("HTTP/2", "TLSv1.3"))
        line = gateway.access("/7")[0]
        self.assertEqual((line["protocol"], line["tls_version"]), ("HTTP/2", "TLSv1.3"))

    def test_bodies_pass_both_ways(self):
        body = bytes(range(256)) * 8_000
        self.app.respond = lambda request: response(request.body)
        self.gateway(limits="max-body-size-bytes 20000000")
        said = subprocess.run(["curl", "-sk", "--http2", "--max-time", "20", "--data-binary", "@-", f"https://127.0.0.1:{self.port}/"],
                              input=body, capture_output=True, check=True).stdout
        self.assertEqual((len(said), said == body), (len(body), True))

    def test_a_request_for_another_certificate_is_misdirected_and_the_next_one_served(self):
        other = self.authority.issue("other", "DNS:other.test")
        self.gateway(f'sni {{ hostnames "other.test"; cert-file "{other.certificate}"; key-file "{other.key}" }}')
        client = self.http2("site.test")
        for host, status in (("site.test", 200), ("other.test", 421), ("site.test", 200)):
            answer = client.answer(client.open(head("/", authority=host)))
            self.assertEqual((host, answer.status), (host, status))

    def test_a_drain_is_told_and_what_is_under_way_ends(self):
        gate = threading.Event()
        self.app.respond = lambda request: (gate.wait(30), response(b"done"))[1]
        gateway = self.gateway()
        client = self.http2()
        stream = client.open(head("/slow", authority="site.test"))
        wait("it is upstream", lambda: self.app.requests)
        gateway.program.signal(signal.SIGTERM)
        client.until("goaway", lambda: client.goaway is not None)
        gate.set()
        self.assertEqual(client.answer(stream).body, b"done")
        client.until_closed()
        gateway.program.wait(20)

    def test_certificates_are_renewed_under_its_load(self):
        gateway = self.gateway()
        client = self.http2()
        for i in range(5):
            self.reload(gateway, self.listener())
            self.assertEqual(client.answer(client.open(head(f"/{i}", authority="site.test"))).status, 200)
            new = self.http2()
            self.assertEqual(new.answer(new.open(head(f"/new{i}", authority="site.test"))).status, 200)

    def test_h2load_and_curl_are_answered(self):
        self.gateway()
        url = f"https://127.0.0.1:{self.port}/"
        said = subprocess.check_output(["h2load", "-n", "2000", "-c", "4", "-m", "50", url], text=True)
        self.assertIn("2000 succeeded, 0 failed", said)
        said = subprocess.check_output(["curl", "-sk", "--http2", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", url])
        self.assertEqual(said, b"2 200")


class Ends(Https):
    def test_a_client_that_says_that_it_is_done_gets_its_answer_and_the_end(self):
        def slowly(request):
            time.sleep(0.5)
            return response(b"late")

        self.app.respond = slowly
        self.gateway()
        for ends_socket in (False, True):
            with self.subTest(ends_socket), self.client() as client:
                raw = client.socket
                client.send(message())
                # unwrap() sends close_notify and would wait for the other one: which comes behind the answer.
                raw.setblocking(False)
                with contextlib.suppress(ssl.SSLWantReadError):
                    raw.unwrap()
                if ends_socket:
                    socket.socket.shutdown(raw, socket.SHUT_WR)
                raw.settimeout(30)
                self.assertEqual(client.response().body, b"late")
                self.assertTrue(client.closed())

    def test_a_client_that_ends_its_connection_with_its_request_gets_its_answer(self):
        """Without close_notify; with TLS 1.3 the handshake's last flight, the request and the end may come in one."""
        self.app.respond = lambda request: time.sleep(0.2) or response(b"answered")
        gateway = self.gateway()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for requests in (1, 3):
                with self.subTest(f"{version} {requests}"):
                    client = HandMade(self.context(maximum_version=version), self.raw())
                    client.tls.write(message("/ended") * requests)
                    client.socket.sendall(client.outgoing.read())
                    client.socket.shutdown(socket.SHUT_WR)
                    got = b""
                    while got.count(b"answered") < requests:
                        got += client.all_until(b"answered")
                    with self.assertRaises(ssl.SSLZeroReturnError):  # close_notify
                        client.all_until(b"more")
        gateway.expect_metric(8, "picket_requests_total")
        self.assertEqual({line["status"] for line in gateway.access("/ended", 8)}, {200})

    def test_a_client_that_left_is_not_waited_for(self):
        left = threading.Event()
        self.app.respond = lambda request: left.wait(20) and response()
        gateway = self.gateway(limits="half-closed-secs 1")
        client = self.client()
        client.send(message("/left"))
        wait("the upstream is asked", lambda: self.app.requests)
        client.close()
        self.assertEqual(gateway.access("/left")[0]["reason"], "client_gone")
        left.set()

    def test_an_answer_that_is_cut_is_no_end_of_a_client_that_counts_on_the_end(self):
        """HTTP/1.0: the body ends with the connection. Who is cut must get neither close_notify nor FIN."""
        self.app.respond = lambda request: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + (
            b"" if request.target == "/cut" else b"0\r\n\r\n")
        original = self.app.respond
        self.app.respond = lambda request: original(request) if request.target != "/cut" else self.cut(request, original(request))
        self.gateway()
        for target, is_whole in (("/whole", True), ("/cut", False)):
            with self.subTest(target), self.client(context=self.context()) as client:
                client.socket.suppress_ragged_eofs = False
                client.send(f"GET {target} HTTP/1.0\r\nHost: site.test\r\n\r\n")
                got, end = b"", "nothing"
                while True:
                    try:
                        data = client.socket.recv(65536)
                    except (ssl.SSLEOFError, ConnectionResetError) as error:
                        end = type(error).__name__
                        break
                    if not data:
                        end = "close_notify"
                        break
                    got += data
                self.assertIn(b"hello", got)
                self.assertEqual(end == "close_notify", is_whole, end)

    @staticmethod
    def cut(request, start: bytes) -> None:
        request.peer.sendall(start)
        time.sleep(0.3)
        request.peer.shutdown(socket.SHUT_RDWR)

    def test_an_answer_that_ends_the_connection_ends_it_in_tls(self):
        self.gateway()
        with self.client() as client:
            client.socket.suppress_ragged_eofs = False
            self.assertEqual(client.get(headers="Connection: close\r\n").status, 200)
            self.assertTrue(client.closed())

    def test_a_refused_body_is_not_read_and_the_answer_comes_through(self):
        self.gateway(limits="max-body-size-bytes 10")
        with self.client() as client:
            client.send(message(method="POST", body=b"x" * 200_000))
            self.assertEqual(client.response().status, 413)

    def test_a_drain_answers_what_is_under_way(self):
        go = threading.Event()
        self.app.respond = lambda request: go.wait(20) and response(b"whole" * 10_000)
        gateway = self.gateway()
        busy, idle, silent = self.client(), self.client(), self.raw()
        busy.send(message("/busy"))
        wait("the upstream is asked", lambda: self.app.requests)
        gateway.program.signal(signal.SIGTERM)
        gateway.said("draining")
        self.assertTrue(idle.closed())
        self.assertEqual(silent.recv(1), b"")
        go.set()
        self.assertEqual(busy.response().body, b"whole" * 10_000)
        self.assertTrue(busy.closed())
        self.assertEqual(gateway.program.wait(), 0)


class Handshakes(Https):
    def test_of_plain_http_are_answered_in_clear(self):
        gateway = self.gateway()
        with Client(self.port) as client:
            answer = client.get()
            self.assertEqual((answer.status, answer.reason), (400, "bad_request"))
            self.assertIn(b"plain HTTP on a port for HTTPS", answer.body)
            self.assertTrue(client.closed())
        gateway.expect_metric(1, "picket_tls_handshake_failures_total", reason="plain_http")
        self.assertEqual(self.app.requests, [])

    def test_that_are_none_come_to_an_end(self):
        gateway = self.gateway()
        hello = client_hello()
        shapes = {
            "not TLS": b"SSH-2.0-OpenSSH_9.2\r\n",
            "zeros": bytes(100),
            "an empty record": b"\x16\x03\x01\x00\x00" * 40,
            "a record that is too long": b"\x16\x03\x01\xff\xff" + bytes(1000),
            "application data first": b"\x17\x03\x03\x00\x05hello",
            "a change of ciphers first": b"\x14\x03\x03\x00\x01\x01" * 3,
            "an alert first": b"\x15\x03\x01\x00\x02\x02\x28",
            "a finished in place of a hello": b"\x16\x03\x01\x00\x04\x14\x00\x00\x00",
            "a hello with a wrong length": hello[:6] + b"\xff\xff\xff" + hello[9:],
            "a hello with bytes behind it": hello[:3] + struct.pack("!H", len(hello) - 5 + 9) + hello[5:] + b"trailing!",
            "a hello of SSL 3": hello[:9] + b"\x03\x00" + hello[11:].replace(b"\x00\x2b", b"\xff\x2b", 1),
            "two hellos": hello + hello,
        }
        for what, sent in shapes.items():
            with self.subTest(what):
                raw = self.raw()
                raw.sendall(sent)
                begin = time.monotonic()
                said = b""
                with contextlib.suppress(ConnectionResetError):
                    while part := raw.recv(65536):
                        said += part
                self.assertLess(time.monotonic() - begin, HEAD_TIMEOUT / 2)
                self.assertEqual(said[:1], ANSWERS.get(what, ALERT))
        with self.client() as client:
            self.assertEqual(client.get().status, 200)
        self.assertGreaterEqual(gateway.metric("picket_tls_handshake_failures_total"), len(shapes) - 1)

    def test_of_a_hello_with_any_byte_changed_end_or_wait_and_others_are_served(self):
        self.gateway(listener_keys="request-timeout-secs 120")  # who waits is waited for until the test is over
        hello = client_hello()
        waiting = []
        for at in range(len(hello)):
            raw = self.raw()
            raw.sendall(hello[:at] + bytes([hello[at] ^ 0xFF]) + hello[at + 1:])
            waiting.append(raw)
            if at % 50 == 0:
                with self.client() as client:
                    self.assertEqual(client.get().status, 200)
        for at, raw in enumerate(waiting):
            raw.settimeout(0)
            with contextlib.suppress(BlockingIOError):  # it waits for more
                self.assertIn(raw.recv(1), (ALERT, HANDSHAKE) if at > 1 else (ALERT, b""), at)
            raw.close()

    def test_that_come_a_byte_at_a_time_are_whole_all_the_same(self):
        self.gateway()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context().wrap_bio(incoming, outgoing, server_hostname="site.test")
        raw = self.raw()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    raw.sendall(bytes([byte]))
                incoming.write(raw.recv(65536))
        tls.write(message())
        raw.sendall(outgoing.read())
        answer = b""
        while b"hello" not in answer:
            incoming.write(raw.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += tls.read(65536)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"))

    def test_that_take_too_long_end_and_hold_nobody_up(self):
        gateway = self.gateway()
        hello = client_hello()
        silent, half = self.raw(), self.raw()
        half.sendall(hello[:50])
        begin = time.monotonic()
        while time.monotonic() - begin < 2:
            with self.client() as client:
                self.assertEqual(client.get().status, 200)
        self.assertEqual((silent.recv(1), half.recv(1)), (b"", b""))
        self.assertLess(time.monotonic() - begin, HEAD_TIMEOUT + 3)
        self.assertGreater(time.monotonic() - begin, HEAD_TIMEOUT - 1)
        gateway.expect_metric(2, "picket_tls_handshake_failures_total", reason="timeout")

    def test_that_stand_still_give_their_place_to_others(self):
        self.gateway(system="max-connections 4")
        still = [self.raw() for _ in range(4)]
        with self.client() as client:
            self.assertEqual(client.get().status, 200)
        self.assertEqual(still[0].recv(1), b"")


class Redirects(Https):
    ROUTES = ('route "acme" { matches { path-prefix "/.well-known/acme-challenge" }; upstream "app" }\n'
              'route "all" { redirect-to-https #true; upstream "app" }')

    def test_keep_the_method_and_leave_out_challenges(self):
        port = free_port()
        plain = f'listener "plain" {{ address "127.0.0.1:{port}"; trusted-proxies "127.0.0.2" }}'
        self.gateway(more=plain, routes=self.ROUTES)
        with Client(port) as client:
            for method in ("GET", "POST"):
                answer = client.get("/path?q=1", method=method)
                self.assertEqual((answer.status, answer.value("location")), (308, "https://example.test/path?q=1"))
            client.send("GET /x HTTP/1.1\r\nHost: Example.Test:8080\r\n\r\n")
            self.assertEqual(client.response().value("location"), "https://example.test/x")
            self.assertEqual(client.get("/.well-known/acme-challenge/token").status, 200)
            client.send("GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(client.response().status, 400)
        self.assertEqual([request.target for request in self.app.requests], ["/.well-known/acme-challenge/token"])
        with Client(port, source="127.0.0.2") as terminator:
            self.assertEqual(terminator.get(headers="X-Forwarded-Proto: https\r\n").status, 200)
            self.assertEqual(terminator.get(headers="X-Forwarded-Proto: http\r\n").status, 308)
        with self.client() as client:
            self.assertEqual(client.get("/path").status, 200)
