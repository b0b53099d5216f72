"""The whole path under test, started for one run: an upstream, picket-waf, the gateway."""

import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
RULES = ["/etc/modsecurity/crs/crs-setup.conf", str(HERE / "setup.conf"), "/usr/share/modsecurity-crs/rules/*.conf"]

# The limits are wide where a test wants to see a rule, not the gateway, say no.
GATEWAY = """\
system {{ worker-threads 1 }}
listeners {{ listener "crs" {{ address "127.0.0.1:{port}"; protocol "http" }} }}
agents {{
  agent "waf" type="waf" {{
    binary-uds "{socket}"
    events "request_headers" "request_body"
    timeout-ms 20000
    failure-mode "closed"
    max-request-body-bytes 10485760
  }}
}}
filters {{ filter "w" {{ type "agent"; agent "waf" }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}" }} }}
routes {{ route "all" {{ matches {{ path-prefix "/" }}; filters "w"; upstream "app" }} }}
limits {{ max-header-size-bytes 65536; max-header-count 200; max-body-size-bytes 10485760 }}
"""


class Site(BaseHTTPRequestHandler):
    """An upstream with one page: 200 for /, 404 for the rest, whatever the method."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200 if self.path.split("?")[0] == "/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def __getattr__(self, name: str):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_) -> None:
        pass


class Upstream(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_) -> None:  # a gateway that hangs up is no news
        pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(what: str, is_there, process: subprocess.Popen, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_there():
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with {process.returncode} before it served")
        if time.monotonic() > end:
            raise RuntimeError(f"{what} does not serve after {seconds:.0f} s")
        time.sleep(0.02)


def connects(address) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(address) == 0


class Stack:
    """Starts everything in `work`; stops it on exit. Output of the programs goes to waf.out and gateway.out there."""

    def __init__(self, binaries: Path, work: Path):
        self.work, self.binaries = work, binaries
        self.rule_log = work / "rules.log"
        self.port = free_port()
        self.processes: list[subprocess.Popen] = []

    def __enter__(self) -> "Stack":
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self) -> None:
        self.upstream = Upstream(("127.0.0.1", 0), Site)
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        waf_socket = str(self.work / "waf.sock")
        waf = self.run("waf", "picket-waf", "--listen", f"unix:{waf_socket}", "--detection-only",
                       "--rule-log", str(self.rule_log), "--rules", *RULES)
        wait_for("picket-waf", lambda: connects(waf_socket), waf)
        configuration = self.work / "gateway.kdl"
        configuration.write_text(
            GATEWAY.format(port=self.port, socket=waf_socket, upstream=self.upstream.server_address[1]))
        gateway = self.run("gateway", "picket", "run", str(configuration))
        wait_for("the gateway", lambda: connects(("127.0.0.1", self.port)), gateway)

    def run(self, name: str, program: str, *arguments: str) -> subprocess.Popen:
        with open(self.work / f"{name}.out", "wb") as output:
            process = subprocess.Popen([str(self.binaries / program), *arguments], stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def __exit__(self, *_) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if hasattr(self, "upstream"):
            self.upstream.shutdown()
            self.upstream.server_close()
