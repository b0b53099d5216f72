"""A WAF in a process of its own behind the gateway, and the same rules inside nginx. Each side has both cores, which
the load generator and the upstream share with it.

A row is waf/WHAT/CASE[/attack]: WHAT is p50, p99 or cpu (of the gateway and its agent, per request) of one client, or
time: the time per request of eight clients, the inverse of requests/s. The other side is nginx-waf."""

import http.client
import tempfile
import time

import waf_cases
import wrk
from peers import proxies
from places import PICKET_BIN, cores, need, output_of, stop
from servers import Servers

CLIENTS = 8  # where throughput is measured
SOCKET_US = 40.0  # what a GET may take longer for leaving the process
MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
SIDES = {"waf": ("gateway", "picket-waf"), "nginx-waf": ("nginx",)}  # and the processes whose CPU time counts


class Stack:
    """Both WAFs, started, and the requests as scripts."""

    def __init__(self, servers, sides):
        self.servers = servers
        self.sides = sides
        self.cores = tuple(dict.fromkeys(cores()))
        workers = len(self.cores)
        upstream = proxies.nginx(servers, "upstream", self.cores)
        asking = proxies.Asking(servers.folder / "waf.sock")
        servers.serve("picket-waf", self.cores, [PICKET_BIN / "picket-waf", "--listen", f"unix:{asking.socket}"],
                      asking.socket)
        rules = servers.folder / "rules.conf"
        rules.write_text(output_of([PICKET_BIN / "picket_waf_rules"]), encoding="utf-8")
        self.ports = {
            "waf": proxies.gateway(servers, "gateway", self.cores, upstream, asking, workers),
        }
        if "nginx-waf" in sides:
            self.ports["nginx-waf"] = proxies.nginx(servers, "nginx", self.cores, upstream, workers,
                                                    f"load_module {MODULE};",
                                                    f"modsecurity on; modsecurity_rules_file {rules};")
        self.cases = list(waf_cases.cases())
        self.scripts = {case: wrk.script_for(servers.folder / f"{case.name.replace('/', '-')}.lua", case.method,
                                             case.path, case.headers, case.body) for case in self.cases}

    def check_verdicts(self):
        """Both sides must refuse what is an attack and nothing else, or they do different work."""
        for case in self.cases:
            for side, port in self.ports.items():
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                connection.request(case.method, case.path, case.body or None, case.headers)
                status = connection.getresponse().status
                connection.close()
                if status != case.status:
                    stop(f"{side} answers {case.name} with {status}; {case.status} is right")

    def load(self, side, case, clients):
        seen = wrk.run(self.cores, f"http://127.0.0.1:{self.ports[side]}/", case.seconds, clients, self.scripts[case])
        if seen.refused != (0 if case.status == 200 else seen.requests):
            stop(f"{side} refuses {seen.refused} of {seen.requests} requests ({case.name})")
        return seen

    def settle(self):
        """Waits until nobody computes: what a load leaves behind when it ends is evaluated all the same, for half a second
        where it was eight uploads."""
        everybody = ("upstream", *(name for side in self.sides for name in SIDES[side]))
        for _ in range(100):
            before = self.servers.cpu_us(*everybody)
            time.sleep(0.05)
            if self.servers.cpu_us(*everybody) - before < 1000:
                return
        stop("a WAF computes on although nobody asks it")

    def values(self, side, case):
        before = self.servers.cpu_us(*SIDES[side])
        seen = self.load(side, case, 1)
        used = self.servers.cpu_us(*SIDES[side]) - before
        busy = self.load(side, case, CLIENTS)
        self.settle()
        return {"p50": seen.p50, "p99": seen.p99, "cpu": used / seen.requests,
                "time": busy.seconds * 1e6 / busy.requests}

    def round(self):
        """`{side: {row: value}}`; the two sides of a row are measured one after the other."""
        rows = {side: {} for side in self.sides}
        for case in self.cases:
            for side in self.sides:
                for what, value in self.values(side, case).items():
                    rows[side][f"{side}/{what}/{case.name}"] = value
            if peer := rows.get("nginx-waf"):
                peer[f"nginx-waf/p50+40/{case.name}"] = peer[f"nginx-waf/p50/{case.name}"] + SOCKET_US
        return rows


def measure(wanted, rounds, progress):
    """As micro.measure; every row of this table comes from the same loads."""
    sides = list(SIDES) if any(wanted.values()) else ["waf"]
    need("wrk", "it makes the HTTP load; tools/bootstrap bench installs it")
    need("nginx", "it is the upstream and hosts the WAF to compare with; tools/bootstrap bench installs it")
    result = {"picket": {}, "reference": {}}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        stack = Stack(servers, sides)
        stack.check_verdicts()
        for number in range(rounds):
            progress(f"WAF: round {number + 1} of {rounds}")
            for side, rows in stack.round().items():
                for row, value in rows.items():
                    result["picket" if side == "waf" else "reference"].setdefault(row, []).append(value)
    return result
