"""slowhttptest (Debian's) in its four modes at once, while somebody else asks: everybody else is answered."""

import subprocess
import time

from client import Client
from stage import Gateway, StageTest
from upstream import response

SECONDS = 8
CONNECTIONS = 200  # of each mode
MODES = {
    "headers": ("-H", "-i", "2"),
    "body": ("-B", "-i", "2", "-s", "8192", "-t", "POST"),
    "range": ("-R", "-a", "1", "-b", "500"),
    "read": ("-X", "-w", "1", "-y", "8", "-n", "2", "-z", "1", "-k", "3"),
}


class SlowClients(StageTest):
    def play(self, **keys) -> Gateway:
        upstream = self.stage.upstream(lambda request: response(b"a" * 300_000 if request.target == "/large" else b"ok"))
        gateway = self.stage.unstarted()
        gateway.write({"app": [upstream.address]}, **keys)
        return gateway.start()

    def attack(self, gateway: Gateway, mode: str) -> subprocess.Popen:
        """Waits `-p` for its own probe, which is one of the attacker's address and may be refused."""
        options = ("-c", str(CONNECTIONS), "-r", "100", "-l", str(SECONDS), "-p", "30", "-v", "0", "-u", f"http://127.0.0.1:{gateway.port}/large")
        return subprocess.Popen(["slowhttptest", *MODES[mode], *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def assert_others_are_answered(self, gateway: Gateway) -> None:
        attacks = [self.attack(gateway, mode) for mode in MODES]
        asked, slowest, most_open = 0, 0.0, 0.0
        try:
            while any(attack.poll() is None for attack in attacks):
                begin = time.monotonic()
                with Client(gateway.port, timeout=20, source="127.0.0.2") as client:
                    self.assertEqual([client.get().status for _ in range(2)], [200, 200])
                slowest = max(slowest, time.monotonic() - begin)
                most_open = max(most_open, gateway.metric("picket_client_connections_open"))
                asked += 1
                time.sleep(0.1)
        finally:
            for attack in attacks:
                attack.kill()
                attack.wait()
        self.assertGreater(asked, 20)
        self.assertLess(slowest, 10)
        self.most_open = most_open

    def test_leave_room_for_others(self):
        gateway = self.play()
        self.assert_others_are_answered(gateway)
        self.assertGreater(self.most_open, 2 * CONNECTIONS, "they were there at the same time")

    def test_leave_room_for_others_where_there_is_little_and_one_address_may_have_a_part_of_it(self):
        gateway = self.play(system="max-connections 150", limits="max-connections-per-client 60")
        self.assert_others_are_answered(gateway)
        self.assertGreater(self.most_open, 30)
        self.assertLessEqual(self.most_open, 150)

