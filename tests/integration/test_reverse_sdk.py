"""Agents of the SDK that dial the gateway: over each transport, by name, and how they come back."""

import signal
import threading

import wire
from certificates import Authority
from dialling import connect
from processes import connects, free_port, wait
from reverse import OPEN, REFUSED, REGISTERED, Reverse
from stage import Gateway


class OfTheSdk(Reverse):
    def test_it_serves_every_worker_over_a_unix_socket(self):
        gateway = self.gateway(workers=2)
        self.agent("--dial", f"unix:{self.socket}", "--block-if", "x-evil=yes")
        self.ready(gateway, 2)
        for _ in range(20):  # each on a connection of its own: the kernel chooses the worker
            self.assertEqual(gateway.get().status, 200)
            self.assertEqual(gateway.get(headers="x-evil: yes\r\n").status, 403)
        self.assertEqual(gateway.metric(REGISTERED), 2)
        self.assertEqual(gateway.metric(REFUSED), 0)

    def test_over_tls_with_certificates_of_both_and_a_token(self):
        authority = Authority(self.stage.folder)
        server = authority.issue("gateway", "DNS:gateway.test")
        client = authority.issue("edge", "DNS:edge.test")
        other = Authority(self.stage.folder, "other").issue("stranger", "DNS:edge.test")
        port = free_port()
        token = self.stage.folder / "token"
        token.write_text("s3cret\n")
        token.chmod(0o600)
        gateway = self.gateway(
            f'tcp-address "127.0.0.1:{port}"; tls {{ cert-file "{server.certificate}"; key-file "{server.key}"; '
            f'ca-file "{authority.ca.certificate}" }}; auth-token "edge-*" "s3cret"; require-auth #true'
        )
        dial = ("--dial", f"tls:127.0.0.1:{port}", "--tls-ca", authority.ca.certificate, "--tls-name", "gateway.test")
        shown = ("--tls-cert", client.certificate, "--tls-key", client.key)
        strange = ("--tls-cert", other.certificate, "--tls-key", other.key)
        without = self.agent(*dial, "--token-file", str(token), name="without", says="is dialled again")
        stranger = self.agent(*dial, *strange, "--token-file", str(token), name="stranger", says="is dialled again")
        guessing = self.agent(*dial, *shown, name="guessing", says="not that of the id", env={"PICKET_AGENT_TOKEN": "x"})
        self.assertEqual(gateway.metric(OPEN), 0)
        for program in (without, stranger, guessing):
            self.assertEqual(program.end(), [])
            self.stage.programs.all.remove(program)
        self.agent(*dial, *shown, "--token-file", str(token))
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)
        in_clear = connect(("127.0.0.1", port))
        in_clear.sendall(wire.registration("edge-1", {}))
        try:
            self.assertIn(in_clear.recv(1)[:1], (b"", b"\x15"), "a TLS alert at most")
        except ConnectionResetError:
            pass
        in_clear.close()

    def test_over_tcp_in_clear_with_a_token_of_the_environment(self):
        port = free_port()
        gateway = self.gateway(f'tcp-address "127.0.0.1:{port}"; insecure #true; auth-token "edge-1" "s3cret"')
        self.agent("--insecure", "--dial", f"tcp:127.0.0.1:{port}", env={"PICKET_AGENT_TOKEN": "s3cret"})
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)

    def test_it_comes_back_to_a_gateway_that_was_restarted(self):
        gateway = self.gateway()
        agent = self.agent("--dial", f"unix:{self.socket}", "--block-if", "x-evil=yes")
        self.ready(gateway, 1)
        gateway.program.kill()
        wait("the agent has noticed", lambda: "is dialled again" in agent.text())
        gateway.start()
        wait("it is there again", lambda: connects(("127.0.0.1", gateway.metrics_port)))
        self.ready(gateway, 1)
        self.assertEqual(gateway.get(headers="x-evil: yes\r\n").status, 403)

    def test_one_that_is_there_first_waits_for_its_gateway(self):
        self.agent("--dial", f"unix:{self.socket}", says="is dialled again")
        gateway = self.gateway()
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)

    def test_an_agent_that_is_killed_is_missed_and_another_takes_its_place(self):
        gateway = self.gateway(agents=[self.asked(keys="failure-mode closed")])
        first = self.agent("--dial", f"unix:{self.socket}", name="first")
        self.ready(gateway, 1)
        first.kill()
        self.ready(gateway, 0)
        self.assert_failed_closed(gateway.get())
        self.agent("--dial", f"unix:{self.socket}", name="second")
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)

    def test_an_agent_that_is_frozen_costs_its_time_out_and_serves_again(self):
        gateway = self.gateway(agents=[self.asked(keys="timeout-ms 300; failure-mode closed")])
        agent = self.agent("--dial", f"unix:{self.socket}")
        self.ready(gateway, 1)
        agent.freeze()
        self.assert_failed_closed(gateway.get())
        agent.signal(signal.SIGCONT)
        wait("it serves again", lambda: gateway.get().status == 200)

    def test_an_agent_that_is_stopped_drains_and_fails_nobody(self):
        gateway = self.gateway(agents=[self.asked(keys="failure-mode closed")])
        first = self.agent("--dial", f"unix:{self.socket}", name="first")
        second = self.agent("--dial", f"unix:{self.socket}", name="second")
        self.ready(gateway, 2)
        statuses: list[int] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                statuses.append(gateway.get().status)

        asking = threading.Thread(target=ask)
        asking.start()
        wait("requests go", lambda: len(statuses) > 10)
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait(), 0)
        seen = len(statuses)
        wait("requests go on", lambda: len(statuses) > seen + 10)
        done.set()
        asking.join(30)
        self.assertEqual(set(statuses), {200})
        self.assertTrue(second.running())


