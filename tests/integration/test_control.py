"""What agents say unasked, and what the gateway does about it: health, flow control, metrics, limits, configuration."""

import contextlib
import json
import signal
import socket
import threading
import unittest

import wire
from agent import Event, reply_to
from client import message
from processes import wait
from stage import Asked, StageTest
from wire import allow

MIB = 1024 * 1024


class Control(StageTest):
    def one(self, keys: str = "", events: str = '"request_headers"', filter_keys: str = "", workers: int = 1, **settings):
        """A scripted agent with one connection, behind a gateway."""
        self.agent = self.stage.agent(**settings)
        more = f"{keys}; " if keys else ""
        asked = Asked("a", self.agent.path, events, f"{more}pool {{ connections 1 }}", filter_keys)
        self.gateway = self.stage.gateway(self.stage.upstream(), [asked], workers=workers)

    def say(self, frame: bytes) -> None:
        for connection in self.agent.connections:
            with contextlib.suppress(OSError):
                connection.send(frame)


class Health(Control):
    def slowly(self, event: Event) -> dict:
        self.may_answer.wait(60)
        return allow()

    def test_an_agent_that_says_it_is_slow_has_so_much_more_time(self):
        self.may_answer = threading.Event()
        self.one("timeout-ms 1000", request_headers=self.slowly)
        self.assert_failed_closed(self.gateway.get())
        # It does not take long to say so; then its time is ten times as long, however much it asks for.
        self.say(wire.health("degraded", disabled_features=[], timeout_multiplier=1000.0))
        self.gateway.said("says it is degraded")
        timer = threading.Timer(2.5, self.may_answer.set)
        timer.start()
        self.assertEqual(self.gateway.get().status, 200)
        timer.join()
        self.may_answer.clear()
        self.say(wire.health("healthy"))
        self.gateway.said("says it is healthy")
        self.assert_failed_closed(self.gateway.get())
        self.may_answer.set()

    def test_what_a_degraded_agent_has_switched_off_fails_as_its_filter_says(self):
        for mode, status in (("closed", 503), ("open", 200)):
            with self.subTest(mode):
                self.clear_stage()
                self.one(filter_keys=f'failure-mode "{mode}"')
                self.assertEqual(self.gateway.get().status, 200)
                self.say(wire.health("degraded", disabled_features=["request_headers"], timeout_multiplier=1.0))
                self.gateway.said("says it is degraded")
                self.assertEqual(self.gateway.get().status, status)
                self.assertEqual(len(self.agent.of("request_headers")), 1, "it is not asked for what it has switched off")
                self.say(wire.health("healthy"))
                self.gateway.said("says it is healthy")
                self.assertEqual(self.gateway.get().status, 200)
                self.assertEqual(len(self.agent.of("request_headers")), 2)

    def test_an_agent_that_is_unhealthy_is_asked_nothing_until_it_is_well(self):
        self.one()
        self.say(wire.health("unhealthy", reason="no rules", recoverable=True))
        self.gateway.said("says it is unhealthy")
        self.assert_failed_closed(self.gateway.get())
        self.assertEqual(self.agent.of("request_headers"), [])
        self.say(wire.health("healthy"))
        self.gateway.said("says it is healthy")
        self.assertEqual(self.gateway.get().status, 200)


