"""Agents that dial the gateway: who may, and what they hear where they may not."""

import signal
import ssl
import struct
import threading
import time

import wire
from certificates import Authority
from dialling import Dialled, connect
from processes import free_port, wait
from reverse import OPEN, REFUSED, REGISTERED, Reverse
from stage import READY, Asked, Gateway
from test_lifecycle import reload
from wire import block


class OfTheReference(Reverse):
    def test_an_agent_that_names_nothing_of_ours_is_answered_as_by_the_reference_and_asked_in_json(self):
        gateway = self.gateway()
        agent = Dialled(self.socket, answer=lambda _: block(403, body="dialled")).serve()
        self.assertEqual(set(agent.said) - {"error"}, {"success", "proxy_id", "proxy_version", "connection_id"})
        self.ready(gateway, 1)
        answer = gateway.get("/x")
        self.assertEqual((answer.status, answer.body), (403, b"dialled"))
        self.assertEqual(agent.events[0][1]["uri"], "/x")

    def test_a_configuration_is_delivered_and_may_be_refused(self):
        gateway = self.gateway(agents=[self.asked(keys="config { rules 1 }")])
        refusing = Dialled(self.socket, answer=lambda _: block(500, body="no such rules")).serve()
        gateway.said("no such rules")
        wait("it has no place any more", lambda: gateway.metric(OPEN) == 0)
        agent = Dialled(self.socket).serve()
        self.ready(gateway, 1)
        self.assertEqual(agent.events[0][1]["config"], {"rules": 1})
        refusing.close()

    def test_one_that_is_not_there_is_decided_by_the_failure_mode_at_once(self):
        for mode, status in (("closed", 503), ("open", 200)):
            with self.subTest(mode):
                gateway = self.gateway(agents=[self.asked(keys=f"failure-mode {mode}; timeout-ms 60000")])
                before = time.monotonic()
                self.assertEqual(gateway.get().status, status)
                self.assertLess(time.monotonic() - before, 20)
                agent = Dialled(self.socket, answer=lambda _: block(403)).serve()
                self.ready(gateway, 1)
                self.assertEqual(gateway.get().status, 403)
                agent.close()
                self.ready(gateway, 0)
                self.assertEqual(gateway.get().status, status)
                self.clear_stage()
                self.set_stage()

    def test_one_that_goes_with_a_request_in_flight_fails_it_and_no_other(self):
        gateway = self.gateway()
        silent = Dialled(self.socket, "edge-silent", answer=lambda _: None).serve()
        self.ready(gateway, 1)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(gateway.get()))
        waiting.start()
        wait("it is asked", lambda: silent.events)
        silent.close()
        waiting.join(30)
        self.assertEqual((answers[0].status, answers[0].reason), (503, "agent_unavailable"))
        Dialled(self.socket).serve()
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)


