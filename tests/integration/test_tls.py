"""Agents over TLS and over TCP in clear: the gateway and the tools on one side, `picket agent` on the other."""

import signal
import socket
import ssl
import subprocess

from certificates import Authority, Issued
from processes import free_port, wait
from stage import BINARIES, Asked, Gateway, StageTest

READY = "picket_agent_connections_ready"
NAMES = "DNS:agent.test,IP:127.0.0.1"


class Tls(StageTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.stage.folder)
        self.server = self.authority.issue("server", NAMES)
        self.client = self.authority.issue("client", "DNS:proxy.test")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def start_agent(self, *more: str, name: str = "agent", server: Issued | None = None, scheme: str = "tls") -> None:
        """`picket agent`, which blocks what has x-block: yes."""
        server = server or self.server
        self.agent = self.stage.programs.start(
            name, "picket", "agent", "--listen", f"{scheme}:{self.address}", "--tls-cert", str(server.certificate),
            "--tls-key", str(server.key), "--block-if", "x-block=yes", *more,
            says=f"serving on {scheme}:{self.address}",
        )

    def start_mutual(self) -> None:
        self.start_agent("--tls-client-ca", str(self.authority.ca.certificate))

    def asked(self, tls: str, keys: str = "") -> Asked:
        return Asked("waf", self.address, keys=f"{tls}; timeout-ms 20000; {keys}", transport="tcp")

    def tls(self, more: str = "", ca: Issued | None = None) -> str:
        return f'tls {{ ca-cert "{(ca or self.authority.ca).certificate}"; {more} }}'

    def of_client(self) -> str:
        return f'client-cert "{self.client.certificate}"; client-key "{self.client.key}"'

    def assert_decides(self, gateway: Gateway) -> None:
        wait("a connection", lambda: gateway.metric(READY, agent="waf") > 0)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(gateway.get(headers="x-block: yes\r\n").status, 403)

    def picket(self, *arguments: str) -> subprocess.CompletedProcess:
        result = subprocess.run([str(BINARIES / "picket"), *arguments], capture_output=True, text=True, timeout=60)
        self.assertNotRegex(result.stderr, "Sanitizer|runtime error")
        return result

    def call(self, *more: str, address: str = "", scheme: str = "tls", timeout_ms: int = 20_000) -> subprocess.CompletedProcess:
        return self.picket("call", "--agent", f"{scheme}:{address or self.address}", "--timeout-ms", str(timeout_ms), *more, "/")

    def call_in_vain(self, *more: str, **where: str) -> subprocess.CompletedProcess:
        """It tries as long as it may."""
        return self.call(*more, **where, timeout_ms=5000)


