"""Agents and clients that fail in every way: each request ends in time, by its failure mode, and nothing leaks."""

import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

import wire
from agent import Agent, Event
from client import Client, message
from processes import Program, wait
from stage import Asked, Gateway, StageTest
from upstream import response
from wire import allow

SCRIPTED = Path(__file__).with_name("agent.py")
BODY = '"request_headers" "request_body"'
POOL = "pool { connections 1; reconnect-interval-ms 50 }"
QUICK = f"timeout-ms 200; {POOL}"  # of agents that do not answer


class Failing(StageTest):
    def gateways(self, path, events: str = '"request_headers"', keys: str = POOL) -> tuple[Gateway, Gateway]:
        """One whose agent fails closed, one whose agent fails open."""
        self.upstream = self.stage.upstream()
        return tuple(
            self.stage.gateway(self.upstream, [Asked("a", path, events, f'{keys}; failure-mode "{mode}"')])
            for mode in ("closed", "open")
        )

    def assert_fails(self, gateways: tuple[Gateway, Gateway], status: int, reason: str) -> None:
        """Closed: that status with that reason, counted, nothing upstream. Open: the request goes on, counted."""
        closed, open_ = gateways
        before = [
            gateway.metric("picket_agent_failures_total", agent="a", mode=mode)
            for gateway, mode in zip(gateways, ("closed", "open"))
        ]
        reached = len(self.upstream.requests)
        answer = closed.get("/closed")
        self.assertEqual((answer.status, answer.reason), (status, reason))
        self.assertEqual(len(self.upstream.requests), reached)
        self.assertEqual(open_.get("/open").status, 200)
        self.assertEqual(closed.metric("picket_agent_failures_total", agent="a", mode="closed"), before[0] + 1)
        self.assertEqual(open_.metric("picket_agent_failures_total", agent="a", mode="open"), before[1] + 1)
        line = closed.access("/closed")[-1]
        self.assertEqual((line["status"], line["reason"], line["agent"]), (status, reason, "a"))

    def process(self, name: str = "a") -> tuple[Program, Path]:
        """A scripted agent in a process of its own."""
        path = self.stage.path(name)
        program = self.stage.programs.start(f"agent-{name}", sys.executable, SCRIPTED, path, serves=str(path))
        return program, path


