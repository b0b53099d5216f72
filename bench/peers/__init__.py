"""The proxies whose agents are compared: ours, HAProxy, and with PEERS in the environment those that a machine must
be given first: PEERS=all, or names (PEERS=envoy)."""

import os
from dataclasses import dataclass
from typing import Callable

from places import PICKET_BIN, stop

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
    """Installs the optional ones that PEERS asks for. Returns the sides that this run leaves out."""
    named = os.environ.get("PEERS", "")
    asked_for = set(OPTIONAL) if named == "all" else set(filter(None, named.split(",")))
    if unknown := asked_for - set(OPTIONAL):
        stop(f"PEERS names {', '.join(sorted(unknown))}; it may be all, or of {', '.join(OPTIONAL)}, with commas between")
    left_out = set(OPTIONAL) - asked_for
    for side, peer in OPTIONAL.items():
        if side in left_out:
            continue
        progress(f"installing {side} {peer.VERSION} where it is missing")
        try:
            peer.install()
        except SystemExit:  # it has said why
            progress(f"{side} cannot be had on this machine: its rows are left out")
            left_out.add(side)
    return left_out
