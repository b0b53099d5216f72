"""What agents declare in their handshake, how they refuse one, and answers that nobody can be given."""

import wire
from agent import Event
from deciding import BODY, Decided
from processes import wait
from stage import Asked
from wire import allow, block

EVERYTHING = '"request_headers" "request_body" "response_headers"'
EXTENDED = {"extensions": ("raw-bytes",)}  # in JSON it changes nothing but that the list of events is exact
HEADS_ONLY = {"events": ("request_headers",)}


class Declared(Decided):
    """Kinds of event that are configured and that the agent's handshake does not list."""

    def play_headers_only(self, keys: str = "", **settings):
        return self.play(EVERYTHING, keys, agent_settings=HEADS_ONLY | settings)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.agent.events if event.kind != "request_complete"]

    def test_an_agent_of_the_reference_is_sent_what_is_configured_with_one_warning(self):
        gateway = self.play_headers_only()
        for _ in range(3):
            self.assertEqual(gateway.get(method="POST", body=b"abc").status, 200)
        self.assertEqual(self.kinds(), ["request_headers", "request_body", "response_headers"] * 3)
        warnings = [line for line in gateway.said("does not declare").splitlines() if "does not declare" in line]
        self.assertEqual(len(warnings), 1)
        self.assertIn("request_body, response_headers", warnings[0])

    def test_an_agent_of_the_reference_blocks_what_it_did_not_declare(self):
        gateway = self.play(EVERYTHING, agent_settings=HEADS_ONLY, request_body=lambda _: block(403))
        self.assertEqual(gateway.get(method="POST", body=b"attack").status, 403)
        self.assertEqual(self.upstream.raw(), b"")

    def test_what_an_agent_with_extensions_does_not_list_makes_a_closed_filter_unavailable(self):
        gateway = self.play_headers_only(**EXTENDED)
        answer = gateway.get(method="POST", body=b"attack")
        self.assertEqual((answer.status, answer.reason), (503, "agent_unavailable"))
        self.assertEqual((self.upstream.raw(), self.agent.events), (b"", []))
        self.assertIn("does not take [request_body, response_headers]", gateway.said("does not take"))
        self.assertEqual(gateway.metric("picket_agent_decisions_total"), 0)
        self.assertEqual(gateway.metric("picket_agent_failures_total", mode="closed"), 1)

    def test_an_open_filter_passes_what_the_agent_does_not_take_and_counts_no_decision_for_it(self):
        gateway = self.play_headers_only('failure-mode "open"', **EXTENDED)
        self.assertEqual(gateway.get("/passed", "", "POST", b"abc").status, 200)
        self.assertEqual(self.kinds(), ["request_headers"])
        self.assertEqual(gateway.metric("picket_agent_decisions_total", decision="allow"), 1)
        self.assertEqual(gateway.metric("picket_agent_bodies_uninspected_total"), 1)
        lines = gateway.audit(gateway.access("/passed")[0]["id"], 2)
        self.assertEqual(
            [(line["phase"], line["decision"]) for line in lines],
            [("request_body", "uninspected"), ("response_headers", "uninspected")],
        )

    def test_declared_events_only_takes_an_agent_of_the_reference_at_its_word(self):
        gateway = self.play_headers_only("declared-events-only #true")
        self.assertEqual(gateway.get(method="POST", body=b"abc").reason, "agent_unavailable")
        self.clear_stage()
        gateway = self.play_headers_only('declared-events-only #true; failure-mode "open"')
        self.assertEqual(gateway.get(method="POST", body=b"abc").status, 200)
        self.assertEqual(self.kinds(), ["request_headers"])

    def test_request_complete_is_missed_by_nobody(self):
        gateway = self.play('"request_headers" "request_complete"', agent_settings=HEADS_ONLY | EXTENDED)
        self.assertEqual(gateway.get().status, 200)
        self.agent.expect("request_complete")
        self.assertNotIn("does not", gateway.program.text())

    def test_a_list_that_is_complete_warns_of_nothing(self):
        gateway = self.play(EVERYTHING, agent_settings=EXTENDED)
        self.assertEqual(gateway.get(method="POST", body=b"abc").status, 200)
        self.assertNotIn("does not", gateway.program.text())

    def test_a_closed_filter_uses_the_connections_on_which_nothing_is_missing(self):
        """As while an older version of an agent is being replaced."""
        offered = []

        def every_other(_: dict) -> dict:
            offered.append(1)
            names = ("request_headers", "request_body") if len(offered) % 2 else ("request_headers",)
            capabilities = self.agent.capabilities(names)["capabilities"]
            return {"capabilities": capabilities, "extensions": ["raw-bytes"]}

        gateway = self.play(BODY, "pool { connections 4 }", agent_settings={"handshake": every_other})
        gateway.expect_metric(4, "picket_agent_connections_ready")
        answers = {gateway.get(method="POST", body=b"abc").status for _ in range(8)}
        self.assertEqual(answers, {200})
        self.assertEqual(len(self.agent.of("request_body")), 8)