class Agents(Failing):
    def test_an_agent_that_is_not_there_fails_at_once(self):
        gateways = self.gateways(self.stage.path("absent"))
        begin = time.monotonic()
        self.assert_fails(gateways, 503, "agent_unavailable")
        self.assertLess(time.monotonic() - begin, 10)

    def test_an_agent_that_comes_up_late_is_used_from_then_on(self):
        closed, _ = gateways = self.gateways(self.stage.path("a"))
        self.assert_fails(gateways, 503, "agent_unavailable")
        agent = self.stage.agent("a")
        wait("the agent is used", lambda: closed.get().status == 200)
        self.assertNotEqual(agent.of("request_headers"), [])

    def test_an_agent_that_does_not_answer_is_a_timeout(self):
        agent = self.stage.agent(request_headers=lambda _: None)
        self.assert_fails(self.gateways(agent.path, keys=QUICK), 504, "agent_timeout")

    def test_a_killed_agent_fails_who_waits_for_it_and_is_used_again_after_its_restart(self):
        program, path = self.process()
        closed, _ = gateways = self.gateways(path)
        wait("the agent is used", lambda: closed.get().status == 200)
        program.kill()
        self.assert_fails(gateways, 503, "agent_unavailable")
        Path(path).unlink()
        self.stage.programs.start("agent-again", sys.executable, SCRIPTED, path, serves=str(path))
        wait("the agent is used again", lambda: closed.get().status == 200)

    def test_an_agent_that_dies_with_a_request_in_flight_fails_it_at_once(self):
        agent = self.stage.agent(request_headers=lambda event: event.connection.close())
        begin = time.monotonic()
        self.assert_fails(self.gateways(agent.path), 503, "agent_unavailable")
        self.assertLess(time.monotonic() - begin, 10)

    def test_a_frozen_agent_costs_one_timeout_in_total_and_then_nothing(self):
        program, path = self.process()
        upstream = self.stage.upstream()
        keys = "timeout-ms 1000; pool { connections 4 }"
        gateway = self.stage.gateway(upstream, [Asked("a", path, keys=keys)])
        wait("all connections are there", lambda: gateway.metric("picket_agent_connections_ready") == 4)
        wait("it serves", lambda: gateway.get().status == 200)
        program.freeze()
        self.assertEqual(gateway.get("/first").reason, "agent_timeout")
        begin = time.monotonic()
        self.assertEqual({gateway.get(f"/later?{i}").reason for i in range(20)}, {"agent_unavailable"})
        self.assertLess(time.monotonic() - begin, 5)  # not even a quarter of a time-out for each
        program.signal(signal.SIGCONT)
        wait("the agent is used again", lambda: gateway.get().status == 200)

    def test_timeouts_of_an_agent_that_lives_do_not_make_it_unavailable(self):
        agent = self.stage.agent(request_headers=lambda event: None if "slow" in event.body["uri"] else allow())
        keys = "timeout-ms 500; circuit-breaker { failure-threshold 2; timeout-seconds 300 }"
        gateway, _ = self.gateways(agent.path, keys=keys)
        for _ in range(4):
            wait("its pong is heard", lambda: gateway.get("/quick").status == 200)
            self.assertEqual(gateway.get("/slow").reason, "agent_timeout")
        self.assertEqual(gateway.metric("picket_agent_breakers_open"), 0)

    def test_requests_beside_a_slow_one_are_answered_meanwhile(self):
        release = threading.Event()

        def behave(event: Event) -> dict:
            if event.body["uri"] == "/slow":
                release.wait(30)
            return allow()

        agent = self.stage.agent(request_headers=behave)
        gateway, _ = self.gateways(agent.path)
        with gateway.client() as slow:
            slow.send(message("/slow"))
            agent.expect("request_headers")
            self.assertEqual([gateway.get(f"/quick?{i}").status for i in range(5)], [200] * 5)
            release.set()
            self.assertEqual(slow.response().status, 200)

    def test_the_breaker_opens_after_an_agent_kept_dying_and_closes_again(self):
        dying = threading.Event()
        dying.set()

        def behave(event: Event) -> dict | None:
            if dying.is_set():
                return event.connection.close()
            return allow()

        agent = self.stage.agent(request_headers=behave)
        keys = (
            "timeout-ms 500; pool { connections 1; reconnect-interval-ms 10 }\n"
            "circuit-breaker { failure-threshold 3; success-threshold 1; timeout-seconds 1 }"
        )
        gateway, _ = self.gateways(agent.path, keys=keys)
        wait("the breaker opens", lambda: gateway.get() and gateway.metric("picket_agent_breakers_open") == 1)
        dying.clear()
        wait(
            "it closes again", lambda: gateway.get().status == 200 and gateway.metric("picket_agent_breakers_open") == 0
        )

    def test_more_calls_than_max_concurrent_calls_wait_and_time_out_in_their_own_time(self):
        agent = self.stage.agent(request_headers=lambda event: None if event.body["uri"] == "/holds" else allow())
        gateway, _ = self.gateways(agent.path, keys="timeout-ms 600; max-concurrent-calls 1")
        with gateway.client() as holder, gateway.client() as waiter:
            holder.send(message("/holds"))
            agent.expect("request_headers")
            waiter.send(message("/waits"))
            self.assertEqual(holder.response().reason, "agent_timeout")
            waited = waiter.response()  # for the place that the other one leaves, or in vain
        if waited.status != 200:
            self.assert_failed_closed(waited)
        for metric in ("picket_agent_events_waiting", "picket_agent_events_in_flight"):
            gateway.expect_metric(0, metric)
        reached = [request.target for request in self.upstream.requests]
        self.assertEqual(reached, ["/waits"] if waited.status == 200 else [])
        wait("a place is free", lambda: gateway.get().status == 200)

    def test_calls_wait_for_a_place_up_to_max_waiting_calls_and_beyond_it_the_agent_is_overloaded(self):
        for keys, waiting in (("timeout-ms 60000", 100), ("max-waiting-calls 4", 4)):
            with self.subTest(keys):
                release = threading.Event()
                agent = self.stage.agent(request_headers=lambda _, release=release: release.wait(60) and allow())
                closed, open_ = self.gateways(agent.path, keys=f"max-concurrent-calls 1; {keys}")
                for gateway in (closed, open_):
                    clients = [gateway.client() for _ in range(waiting + 1)]
                    for client in clients:
                        client.send(message("/waits"))
                    gateway.expect_metric(waiting, "picket_agent_events_waiting")
                    if waiting == 4:
                        answer = gateway.get("/over")
                        expected = (503, "overloaded") if gateway is closed else (200, None)
                        self.assertEqual((answer.status, answer.reason), expected)
                release.set()
                self.assertEqual({client.response().status for client in clients}, {200})
                self.clear_stage()

    def test_one_crash_is_one_failure_and_a_new_agent_is_used_at_once(self):
        program, path = self.process()
        upstream = self.stage.upstream()
        keys = 'pool { preset "high-throughput" }; circuit-breaker { failure-threshold 3; timeout-seconds 300 }'
        gateway = self.stage.gateway(upstream, [Asked("a", path, keys=keys)])
        for crash in range(4):  # the breaker opens at the third in a row
            gateway.expect_metric(8, "picket_agent_connections_ready")
            if crash == 0:
                self.assertEqual(gateway.get().status, 200)
            program.kill()
            gateway.expect_metric(0, "picket_agent_connections_ready")
            self.assertEqual(gateway.metric("picket_agent_breakers_open"), 1 if crash >= 2 else 0)
            Path(path).unlink()
            program = self.stage.programs.start(f"agent-{crash}", sys.executable, SCRIPTED, path, serves=str(path))
        gateway.expect_metric(8, "picket_agent_connections_ready")
        begin = time.monotonic()
        wait("it serves", lambda: gateway.get().status == 200)
        self.assertLess(time.monotonic() - begin, 3)

    def test_an_agent_that_dies_on_its_first_event_is_tried_once_a_second(self):
        agent = self.stage.agent(request_headers=lambda _: [other.close() for other in agent.connections] and None)
        upstream = self.stage.upstream()
        keys = "timeout-ms 500; pool { connections 4; reconnect-interval-ms 10 }"
        gateway = self.stage.gateway(upstream, [Asked("a", agent.path, keys=keys)])
        begin = time.monotonic()
        while time.monotonic() - begin < 5:
            self.assert_failed_closed(gateway.get())
            time.sleep(0.01)
        self.assertEqual(upstream.requests, [])
        tried = len(agent.of("request_headers"))
        self.assertGreaterEqual(tried, 3)
        self.assertLessEqual(tried, 8)

    def test_a_graceful_restart_beside_a_slow_download_costs_nothing(self):
        old = self.stage.agent("a")
        resume = threading.Event()

        def download(request) -> bytes:
            if request.target == "/download":
                request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
                resume.wait(60)
                return b"def"
            return response()

        upstream = self.stage.upstream(download)
        gateway = self.stage.gateway(upstream, [Asked("a", old.path, keys="pool { connections 1 }")])
        with gateway.client() as slow:
            slow.send(message("/download"))
            wait("it has begun", lambda: upstream.requests and old.of("request_headers"))
            Path(old.path).unlink()
            new = self.stage.agent("a")
            begin = time.monotonic()
            for connection in list(old.connections):
                connection.send(wire.health("draining", eta_ms=60_000))
            wait("the new one is used", lambda: gateway.get("/next").status == 200)
            self.assertLess(time.monotonic() - begin, 3)
            self.assertEqual([event.body["uri"] for event in new.of("request_headers")][-1], "/next")
            resume.set()
            self.assertEqual(slow.response().body, b"abcdef")
        old.expect("request_complete")

    def test_after_an_outage_an_agent_is_used_again_within_one_reconnect_interval(self):
        gateway, _ = self.gateways(self.stage.path("a"), keys="pool { connections 2; reconnect-interval-ms 500 }")
        time.sleep(6)  # doubled on, the tries would be four seconds apart
        self.stage.agent("a")
        begin = time.monotonic()
        wait("it is used", lambda: gateway.get().status == 200)
        self.assertLess(time.monotonic() - begin, 2)


