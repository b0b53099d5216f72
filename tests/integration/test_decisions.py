"""What agents decide, and what becomes of it: for the client, the upstream, the other agents and the logs."""

import threading
import time

import wire
from agent import Event
from deciding import BODY, RESPONSE, Decided
from processes import wait
from stage import Asked
from wire import allow, block, challenge, redirect


class OneAgent(Decided):
    def test_allow_lets_the_request_go_on_and_leaves_no_audit_line(self):
        gateway = self.play()
        self.assertEqual(gateway.get("/allowed").status, 200)
        [line] = gateway.access("/allowed")
        self.assertEqual((line["decision"], line["agent"], line["reason"]), ("allow", None, None))
        self.assertEqual(gateway.metric("picket_agent_decisions_total", agent="a", decision="allow"), 1)
        self.assertEqual(gateway.lines("audit"), [])

    def test_block_reaches_the_client_with_status_body_and_headers_and_nothing_reaches_the_upstream(self):
        gateway = self.play(
            request_headers=lambda _: block(
                451,
                body="no such book",
                headers={"x-why": "law", "content-type": "text/x-law"},
                audit={"rule_ids": ["942100"], "tags": ["sqli", "owasp"]},
            )
        )
        answer = gateway.get("/blocked", "X-Request-Id: mine\r\n")
        self.assertEqual(
            (answer.status, answer.body, answer.value("x-why"), answer.value("content-type"), answer.reason),
            (451, b"no such book", "law", "text/x-law", None),
        )
        [access] = gateway.access("/blocked")
        self.assertEqual(
            (access["status"], access["decision"], access["agent"], access["upstream"]), (451, "block", "a", None)
        )
        [audit] = gateway.audit(access["id"])
        self.assertEqual(
            {key: audit[key] for key in ("agent", "phase", "decision", "status", "rule_ids", "tags")},
            {
                "agent": "a",
                "phase": "request_headers",
                "decision": "block",
                "status": 451,
                "rule_ids": ["942100"],
                "tags": ["sqli", "owasp"],
            },
        )
        self.assertEqual(self.upstream.raw(), b"")

    def test_a_block_has_its_audit_line_however_many_tags_it_has(self):
        gateway = self.play(request_headers=lambda _: block(audit={"rule_ids": ["1"], "tags": ["t" * 100] * 12_000}))
        self.assertEqual(gateway.get("/ample").status, 403)
        [access] = gateway.access("/ample")
        [audit] = gateway.audit(access["id"])
        self.assertEqual((audit["decision"], audit["rule_ids"], set(audit["tags"])), ("block", ["1"], {"t" * 100}))
        self.assertEqual(len(audit["tags"]) + audit["truncated"], 12_000)
        self.assertEqual(gateway.metric("picket_log_lines_lost_total"), 0)

    def test_a_block_keeps_the_connection(self):
        gateway = self.play(request_headers=lambda event: block() if event.body["uri"] == "/no" else allow())
        with gateway.client() as client:
            self.assertEqual([client.get(target).status for target in ("/no", "/yes", "/no")], [403, 200, 403])

    def test_a_block_of_a_head_request_has_no_body(self):
        gateway = self.play(request_headers=lambda _: block(403, body="secret"))
        with gateway.client() as client:
            answer = client.get(method="HEAD")
            self.assertEqual((answer.status, answer.value("content-length")), (403, "6"))
            self.assertEqual(client.get().body, b"secret")

    def test_redirect_sets_location(self):
        gateway = self.play(request_headers=lambda _: redirect("https://login.test/?next=%2F", 307))
        answer = gateway.get()
        self.assertEqual((answer.status, answer.value("location")), (307, "https://login.test/?next=%2F"))
        self.assertEqual(gateway.metric("picket_agent_decisions_total", decision="redirect"), 1)

    def test_challenges_of_http_are_401_with_www_authenticate(self):
        for kind, scheme in (("basic", "Basic"), ("bearer", "Bearer"), ("digest", "Digest")):
            with self.subTest(kind):
                gateway = self.play(request_headers=lambda _, kind=kind: challenge(kind, realm='a "b"'))
                answer = gateway.get()
                self.assertEqual(
                    (answer.status, answer.value("www-authenticate")), (401, f'{scheme} realm="a \\"b\\""')
                )
                self.clear_stage()

    def test_other_challenges_are_403_with_their_parameters_as_headers(self):
        gateway = self.play(request_headers=lambda _: challenge("captcha", site="abc"))
        answer = gateway.get()
        self.assertEqual(
            (answer.status, answer.value("x-challenge-type"), answer.value("x-challenge-site")), (403, "captcha", "abc")
        )
        self.assertEqual(self.upstream.raw(), b"")

    def test_the_event_says_who_asks_for_what(self):
        gateway = self.play()
        with gateway.client() as client:
            client.get("/who?x=1", "X-Request-Id: mine\r\nTraceparent: 00-1-2-03\r\n")
            port = client.socket.getsockname()[1]
        [event] = self.agent.of("request_headers")
        metadata = event.body["metadata"]
        self.assertEqual(
            (event.body["method"], event.body["uri"], event.body["correlation_id"]), ("GET", "/who?x=1", event.id)
        )
        self.assertEqual(
            {
                key: metadata[key]
                for key in (
                    "request_id",
                    "client_ip",
                    "client_port",
                    "server_name",
                    "protocol",
                    "route_id",
                    "upstream_id",
                    "traceparent",
                )
            },
            {
                "request_id": "mine",
                "client_ip": "127.0.0.1",
                "client_port": port,
                "server_name": "example.test",
                "protocol": "HTTP/1.1",
                "route_id": "all",
                "upstream_id": "app",
                "traceparent": "00-1-2-03",
            },
        )
        self.assertNotEqual(event.id, "mine")
        self.assertRegex(metadata["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


class HeaderOperations(Decided):
    def test_operations_on_the_request_apply_before_the_upstream_sees_it(self):
        gateway = self.play(
            request_headers=lambda _: allow(
                request_headers=[wire.put("X-User", "ann"), wire.add("X-Role", "b"), wire.drop("cookie")]
            )
        )
        gateway.get("/", "X-User: mallory\r\nX-Role: a\r\nCookie: secret\r\n")
        [request] = self.upstream.requests
        self.assertEqual(
            (request.values("x-user"), request.values("x-role"), request.values("cookie")), (["ann"], ["a", "b"], [])
        )

    def test_operations_on_the_response_apply_in_whichever_phase_they_came(self):
        gateway = self.play(
            RESPONSE,
            request_headers=lambda _: allow(response_headers=[wire.put("x-early", "1"), wire.drop("x-powered-by")]),
            response_headers=lambda _: allow(
                response_headers=[wire.add("x-early", "2"), wire.put("X-Server", "hidden")]
            ),
        )
        answer = gateway.get()
        self.assertEqual(
            (answer.values("x-early"), answer.values("x-server"), answer.values("x-powered-by")),
            (["1", "2"], ["hidden"], []),
        )

    def test_an_allow_with_operations_is_audited(self):
        gateway = self.play(
            request_headers=lambda _: allow(request_headers=[wire.put("x-a", "b")], audit={"tags": ["bot"]})
        )
        gateway.get("/audited")
        [line] = gateway.audit(gateway.access("/audited")[0]["id"])
        self.assertEqual((line["decision"], line["status"], line["tags"]), ("allow", None, ["bot"]))

    def test_operations_of_a_body_verdict_apply_to_the_request(self):
        gateway = self.play(BODY, request_body=lambda _: allow(request_headers=[wire.put("x-scanned", "yes")]))
        gateway.get(method="POST", body=b"abc")
        self.assertEqual(self.upstream.requests[0].values("x-scanned"), ["yes"])

    def test_what_an_agent_must_not_do_is_a_failure_and_the_failure_mode_decides(self):
        bad = {
            "more operations than an answer may have": allow(
                request_headers=[wire.put("x", "1")] * 200, response_headers=[wire.put("x", "1")] * 57
            ),
            "thousands of operations": allow(response_headers=[wire.put(f"x-{i}", "v") for i in range(2_000)]),
            "more bytes of operations than an answer may have": allow(request_headers=[wire.put("x", "v" * 70_000)]),
            "more fields than max-header-count": allow(request_headers=[wire.add("x", "v")] * 101),
            "more bytes than max-header-size-bytes": allow(response_headers=[wire.put("x", "v" * 17_000)]),
            "a block with more headers than an answer may have": block(
                403, headers={f"x-{i}": "v" for i in range(300)}
            ),
            "a header name with a space": allow(request_headers=[wire.put("x y", "1")]),
            "an empty header name": allow(request_headers=[wire.put("", "1")]),
            "CRLF in a value": allow(request_headers=[wire.put("x", "1\r\nx-evil: 1")]),
            "NUL in a value": allow(response_headers=[wire.put("x", "\0")]),
            "Content-Length": allow(request_headers=[wire.put("content-length", "1")]),
            "Transfer-Encoding": allow(response_headers=[wire.put("Transfer-Encoding", "chunked")]),
            "Connection": allow(request_headers=[wire.add("connection", "x")]),
            "Host": allow(request_headers=[wire.drop("host")]),
            "a block with status 99": block(99),
            "a block with status 600": block(600),
            "a block with status 100": block(100),
            "a block with a bad header": block(403, headers={"a:b": "c"}),
            "a redirect with CRLF": redirect("http://a/\r\nx: y"),
            "a redirect with status 999": redirect("/", 999),
            "a redirect with status 200": redirect("/", 200),
            "a redirect with status 304": redirect("/", 304),
            "version 1": allow() | {"version": 1},
            "version 3": allow() | {"version": 3},
            "a body mutation in the head's answer": allow(request_body_mutation={"data": "eA==", "chunk_index": 0}),
            "a mutation of the response's body": allow(response_body_mutation={"data": "", "chunk_index": 0}),
            "a decision about a frame": allow(websocket_decision="drop"),
            "a challenge with CRLF": challenge("captcha", site="a\r\nb"),
        }
        current = {}
        upstream = self.stage.upstream()
        agent = self.stage.agent(request_headers=lambda _: current["response"])
        closed = self.stage.gateway(upstream, [Asked("a", agent.path)])
        open_ = self.stage.gateway(upstream, [Asked("a", agent.path, keys='failure-mode "open"')])
        for name, current["response"] in bad.items():
            with self.subTest(name):
                before = len(upstream.requests)
                answer = closed.get()
                self.assertEqual((answer.status, answer.reason), (503, "agent_protocol_error"))
                self.assertEqual(len(upstream.requests), before)
                self.assertEqual(open_.get().status, 200)
                self.assertNotIn(b"x-evil", upstream.raw())
        self.assertIn("agent 'a': its answer to request_headers cannot be honoured ('x y' is no", closed.said("honoured"))
        self.assertEqual(closed.metric("picket_agent_invalid_responses_total"), len(bad))
        self.assertEqual(closed.metric("picket_agent_failures_total", mode="closed"), len(bad))
        self.assertEqual(open_.metric("picket_agent_failures_total", mode="open"), len(bad))


class BesideADecision(Decided):
    COOKIES = [wire.add("set-cookie", "a=1"), wire.add("set-cookie", "b=2")]

    def test_operations_on_the_response_apply_to_the_answer(self):
        decisions = {
            "block": block(401, body="who are you?", headers={"x-a": "block"}),
            "redirect": redirect("/login"),
            "challenge": challenge("captcha", site="abc"),
        }
        current = {}
        operations = [*self.COOKIES, wire.put("WWW-Authenticate", "Negotiate"), wire.put("x-a", "op")]
        gateway = self.play(request_headers=lambda _: current["decision"] | {"response_headers": operations})
        for name, current["decision"] in decisions.items():
            with self.subTest(name):
                answer = gateway.get()
                self.assertEqual(answer.values("set-cookie"), ["a=1", "b=2"])
                self.assertEqual((answer.values("www-authenticate"), answer.values("x-a")), (["Negotiate"], ["op"]))

    def test_several_challenges_are_several_values(self):
        more = {"response_headers": [wire.add("www-authenticate", 'Bearer realm="b"')]}
        gateway = self.play(request_headers=lambda _: challenge("basic", realm="a") | more)
        self.assertEqual(gateway.get().values("www-authenticate"), ['Basic realm="a"', 'Bearer realm="b"'])

    def test_they_apply_in_the_phase_of_the_response_too(self):
        gateway = self.play(RESPONSE, response_headers=lambda _: block(502) | {"response_headers": self.COOKIES})
        answer = gateway.get()
        self.assertEqual((answer.status, answer.values("set-cookie")), (502, ["a=1", "b=2"]))

    def test_operations_on_the_request_are_too_late_in_the_phase_of_the_response(self):
        late = allow(request_headers=[wire.put("x-user", "ann")])
        gateway = self.play(RESPONSE, response_headers=lambda _: late)
        self.assertEqual(gateway.get().reason, "agent_protocol_error")

    def test_what_stands_beside_a_block_does_not_let_the_request_pass(self):
        more = {"request_body_mutation": {"data": "eA==", "chunk_index": 9}, "needs_more": True}
        gateway = self.play(BODY, 'failure-mode "open"', request_body=lambda _: block(403) | more)
        self.assertEqual(gateway.get("/", "", "POST", b"attack").status, 403)


class SeveralAgents(Decided):
    def test_agents_are_asked_in_parallel(self):
        both = threading.Barrier(2, timeout=30)

        def meet(_: Event) -> dict:
            both.wait()
            return allow()

        gateway = self.play_many({"request_headers": meet}, {"request_headers": meet})
        self.assertEqual(gateway.get().status, 200)

    def test_the_first_decision_in_filter_order_wins_although_it_comes_last(self):
        second = threading.Event()

        def first_decides_last(_: Event) -> dict:
            second.wait(30)
            time.sleep(0.05)
            return block(401)

        def second_decides_first(_: Event) -> dict:
            second.set()
            return block(402)

        gateway = self.play_many({"request_headers": first_decides_last}, {"request_headers": second_decides_first})
        self.assertEqual(gateway.get("/order").status, 401)
        line = gateway.access("/order")[0]
        self.assertEqual(line["agent"], "a")
        self.assertEqual(
            {(entry["agent"], entry["status"]) for entry in gateway.audit(line["id"], 2)}, {("a", 401), ("b", 402)}
        )

    def test_a_decision_is_answered_without_waiting_for_those_behind_it_and_they_are_cancelled(self):
        gateway = self.play_many(
            {"request_headers": lambda _: block(402)}, {"request_headers": lambda _: None}
        )
        self.assertEqual(gateway.get().status, 402)
        [cancel] = self.agents[1].expect("cancel")
        self.assertEqual(cancel.body["reason"], 2)
        self.agents[1].expect("request_complete")

    def test_a_decision_outweighs_a_failure_before_it(self):
        gateway = self.play_many({"request_headers": lambda _: block(99)}, {"request_headers": lambda _: block(402)})
        self.assertEqual(gateway.get().status, 402)

    def test_the_first_failure_of_a_closed_agent_decides_where_nobody_else_does(self):
        gateway = self.play_many(
            {"request_headers": lambda _: allow()},
            {"request_headers": lambda _: block(99)},
            {"request_headers": lambda _: allow()},
        )
        self.assertEqual(gateway.get("/failed").reason, "agent_protocol_error")
        self.assertEqual(gateway.access("/failed")[0]["agent"], "b")

    def test_operations_apply_in_filter_order_and_all_audits_are_kept(self):
        late = threading.Event()

        def first(_: Event) -> dict:
            late.wait(30)
            return allow(request_headers=[wire.put("x-who", "a"), wire.add("x-list", "a")], audit={"tags": ["from-a"]})

        def second(_: Event) -> dict:
            late.set()
            return allow(request_headers=[wire.put("x-who", "b"), wire.add("x-list", "b")], audit={"tags": ["from-b"]})

        gateway = self.play_many({"request_headers": first}, {"request_headers": second})
        gateway.get("/merged")
        [request] = self.upstream.requests
        self.assertEqual((request.values("x-who"), request.values("x-list")), (["b"], ["a", "b"]))
        tags = {tag for line in gateway.audit(gateway.access("/merged")[0]["id"], 2) for tag in line["tags"]}
        self.assertEqual(tags, {"from-a", "from-b"})

    def test_a_filter_may_override_the_agents_failure_mode_and_timeout(self):
        upstream = self.stage.upstream()
        agent = self.stage.agent(request_headers=lambda _: None)
        gateway = self.stage.gateway(
            upstream,
            [
                Asked(
                    "a",
                    agent.path,
                    keys='failure-mode "closed"; timeout-ms 60000',
                    filter_keys='failure-mode "open"; timeout-ms 50',
                )
            ],
        )
        self.assertEqual(gateway.get().status, 200)

    def test_each_agent_gets_only_the_events_that_it_was_configured_for(self):
        upstream = self.stage.upstream()
        agents = [self.stage.agent(name) for name in ("a", "b")]
        gateway = self.stage.gateway(
            upstream, [Asked("a", agents[0].path, '"request_headers"'), Asked("b", agents[1].path, '"request_body"')]
        )
        gateway.get(method="POST", body=b"abc")
        self.assertEqual(
            [[event.kind for event in agent.expect("request_complete") and agent.events] for agent in agents],
            [["request_headers", "request_complete"], ["request_body", "request_complete"]],
        )


class Configuration(Decided):
    TREE = 'config { paranoia-level 2; lists "a" "b"; nested { deep #true } }'
    JSON = {"paranoia-level": 2, "lists": ["a", "b"], "nested": {"deep": True}}

    def test_the_tree_is_delivered_in_the_handshake_and_as_configure(self):
        gateway = self.play(keys=self.TREE)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(self.agent.handshakes[0]["config"], self.JSON)
        self.assertEqual(self.agent.of("configure")[0].body["config"], self.JSON)
        wait("one for each handshake", lambda: len(self.agent.of("configure")) == len(self.agent.handshakes))

    def test_without_a_tree_there_is_no_configure(self):
        gateway = self.play()
        gateway.get()
        self.assertEqual(self.agent.of("configure"), [])
        self.assertIsNone(self.agent.handshakes[0]["config"])

    def test_an_agent_that_refuses_its_configuration_is_not_used(self):
        gateway = self.play(keys=self.TREE, configure=lambda _: block(400, body="unknown key 'lists'"))
        self.assertEqual(gateway.get().reason, "agent_unavailable")
        self.assertEqual(self.agent.of("request_headers"), [])
        self.assertIn("unknown key 'lists'", gateway.said("refused its configuration"))

    def test_the_handshake_offers_version_2_and_the_events_that_will_be_sent(self):
        self.play(BODY)
        handshake = wait("a handshake", lambda: self.agent.handshakes)[0]
        self.assertEqual((handshake["supported_versions"], handshake["supported_encodings"][0]), ([2], "json"))
        self.assertEqual(sorted(handshake["events"])[:2], [1, 2])

    def test_an_agent_that_refuses_the_handshake_is_not_used_and_its_reason_is_told(self):
        gateway = self.play(agent_settings={"handshake": lambda _: {"success": False, "error": "wrong tenant"}})
        self.assertEqual(gateway.get().reason, "agent_unavailable")
        gateway.said("wrong tenant")
