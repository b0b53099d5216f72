"""Which of an agent's connections a request takes: sessions that stick to one, questions that are asked twice."""

import threading
import time

from agent import Event
from processes import wait
from stage import Asked, StageTest
from wire import allow, block

READY = "picket_agent_connections_ready"


class Sticky(StageTest):
    def test_requests_of_one_cookie_take_one_connection_and_those_without_it_any(self):
        agent = self.stage.agent(request_headers=lambda _: allow())
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", agent.path, keys='pool { connections 4; sticky "cookie sid" }')])
        wait("four connections", lambda: gateway.metric(READY, agent="a") == 4)
        for session in ("one", "two", "one", "one", "two", ""):
            cookie = f"Cookie: theme=dark; sid={session}\r\n" if session else ""
            self.assertEqual(gateway.get(f"/{session}", headers=cookie).status, 200)
        taken: dict[str, set] = {}
        for event in agent.expect("request_headers", 6):
            taken.setdefault(event.body["uri"], set()).add(event.connection)
        self.assertEqual(len(taken["/one"]), 1)
        self.assertEqual(len(taken["/two"]), 1)
        self.assertNotEqual(taken["/one"], taken["/two"], "in turn")

    def test_a_session_whose_connection_is_lost_goes_on_with_another(self):
        agent = self.stage.agent(request_headers=lambda _: allow())
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", agent.path, keys='pool { connections 2; sticky "client-ip" }')])
        wait("two connections", lambda: gateway.metric(READY, agent="a") == 2)
        self.assertEqual(gateway.get().status, 200)
        first = agent.expect("request_headers")[0].connection
        lost = gateway.metric("picket_agent_connections_lost_total", agent="a")
        first.close()
        wait("that it is missed", lambda: gateway.metric("picket_agent_connections_lost_total", agent="a") > lost)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(gateway.get().status, 200)
        later = {event.connection for event in agent.expect("request_headers", 3)[1:]}
        self.assertEqual(len(later), 1)
        self.assertNotIn(first, later)


class Hedged(StageTest):
    def test_what_takes_longer_than_most_is_answered_by_another_connection(self):
        """Of 100 quick answers or more comes the delay; then one connection is silent, and nobody waits for it."""
        silent: set = set()
        lock = threading.Lock()

        def judge(event: Event):
            with lock:
                if event.body["uri"] == "/slow" and not silent:
                    silent.add(event.connection)
                    return None
            return block(403) if event.body["uri"] == "/no" else allow()

        agent = self.stage.agent(request_headers=judge)
        gateway = self.stage.gateway(self.stage.upstream(), [
            Asked("a", agent.path, keys='timeout-ms 30000; pool { connections 2; hedge after="p99" budget=1.0 }')])
        wait("two connections", lambda: gateway.metric(READY, agent="a") == 2)
        # Answers are looked at once a second, and 100 of them say something. A busy machine may answer those in a second or
        # in several: what counts is a look behind the hundredth.
        until, asked = float("inf"), 0
        while time.monotonic() < until:
            self.assertEqual(gateway.get().status, 200)
            asked += 1
            if asked == 100:
                until = time.monotonic() + 1.2
        self.assertEqual(gateway.get("/slow").status, 200)
        slow = [event for event in agent.of("request_headers") if event.body["uri"] == "/slow"]
        self.assertEqual(len({event.id for event in slow}), 1, "one exchange")
        self.assertEqual(len({event.connection for event in slow}), 2, "on two connections")
        self.assertGreaterEqual(gateway.metric("picket_agent_hedges_answered_total", agent="a"), 1)
        wait("the cancel", lambda: any(event.id == slow[0].id for event in agent.of("cancel")))
        self.assertEqual(gateway.get("/no").status, 403)
