#!/usr/bin/env python3
"""Shows Picket at work: a small web service, picket-waf in a process of its own, and the gateway between clients and both.

Sends one clean request and four attacks, and two bodies that stream: an answer whose card number is taken out on the way, and
an upload that is stopped at its third piece; and a chat over a WebSocket, of which one message is dropped. Prints what became of each and which counters moved, then stops everything it started. Exits 1 if anything is not as it must be. With --keep it leaves all of it running and says what to try.
"""

import argparse
import base64
import hashlib
import http.client
import json
import socket
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
# What the service answers, piece by piece, and what is uploaded to it.
STREAM = [b"data: paid with 41111111", b"11111111 today\n\n", b"data: thank you\n\n"]
UPLOAD = [b"the first piece, ", b"the second, ", b"and EICAR-STANDARD-ANTIVIRUS-TEST-FILE"]
CHAT = [b"hello", b"my card is 4111111111111111", b"bye"]
SWITCH = b"GET /stream/chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
COUNTERS = [
    'picket_requests_total{class="2xx"}',
    'picket_requests_total{class="4xx"}',
    'picket_agent_decisions_total{agent="waf",type="waf",decision="allow"}',
    'picket_agent_decisions_total{agent="waf",type="waf",decision="block"}',
    'picket_agent_failures_total{agent="waf",type="waf",mode="closed"}',
    'picket_agent_cuts_total{agent="guard",type="example"}',
    "picket_websocket_messages_dropped_total",
]


class Shop(BaseHTTPRequestHandler):
    """The service that is protected. It remembers what reached it."""

    protocol_version = "HTTP/1.1"
    reached: list[str] = []
    uploaded: list[bytes] = []
    heard: list[bytes] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Shop.reached.append(f"{self.path} {body.decode(errors='replace')}")
        text = b"welcome to the shop\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def stream(self) -> None:
        """An answer in pieces; the number of a card lies across two of them."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in STREAM:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(0.2)
        self.wfile.write(b"0\r\n\r\n")

    def take(self) -> None:
        """Pieces of an upload, as they come; the connection closes where the gateway cuts it."""
        try:
            while size := int(self.rfile.readline() or b"0", 16):
                Shop.uploaded.append(self.rfile.read(size + 2)[:-2])
        except ValueError:
            pass
        self.close_connection = True

    def chat(self) -> None:
        """A WebSocket that hears short messages and says them again."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        while (head := self.rfile.read(2)) and head[0] == 0x81:
            mask, size = self.rfile.read(4), head[1] & 0x7F
            text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(size)))
            Shop.heard.append(text)
            self.wfile.write(bytes([0x81, size]) + text)
        self.close_connection = True

    def do_GET(self) -> None:
        {"/stream/orders": self.stream, "/stream/chat": self.chat}.get(self.path, self.answer)()

    def do_POST(self) -> None:
        self.take() if self.path == "/stream/upload" else self.answer()

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
        guard = f"{self.folder}/guard.sock"
        self.programs.start("guard", "stream_guard", "--listen", f"unix:{guard}", serves=guard)
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


def show_stream(stack: Stack) -> str | None:
    """An answer as it comes, each piece with its time; returns what is wrong with it."""
    connection = http.client.HTTPConnection("localhost", stack.port, timeout=10)
    begin = time.perf_counter()
    connection.request("GET", "/stream/orders")
    response = connection.getresponse()
    got = b""
    print("\nan answer streams, and loses its card number on the way")
    while piece := response.read1(65536):
        got += piece
        print(f"  {(time.perf_counter() - begin) * 1000:6.1f} ms  {piece!r}")
    wanted = b"".join(STREAM).replace(b"4111111111111111", b"*" * 16)
    return None if got == wanted else f"the stream is {got!r}"


def show_upload(stack: Stack, keep: bool) -> str | None:
    """Pieces of an upload, each once the service has the one before; returns what is wrong with the outcome."""
    client = socket.create_connection(("127.0.0.1", stack.port), 10)
    client.sendall(b"POST /stream/upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    print("\nan upload is stopped at its third piece")
    for number, piece in enumerate(UPLOAD, 1):
        client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        end = time.monotonic() + 2
        while number < len(UPLOAD) and not keep and len(Shop.uploaded) < number and time.monotonic() < end:
            time.sleep(0.01)
    status = client.recv(65536).split(b"\r\n", 1)[0].decode()
    client.close()
    print(f"  the client got     {status}")
    if not keep:
        print(f"  the service got    {Shop.uploaded}")
    if " 403 " not in status:
        return f"the upload got {status}"
    return None if keep or Shop.uploaded == UPLOAD[:2] else f"of the upload {Shop.uploaded} reached the service"


def show_chat(stack: Stack) -> str | None:
    """Messages of a chat, which the service says again; returns what is wrong with those that came back."""
    client = socket.create_connection(("127.0.0.1", stack.port), 10)
    client.sendall(SWITCH)
    stream = client.makefile("rb")
    while stream.readline() not in (b"\r\n", b""):
        pass
    mask = b"mask"
    for text in CHAT:
        client.sendall(bytes([0x81, 0x80 | len(text)]) + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(text)))
    wanted = [CHAT[0], CHAT[2]]
    came = []
    for _ in wanted:
        head = stream.read(2)
        came.append(stream.read(head[1]))
    client.close()
    print("\na message of a chat is dropped")
    print(f"  the client sent    {CHAT}")
    print(f"  and heard again    {came}")
    return None if came == wanted and Shop.heard in ([], wanted) else f"the chat said {came}, and the service heard {Shop.heard}"


def play(stack: Stack, keep: bool) -> list[str]:
    before = counters(stack.metrics_port)
    print(f"\n{'#':<3}{'request':<28}{'status':<8}{'agent':<7}{'time':>9}  rules")
    wrong = [error for number, request in enumerate(REQUESTS, 1) if (error := show(number, request, stack))]
    wrong += [error for error in (show_stream(stack), show_upload(stack, keep), show_chat(stack)) if error]
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
    print("\nas it must be: the clean request passed, four attacks did not, two streams and a chat were looked at as they went" if not wrong else "\nnot as it must be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
