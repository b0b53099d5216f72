"""Certificates of both ends: names, reloads, clients', sessions that are resumed, staples."""

import hashlib
import ssl
import subprocess
import threading

from certificates import Authority, Issued
from client import Client
from https import Https
from processes import free_port
from stage import Asked

CLAIMS = ("verified", "subject", "issuer", "serial", "fingerprint")  # x-client-cert-…


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
