"""Conversations over HTTP/2 on both sides, which stream through agents in both directions at once."""

import threading
import time
import unittest

from agent import reply_to
from deciding import Decided
from http2 import INITIAL_WINDOW_SIZE, INTERNAL_ERROR, Http2Client
from http2 import head as h2_head
from http2_upstream import Call, Http2Upstream
from processes import wait
from stage import Asked
from streaming import FLOW_CONTROL, KINDS, REQUESTS, pausing
from wire import allow, block


class Http2(Decided):
    """Both sides of HTTP/2, where a request may go on beside its answer."""

    ALL_EVENTS = f'{REQUESTS} "response_headers" "response_body"'

    def conversation(self, agent_keys: str, asked_about: str = ALL_EVENTS, settings: dict | None = None, **agent) -> tuple[Http2Client, int]:
        """A call of which the upstream has begun to answer when the request has begun."""
        self.call: Call | None = None
        self.upstream = Http2Upstream(lambda call: None, self.answers)
        self.stage.adopt(self.upstream)
        self.agent = self.stage.agent("a", **agent)
        gateway = self.gateway = self.stage.unstarted()
        listener = f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "h2c" }}'
        gateway.write(
            {"app": [self.upstream.address]},
            [Asked("a", self.agent.path, asked_about, f"{agent_keys}; buffer-size 65536")],
            listeners=listener,
            upstream_keys="http-version { min-version 2 }",
        )
        client = Http2Client(gateway.start().port, settings=settings)
        self.stage.clients.append(client)
        stream = client.open(h2_head("/", method="POST"), end=False)
        client.data(stream, b"one")
        wait("the call upstream", lambda: self.call is not None)
        return client, stream

    def answers(self, call: Call) -> None:
        self.call = call
        call.head()
        call.data(b"first")

    MODES = 'request-body-mode "stream"; response-body-mode "stream"'

    def answering_apart(self, **behaviours) -> dict:
        """An agent that tells its answers apart."""
        def answer(event) -> dict:
            return behaviours.get(event.kind, lambda _: allow())(event) | reply_to(event)

        return {"extensions": ("event-reply",), "events": KINDS, **dict.fromkeys(KINDS, answer)}

    def test_a_conversation_streams_through_an_agent_that_tells_answers_apart(self):
        client, stream = self.conversation(self.MODES, **self.answering_apart())
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        client.data(stream, b"two", end=True)
        wait("the request's end", lambda: self.call.body == b"onetwo")
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")

    def test_an_answer_that_is_whole_waits_for_no_agents_pause(self):
        behaviours = self.answering_apart(request_body=pausing)
        client, stream = self.conversation('request-body-mode "stream"', REQUESTS, features=FLOW_CONTROL, **behaviours)
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        wait("the agent has paused it", lambda: self.call.body == b"one")
        client.data(stream, b"two")
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")
        wait("it is over, and the pause is not", lambda: self.gateway.lines("access"), 20)
        self.assertEqual(self.call.body, b"one")

    def test_a_block_in_a_conversation_cuts_it(self):
        behaviour = {"request_body": lambda event: block(403) if event.data() == b"evil" else allow()}
        client, stream = self.conversation(self.MODES, **self.answering_apart(**behaviour))
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        client.data(stream, b"evil")
        cut = client.answer(stream)
        self.assertEqual((cut.status, cut.reset), (200, INTERNAL_ERROR))
        self.assertNotIn(b"evil", self.call.body)

    def test_a_word_that_comes_behind_the_one_that_the_client_is_told_changes_nothing(self):
        asked, may_answer = threading.Event(), threading.Event()

        def late(event):
            if event.body["chunk_index"] == 0:
                return allow()
            asked.set()
            may_answer.wait(30)
            return block(403)

        def first(event):
            asked.wait(30)
            return block(403, body="no")

        behaviours = self.answering_apart(request_body=late, response_headers=first)
        client, stream = self.conversation(self.MODES, settings={INITIAL_WINDOW_SIZE: 0}, **behaviours)
        client.data(stream, b"two")
        client.until("a head", lambda: client.streams[stream].headers)
        may_answer.set()
        wait("the other word", lambda: len(self.gateway.lines("audit")) == 2)
        client.window(stream, 100)
        self.assertEqual(client.answer(stream).body, b"no")
        self.assertEqual(self.gateway.access("/")[0]["decision"], "block")

    def test_an_agent_that_does_not_may_look_at_the_requests_side_alone(self):
        client, stream = self.conversation('request-body-mode "stream"', REQUESTS)
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        client.data(stream, b"two")
        wait("more of the request", lambda: self.call.body == b"onetwo")
        client.data(stream, b"", end=True)
        wait("the request's end", lambda: self.call.ended)
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")

    def test_an_agent_that_does_not_gets_one_question_at_a_time(self):
        asked, at_once = [], []

        def watched(event):
            asked.append(event.kind)
            time.sleep(0.05)
            at_once.append(len(asked))
            asked.remove(event.kind)
            return allow()

        client, stream = self.conversation(self.MODES, request_body=watched, response_body=watched, response_headers=watched)
        client.data(stream, b"two", end=True)
        client.until("the first answer", lambda: client.streams[stream].body == b"first")
        self.assertEqual(self.call.body, b"onetwo")
        self.call.data(b"second", end=True)
        self.assertEqual(client.answer(stream).body, b"firstsecond")
        self.assertEqual(set(at_once), {1})
        self.assertGreater(len(at_once), 2)


if __name__ == "__main__":
    unittest.main()
