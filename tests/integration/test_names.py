"""Agents that are reached by a name: each address of it is dialled, while what the name server says changes."""

import struct
import subprocess
import threading
import time

from agent import Agent
from certificates import Authority
from load import Load
from names import NXDOMAIN, SERVFAIL, NameServer, question_of
from processes import free_port, wait
from stage import BINARIES, Asked, Gateway, StageTest
from wire import allow

READY = "picket_agent_connections_ready"
HOST = "waf.test"


class Names(StageTest):
    def setUp(self):
        super().setUp()
        self.server = self.stage.name_server()
        self.port = free_port()

    def agent_at(self, host: str, port: int = 0, **behaviours) -> Agent:
        return self.stage.agent(at=(host, port or self.port), **behaviours)

    def asked(self, address: str = "", keys: str = "", connections: int = 1, transport: str = "tcp") -> Asked:
        return Asked("waf", address or f"{HOST}:{self.port}", transport=transport,
                     keys=f"insecure #true; pool {{ connections {connections} }}; {keys}")

    def gateway(self, asked: Asked | None = None, server: NameServer | None = None, **keys) -> Gateway:
        return self.stage.gateway(self.stage.upstream(), [asked or self.asked()],
                                  system=f'resolvers "{(server or self.server).address}"', **keys)

    def ready(self, gateway: Gateway, count: int) -> None:
        wait(f"{count} connections", lambda: gateway.metric(READY, agent="waf") == count)

    def seen(self, agent: Agent, uri: str) -> int:
        return sum(event.body["uri"] == uri for event in agent.of("request_headers"))

    def assert_shared_by(self, gateway: Gateway, agents: list[Agent], uri: str) -> None:
        for _ in range(4 * len(agents)):
            self.assertEqual(gateway.get(uri).status, 200)
        for agent in agents:
            self.assertGreater(self.seen(agent, uri), 0, agent.path)