class BrokenAgents(Failing):
    """Agents that break the protocol: the connection ends, the request fails, the gateway stands."""

    def break_with(self, sends) -> None:
        agent = self.stage.agent(request_headers=lambda event: event.connection.send(sends(event)))
        self.assert_fails(self.gateways(agent.path), 503, "agent_protocol_error")

    def test_garbage(self):
        self.break_with(lambda _: b"\xff" * 4096)

    def test_a_frame_that_is_too_long(self):
        self.break_with(lambda _: struct.pack(">IB", 16 * 1024 * 1024 + 1, wire.AGENT_RESPONSE))

    def test_a_frame_of_no_length(self):
        self.break_with(lambda _: struct.pack(">I", 0))

    def test_a_frame_of_an_unknown_type(self):
        self.break_with(lambda _: wire.frame(0x7F, {}))

    def test_a_response_that_is_no_json(self):
        self.break_with(lambda _: wire.frame(wire.AGENT_RESPONSE, b"{not json"))

    def test_a_response_without_a_decision(self):
        self.break_with(lambda event: wire.frame(wire.AGENT_RESPONSE, {"version": 2, "correlation_id": event.id}))

    def test_a_decision_that_does_not_exist(self):
        self.break_with(
            lambda event: wire.frame(
                wire.AGENT_RESPONSE, {"version": 2, "decision": "maybe", "correlation_id": event.id}
            )
        )

    def test_a_mutation_whose_base64_does_not_decode(self):
        agent = self.stage.agent(request_body=lambda _: allow(request_body_mutation={"data": "!!", "chunk_index": 0}))
        closed, open_ = self.gateways(agent.path, BODY)
        self.assertEqual(closed.get(method="POST", body=b"abc").status, 503)
        self.assertEqual(open_.get(method="POST", body=b"abc").status, 200)
        self.assertEqual([request.body for request in self.upstream.requests], [b"abc"])

    def test_a_request_frame_from_the_agent(self):
        self.break_with(lambda event: wire.frame(wire.REQUEST_HEADERS, event.body))

    def test_a_close_in_the_middle_of_a_frame(self):
        def half(event: Event) -> None:
            event.connection.send(wire.frame(wire.AGENT_RESPONSE, allow(correlation_id=event.id))[:20])
            event.connection.close()

        agent = self.stage.agent(request_headers=half)
        self.assert_fails(self.gateways(agent.path), 503, "agent_unavailable")

    def test_an_answer_for_another_exchange_is_dropped(self):
        def forge(event: Event) -> None:
            forged = f"{'0' * 16}{'f' * 16}"
            event.connection.respond(forged, allow())
            event.connection.respond(event.id[:-1] + ("0" if event.id[-1] != "0" else "1"), allow())

        agent = self.stage.agent(request_headers=forge)
        gateways = self.gateways(agent.path, keys=QUICK)
        self.assert_fails(gateways, 504, "agent_timeout")
        wait("both are counted", lambda: gateways[0].metric("picket_agent_responses_dropped_total") == 2)

    def test_a_second_answer_is_dropped(self):
        def twice(event: Event) -> dict:
            event.connection.respond(event.id, allow())
            return wire.block(403)

        agent = self.stage.agent(request_headers=twice)
        gateway, _ = self.gateways(agent.path)
        self.assertEqual([gateway.get().status for _ in range(3)], [200] * 3)

    def test_an_agent_that_never_reads_does_not_fill_the_gateways_memory(self):
        path = self.stage.path("deaf")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(16)
            threading.Thread(target=self.shake_hands_and_stop, args=(listener,), daemon=True).start()
            closed, _ = self.gateways(path, BODY, "timeout-ms 100; pool { connections 1; reconnect-interval-ms 50 }")
            body = b"a" * 900_000
            wait("the agent is connected", lambda: closed.get().status == 504)
            before = closed.resident_kib()
            failed = closed.metric("picket_agent_failures_total", mode="closed")
            for _ in range(20):
                self.assert_failed_closed(closed.get(method="POST", body=body))
            self.assertEqual(closed.metric("picket_agent_failures_total", mode="closed"), failed + 20)
            self.assertLess(closed.resident_kib() - before, 50_000)
            self.assertEqual([request for request in self.upstream.requests if request.method == "POST"], [])

    @staticmethod
    def shake_hands_and_stop(listener: socket.socket) -> None:
        kept = []  # open
        answer = Agent.capabilities(("request_headers", "request_body"))
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            wire.read_frame(connection)
            connection.sendall(wire.frame(wire.HANDSHAKE_RESPONSE, answer))

    def test_an_agent_that_never_answers_the_handshake_is_not_waited_for(self):
        path = self.stage.path("mute")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(16)
            self.assert_fails(self.gateways(path), 503, "agent_unavailable")


