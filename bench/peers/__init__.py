"""The proxies whose agents are compared: ours, HAProxy, and with PEERS=all in the environment those that a machine must
be given first."""

import os
from dataclasses import dataclass
from typing import Callable

from places import PICKET_BIN

from . import envoy, proxies, zentinel


@dataclass(frozen=True)
class Peer:
    """A proxy and the agent that it asks. `alone` and `asked` end the names of its rows without and with the agent."""

    side: str  # begins the names of its rows
    proxy: Callable  # as those of proxies.py
    agent: Callable  # of the path that it listens at: its command
    alone: str = "alone"
    asked: str = "asked"


PICKET = Peer("http", proxies.gateway, lambda path: [PICKET_BIN / "picket", "agent", "--listen", f"unix:{path}"],
              "gateway", "agent")
ENVOY = Peer("envoy", envoy.proxy, envoy.agent)
PEERS = [Peer("haproxy", proxies.haproxy, lambda path: [PICKET_BIN / "picket_spoa", path]), ENVOY,
         Peer("zentinel", zentinel.proxy, zentinel.agent)]
OPTIONAL = {"envoy": envoy, "zentinel": zentinel}


def install(progress):
    """Installs the optional ones where PEERS=all asks for them. Returns the sides that this run leaves out."""
    if os.environ.get("PEERS") != "all":
        return set(OPTIONAL)
    left_out = set()
    for side, peer in OPTIONAL.items():
        progress(f"installing {side} {peer.VERSION} where it is missing")
        try:
            peer.install()
        except SystemExit:  # it has said why
            progress(f"{side} cannot be had on this machine: its rows are left out")
            left_out.add(side)
    return left_out
