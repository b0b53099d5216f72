"""The whole path under test, started for one run: an upstream, picket-waf, the gateway."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))

from processes import Programs, free_port  # noqa: E402

RULES = ["/etc/modsecurity/crs/crs-setup.conf", str(HERE / "setup.conf"), "/usr/share/modsecurity-crs/rules/*.conf"]

# The limits are wide where a test wants to see a rule, not the gateway, say no.
GATEWAY = """\
system {{ worker-threads 1 }}
listeners {{ listener "crs" {{ address "127.0.0.1:{port}"; protocol "http" }} }}
agents {{
  agent "waf" type="waf" {{
    binary-uds "{socket}"
    events "request_headers" "request_body" "response_headers" "response_body"
    response-body-mode "stream"
    timeout-ms 20000
    failure-mode "closed"
    max-request-body-bytes 10485760
  }}
}}
filters {{ filter "w" {{ type "agent"; agent "waf" }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}" }} }}
routes {{ route "all" {{ matches {{ path-prefix "/" }}; filters "w"; upstream "app" }} }}
limits {{ max-header-size-bytes 65536; max-header-count 200; max-body-size-bytes 10485760; underscores-in-headers #true }}
"""


class Site(BaseHTTPRequestHandler):
    """An upstream with two pages, as the suite's own: 200 for / and /post, 404 for the rest, whatever the method."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200 if self.path.split("?")[0] in ("/", "/post") else 404)
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


class Stack:
    """Starts everything in `work`; stops it on exit. Output of the programs goes to waf.out and gateway.out there."""

    def __init__(self, binaries: Path, work: Path, rules: list[str] | None = None, site: type[Site] = Site):
        self.work = work
        self.rules = rules or RULES
        self.site = site
        self.rule_log = work / "rules.log"
        self.port = free_port()
        self.programs = Programs(work, binaries)

    def __enter__(self) -> "Stack":
        try:
            self.start()
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def start(self) -> None:
        self.upstream = Upstream(("127.0.0.1", 0), self.site)
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        waf = str(self.work / "waf.sock")
        self.programs.start("waf", "picket-waf", "--listen", f"unix:{waf}", "--detection-only", "--rule-log",
                            self.rule_log, "--rules", *self.rules, serves=waf)
        configuration = self.work / "gateway.kdl"
        configuration.write_text(
            GATEWAY.format(port=self.port, socket=waf, upstream=self.upstream.server_address[1]))
        self.programs.start("gateway", "picket", "run", configuration, serves=("127.0.0.1", self.port))

    def __exit__(self, kind=None, *_) -> None:
        wrong = self.programs.stop()
        if hasattr(self, "upstream"):
            self.upstream.shutdown()
            self.upstream.server_close()
        if wrong and kind is None:
            raise RuntimeError("; ".join(wrong))
