"""HTTPS: clients over TLS, from the handshake to the last byte."""

import contextlib
import hashlib
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from certificates import Authority, Issued
from client import Client, message
from http2 import Http2Client, head
from processes import free_port, wait
from stage import Asked, Gateway, StageTest
from upstream import response

CLAIMS = ("verified", "subject", "issuer", "serial", "fingerprint")  # x-client-cert-…
HEAD_TIMEOUT = 10  # seconds that a client has for its handshake


class Https(StageTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.stage.folder)
        self.site = self.authority.issue("site", "DNS:site.test,DNS:example.test")
        self.app = self.stage.upstream()

    def listener(self, keys: str = "", port: int | None = None, name: str = "safe", listener_keys: str = "",
                 site: Issued | None = None) -> str:
        site = site or self.site
        return (f'listener "{name}" {{ address "127.0.0.1:{port or self.port}"; protocol "https"; {listener_keys}\n'
                f'  tls {{ cert-file "{site.certificate}"; key-file "{site.key}"; {keys} }} }}\n')

    def gateway(self, keys: str = "", *, more: str = "", listener_keys: str = "", agents=(), **settings) -> Gateway:
        gateway = self.stage.unstarted()
        self.port = gateway.port
        self.settings = {"agents": agents, **settings}
        gateway.write({"app": [self.app.address]}, listeners=self.listener(keys, listener_keys=listener_keys) + more, **self.settings)
        return gateway.start()

    def reload(self, gateway: Gateway, listeners: str, says: str = "reloaded") -> None:
        before = gateway.program.text().count(says)
        gateway.write({"app": [self.app.address]}, listeners=listeners, **self.settings)
        gateway.program.signal(signal.SIGHUP)
        wait(says, lambda: gateway.program.text().count(says) > before)

    def context(self, **settings) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.ca.certificate))
        context.check_hostname = False
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    def client(self, name: str | None = "site.test", context: ssl.SSLContext | None = None, port: int | None = None, **more) -> Client:
        client = Client(port or self.port, tls=context or self.context(), name=name, **more)
        self.stage.clients.append(client)
        return client

    def raw(self) -> socket.socket:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.addCleanup(raw.close)
        return raw

    def upstream_saw(self, name: str) -> list[str]:
        return self.app.requests[-1].values(name)


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
        for offered, chosen in ((["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.0", "http/1.1"], "http/1.1")):
            context.set_alpn_protocols(offered)
            with self.client(context=context) as client:
                self.assertEqual(client.socket.selected_alpn_protocol(), chosen)
                if chosen == "http/1.1":
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
                with contextlib.suppress(ConnectionResetError):
                    while raw.recv(65536):
                        pass
                self.assertLess(time.monotonic() - begin, HEAD_TIMEOUT / 2)
        with self.client() as client:
            self.assertEqual(client.get().status, 200)
        self.assertGreaterEqual(gateway.metric("picket_tls_handshake_failures_total"), len(shapes) - 1)

    def test_of_a_hello_with_any_byte_changed_end_or_wait_and_others_are_served(self):
        self.gateway()
        hello = client_hello()
        waiting = []
        for at in range(len(hello)):
            raw = self.raw()
            raw.sendall(hello[:at] + bytes([hello[at] ^ 0xFF]) + hello[at + 1:])
            waiting.append(raw)
            if at % 50 == 0:
                with self.client() as client:
                    self.assertEqual(client.get().status, 200)
        for raw in waiting:
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