class Flow(Control):
    BIG = 48 * MIB

    def test_a_paused_exchange_is_read_no_further_and_others_go_on(self):
        limits = f"max-body-size-bytes {64 * MIB}; max-held-bytes {128 * MIB}"
        self.agent = self.stage.agent(
            events=("request_headers", "request_body"),
            limits={"max_body_size": 64 * MIB},
            extensions=["event-reply"],
            request_headers=self.pause_if_big,
            request_body=lambda event: allow(**reply_to(event)),
        )
        keys = f"max-request-body-bytes {64 * MIB}; pool {{ connections 1 }}"
        asked = Asked("a", self.agent.path, '"request_headers" "request_body"', keys)
        gateway = self.stage.gateway(self.stage.upstream(), [asked], limits=limits)
        client = gateway.client(timeout=60)
        client.send(message("/big", f"Content-Length: {self.BIG}\r\n", "POST"))
        event = self.agent.expect("request_headers")[0]
        client.socket.setblocking(False)
        taken = self.fill(client.socket)
        self.assertLess(taken, self.BIG, "the client's own network is to hold it back")
        self.assertLess(gateway.metric("picket_held_bytes"), 2 * MIB)
        self.assertEqual(gateway.get("/small", method="POST", body=b"x").status, 200)
        event.connection.send(wire.flow("resume", event.id))
        client.socket.settimeout(60)
        client.send(b"x" * (self.BIG - taken))
        self.assertEqual(client.response().status, 200)
        self.assertEqual(len(self.agent.body_of(event.id)), self.BIG)

    def pause_if_big(self, event: Event) -> dict:
        if event.body["uri"] == "/big":
            event.connection.send(wire.flow("pause", event.id))
        return allow(**reply_to(event))

    @staticmethod
    def fill(peer: socket.socket) -> int:
        """Sends until nothing is taken for a second."""
        taken = 0
        chunk = b"x" * 65536
        quiet = threading.Event()
        idle = 0
        while idle < 10 and taken < Flow.BIG:
            try:
                taken += peer.send(chunk[: min(len(chunk), Flow.BIG - taken)])
                idle = 0
            except BlockingIOError:
                quiet.wait(0.1)
                idle += 1
        return taken

    def test_no_more_of_bodies_is_on_its_way_than_the_agent_takes(self):
        self.lock, self.under_way, self.most = threading.Lock(), 0, 0
        self.one(
            events='"request_headers" "request_body"',
            extensions=["event-reply"],
            request_headers=lambda event: allow(**reply_to(event)),
            request_body=self.weigh,
        )
        self.say(wire.flow("update_capacity", None, 4096))
        self.assertEqual(self.gateway.get("/", method="POST", body=b"x" * 100_000).status, 200)
        self.assertLessEqual(self.most, 4096)
        self.assertEqual(sum(len(event.data()) for event in self.agent.of("request_body")), 100_000)

    def weigh(self, event: Event) -> dict:
        size = len(event.data())
        with self.lock:
            self.under_way += size
            self.most = max(self.most, self.under_way)
        with self.lock:
            self.under_way -= size
        return allow(**reply_to(event))

    def test_an_agent_that_bears_one_exchange_is_asked_one_at_a_time(self):
        self.asked = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.one(limits={"max_concurrency": 1}, request_headers=self.hold)
        clients = [self.gateway.client(timeout=60) for _ in range(3)]
        for number, client in enumerate(clients):
            client.send(message(f"/{number}"))
        self.assertTrue(self.asked.acquire(timeout=30))
        wait("two wait", lambda: self.gateway.metric("picket_agent_events_waiting", agent="a") == 2)
        self.assertEqual(len(self.agent.of("request_headers")), 1)
        self.go_on.set()
        for client in clients:
            self.assertEqual(client.response().status, 200)

    def hold(self, event: Event) -> dict:
        self.asked.release()
        self.go_on.wait(60)
        return allow()


