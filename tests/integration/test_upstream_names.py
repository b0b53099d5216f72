"""Upstreams that are reached by a name: each address of it is a target, while what the name server says changes."""

import subprocess
import threading
import time

from load import Load
from names import NXDOMAIN, NameServer
from processes import free_port, wait
from stage import BINARIES, Gateway, StageTest
from upstream import Request, Upstream, response

HOST = "app.test"
HANGUP = 1


class UpstreamNames(StageTest):
    def setUp(self):
        super().setUp()
        self.server = self.stage.name_server()
        self.port = free_port()

    def at(self, host: str, port: int = 0, respond=None) -> Upstream:
        return self.stage.upstream(respond, at=(host, port or self.port))

    def keys(self, server: NameServer | None = None, **keys) -> dict:
        return {"system": f'resolvers "{(server or self.server).address}"', **keys}

    def gateway(self, *targets: str, **keys) -> Gateway:
        gateway = self.stage.unstarted()
        gateway.write({"app": list(targets) or [f"{HOST}:{self.port}"]}, **self.keys(**keys))
        return gateway.start()

    def has(self, gateway: Gateway, addresses: int) -> None:
        gateway.expect_metric(addresses, "picket_upstream_addresses", upstream="app")

    def seen(self, upstream: Upstream, target: str) -> int:
        return sum(request.target == target for request in list(upstream.requests))


class Scaling(UpstreamNames):
    def test_each_address_is_a_target_of_both_families(self):
        upstreams = [self.at("127.0.0.1"), self.at("127.0.0.2"), self.at("::1")]
        self.server.set(HOST, "127.0.0.1", "127.0.0.2", "::1")
        gateway = self.gateway()
        self.has(gateway, 3)
        for _ in range(6):
            self.assertEqual(gateway.get().status, 200)
        self.assertEqual([len(upstream.requests) for upstream in upstreams], [2, 2, 2])

    def test_each_address_has_the_weight_of_its_name(self):
        named = [self.at("127.0.0.1"), self.at("127.0.0.2")]
        other = self.stage.upstream()
        self.server.set(HOST, "127.0.0.1", "127.0.0.2")
        gateway = self.gateway(other.address, upstream_keys=f'target "{HOST}:{self.port}" weight=2')
        self.has(gateway, 3)
        for _ in range(10):
            self.assertEqual(gateway.get().status, 200)
        self.assertEqual([len(upstream.requests) for upstream in [*named, other]], [4, 4, 2])

    def test_targets_come_and_go_under_load_and_no_request_fails(self):
        hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        upstreams = [self.at(host) for host in hosts]
        self.server.set(HOST, hosts[0])
        gateway = self.gateway(workers=2)
        self.has(gateway, 1)
        with Load(gateway) as load:
            self.server.set(HOST, *hosts)
            for upstream in upstreams:
                wait("its share of the requests", lambda: len(upstream.requests) > 20)
            self.server.set(HOST, hosts[2], hosts[0])
            self.has(gateway, 2)
            wait("its connections are let go", lambda: all(one.fileno() < 0 for one in upstreams[1].sockets))
            upstreams[1].close()
            before = load.done
            wait("more requests", lambda: load.done > before + 50)
        self.assertEqual(load.failed, [])

    def test_what_began_at_an_address_ends_there_after_it_has_left(self):
        may_answer = threading.Event()
        self.addCleanup(may_answer.set)

        def slowly(request: Request) -> bytes:
            if request.target == "/held":
                may_answer.wait(60)
            return response(b"first")

        first, second = self.at("127.0.0.1", respond=slowly), self.at("127.0.0.2")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.gateway()
        client = gateway.client(60)
        client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        wait("the request", lambda: self.seen(first, "/held"))
        self.server.set(HOST, "127.0.0.2")
        wait("the new address", lambda: gateway.get("/new").status == 200 and self.seen(second, "/new"))
        count = self.seen(first, "/new")
        for _ in range(4):
            self.assertEqual(gateway.get("/new").status, 200)
        self.assertEqual(self.seen(first, "/new"), count, "no request begins where it has left")
        may_answer.set()
        answer = client.response()
        self.assertEqual((answer.status, answer.body), (200, b"first"))
        wait("its connection is closed", lambda: all(one.fileno() < 0 for one in first.sockets))

    def test_an_address_that_refuses_is_left_to_the_others(self):
        well = self.at("127.0.0.2")
        self.server.set(HOST, "127.0.0.1", "127.0.0.2")  # nobody listens at the first
        gateway = self.gateway()
        self.has(gateway, 2)
        for _ in range(6):
            self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(well.requests), 6)

    def test_no_more_addresses_are_used_than_may_be(self):
        self.at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1", *(f"127.9.0.{number}" for number in range(1, 100)))
        gateway = self.gateway()
        gateway.said("has 68 addresses more than the 32 that are used")
        self.has(gateway, 32)

    def test_an_answer_is_asked_for_again_before_its_time_where_the_file_says_so(self):
        first, second = self.at("127.0.0.1"), self.at("127.0.0.2")
        self.server.set(HOST, "127.0.0.1", ttl=3600)
        gateway = self.gateway(upstream_keys="dns-refresh-secs 1")
        self.assertEqual(gateway.get("/first").status, 200)
        self.server.set(HOST, "127.0.0.2", ttl=3600)
        wait("the new address", lambda: gateway.get().status == 200 and second.requests)
        self.assertEqual(self.seen(first, "/first"), 1)


