"""A browser (headless Chromium) through the gateway: HTTP/2 over TLS, an event stream, and WebSockets, passed and inspected."""

import json
import shutil
import sys
from pathlib import Path

from certificates import Authority
from processes import Programs, free_port, wait

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

from frames import CLOSE, Peer, accept_of  # noqa: E402
from upstream import Request, Upstream, response  # noqa: E402

CONFIG = """system {{ worker-threads 1 }}
listeners {{ listener "safe" {{ address "127.0.0.1:{port}"; protocol "https"; tls {{ cert-file "{certificate}"; key-file "{key}" }} }} }}
agents {{ agent "a" {{ unix-socket "{agent}"; events "request_headers" "websocket_frame"; timeout-ms 20000 }} }}
filters {{ filter "a" {{ type "agent"; agent "a" }} }}
upstreams {{ upstream "app" {{ target "{upstream}" }} }}
routes {{
  route "inspected" {{ matches {{ path "/inspected" }}; filters "a"; upstream "app"; websocket #true; websocket-inspection #true }}
  route "all" {{ filters "a"; upstream "app"; websocket #true }}
}}
observability {{ access-log {{ file "{log}" }} }}
"""
PAGE = b"""<!doctype html><script>
function talk(path) {
  return new Promise((done, failed) => {
    const got = [], socket = new WebSocket(`wss://${location.host}${path}`);
    socket.onopen = () => { socket.send('hello'); socket.send('x'.repeat(70000)); };
    socket.onmessage = event => { got.push(event.data.length); if (got.length === 2) socket.close(1000); };
    socket.onclose = event => done([...got, event.code]);
  });
}
function listen() {
  return new Promise((done, failed) => {
    const got = [], events = new EventSource('/events');
    events.onmessage = event => { got.push(event.data); if (got.length === 3) { events.close(); done(got); } };
    events.onerror = () => failed('the event stream broke');
  });
}
async function play() {
  const asked = [...Array(20).keys()].map(i => '/text/' + i);
  const texts = await Promise.all(asked.map(path => fetch(path).then(answer => answer.text())));
  const echo = await fetch('/echo', {method: 'POST', body: 'y'.repeat(200000)}).then(answer => answer.text());
  return {texts: texts.filter((text, i) => text === asked[i]).length, echo: echo.length, events: await listen(),
          passed: await talk('/passed'), inspected: await talk('/inspected')};
}
play().catch(error => ({error: String(error)})).then(said => fetch('/done', {method: 'POST', body: JSON.stringify(said)}));
</script>"""
WANTED = {"texts": 20, "echo": 200_000, "events": ["0", "1", "2"], "passed": [5, 70_000, 1000], "inspected": [5, 70_000, 1000]}


class Site:
    """What the browser comes to; `said` is what its page has found."""

    def __init__(self):
        self.said: dict | None = None
        self.upstream = Upstream(self.respond)

    def respond(self, request: Request) -> bytes | None:
        match request.target:
            case "/":
                return response(PAGE, headers="Content-Type: text/html\r\n")
            case "/echo":
                return response(request.body)
            case "/events":
                text = b"".join(b"data: %d\n\n" % number for number in range(3))
                return response(text, headers="Content-Type: text/event-stream\r\n")
            case "/passed" | "/inspected":
                return self.echo(request)
            case "/done":
                self.said = json.loads(request.body)
        return response(request.target.encode())

    @staticmethod
    def echo(request: Request) -> None:
        accept = accept_of(request.values("sec-websocket-key")[0])
        head = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        request.peer.sendall(head.encode())
        peer = Peer(request.peer, is_client=False)
        while (frame := peer.next()) is not None:
            peer.send(frame.opcode, frame.payload, frame.fin)
            if frame.opcode == CLOSE:
                break


def play(picket: Path, folder: Path, check) -> None:
    chromium = shutil.which("chromium")
    check(chromium, "browser", "there is no chromium; tools/bootstrap interop installs it")
    if not chromium:
        return
    shown = Authority(folder).issue("site", "IP:127.0.0.1")
    site, programs, port, log = Site(), Programs(folder), free_port(), folder / "access.jsonl"
    file = folder / "gateway.kdl"
    file.write_text(CONFIG.format(port=port, certificate=shown.certificate, key=shown.key, upstream=site.upstream.address, log=log, agent=folder / "a.sock"))
    try:
        programs.start("agent", picket, "agent", "--listen", f"unix:{folder / 'a.sock'}", serves=str(folder / "a.sock"))
        programs.start("gateway", picket, "run", file, serves=("127.0.0.1", port))
        programs.start("chromium", chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors",
                       f"--user-data-dir={folder / 'profile'}", f"https://127.0.0.1:{port}/")  # fmt: skip
        wait("the page has played", lambda: site.said is not None, 120)
        check(site.said == WANTED, "browser", f"the page found {site.said}")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        protocols = {line["uri"]: line["protocol"] for line in lines}
        check({protocols.get(uri) for uri in ("/", "/text/7", "/echo", "/events")} == {"HTTP/2"}, "browser", f"it spoke {protocols}")
    finally:
        programs.stop()
        site.upstream.close()