class Names(Https):
    def setUp(self):
        super().setUp()
        self.a = self.authority.issue("a", "DNS:a.test")
        self.b = self.authority.issue("b", "DNS:*.b.test")

    def sni(self) -> str:
        return "".join(f'sni {{ hostnames {names}; cert-file "{issued.certificate}"; key-file "{issued.key}" }}\n'
                       for names, issued in (('"a.test"', self.a), ('"*.b.test"', self.b)))

    def certificate(self, name: str | None) -> str:
        with self.client(name) as client:
            return dict(client.socket.getpeercert()["subject"][0])["commonName"]

    def test_choose_the_certificate(self):
        self.gateway(self.sni())
        shown = {name: self.certificate(name) for name in ("a.test", "A.TEST", "x.b.test", "x.y.b.test", "b.test", "other", None)}
        self.assertEqual(shown, {"a.test": "a", "A.TEST": "a", "x.b.test": "b", "x.y.b.test": "site", "b.test": "site",
                                 "other": "site", None: "site"})

    def test_of_another_certificate_are_misdirected(self):
        gateway = self.gateway(self.sni())
        with self.client("a.test") as client:
            for host, status in (("a.test", 200), ("A.Test.:1234", 200), ("example.test", 421), ("x.b.test", 421), ("a.test", 200)):
                client.send(f"GET /{host} HTTP/1.1\r\nHost: {host}\r\n\r\n")
                self.assertEqual((host, client.response().status), (host, status))
            client.send("GET http://x.b.test/absolute HTTP/1.1\r\nHost: x.b.test\r\n\r\n")
            self.assertEqual(client.response().reason, "misdirected_request")
        with self.client("x.b.test") as client:
            client.send("GET / HTTP/1.1\r\nHost: y.b.test\r\n\r\n")
            self.assertEqual(client.response().status, 200, "the same certificate")
        self.assertNotIn(b"example.test", self.app.raw())
        self.assertEqual(gateway.access("/example.test")[0]["reason"], "misdirected_request")


class Reloads(Https):
    def test_take_new_certificates_and_drop_no_connection(self):
        gateway = self.gateway()
        before = self.client()
        self.assertEqual(before.get().status, 200)
        renewed = self.authority.issue("site", "DNS:renewed.test")
        self.reload(gateway, self.listener())
        self.assertEqual(before.get().status, 200)
        with self.client() as after:
            self.assertEqual(after.socket.getpeercert()["subjectAltName"], (("DNS", "renewed.test"),))
        self.assertEqual(renewed, self.site, "in the same places")

    def test_with_a_wrong_file_change_nothing_and_say_which_and_why(self):
        gateway = self.gateway()
        other = self.authority.issue("other", "DNS:other.test")
        self.reload(gateway, self.listener(site=Issued(self.site.certificate, other.key)), says="reload failed")
        self.assertIn(f'listener "safe": the key in {other.key} is not the one of the certificate in {self.site.certificate}',
                      gateway.program.text())
        self.reload(gateway, self.listener('ocsp-file "nowhere.ocsp"'), says="reload failed")
        self.assertIn("nowhere.ocsp: No such file or directory", gateway.program.text())
        with self.client() as client:
            self.assertEqual(client.get().status, 200)

    def test_say_what_is_odd_about_a_chain_and_serve_it(self):
        gateway = self.gateway()
        chain = self.stage.folder / "chain.pem"
        chain.write_text(self.authority.ca.certificate.read_text() + self.site.certificate.read_text())
        self.reload(gateway, self.listener(site=Issued(chain, self.site.key)))
        gateway.said(f"the certificates in {chain} are out of order")
        with self.client() as client:
            self.assertEqual(client.get().status, 200)

    def test_under_load_fail_no_request(self):
        gateway = self.gateway(workers=2)
        failed, done, stop = [], [0], threading.Event()

        def ask():
            context = self.context()
            while not stop.is_set():
                try:
                    with Client(self.port, tls=context, name="site.test") as client:
                        for _ in range(5):
                            status = client.get().status
                            done[0] += 1
                            if status != 200:
                                failed.append(status)
                except Exception as error:  # whatever it is, it is a failure
                    failed.append(repr(error))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(6):
            self.authority.issue("site", f"DNS:site{i}.test,DNS:example.test")
            self.reload(gateway, self.listener())
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertGreater(done[0], 50)