class ByName(Reverse):
    """Agents that dial a name, as several gateways behind one have it."""

    HOST = "gateway.test"

    def setUp(self):
        super().setUp()
        self.server = self.stage.name_server()
        self.port = free_port()

    def gateway_at(self, host: str) -> Gateway:
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.upstream.address]}, [self.asked()], reverse=f'tcp-address "{host}:{self.port}"; insecure #true')
        return gateway.start()

    def named(self, *options: str, **keys):
        return self.agent("--insecure", "--dial", f"tcp:{self.HOST}:{self.port}", "--resolver", self.server.address, *options, **keys)

    def test_each_address_is_a_proxy_and_one_that_is_new_gets_connections(self):
        first, second = self.gateway_at("127.0.0.1"), self.gateway_at("127.0.0.2")
        self.server.set(self.HOST, "127.0.0.1")
        self.named()
        self.ready(first, 1)
        self.assertEqual(first.get().status, 200)
        self.server.set(self.HOST, "127.0.0.1", "127.0.0.2")
        self.ready(second, 1)
        self.assertEqual(second.get().status, 200)
        self.assertEqual(first.metric(REGISTERED), 1)

    def test_an_address_that_leaves_keeps_its_connection_and_is_not_dialled_again(self):
        first, second = self.gateway_at("127.0.0.1"), self.gateway_at("127.0.0.2")
        self.server.set(self.HOST, "127.0.0.1", "127.0.0.2")
        agent = self.named()
        self.ready(first, 1)
        self.ready(second, 1)
        asked = self.server.asked(self.HOST)
        self.server.set(self.HOST, "127.0.0.2")
        wait("two more look-ups", lambda: self.server.asked(self.HOST) >= asked + 6)
        self.assertEqual(first.get().status, 200, "who uses it goes on using it")
        first.program.kill()
        wait("the other is told apart", lambda: second.get().status == 200)
        asked = self.server.asked(self.HOST)
        wait("two more look-ups", lambda: self.server.asked(self.HOST) >= asked + 6)
        self.assertNotIn("is dialled again", agent.text())
        self.server.set(self.HOST, "127.0.0.1", "127.0.0.2")
        wait("it is dialled once it is back", lambda: f"no connection to tcp:127.0.0.1:{self.port}" in agent.text())

    def test_a_name_server_that_is_not_there_at_the_start_is_said_and_tried_on(self):
        gateway = self.gateway_at("127.0.0.1")
        port = free_port()
        self.agent("--insecure", "--dial", f"tcp:{self.HOST}:{self.port}", "--resolver", f"127.0.0.1:{port}", says="no proxy is known, tried on")
        late = self.stage.name_server(port)
        late.set(self.HOST, "127.0.0.1")
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)

    def test_the_certificate_has_to_be_for_the_name(self):
        authority = Authority(self.stage.folder)
        self.server.set(self.HOST, "127.0.0.1")
        for names, says in ((f"DNS:{self.HOST}", "registered with"), ("IP:127.0.0.1", "is dialled again")):
            server = authority.issue(f"gateway{says[:2]}", names)
            gateway = self.stage.unstarted()
            port = free_port()
            reverse = f'tcp-address "127.0.0.1:{port}"; tls {{ cert-file "{server.certificate}"; key-file "{server.key}" }}'
            gateway.write({"app": [self.upstream.address]}, [self.asked()], reverse=reverse)
            gateway.start()
            self.agent("--dial", f"tls:{self.HOST}:{port}", "--tls-ca", authority.ca.certificate, "--resolver", self.server.address,
                       name=f"agent{says[:2]}", says=says)  # fmt: skip

    def test_an_agent_is_stopped_while_a_name_server_says_nothing(self):
        self.server.answer_by(lambda query: [])
        agent = self.agent("--insecure", "--listen", f"unix:{self.stage.path('listening')}", "--dial", f"tcp:{self.HOST}:{self.port}",
                           "--resolver", self.server.address, says="serving on")  # fmt: skip
        self.assertEqual(agent.end(), [])
        self.stage.programs.all.remove(agent)