class WhoMayRegister(Reverse):
    def refused(self, agent: Dialled, says: str) -> None:
        self.assertIsNotNone(agent.said, f"closed without an answer; expected: {says}")
        self.assertFalse(agent.said["success"])
        self.assertIn(says, agent.said["error"])
        self.assertTrue(agent.ends())
        agent.close()

    def test_each_refusal_says_why(self):
        gateway = self.gateway(
            'auth-token "edge-1" "one"; auth-token "edge-1" "two"; auth-token "edge-2" "three"; require-auth #true; '
            'allowed-agents "edge-*"; max-connections-per-agent 1'
        )
        Dialled(self.socket, "edge-1", auth_token="two").serve()
        self.ready(gateway, 1)
        rows = (
            (("edge-2", None), "needs an auth_token"),
            (("edge-2", "one"), "not that of the id 'edge-2'"),
            (("edge-2", ""), "not that of the id 'edge-2'"),
            (("edge-2", "three "), "not that of the id 'edge-2'"),
            (("edge-3", "one"), "requires an auth_token"),
            (("waf", None), "requires an auth_token"),
            (("edge-1", "two"), "1 connections already, 1 are the most"),
            (("edge-1", "one"), "held by another agent"),
            (("", None), "an agent id of 0 bytes"),
            (("x" * 300, None), "an agent id of 300 bytes"),
        )
        for (agent_id, token), says in rows:
            with self.subTest(says):
                self.refused(Dialled(self.socket, agent_id, auth_token=token), says)
        gateway.expect_metric(len(rows), REFUSED)
        self.assertEqual(gateway.metric(READY), 1)
        self.assertEqual(gateway.get().status, 200)

    def test_ids_that_are_not_allowed_or_that_no_agent_claims_are_refused(self):
        self.gateway('allowed-agents "edge-1" "other"')
        self.refused(Dialled(self.socket, "edge-2"), "'edge-2' is not among the allowed agents")
        self.refused(Dialled(self.socket, "other"), "no agent block claims the id 'other'")
        Dialled(self.socket, "edge-1").serve()

    def test_what_is_no_registration_is_refused_in_words(self):
        self.gateway()
        capabilities = {"agent_id": "a"}
        rows = (
            (wire.frame(wire.PING, {"sequence": 1, "timestamp_ms": 1}), "expected a registration first, got ping"),
            (wire.frame(wire.HANDSHAKE_REQUEST, b"{"), "the registration: "),
            (wire.frame(wire.HANDSHAKE_REQUEST, {"supported_versions": [2]}), "protocol_version"),
            (wire.registration("edge-1", capabilities)[:-1] + b"!", "the registration: "),
            (struct.pack(">IB", 2**24, 1), "the most"),
            (struct.pack(">IB", 0, 1), "length 0"),
            (b"GET / HTTP/1.1\r\n\r\n", ""),
        )
        for said, says in rows:
            with self.subTest(says):
                connection = connect(self.socket)
                connection.sendall(said)
                kind, answer = wire.read_frame(connection)
                self.assertEqual(kind, wire.HANDSHAKE_RESPONSE)
                self.assertIn(b'"success":false', answer.replace(b" ", b""))
                self.assertIn(says, answer.decode())
                self.assertEqual(connection.recv(1), b"")
                connection.close()

    def test_an_agent_block_of_its_own_id_and_one_of_a_pattern_have_their_own(self):
        agents = [Asked("edge-1", "", transport="reverse"), self.asked()]
        gateway = self.stage.unstarted()
        self.write(gateway, agents=agents)
        gateway.file.write_text(gateway.file.read_text().replace('reverse "";', "reverse;"))
        gateway.start()
        own = Dialled(self.socket, "edge-1").serve()
        other = Dialled(self.socket, "edge-2").serve()
        wait("both are ready", lambda: gateway.metric(READY) == 2)
        self.assertEqual(gateway.metric(READY, agent="edge-1"), 1)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual((len(own.heads()), len(other.heads())), (1, 1))