class Scaling(Names):
    def test_agents_come_and_go_under_load_and_no_request_fails(self):
        hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        agents = [self.agent_at(host) for host in hosts]
        self.server.set(HOST, hosts[0])
        gateway = self.gateway(self.asked(connections=2), workers=2)
        self.ready(gateway, 4)
        with Load(gateway) as load:
            self.server.set(HOST, *hosts)
            for agent in agents:
                agent.expect("request_headers", 20)
            self.server.set(HOST, hosts[2], hosts[0])
            for connection in agents[1].connections:
                self.assertTrue(connection.ended.wait(30), "the one that left is let go")
            agents[1].close()
            before = load.done
            wait("more requests", lambda: load.done > before + 50)
        self.assertEqual(load.failed, [])
        self.ready(gateway, 8)

    def test_what_began_at_an_address_ends_there_after_it_has_left(self):
        may_answer = threading.Event()
        self.addCleanup(may_answer.set)

        def slowly(event):
            may_answer.wait(60)
            return allow(response_headers=[{"set": {"name": "x-from", "value": "first"}}])

        first, second = self.agent_at("127.0.0.1", request_headers=slowly), self.agent_at("127.0.0.2")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.gateway()
        self.ready(gateway, 1)
        client = gateway.client(60)
        client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        first.expect("request_headers")
        self.server.set(HOST, "127.0.0.2")
        wait("the new address", lambda: second.handshakes)
        self.ready(gateway, 2)
        for _ in range(4):
            self.assertEqual(gateway.get("/new").status, 200)
        self.assertEqual(self.seen(second, "/new"), 4)
        self.assertFalse(first.connections[0].ended.is_set(), "an exchange is on it")
        may_answer.set()
        answer = client.response()
        self.assertEqual((answer.status, answer.value("x-from")), (200, "first"))
        self.assertTrue(first.connections[0].ended.wait(30))

    def test_addresses_that_change_at_each_look_up_are_followed_and_no_request_fails(self):
        agents = {f"127.0.0.{number}": self.agent_at(f"127.0.0.{number}") for number in range(1, 7)}
        hosts = list(agents)
        self.server.set(HOST, hosts[0], hosts[1], ttl=0)
        gateway = self.gateway(self.asked(connections=2), workers=2)
        self.ready(gateway, 8)
        with Load(gateway) as load:
            for turn in range(6):
                now = [hosts[turn % 6], hosts[(turn + 2) % 6], hosts[(turn + 3) % 6]]
                seen = [len(agents[host].handshakes) for host in now]
                open_before = [sum(not one.ended.is_set() for one in agents[host].connections) for host in now]
                self.server.set(HOST, *now, ttl=0)
                for host, count, were_open in zip(now, seen, open_before):
                    wait(f"{host} is used", lambda: were_open or len(agents[host].handshakes) > count)
                asked = self.server.asked(HOST)
                wait("a look-up of each worker", lambda: self.server.asked(HOST) >= asked + 8)
        self.assertEqual(load.failed, [])
        self.ready(gateway, 12)

    def test_another_order_is_no_change(self):
        agents = [self.agent_at(host) for host in ("127.0.0.1", "127.0.0.2")]
        self.server.set(HOST, "127.0.0.1", "127.0.0.2")
        gateway = self.gateway()
        self.ready(gateway, 2)
        asked = self.server.asked(HOST)
        self.server.set(HOST, "127.0.0.2", "127.0.0.1")
        wait("two more look-ups", lambda: self.server.asked(HOST) >= asked + 6)
        self.assertEqual([len(agent.handshakes) for agent in agents], [1, 1])
        self.assertEqual(gateway.program.text().count("its name has these addresses"), 1)

    def test_an_address_that_does_not_answer_is_left_to_the_others(self):
        well = self.agent_at("127.0.0.2")
        self.server.set(HOST, "127.0.0.1", "127.0.0.2")  # nobody listens at the first
        gateway = self.gateway()
        self.ready(gateway, 1)
        for _ in range(6):
            self.assertEqual(gateway.get().status, 200)
        self.assertEqual(self.seen(well, "/"), 6)

    def test_both_families_are_dialled(self):
        agents = [self.agent_at("127.0.0.1"), self.agent_at("::1")]
        self.server.set(HOST, "127.0.0.1", "::1")
        gateway = self.gateway()
        self.ready(gateway, 2)
        self.assert_shared_by(gateway, agents, "/")

    def test_no_more_addresses_are_dialled_than_may_be(self):
        self.agent_at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1", *(f"127.9.0.{number}" for number in range(1, 100)))
        gateway = self.gateway()
        gateway.said("has 68 addresses more than the 32 that are used")

    def test_a_reload_that_changes_nothing_of_it_keeps_its_connections(self):
        agent = self.agent_at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream, [self.asked()], system=f'resolvers "{self.server.address}"')
        self.ready(gateway, 1)
        gateway.write({"app": [upstream.address]}, [self.asked()], system=f'resolvers "{self.server.address}"',
                      limits="max-header-count 50")
        gateway.program.signal(1)
        gateway.said("reloaded")
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(agent.handshakes), 1)
        self.assertFalse(agent.connections[0].ended.is_set())

    def test_an_address_that_leaves_before_its_agent_has_decided_on_a_configuration_holds_no_reload_up(self):
        def takes_the_first(event):
            return allow() if event.body["config"]["rules"] == 1 else None

        deciding, silent = self.agent_at("127.0.0.1"), self.agent_at("127.0.0.2", configure=takes_the_first)
        self.server.set(HOST, "127.0.0.1", "127.0.0.2")
        upstream = self.stage.upstream()
        gateway = self.stage.unstarted()

        def write(rules: int) -> None:
            gateway.write({"app": [upstream.address]}, [self.asked(keys=f"config {{ rules {rules} }}")], system=f'resolvers "{self.server.address}"')

        write(1)
        gateway.start()
        self.ready(gateway, 2)
        write(2)
        gateway.program.signal(1)
        silent.expect("configure", 2)
        self.server.set(HOST, "127.0.0.1")
        gateway.said("reloaded /")
        self.assertEqual([event.body["config"]["rules"] for event in deciding.of("configure")], [1, 2])
        self.assertEqual(gateway.get().status, 200)