class Reloads(UpstreamNames):
    def reload(self, gateway: Gateway, targets: list[str], **keys) -> None:
        gateway.write({"app": targets}, **self.keys(**keys))
        gateway.program.signal(HANGUP)

    def test_one_that_changes_nothing_of_it_keeps_its_connections(self):
        upstream = self.at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.gateway()
        self.assertEqual(gateway.get().status, 200)
        self.reload(gateway, [f"{HOST}:{self.port}"], limits="max-header-count 50")
        gateway.said("reloaded")
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(upstream.sockets), 1)

    def test_one_whose_new_name_nobody_knows_leaves_the_old_one_serving(self):
        self.at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.gateway()
        self.reload(gateway, [f"typo.test:{self.port}"])
        wait("it is refused", lambda: "upstream \"app\" has no address: 'typo.test' cannot be looked up" in gateway.program.text(), 60)
        self.assertEqual(gateway.get().status, 200)

    def test_a_name_that_is_in_the_file_no_more_is_not_looked_up_any_more(self):
        self.at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.gateway()
        self.reload(gateway, [f"127.0.0.1:{self.port}"])
        gateway.said("reloaded")
        asked = self.server.asked(HOST)
        time.sleep(2.5)  # nothing to wait for: that nothing comes
        self.assertLessEqual(self.server.asked(HOST), asked + 2)


class Troubles(UpstreamNames):
    def test_a_name_server_that_is_not_there_at_the_start_is_said_once_and_tried_on(self):
        upstream = self.at("127.0.0.1")
        port = free_port()
        gateway = self.stage.unstarted()
        gateway.write({"app": [f"{HOST}:{self.port}"]}, system=f'resolvers "127.0.0.1:{port}"')
        gateway.start()
        log = gateway.said("cannot be looked up")
        self.assertIn(f"upstream 'app', target '{HOST}:{self.port}': it is unavailable until that goes well", log)
        answer = gateway.get("/early")
        self.assertEqual((answer.status, answer.reason), (502, "upstream_error"))
        self.assertIn(f"'{HOST}' cannot be looked up", gateway.access("/early")[0]["upstream_error"])
        self.assertGreater(gateway.metric("picket_upstream_look_up_failures_total", upstream="app"), 0)
        late = self.stage.name_server(port)
        late.set(HOST, "127.0.0.1")
        self.has(gateway, 1)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(upstream.requests), 1)
        self.assertEqual(gateway.program.text().count("it is unavailable until that goes well"), 1)
        gateway.said("looked up again without trouble")

    def test_a_name_server_that_says_nothing_delays_neither_the_start_nor_other_upstreams(self):
        other = self.stage.upstream()
        self.server.answer_by(lambda query: [])
        gateway = self.stage.unstarted()
        routes = 'route "other" { matches { path-prefix "/other" }; upstream "other" }; route "all" { upstream "app" }'
        began = time.monotonic()
        gateway.write({"app": [f"{HOST}:{self.port}"], "other": [other.address]}, routes=routes, **self.keys())
        gateway.start()
        answer = gateway.get("/app")
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual((answer.status, answer.reason), (502, "upstream_error"))
        self.assertEqual(gateway.access("/app")[0]["upstream_error"], "its name is being looked up")
        self.assertEqual(gateway.get("/other").status, 200)

    def test_a_look_up_that_fails_later_keeps_what_is_there(self):
        upstream = self.at("127.0.0.1")
        self.server.set(HOST, "127.0.0.1")
        gateway = self.gateway()
        self.assertEqual(gateway.get().status, 200)
        self.server.answer_by(lambda query: [self.server.answer(query, NXDOMAIN)])
        self.assertIn("the addresses that are known are used on", gateway.said("NXDOMAIN"))
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(len(upstream.sockets), 1)

    def test_the_gateway_ends_at_once_while_a_name_server_says_nothing(self):
        self.server.answer_by(lambda query: [])
        gateway = self.gateway()
        began = time.monotonic()
        gateway.program.signal(15)
        gateway.program.wait()
        self.assertLess(time.monotonic() - began, 10)

    def test_check_notes_names_that_cannot_be_looked_up_and_takes_the_file(self):
        self.server.set(HOST, "127.0.0.1")
        gateway = self.stage.unstarted()
        gateway.write({"app": [f"{HOST}:{self.port}", f"typo.test:{self.port}"]}, **self.keys())
        checked = subprocess.run([str(BINARIES / "picket"), "check", str(gateway.file)], capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("note: upstream \"app\": 'typo.test' cannot be looked up: there is no such name (NXDOMAIN)", checked.stderr)
        self.assertNotIn(HOST, checked.stderr)
