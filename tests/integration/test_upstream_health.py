"""How upstreams fare: health checks, failures in a row, how requests are shared out, limits and times. Through sockets."""

import signal
import socket
import ssl
import threading
import time

from certificates import Authority
from client import message
from load import Load
from processes import free_port, wait
from stage import Gateway, StageTest
from upstream import Request, Upstream, response

CHECKS = 'health-check { type "http" { path "/up" }; interval-secs 1; timeout-secs 5; healthy-threshold 1; unhealthy-threshold 1 }'


class Fares(StageTest):
    def gateway(self, *targets: str | Upstream, keys: str = "", **more) -> Gateway:
        gateway = self.stage.unstarted()
        addresses = [one if isinstance(one, str) else one.address for one in targets]
        gateway.write({"app": addresses}, upstream_keys=keys, **more)
        return gateway.start()

    def asked(self, upstream: Upstream, target: str = "/") -> int:
        return sum(request.target == target for request in list(upstream.requests))


class HealthChecks(Fares):
    def ill(self, is_ill: threading.Event) -> Upstream:
        return self.stage.upstream(lambda request: response(status=503 if request.target == "/up" and is_ill.is_set() else 200))

    def healthy(self, gateway: Gateway, target: Upstream, count: int) -> None:
        gateway.expect_metric(count, "picket_upstream_target_healthy", upstream="app", target=target.address)

    def test_a_target_whose_checks_fail_gets_no_requests_until_they_pass(self):
        is_ill = threading.Event()
        well, ill = self.stage.upstream(), self.ill(is_ill)
        gateway = self.gateway(well, ill, keys=CHECKS)
        self.healthy(gateway, ill, 1)
        is_ill.set()
        self.healthy(gateway, ill, 0)
        before = self.asked(ill)
        self.assertEqual([gateway.get().status for _ in range(6)], [200] * 6)
        self.assertEqual(self.asked(ill), before)
        gateway.said(f"checks find {ill.address} down")
        is_ill.clear()
        self.healthy(gateway, ill, 1)
        gateway.said(f"checks find {ill.address} up again")
        wait("requests", lambda: gateway.get().status == 200 and self.asked(ill) > before)

    def test_a_target_that_dies_and_comes_back_costs_no_request(self):
        well = self.stage.upstream()
        port = free_port()
        dying = self.stage.upstream(at=("127.0.0.1", port))
        gateway = self.gateway(well, dying, keys=CHECKS, workers=2)
        self.healthy(gateway, dying, 1)
        with Load(gateway) as load:
            wait("requests", lambda: load.done > 20)
            dying.close()
            self.healthy(gateway, dying, 0)
            again = self.stage.upstream(at=("127.0.0.1", port))
            self.healthy(gateway, again, 1)
            wait("its share", lambda: len(again.requests) - self.asked(again, "/up") > 5)
        self.assertEqual(load.failed, [])

    def test_where_all_are_down_all_are_asked(self):
        is_ill = threading.Event()
        is_ill.set()
        ill = self.ill(is_ill)
        gateway = self.gateway(ill, keys=CHECKS)
        self.healthy(gateway, ill, 0)
        self.assertEqual(gateway.get().status, 200)

    def test_a_check_that_never_passes_is_said_after_three(self):
        upstream = self.stage.upstream(lambda request: response(status=404 if request.target == "/up" else 200))
        gateway = self.gateway(upstream, keys=CHECKS)
        gateway.said(f"no check of {upstream.address} has passed yet: is the check right?")
        self.assertGreaterEqual(gateway.metric("picket_upstream_checks_failed_total", target=upstream.address), 3)
        self.assertIn("status 404 in place of 200", gateway.program.text())

    def test_checks_go_over_tls_and_to_unix_sockets(self):
        authority = Authority(self.stage.folder)
        site = authority.issue("app", "DNS:app.test,IP:127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(site.certificate, site.key)
        secured = self.stage.upstream(tls=context)
        self.gateway(secured, keys=f'{CHECKS}; tls {{ ca-cert "{authority.ca.certificate}" }}')
        wait("a check", lambda: self.asked(secured, "/up") > 0)
        local = self.stage.upstream(at=self.stage.path("app"))
        self.gateway(local, keys=CHECKS)
        wait("a check", lambda: self.asked(local, "/up") > 0)
        request = next(request for request in local.requests if request.target == "/up")
        self.assertEqual(request.values("host"), ["localhost"])

    def test_of_tcp_connects_and_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.gateway(f"127.0.0.1:{server.getsockname()[1]}", keys='health-check { type "tcp"; interval-secs 1 }')
            accepted, _ = server.accept()
            self.assertEqual(accepted.recv(1), b"")
            accepted.close()

    def test_health_survives_a_reload_that_changes_the_upstream(self):
        is_ill = threading.Event()
        is_ill.set()
        well, ill = self.stage.upstream(), self.ill(is_ill)
        slowly = CHECKS.replace("interval-secs 1", "interval-secs 3600").replace("unhealthy-threshold 1", "unhealthy-threshold 1")
        gateway = self.gateway(well, ill, keys=slowly)
        self.healthy(gateway, ill, 0)
        is_ill.clear()
        before = self.asked(ill)
        gateway.write({"app": [well.address, ill.address]}, upstream_keys=slowly.replace("healthy-threshold 1;", "healthy-threshold 2;", 1) + "; timeouts { read 50 }")
        gateway.program.signal(signal.SIGHUP)
        gateway.said("reloaded")
        self.assertEqual([gateway.get().status for _ in range(4)], [200] * 4)
        self.assertEqual(self.asked(ill), before)

    def test_a_drain_does_not_wait_for_a_check(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            gateway = self.gateway(f"127.0.0.1:{mute.getsockname()[1]}", keys=CHECKS.replace("timeout-secs 5", "timeout-secs 3600"))
            accepted, _ = mute.accept()
            wait("a check", lambda: accepted.recv(1, socket.MSG_PEEK))
            gateway.program.signal(signal.SIGTERM)
            self.assertEqual(gateway.program.wait(), 0)
            accepted.close()


class FailuresInARow(Fares):
    def test_put_a_target_out_and_never_all(self):
        def hangs_up(request: Request) -> bytes | None:
            return None

        bad, good = self.stage.upstream(hangs_up), self.stage.upstream()
        gateway = self.gateway(bad, good, keys="passive-health { failures 3; for-secs 3600 }")
        self.assertEqual([gateway.get().status for _ in range(20)], [200] * 20)
        self.assertEqual(len(bad.requests), 3)
        gateway.said(f"{bad.address} rests after failures in a row")
        self.assertEqual(gateway.metric("picket_upstream_target_rests_total", target=bad.address), 1)
        self.assertEqual(gateway.metric("picket_upstream_target_failures_total", target=bad.address), 3)

    def test_of_the_only_target_never_put_it_out(self):
        upstream = self.stage.upstream(lambda request: None if request.target == "/bad" else response())
        gateway = self.gateway(upstream, keys="passive-health { failures 1; for-secs 3600 }")
        self.assertEqual([gateway.get("/bad").status for _ in range(3)], [502] * 3)
        self.assertEqual(gateway.get("/good").status, 200)


class Balancing(Fares):
    def three(self) -> list[Upstream]:
        return [self.stage.upstream() for _ in range(3)]

    def users(self, gateway: Gateway) -> None:
        for user in range(30):
            self.assertEqual(gateway.get(f"/{user % 10}", headers=f"x-user: {user % 10}\r\n").status, 200)

    def test_requests_of_one_header_go_to_one_target(self):
        upstreams = self.three()
        gateway = self.gateway(*upstreams, keys='load-balancing "consistent_hash" by="header x-user"', workers=2)
        self.users(gateway)
        for user in range(10):
            seen = [self.asked(upstream, f"/{user}") for upstream in upstreams]
            self.assertEqual(sorted(seen), [0, 0, 3], f"{user}: {seen}")
        self.assertGreater(sum(bool(upstream.requests) for upstream in upstreams), 1)

    def test_requests_of_one_client_go_to_one_target(self):
        upstreams = self.three()
        gateway = self.gateway(*upstreams, keys='load-balancing "ip_hash"', workers=2)
        self.users(gateway)
        self.assertEqual(sorted(len(upstream.requests) for upstream in upstreams), [0, 0, 30])

    def test_when_a_target_dies_its_requests_go_to_others_and_none_fails(self):
        upstreams = self.three()
        gateway = self.gateway(*upstreams, keys='load-balancing "consistent_hash" by="header x-user"')
        self.users(gateway)
        upstreams[0].close()
        self.users(gateway)

    def test_chance_reaches_all(self):
        for strategy in ("random", "p2c"):
            with self.subTest(strategy):
                upstreams = self.three()
                gateway = self.gateway(*upstreams, keys=f'load-balancing "{strategy}"')
                for _ in range(60):
                    self.assertEqual(gateway.get().status, 200)
                self.assertTrue(all(upstream.requests for upstream in upstreams))


class LimitsAndTimes(Fares):
    def held(self) -> tuple[Upstream, threading.Event]:
        go_on = threading.Event()

        def respond(request: Request) -> bytes:
            go_on.wait(60)
            return response()

        return self.stage.upstream(respond), go_on

    def test_over_max_connections_requests_wait_and_are_served(self):
        upstream, go_on = self.held()
        gateway = self.gateway(upstream, keys="connection-pool { max-connections 2 }; timeouts { connect 60 }")
        clients = [gateway.client() for _ in range(6)]
        for client in clients:
            client.send(message("/held"))
        gateway.expect_metric(4, "picket_upstream_waits_total", upstream="app")
        self.assertEqual(gateway.metric("picket_upstream_connections_open", upstream="app"), 2)
        go_on.set()
        self.assertEqual([client.response().status for client in clients], [200] * 6)
        self.assertEqual(len(upstream.sockets), 2)

    def test_who_waits_too_long_is_refused(self):
        upstream, go_on = self.held()
        gateway = self.gateway(upstream, keys="connection-pool { max-connections 1 }; timeouts { connect 1 }")
        with gateway.client() as first:
            first.send(message("/held"))
            wait("a request", lambda: self.asked(upstream, "/held") == 1)
            answer = gateway.get("/late")
            self.assertEqual((answer.status, answer.reason), (503, "overloaded"))
            self.assertEqual(gateway.access("/late")[0]["upstream_error"], "no connection was free in time")
            go_on.set()
            self.assertEqual(first.response().status, 200)

    def test_clients_that_leave_the_line_leave_the_connection_to_others(self):
        upstream, go_on = self.held()
        gateway = self.gateway(upstream, keys="connection-pool { max-connections 1 }; timeouts { connect 60 }")
        with gateway.client() as first, gateway.client() as last:
            first.send(message("/held"))
            wait("a request", lambda: self.asked(upstream, "/held") == 1)
            with gateway.client() as leaving:
                leaving.send(message("/left"))
                gateway.expect_metric(1, "picket_upstream_waits_total")
                last.send(message("/last"))
                gateway.expect_metric(2, "picket_upstream_waits_total")
            gateway.access("/left")
            go_on.set()
            self.assertEqual([client.response().status for client in (first, last)], [200, 200])
        self.assertEqual(self.asked(upstream, "/left"), 0)

    def test_connections_end_by_their_time(self):
        upstream = self.stage.upstream()
        gateway = self.gateway(upstream, keys="connection-pool { idle-timeout 1 }")
        gateway.get()
        gateway.expect_metric(0, "picket_upstream_connections_open", upstream="app")
        aged = self.stage.upstream()
        gateway = self.gateway(aged, keys="connection-pool { max-lifetime 1 }")
        wait("a second connection", lambda: gateway.get().status == 200 and len(aged.sockets) > 1)

    def test_an_upstream_that_says_nothing_in_time_is_504(self):
        upstream, go_on = self.held()
        for keys in ("timeouts { read 1 }", "timeouts { request 1 }"):
            with self.subTest(keys):
                self.assertEqual(self.gateway(upstream, keys=keys).get().status, 504)
        go_on.set()

    def test_request_bounds_the_whole_of_an_answer_that_drips(self):
        def drips(request: Request) -> bytes:
            request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                request.peer.sendall(b"x")
                time.sleep(0.1)

        gateway = self.gateway(self.stage.upstream(drips), keys="timeouts { request 1; read 60 }")
        with gateway.client() as client:
            client.send(message("/drips"))
            wait("the end", lambda: gateway.access("/drips"))
        self.assertEqual(gateway.access("/drips")[0]["upstream_error"], "the rest of the answer did not come in time")

    def test_a_route_has_a_time_of_its_own(self):
        upstream, go_on = self.held()
        routes = """route "long" { matches { path-prefix "/long" }; upstream "app"; timeouts { request 0 } }
            route "all" { upstream "app" }"""
        gateway = self.gateway(upstream, keys="timeouts { request 1; read 60 }", routes=routes)
        with gateway.client() as long, gateway.client() as short:
            long.send(message("/long"))
            short.send(message("/short"))
            self.assertEqual(short.response().status, 504)
            go_on.set()
            self.assertEqual(long.response().status, 200)

    def test_read_0_waits_as_long_as_it_takes(self):
        upstream, go_on = self.held()
        gateway = self.gateway(upstream, keys="timeouts { read 0 }")
        with gateway.client() as client:
            client.send(message("/long"))
            time.sleep(1.5)
            go_on.set()
            self.assertEqual(client.response().status, 200)


class Retries(Fares):
    def test_attempts_bound_how_often_a_request_is_asked(self):
        bad = [self.stage.upstream(lambda request: None) for _ in range(4)]
        gateway = self.gateway(*bad, keys="retry { attempts 3 }")
        self.assertEqual(gateway.get().status, 502)
        self.assertEqual(sum(len(upstream.requests) for upstream in bad), 3)

    def test_what_is_not_named_is_no_reason(self):
        bad, good = self.stage.upstream(lambda request: None), self.stage.upstream()
        gateway = self.gateway(bad, good, keys='retry { attempts 3; on "connect-failure" }')
        self.assertEqual(sorted(gateway.get().status for _ in range(2)), [200, 502])
        dead = self.gateway(f"127.0.0.1:{free_port()}", good, keys='retry { attempts 3; on "closed-before-response" }')
        self.assertEqual(sorted(dead.get().status for _ in range(2)), [200, 502])

    def test_an_upstream_that_hangs_up_on_all_is_not_asked_twice_as_much(self):
        bad = [self.stage.upstream(lambda request: None) for _ in range(2)]
        gateway = self.gateway(*bad)
        for _ in range(50):
            self.assertEqual(gateway.get().status, 502)
        asked = sum(len(upstream.requests) for upstream in bad)
        self.assertLessEqual(asked, 50 + 10 + 50 // 5)
        self.assertGreater(gateway.metric("picket_upstream_retries_withheld_total", upstream="app"), 20)


class Everything(Fares):
    def test_targets_settings_and_certificates_change_under_load_and_no_request_fails(self):
        authority = Authority(self.stage.folder)
        site = authority.issue("app", "DNS:app.test,IP:127.0.0.1")
        client = authority.issue("client", "DNS:gateway.test")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(site.certificate, site.key)
        ports = [free_port() for _ in range(3)]
        targets = [self.stage.upstream(at=("127.0.0.1", port), tls=context) for port in ports]
        keys = (f'tls {{ ca-cert "{authority.ca.certificate}"; client-cert "{client.certificate}"; client-key "{client.key}" }}'
                f"; {CHECKS}; slow-start-secs 1; ")
        settings = ['load-balancing "p2c"', "connection-pool { max-connections 8 }", "passive-health { failures 2; for-secs 1 }",
                    'load-balancing "ip_hash"; retry { attempts 3 }', "timeouts { read 50 }"]
        gateway = self.gateway(*targets, keys=keys, workers=2)
        with Load(gateway) as load:
            for turn, setting in enumerate(settings):
                victim = turn % len(targets)
                targets[victim].close()
                authority.issue("client", "DNS:gateway.test")
                gateway.write({"app": [f"127.0.0.1:{port}" for port in ports]}, upstream_keys=keys + setting, workers=2)
                gateway.program.signal(signal.SIGHUP)
                wait("a reload", lambda: gateway.program.text().count("reloaded") == turn + 1)
                targets[victim] = self.stage.upstream(at=("127.0.0.1", ports[victim]), tls=context)
                before = load.done
                wait("more requests", lambda: load.done > before + 30)
                gateway.expect_metric(3, "picket_upstream_target_healthy", upstream="app")
        self.assertEqual(load.failed, [])