class Services(Names):
    SERVICE = "_waf._tcp.waf.test"

    def set_up(self, *records: tuple[int, int, int, str]) -> None:
        self.server.set("a.test", "127.0.0.1")
        self.server.set("b.test", "127.0.0.2")
        self.server.set_service(self.SERVICE, *records)

    def test_have_their_ports_in_their_records(self):
        other = free_port()
        agents = [self.agent_at("127.0.0.1"), self.agent_at("127.0.0.2", other)]
        self.set_up((1, 1, self.port, "a.test"), (1, 1, other, "b.test"))
        gateway = self.gateway(self.asked(self.SERVICE))
        self.ready(gateway, 2)
        self.assert_shared_by(gateway, agents, "/")

    def test_are_shared_by_weight(self):
        agents = [self.agent_at("127.0.0.1"), self.agent_at("127.0.0.2")]
        self.set_up((1, 90, self.port, "a.test"), (1, 10, self.port, "b.test"))
        gateway = self.gateway(self.asked(self.SERVICE))
        self.ready(gateway, 2)
        client = gateway.client()
        for _ in range(300):
            self.assertEqual(client.get().status, 200)
        self.assertGreater(self.seen(agents[0], "/"), 5 * self.seen(agents[1], "/") / 2)
        self.assertGreater(self.seen(agents[1], "/"), 0)

    def test_of_a_later_priority_serve_once_no_earlier_one_does(self):
        first, second = self.agent_at("127.0.0.1"), self.agent_at("127.0.0.2")
        self.set_up((1, 1, self.port, "a.test"), (2, 100, self.port, "b.test"))
        gateway = self.gateway(self.asked(self.SERVICE))
        self.ready(gateway, 2)
        for _ in range(6):
            self.assertEqual(gateway.get().status, 200)
        self.assertEqual((self.seen(first, "/"), self.seen(second, "/")), (6, 0))
        first.close()
        self.ready(gateway, 1)
        self.assertEqual(gateway.get("/after").status, 200)
        self.assertEqual(self.seen(second, "/after"), 1)

    def test_a_record_that_leaves_takes_its_address_along(self):
        first, second = self.agent_at("127.0.0.1"), self.agent_at("127.0.0.2")
        self.set_up((1, 1, self.port, "a.test"))
        gateway = self.gateway(self.asked(self.SERVICE))
        self.ready(gateway, 1)
        self.set_up((1, 1, self.port, "b.test"))
        wait("the new one", lambda: second.handshakes)
        self.assertTrue(first.connections[0].ended.wait(30))
        self.assertEqual(gateway.get().status, 200)


