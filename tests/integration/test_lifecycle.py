"""Start, reload, drain, logs: what an operator does to a running gateway."""

import json
import re
import signal
import threading

from agent import Event
from client import Client, message
from processes import connects, free_port, wait
from stage import Asked, Gateway, StageTest
from upstream import Request, response
from wire import allow, block

ACCESS_FIELDS = [
    "ts",
    "id",
    "client",
    "method",
    "uri",
    "host",
    "protocol",
    "status",
    "bytes_in",
    "bytes_out",
    "duration_us",
    "upstream",
    "upstream_us",
    "decision",
    "agent",
    "reason",
    "user_agent",
    "referer",
]
AUDIT_FIELDS = ["ts", "id", "agent", "phase", "decision", "status", "rule_ids", "tags", "duration_us"]
TIMESTAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"


def reload(gateway: Gateway, times: int) -> None:
    """Has it read its file again and waits until it did, for the `times`-th time. Its log holds back what it says too often."""
    gateway.program.signal(signal.SIGHUP)
    wait("the reload", lambda: gateway.metric("picket_config_reloads_total") >= times)


class Start(StageTest):
    def test_a_second_gateway_on_a_used_port_is_an_error(self):
        first = self.stage.gateway(self.stage.upstream())
        for what, port, metrics in (("listener", first.port, None), ("metrics", None, first.metrics_port)):
            with self.subTest(what):
                second = self.stage.unstarted()
                second.port = port or second.port
                second.metrics_port = metrics or second.metrics_port
                second.write({"app": ["127.0.0.1:9"]})
                program = self.stage.programs.start("second", "picket", "run", second.file)
                self.assertEqual(program.wait(), 1)
                self.assertIn(f"cannot listen on 127.0.0.1:{port or metrics}: Address already in use", program.text())
                self.stage.programs.all.remove(program)
        self.assertEqual(first.get().status, 200)

    def test_two_workers_share_a_port(self):
        gateway = self.stage.gateway(self.stage.upstream(), workers=2)
        self.assertEqual([gateway.get().status for _ in range(20)], [200] * 20)

    def test_a_wrong_file_ends_it_with_2_and_the_place_of_every_error(self):
        gateway = self.stage.unstarted()
        gateway.file.write_text('listeners { listener "web" { adress "127.0.0.1:80" } }\n')
        program = self.stage.programs.start("wrong", "picket", "run", gateway.file)
        self.assertEqual(program.wait(), 2)
        self.stage.programs.all.remove(program)
        self.assertRegex(program.text(), re.escape(f"{gateway.file}:1:30: error: \"adress\" is not known"))
        self.assertIn("\n      |                              ^~~~~~\n", program.text())
        self.assertNotIn("\x1b", program.text())

    def test_a_log_that_cannot_be_written_ends_it_with_1(self):
        gateway = self.stage.unstarted()
        gateway.write({"app": ["127.0.0.1:9"]}, logging='access-log { file "no/such/folder/access.jsonl" }')
        program = self.stage.programs.start("unwritable", "picket", "run", gateway.file)
        self.assertEqual(program.wait(), 1)
        self.stage.programs.all.remove(program)
        self.assertIn("no/such/folder/access.jsonl", program.text())

    def test_who_gets_a_connection_while_the_gateway_starts_is_served(self):
        gateway = self.stage.unstarted()  # its agent is not there: it waits for it for a moment before it serves
        gateway.write(
            {"app": [self.stage.upstream().address]}, [Asked("a", self.stage.path("a"), keys='failure-mode "open"')]
        )
        program = self.stage.programs.start("starting", "picket", "run", gateway.file)
        wait("the first connection", lambda: connects(("127.0.0.1", gateway.port)))
        self.assertIn("picket_requests_total", gateway.metrics_text())
        statuses = [gateway.get().status for _ in range(3)]
        self.assertEqual(statuses, [200] * 3)
        self.assertTrue(program.running())


