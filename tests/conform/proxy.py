"""A small proxy that keeps every rule of the protocol, and one mutant for each rule: a proxy that breaks it.

It serves HTTP at a port of 127.0.0.1, asks the agent about heads and bodies both ways, and fails closed. Without an upstream it answers 200 itself. A mutant breaks its rule where the
tool tests that rule, which the tool says in agent_id; what comes before that is broken everywhere. Standard library only.
"""

import itertools
import socket
import threading
import time
from pathlib import Path

from connection import Agent
from exchange import Exchange
from registering import AGENT_ID

__all__ = ["AGENT_ID", "Proxy"]


class Proxy:
    """Serves HTTP at `port` until it is closed. It dials its agent at `agent`, or `listens` there for agents that dial. `broken`: the id of a
    rule, "all", or None. `patience`: the tool's. `upstream`: a port, or None. `unasked`: types of events that it asks nobody about, as a proxy may."""

    def __init__(self, agent: Path, broken: str | None = None, patience: float = 5, listens: bool = False, upstream: int | None = None, unasked=()):
        self.agent, self.broken, self.patience, self.upstream = agent, broken, patience, upstream
        self.unasked = unasked
        self.numbers = itertools.count()
        self.agents: list[Agent] = []
        self.begun: list[socket.socket] = []  # requests to its upstream that a mutant leaves at their beginning
        self._is_closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._agents_listener = None
        if listens:
            self._agents_listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._agents_listener.bind(str(agent))
            self._agents_listener.listen(64)
        for work in (self._accept, self._meet if listens else self._connect):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        for listener in filter(None, (self._listener, self._agents_listener)):
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for upstream in self.begun:
            upstream.close()

    def usable(self) -> Agent | None:
        return next((agent for agent in reversed(self.agents) if agent.takes_new), None)

    def dial(self) -> Agent:
        return Agent(self)

    def leave(self, agent: Agent) -> None:
        if agent in self.agents:
            self.agents.remove(agent)

    def _connect(self) -> None:
        while not self._is_closed:
            try:
                agent = self.dial()
            except OSError:
                time.sleep(0.02)
                continue
            self.agents.append(agent)
            agent.serve()
            if (agent.breaks("connections.again") or agent.breaks("grpc.again")) and agent.case:
                time.sleep(self.patience + 3)  # on a busy machine the tool looks late

    def _meet(self) -> None:
        for dialled in accepted(self._agents_listener):
            if self.broken == "registration.silent":
                self._take(dialled)  # one after the other
            else:
                threading.Thread(target=self._take, args=(dialled,), daemon=True).start()

    def _take(self, dialled: socket.socket) -> None:
        agent = Agent(self, dialled)
        if agent.meet():
            threading.Thread(target=agent.serve, daemon=True).start()

    def _accept(self) -> None:
        for client in accepted(self._listener):
            threading.Thread(target=Exchange(self, client).serve, daemon=True).start()


def accepted(listener: socket.socket):
    while True:
        try:
            yield listener.accept()[0]
        except OSError:
            return