class Troubles(Names):
    def test_a_name_server_that_is_not_there_at_the_start_is_said_once_and_tried_on(self):
        agent = self.agent_at("127.0.0.1")
        port = free_port()
        gateway = self.stage.gateway(self.stage.upstream(), [self.asked()], system=f'resolvers "127.0.0.1:{port}"')
        log = gateway.said("cannot be looked up")
        self.assertIn(f"'{HOST}' cannot be looked up", log)
        self.assertIn("it is unavailable until that goes well", log)
        began = time.monotonic()
        answer = gateway.get()
        self.assertEqual((answer.status, answer.reason), (503, "agent_unavailable"))
        self.assertLess(time.monotonic() - began, 15, "at once")
        self.assertGreater(gateway.metric("picket_agent_look_up_failures_total", agent="waf"), 0)
        self.assertEqual(gateway.metric("picket_agent_addresses", agent="waf"), 0)
        late = self.stage.name_server(port)
        late.set(HOST, "127.0.0.1")
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(agent.handshakes), 1)
        self.assertEqual(gateway.program.text().count("cannot be looked up"), 1)
        self.assertEqual(gateway.metric("picket_agent_addresses", agent="waf"), 1)
        gateway.said("looked up again without trouble")

    def test_a_name_that_nobody_knows_fails_as_the_failure_mode_says(self):
        gateway = self.gateway(self.asked(keys='failure-mode "open"'))
        gateway.said("there is no such name (NXDOMAIN)")
        self.assertEqual(gateway.get().status, 200)

    def test_a_look_up_that_fails_later_keeps_what_is_there(self):
        agent = self.agent_at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.gateway()
        self.ready(gateway, 1)
        garbage = lambda query: [query[:2] + b"\x81\x80\0\1\0\7\0\0\0\0" + question_of(query)[2] + b"\xc0"]
        for number, (name, way) in enumerate({
            "NXDOMAIN": lambda query: [self.server.answer(query, NXDOMAIN)],
            "SERVFAIL": lambda query: [self.server.answer(query, SERVFAIL)],
            "malformed": garbage,
            "did not answer in time": lambda query: [],
            "has no address": lambda query: [self.server.answer(query, records=[])],
        }.items(), 1):
            with self.subTest(name):
                self.server.answer_by(way)
                log = gateway.said(name)
                self.assertIn("the addresses that are known are used on", log)
                self.assertEqual(gateway.get().status, 200)
                self.server.answer_by(None)
                wait("well again", lambda: gateway.program.text().count("without trouble") == number)
        self.assertEqual(len(agent.handshakes), 1)

    def test_half_an_answer_is_used_and_takes_nothing_away(self):
        agents = [self.agent_at("127.0.0.1"), self.agent_at("::1")]
        self.server.set(HOST, "127.0.0.1", "::1")
        gateway = self.gateway()
        self.ready(gateway, 2)
        self.server.answer_by(lambda query: [] if question_of(query)[1] == 28 else [self.server.answer(query)])
        gateway.said("is overdue")
        self.server.set(HOST, "127.0.0.2", "::1")
        moved = self.agent_at("127.0.0.2")
        wait("the new address", lambda: moved.handshakes)
        self.assertTrue(agents[0].connections[0].ended.wait(30))
        self.assertFalse(agents[1].connections[0].ended.is_set())

    def test_answers_that_were_not_asked_for_are_not_heard(self):
        agent, forged = self.agent_at("127.0.0.1"), self.agent_at("127.0.0.9")
        self.server.set(HOST, "127.0.0.1")
        lie = [(1, bytes([127, 0, 0, 9]))]

        def forge(query: bytes) -> list[bytes]:
            number = struct.unpack_from(">H", query)[0]
            other = b"\4evil\4test\0" + question_of(query)[2][-4:]
            return [self.server.answer(query, number=number ^ 1, records=lie),
                    self.server.answer(query, question=other, records=lie), b"", b"\0", query[:12],
                    self.server.answer(query)]

        self.server.answer_by(forge)
        gateway = self.gateway()
        self.ready(gateway, 1)
        asked = self.server.asked(HOST)
        wait("two more look-ups", lambda: self.server.asked(HOST) >= asked + 6)
        self.assertEqual((len(agent.handshakes), len(forged.handshakes)), (1, 0))

    def test_an_answer_that_is_cut_is_asked_for_over_tcp(self):
        agent = self.agent_at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        self.server.answer_by(self.server.truncated)
        gateway = self.gateway()
        self.ready(gateway, 1)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(agent.handshakes), 1)

    def test_a_time_to_live_of_nothing_does_not_make_it_ask_without_a_pause(self):
        self.agent_at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1", ttl=0)
        began = time.monotonic()
        gateway = self.gateway()
        self.ready(gateway, 1)
        wait("three look-ups", lambda: self.server.asked(HOST) >= 6)
        self.assertLessEqual(self.server.asked(HOST), 2 * (time.monotonic() - began + 1))

    def test_an_agent_that_is_removed_is_not_looked_up_any_more(self):
        self.agent_at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream, [self.asked()], system=f'resolvers "{self.server.address}"')
        self.ready(gateway, 1)
        gateway.write({"app": [upstream.address]})
        gateway.program.signal(1)
        gateway.said("reloaded")
        asked = self.server.asked(HOST)
        time.sleep(2.5)  # nothing to wait for: that nothing comes
        self.assertLessEqual(self.server.asked(HOST), asked + 2)