class FailOpen(Failing):
    def test_the_request_goes_on_with_the_bytes_it_held(self):
        body = bytes(range(256)) * 40
        agent = self.stage.agent(request_body=lambda event: None if event.body["chunk_index"] == 3 else allow())
        _, open_ = self.gateways(agent.path, BODY, f"{QUICK}; buffer-size 1024")
        self.assertEqual(open_.get("/", "", "POST", body).status, 200)
        self.assertEqual(self.upstream.requests[0].body, body)

    def test_an_agent_that_failed_open_is_not_asked_again_for_this_request(self):
        agent = self.stage.agent(request_headers=lambda _: None)
        _, open_ = self.gateways(agent.path, BODY, QUICK)
        open_.get("/", "", "POST", b"abc")
        self.assertEqual(agent.of("request_body"), [])

    def test_another_agent_still_decides(self):
        upstream = self.stage.upstream()
        dead, alive = self.stage.path("dead"), self.stage.agent("alive", request_body=lambda _: wire.block(403))
        gateway = self.stage.gateway(
            upstream, [Asked("dead", dead, BODY, 'failure-mode "open"'), Asked("alive", alive.path, BODY)]
        )
        self.assertEqual(gateway.get("/", "", "POST", b"attack").status, 403)
        self.assertEqual(upstream.raw(), b"")


