"""The reference's own proxy as a peer, with the agent of the published crate: installed below build/bench, started with
or without the agent."""

from build import run
from places import BIN, BUILD
from processes import free_port

VERSION = "0.6.54"
FOLDER = BUILD / "zentinel"
PROGRAM = FOLDER / "bin" / "zentinel"


def install():
    """Takes many minutes the first time. It names Rust 1.96 as its minimum and builds with 1.95."""
    if not PROGRAM.exists():
        run(["cargo", "install", "zentinel-proxy", "--version", f"={VERSION}", "--ignore-rust-version", "--quiet",
             "--root", str(FOLDER), "--target-dir", str(BUILD / "zentinel-target")], BUILD / "zentinel.log")


def agent(path):
    return [BIN / "reference-agent-msgpack", "--listen", path]


CONFIG = """system {{ worker-threads 1 }}
observability {{ metrics {{ enabled #false }} }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}"; protocol "http" }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}" }} }}
routes {{ route "all" {{ matches {{ path-prefix "/" }}; {filters} upstream "app" }} }}
"""
# inspect-first: nothing of a body goes upstream before the verdict, as the other peers have it.
AGENT = """filters {{ filter "ask" {{ type "agent"; agent "asked"; failure-mode "{failure_mode}" }} }}
agents {{ agent "asked" type="custom" {{ unix-socket "{socket}"
  events "request_headers" "request_body"; timeout-ms {timeout_ms}; failure-mode "{failure_mode}"
  request-body-mode "inspect-first" }} }}
"""


def proxy(servers, name, core, upstream, asking=None):
    port, config = free_port(), servers.folder / f"{name}.kdl"
    text = CONFIG.format(port=port, upstream=upstream, filters='filters "ask";' if asking else "")
    if asking:
        text += AGENT.format(socket=asking.socket, timeout_ms=asking.timeout_ms,
                             failure_mode="open" if asking.fails_open else "closed")
    config.write_text(text, encoding="ascii")
    # It warns of each body that it inspected first; that log must not cost it time.
    servers.serve(name, core, ["env", "RUST_LOG=error", PROGRAM, "-c", config], port)
    return port
