"""What an agent costs that was stopped in the middle of its work, where the proxy fails open: how much longer 20
requests take, one after the other, than they took before. Rows: dead/extra and dead/PEER; dead/timeout: one."""

import http.client
import os
import signal
import tempfile
import time
from pathlib import Path

from peers import PEERS, PICKET, proxies
from places import cores
from servers import Servers

REQUESTS = 20
TIMEOUT_MS = 500
MOST_ROUNDS = 3  # a peer that pays for every request takes ten seconds, and the outcome is no matter of chance


def total_us(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    begin = time.monotonic()
    for _ in range(REQUESTS):
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()
    return (time.monotonic() - begin) * 1e6


def extra_us(peer):
    load_core, core = cores()
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        asking = proxies.Asking(Path(folder) / "agent.sock", TIMEOUT_MS, fails_open=True)
        servers.serve("agent", core, peer.agent(asking.socket), asking.socket)
        port = peer.proxy(servers, "proxy", core, proxies.nginx(servers, "upstream", load_core), asking)
        total_us(port)
        healthy = total_us(port)
        os.kill(servers.named["agent"].pid, signal.SIGSTOP)
        return total_us(port) - healthy


def measure(wanted, rounds, progress):
    """As micro.measure, in at most MOST_ROUNDS rounds."""
    rounds = min(rounds, MOST_ROUNDS)
    sides = {row.split("/")[1] for theirs in wanted.values() for row in theirs}
    ours, theirs = [], {"dead/timeout": [TIMEOUT_MS * 1e3] * rounds}
    for number in range(rounds):
        progress(f"a dead agent: round {number + 1} of {rounds}")
        ours.append(extra_us(PICKET))
        for peer in PEERS:
            if peer.side in sides:
                theirs.setdefault(f"dead/{peer.side}", []).append(extra_us(peer))
    return {"picket": {"dead/extra": ours}, "reference": theirs}
