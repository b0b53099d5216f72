"""What an agent costs that was stopped in the middle of its work, where the proxy fails open: how much longer 20 requests
take, one after the other, than they took before. Rows: dead/extra, haproxy/extra; bound/timeout is one timeout."""

import http.client
import os
import signal
import tempfile
import time
from pathlib import Path

import proxies
from places import PICKET_BIN, cores
from servers import Servers

REQUESTS = 20
TIMEOUT_MS = 500
MOST_ROUNDS = 3  # HAProxy's take ten seconds each, and the outcome is no matter of chance


def total_us(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    begin = time.monotonic()
    for _ in range(REQUESTS):
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()
    return (time.monotonic() - begin) * 1e6


def extra_us(start_proxy, agent_command):
    """`start_proxy`: of proxies.py. `agent_command`: of a path to listen at."""
    load_core, core = cores()
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        asking = proxies.Asking(Path(folder) / "agent.sock", TIMEOUT_MS, fails_open=True)
        servers.serve("agent", core, agent_command(asking.socket), asking.socket)
        port = start_proxy(servers, "proxy", core, proxies.nginx(servers, "upstream", load_core), asking)
        total_us(port)
        healthy = total_us(port)
        os.kill(servers.named["agent"].pid, signal.SIGSTOP)
        return total_us(port) - healthy


def measure(_wanted, rounds, progress):
    """As micro.measure, in at most MOST_ROUNDS rounds."""
    rounds = min(rounds, MOST_ROUNDS)
    extra, peer = [], []
    for number in range(rounds):
        progress(f"a dead agent: round {number + 1} of {rounds}")
        extra.append(extra_us(proxies.gateway, lambda path: [PICKET_BIN / "picket", "agent", "--listen", f"unix:{path}"]))
        peer.append(extra_us(proxies.haproxy, lambda path: [PICKET_BIN / "picket_spoa", path]))
    return {"picket": {"dead/extra": extra},
            "reference": {"haproxy/extra": peer, "bound/timeout": [TIMEOUT_MS * 1e3] * rounds}}
