"""What clients of the open internet cost: HTTPS and HTTP/2 at the gateway and at nginx, both in front of one upstream, with the
same certificate (ECDSA P-256). Load and upstream share the first core, the proxy has the second.

A row is SIDE/WHAT/HOW. SIDE is `public` (the gateway) or `nginx-public`. HOW is
  tls        keep-alive GETs over TLS 1.3, one client: WHAT is p50 or cpu, microseconds per request;
  h2         the same over HTTP/2, 32 streams on each of four connections: time or cpu per request;
  full, resumed   a handshake and one GET on a connection that is closed then: cpu per connection;
  idle, idle-tls  10,000 connections, or as many as descriptors allow, that have had one answer each: memory, bytes per connection."""

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import clients_of_tls
import wrk
from certificates import Authority
from growth import settled
from peers import proxies
from places import PICKET_BIN, cores, need, on_core, output_of, stop
from servers import Servers

SECONDS = 1
STREAMS, CONNECTIONS = 32, 4
IDLE = 10_000
HANDSHAKES = 400  # of a round
NAME = "site.test"


class Public:
    """Both proxies with a certificate, and both in clear, started."""

    def __init__(self, servers, idle):
        self.servers, self.clients = servers, idle
        load, core = cores()
        authority = Authority(servers.folder)
        self.ca = authority.ca.certificate
        site = authority.issue("site", f"DNS:{NAME},IP:127.0.0.1")
        upstream = proxies.nginx(servers, "upstream", load)
        self.ports = {
            ("public", "tls"): proxies.gateway(servers, "gateway-tls", core, upstream, certificate=site),
            ("public", "clear"): proxies.gateway(servers, "gateway-clear", core, upstream),
            ("nginx-public", "tls"): proxies.nginx(servers, "nginx-tls", core, upstream, certificate=site, connections=2 * idle),
            ("nginx-public", "clear"): proxies.nginx(servers, "nginx-clear", core, upstream, connections=2 * idle)}

    def program(self, side, how):
        return f"{'gateway' if side == 'public' else 'nginx'}-{how}"

    def spent(self, side, work):
        """What `work()` returns, and the CPU microseconds that the proxy with the certificate spends for it."""
        before = self.servers.cpu_us(self.program(side, "tls"))
        result = work()
        return result, self.servers.cpu_us(self.program(side, "tls")) - before

    def https(self, side):
        url = f"https://127.0.0.1:{self.ports[side, 'tls']}/"
        seen, used = self.spent(side, lambda: wrk.run(cores()[0], url, SECONDS))
        return {"p50/tls": seen.p50, "cpu/tls": used / seen.requests}

    def http2(self, side):
        url = f"https://127.0.0.1:{self.ports[side, 'tls']}/"
        command = ["h2load", "-t1", f"-c{CONNECTIONS}", f"-m{STREAMS}", "-D", SECONDS, "--warm-up-time", 0, url]
        text, used = self.spent(side, lambda: output_of(on_core(cores()[0], command)))
        total, good = map(int, re.search(r"requests: (\d+) total, .* (\d+) succeeded", text).groups())
        if "h2" not in re.search(r"Application protocol: (\S+)", text)[1] or good == 0:
            stop(f"{side} does not speak HTTP/2, or answers nothing:\n{text}")
        return {"time/h2": SECONDS * 1e6 / good, "cpu/h2": used / max(total, good)}

    def handshakes(self, side, how):
        command = [sys.executable, Path(clients_of_tls.__file__), self.ports[side, "tls"], self.ca, NAME, how, HANDSHAKES]
        text, used = self.spent(side, lambda: output_of(on_core(cores()[0], command)))
        if int(text) != HANDSHAKES:
            stop(f"{side}: {text.strip()} of {HANDSHAKES} connections were {how}")
        return {f"cpu/{how}": used / HANDSHAKES}

    def round(self, side):
        rows = self.https(side) | self.http2(side) | self.handshakes(side, "full") | self.handshakes(side, "resumed")
        return {f"{side}/{row}": value for row, value in rows.items()}

    def idle(self, side, how):
        """Bytes that one more idle connection holds."""
        program = self.servers.named[self.program(side, how)]
        before = settled(program)
        port = self.ports[side, how]
        with clients_of_tls.idle(port, self.clients, self.ca if how == "tls" else None, NAME):
            return (settled(program) - before) / self.clients


def speaks_https(folder):
    """Whether the measured build does: an older one, to compare with, may not."""
    site = Authority(folder).issue("site", f"DNS:{NAME}")
    config = folder / "https.kdl"
    config.write_text(f"""listeners {{ listener "safe" {{ address "127.0.0.1:1"; protocol "https"
  tls {{ cert-file "{site.certificate}"; key-file "{site.key}" }} }} }}
routes {{ route "all" {{ respond 204 }} }}""", encoding="ascii")
    return subprocess.run([PICKET_BIN / "picket", "check", config], capture_output=True, check=False).returncode == 0


def idle_clients():
    """How many there may be: the gateway keeps a descriptor for each one's upstream. Raises the limit of what is started here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(IDLE, (hard - 1000) // 2)


def measure(wanted, rounds, progress):
    """As micro.measure. Memory is measured once."""
    need("h2load", "it makes the HTTP/2 load; tools/bootstrap bench installs it")
    need("wrk", "it makes the HTTP load; tools/bootstrap bench installs it")
    rows = set(wanted) | set().union(*wanted.values())
    sides = {row.split("/")[0] for row in rows}
    result = {"picket": {}, "reference": {}}

    def add(values):
        for row, value in values.items():
            if row in rows:
                result["picket" if row.startswith("public/") else "reference"].setdefault(row, []).append(value)

    idle = idle_clients()
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        if not speaks_https(servers.folder):
            return result
        public = Public(servers, idle)
        if any("memory/" not in row for row in rows):
            for number in range(rounds):
                progress(f"HTTPS: round {number + 1} of {rounds}")
                for side in sorted(sides):
                    add(public.round(side))
        for side in sorted(sides):
            for row, how in (("memory/idle", "clear"), ("memory/idle-tls", "tls")):
                if f"{side}/{row}" in rows:
                    progress(f"HTTPS: {idle:,} idle clients of {public.program(side, how)}")
                    add({f"{side}/{row}": public.idle(side, how)})
    return result
