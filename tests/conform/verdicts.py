"""What becomes of an agent's answers in the small proxy: what they change, what they stop, and what is a failure."""

import base64
import binascii
import re

import origin
from asking import Failure
from connection import Agent
from frame_types import GUARDRAIL, REQUEST_BODY, REQUEST_HEADERS, RESPONSE_BODY, RESPONSE_HEADERS

FORBIDDEN = {"content-length", "transfer-encoding", "connection", "host"}
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
MOST_FIELDS, MOST_BYTES = 256, 65536
MUTATIONS = {REQUEST_BODY: "request_body_mutation", RESPONSE_BODY: "response_body_mutation"}
REDIRECTS = (301, 302, 303, 307, 308)


class Verdicts:
    """Of an exchange: it has the request's `fields`, `answered` (status and fields), what is `later` to be changed of these, `pieces` of the body
    that is asked about, and `respond`."""

    def apply(self, agent: Agent, answer: dict, kind: int, event: dict) -> bool:
        """Whether the exchange goes on. Raises Failure for what no agent may say."""
        if answer["version"] != 2 and not agent.breaks("invalid.version"):
            raise Failure
        self.check_fields(agent, answer)
        if answer["decision"] == "allow":
            self.change(agent, answer, kind, event)
            return True
        if agent.breaks("decisions.body") and kind == REQUEST_BODY or agent.breaks("guardrail.block") and kind == GUARDRAIL:
            return True
        if kind in (RESPONSE_HEADERS, RESPONSE_BODY) and (agent.breaks("responses.block") or agent.breaks("responses.block-body")):
            return True
        if agent.breaks("decisions.not-forwarded"):
            self.forward()
        what, said = answer["decision"]
        {"block": self.block, "redirect": self.redirect, "challenge": self.challenge}[what](agent, said, answer.get("response_headers") or [])
        return False

    def check_fields(self, agent: Agent, answer: dict) -> None:
        operations = [*(answer.get("request_headers") or []), *(answer.get("response_headers") or [])]
        size = sum(len(name) + len(value) for _, name, value in operations)
        if len(operations) > MOST_FIELDS and not agent.breaks("invalid.fields") or size > MOST_BYTES and not agent.breaks("invalid.field-bytes"):
            raise Failure
        for _, name, value in operations:
            if name.lower() in FORBIDDEN and not agent.breaks("invalid.framing") and not agent.breaks("responses.framing"):
                raise Failure
            if not TOKEN.fullmatch(name) and not agent.breaks("invalid.name") or re.search("[\r\n\0]", value) and not agent.breaks("invalid.nul"):
                raise Failure

    # ---- what is allowed

    def change(self, agent: Agent, answer: dict, kind: int, event: dict) -> None:
        for name in MUTATIONS.values():
            self.mutate(agent, answer.get(name) or {}, name == MUTATIONS.get(kind), event)
        if answer.get("needs_more") and kind == RESPONSE_HEADERS and self.answered[0] == 204 and not agent.breaks("responses.nothing-more"):
            raise Failure
        if answer.get("needs_more") and kind in MUTATIONS:
            if event["is_last"] and not agent.breaks("invalid.needs-more"):
                raise Failure
            if agent.breaks("needs-more.holds") and kind == REQUEST_BODY:
                whole = origin.request_of(self.method, self.target, self.fields, self.body)
                self.proxy.begun.append(origin.begin(self.proxy.upstream, whole[: -len(self.body) + len(self.pieces[0])]))
            if agent.breaks("needs-more.released"):
                self.pieces[event["chunk_index"]] = b""
        for change in sorted(answer.get("request_headers") or [], key=lambda change: change[0] if agent.breaks("operations.order") else ""):
            self.fields = changed(self.fields, change, agent, "operations")
        if not (agent.breaks("responses.early") and kind == REQUEST_HEADERS):
            self.later += answer.get("response_headers") or []

    def mutate(self, agent: Agent, mutation: dict, is_here: bool, event: dict) -> None:
        data = mutation.get("data")
        if data is None:
            if mutation and is_here and agent.breaks("mutations.leave"):
                self.pieces[mutation["chunk_index"]] = b""
            return
        try:
            data = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            if not agent.breaks("mutations.base64"):
                raise Failure from None
            return
        if not is_here and not agent.breaks("mutations.head") or is_here and mutation["chunk_index"] > event["chunk_index"] and not agent.breaks("mutations.unheld"):
            raise Failure
        if is_here and mutation["chunk_index"] < event["chunk_index"] and agent.breaks("mutations.earlier"):
            raise Failure
        is_left = agent.breaks("mutations.replace") or agent.breaks("responses.mutation") or not data and agent.breaks("mutations.drop")
        if is_here and mutation["chunk_index"] < len(self.pieces) and not is_left:
            self.pieces[mutation["chunk_index"]] = data

    # ---- what is not

    def block(self, agent: Agent, said: dict, operations: list) -> None:
        fields = list((said.get("headers") or {}).items())
        for name, value in fields:
            if name in FORBIDDEN and not agent.breaks("invalid.length") or "\n" in value and not agent.breaks("invalid.split"):
                raise Failure
        status = said["status"]
        if status == 99:
            if not agent.breaks("invalid.status"):
                raise Failure
            status = 200
        added = [] if agent.breaks("operations.response") else [(name, value) for _, name, value in operations]
        body = "" if agent.breaks("decisions.block-body") else said.get("body") or ""
        self.respond(403 if agent.breaks("decisions.block") else status, [] if agent.breaks("decisions.block-fields") else fields + added, body.encode())

    def redirect(self, agent: Agent, said: dict, _) -> None:
        if said["status"] not in REDIRECTS and not agent.breaks("invalid.redirect"):
            raise Failure
        self.respond(302 if agent.breaks("decisions.redirect") else said["status"], [("location", said["url"])])

    def challenge(self, agent: Agent, said: dict, _) -> None:
        params = ", ".join(f'{name}="{value}"' for name, value in said["params"].items())
        self.respond(403 if agent.breaks("decisions.challenge") else 401, [("www-authenticate", f"{said['challenge_type']} {params}")])


def changed(fields: list[tuple[str, str]], change: tuple[str, str, str], agent: Agent, theme: str) -> list[tuple[str, str]]:
    """The fields after an operation, of which a mutant makes nothing."""
    kind, name, value = change
    if agent.breaks(f"{theme}.{kind}"):
        return fields
    kept = fields if kind == "add" else [field for field in fields if field[0].lower() != name.lower()]
    return kept if kind == "remove" else [*kept, (name, value)]
