"""Who gets a place: descriptors, connections in all and per client, who has to go for whom."""

import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from client import Client, message
from processes import free_port, wait
from stage import BINARIES, Asked, StageTest
from upstream import Request, response

LIMITED = "import os, resource, sys; n = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)); os.execv(sys.argv[2], sys.argv[2:])"


class Admission(StageTest):
    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        self.addCleanup(self.release.set)

    def respond(self, request: Request) -> bytes:
        if request.target.startswith("/held"):
            self.release.wait(30)
        return response()

    def gateway(self, agents=(), **keys):
        self.upstream = self.stage.upstream(self.respond)
        return self.stage.gateway(self.upstream, agents, **keys)

    def limited(self, descriptors: int, agents=(), **keys):
        """A gateway that may have so many descriptors open."""
        self.upstream = self.stage.upstream(self.respond)
        return self.start_limited(self.stage.unstarted(), descriptors, {"app": [self.upstream.address]}, agents, **keys)

    def start_limited(self, gateway, descriptors: int, upstreams: dict, agents=(), **keys):
        gateway.write(upstreams, agents, **keys)
        gateway.program = self.stage.programs.start(
            "limited", sys.executable, "-c", LIMITED, descriptors, BINARIES / "picket", "run", gateway.file,
            says="metrics at http",
        )  # fmt: skip
        gateway.pid = gateway.program.pid
        return gateway

    def busy(self, gateway, count: int) -> list[Client]:
        """Clients whose requests are under way."""
        clients = [gateway.client() for _ in range(count)]
        before = len(self.upstream.requests)
        for client in clients:
            client.send(message("/held"))
        wait("all are served", lambda: len(self.upstream.requests) == before + count)
        return clients

    def refused(self, gateway, sends: bytes = b"") -> tuple[int, str]:
        with gateway.client() as client:
            client.send(sends)
            answer = client.response()
            self.assertTrue(client.closed())
            return answer.status, answer.reason

    # ---- descriptors

    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        gateway = self.gateway()
        text = Path(f"/proc/{gateway.pid}/limits").read_text()
        soft, hard = next(line.split()[3:5] for line in text.splitlines() if line.startswith("Max open files"))
        self.assertEqual(soft, hard)

    def test_few_descriptors_cap_the_connections_which_is_said_at_start(self):
        gateway = self.limited(256)
        log = gateway.said("max-connections is ")
        self.assertIn("in place of 10000: of 256 open descriptors", log)

    def test_too_few_descriptors_for_anybody_are_an_error_that_says_how_many_are_needed(self):
        gateway = self.stage.unstarted()
        gateway.write({"app": ["127.0.0.1:9"]})
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, "48", BINARIES / "picket", "run", gateway.file], capture_output=True, timeout=30
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"48 open descriptors are allowed and ", done.stderr)

    def test_silent_connections_cost_neither_those_who_are_served_nor_new_ones_nor_the_metrics(self):
        agent = self.stage.agent()
        gateway = self.limited(256, [Asked("a", agent.path)])
        early = gateway.client()
        self.assertEqual(early.get("/early").status, 200)
        silent = [gateway.client() for _ in range(400)]
        self.assertEqual(early.get("/again").status, 200)
        self.assertEqual(gateway.get("/new").status, 200)
        self.assertGreater(gateway.metric("picket_client_connections_total"), 400)
        self.assertEqual(gateway.metric("picket_client_connections_refused_total"), 0)
        self.assertEqual(len(silent), 400)

    def test_a_client_over_the_cap_gets_its_503_and_those_before_it_their_answers(self):
        gateway = self.limited(256)
        places = int(gateway.said("max-connections is ").split("max-connections is ")[1].split()[0])
        clients = self.busy(gateway, places)
        for sends in (b"", message("/over"), message("/over", "Content-Length: 100000\r\n", "POST") + b"a" * 100_000):
            for _ in range(20):
                self.assertEqual(self.refused(gateway, sends), (503, "overloaded"))
        self.assertEqual(gateway.metric("picket_client_connections_refused_total"), 60)
        self.release.set()
        self.assertEqual({client.response().status for client in clients}, {200})

    def test_accepting_that_fails_for_want_of_descriptors_is_said_seldom_and_recovers(self):
        gateway = self.gateway(workers=2)
        self.see_every_kind_of_end(gateway)
        before = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        waiting = [gateway.client() for _ in range(20)]
        for client in waiting:
            client.send(message("/waits"))
        gateway.said("cannot accept on")
        time.sleep(2.5)
        self.assertLessEqual(gateway.program.text().count("cannot accept on"), 4)
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual({client.response().status for client in waiting}, {200})

    def test_metrics_are_answered_again_and_again_while_no_descriptor_is_free(self):
        gateway = self.gateway(workers=2)
        self.see_every_kind_of_end(gateway)
        before = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
        highest = max(int(each) for each in os.listdir(f"/proc/{gateway.pid}/fd"))
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (highest + 1, before[1]))
        for _ in range(60):  # under way, so that none goes for another
            gateway.client().send("GET / HTTP/1.1\r\nX-Slow")
        gateway.said("cannot accept on")
        for _ in range(5):
            self.assertIn("picket_client_connections_open", gateway.metrics_text())
            time.sleep(0.3)  # who waits for a descriptor tries every 100 ms
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(gateway.get().status, 200)

    def see_every_kind_of_end(self, gateway) -> None:
        """UBSan opens a pipe to look at a kind of object that it has not seen, and calls it invalid where it can't."""
        for ends_well in (True, False):
            client = gateway.client()
            self.assertEqual(client.get().status, 200)
            if not ends_well:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        wait("all have ended", lambda: gateway.metric("picket_client_connections_open") == 0)

    def test_idle_upstream_connections_never_use_the_descriptors_up(self):
        gateway = self.stage.unstarted()
        upstreams = [self.stage.upstream(self.respond) for _ in range(3)]
        routes = "".join(
            f'route "r{i}" {{ matches {{ path-prefix "/held/{i}" }}; upstream "u{i}" }}\n' for i in range(3)
        )
        self.start_limited(gateway, 256, {f"u{i}": [each.address] for i, each in enumerate(upstreams)}, routes=routes)
        self.assertIn("are reserved for all else", gateway.said("of 256 open descriptors "))
        places = int(gateway.said("max-connections is ").split("max-connections is ")[1].split()[0])
        clients = [gateway.client() for _ in range(places)]
        for i, upstream in enumerate(upstreams):
            self.release.clear()
            for client in clients:
                client.send(message(f"/held/{i}"))
            wait("all are served", lambda: len(upstream.requests) == places)
            self.assertIn("picket_client_connections_open", gateway.metrics_text())
            self.release.set()
            self.assertEqual({client.response().status for client in clients}, {200})
        self.assertEqual(gateway.metric("picket_upstream_connect_failures_total"), 0)

    def test_no_descriptor_for_an_upstream_is_an_overload_and_no_failure_of_a_target(self):
        self.upstream = self.stage.upstream(self.respond)
        gateway = self.stage.unstarted()
        routes = 'route "all" { matches { path-prefix "/" }; upstream "app" }\n'
        routes += 'route "dead" { matches { path-prefix "/dead" }; upstream "dead" }'
        gateway.write({"app": [self.upstream.address], "dead": [f"127.0.0.1:{free_port()}"]}, routes=routes)
        gateway.start()
        self.see_every_kind_of_end(gateway)
        self.assertEqual(gateway.get("/dead").status, 502)
        client = gateway.client()
        self.assertEqual(client.get("/first").status, 200)
        held = gateway.client()
        held.send(message("/held"))  # in the idle connection
        wait("it is held", lambda: self.upstream.requests[-1].target == "/held")
        before = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        answer = client.get("/second")
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual((answer.status, answer.reason), (503, "overloaded"))
        self.assertEqual(client.get("/third").status, 200)
        self.assertEqual(gateway.metric("picket_upstream_connect_failures_total", upstream="app"), 0)

    # ---- connections in all

    def test_idle_connections_go_for_new_ones_the_longest_idle_first(self):
        gateway = self.gateway(system="max-connections 3")
        idle = [gateway.client() for _ in range(3)]
        for client in idle:
            self.assertEqual(client.get().status, 200)
        self.assertEqual(gateway.client().get().status, 200)
        self.assertTrue(idle[0].closed())
        self.assertEqual([client.get().status for client in idle[1:]], [200, 200])

    def test_those_under_way_are_not_idle(self):
        gateway = self.gateway(system="max-connections 3")
        clients = self.busy(gateway, 2)
        slow = gateway.client()
        slow.send("GET / HTTP/1.1\r\nX-Slow")
        wait("it is there", lambda: gateway.metric("picket_client_connections_open") == 3)
        time.sleep(0.1)
        self.assertEqual(self.refused(gateway), (503, "overloaded"))
        self.release.set()
        self.assertEqual({client.response().status for client in clients}, {200})
        slow.send(": a\r\nHost: a\r\n\r\n")
        self.assertEqual(slow.response().status, 200)

    def test_many_that_were_served_once_do_not_keep_new_ones_out(self):
        gateway = self.gateway(system="max-connections 20")
        for _ in range(20):
            gateway.client().get()
        new = [gateway.client() for _ in range(5)]
        time.sleep(0.2)
        self.assertEqual([client.get().status for client in new], [200] * 5)

    # ---- connections of one client

    def test_a_client_has_as_many_connections_as_it_may_over_all_workers(self):
        gateway = self.gateway(workers=3, limits="max-connections-per-client 7")
        clients = self.busy(gateway, 7)
        for _ in range(10):
            self.assertEqual(self.refused(gateway, message("/over")), (503, "overloaded"))
        clients.pop().close()
        self.release.set()
        wait("a place is free", lambda: self.served(gateway))
        self.assertEqual({client.response().status for client in clients}, {200})

    def test_a_client_over_its_limit_takes_no_place_from_others(self):
        gateway = self.gateway(system="max-connections 10", limits="max-connections-per-client 2")
        others = [Client(gateway.port, source=f"127.0.0.{i}") for i in range(11, 19)]
        self.stage.clients += others
        self.assertEqual({client.get().status for client in others}, {200})
        clients = self.busy(gateway, 2)
        for _ in range(8):
            self.assertEqual(self.refused(gateway, message("/over")), (503, "overloaded"))
        self.release.set()
        self.assertEqual({client.response().status for client in clients}, {200})
        self.assertEqual({client.get().status for client in others}, {200})

    def test_a_client_at_its_limit_takes_the_place_of_its_own_oldest_idle_connection(self):
        gateway = self.gateway(limits="max-connections-per-client 2")
        other = Client(gateway.port, source="127.0.0.9")
        self.stage.clients.append(other)
        self.assertEqual(other.get().status, 200)
        oldest, newer = gateway.client(), gateway.client()
        self.assertEqual([oldest.get().status, newer.get().status], [200, 200])
        self.assertEqual(gateway.client().get().status, 200)
        self.assertTrue(oldest.closed())
        self.assertEqual([newer.get().status, other.get().status], [200, 200])

    def test_a_place_is_taken_from_an_idle_connection_on_any_worker(self):
        gateway = self.gateway(workers=3, limits="max-connections-per-client 2")
        for _ in range(30):  # the kernel chooses the worker of each
            self.assertEqual(gateway.client().get().status, 200)

    def test_addresses_are_counted_apart(self):
        gateway = self.gateway(limits="max-connections-per-client 1")
        clients = [Client(gateway.port, source=f"127.0.0.{i}") for i in (1, 2, 3)]
        self.stage.clients += clients
        self.assertEqual([client.get().status for client in clients], [200] * 3)
        self.assertEqual(gateway.client().get().status, 200)
        self.assertTrue(clients[0].closed())
        self.assertEqual([client.get().status for client in clients[1:]], [200] * 2)

    def test_trusted_proxies_are_not_counted(self):
        gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; trusted-proxies "127.0.0.9" }}'
        gateway.write(
            {"app": [self.stage.upstream().address]}, limits="max-connections-per-client 1", listeners=listener
        )
        gateway.start()
        clients = [Client(gateway.port, source="127.0.0.9") for _ in range(5)]
        self.stage.clients += clients
        self.assertEqual([client.get().status for client in clients], [200] * 5)
        one, another = gateway.client(), gateway.client()
        self.assertEqual(another.get().status, 200)
        self.assertTrue(one.closed())
        self.assertEqual([client.get().status for client in clients], [200] * 5)

    @staticmethod
    def served(gateway) -> bool:
        try:
            return gateway.get().status == 200
        except (EOFError, OSError):
            return False
