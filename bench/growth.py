"""How cost and memory grow: rows of the table `growth`.

What one process measures (growth_bench.cpp: exchanges in flight, headers, body bytes, workers) comes from micro.py; slopes are
taken from it: growth/per_header/ENCODING/A-B and growth/per_kib/ENCODING/A-B, in nanoseconds, between A and B of them. The rest
is memory of real processes, in bytes, measured once: growth/memory/WHAT, and growth/rss/PROGRAM: what a program holds after
1,000,000 requests over what it held after the first 10,000 and some. On the other side stand the bounds of targets.md."""

import contextlib
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import micro
from http_rows import GATEWAY, NGINX, ANSWER, free_port
from places import PICKET_BIN, need, output_of, stop

BOUNDS = {"connection": 8 * 1024, "exchange": 1024, "body_byte": 1, "unchanged": 1}  # bytes; of `unchanged` a ratio
SLOPE = re.compile(r"growth/per_(header|kib)/(\w+)/(\d+)-(\d+)")
CONNECTIONS, EXCHANGES = 1000, 10_000
BODIES, BODY = 100, 512 * 1024
FIRST_REQUESTS, ALL_REQUESTS = 10_000, 1_000_000


def ends_of(row):
    """The two measured rows that a slope lies between, and how far apart they are; nothing for other rows."""
    if (slope := SLOPE.fullmatch(row)) is None:
        return None
    what, encoding, first, last = slope.groups()
    name, unit = ("headers", "") if what == "header" else ("body", "k")
    ends = [f"growth/{name}/{encoding}/{count}{unit}" for count in (first, last)]
    return *ends, int(last) - int(first)


def measure_micro(rows, rounds, progress):
    ends = {row: found for row in rows if (found := ends_of(row))}
    wanted = {row: set() for row in rows if row not in ends} | {end: set() for found in ends.values() for end in found[:2]}
    values = micro.measure(wanted, rounds, progress)["picket"] if wanted else {}
    for row, (first, last, distance) in ends.items():
        values[row] = [(b - a) / distance for a, b in zip(values[first], values[last])]
    return values


# ---- memory

def memory_of(process, field="Anonymous"):
    """Bytes that a process holds of its own (Anonymous), or with its files (Rss)."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024


class Programs:
    """Processes and their folder; ends them on exit."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="picket-bench-")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def spawn(self, name, *command, **options):
        log = self.stack.enter_context(open(self.folder / f"{name}.out", "wb"))
        process = subprocess.Popen(list(map(str, command)), **({"stdout": log, "stderr": log} | options))
        self.stack.callback(self.end, process)
        return process

    def end(self, process):
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def agent(self, *options):
        process = self.spawn("agent", PICKET_BIN / "picket", "agent", "--listen", f"unix:{self.folder}/agent.sock", *options)
        self.until((self.folder / "agent.sock").exists, "the agent")
        return process

    def gateway(self, upstream):
        port = free_port()
        config = self.folder / "gateway.kdl"
        config.write_text(GATEWAY.format(folder=self.folder, upstream=upstream, port=port, filters='filters "ask";'),
                          encoding="ascii")
        process = self.spawn("gateway", PICKET_BIN / "picket", "run", config)
        self.until(lambda: listens(port), "the gateway")
        return process, port

    def upstream(self):
        port = free_port()
        config = self.folder / "upstream.conf"
        config.write_text(NGINX.format(folder=self.folder, name="upstream", upstream=port, port=port, action=ANSWER),
                          encoding="ascii")
        self.spawn("upstream", "nginx", "-c", config, "-p", self.folder)
        self.until(lambda: listens(port), "the upstream")
        return port

    def until(self, holds, what):
        end = time.monotonic() + 20
        while not holds():
            if time.monotonic() > end:
                stop(f"{what} is not there after 20 s")
            time.sleep(0.02)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def both_ends(what, count, *agent_options):
    """Bytes per connection or exchange of the proxy's end and of the agent's."""
    with Programs() as programs:
        agent = programs.agent(*agent_options)
        before = memory_of(agent)
        proxy = programs.spawn("proxy", PICKET_BIN / "picket_memory", what, f"unix:{programs.folder}/agent.sock", count,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = proxy.stdout.readline()
        if not line:
            stop(f"picket_memory: {proxy.stderr.read().strip()}")
        time.sleep(0.3)  # the agent reads what is on its way
        return float(line), (memory_of(agent) - before) / count


def held_bodies():
    """Bytes that a gateway holds per idle client, and per byte of bodies that it holds for inspection."""
    with Programs() as programs:
        programs.agent()
        gateway, port = programs.gateway(free_port())
        head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {2 * BODY}\r\nExpect: 100-continue\r\n\r\n".encode()
        with contextlib.ExitStack() as clients:
            before = memory_of(gateway)
            opened = [clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)) for _ in range(BODIES)]
            time.sleep(0.3)
            idle = memory_of(gateway)
            for client in opened:
                client.sendall(head)
                client.recv(100)
            waiting = memory_of(gateway)
            for client in opened:
                client.sendall(bytes(BODY))
            time.sleep(0.3)
            return (idle - before) / BODIES, (memory_of(gateway) - waiting) / (BODIES * BODY)


