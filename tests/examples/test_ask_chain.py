"""A chain of agents asked by a program that is no gateway: examples/ask_chain.cpp."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from agent import Agent
from processes import Programs
from wire import allow, block

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("PICKET_BINARIES", ROOT / "build/dev/bin"))
LISTED, OTHER = "192.0.2.1", "203.0.113.9"


class AskChain(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.socket = self.folder / "agent.sock"

    def ask(self, *arguments: str) -> list[str]:
        """What it prints."""
        outcome = subprocess.run(
            [BINARIES / "ask_chain", f"unix:{self.socket}", *arguments],
            capture_output=True, text=True, timeout=60, check=False,
        )
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        return outcome.stdout.splitlines()

    def start_denylist(self) -> None:
        programs = Programs(self.folder, BINARIES)
        self.addCleanup(lambda: self.assertEqual(programs.stop(), []))
        programs.start("denylist", "denylist", "--listen", f"unix:{self.socket}", serves=str(self.socket))

    def test_who_is_not_on_the_list_is_allowed(self):
        self.start_denylist()
        self.assertEqual(self.ask(OTHER, "GET", "/login"), ["verdict: allow 200"])

    def test_who_is_on_the_list_is_blocked_and_the_sink_is_told(self):
        self.start_denylist()
        self.assertEqual(self.ask(LISTED, "GET", "/login"), ["audit: agent block", "verdict: block 403"])

    def test_a_body_that_the_agent_would_not_take_does_not_pass_it(self):
        self.start_denylist()
        self.assertEqual(
            self.ask(OTHER, "POST", "/login", "user=a"), ["audit: agent failed_closed", "verdict: failed_closed 503"]
        )

    def test_a_body_is_asked_about_after_the_head(self):
        def judge(event):
            return block(422) if event.data() == b"bad" else allow()

        agent = Agent(self.socket, events=("request_headers", "request_body"), request_body=judge)
        self.addCleanup(agent.close)
        self.assertEqual(self.ask(OTHER, "POST", "/login", "good"), ["verdict: allow 200"])
        self.assertEqual(self.ask(OTHER, "POST", "/login", "bad"), ["audit: agent block", "verdict: block 422"])

    def test_an_agent_may_change_a_body_though_the_program_sets_no_budget(self):
        def redact(event):
            return allow(request_body_mutation={"data": "KioqKg==", "chunk_index": event.body["chunk_index"]})

        agent = Agent(self.socket, events=("request_headers", "request_body"), request_body=redact)
        self.addCleanup(agent.close)
        self.assertEqual(self.ask(OTHER, "POST", "/login", "secret"), ["audit: agent allow", "verdict: allow 200"])

    def test_an_agent_that_is_not_there_fails_closed(self):
        reason, *said = self.ask(OTHER, "GET", "/")
        self.assertIn(str(self.socket), reason)
        self.assertEqual(said, ["audit: agent failed_closed", "verdict: failed_closed 503"])


if __name__ == "__main__":
    unittest.main()
