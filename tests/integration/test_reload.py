"""Reloads and the agents that serve meanwhile: what a reload leaves as it is goes on, what cannot be had changes nothing."""

import os
import signal
import threading
import time

from agent import Event
from processes import wait
from stage import READY, Asked, Gateway, StageTest
from test_lifecycle import reload
from wire import allow, block, put

POOL = "pool { connections 2 }"


class ReloadOfAgents(StageTest):
    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        self.addCleanup(self.release.set)
        self.upstream = self.stage.upstream()

    def configure(self, event: Event) -> dict:
        """Takes rules 1 at once, 2 when it is let, and refuses all others."""
        rules = event.body["config"]["rules"]
        if rules == 2:
            self.release.wait(60)
        return allow() if rules in (1, 2) else block(500, body="no such rules")

    def write(self, gateway: Gateway, rules: int, mode: str) -> None:
        asked = Asked("a", self.agent.path, keys=f"failure-mode {mode}; {POOL}; config {{ rules {rules} }}")
        gateway.write({"app": [self.upstream.address]}, [asked])

    def served(self, mode: str) -> Gateway:
        self.agent = self.stage.agent(
            f"agent-{mode}", configure=self.configure, request_headers=lambda _: block(403)
        )
        gateway = self.stage.unstarted()
        self.write(gateway, 1, mode)
        gateway.start()
        wait("the agent is ready", lambda: gateway.metric(READY) == 2)
        return gateway

    def test_a_refused_configuration_leaves_the_old_one_serving(self):
        for mode in ("closed", "open"):
            with self.subTest(mode):
                gateway = self.served(mode)
                self.write(gateway, 7, mode)
                reload(gateway, 1)
                gateway.said('reload failed: agent "a" refused its configuration: no such rules')
                self.assertEqual(gateway.metric("picket_config_last_reload_successful"), 0)
                self.assertEqual(gateway.metric("picket_config_reloads_total", result="failed"), 1)
                self.assertEqual([gateway.get().status for _ in range(5)], [403] * 5)
                self.assertEqual(gateway.metric(READY), 2)

    def test_a_slow_configuration_is_waited_for_and_the_old_one_serves_meanwhile(self):
        for mode in ("closed", "open"):
            with self.subTest(mode):
                self.release.clear()
                gateway = self.served(mode)
                self.write(gateway, 2, mode)
                gateway.program.signal(signal.SIGHUP)
                self.agent.expect("configure", 3)
                until = time.monotonic() + 2  # longer than agents are waited for that nobody served for
                while time.monotonic() < until:
                    self.assertEqual(gateway.get().status, 403)
                    time.sleep(0.003)
                self.assertNotIn("reloaded /", gateway.program.text())
                self.assertEqual(gateway.metric(READY), 2)
                self.release.set()
                gateway.said("reloaded /")
                self.assertEqual(gateway.get().status, 403)

    def test_a_slow_configuration_does_not_hold_up_the_end(self):
        gateway = self.served("closed")
        self.write(gateway, 2, "closed")
        gateway.program.signal(signal.SIGHUP)
        self.agent.expect("configure", 3)
        gateway.program.signal(signal.SIGTERM)
        self.assertEqual(gateway.program.wait(15), 0)
        self.stage.programs.all.remove(gateway.program)

    def test_a_changed_configuration_reaches_the_connections_that_serve(self):
        gateway = self.served("closed")
        self.release.set()
        opened = gateway.metric("picket_agent_connections_opened_total")
        self.write(gateway, 2, "closed")
        reload(gateway, 1)
        gateway.said("took its new configuration while it served")
        self.assertEqual([event.body["config"]["rules"] for event in self.agent.of("configure")], [1, 1, 2, 2])
        given = [event.connection for event in self.agent.of("configure")]
        self.assertEqual({id(one) for one in given[:2]}, {id(one) for one in given[2:]})
        self.assertEqual(gateway.get().status, 403)
        self.assertEqual(gateway.metric("picket_agent_connections_opened_total"), opened)
        # Who comes later has the new one.
        self.agent.connections[0].close()
        wait("it is back", lambda: len(self.agent.of("configure")) == 5)
        self.assertEqual(self.agent.of("configure")[4].body["config"]["rules"], 2)

    def test_where_one_connection_refuses_the_others_get_the_old_one_back(self):
        taken = []

        def configure(event: Event) -> dict:
            """Rules 2 are taken once, and then no more."""
            if event.body["config"]["rules"] != 2:
                return allow()
            taken.append(event.connection)
            return allow() if len(taken) == 1 else block(500, body="only once")

        self.agent = self.stage.agent("agent-closed", configure=configure)
        gateway = self.stage.unstarted()
        self.write(gateway, 1, "closed")
        gateway.start()
        wait("the agent is ready", lambda: gateway.metric(READY) == 2)
        self.write(gateway, 2, "closed")
        reload(gateway, 1)
        gateway.said('reload failed: agent "a" refused its configuration: only once')
        back = self.agent.expect("configure", 5)[4]
        self.assertEqual((back.body["config"]["rules"], back.connection), (1, taken[0]))
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual((gateway.metric(READY), len(self.agent.connections)), (2, 2))

    def test_every_transport_and_encoding_brings_it(self):
        def keys(customer: str) -> str:
            return f'config {{ keys {{ "k" "{customer}" }} }}; {POOL}'

        for transport, listens in (("binary-uds", "unix:"), ("unix-socket", "unix:"), ("grpc", "grpc+unix:")):
            with self.subTest(transport):
                self.clear_stage()
                self.upstream = self.stage.upstream()
                path = self.stage.path("enrich")
                self.stage.programs.start("enrich", "enrich_headers", "--listen", f"{listens}{path}", says="serving on")
                where = f"unix:{path}" if transport == "grpc" else path
                gateway = self.stage.unstarted()
                gateway.write({"app": [self.upstream.address]}, [Asked("a", where, keys=keys("acme"), transport=transport)])
                gateway.start()
                wait("the agent is ready", lambda: gateway.metric(READY) == 2)
                self.assertEqual(gateway.get(headers="x-api-key: k\r\n").status, 200)
                gateway.write({"app": [self.upstream.address]}, [Asked("a", where, keys=keys("globex"), transport=transport)])
                reload(gateway, 1)
                gateway.said("reloaded /")
                self.assertEqual(gateway.get(headers="x-api-key: k\r\n").status, 200)
                self.assertEqual([r.values("x-customer") for r in self.upstream.requests], [["acme"], ["globex"]])
                self.assertEqual(gateway.metric("picket_agent_connections_opened_total"), 2)
                gateway.write({"app": [self.upstream.address]},
                              [Asked("a", where, keys=f"config {{ other 1 }}; {POOL}", transport=transport)])
                reload(gateway, 2)
                gateway.said('reload failed: agent "a" refused its configuration')
                wait("the old one serves", lambda: gateway.get(headers="x-api-key: k\r\n").status == 200)
                self.assertEqual(self.upstream.requests[-1].values("x-customer"), ["globex"])

    def test_a_hundred_reloads_of_something_else_leave_agents_and_upstreams_their_connections_and_counters(self):
        agent = self.stage.agent("a", request_headers=lambda _: allow(request_headers=[put("x-inspected", "yes")]))
        asked = [Asked("a", agent.path, keys=f"failure-mode open; {POOL}")]
        gateway = self.stage.gateway(self.upstream, asked)
        wait("every connection", lambda: gateway.metric(READY) == 2)
        done = threading.Event()
        statuses: list[int] = []

        def load() -> None:
            # Some on a connection, then another: one for each would use up the ports that all tests of a machine share.
            while not done.is_set():
                with gateway.client() as client:
                    for _ in range(20):
                        statuses.append(client.get("/").status)
                        done.wait(0.003)

        thread = threading.Thread(target=load)
        thread.start()
        for i in range(100):
            gateway.write({"app": [self.upstream.address]}, asked, limits=f"max-header-count {50 + i}")
            reload(gateway, i + 1)
        done.set()
        thread.join()
        self.assertEqual(set(statuses), {200})
        self.assertEqual({tuple(r.values("x-inspected")) for r in self.upstream.requests}, {("yes",)})
        self.assertEqual(len(agent.connections), 2)
        gateway.expect_metric(len(statuses), "picket_agent_answers_total", agent="a")
        gateway.expect_metric(len(statuses), "picket_requests_total", **{"class": "2xx"})
        self.assertLessEqual(gateway.metric("picket_upstream_connects_total", upstream="app"), os.cpu_count())

    def test_an_upstream_that_a_reload_moves_is_asked_at_its_new_place(self):
        gateway = self.stage.gateway(self.upstream, [])
        self.assertEqual(gateway.get().status, 200)
        other = self.stage.upstream()
        gateway.write({"app": [other.address]}, [])
        reload(gateway, 1)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual((len(self.upstream.requests), len(other.requests)), (1, 1))
