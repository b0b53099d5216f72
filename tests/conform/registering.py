"""How an agent that dials the small proxy is met, and how each rule about registrations is broken."""

import json
import socket
import struct

from frame_types import HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, LARGEST

AGENT_ID, TOKEN = "conform", "secret-1"
MOST_CONNECTIONS = 4
# What an agent is refused for, by the rules that say so: each mutant takes it.
REFUSALS = {
    "registration.version": lambda said: said.get("protocol_version") != 2,
    "registration.empty-id": lambda said: said.get("agent_id") == "",
    "registration.unknown-id": lambda said: said.get("agent_id") not in ("", AGENT_ID),
    "registration.token": lambda said: said.get("auth_token", TOKEN) != TOKEN,
    "registration.no-token": lambda said: "auth_token" not in said,
    "registration.capabilities": lambda said: "capabilities" not in said,
}
WRONG_ANSWERS = {
    "registration.success": {"success": False},
    "registration.no-error": {"error": "all is well"},
    "registration.proxy-id": {"proxy_id": ""},
    "registration.proxy-version": {"proxy_version": 1},
    "registration.connection-id": {"connection_id": ""},
    "registration.connection-ids": {"connection_id": "one"},
    "registration.encoding": {"encoding": "msgpack"},
    "registration.extensions": {"extensions": ["event-reply", "raw-bytes"]},
    "registration.no-extensions": {"extensions": ["raw-bytes"]},
    "events.announced": {"events": [1]},
    "registration.wanted": {"connections_wanted": 0},
}
# Whoever cannot bear a registration closes.
FASTIDIOUS = {"registration.plain", "registration.unknown-keys", "registration.metadata", "registration.slow"}
CONFIG = {"conform": True}  # the agent's
EXTENSIONS = ("event-reply", "one-way-complete", "config-reply", "raw-bytes")


class Registering:
    """Of a connection that an agent has made."""

    def meet(self) -> bool:
        """Whether the agent may stay."""
        try:
            if self.breaks("registration.in-time"):
                self.socket.settimeout(None)
            said = self.read_registration()
            if said is None:
                return False
            why = self.refusal(said)
            if self.breaks(self.case) and self.case in FASTIDIOUS:
                raise OSError("it cannot bear that")
            self.answer_registration(said, why)
            self.agree(said.get("capabilities") or {}, said.get("extensions") or ())
            return not why
        except (OSError, ValueError):
            self.proxy.leave(self)
            self.socket.close()
            return False

    def read_registration(self) -> dict | None:
        length = struct.unpack(">I", self.read(4))[0]
        kind, payload = self.read(1)[0], self.read(length - 1)
        try:
            said = json.loads(payload)
            if kind == HANDSHAKE_REQUEST and isinstance(said, dict):
                self.case = said.get("capabilities", {}).get("agent_id", "").removeprefix("picket-conform/")
                return said
        except ValueError:
            pass
        meant = "registration.other-frame" if kind != HANDSHAKE_REQUEST else "registration.no-object" if payload.startswith(b"[") else "registration.no-json"
        if self.proxy.broken in (meant, "all"):
            self.send(HANDSHAKE_RESPONSE, self.taken())
            self.read(LARGEST)
        raise OSError("no registration")

    def refusal(self, said: dict) -> str:
        for rule, is_wrong in REFUSALS.items():
            if is_wrong(said) and not (self.proxy.broken in (rule, "all") and self.case in (rule, "")):
                return f"refused: {rule}"
        return "too many connections" if len(self.proxy.agents) >= MOST_CONNECTIONS and not self.breaks("registration.too-many") else ""

    def taken(self) -> dict:
        return {"success": True, "error": None, "proxy_id": "peer", "proxy_version": "1", "connection_id": f"connection-{next(self.proxy.numbers)}"}

    def answer_registration(self, said: dict, why: str) -> None:
        answer = self.taken() | ({"success": False, "error": "" if self.breaks("registration.says-why") else why} if why else {})
        if encodings := said.get("supported_encodings"):
            self.encoding = encodings[0]
            taken = [name for name in said.get("extensions") or () if name in EXTENSIONS]
            answer |= {"encoding": self.encoding, "extensions": taken, "config": CONFIG, "events": [1, 2, 3, 4, 5, 6, 7], "connections_wanted": 1}
        if not why:
            self.proxy.agents.append(self)  # before the agent can say more
        if self.breaks(self.case):
            answer |= WRONG_ANSWERS.get(self.case, {})
        if why and self.breaks("registration.others-live"):  # before who is refused can ask whether they live
            for other in list(self.proxy.agents):
                other.socket.shutdown(socket.SHUT_RDWR)
        self.send(HANDSHAKE_RESPONSE, [answer] if self.case and self.breaks("registration.answered") else answer, is_json=True)
        if self.breaks("registration.too-many") and len(self.proxy.agents) > MOST_CONNECTIONS:
            raise OSError("too many connections")
        if why and self.breaks("registration.closes"):
            self.read(LARGEST)
        if why:
            raise OSError(why)