def requests(port, seconds):
    text = output_of(["wrk", "-t1", "-c8", f"-d{seconds}s", f"http://127.0.0.1:{port}/"])
    if "Non-2xx" in text or "Socket errors" in text:
        stop(f"the gateway answers with errors:\n{text}")
    return int(re.search(r"(\d+) requests in", text).group(1))


def rss_over_requests(progress):
    """RSS after all requests over RSS after the first ones, of gateway and agent."""
    with Programs() as programs:
        agent = programs.agent()
        gateway, port = programs.gateway(programs.upstream())
        done = 0
        while done < FIRST_REQUESTS:
            done += requests(port, 1)
        first = [memory_of(process, "Rss") for process in (gateway, agent)]
        progress(f"growth: {ALL_REQUESTS:,} requests")
        while done < ALL_REQUESTS:
            done += requests(port, 10)
        return [memory_of(process, "Rss") / before for process, before in zip((gateway, agent), first)]


def measure_memory(rows, progress):
    """Every row of growth/memory and growth/rss that is wanted, once: they do not depend on who else uses the machine."""
    values = {}
    if any(row.startswith("growth/memory/connection/") for row in rows):
        values["growth/memory/connection/proxy"], values["growth/memory/connection/agent"] = both_ends(
            "connections", CONNECTIONS)
    if any(row.startswith("growth/memory/exchange/") for row in rows):
        values["growth/memory/exchange/proxy"], values["growth/memory/exchange/agent"] = both_ends(
            "exchanges", EXCHANGES, "--delay-ms", 60_000)
    if any(row.startswith("growth/memory/client") or row.startswith("growth/memory/body") for row in rows):
        values["growth/memory/client"], values["growth/memory/body_byte"] = held_bodies()
    if any(row.startswith("growth/rss/") for row in rows):
        need("wrk", "it makes the HTTP load; tools/bootstrap bench installs it")
        need("nginx", "it is the upstream; tools/bootstrap bench installs it")
        values["growth/rss/gateway"], values["growth/rss/agent"] = rss_over_requests(progress)
    return {row: [value] for row, value in values.items()}


def measure(wanted, rounds, progress):
    """As micro.measure."""
    is_memory = re.compile(r"growth/(memory|rss)/")
    micro_rows = [row for row in wanted if not is_memory.match(row)]
    return {"picket": measure_micro(micro_rows, rounds, progress)
            | measure_memory([row for row in wanted if is_memory.match(row)], progress),
            "reference": {f"bound/{name}": [float(bound)] for name, bound in BOUNDS.items()}}
