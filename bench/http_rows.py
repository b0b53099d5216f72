"""What an HTTP user feels: nginx as a proxy, the gateway alone, and the gateway asking an agent that allows, in front of
one upstream. Load and upstream share the first core, the proxy and its agent the second.

A row is http/WHAT/METHOD/SETUP: WHAT is p50 or cpu (of proxy and agent together, per request); METHOD get, or post with 10 KB;
SETUP gateway, agent, or added: what the agent adds to the gateway alone. On the other side nginx, or the bound that
targets.md sets in figures."""

import contextlib
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from places import PICKET_BIN, cores, need, on_core, output_of, stop

SECONDS = 1
BOUNDS_US = {"p50": 35.0, "cpu": 10.0}  # what one agent may add to a request

NGINX = """daemon off; master_process off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  client_body_buffer_size 64k; keepalive_requests 1000000000;
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ {action} }} }}
}}
"""
ANSWER = 'return 200 "hello, this is the upstream\\n";'
PASS_ON = 'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";'

GATEWAY = """system {{ worker-threads 1 }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}"; protocol "http" }} }}
agents {{ agent "allow" type="custom" {{ binary-uds "{folder}/agent.sock"; events "request_headers" "request_body"; timeout-ms 5000; failure-mode "closed" }} }}
filters {{ filter "ask" {{ type "agent"; agent "allow" }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}" }} }}
routes {{ route "all" {{ matches {{ path-prefix "/" }}; {filters} upstream "app" }} }}
"""

# wrk sends a body only from a script.
POST = """wrk.method = "POST"
wrk.body = string.rep("0123456789", 1024)
wrk.headers["Content-Type"] = "application/octet-stream"
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Stack:
    """Upstream, nginx, both gateways and the agent, each a process of its own; ends them on exit."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ports = {name: free_port() for name in ("upstream", "nginx", "gateway", "agent")}
        self.processes = {}

    def start(self):
        load, proxy = cores()
        self.nginx("upstream", load, ANSWER)
        self.nginx("nginx", proxy, PASS_ON)
        self.spawn("asked", proxy, [PICKET_BIN / "picket", "agent", "--listen", f"unix:{self.folder}/agent.sock"])
        self.gateway("gateway", proxy, "")
        self.gateway("agent", proxy, 'filters "ask";')
        (self.folder / "post.lua").write_text(POST, encoding="ascii")
        for name, port in self.ports.items():
            self.await_port(name, port)

    def nginx(self, name, core, action):
        config = self.folder / f"{name}.conf"
        config.write_text(NGINX.format(folder=self.folder, name=name, upstream=self.ports["upstream"],
                                       port=self.ports[name], action=action), encoding="ascii")
        self.spawn(name, core, ["nginx", "-c", config, "-p", self.folder])

    def gateway(self, name, core, filters):
        config = self.folder / f"{name}.kdl"
        config.write_text(GATEWAY.format(folder=self.folder, upstream=self.ports["upstream"], port=self.ports[name],
                                         filters=filters), encoding="ascii")
        self.spawn(name, core, [PICKET_BIN / "picket", "run", config])

    def spawn(self, name, core, command):
        with open(self.folder / f"{name}.out", "wb") as output:
            self.processes[name] = subprocess.Popen(on_core(core, command), stdout=output, stderr=output)

    def await_port(self, name, port):
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        stop(f"{name} does not listen: {(self.folder / f'{name}.out').read_text(encoding='utf-8')[-500:]}")

    def cpu_us(self, names):
        tasks = [task for name in names for task in Path(f"/proc/{self.processes[name].pid}/task").glob("*/schedstat")]
        return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1000

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()


def in_microseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def load(stack, name, method):
    """One client that asks again as soon as it is answered."""
    script = ["-s", stack.folder / "post.lua"] if method == "post" else []
    watched = [name, "asked"] if name == "agent" else [name]
    before = stack.cpu_us(watched)
    text = output_of(on_core(cores()[0], ["wrk", "-t1", "-c1", f"-d{SECONDS}s", "--latency", *script,
                                          f"http://127.0.0.1:{stack.ports[name]}/"]))
    used = stack.cpu_us(watched) - before
    if "Non-2xx" in text or "Socket errors" in text:
        stop(f"{name} answers {method} with errors:\n{text}")
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    return {"p50": in_microseconds(re.search(r"50%\s+(\S+)", text).group(1)), "cpu": used / requests}


def values_of(round_results):
    """`{side: {row: value}}` of one round."""
    values = {"picket": {}, "reference": {}}
    for method in ("get", "post"):
        for what, bound in BOUNDS_US.items():
            alone, asked = (round_results[name, method][what] for name in ("gateway", "agent"))
            values["picket"] |= {f"http/{what}/{method}/gateway": alone, f"http/{what}/{method}/agent": asked,
                                 f"http/{what}/{method}/added": max(asked - alone, 0.0)}
            values["reference"] |= {f"nginx/{what}/{method}": round_results["nginx", method][what],
                                    f"bound/{what}": bound}
    return values


def measure(_wanted, rounds, progress):
    """As micro.measure; every row of this table comes from the same six loads."""
    need("wrk", "it makes the HTTP load; tools/bootstrap bench installs it")
    need("nginx", "it is the upstream and the proxy to compare with; tools/bootstrap bench installs it")
    result = {"picket": {}, "reference": {}}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder:
        stack = Stack(folder)
        try:
            stack.start()
            for number in range(rounds):
                progress(f"HTTP: round {number + 1} of {rounds}")
                outcome = {(name, method): load(stack, name, method) for method in ("get", "post")
                           for name in ("nginx", "gateway", "agent")}
                for side, rows in values_of(outcome).items():
                    for row, value in rows.items():
                        result[side].setdefault(row, []).append(value)
        finally:
            stack.stop()
    return result