class Metrics(Control):
    def counter(self, name: str, value: int, **labels: str) -> dict:
        return {"name": name, "help": "Things.", "labels": labels, "value": value}

    def test_hostile_names_and_labels_are_refused_and_the_rest_is_shown(self):
        self.one()
        good = self.counter("scripted_total", 7, rule='a"b')
        bad = [
            self.counter("picket_requests_total", 1),
            self.counter('x{a="1"} 5\nforged_total', 1),
            self.counter("label_total", 1, **{'a="1"} 9\nforged_total{b': "x"}),
            self.counter("value_total", 1, rule="x\nforged_total 9"),
            self.counter("id_total", 1, agent_id="other"),
            self.counter("scripted_total", 8, rule='a"b'),
        ]
        self.say(wire.metrics("scripted", 1, [good, *bad]))
        wait("the good one is shown", lambda: "scripted_total" in self.gateway.metrics_text())
        page = self.gateway.metrics_text()
        self.assertIn('scripted_total{agent="a",agent_id="scripted",rule="a\\"b"} 7\n', page)
        self.assertNotIn("forged_total", page)
        for name in ("label_total", "value_total", "id_total"):
            self.assertNotIn(name, page)
        self.gateway.expect_metric(len(bad), "picket_agent_metrics_refused_total", agent="a")
        said = self.gateway.said("(metric 'id_total'")
        self.assertEqual(said.count("(metric 'id_total'"), 1)

    def test_a_name_is_one_kind_whichever_agent_reports_it(self):
        agents = [self.stage.agent("a"), self.stage.agent("b")]
        asked = [Asked(name, agent.path) for name, agent in zip("ab", agents)]
        gateway = self.stage.gateway(self.stage.upstream(), asked)
        agents[0].connections[0].send(wire.metrics("a", 1, [self.counter("n_total", 3)]))
        wait("the first is shown", lambda: "n_total" in gateway.metrics_text())
        gauge = {"name": "n_total", "labels": {}, "value": 0.5}
        other = {"name": "depth", "labels": {}, "value": 2.5}
        agents[1].connections[0].send(wire.metrics("b", 1, [], [gauge, other]))
        wait("the second is shown", lambda: "depth" in gateway.metrics_text())
        page = gateway.metrics_text()
        self.assertIn('# TYPE n_total counter\nn_total{agent="a",agent_id="a"} 3\n', page)
        self.assertIn('depth{agent="b",agent_id="b"} 2.5\n', page)
        self.assertNotIn('n_total{agent="b"', page)
        gateway.expect_metric(1, "picket_agent_metrics_refused_total", agent="b")

    def test_ten_thousand_series_of_an_agent_are_shown_and_no_more(self):
        self.one()
        self.say(wire.metrics("scripted", 1, [self.counter("n_total", 1, id=str(i)) for i in range(10_100)]))
        wait("they are shown", lambda: "n_total" in self.gateway.metrics_text())
        self.assertEqual(self.gateway.metrics_text().count("\nn_total{"), 10_000)
        self.gateway.expect_metric(100, "picket_agent_metrics_refused_total", agent="a")

    def test_a_histogram_of_any_agent_is_shown(self):
        self.one()
        buckets = [{"le": 0.5, "count": 1}, {"le": "+Inf", "count": 3}]
        seconds = {"name": "s_seconds", "labels": {}, "sum": 4.5, "count": 3, "buckets": buckets}
        self.say(wire.metrics("scripted", 1, [], [], [seconds]))
        wait("it is shown", lambda: "s_seconds" in self.gateway.metrics_text())
        labels = {"agent": "a", "agent_id": "scripted"}
        self.gateway.expect_metric(1, "s_seconds_bucket", le="0.5", **labels)
        self.gateway.expect_metric(3, "s_seconds_bucket", le="+Inf", **labels)
        self.gateway.expect_metric(3, "s_seconds_count", **labels)


class SelfReports(StageTest):
    def test_an_agent_of_ours_says_how_long_its_answers_take(self):
        path = self.stage.path("own")
        self.stage.programs.start("own", "picket", "agent", "--listen", f"unix:{path}", "--health-interval-ms", "50",
                                  serves=str(path))
        with socket.socket(socket.AF_UNIX) as proxy:
            proxy.settimeout(30)
            proxy.connect(str(path))
            proxy.sendall(wire.frame(wire.HANDSHAKE_REQUEST, {"supported_versions": [2], "proxy_id": "p", "proxy_version": "1",
                                                              "config": None}))
            loads = []
            while not any(load["p50_latency_ms"] > 0 for load in loads):
                metadata = dict.fromkeys(("correlation_id", "request_id"), f"r{len(loads)}")
                metadata |= {"client_ip": "192.0.2.1", "client_port": 1, "protocol": "HTTP/1.1", "timestamp": "t"}
                proxy.sendall(wire.frame(wire.REQUEST_HEADERS, {"metadata": metadata, "method": "GET", "uri": "/", "headers": {}}))
                while (got := wire.read_frame(proxy))[0] != wire.HEALTH_STATUS:
                    pass
                said = json.loads(got[1])
                loads.append(said["load"])
            load = loads[-1]
            self.assertGreaterEqual(load["p99_latency_ms"], load["p50_latency_ms"])
            self.assertGreater(load["avg_latency_ms"], 0)
            self.assertGreater(said["resources"]["memory_bytes"], 0)