class Attacks(Failing):
    def test_no_attack_byte_reaches_the_upstream_however_a_closed_agent_fails(self):
        ways = {
            "silence": (lambda _: None, "agent_timeout"),
            "a close": (lambda event: event.connection.close(), "agent_unavailable"),
            "garbage": (lambda event: event.connection.send(b"\0" * 64), "agent_protocol_error"),
            "an invalid decision": (lambda _: wire.block(7), "agent_protocol_error"),
        }
        current = {}
        agent = self.stage.agent(request_body=lambda event: current["way"](event))
        closed, _ = self.gateways(agent.path, BODY, QUICK)
        for number, (name, (current["way"], reason)) in enumerate(ways.items(), 1):
            with self.subTest(name):
                wait("the agent is connected", lambda: closed.metric("picket_agent_connections_ready") == 1)
                answer = closed.get("/", "", "POST", b"ATTACK" * 1000)
                self.assertEqual((answer.status, answer.reason), (504 if reason == "agent_timeout" else 503, reason))
                self.assertEqual(closed.metric("picket_agent_failures_total", mode="closed"), number)
        self.assertEqual(self.upstream.raw(), b"")


class Leaks(Failing):
    def test_descriptors_and_memory_do_not_grow_with_failures(self):
        def behave(event: Event) -> dict | None:
            way = event.body["uri"]
            if way == "/silence":
                return None
            if way == "/close":
                return event.connection.close()
            return wire.block(403) if way == "/block" else allow()

        agent = self.stage.agent(request_headers=behave)
        keys = "timeout-ms 50; circuit-breaker { failure-threshold 100000 }\n"
        keys += "pool { connections 2; reconnect-interval-ms 10 }"
        closed, _ = self.gateways(agent.path, keys=keys)

        def storm(count: int) -> None:
            for i in range(count):
                with Client(closed.port) as client:
                    client.send(message(("/silence", "/close", "/block", "/allow", "/gone")[i % 5]))
                    if i % 5 != 4:
                        client.response()

        storm(100)
        descriptors, memory = closed.descriptors(), closed.resident_kib()
        storm(300)
        wait("every client is closed", lambda: closed.metric("picket_client_connections_open") == 0)
        wait("descriptors are given back", lambda: closed.descriptors() <= descriptors + 2)
        self.assertLess(closed.resident_kib() - memory, 30_000)  # 18,000 of it are what AddressSanitizer keeps
        closed.expect_metric(0, "picket_agent_events_in_flight")

    def test_many_slow_heads_cost_little_memory_and_do_not_disturb_others(self):
        closed, _ = self.gateways(self.stage.agent().path)
        closed.get()
        before = closed.resident_kib()
        clients = [closed.client() for _ in range(300)]
        for client in clients:
            client.send("GET / HTTP/1.1\r\nX-Slow: ")
        for _ in range(3):
            for client in clients:
                client.send("a")
            self.assertEqual(closed.get().status, 200)
        self.assertLess(closed.resident_kib() - before, 60_000)
