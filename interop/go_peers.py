"""grpc-go on both sides of Picket, grpcurl at Picket's agent (what is served, health, one event), h2spec at its gateway. Needs Go 1.25 and a module proxy or a
filled module cache; where they are not there it says why, and is skipped."""

import http.client
import json
import re
import shutil
import subprocess
from pathlib import Path

import h2spec
from processes import Programs, free_port, wait

HERE = Path(__file__).resolve().parent
SPEC = HERE.parent / "spec"
LEAST_GO = (1, 25)
SERVICE = "zentinel.agent.v2.AgentServiceV2"
CONFIG = """system {{ worker-threads 1 }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}" }} }}
agents {{ agent "peer" {{ grpc "unix:{socket}"; events "request_headers" "request_complete"; timeout-ms 5000 }} }}
filters {{ filter "ask" {{ type "agent"; agent "peer" }} }}
routes {{ route "all" {{ filters "ask"; respond 200 "ok\\n" }} }}
"""
PROXY_SAYS = ["handshake true", "first allow", "second block", "end true", "event one allow", "event one block", "control mine false"]
EVENT = {"requestHeaders": {"metadata": {"correlationId": "curl", "clientIp": "192.0.2.1"}, "method": "GET", "uri": "/",
                            "headers": [{"name": "x-block", "value": "yes"}]}}  # fmt: skip


class Unavailable(Exception):
    """Why Go's programs cannot be made here."""


def run(command, folder: Path, seconds: int = 600) -> str:
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command[:4]))} …: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def make(folder: Path) -> tuple[Path, Path, Path]:
    """The peer, grpcurl and h2spec, built in `folder`. Raises Unavailable."""
    if shutil.which("go") is None:
        raise Unavailable("go is not there")
    version = tuple(map(int, re.search(r"go(\d+)\.(\d+)", run(["go", "env", "GOVERSION"], HERE)).groups()))
    if version < LEAST_GO:
        raise Unavailable(f"go is {version[0]}.{version[1]}, {LEAST_GO[0]}.{LEAST_GO[1]} is the least")
    shutil.copytree(HERE / "go", folder, dirs_exist_ok=True)
    try:
        run(["go", "mod", "download"], folder)
    except RuntimeError as error:
        raise Unavailable(str(error)) from error
    (folder / "pb").mkdir(exist_ok=True)
    plugins = {name: run(["go", "tool", "-n", name], folder).strip() for name in ("protoc-gen-go", "protoc-gen-go-grpc", "grpcurl", "h2spec")}
    module = "--{0}_opt=Magent_v2.proto=picket/interop/pb,module=picket/interop"
    run(["protoc", f"-I{SPEC}", f"--plugin=protoc-gen-go={plugins['protoc-gen-go']}", f"--plugin=protoc-gen-go-grpc={plugins['protoc-gen-go-grpc']}",
         "--go_out=.", module.format("go"), "--go-grpc_out=.", module.format("go-grpc"), "agent_v2.proto"], folder)  # fmt: skip
    run(["go", "build", "-o", "peer.bin", "./peer"], folder)
    return folder / "peer.bin", Path(plugins["grpcurl"]), Path(plugins["h2spec"])


def ask_agent(peer: Path, grpcurl: Path, picket: Path, folder: Path, check) -> None:
    """grpc-go as a proxy, and grpcurl, at Picket's agent."""
    programs, socket = Programs(folder), folder / "picket.sock"
    try:
        programs.start("agent", picket, "agent", "--listen", f"grpc+unix:{socket}", "--block-if", "x-block=yes", serves=str(socket))
        check(run([peer, "proxy", f"unix:{socket}"], folder).splitlines() == PROXY_SAYS, "grpc-go to picket", "it heard something else")

        def curl(*arguments) -> str:
            return run([grpcurl, "-plaintext", *arguments], folder)

        at = f"unix://{socket}"
        listed = set(curl(at, "list").split())
        check({SERVICE, "grpc.health.v1.Health"} <= listed, "grpcurl list", str(listed))
        check("rpc ProcessStream" in curl(at, "describe", SERVICE), "grpcurl describe", "the service is not described")
        check("SERVING" in curl(at, "grpc.health.v1.Health/Check"), "grpcurl health", "it is not SERVING")
        answer = json.loads(curl("-d", json.dumps(EVENT), at, f"{SERVICE}/ProcessEvent"))
        check(answer["response"]["block"]["status"] == 403, "grpcurl ProcessEvent", json.dumps(answer))
    finally:
        for wrong in programs.stop():
            check(False, "grpc-go to picket", wrong)


def ask_gateway(peer: Path, picket: Path, folder: Path, check) -> None:
    """grpc-go as the agent behind Picket's gateway."""
    programs, socket, port = Programs(folder), folder / "go.sock", free_port()
    file = folder / "gateway.kdl"
    file.write_text(CONFIG.format(port=port, socket=socket))
    try:
        agent = programs.start("go", peer, "agent", f"unix:{socket}", says="serves")
        programs.start("gateway", picket, "run", file, says="connected")
        for field, status in (("no", 200), ("yes", 403)):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            client.request("GET", "/", headers={"x-block": field})
            got = client.getresponse().status
            client.close()
            check(got == status, "picket to grpc-go", f"x-block: {field} is answered {got}")
        wait("the end of both exchanges", lambda: agent.text().count("complete") == 2)
    finally:
        for program in programs.all:
            if program.name == "go":
                program.kill()  # gRPC's server has no other end here
        for wrong in programs.stop():
            check(False, "picket to grpc-go", wrong)


def play(picket: Path, folder: Path, check) -> None:
    """Raises Unavailable."""
    peer, grpcurl, spec = make(folder / "go")
    for what, ask in (("grpc-go to picket", lambda: ask_agent(peer, grpcurl, picket, folder, check)),
                      ("picket to grpc-go", lambda: ask_gateway(peer, picket, folder, check)),
                      ("h2spec", lambda: h2spec.play(picket, spec, folder, check))):  # fmt: skip
        try:
            ask()
        except (RuntimeError, TimeoutError) as error:
            check(False, what, str(error))