class Reload(StageTest):
    def test_agents_change_and_a_keep_alive_connection_survives(self):
        upstream = self.stage.upstream()
        old, new = self.stage.agent("old"), self.stage.agent("new", request_headers=lambda _: block(403))
        gateway = self.stage.gateway(upstream, [Asked("old", old.path)])
        with gateway.client() as client:
            self.assertEqual(client.get().status, 200)
            gateway.write({"app": [upstream.address]}, [Asked("new", new.path)])
            reload(gateway, 1)
            self.assertEqual(client.get().status, 403)
        self.assertEqual((len(old.of("request_headers")), len(new.of("request_headers"))), (1, 1))

    def test_a_request_under_way_keeps_the_configuration_that_it_began_with(self):
        release = threading.Event()

        def hold(_: Event) -> dict:
            release.wait(30)
            return allow()

        upstreams = [self.stage.upstream(lambda _, name=name: response(name)) for name in (b"old", b"new")]
        agent = self.stage.agent(request_headers=hold)
        gateway = self.stage.gateway(upstreams[0], [Asked("a", agent.path)])
        with gateway.client() as client:
            client.send(message("/under-way"))
            agent.expect("request_headers")
            gateway.write({"app": [upstreams[1].address]})
            reload(gateway, 1)
            self.assertEqual(gateway.get("/meanwhile").body, b"new")
            release.set()
            self.assertEqual(client.response().body, b"old")
            self.assertEqual(client.get("/after").body, b"new")
        agent.expect("request_complete")

    def test_routes_limits_and_logs_change(self):
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream)
        gateway.get("/first")
        gateway.access("/first")
        gateway.write(
            {"app": [upstream.address]},
            routes='route "api" { matches { path-prefix "/api" }; upstream "app" }',
            limits="max-body-size-bytes 10",
            logging='access-log { file "other.jsonl" }',
        )
        reload(gateway, 1)
        self.assertEqual([gateway.get("/first").status, gateway.get("/api").status], [404, 200])
        self.assertEqual(gateway.get("/api", method="POST", body=b"a" * 11).status, 413)
        wait("the new log", lambda: [line["uri"] for line in gateway.lines("other")] == ["/first", "/api", "/api"])
        self.assertEqual(len(gateway.lines("access")), 1)

    def test_listeners_change_and_open_connections_stay(self):
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream)
        old, gateway.port = gateway.port, free_port()
        with Client(old) as client:
            self.assertEqual(client.get().status, 200)
            gateway.write({"app": [upstream.address]})
            reload(gateway, 1)
            self.assertEqual(gateway.get().status, 200)
            self.assertFalse(connects(("127.0.0.1", old)))
            self.assertEqual(client.get().status, 200)

    def test_an_invalid_file_keeps_the_old_configuration_and_says_why(self):
        gateway = self.stage.gateway(self.stage.upstream())
        gateway.file.write_text(gateway.file.read_text().replace("upstreams {", "upstraems {"))
        reload(gateway, 1)
        log = gateway.said("reload failed")
        self.assertIn('"upstraems" is not known', log)
        self.assertIn('did you mean "upstreams"?', log)
        self.assertEqual(gateway.get().status, 200)

    def test_what_cannot_be_had_keeps_the_old_configuration_and_says_why(self):
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream)
        mine, theirs = gateway.port, self.stage.upstream().port
        gateway.port = theirs
        gateway.write({"app": [upstream.address]})
        reload(gateway, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{theirs}", gateway.said("reload failed"))
        gateway.port = mine
        self.assertEqual(gateway.get().status, 200)

    def test_the_metrics_page_moves_and_goes(self):
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream)
        gateway.get()
        old, gateway.metrics_port = gateway.metrics_port, free_port()
        gateway.write({"app": [upstream.address]})
        gateway.program.signal(signal.SIGHUP)
        wait("the new page", lambda: connects(("127.0.0.1", gateway.metrics_port)))
        gateway.expect_metric(1, "picket_requests_total", **{"class": "2xx"})
        wait("the old page is gone", lambda: not connects(("127.0.0.1", old)))
        gateway.file.write_text(re.sub(r"metrics \{[^}]*\};", "", gateway.file.read_text()))
        gateway.program.signal(signal.SIGHUP)
        wait("the page is gone", lambda: not connects(("127.0.0.1", gateway.metrics_port)))

    def test_many_reloads_under_load_lose_no_request_and_leak_nothing(self):
        upstream = self.stage.upstream()
        agents = [self.stage.agent(name) for name in ("a", "b")]
        asked = [Asked(name, agent.path, keys="pool { connections 1 }") for name, agent in zip(("a", "b"), agents)]
        gateway = self.stage.gateway(upstream, asked[:1])
        done = threading.Event()
        statuses: list[int] = []

        def load() -> None:
            while not done.is_set():
                with Client(gateway.port) as client:
                    statuses.extend(client.get().status for _ in range(5))

        threads = [threading.Thread(target=load) for _ in range(2)]
        descriptors = 0
        for thread in threads:
            thread.start()
        for i in range(20):
            gateway.write({"app": [upstream.address]}, asked[(i + 1) % 2 :][:1])
            reload(gateway, i + 1)
            gateway.metrics_text()
            if i == 5:
                descriptors = gateway.descriptors()
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {200})
        wait("descriptors are given back", lambda: gateway.descriptors() <= descriptors + 6)


