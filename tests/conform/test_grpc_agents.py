"""`picket conform agent` over gRPC: a peer on gRPC's own library passes, and a mutant of each rule that the library lets it break fails there."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from conform import ConformTest, conform, listed

PYTHON = "/usr/bin/python3"  # whose modules Debian's packages are
PEER = Path(__file__).parent / "grpc_agent.py"
ALL_MUTANTS = os.environ.get("PICKET_MUTANTS") == "all"
SAMPLE = 4  # every so many mutants is tried in a short run
# gRPC's library keeps these by itself, and cannot be told to break them.
OF_THE_LIBRARY = {"grpc.head", "grpc.half-close"}


class Peer(ConformTest):
    @contextmanager
    def serving(self, broken: str | None = None):
        """The address of the peer."""
        path = self.folder / f"{broken}.sock"
        peer = subprocess.Popen([PYTHON, str(PEER), f"unix:{path}", *([broken] if broken else [])], stdout=subprocess.PIPE)
        try:
            self.assertEqual(peer.stdout.readline(), b"serves\n")
            yield f"grpc+unix:{path}"
        finally:
            peer.terminate()
            peer.communicate()

    def test_one_that_keeps_every_rule_passes_each_of_them(self):
        with self.serving() as address:
            run = conform("agent", "--agent", address, "--timeout-ms", "30000")
        self.assert_clean(run)
        self.assertLessEqual({rule for rule in listed("agent") if rule.startswith("grpc.")}, run.rules("pass"))

    def test_a_mutant_fails_at_the_rule_that_it_breaks_and_nowhere_else(self):
        rules = [rule for rule in listed("agent") if rule.startswith("grpc.") and rule not in OF_THE_LIBRARY]
        for rule in rules if ALL_MUTANTS else rules[::SAMPLE]:
            with self.subTest(rule), self.serving(rule) as address:
                run = conform("agent", "--agent", address, "--timeout-ms", "8000")
                self.assertEqual(run.rules("FAIL"), {rule}, run.reasons)


if __name__ == "__main__":
    import unittest

    unittest.main()