class Floods(Reverse):
    def test_connections_that_say_nothing_keep_nobody_out_and_are_ended_in_time(self):
        gateway = self.gateway("handshake-timeout-secs 2; backlog 512")
        silent = [connect(self.socket) for _ in range(300)]
        slow = connect(self.socket)
        agent = Dialled(self.socket).serve()
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)
        for byte in wire.registration("edge-2", {})[:8]:
            try:
                slow.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.1)
        for connection in [*silent, slow]:
            got = wire.read_frame(connection)
            self.assertIsNotNone(got)
            self.assertIn(b"false", got[1])
            connection.close()
        gateway.expect_metric(301, REFUSED)
        agent.close()

    def test_a_thousand_registrations_are_all_answered(self):
        gateway = self.gateway("backlog 1024; max-connections-per-agent 2")
        agents: list[Dialled] = []
        lock = threading.Lock()

        def register(first: int) -> None:
            for number in range(first, first + 125):
                agent = Dialled(self.socket, f"edge-{number // 4}")
                with lock:
                    agents.append(agent)

        threads = [threading.Thread(target=register, args=(first,)) for first in range(0, 1000, 125)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(len(agents), 1000)
        joined = [agent for agent in agents if agent.said and agent.said["success"]]
        self.assertEqual(len(joined), 500, "two of four under each id")
        for agent in agents:
            self.assertTrue(agent.said)
        gateway.expect_metric(500, OPEN)
        for agent in joined:
            agent.serve()
        self.ready(gateway, 500)
        self.assertEqual(gateway.get().status, 200)
        for agent in agents:
            agent.close()
        gateway.expect_metric(0, OPEN)
        descriptors = gateway.descriptors()
        self.assertLess(descriptors, 200)


class Shared(Reverse):
    """One connection of an agent of the reference, and two workers."""

    listener = ""

    def gateway(self, more: str = "", **keys) -> Gateway:
        return super().gateway("; ".join(filter(None, (self.listener, more))), workers=2, **keys)

    def dialled(self, **more) -> Dialled:
        return Dialled(self.socket, **more).serve()

    def test_it_serves_every_worker(self):
        gateway = self.gateway()
        agent = self.dialled(answer=lambda body: block(403) if body.get("uri") == "/evil" else wire.allow())
        self.ready(gateway, 2)
        self.assertEqual(gateway.metric(OPEN), 1)
        for _ in range(30):  # each on a connection of its own: the kernel chooses the worker
            self.assertEqual(gateway.get("/good").status, 200)
            self.assertEqual(gateway.get("/evil").status, 403)
        self.assertEqual(len(agent.heads()), 60)

    def test_many_at_once_each_get_their_own_verdict(self):
        gateway = self.gateway(agents=[self.asked(keys="timeout-ms 60000")])

        def verdict(body: dict) -> dict:
            number = int(body["uri"][1:]) if "uri" in body else 0
            return block(400 + number % 100)

        self.dialled(answer=verdict)
        self.ready(gateway, 2)
        wrong: list[tuple[int, int]] = []

        def ask(first: int) -> None:
            for number in range(first, first + 25):
                status = gateway.get(f"/{number}").status
                if status != 400 + number % 100:
                    wrong.append((number, status))

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(0, 200, 25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(wrong, [])

    def test_its_configuration_is_accepted_for_all_workers_or_for_none(self):
        gateway = self.gateway(agents=[self.asked(keys="config { rules 1 }")])
        agent = self.dialled()
        self.ready(gateway, 2)
        self.assertEqual(len([body for kind, body in agent.events if kind == wire.CONFIGURE]), 1)
        agent.close()
        self.ready(gateway, 0)
        self.dialled(answer=lambda _: block(500, body="no such rules"))
        gateway.said("no such rules")
        wait("it is closed", lambda: gateway.metric(OPEN) == 0)

    def test_one_that_goes_is_missed_by_every_worker(self):
        gateway = self.gateway(agents=[self.asked(keys="failure-mode closed")])
        agent = self.dialled()
        self.ready(gateway, 2)
        agent.close()
        self.ready(gateway, 0)
        for _ in range(8):
            self.assert_failed_closed(gateway.get())
        again = self.dialled()
        self.ready(gateway, 2)
        self.assertEqual(gateway.get().status, 200)
        gateway.program.signal(signal.SIGTERM)
        self.assertEqual(gateway.program.wait(), 0)
        self.stage.programs.all.remove(gateway.program)
        self.assertTrue(again.events)

    def test_agents_of_the_sdk_are_shared_where_they_may_not_make_enough(self):
        gateway = self.gateway("max-connections-per-agent 1")
        self.agent("--dial", f"unix:{self.socket}", "--block-if", "x-evil=yes")
        self.ready(gateway, 2)
        for _ in range(20):
            self.assertEqual(gateway.get(headers="x-evil: yes\r\n").status, 403)
            self.assertEqual(gateway.get("/", "", "POST", b"x" * 10_000).status, 200)


class SharedOverTcp(Shared):
    def setUp(self):
        super().setUp()
        self.address = ("127.0.0.1", free_port())
        self.listener = f'tcp-address "127.0.0.1:{self.address[1]}"; insecure #true'

    def dialled(self, **more) -> Dialled:
        return Dialled(self.address, **more).serve()


class SharedOverTls(SharedOverTcp):
    def setUp(self):
        super().setUp()
        authority = Authority(self.stage.folder)
        shown = authority.issue("gateway", "DNS:gateway.test")
        self.tls = ssl.create_default_context(cafile=str(authority.ca.certificate))
        self.listener = f'tcp-address "127.0.0.1:{self.address[1]}"; tls {{ cert-file "{shown.certificate}"; key-file "{shown.key}" }}'

    def dialled(self, **more) -> Dialled:
        return Dialled(self.address, tls=self.tls, **more).serve()


class Reloads(Reverse):
    def test_a_reload_keeps_the_connections_of_agents_that_stay_as_they_are(self):
        gateway = self.gateway()
        agent = Dialled(self.socket).serve()
        self.ready(gateway, 1)
        self.write(gateway, "handshake-timeout-secs 5", limits="max-header-count 99")
        reload(gateway, 1)
        gateway.said("reloaded /")
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(agent.heads()), 1)
        self.assertEqual(gateway.metric(REGISTERED), 1)
        self.assertEqual(gateway.metric(READY), 1)

    def test_an_agent_whose_block_is_changed_comes_back_to_the_new_one(self):
        gateway = self.gateway()
        self.agent("--dial", f"unix:{self.socket}", "--block-if", "x-evil=yes")
        self.ready(gateway, 1)
        self.write(gateway, agents=[self.asked(keys="max-concurrent-calls 7")])
        reload(gateway, 1)
        gateway.said("reloaded /")
        wait("it has registered again", lambda: gateway.metric(REGISTERED) == 2)
        self.ready(gateway, 1)
        self.assertEqual(gateway.get(headers="x-evil: yes\r\n").status, 403)

    def test_a_request_that_does_not_end_does_not_keep_an_agent_from_the_block_that_is_changed(self):
        def write(keys: str = "") -> None:
            listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "http"; body-timeout-secs 600 }}'
            self.write(gateway, agents=[self.asked(keys=keys)], listeners=listener)

        gateway = self.stage.unstarted()
        write()
        gateway.start()
        self.agent("--dial", f"unix:{self.socket}", "--block-if", "x-evil=yes")
        self.ready(gateway, 1)
        held = gateway.client(60)
        held.send("POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        wait("it goes on", lambda: gateway.metric("picket_agent_answers_total", agent="edge") == 1)
        write("max-concurrent-calls 7")
        reload(gateway, 1)
        gateway.said("reloaded /")
        wait("it has registered again", lambda: gateway.metric(REGISTERED) == 2)
        self.ready(gateway, 1)
        self.assertEqual(gateway.get(headers="x-evil: yes\r\n").status, 403)
        held.send("2")
        self.assertEqual(held.response().status, 200)

    def test_other_rules_hold_for_those_who_register_from_then_on(self):
        gateway = self.gateway()
        served = Dialled(self.socket, "edge-1").serve()
        self.ready(gateway, 1)
        self.write(gateway, 'allowed-agents "edge-2"')
        reload(gateway, 1)
        gateway.said("reloaded /")
        self.assertFalse(Dialled(self.socket, "edge-1").said["success"])
        self.assertTrue(Dialled(self.socket, "edge-2").said["success"])
        self.assertEqual(gateway.get().status, 200)
        self.assertTrue(served.events)

    def test_a_listener_that_moves_is_closed_and_one_that_cannot_be_had_changes_nothing(self):
        gateway = self.gateway()
        agent = Dialled(self.socket).serve()
        self.ready(gateway, 1)
        gateway.file.write_text(gateway.file.read_text().replace(str(self.socket), "/nowhere/agents.sock"))
        reload(gateway, 1)
        gateway.said("reload failed")
        self.assertTrue(Dialled(self.socket, "edge-2").said["success"])
        moved = self.stage.folder / "moved.sock"
        gateway.file.write_text(gateway.file.read_text().replace("/nowhere/agents.sock", str(moved)))
        reload(gateway, 2)
        gateway.said("reloaded /")
        wait("the old one is gone", lambda: not self.socket.exists())
        self.assertTrue(Dialled(moved, "edge-3").said["success"])
        self.assertEqual(gateway.get().status, 200)
        self.assertTrue(agent.events)

    def test_registrations_in_the_midst_of_reloads_are_all_answered(self):
        gateway = self.gateway(workers=2)
        done = threading.Event()
        unanswered: list[int] = []
        registered: list[bool] = []

        def register(number: int) -> None:
            while not done.is_set():
                agent = Dialled(self.socket, f"edge-{number}")
                if agent.said is None:
                    unanswered.append(number)
                else:
                    registered.append(agent.said["success"])
                agent.close()

        threads = [threading.Thread(target=register, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for count in range(1, 11):
            self.write(gateway, agents=[self.asked(keys=f"max-concurrent-calls {count}")], workers=2)
            reload(gateway, count)
        done.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(unanswered, [])
        self.assertTrue(any(registered))
        Dialled(self.socket, "edge-last").serve()
        wait("both workers have it", lambda: gateway.metric(READY) >= 2)
        wait("it is asked", lambda: gateway.get().status == 200)

    def test_a_gateway_that_drains_takes_no_registrations(self):
        gateway = self.gateway()
        Dialled(self.socket).serve()
        self.ready(gateway, 1)
        begun = connect(self.socket)
        begun.sendall(b"\0")
        wait("it is heard", lambda: gateway.descriptors() > 0)
        gateway.program.signal(signal.SIGTERM)
        self.assertEqual(gateway.program.wait(), 0)
        self.stage.programs.all.remove(gateway.program)
        self.assertFalse(self.socket.exists())
        begun.close()