class Secured(Names):
    def agent_with(self, names: str) -> None:
        self.authority = Authority(self.stage.folder)
        issued = self.authority.issue("server", names)
        address = f"tls:127.0.0.1:{self.port}"
        self.stage.programs.start("agent", "picket", "agent", "--listen", address, "--tls-cert", str(issued.certificate),
                                  "--tls-key", str(issued.key), says=f"serving on {address}")

    def secured(self, address: str = "") -> Gateway:
        keys = f'tls {{ ca-cert "{self.authority.ca.certificate}" }}; timeout-ms 20000'
        return self.gateway(Asked("waf", address or f"{HOST}:{self.port}", transport="tcp", keys=keys))

    def test_the_name_of_the_configuration_is_what_the_certificate_must_have(self):
        self.agent_with(f"DNS:{HOST}")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.secured()
        wait("a connection", lambda: gateway.metric(READY, agent="waf") > 0)
        self.assertEqual(gateway.get().status, 200)

    def test_a_certificate_of_the_address_is_no_good(self):
        self.agent_with("IP:127.0.0.1,DNS:a.test")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.secured()
        gateway.said("not connected")
        self.assertEqual(gateway.get().status, 503)

    def test_of_a_service_its_domain_counts_and_not_what_its_records_say(self):
        service = f"_waf._tcp.{HOST}"
        self.server.set("a.test", "127.0.0.1")
        self.server.set_service(service, (1, 1, self.port, "a.test"))
        self.agent_with(f"DNS:{HOST}")
        gateway = self.secured(service)
        wait("a connection", lambda: gateway.metric(READY, agent="waf") > 0)
        self.assertEqual(gateway.get().status, 200)

    def test_of_a_service_a_certificate_of_its_host_is_no_good(self):
        service = f"_waf._tcp.{HOST}"
        self.server.set("a.test", "127.0.0.1")
        self.server.set_service(service, (1, 1, self.port, "a.test"))
        self.agent_with("DNS:a.test")
        gateway = self.secured(service)
        gateway.said("not connected")
        self.assertEqual(gateway.get().status, 503)


class OverGrpc(Names):
    def test_each_address_of_a_name_is_dialled(self):
        for number in (1, 2):
            self.stage.programs.start(f"agent{number}", "picket", "agent", "--insecure", "--listen",
                                      f"grpc:127.0.0.{number}:{self.port}", says="serving on")
        self.server.set(HOST, "127.0.0.1", "127.0.0.2")
        gateway = self.gateway(self.asked(f"http://{HOST}:{self.port}", transport="grpc"))
        self.ready(gateway, 2)
        self.assertEqual(gateway.get().status, 200)


class Tools(Names):
    def picket(self, *arguments: str) -> subprocess.CompletedProcess:
        result = subprocess.run([str(BINARIES / "picket"), *arguments], capture_output=True, text=True, timeout=60)
        self.assertNotRegex(result.stderr, "Sanitizer|runtime error")
        return result

    def test_call_looks_a_name_up(self):
        self.stage.programs.start("agent", "picket", "agent", "--insecure", "--listen", f"tcp:127.0.0.1:{self.port}",
                                  says="serving on")
        asked = self.picket("call", "--insecure", "--agent", f"tcp:localhost:{self.port}", "--timeout-ms", "20000", "/")
        self.assertEqual(asked.returncode, 0, asked.stderr)

    def test_conform_looks_a_name_up(self):
        self.stage.programs.start("agent", "picket", "agent", "--insecure", "--listen", f"tcp:127.0.0.1:{self.port}",
                                  says="serving on")
        tested = self.picket("conform", "agent", "--insecure", "--agent", f"tcp:localhost:{self.port}", "--only", "ping")
        self.assertEqual(tested.returncode, 0, tested.stderr)
        unknown = self.picket("conform", "agent", "--insecure", "--agent", f"tcp:nobody.invalid:{self.port}")
        self.assertEqual(unknown.returncode, 2)
        self.assertIn("'nobody.invalid' cannot be looked up", unknown.stderr)

    def test_check_notes_names_that_cannot_be_looked_up_and_takes_the_file(self):
        self.server.set("good.test", "127.0.0.1")
        gateway = self.stage.unstarted()
        gateway.write({"app": ["127.0.0.1:9"]},
                      [self.asked(f"bad.test:{self.port}"), Asked("good", f"good.test:{self.port}", transport="tcp", keys="insecure #true")],
                      system=f'resolvers "{self.server.address}"')
        checked = self.picket("check", str(gateway.file))
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn('note: agent "waf": \'bad.test\' cannot be looked up: there is no such name (NXDOMAIN)', checked.stderr)
        self.assertNotIn("good.test", checked.stderr)
