#!/usr/bin/env python3
"""Shows Picket at work: a small web service, picket-waf in a process of its own, and the gateway between clients and both.

Sends one clean request and four attacks, prints what became of each and which counters moved, then stops everything it
started. Exits 1 if anything is not as it must be. With --keep it leaves all of it running and says what to try.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from processes import Programs, free_port

ROOT = Path(__file__).resolve().parent.parent
BINARIES = ROOT / "build" / "release" / "bin"

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
# What is sent, the status it must get, and the beginning of a rule id that must have matched.
REQUESTS = [
    ("clean request", "GET", "/products?page=2", {}, None, 200, None),
    ("SQL injection in the query", "GET", "/products?id=1%27%20UNION%20SELECT%20password%20FROM%20users--", {}, None, 403, "942"),
    ("SQL injection in a form", "POST", "/login", FORM, "user=admin&password=%27+OR+%271%27%3D%271%27--", 403, "942"),
    ("SQL injection in JSON", "POST", "/api/search", JSON, '{"filter":{"name":"x\' UNION SELECT password FROM users--"}}', 403, "942"),
    ("XSS in a header", "GET", "/", {"Referer": "http://evil.example/<script>alert(document.cookie)</script>"}, None, 403, "941"),
]
COUNTERS = [
    'picket_requests_total{class="2xx"}',
    'picket_requests_total{class="4xx"}',
    'picket_agent_decisions_total{agent="waf",type="waf",decision="allow"}',
    'picket_agent_decisions_total{agent="waf",type="waf",decision="block"}',
    'picket_agent_failures_total{agent="waf",type="waf",mode="closed"}',
]


class Shop(BaseHTTPRequestHandler):
    """The service that is protected. It remembers what reached it."""

    protocol_version = "HTTP/1.1"
    reached: list[str] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Shop.reached.append(f"{self.path} {body.decode(errors='replace')}")
        text = b"welcome to the shop\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_) -> None:
        pass


class Stack:
    """What the demo starts. Everything that is written goes to one temporary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="picket-demo-"))
        self.port, self.metrics_port = free_port(), free_port()
        self.programs = Programs(self.folder, BINARIES)

    def start(self, keep: bool) -> None:
        if keep:  # the service must outlive this program
            upstream_port = free_port()
            self.programs.start("upstream", sys.executable, Path(__file__).resolve(), "--serve", upstream_port)
        else:
            upstream = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
            upstream_port = upstream.server_address[1]
            threading.Thread(target=upstream.serve_forever, daemon=True).start()
        waf = f"{self.folder}/waf.sock"
        self.programs.start("waf", "picket-waf", "--listen", f"unix:{waf}", serves=waf)
        environment = {
            "PICKET_DEMO_PORT": str(self.port),
            "PICKET_DEMO_METRICS_PORT": str(self.metrics_port),
            "PICKET_DEMO_UPSTREAM": f"127.0.0.1:{upstream_port}",
            "PICKET_DEMO_DIR": str(self.folder),
        }
        self.programs.start("gateway", "picket", "run", ROOT / "examples" / "demo.kdl",
                            serves=("127.0.0.1", self.port), environment=environment)


def counters(port: int) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line and line[0] != "#")}


def audit_of(folder: Path, request_id: str) -> dict:
    """The audit line of the agent that blocked a request; written within 100 ms."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        for line in (folder / "audit.jsonl").read_text().splitlines():
            entry = json.loads(line)
            if entry["id"] == request_id and entry["decision"] != "allow":
                return entry
        time.sleep(0.02)
    return {}


def show(number: int, request, stack: Stack) -> str | None:
    """Sends one request and prints its row; returns what is wrong with the outcome."""
    what, method, target, headers, body, wanted, rule = request
    connection = http.client.HTTPConnection("localhost", stack.port, timeout=10)
    begin = time.perf_counter()
    connection.request(method, target, body=body, headers={"User-Agent": "demo", "Accept": "*/*", **headers})
    response = connection.getresponse()
    response.read()
    took_ms = (time.perf_counter() - begin) * 1000
    entry = audit_of(stack.folder, response.headers["X-Request-Id"]) if response.status != 200 else {}
    rules = entry.get("rule_ids", [])
    print(f"{number}  {what:<28}{response.status:<8}{entry.get('agent', '-'):<7}{took_ms:6.1f} ms  {' '.join(rules)}")
    if response.status != wanted:
        return f"{what}: {response.status} instead of {wanted}"
    if rule and not any(matched.startswith(rule) for matched in rules):
        return f"{what}: no rule {rule}xxx among {rules}"
    return None


def play(stack: Stack, keep: bool) -> list[str]:
    before = counters(stack.metrics_port)
    print(f"\n{'#':<3}{'request':<28}{'status':<8}{'agent':<7}{'time':>9}  rules")
    wrong = [error for number, request in enumerate(REQUESTS, 1) if (error := show(number, request, stack))]
    after = counters(stack.metrics_port)
    print("\ncounters that moved")
    for name in COUNTERS:
        print(f"  {name:<72} {before[name]:.0f} -> {after[name]:.0f}")
    blocked = COUNTERS[3]
    if after[blocked] - before[blocked] != 4:
        wrong.append(f"{blocked} did not grow by 4")
    if not keep:
        print(f"\nreached the service: {len(Shop.reached)} of {len(REQUESTS)} requests")
        if len(Shop.reached) != 1:
            wrong.append(f"requests reached the service that must not: {Shop.reached}")
    return wrong


def how_to_go_on(stack: Stack) -> None:
    pids = " ".join(str(process.pid) for process in stack.programs.all)
    print(f"""
still running; try
  curl -i 'http://localhost:{stack.port}/products?page=2'
  curl -i 'http://localhost:{stack.port}/?file=../../../etc/passwd'
  curl -i -d 'q=<script>alert(1)</script>' http://localhost:{stack.port}/search
  curl -s http://localhost:{stack.metrics_port}/metrics | grep picket_agent
  tail -f {stack.folder}/access.jsonl {stack.folder}/audit.jsonl
  {BINARIES / 'picket'} call --agent unix:{stack.folder}/waf.sock '/?id=1%20OR%201=1--'
stop it with
  kill {pids}""")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        ThreadingHTTPServer(("127.0.0.1", arguments.serve), Shop).serve_forever()
    stack = Stack()
    try:
        stack.start(arguments.keep)
        wrong = play(stack, arguments.keep)
    except BaseException as error:
        stack.programs.stop()
        if isinstance(error, RuntimeError):
            raise SystemExit(f"demo: {error}") from None
        raise
    if arguments.keep:
        how_to_go_on(stack)
    else:
        wrong += stack.programs.stop()
    for error in wrong:
        print(f"WRONG: {error}", file=sys.stderr)
    print("\nas it must be: the clean request passed, four attacks did not" if not wrong else "\nnot as it must be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
