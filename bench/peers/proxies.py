"""The HTTP servers of the rows: nginx, the gateway and HAProxy, started so that they do the same work.

Each function starts one on a core, or a tuple of cores, and returns its port."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from places import PICKET_BIN
from processes import free_port


@dataclass(frozen=True)
class Asking:
    """How a proxy asks an agent: about heads and, buffered, the bodies of requests, unless `events` name those of answers."""

    socket: Path
    timeout_ms: int = 5000
    fails_open: bool = False
    events: tuple = ("request_headers", "request_body")  # the gateway's; SPOE's message carries both at once
    keys: str = ""  # more of the gateway's


NGINX = """{modules} daemon off; {processes} pid {folder}/{name}.pid; error_log {folder}/{name}.log crit;
events {{ worker_connections {connections}; }}
http {{
  access_log off; client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  client_body_buffer_size 2m; client_max_body_size 16m; keepalive_requests 1000000000; keepalive_timeout 600;
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port}{shared}; {settings} location / {{ {action} }} }}
}}
"""
PASS_ON = 'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";'
ANSWER = 'return 200 "hello, this is the upstream\\n";'


NGINX_TLS = """ssl_certificate {0.certificate}; ssl_certificate_key {0.key}; ssl_protocols TLSv1.2 TLSv1.3;"""


def nginx(servers, name, core, upstream=None, workers=1, modules="", settings="", certificate=None, connections=1024):
    """A proxy of `upstream`; where that is None, the upstream itself. With a certificate it speaks TLS, and HTTP/2 in it."""
    if certificate:
        settings += NGINX_TLS.format(certificate)
    me = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"
    processes = "master_process off;" if workers == 1 else f"user {me}; worker_processes {workers};"
    port, config = free_port(), servers.folder / f"{name}.conf"
    config.write_text(NGINX.format(folder=servers.folder, name=name, port=port, upstream=upstream or port,
                                   action=PASS_ON if upstream else ANSWER, processes=processes, modules=modules,
                                   settings=settings, connections=connections,
                                   shared=(" reuseport" if workers > 1 else "") + (" ssl http2" if certificate else "")), encoding="ascii")
    servers.serve(name, core, ["nginx", "-c", config, "-p", servers.folder], port)
    return port


GATEWAY = """system {{ worker-threads {workers}; busy-polling {busy_polling} }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}"; {protocol} }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}"; {upstream_keys} }} }}
routes {{ route "all" {{ matches {{ path-prefix "/" }}; {filters} {route_keys} upstream "app" }} }}
{limits}
"""
GATEWAY_AGENT = """filters {{ filter "ask" {{ type "agent"; agent "asked" }} }}
agents {{ agent "asked" type="custom" {{ binary-uds "{socket}"; events {events}; timeout-ms {timeout_ms}
  failure-mode "{failure_mode}"; max-request-body-bytes 4194304; {keys} }} }}
"""


GATEWAY_TLS = """protocol "https"; tls {{ cert-file "{0.certificate}"; key-file "{0.key}" }}"""


def gateway(servers, name, core, upstream, asking=None, workers=1, picket=(PICKET_BIN / "picket",), busy_polling=True,
            certificate=None, protocol="http", limits="", route_keys="", upstream_keys=""):
    """`picket`: the command that picket is, as where another program runs it. With a certificate it speaks TLS. `limits`: that block.
    `route_keys`, `upstream_keys`: more of its route and of its upstream."""
    port, config = free_port(), servers.folder / f"{name}.kdl"
    text = GATEWAY.format(workers=workers, busy_polling="#true" if busy_polling else "#false", port=port,
                          protocol=GATEWAY_TLS.format(certificate) if certificate else f'protocol "{protocol}"',
                          upstream=upstream, upstream_keys=upstream_keys, filters='filters "ask";' if asking else "", route_keys=route_keys, limits=limits)
    if asking:
        text += GATEWAY_AGENT.format(socket=asking.socket, timeout_ms=asking.timeout_ms,
                                     events=" ".join(f'"{event}"' for event in asking.events),
                                     failure_mode="open" if asking.fails_open else "closed", keys=asking.keys)
    config.write_text(text, encoding="ascii")
    servers.serve(name, core, [*picket, "run", config], port)
    return port


def grpc_gateway(servers, name, core, upstream):
    """HTTP/2 in clear on both sides, without an agent."""
    return gateway(servers, name, core, upstream, protocol="h2c", upstream_keys="http-version { min-version 2 }")


HAPROXY = """global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:{port}
{ask}
  default_backend app
backend app
  server upstream 127.0.0.1:{upstream}
"""
# The verdict decides, so that an agent that was not asked shows.
HAPROXY_ASK = """
  option http-buffer-request
  filter spoe engine ask config {spoe}
  http-request deny {unless}
"""
HAPROXY_AGENT = """backend agent
  mode tcp
  server agent unix@{socket}
"""
UNLESS = {False: "unless { var(txn.asked.allow) -m bool }",
          True: "if { var(txn.asked.allow) -m found } !{ var(txn.asked.allow) -m bool }"}
SPOE = """[ask]
spoe-agent asked
  messages request
  option var-prefix asked
{on_error}
  timeout hello 5s
  timeout idle 10m
  timeout processing {timeout_ms}ms
  use-backend agent
spoe-message request
  args client=src method=method uri=url version=req.ver headers=req.hdrs_bin body=req.body
  event on-frontend-http-request
"""


def haproxy(servers, name, core, upstream, asking=None):
    port, config, spoe = free_port(), servers.folder / f"{name}.cfg", servers.folder / f"{name}.spoe"
    ask = HAPROXY_ASK.format(spoe=spoe, unless=UNLESS[asking.fails_open]) if asking else ""
    text = HAPROXY.format(port=port, upstream=upstream, ask=ask)
    if asking:
        text += HAPROXY_AGENT.format(socket=asking.socket)
        on_error = "  option continue-on-error" if asking.fails_open else ""
        spoe.write_text(SPOE.format(timeout_ms=asking.timeout_ms, on_error=on_error), encoding="ascii")
    config.write_text(text, encoding="ascii")
    servers.serve(name, core, ["haproxy", "-db", "-f", config], port)
    return port