class Refused(Decided):
    """An agent's own words are in the log, however it says no."""

    def refuse(self, handshake) -> str:
        gateway = self.play(agent_settings={"handshake": handshake})
        self.assertEqual(gateway.get().reason, "agent_unavailable")
        return gateway.said("not connected")

    def test_a_refusal_says_why(self):
        self.assertIn("wrong tenant", self.refuse(lambda _: {"success": False, "error": "wrong tenant"}))

    def test_a_refusal_without_an_error_is_quoted(self):
        self.assertIn("come back tomorrow", self.refuse(lambda _: {"success": False, "message": "come back tomorrow"}))

    def test_an_answer_of_another_form_is_quoted(self):
        def site(_: dict) -> dict:
            return {"capabilities": "none", "success": None, "accepted": False, "error": "client_name is missing"}

        said = self.refuse(site)
        self.assertIn('"accepted": false', said)
        self.assertIn("client_name is missing", said)

    def test_an_agent_that_comes_up_late_and_refuses_is_heard(self):
        gateway = self.stage.gateway(
            self.stage.upstream(), [Asked("a", self.stage.path("a"), keys="pool { reconnect-interval-ms 50 }")]
        )
        gateway.said("not connected")
        self.stage.agent("a", handshake=lambda _: {"success": False, "error": "wrong tenant"})
        lines = [line for line in gateway.said("wrong tenant").splitlines() if "wrong tenant" in line]
        self.assertIn("warn", lines[0])

    def test_words_of_an_agent_end_no_line_of_the_log(self):
        said = self.refuse(lambda _: {"success": False, "error": "no\nERROR forged line"})
        self.assertNotIn("\nERROR forged", said)

    def test_a_refused_configuration_is_shown_as_it_was_sent(self):
        gateway = self.play(keys='config { paths "/admin" }', configure=lambda _: block(400, body="paths: not a list"))
        self.assertEqual(gateway.get().reason, "agent_unavailable")
        said = gateway.said("refused its configuration")
        self.assertIn("paths: not a list", said)
        self.assertIn('{"paths":"/admin"}', said)

    def test_a_list_of_one_item_is_a_list(self):
        def wants_a_list(event: Event) -> dict:
            return allow() if event.body["config"] == {"paths": ["/admin"]} else block(400)

        gateway = self.play(keys='config { paths { - "/admin" } }', configure=wants_a_list)
        wait("it is accepted", lambda: gateway.get().status == 200)


class Unnamed(Decided):
    def test_answers_that_name_no_exchange_are_told_of_once_per_connection(self):
        def answer(event: Event) -> None:
            event.connection.send(wire.frame(wire.AGENT_RESPONSE, {**allow(), "request_id": 7}))

        gateway = self.play(keys="timeout-ms 300; pool { connections 1 }", request_headers=answer)
        for _ in range(3):
            self.assert_failed_closed(gateway.get())
        lines = [line for line in gateway.said("without naming").splitlines() if "without naming" in line]
        self.assertEqual(len(lines), 1)
        self.assertIn('"request_id": 7', lines[0])

    def test_answers_to_events_that_were_not_asked_are_told_of(self):
        def mistaken(event: Event) -> dict:
            return allow(reply_to={"type": 0x11, "index": 7})

        gateway = self.play(
            keys="timeout-ms 300; pool { connections 1 }",
            request_headers=mistaken,
            agent_settings={"extensions": ("event-reply",)},
        )
        for _ in range(2):
            self.assert_failed_closed(gateway.get())
        self.assertEqual(gateway.said("reply_to names no event").count("reply_to names no event"), 1)

    def test_an_answer_that_names_two_exchanges_is_nobodys(self):
        def torn(event: Event) -> None:
            named = {"audit": {"custom": {"correlation_id": "f" * 32}}, "correlation_id": event.id}
            event.connection.send(wire.frame(wire.AGENT_RESPONSE, {**allow(), **named}))

        gateway = self.play(request_headers=torn)
        self.assertEqual((gateway.get().reason, self.upstream.raw()), ("agent_protocol_error", b""))
        gateway.said("not two that differ")

    def test_a_surplus_answer_is_told_of(self):
        def twice(event: Event) -> None:  # in one write: the second is there before the exchange is over
            event.connection.send(2 * wire.frame(wire.AGENT_RESPONSE, {**allow(), "correlation_id": event.id}))

        gateway = self.play(request_headers=twice)
        self.assertEqual(gateway.get().status, 200)
        gateway.said("answers more often than it was asked")

    def test_late_answers_are_nothing_to_warn_of(self):
        def twice(event: Event) -> dict:
            event.connection.respond(event.id, allow())
            return allow()

        gateway = self.play(request_headers=twice)
        for _ in range(3):
            self.assertEqual(gateway.get().status, 200)
        wait("they are dropped", lambda: gateway.metric("picket_agent_responses_dropped_total") >= 2)
        self.assertNotIn("without naming", gateway.program.text())