class ClientCertificates(Https):
    def setUp(self):
        super().setUp()
        self.alice = self.authority.issue("alice", "DNS:alice.test")
        self.forged = "".join(f"X-Client-Cert-{name}: forged\r\n" for name in CLAIMS)

    def asking(self, how: str) -> str:
        return f'ca-file "{self.authority.ca.certificate}"; client-auth {how}'

    def known(self, issued: Issued, **settings) -> ssl.SSLContext:
        context = self.context(**settings)
        context.load_cert_chain(issued.certificate, issued.key)
        return context

    def claims(self) -> dict[str, list[str]]:
        return {name: self.upstream_saw(f"x-client-cert-{name}") for name in CLAIMS}

    def test_are_told_to_upstreams_and_agents_alike(self):
        agent = self.stage.agent()
        gateway = self.gateway(self.asking("#true"), agents=[Asked("a", agent.path)])
        der = ssl.PEM_cert_to_DER_cert(self.alice.certificate.read_text())
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version), self.client(context=self.known(self.alice, maximum_version=version)) as client:
                self.assertEqual(client.get("/alice", self.forged).status, 200)
            claims = self.claims()
            self.assertEqual({name: values for name, values in claims.items() if name != "serial"},
                             {"verified": ["true"], "subject": ["CN=alice"], "issuer": ["CN=ca"],
                              "fingerprint": [hashlib.sha256(der).hexdigest()]})
            self.assertRegex(claims["serial"][0], r"^[0-9A-F]{16,}$")
            [event] = [event for event in agent.events if event.kind == "request_headers"][-1:]
            self.assertEqual(event.body["headers"]["x-client-cert-subject"], ["CN=alice"])
        line = gateway.access("/alice", 2)[0]
        self.assertEqual((line["client_cert"], line["client_cert_fingerprint"]), ("CN=alice", hashlib.sha256(der).hexdigest()))

    def test_are_a_must_or_can_be_left_out(self):
        gateway = self.gateway(self.asking("#true"))
        self.assert_refused(self.context())
        gateway.expect_metric(1, "picket_tls_handshake_failures_total", reason="certificate")
        self.reload(gateway, self.listener(self.asking('"optional"')))
        with self.client() as client:
            self.assertEqual(client.get("/", self.forged).status, 200)
        self.assertEqual(self.claims(), {"verified": ["false"], "subject": [], "issuer": [], "serial": [], "fingerprint": []})
        with self.client(context=self.known(self.alice)) as client:
            client.get()
        self.assertEqual(self.claims()["subject"], ["CN=alice"])
        self.assert_refused(self.known(Authority(self.stage.folder, "other-ca").issue("mallory", "DNS:mallory.test")))

    def assert_refused(self, context: ssl.SSLContext) -> None:
        """TLS 1.3 tells a client after its own handshake has ended."""
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            with self.client(context=context) as client:
                client.get()

    def test_cannot_be_claimed_without_tls_or_without_being_asked_for(self):
        port = free_port()
        self.gateway(more=f'listener "plain" {{ address "127.0.0.1:{port}"; trusted-proxies "127.0.0.1" }}')
        nothing = {name: [] for name in CLAIMS}
        with Client(port) as client:
            client.get("/", self.forged)
        self.assertEqual(self.claims(), nothing)
        with self.client() as client:
            client.get("/", self.forged)
        self.assertEqual(self.claims(), nothing)