class Drain(StageTest):
    def held(self, **settings) -> Gateway:
        """A gateway whose agent holds every request until `self.release` is set."""
        self.release = threading.Event()
        self.addCleanup(self.release.set)

        def hold(_: Event) -> dict:
            self.release.wait(30)
            return allow()

        self.agent = self.stage.agent(request_headers=hold)
        self.upstream = self.stage.upstream()
        return self.stage.gateway(self.upstream, [Asked("a", self.agent.path)], **settings)

    def test_sigterm_lets_a_request_under_way_finish_and_closes_what_is_idle(self):
        gateway = self.held()
        with gateway.client() as idle, gateway.client() as busy:
            busy.send(message("/busy"))
            self.agent.expect("request_headers")
            gateway.program.signal(signal.SIGTERM)
            self.assertTrue(idle.closed())
            wait("nobody listens any more", lambda: not connects(("127.0.0.1", gateway.port)))
            self.assertTrue(gateway.program.running())
            self.release.set()
            answer = busy.response()
            self.assertEqual((answer.status, answer.value("connection")), (200, "close"))
            self.assertTrue(busy.closed())
        self.assertEqual(gateway.program.wait(), 0)
        self.agent.expect("request_complete")
        self.assertEqual(gateway.lines("access")[-1]["uri"], "/busy")

    def test_a_second_sigterm_hurries_and_the_agents_are_told(self):
        gateway = self.held(drain_s=300)
        with gateway.client() as busy:
            busy.send(message("/busy"))
            self.agent.expect("request_headers")
            gateway.program.signal(signal.SIGTERM)
            gateway.said("draining")
            gateway.program.signal(signal.SIGTERM)
            self.assertEqual(gateway.program.wait(), 0)
            self.assertTrue(busy.closed())
        self.assertEqual(self.agent.expect("cancel")[0].body["reason"], 4)
        self.agent.expect("request_complete")
        self.assertEqual(gateway.lines("access")[-1]["status"], 0)

    def test_a_drain_that_takes_too_long_ends(self):
        gateway = self.held(drain_s=1)
        with gateway.client() as busy:
            busy.send(message("/busy"))
            self.agent.expect("request_headers")
            gateway.program.signal(signal.SIGTERM)
            self.assertEqual(gateway.program.wait(), 0)
            self.assertIn("the drain took too long", gateway.program.text())

    def test_a_response_under_way_is_sent_whole(self):
        started, go_on = threading.Event(), threading.Event()

        def respond(request: Request) -> bytes:
            request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            started.set()
            go_on.wait(30)
            return b"def"

        gateway = self.stage.gateway(self.stage.upstream(respond))
        with gateway.client() as client:
            client.send(message())
            self.assertTrue(started.wait(30))
            gateway.program.signal(signal.SIGTERM)
            gateway.said("draining")
            go_on.set()
            self.assertEqual(client.response().body, b"abcdef")
        self.assertEqual(gateway.program.wait(), 0)

    def test_a_response_that_a_drains_end_cuts_is_logged_as_cut(self):
        started, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def respond(request: Request) -> bytes:
            request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            started.set()
            go_on.wait(30)
            return b"def"

        gateway = self.stage.gateway(self.stage.upstream(respond), drain_s=1)
        with gateway.client() as client:
            client.send(message())
            self.assertTrue(started.wait(30))
            gateway.program.signal(signal.SIGTERM)
            self.assertEqual(gateway.program.wait(), 0)
        line = gateway.lines("access")[-1]
        self.assertEqual((line["status"], line["reason"]), (200, "proxy_shutdown"))

    def test_sigint_drains_too(self):
        gateway = self.stage.gateway(self.stage.upstream())
        gateway.program.signal(signal.SIGINT)
        self.assertEqual(gateway.program.wait(), 0)