class Gateways(Tls):
    def gateway_of(self, asked: Asked) -> Gateway:
        return self.stage.gateway(self.stage.upstream(), [asked])

    def test_ask_over_tls(self):
        self.start_agent()
        self.assert_decides(self.gateway_of(self.asked(self.tls())))

    def test_look_for_the_name_they_are_told(self):
        self.start_agent(server=self.authority.issue("named", "DNS:agent.test"))
        self.assert_decides(self.gateway_of(self.asked(self.tls('sni "agent.test"'))))

    def test_ask_over_mutual_tls(self):
        self.start_mutual()
        self.assert_decides(self.gateway_of(self.asked(self.tls(self.of_client()))))

    def test_ask_over_grpc_and_tls(self):
        self.start_agent("--tls-client-ca", str(self.authority.ca.certificate), scheme="grpcs")
        asked = Asked("waf", f"https://{self.address}", transport="grpc",
                      keys=f"{self.tls(self.of_client())}; timeout-ms 20000")
        self.assert_decides(self.gateway_of(asked))

    def test_ask_over_grpc_in_clear_where_they_are_told_to(self):
        self.stage.programs.start("agent", "picket", "agent", "--insecure", "--listen", f"grpc:{self.address}",
                                  "--block-if", "x-block=yes", says="serving on")
        self.assert_decides(self.gateway_of(Asked("waf", f"http://{self.address}", transport="grpc",
                                                  keys="insecure #true; timeout-ms 20000")))

    def test_say_that_the_agent_speaks_something_else_over_tls(self):
        self.start_agent()
        gateway = self.gateway_of(Asked("waf", f"https://{self.address}", transport="grpc", keys=self.tls()))
        gateway.said("the peer agrees to none of the protocols that it was offered")
        self.assertEqual(gateway.get().status, 503)

    def test_ask_in_clear_where_they_are_told_to(self):
        self.stage.programs.start("agent", "picket", "agent", "--insecure", "--listen", f"tcp:{self.address}",
                                  "--block-if", "x-block=yes", says="serving on")
        self.assert_decides(self.gateway_of(self.asked("insecure #true")))

    def test_say_why_there_is_no_connection_and_follow_the_failure_mode(self):
        other = Authority(self.stage.folder, "other-ca")
        for mode, status in (("closed", 503), ("open", 200)):
            with self.subTest(mode):
                self.start_agent(name=f"agent-{mode}")
                gateway = self.gateway_of(self.asked(self.tls(ca=other.ca), f'failure-mode "{mode}"'))
                gateway.said("is not accepted: no CA that is trusted here")
                self.assertEqual(gateway.get().status, status)
                self.agent.signal(signal.SIGTERM)
                self.agent.wait()

    def test_say_that_the_agent_wants_their_certificate(self):
        self.start_mutual()
        gateway = self.gateway_of(self.asked(self.tls()))
        gateway.said("the peer wants a client certificate and got none")
        self.assertEqual(gateway.get().status, 503)

    def test_take_renewed_files_with_a_reload(self):
        self.start_mutual()
        asked = self.asked(self.tls(self.of_client()))
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream, [asked])
        self.assert_decides(gateway)
        connected = self.agent.text().count("closed a proxy")
        renewed = self.authority.issue("client", "DNS:renewed.test")
        self.assertEqual(renewed, self.client, "in the same places")
        gateway.program.signal(signal.SIGHUP)
        gateway.said("reloaded")
        self.assert_decides(gateway)
        self.assertEqual(self.agent.text().count("closed a proxy"), connected, "an end that is no error")
        renewed.certificate.unlink()
        gateway.program.signal(signal.SIGHUP)
        gateway.said("reload failed: agent 'waf': cannot read the certificate file")
        self.assert_decides(gateway)

    def test_do_not_start_with_files_that_are_not_there(self):
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.stage.upstream().address]}, [self.asked('tls { ca-cert "nowhere.pem" }')])
        refused = self.picket("run", str(gateway.file))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("cannot read the certificate file", refused.stderr)
        self.assertIn("nowhere.pem", refused.stderr)


class Renewed(Tls):
    """Certificates of an agent that are renewed in their places while it serves."""

    def shown(self) -> bytes:
        context = ssl.create_default_context(cafile=str(self.authority.ca.certificate))
        context.check_hostname = False
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain, context.wrap_socket(plain) as secured:
            return secured.getpeercert(binary_form=True)

    def test_the_next_connection_is_shown_the_new_one_and_those_that_are_there_go_on(self):
        self.start_agent()
        gateway = self.stage.gateway(self.stage.upstream(), [self.asked(self.tls())])
        self.assert_decides(gateway)
        before = self.shown()
        self.authority.issue("server", NAMES)
        self.assertNotEqual(self.shown(), before)
        wait("it says so", lambda: "the TLS files have changed: new connections use them" in self.agent.text())
        self.assert_decides(gateway)
        self.assertEqual(gateway.metric("picket_agent_connections_lost_total", agent="waf"), 0)

    def test_an_agent_that_dials_shows_the_new_one_when_it_comes_again(self):
        port = free_port()
        reverse = (f'tcp-address "127.0.0.1:{port}"; tls {{ cert-file "{self.server.certificate}"; key-file "{self.server.key}"; '
                   f'ca-file "{self.authority.ca.certificate}" }}')
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.stage.upstream().address]}, [Asked("waf", "edge", transport="reverse")], reverse=reverse)
        gateway.start()
        shown = Authority(self.stage.folder, "other").issue("edge", "DNS:edge.test")
        agent = self.stage.programs.start(
            "agent", "picket", "agent", "--agent-id", "edge", "--dial", f"tls:127.0.0.1:{port}", "--tls-ca", str(self.authority.ca.certificate),
            "--tls-cert", str(shown.certificate), "--tls-key", str(shown.key), says="is dialled again")
        self.authority.issue("edge", "DNS:edge.test")
        wait("it is let in", lambda: "registered with" in agent.text())
        self.assertEqual(gateway.get().status, 200)

    def test_files_that_do_not_fit_each_other_change_nothing_until_they_do(self):
        self.start_agent()
        before = self.shown()
        other = self.authority.issue("other", NAMES)
        kept = self.server.key.read_bytes()
        self.server.key.write_bytes(other.key.read_bytes())
        self.assertEqual(self.shown(), before)
        wait("it says why", lambda: "cannot be used, those before are used on: " in self.agent.text())
        self.assertEqual(self.shown(), before)
        self.assertEqual(self.agent.text().count("cannot be used"), 1, "once, not for each connection")
        self.server.certificate.write_bytes(other.certificate.read_bytes())
        after = self.shown()
        self.assertNotEqual(after, before)
        self.server.key.unlink()
        self.assertEqual(self.shown(), after)
        self.server.key.write_bytes(kept)

    def test_connections_that_begin_while_files_are_written_are_all_served(self):
        self.start_agent("--threads", "2")
        renewals = 0
        for _ in range(30):
            if renewals < 10:
                self.authority.issue("server", NAMES)
                renewals += 1
            self.assertTrue(self.shown())
        self.assertNotRegex(self.agent.text(), "Sanitizer")


