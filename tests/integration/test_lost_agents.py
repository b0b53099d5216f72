"""WebSockets of which agents are lost, and come back: who fails open is asked again within the same one, who fails closed ends it."""

import signal
import sys
import threading
import time
import unittest
from pathlib import Path

import wire
from frames import CONTINUATION, TEXT, Frame, Peer
from processes import wait
from stage import Asked, Gateway
from switching import EVENTS, FRAMES, Server, Switching, by_word

AGENT = Path(__file__).with_name("agent.py")
OPEN = 'failure-mode "open"; pool { connections 2; reconnect-interval-ms 50 }'
READY = "picket_agent_connections_ready"


class LostAgents(Switching):
    def begin(self, keys: str = OPEN, **behaviours) -> tuple[Gateway, Peer, Peer]:
        """A conversation of which the agent has seen a message."""
        self.server = Server(self)
        self.agent, self.of_agent = self.asked(keys=keys, **behaviours)
        gateway = self.gateway(self.server.upstream, [self.of_agent])
        client = self.switch(gateway)
        client.send(TEXT, b"hello")
        upstream = self.server.end()
        self.assertEqual(upstream.next(), Frame(TEXT, b"hello"))
        self.agent.expect("websocket_frame")
        return gateway, client, upstream

    def lose(self, gateway: Gateway) -> None:
        self.agent.close()
        wait("the agent is missed", lambda: gateway.metric(READY) == 0)

    def come_back(self, gateway: Gateway, **behaviours) -> None:
        self.agent = self.stage.agent("a", events=EVENTS, **behaviours)
        wait("the agent is back", lambda: gateway.metric(READY) > 0)

    def send_until_dropped(self, gateway: Gateway, sender: Peer, receiver: Peer) -> None:
        """Of an agent that comes back late some messages pass; those that did are whole and in order."""
        passed = 0
        while gateway.metric("picket_websocket_messages_dropped_total") == 0:
            self.assertLess(passed, 1000)
            sender.send(TEXT, b"drop %d" % passed)
            sender.send(TEXT, b"mark %d" % passed)
            got = receiver.next()
            if got.payload.startswith(b"drop"):
                self.assertEqual(got, Frame(TEXT, b"drop %d" % passed))
                got = receiver.next()
            self.assertEqual(got, Frame(TEXT, b"mark %d" % passed))
            passed += 1
            time.sleep(0.05)  # one that has let two frames in a row time out is left alone for a while

    def test_one_that_fails_open_is_asked_again_with_the_handshake_before(self):
        gateway, client, upstream = self.begin()
        before = self.agent.of("request_headers")[0]
        self.lose(gateway)
        client.send(TEXT, b"drop? nobody is there")
        self.assertEqual(upstream.next(), Frame(TEXT, b"drop? nobody is there"))
        self.come_back(gateway, websocket_frame=by_word)
        client.send(TEXT, b"drop this")
        client.send(TEXT, b"kept")
        self.assertEqual(upstream.next(), Frame(TEXT, b"kept"))
        upstream.send(TEXT, b"drop this, too")
        upstream.send(TEXT, b"kept, too")
        self.assertEqual(client.next(), Frame(TEXT, b"kept, too"))
        head, *others = self.agent.of("request_headers")
        self.assertEqual(others, [], "once")
        self.assertEqual((head.body["uri"], head.body["metadata"]["request_id"]), ("/chat", before.body["metadata"]["request_id"]))
        self.assertNotEqual(head.id, before.id, "another exchange")
        self.assertEqual({event.id for event in self.agent.of("websocket_frame")}, {head.id})
        self.assertEqual([event.body["frame_index"] for event in self.agent.of("websocket_frame")], [2, 3, 0, 1])
        client.close()
        upstream.next()
        upstream.close()
        client.next()
        upstream.socket.close()
        wait("it is told of the end", lambda: any(event.id == head.id for event in self.agent.of("request_complete")))

    def test_a_message_of_which_it_has_seen_half_goes_on_whole_and_its_end_is_asked_about(self):
        gateway, client, upstream = self.begin()
        client.send(TEXT, b"one ", fin=False)
        self.agent.expect("websocket_frame", 2)
        self.lose(gateway)
        self.come_back(gateway, websocket_frame=by_word)
        client.send(CONTINUATION, b"two")
        self.assertEqual(upstream.next(), Frame(TEXT, b"one two"))
        self.assertEqual([event.body["opcode"] for event in self.agent.of("websocket_frame")], ["continuation"])
        client.send(TEXT, b"one ", fin=False)
        client.send(CONTINUATION, b"drop")
        client.send(TEXT, b"last")
        self.assertEqual(upstream.next(), Frame(TEXT, b"last"))

    def test_lost_and_back_again_and_again_it_is_asked_each_time(self):
        gateway, client, upstream = self.begin()
        for number in range(4):
            self.lose(gateway)
            self.come_back(gateway, websocket_frame=by_word)
            client.send(TEXT, b"drop")
            client.send(TEXT, b"%d" % number)
            self.assertEqual(upstream.next(), Frame(TEXT, b"%d" % number))
        gateway.expect_metric(4, "picket_websocket_messages_dropped_total")

    def test_what_it_makes_of_the_handshake_counts(self):
        gateway, client, upstream = self.begin()
        self.lose(gateway)
        self.come_back(gateway, request_headers=lambda event: wire.block(403))
        client.send(TEXT, b"never seen")
        self.assert_closed(client, 1008)
        self.assert_closed(upstream, 1008)
        self.assertEqual(self.agent.of("websocket_frame"), [])
        self.assertEqual(gateway.access("/chat")[0]["decision"], "cut")

    def test_one_that_fails_closed_ends_it_though_it_is_back(self):
        gateway, client, upstream = self.begin('failure-mode "closed"; pool { reconnect-interval-ms 50 }')
        self.lose(gateway)
        self.come_back(gateway, websocket_frame=by_word)
        client.send(TEXT, b"x")
        self.assert_closed(client, 1011)
        self.assert_closed(upstream, 1011)

    def test_one_that_was_not_there_for_the_handshake_is_asked_once_it_is(self):
        server = Server(self)
        gateway = self.gateway(server.upstream, [Asked("a", self.stage.path("a"), FRAMES, OPEN)])
        client = self.switch(gateway)
        self.come_back(gateway, websocket_frame=by_word)
        client.send(TEXT, b"drop")
        client.send(TEXT, b"kept")
        self.assertEqual(server.end().next(), Frame(TEXT, b"kept"))
        self.assertEqual([event.body["uri"] for event in self.agent.of("request_headers")], ["/chat"])

    def test_one_that_lets_a_frame_time_out_is_asked_about_later_ones_and_its_late_word_is_nobodys(self):
        asked, may_answer = threading.Event(), threading.Event()

        def late_once(event):
            if event.data() != b"slow":
                return by_word(event)
            asked.set()
            may_answer.wait(60)
            return wire.allow(websocket_decision={"close": {"code": 4001, "reason": "late"}})

        self.addCleanup(may_answer.set)
        gateway, client, upstream = self.begin(f"{OPEN}; timeout-ms 1000", websocket_frame=late_once)
        client.send(TEXT, b"slow")
        self.assertTrue(asked.wait(30))
        self.assertEqual(upstream.next(), Frame(TEXT, b"slow"))
        self.send_until_dropped(gateway, client, upstream)
        may_answer.set()
        gateway.expect_metric(1, "picket_agent_responses_dropped_total")
        upstream.send(TEXT, b"still open")
        self.assertEqual(client.next(), Frame(TEXT, b"still open"))
        first, *others = self.agent.of("request_headers")
        self.assertGreaterEqual(len(others), 1)
        wait("the first is over for the agent", lambda: any(event.id == first.id for event in self.agent.of("request_complete")))

    def test_one_that_is_frozen_once_is_asked_when_it_is_well(self):
        server = Server(self)
        path = self.stage.path("a")
        process = self.stage.programs.start("a", sys.executable, AGENT, path, serves=str(path))
        gateway = self.gateway(server.upstream, [Asked("a", path, FRAMES, f"{OPEN}; timeout-ms 500")])
        client = self.switch(gateway)
        upstream = server.end()
        process.freeze()
        for number in range(3):
            client.send(TEXT, b"drop? it sleeps %d" % number)
            self.assertEqual(upstream.next(), Frame(TEXT, b"drop? it sleeps %d" % number))
        process.signal(signal.SIGCONT)
        self.send_until_dropped(gateway, client, upstream)

    def test_one_that_is_killed_and_started_anew_is_asked_in_both_directions(self):
        server = Server(self)
        path = self.stage.path("a")
        process = self.stage.programs.start("a", sys.executable, AGENT, path, serves=str(path))
        gateway = self.gateway(server.upstream, [Asked("a", path, FRAMES, OPEN)])
        client = self.switch(gateway)
        upstream = server.end()
        process.kill()
        path.unlink(missing_ok=True)
        client.send(TEXT, b"drop? it is dead")
        self.assertEqual(upstream.next(), Frame(TEXT, b"drop? it is dead"))
        self.stage.programs.start("a2", sys.executable, AGENT, path, serves=str(path))
        self.send_until_dropped(gateway, client, upstream)
        upstream.send(TEXT, b"drop")
        upstream.send(TEXT, b"kept")
        self.assertEqual(client.next(), Frame(TEXT, b"kept"))

    def test_one_that_answers_no_frame_is_left_alone_for_a_while(self):
        gateway, client, upstream = self.begin(f"{OPEN}; timeout-ms 500", websocket_frame=lambda event: None)
        for number in range(30):
            client.send(TEXT, b"%d" % number)
            self.assertEqual(upstream.next(), Frame(TEXT, b"%d" % number))
        self.assertLess(len(self.agent.of("request_headers")), 10, "the handshake, then at once, then after 1, 2, 4, … seconds")
        gateway.expect_metric(31, "picket_agent_failures_total", agent="a", mode="open")

    def test_a_sticky_session_keeps_its_connection_for_frames_and_gets_another_when_that_is_lost(self):
        gateway, client, upstream = self.begin('failure-mode "open"; pool { connections 3; sticky "client-ip"; reconnect-interval-ms 50 }')
        for number in range(5):
            client.send(TEXT, b"%d" % number)
            upstream.next()
        events = self.agent.of("request_headers") + self.agent.of("websocket_frame")
        self.assertEqual(len({id(event.connection) for event in events}), 1)
        events[0].connection.close()
        wait("it is missed", lambda: self.agent.of("request_headers")[0].connection.ended.is_set())
        seen = len(self.agent.of("websocket_frame"))
        client.send(TEXT, b"x")
        self.assertEqual(upstream.next(), Frame(TEXT, b"x"))
        client.send(TEXT, b"y")
        self.assertEqual(upstream.next(), Frame(TEXT, b"y"))
        later = self.agent.expect("websocket_frame", seen + 1)[seen:]
        self.assertEqual(len({id(event.connection) for event in later}), 1)
        self.assertIsNot(later[0].connection, events[0].connection)


if __name__ == "__main__":
    unittest.main()
