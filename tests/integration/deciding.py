"""A gateway whose agents decide as a test says."""

from stage import Asked, Gateway, StageTest
from upstream import response

BODY = '"request_headers" "request_body"'
RESPONSE = '"request_headers" "response_headers"'


class Decided(StageTest):

    def play(
        self,
        events: str = '"request_headers"',
        keys: str = "",
        agent_settings: dict | None = None,
        limits: str = "",
        **behaviours,
    ) -> Gateway:
        """A gateway with one agent, `a`, that behaves so."""
        self.upstream = self.stage.upstream(
            lambda request: response(
                request.body, headers="X-Server: upstream\r\nX-Powered-By: php\r\nConnection: close\r\n"
            )
        )
        self.agent = self.stage.agent("a", **(agent_settings or {}), **behaviours)
        return self.stage.gateway(self.upstream, [Asked("a", self.agent.path, events, keys)], limits=limits)

    def play_many(self, *agents: dict, events: str = '"request_headers"', **keys) -> Gateway:
        """A gateway with agents `a`, `b`, … that behave so."""
        self.upstream = self.stage.upstream(lambda request: response(request.body))
        names = "abcdef"[: len(agents)]
        self.agents = [self.stage.agent(name, **behaviours) for name, behaviours in zip(names, agents)]
        return self.stage.gateway(
            self.upstream,
            [Asked(name, agent.path, events, keys.get(name, "")) for name, agent in zip(names, self.agents)],
        )