class Tools(Tls):
    def test_call_over_tls_and_mutual_tls(self):
        self.start_mutual()
        ca = ("--tls-ca", str(self.authority.ca.certificate))
        mine = ("--tls-cert", str(self.client.certificate), "--tls-key", str(self.client.key))
        answer = self.call(*ca, *mine)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        answer = self.call(*ca, *mine, "--tls-name", "agent.test", "-H", "x-block: yes")
        self.assertEqual(answer.returncode, 3, answer.stderr)
        for arguments, says in (
            (ca, "the peer wants a client certificate and got none"),
            ((*ca, *mine, "--tls-name", "other.test"), "it has no such subjectAltName"),
            (mine, "no CA that is trusted here"),
        ):
            with self.subTest(arguments):
                answer = self.call_in_vain(*arguments)
                self.assertEqual(answer.returncode, 1)
                self.assertIn(says, answer.stderr)

    def test_call_over_grpc_and_tls(self):
        self.start_agent(scheme="grpcs")
        answer = self.call("--tls-ca", str(self.authority.ca.certificate), scheme="grpcs")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        answer = self.call("--tls-ca", str(self.authority.ca.certificate), "-H", "x-block: yes", scheme="grpcs")
        self.assertEqual(answer.returncode, 3, answer.stderr)
        answer = self.call_in_vain(scheme="grpcs")
        self.assertIn("no CA that is trusted here", answer.stderr)

    def test_either_end_says_that_the_other_speaks_in_clear(self):
        self.start_agent()
        plain = self.picket("call", "--insecure", "--agent", f"tcp:{self.address}", "--timeout-ms", "5000", "/")
        self.assertEqual(plain.returncode, 1)
        wait("the agent's word", lambda: "the peer does not speak TLS" in self.agent.text())
        port = free_port()
        self.stage.programs.start("clear", "picket", "agent", "--insecure", "--listen", f"tcp:127.0.0.1:{port}", says="serving on")
        answer = self.call_in_vain(address=f"127.0.0.1:{port}")
        self.assertEqual(answer.returncode, 1)
        self.assertRegex(answer.stderr, "does it speak TLS on this port|does not speak TLS")

    def test_a_client_that_says_nothing_keeps_nobody_waiting(self):
        self.start_agent()
        with socket.create_connection(("127.0.0.1", self.port)) as mute:
            self.assertEqual(self.call("--tls-ca", str(self.authority.ca.certificate)).returncode, 0)
            mute.settimeout(60)
            self.assertEqual(mute.recv(100), b"", "the handshake has a deadline")

    def test_the_command_line_says_what_is_missing(self):
        for arguments, says in (
            (("--listen", f"tls:{self.address}"), "need --tls-cert and --tls-key"),
            (("--listen", f"grpcs:{self.address}"), "need --tls-cert and --tls-key"),
            (("--listen", "unix:/tmp/a", "--tls-cert", "c"), "go with tls:IP:PORT"),
        ):
            with self.subTest(arguments):
                refused = self.picket("agent", *arguments)
                self.assertEqual(refused.returncode, 2)
                self.assertIn(says, refused.stderr)

    def test_a_key_that_everybody_may_read_is_refused(self):
        self.server.key.chmod(0o644)
        refused = self.picket("agent", "--listen", f"tls:{self.address}", "--tls-cert", str(self.server.certificate),
                              "--tls-key", str(self.server.key))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is open to everybody (mode 0644); chmod o-rwx it", refused.stderr)