class Logs(StageTest):
    def test_the_access_log_has_the_fields_that_are_asked_for(self):
        gateway = self.stage.gateway(self.stage.upstream(), logging='access-log { file "access.jsonl"; fields "uri" "user-agent" "status" }')
        gateway.get("/line", "User-Agent: a browser\r\n")
        self.assertEqual(list(gateway.access("/line")[0].items()), [("uri", "/line"), ("user_agent", "a browser"), ("status", 200)])

    def test_the_access_log_speaks_as_others_do(self):
        gateway = self.stage.gateway(self.stage.upstream(), logging='access-log { file "access.log"; format "combined" }')
        gateway.get("/line", 'User-Agent: a "browser"\r\nReferer: https://b.test/\r\n')
        file = gateway.folder / "access.log"
        wait("a line", lambda: file.read_text())
        self.assertRegex(file.read_text(), r'^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] '
                                           r'"GET /line HTTP/1\.1" 200 6 "https://b\.test/" "a \\x22browser\\x22"\n$')

    def test_an_access_line_has_exactly_its_fields(self):
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream)
        gateway.get("/line?a=%22", "User-Agent: a browser\r\nReferer: https://b.test/\r\n", "POST", b"12345")
        [line] = gateway.access("/line?a=%22")
        self.assertEqual(list(line), ACCESS_FIELDS)
        self.assertRegex(line["ts"], TIMESTAMP)
        self.assertRegex(line["id"], "^[0-9a-f]{32}$")
        self.assertGreater(line["duration_us"], 0)
        self.assertLessEqual(line["upstream_us"], line["duration_us"])
        self.assertEqual(
            {key: line[key] for key in ACCESS_FIELDS if key not in ("ts", "id", "duration_us", "upstream_us")},
            {
                "client": "127.0.0.1",
                "method": "POST",
                "uri": "/line?a=%22",
                "host": "example.test",
                "protocol": "HTTP/1.1",
                "status": 200,
                "protocol": "HTTP/1.1",
                "bytes_in": 5,
                "bytes_out": 6,
                "upstream": upstream.address,
                "decision": "allow",
                "agent": None,
                "reason": None,
                "user_agent": "a browser",
                "referer": "https://b.test/",
            },
        )

    def test_an_audit_line_has_exactly_its_fields(self):
        agent = self.stage.agent(request_headers=lambda _: block(403, audit={"rule_ids": ["1"], "tags": ['"\n']}))
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", agent.path)])
        gateway.get("/audited")
        [line] = gateway.audit(gateway.access("/audited")[0]["id"])
        self.assertEqual(list(line), AUDIT_FIELDS)
        self.assertRegex(line["ts"], TIMESTAMP)
        self.assertEqual(line["tags"], ['"\n'])

    def test_every_request_has_one_line_and_it_is_there_soon(self):
        gateway = self.stage.gateway(self.stage.upstream())
        for i in range(50):
            gateway.get(f"/soon?{i}")
        wait("50 lines", lambda: len(gateway.lines("access")) == 50, 10)
        self.assertEqual([line["uri"] for line in gateway.lines("access")], [f"/soon?{i}" for i in range(50)])

    def test_sigusr1_reopens_the_logs(self):
        gateway = self.stage.gateway(self.stage.upstream())
        gateway.get("/before")
        gateway.access("/before")
        (gateway.folder / "access.jsonl").rename(gateway.folder / "rotated.jsonl")
        gateway.program.signal(signal.SIGUSR1)
        wait("the new file", (gateway.folder / "access.jsonl").exists)
        gateway.get("/after")
        gateway.access("/after")
        self.assertEqual([line["uri"] for line in gateway.lines("rotated")], ["/before"])

    def test_what_was_served_is_in_the_log_when_it_has_ended(self):
        gateway = self.stage.gateway(self.stage.upstream())
        gateway.get("/last")
        gateway.program.signal(signal.SIGTERM)
        self.assertEqual(gateway.program.wait(), 0)
        self.assertEqual(gateway.lines("access")[-1]["uri"], "/last")

    def test_its_own_log_is_json_where_asked_for(self):
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.stage.upstream().address]})
        gateway.file.write_text(gateway.file.read_text().replace('level "debug"', 'level "info"; format "json"'))
        gateway.start()
        for line in gateway.program.text().splitlines():
            self.assertEqual(set(json.loads(line)), {"ts", "level", "message"})
