"""Upstreams over TLS: whose certificate is good, what is said where it is not, and what a reload changes. And Unix sockets."""

import signal
import socket
import ssl
import subprocess
import threading

import test_upstreams
from certificates import Authority, Issued
from client import message
from load import Load
from processes import wait
from stage import BINARIES, Gateway, StageTest
from upstream import Upstream

FAILURES = "picket_upstream_tls_failures_total"


class UpstreamTls(StageTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.stage.folder)
        self.site = self.authority.issue("app", "DNS:app.test,IP:127.0.0.1")

    def context(self, issued: Issued | None = None, **settings) -> ssl.SSLContext:
        issued = issued or self.site
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.certificate, issued.key)
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    def upstream(self, issued: Issued | None = None, respond=None, **settings) -> Upstream:
        return self.stage.upstream(respond, tls=self.context(issued, **settings))

    def keys(self, more: str = "", ca: Issued | None = None) -> str:
        return f'tls {{ ca-cert "{(ca or self.authority.ca).certificate}"; {more} }}'

    def gateway(self, *upstreams: Upstream, keys: str | None = None, **more) -> Gateway:
        gateway = self.stage.unstarted()
        gateway.write({"app": [one.address for one in upstreams]}, upstream_keys=self.keys() if keys is None else keys, **more)
        return gateway.start()

    def reload(self, gateway: Gateway, says: str = "reloaded") -> None:
        before = gateway.program.text().count(says)
        gateway.program.signal(signal.SIGHUP)
        wait(says, lambda: gateway.program.text().count(says) > before)

    def assert_refused(self, gateway: Gateway, why: str) -> None:
        answer = gateway.get("/refused")
        self.assertEqual((answer.status, answer.reason), (502, "upstream_certificate"))
        line = gateway.access("/refused")[0]
        self.assertEqual(line["reason"], "upstream_certificate")
        self.assertIn(why, line["upstream_error"])
        gateway.said(why)
        gateway.expect_metric(1, FAILURES, upstream="app", reason="certificate")

    # ---- whose certificate is good

    def test_requests_and_answers_pass_and_connections_are_kept(self):
        upstream = self.upstream()
        gateway = self.gateway(upstream)
        for _ in range(3):
            self.assertEqual(gateway.get().body, b"hello\n")
        self.assertEqual({request.connection for request in upstream.requests}, {1})
        self.assertEqual(gateway.metric("picket_upstream_tls_handshakes_total", upstream="app"), 1)

    def test_scheme_and_host_of_the_client_go_on_as_they_are(self):
        upstream = self.upstream()
        self.gateway(upstream).get()
        request = upstream.requests[0]
        self.assertEqual(request.values("x-forwarded-proto"), ["http"])
        self.assertNotIn(upstream.address, request.values("host"))

    def test_bodies_pass_both_ways_whole(self):
        body = bytes(range(256)) * 4096
        upstream = self.upstream(respond=lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body) + request.body)
        self.assertEqual(self.gateway(upstream).get("/", "", "POST", body).body, body)

    def test_one_of_an_unknown_ca_is_refused(self):
        upstream = self.upstream()
        other = Authority(self.stage.folder, "other-ca")
        gateway = self.gateway(upstream, keys=self.keys(ca=other.ca))
        self.assert_refused(gateway, "no CA that is trusted here")
        self.assertEqual(upstream.requests, [])

    def test_one_of_another_name_is_refused(self):
        named = self.upstream(self.authority.issue("other", "DNS:other.test"))
        self.assert_refused(self.gateway(named), "is not accepted")

    def test_one_that_is_trusted_by_nobody_is_refused_where_no_ca_is_given(self):
        self.assert_refused(self.gateway(self.upstream(), keys="tls { }"), "is not accepted")

    def test_the_name_that_is_told_is_asked_for_and_looked_for(self):
        asked = []
        named = self.authority.issue("named", "DNS:named.test")
        upstream = self.upstream(named, sni_callback=lambda _, name, __: asked.append(name))
        gateway = self.gateway(upstream, keys=self.keys('sni "named.test"'))
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(asked, ["named.test"])

    def test_nothing_is_verified_where_that_is_said_and_the_log_warns(self):
        upstream = self.upstream(self.authority.issue("other", "DNS:other.test"))
        gateway = self.gateway(upstream, keys="tls { insecure-skip-verify #true }")
        self.assertEqual(gateway.get().status, 200)
        gateway.said("is not verified")

    def test_a_target_whose_certificate_is_refused_is_passed_over(self):
        stranger, good = self.upstream(self.authority.issue("other", "DNS:other.test")), self.upstream()
        gateway = self.gateway(stranger, good)
        self.assertEqual([gateway.get().status for _ in range(4)], [200] * 4)
        self.assertEqual(len(good.requests), 4)

    # ---- client certificates

    def mutual(self) -> Upstream:
        context = self.context(verify_mode=ssl.CERT_REQUIRED)
        context.load_verify_locations(self.authority.ca.certificate)
        return self.stage.upstream(tls=context)

    def test_the_gateway_shows_its_certificate(self):
        client = self.authority.issue("client", "DNS:gateway.test")
        gateway = self.gateway(self.mutual(), keys=self.keys(f'client-cert "{client.certificate}"; client-key "{client.key}"'))
        self.assertEqual(gateway.get().status, 200)

    def test_one_that_is_wanted_and_not_there_is_said(self):
        gateway = self.gateway(self.mutual())
        self.assertEqual(gateway.get("/wanted").status, 502)
        self.assertIn("wants a client certificate", gateway.access("/wanted")[0]["upstream_error"])

    # ---- peers that are no TLS servers

    def test_an_upstream_in_clear_is_said(self):
        gateway = self.gateway(self.stage.upstream(lambda _: b""))
        answer = gateway.get("/clear")
        self.assertEqual((answer.status, answer.reason), (502, "upstream_error"))
        self.assertIn("no TLS connection", gateway.access("/clear")[0]["upstream_error"])

    def test_one_that_never_shakes_hands_costs_the_time_to_connect_and_the_next_is_asked(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            good = self.upstream()
            gateway = self.stage.unstarted()
            gateway.write({"app": [f"127.0.0.1:{mute.getsockname()[1]}", good.address]}, upstream_keys=self.keys())
            gateway.start()
            self.assertEqual([gateway.get().status for _ in range(2)], [200, 200])
            self.assertEqual(gateway.metric("picket_upstream_connect_failures_total"), 1)
            gateway.said("the handshake was not over in time")

    def test_a_client_that_goes_away_ends_the_handshake_that_is_made_for_it(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            gateway = self.stage.unstarted()
            gateway.write({"app": [f"127.0.0.1:{mute.getsockname()[1]}"]}, upstream_keys=self.keys())
            gateway.start()
            with gateway.client() as client:
                client.send(message("/gone"))
                accepted, _ = mute.accept()
                wait("its hello", lambda: accepted.recv(1, socket.MSG_PEEK))
            self.assertEqual(gateway.access("/gone")[0]["status"], 0)
            self.assertEqual(gateway.metric("picket_upstream_connect_failures_total"), 0)
            accepted.close()

    def test_a_hello_that_is_answered_byte_by_byte_is_understood(self):
        upstream = self.upstream()
        with socket.create_server(("127.0.0.1", 0)) as slow:
            gateway = self.stage.unstarted()
            gateway.write({"app": [f"127.0.0.1:{slow.getsockname()[1]}"]}, upstream_keys=self.keys())
            gateway.start()
            threading.Thread(target=self.relay_in_bytes, args=(slow, upstream), daemon=True).start()
            self.assertEqual(gateway.get().body, b"hello\n")

    @staticmethod
    def relay_in_bytes(slow: socket.socket, upstream: Upstream) -> None:
        near, _ = slow.accept()
        far = socket.create_connection(("127.0.0.1", upstream.port))
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def pass_on() -> None:
            while data := near.recv(65536):
                far.sendall(data)

        threading.Thread(target=pass_on, daemon=True).start()
        try:
            while byte := far.recv(1):
                near.sendall(byte)
        except OSError:
            pass

    # ---- reload

    def test_renewed_files_are_taken_with_a_reload_and_no_request_fails(self):
        upstream = self.upstream()
        client = self.authority.issue("client", "DNS:gateway.test")
        gateway = self.gateway(upstream, keys=self.keys(f'client-cert "{client.certificate}"; client-key "{client.key}"'), workers=2)
        with Load(gateway) as load:
            wait("requests", lambda: load.done > 20)
            self.authority.issue("client", "DNS:renewed.test")
            self.reload(gateway)
            before = load.done
            wait("more requests", lambda: load.done > before + 20)
        self.assertEqual(load.failed, [])
        self.assertGreater(len(upstream.sockets), 1, "connections of the old certificate are not used on")

    def test_what_did_not_change_keeps_its_connections(self):
        upstream = self.upstream()
        gateway = self.gateway(upstream)
        gateway.get()
        self.reload(gateway)
        gateway.get()
        self.assertEqual({request.connection for request in upstream.requests}, {1})

    def test_files_that_cannot_be_used_are_told_by_check(self):
        gateway = self.stage.unstarted()
        for keys, why in (('tls { ca-cert "nowhere.pem" }', "nowhere.pem"),
                          (f'tls {{ client-cert "{self.site.certificate}"; client-key "{self.authority.ca.key}" }}', "key")):
            with self.subTest(keys):
                gateway.write({"app": ["127.0.0.1:1"]}, upstream_keys=keys)
                checked = subprocess.run([BINARIES / "picket", "check", gateway.file], capture_output=True, text=True, timeout=60)
                self.assertEqual(checked.returncode, 2)
                self.assertIn('upstream "app": ', checked.stderr)
                self.assertIn(why, checked.stderr)

    def test_files_that_are_not_there_fail_the_reload_and_the_old_ones_serve(self):
        gateway = self.gateway(self.upstream())
        self.assertEqual(gateway.get().status, 200)
        text = gateway.file.read_text()
        gateway.file.write_text(text.replace(str(self.authority.ca.certificate), "nowhere.pem"))
        gateway.program.signal(signal.SIGHUP)
        gateway.said("reload failed: upstream")
        gateway.said("nowhere.pem")
        self.assertEqual(gateway.get().status, 200)


class OverTls(StageTest):
    """Has all upstreams of a test speak TLS."""

    def setUp(self):
        super().setUp()
        authority = Authority(self.stage.folder)
        site = authority.issue("app", "DNS:app.test,IP:127.0.0.1")
        self.stage.upstream_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.stage.upstream_tls.load_cert_chain(site.certificate, site.key)
        self.stage.upstream_keys = f'tls {{ ca-cert "{authority.ca.certificate}" }}'


class UpstreamsOverTls(OverTls, test_upstreams.Upstreams):
    test_weights_are_kept = None  # has keys of its own


class EarlyAnswersOverTls(OverTls, test_upstreams.EarlyAnswers):
    pass


class UnixSockets(StageTest):
    def test_requests_reach_a_unix_socket_and_connections_are_kept(self):
        upstream = self.stage.upstream(at=self.stage.path("app"))
        gateway = self.stage.unstarted()
        gateway.write({"app": [upstream.address]})
        gateway.start()
        for _ in range(3):
            self.assertEqual(gateway.get("/unix").body, b"hello\n")
        self.assertEqual({request.connection for request in upstream.requests}, {1})
        self.assertEqual(gateway.access("/unix", 3)[0]["upstream"], upstream.address)

    def test_one_that_is_not_there_is_passed_over(self):
        upstream = self.stage.upstream(at=self.stage.path("app"))
        gateway = self.stage.unstarted()
        gateway.write({"app": [f"unix:{self.stage.path('none')}", upstream.address]})
        gateway.start()
        self.assertEqual([gateway.get().status for _ in range(4)], [200] * 4)

    def test_a_path_is_relative_to_the_file_that_says_it(self):
        gateway = self.stage.unstarted()
        upstream = self.stage.upstream(at=gateway.folder / "near.sock")
        gateway.write({"app": ["unix:near.sock"]})
        self.assertEqual(gateway.start().get().body, b"hello\n")
        self.assertEqual(len(upstream.requests), 1)

    def test_http_1_0_without_a_host_names_one(self):
        upstream = self.stage.upstream(at=self.stage.path("app"))
        gateway = self.stage.unstarted()
        gateway.write({"app": [upstream.address]})
        gateway.start()
        with gateway.client() as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(client.response().status, 200)
        self.assertEqual(upstream.requests[0].values("host"), ["localhost"])
