"""npm's ws on both sides of Picket's gateway, with an agent that is asked about each frame. Needs Debian's node-ws; where that is not there it says so, and is skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import Programs, free_port

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "integration"))

from agent import Agent  # noqa: E402

MODULES = Path("/usr/share/nodejs")
CONFIG = """system {{ worker-threads 1 }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}" }} }}
agents {{ agent "peer" {{ unix-socket "{socket}"; events "request_headers" "websocket_frame"; timeout-ms 5000 }} }}
filters {{ filter "ask" {{ type "agent"; agent "peer" }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}" }} }}
routes {{ route "all" {{ filters "ask"; upstream "app"; websocket #true; websocket-inspection #true }} }}
observability {{ metrics {{ address "127.0.0.1:{metrics}" }} }}
"""
WANTED = "5 messages, extensions '', closed 1000"


class Unavailable(Exception):
    """Why there is no such peer here."""


def play(binaries: Path, folder: Path, check) -> None:
    node = shutil.which("node", path="/usr/bin:/bin") or shutil.which("node")
    if node is None or not (MODULES / "ws").is_dir():
        raise Unavailable("node-ws is not there")
    environment = os.environ | {"NODE_PATH": str(MODULES)}
    server = subprocess.Popen([node, HERE / "websocket.js", "server"], stdout=subprocess.PIPE, text=True, env=environment)
    programs = Programs(folder, binaries)
    socket, port = folder / "peer.sock", free_port()
    agent = Agent(socket, events=("request_headers", "websocket_frame"))
    try:
        upstream = int(server.stdout.readline().split()[1])
        file = folder / "gateway.kdl"
        file.write_text(CONFIG.format(port=port, socket=socket, upstream=upstream, metrics=free_port()))
        programs.start("gateway", "picket", "run", file, says="metrics at http")
        said = subprocess.run([node, HERE / "websocket.js", "client", str(port)], capture_output=True, text=True, timeout=60, env=environment, check=False)
        check(said.stdout.strip() == WANTED, "ws through the gateway", said.stdout + said.stderr)
        check(len(agent.of("websocket_frame")) >= 14, "ws through the gateway", "not every frame was asked about")
    finally:
        server.terminate()
        server.wait()
        agent.close()
        for wrong in programs.stop():
            check(False, "ws through the gateway", wrong)
