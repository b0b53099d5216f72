"""Guardrails while the configuration changes, the process ends, agents and memory run out: what has begun is looked at to its end."""

import json
import signal
import unittest

from client import message
from processes import wait
from stage import Asked
from test_guardrails import CARD, DONE, JSON, Guarded, Streaming, completion, delta, finds_cards, texts_of
from wire import allow

GUARDED = 'route "all" {{ matches {{ path-prefix "/" }}; upstream "app"; guardrail {{ agent "guard"; window 32; {} }} }}'


class GuardrailChanges(Guarded):
    def begin(self, **more):
        """A streamed answer of which a part has come, and the half of a card number."""
        self.streaming = Streaming()
        self.gateway = self.play(self.stage.upstream(self.streaming.respond), "window 32", **more)
        client = self.gateway.client()
        body = json.dumps({"stream": True, "messages": [{"role": "user", "content": "hello"}]}).encode()
        client.send(message("/s", JSON, "POST", body))
        self.streaming.piece(delta("A card, and words before it that are more than the window: 4111 11"))
        while b"words" not in client.buffer:
            client._more()
        return client

    def assert_redacted(self, client) -> None:
        self.streaming.piece(delta("11 1111 1111, and words behind it. Bye.") + DONE)
        self.streaming.end()
        answer = client.response("POST")
        self.assertEqual(texts_of(answer.body)[0], "A card, and words before it that are more than the window: [redacted], and words behind it. Bye.")

    def reload(self, routes: str, agents: list[Asked] | None = None) -> None:
        agents = [Asked("guard", self.agent.path, '"guardrail"')] if agents is None else agents
        self.gateway.write({"app": [self.upstream.address]}, agents, routes=routes)
        self.gateway.program.signal(signal.SIGHUP)
        self.gateway.said("reloaded")

    def test_a_reload_that_changes_what_is_done_leaves_a_stream_as_it_began(self):
        client = self.begin()
        self.reload(GUARDED.format('response "log"'))
        self.assert_redacted(client)
        self.upstream.respond = lambda _: completion(CARD)
        self.assertIn(CARD.encode(), self.ask(self.gateway).body, "logged only, from now on")

    def test_a_reload_without_the_guardrail_leaves_a_stream_guarded_to_its_end(self):
        client = self.begin()
        self.reload('route "all" { matches { path-prefix "/" }; upstream "app" }', agents=[])
        self.assert_redacted(client)
        asked = len(self.agent.of("guardrail"))
        self.upstream.respond = lambda _: completion(CARD)
        self.assertIn(CARD.encode(), self.ask(self.gateway).body)
        self.assertEqual(len(self.agent.of("guardrail")), asked)

    def test_a_reload_with_another_agent_asks_the_first_about_what_it_has_begun(self):
        client = self.begin()
        other = self.stage.agent("other", events=("guardrail",), guardrail=lambda _: allow())
        self.reload(GUARDED.format("").replace('"guard"', '"other"'), [Asked("other", other.path, '"guardrail"')])
        self.assert_redacted(client)
        self.assertEqual(other.of("guardrail"), [])
        self.upstream.respond = lambda _: completion(CARD)
        self.assertIn(CARD.encode(), self.ask(self.gateway).body)
        self.assertNotEqual(other.of("guardrail"), [])

    def test_a_drain_lets_a_stream_end_and_looks_at_all_of_it(self):
        client = self.begin()
        self.gateway.program.signal(signal.SIGTERM)
        self.gateway.said("drain")
        self.assert_redacted(client)
        self.assertEqual(self.gateway.program.wait(), 0)

    def test_what_is_kept_of_texts_counts_as_held_and_over_it_the_failure_mode_decides(self):
        prompt = {"messages": [{"role": "user", "content": "x"}] * 4000}
        self.assertLess(len(json.dumps(prompt)), 1 << 18, "the body alone has room")
        for mode, status in (("closed", 503), ("open", 200)):
            with self.subTest(mode):
                self.upstream = self.stage.upstream(lambda _: completion("fine"))
                self.agent = self.stage.agent("guard", events=("guardrail",), guardrail=finds_cards)
                gateway = self.stage.gateway(
                    self.upstream, [Asked("guard", self.agent.path, '"guardrail"', f'failure-mode "{mode}"')],
                    routes=GUARDED.format(""), limits="max-held-bytes 2097152")
                answer = self.ask(gateway, prompt)
                self.assertEqual((answer.status, answer.reason), (status, "overloaded" if mode == "closed" else None))
                self.assertEqual(self.agent.of("guardrail") if mode == "closed" else [], [])
                if mode == "open":
                    wait("it is told", lambda: any("max-held-bytes" in line.get("cause", "") for line in gateway.lines("audit")))
                gateway.expect_metric(0, "picket_held_bytes")
                self.assertEqual(self.ask(gateway, "hello").status, 200, "others are served")
            self.clear_stage()


if __name__ == "__main__":
    unittest.main()