class Configuration(Control):
    def answer_to(self, request: str) -> dict:
        wait(f"an answer to {request}", lambda: any(a["request_id"] == request for a in self.agent.config_answers))
        return next(a for a in self.agent.config_answers if a["request_id"] == request)

    def test_a_reload_that_an_agent_asks_for_happens_and_is_answered_and_not_the_next(self):
        self.one(extensions=["event-reply", "config-reply"], request_headers=lambda event: allow(**reply_to(event)))
        self.say(wire.config_update("r1"))
        self.assertTrue(self.answer_to("r1")["accepted"])
        self.gateway.said("reloaded ")
        self.say(wire.config_update("r2"))
        refused = self.answer_to("r2")
        self.assertFalse(refused["accepted"])
        self.assertIn("10 s", refused["error"])
        self.assertEqual(self.gateway.program.text().count("reloaded "), 1)
        self.assertEqual(self.gateway.get().status, 200)

    def test_updates_that_nobody_takes_are_refused_and_an_error_stands_in_the_log_with_its_field(self):
        self.one(extensions=["config-reply"])
        self.say(wire.config_update("rules", "rule_update", rule_set="crs", rules=[], remove_rules=["9"]))
        self.say(wire.config_update("list", "list_update", list_id="blocked", add=["192.0.2.1"], remove=[]))
        for request in ("rules", "list"):
            self.assertFalse(self.answer_to(request)["accepted"])
            self.assertIn("nothing here keeps", self.answer_to(request)["error"])
        self.say(wire.config_update("error", "config_error", error="no such file", field="rules.path"))
        self.assertTrue(self.answer_to("error")["accepted"])
        self.assertIn("rules.path", self.gateway.said("no such file"))

    def test_an_agent_that_has_to_be_restarted_gets_nothing_new_on_that_connection(self):
        self.one(extensions=["config-reply"])
        self.assertEqual(self.gateway.get().status, 200)
        old = self.agent.connections[0]
        old.send(wire.config_update("restart", "restart_required", reason="new rules", grace_period_ms=5000))
        self.assertTrue(self.answer_to("restart")["accepted"])
        self.assertIn("new rules", self.gateway.said("has to be restarted"))
        wait("another connection", lambda: len(self.agent.connections) == 2)
        wait("the next request takes it", lambda: self.gateway.get().status == 200)
        self.assertIsNot(self.agent.of("request_headers")[-1].connection, old)

    def test_a_restart_drains_every_connection_of_every_worker_and_loses_no_request(self):
        self.agent = self.stage.agent(extensions=["config-reply"])
        asked = Asked("a", self.agent.path, keys="pool { connections 2 }")
        self.gateway = self.stage.gateway(self.stage.upstream(), [asked], workers=2)
        wait("all connections", lambda: len(self.agent.connections) == 4)
        wait("all are ready", lambda: self.gateway.metric("picket_agent_connections_ready", agent="a") == 4)
        before = list(self.agent.connections)
        before[0].send(wire.config_update("restart", "restart_required", reason="new rules", grace_period_ms=20000))
        self.assertTrue(self.answer_to("restart")["accepted"])
        statuses = set()

        def has_ended(connection) -> bool:
            statuses.add(self.gateway.get().status)
            return connection.socket.fileno() == -1

        for connection in before:
            wait("it ended", lambda: has_ended(connection))
        self.assertEqual(statuses, {200})
        wait("as many as before", lambda: self.gateway.metric("picket_agent_connections_ready", agent="a") == 4)

    def test_an_agent_without_the_extension_gets_no_answer_that_it_would_not_know(self):
        self.one()
        self.say(wire.config_update("error", "config_error", error="no such file", field=None))
        self.gateway.said("no such file")
        self.assertEqual(self.gateway.get().status, 200)
        self.assertEqual(self.agent.config_answers, [])


class Shutdown(Control):
    def test_each_exchange_in_flight_is_cancelled_with_the_reason(self):
        go_on = threading.Event()
        self.agent = self.stage.agent(request_headers=lambda event: go_on.wait(60) and allow())
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", self.agent.path)], drain_s=1)
        clients = [gateway.client() for _ in range(2)]
        for client in clients:
            client.send(message("/"))
        asked = {event.id for event in self.agent.expect("request_headers", 2)}
        gateway.program.signal(signal.SIGTERM)
        cancels = self.agent.expect("cancel", 2)
        self.assertEqual({event.id for event in cancels}, asked)
        self.assertEqual({event.body["reason"] for event in cancels}, {4})
        go_on.set()


if __name__ == "__main__":
    unittest.main()
