"""How cost and memory grow: rows of the table `growth`.

What one process measures (growth_bench.cpp: exchanges in flight, headers, body bytes, workers) comes from micro.py.
Slopes are taken from it: growth/per_header/ENCODING/A-B and growth/per_kib/ENCODING/A-B, in nanoseconds, between A and
B of them. The rest is memory of real processes in bytes: growth/memory/WHAT, and growth/rss/PROGRAM: what a program
holds after 1,000,000 requests over what it held after the first 10,000 and some. On the other side stand BOUNDS."""

import contextlib
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import micro
import wrk
from peers import proxies
from places import PICKET_BIN, cores, need, stop
from processes import free_port, wait
from servers import Servers

BOUNDS = {"connection": 8 * 1024, "exchange": 1024, "body_byte": 1, "unchanged": 1}  # bytes; of `unchanged` a ratio
SLOPE = re.compile(r"growth/per_(header|kib)/(\w+)/(\d+)-(\d+)")
CONNECTIONS, EXCHANGES = 1000, 10_000
BODIES, BODY = 100, 512 * 1024
FIRST_REQUESTS, ALL_REQUESTS = 10_000, 1_000_000
PERIOD = 11  # seconds in which everything periodic has run once, such as pings: its code counts as RSS


def ends_of(row):
    """The two measured rows that a slope lies between, and how far apart they are; nothing for other rows."""
    if (slope := SLOPE.fullmatch(row)) is None:
        return None
    what, encoding, first, last = slope.groups()
    name, unit = ("headers", "") if what == "header" else ("body", "k")
    return *(f"growth/{name}/{encoding}/{count}{unit}" for count in (first, last)), int(last) - int(first)


def measure_micro(rows, rounds, progress):
    """Rows of one process, and the slopes between them: `{row: [ns…]}`."""
    slopes = {row: ends for row in rows if (ends := ends_of(row))}
    wanted = {row: set() for row in rows if row not in slopes}
    for first, last, _ in slopes.values():
        wanted |= {first: set(), last: set()}
    values = micro.measure(wanted, rounds, progress)["picket"] if wanted else {}
    for row, (first, last, distance) in slopes.items():
        values[row] = [(b - a) / distance for a, b in zip(values[first], values[last])]
    return values


def memory_of(program, field="Anonymous"):
    """Bytes that a program holds of its own (Anonymous), or together with its files (Rss)."""
    text = Path(f"/proc/{program.pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024


def settled(program):
    """Its memory once it does not change any more."""
    seen = []

    def stands():
        time.sleep(0.1)
        seen.append(memory_of(program))
        return len(seen) > 3 and len(set(seen[-3:])) == 1
    wait("memory stands still", stands)
    return seen[-1]


class Asked(Servers):
    """An agent, and what asks it."""

    def __init__(self, folder, *options):
        super().__init__(folder)
        self.socket = self.folder / "agent.sock"
        self.options = options

    def __enter__(self):
        self.serve("agent", cores()[1], [PICKET_BIN / "picket", "agent", "--listen", f"unix:{self.socket}",
                                         *self.options], self.socket)
        return self

    def gateway(self, upstream):
        return proxies.gateway(self, "gateway", cores()[1], upstream, proxies.Asking(self.socket))


def at_both_ends(what, count, *agent_options):
    """Bytes per connection or exchange, at the proxy's end and at the agent's."""
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Asked(folder, *agent_options) as asked:
        agent = asked.named["agent"]
        before = settled(agent)
        command = [PICKET_BIN / "picket_memory", what, f"unix:{asked.socket}", count]
        with subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as proxy:
            line = proxy.stdout.readline()
            if not line:
                stop(f"picket_memory {what} failed")
            return float(line), (settled(agent) - before) / count


def of_clients():
    """Bytes that a gateway holds per idle client, and per byte of the bodies that it holds for inspection."""
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Asked(folder) as asked:
        port = asked.gateway(free_port())
        gateway = asked.named["gateway"]
        before = settled(gateway)
        with contextlib.ExitStack() as open_clients:
            clients = [open_clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
                       for _ in range(BODIES)]
            idle = settled(gateway)
            for client in clients:
                client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
                               % (BODY + 1))
                client.recv(100)
            waiting = settled(gateway)
            for client in clients:
                client.sendall(bytes(BODY))  # all but one byte: it is held
            return (idle - before) / BODIES, (settled(gateway) - waiting) / (BODIES * BODY)


def over_requests(progress):
    """RSS after all requests over RSS after the first ones, of gateway and agent."""
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Asked(folder) as asked:
        port = asked.gateway(proxies.nginx(asked, "upstream", cores()[0]))
        programs = [asked.named[name] for name in ("gateway", "agent")]
        done = 0

        def load(seconds):
            seen = wrk.run(cores()[0], f"http://127.0.0.1:{port}/", seconds, connections=8)
            if seen.refused:
                stop(f"the gateway refuses {seen.refused} of {seen.requests} requests")
            return seen.requests
        while done < FIRST_REQUESTS:
            done += load(1)
        time.sleep(PERIOD)
        first = [memory_of(program, "Rss") for program in programs]
        progress(f"growth: {ALL_REQUESTS:,} requests")
        while done < ALL_REQUESTS:
            done += load(10)
        return [memory_of(program, "Rss") / before for program, before in zip(programs, first)]


def measure_memory(rows, progress):
    """The wanted rows of growth/memory and growth/rss, each once: who else uses the machine does not matter to them."""
    parts = {("growth/memory/connection/proxy", "growth/memory/connection/agent"):
             lambda: at_both_ends("connections", CONNECTIONS),
             ("growth/memory/exchange/proxy", "growth/memory/exchange/agent"):
             lambda: at_both_ends("exchanges", EXCHANGES, "--delay-ms", 60_000),
             ("growth/memory/client", "growth/memory/body_byte"): of_clients,
             ("growth/rss/gateway", "growth/rss/agent"): lambda: over_requests(progress)}
    values = {}
    for names, measure_part in parts.items():
        if not set(names).isdisjoint(rows):
            values |= {name: [value] for name, value in zip(names, measure_part())}
    return values


def measure(wanted, rounds, progress):
    """As micro.measure."""
    need("wrk", "it makes the HTTP load; tools/bootstrap bench installs it")
    need("nginx", "it is the upstream; tools/bootstrap bench installs it")
    memory = [row for row in wanted if row.startswith(("growth/memory/", "growth/rss/"))]
    ours = measure_micro([row for row in wanted if row not in memory], rounds, progress)
    return {"picket": ours | measure_memory(memory, progress),
            "reference": {f"bound/{name}": [float(bound)] for name, bound in BOUNDS.items()}}