class Sessions(Https):
    """Over TLS 1.2 Python has the ticket once the handshake is over; over TLS 1.3 once an answer was read."""

    def visit(self, context: ssl.SSLContext, session=None, **more) -> tuple[bool, ssl.SSLSession]:
        with self.client(context=context, session=session, **more) as client:
            self.assertEqual(client.get().status, 200)
            return client.socket.session_reused, client.socket.session

    def contexts(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                yield self.context(minimum_version=version, maximum_version=version)

    def test_that_are_resumed_over_tls_1_3_bring_a_new_ticket_each_time(self):
        """It acknowledges the client's Finished, too: a request behind it would wait 40 ms for that."""
        self.gateway()
        context = self.context(minimum_version=ssl.TLSVersion.TLSv1_3)
        _, session = self.visit(context)
        seen = {session.id}
        for _ in range(5):
            reused, session = self.visit(context, session)
            self.assertTrue(reused)
            self.assertNotIn(session.id, seen)
            seen.add(session.id)

    def test_are_resumed_at_every_worker_and_after_a_reload(self):
        gateway = self.gateway(workers=4)
        for context in self.contexts():
            is_resumed, session = self.visit(context)
            self.assertFalse(is_resumed)
            for _ in range(10):
                is_resumed, session = self.visit(context, session)
                self.assertTrue(is_resumed)
            self.reload(gateway, self.listener())
            self.assertTrue(self.visit(context, session)[0])
        gateway.expect_metric(22, "picket_tls_resumed_total")

    def test_are_not_carried_to_a_listener_that_asks_for_a_certificate(self):
        port = free_port()
        strict = self.listener(f'ca-file "{self.authority.ca.certificate}"; client-auth #true', port, "strict")
        self.gateway(more=strict)
        for context in self.contexts():
            _, session = self.visit(context)
            with self.assertRaises((ssl.SSLError, ConnectionResetError)):
                self.visit(context, session, port=port)

    def test_are_not_carried_to_another_name(self):
        a = self.authority.issue("a", "DNS:a.test")
        self.gateway(f'sni {{ hostnames "a.test"; cert-file "{a.certificate}"; key-file "{a.key}" }}')
        for context in self.contexts():
            with self.client("a.test", context=context) as client:
                client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
                client.response()
                session = client.socket.session
            self.assertFalse(self.visit(context, session)[0])

    def test_are_not_resumed_where_that_is_off(self):
        self.gateway("session-resumption #false")
        for context in self.contexts():
            _, session = self.visit(context)
            self.assertFalse(self.visit(context, session)[0])


class Staples(Https):
    def staple(self) -> str:
        """Of our CA, for our site; as `openssl ocsp` writes it."""
        folder, ca = self.stage.folder, self.authority.ca
        serial = subprocess.run(["openssl", "x509", "-in", str(self.site.certificate), "-noout", "-serial"], check=True,
                                capture_output=True, text=True).stdout.strip().partition("=")[2]
        index, out = folder / "index.txt", folder / "site.ocsp"
        index.write_text(f"V\t350101000000Z\t\t{serial}\tunknown\t/CN=site\n")
        request = folder / "request.der"
        subprocess.run(["openssl", "ocsp", "-issuer", str(ca.certificate), "-cert", str(self.site.certificate), "-reqout", str(request)],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "ocsp", "-index", str(index), "-CA", str(ca.certificate), "-rsigner", str(ca.certificate), "-rkey",
                        str(ca.key), "-reqin", str(request), "-respout", str(out), "-ndays", "7"], check=True, capture_output=True)
        return f'ocsp-file "{out}"'

    def seen(self) -> str:
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-status", "-CAfile",
                               str(self.authority.ca.certificate)], input="", capture_output=True, text=True, timeout=30)
        return done.stdout

    def test_are_shown(self):
        self.gateway(self.staple())
        self.assertIn("OCSP Response Status: successful", self.seen())

    def test_of_another_certificate_are_refused(self):
        staple = self.staple()
        gateway = self.gateway()
        self.reload(gateway, self.listener(staple, site=self.authority.issue("other", "DNS:other.test")), says="reload failed")
        gateway.said("is about another certificate than that of other.test")


class ProxyProtocol(Https):
    """A load balancer that passes bytes on and says whose they are."""

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


def client_hello() -> bytes:
    """One record, as Python's client begins."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="site.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()
