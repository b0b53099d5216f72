"""For tests of agents that dial: a gateway that listens for them."""

from processes import wait
from stage import READY, Asked, Gateway, StageTest

REGISTERED = "picket_reverse_registrations_total"
REFUSED = "picket_reverse_registrations_refused_total"
OPEN = "picket_reverse_connections_open"


class Reverse(StageTest):
    def setUp(self):
        super().setUp()
        self.set_stage()

    def set_stage(self) -> None:
        self.upstream = self.stage.upstream()
        self.socket = self.stage.folder / "agents.sock"

    def gateway(self, listener: str = "", agents: list[Asked] | None = None, **keys) -> Gateway:
        gateway = self.stage.unstarted()
        self.write(gateway, listener, agents, **keys)
        return gateway.start()

    def write(self, gateway: Gateway, listener: str = "", agents: list[Asked] | None = None, **keys) -> None:
        agents = agents or [self.asked()]
        gateway.write({"app": [self.upstream.address]}, agents, reverse=f'path "{self.socket}"; {listener}', **keys)

    @staticmethod
    def asked(ids: str = "edge-*", keys: str = "") -> Asked:
        return Asked("edge", ids, transport="reverse", keys=keys)

    def agent(self, *options: str, name: str = "agent", says: str = "registered with", env: dict | None = None):
        return self.stage.programs.start(
            name, "picket", "agent", "--agent-id", "edge-1", *options, says=says, environment=env or {}
        )

    def ready(self, gateway: Gateway, count: int) -> None:
        wait(f"{count} connections are ready", lambda: gateway.metric(READY) == count)
