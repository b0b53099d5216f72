"""One request of a client of the small proxy's: what the agent is asked about it and its answer, and what becomes of them."""

import base64
import json
import socket
import threading
import time
import uuid
from datetime import datetime, timezone

import origin
from asking import CLIENT_DISCONNECT, Failure
from connection import Agent
from frame_types import GUARDRAIL, REQUEST_BODY, REQUEST_COMPLETE, REQUEST_HEADERS, RESPONSE_BODY, RESPONSE_HEADERS
from tunnel import Tunnel
from verdicts import Verdicts, changed

CHAT = "/conform-chat"


class Exchange(Verdicts):
    """One request of a client."""

    def __init__(self, proxy: "Proxy", client: socket.socket):
        self.proxy, self.client, self.id = proxy, client, uuid.uuid4().hex
        self.status, self.is_gone, self.is_late = 503, False, False
        self.fields: list[tuple[str, str]] = []  # of the request
        self.answered: tuple[int, list[tuple[str, str]]] = (200, [])
        self.later: list[tuple[str, str, str]] = []  # what is to be changed of the answer's fields
        self.pieces: list[bytes] = []  # of the body that is asked about

    def serve(self) -> None:
        try:
            self.read()
            agent = self.proxy.usable()
            if agent is None:
                self.respond(503)
            else:
                with agent.wishes.places:
                    self.inspect(agent)
            self.client.shutdown(socket.SHUT_RDWR)  # ends what watch() waits for, too
        except OSError:
            pass
        finally:
            self.client.close()

    def read(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            got = self.client.recv(65536)
            if not got:
                raise OSError("gone")
            data += got
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.protocol = lines[0].split(" ")
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        size = int(next((value for name, value in self.fields if name.lower() == "content-length"), 0))
        while len(self.body) < size:
            self.body += self.client.recv(65536)

    @property
    def switches(self) -> bool:
        """To WebSocket."""
        return any(name.lower() == "upgrade" for name, _ in self.fields)

    def name(self, agent: Agent) -> str:
        if agent.breaks("ids.fresh"):
            return "exchange"
        if agent.breaks("ids.not-the-clients"):
            return dict(self.fields).get("x-request-id", self.id)
        if agent.breaks("ids.not-counted"):
            return f"exchange-{next(self.proxy.numbers):05}"
        return self.id * 10 if agent.breaks("ids.size") else self.id

    def inspect(self, agent: Agent) -> None:
        self.id = self.name(agent)
        ended = threading.Event()
        if not self.switches:
            threading.Thread(target=self.watch, args=(agent, ended), daemon=True).start()
        try:
            self.decide(agent)
        except Failure:
            if not self.is_gone:
                self.respond(503)
        finally:
            ended.set()
            self.complete(agent)
            for key in [key for key in list(agent.answers) if key[0] == self.id]:
                agent.answers.pop(key, None)

    def watch(self, agent: Agent, ended: threading.Event) -> None:
        """A client that goes away is told to the agent."""
        try:
            gone = self.client.recv(1) == b""
        except OSError:
            gone = True
        if gone and not ended.is_set():
            self.is_gone = True
            if not agent.breaks("cancel.client-gone"):
                agent.cancel(self.id, CLIENT_DISCONNECT)
            agent.give_up(self.id)

    def decide(self, agent: Agent) -> None:
        if not self.ask_request(agent):
            return
        if self.switches:
            return Tunnel(self, agent).serve()
        self.answered, body = ((200, []), b"") if self.proxy.upstream is None else self.forward()
        if not self.ask_response(agent, body):
            return
        status, fields = self.answered
        for change in self.later:
            fields = changed(fields, change, agent, "responses")
        is_wrong = agent.case in ("decisions.allow", "decisions.allow-null", "forms.allow-number") and agent.breaks(agent.case)
        self.respond(403 if is_wrong else status, fields, b"".join(self.pieces))

    # ---- what is asked

    def ask_request(self, agent: Agent) -> bool:
        """Whether it goes on."""
        if agent.breaks("bodies.one-at-a-time"):
            threading.Thread(target=agent.send, args=(REQUEST_BODY, self.chunk(agent, REQUEST_BODY, 0)), daemon=True).start()
            time.sleep(0.05)
        head = self.head(agent)
        if agent.breaks("heads.come"):
            agent.send(REQUEST_HEADERS, head)
        if "event-reply" in agent.extensions:
            return self.ask(agent, [(REQUEST_HEADERS, head), *self.chunks(agent)])
        if not self.ask(agent, [(REQUEST_HEADERS, head)]):
            return False
        if agent.breaks("events.order"):
            agent.send(RESPONSE_HEADERS, self.response_head())
        return self.ask(agent, self.chunks(agent)) and (self.target != CHAT or self.ask(agent, self.texts(agent)))

    def chunks(self, agent: Agent) -> list[tuple[int, dict]]:
        self.pieces = self.cut(agent, self.body)
        if self.pieces and agent.wishes.wants(REQUEST_BODY) and len(self.body) > agent.wishes.body:
            raise Failure
        return [(REQUEST_BODY, self.chunk(agent, REQUEST_BODY, index)) for index in range(len(self.pieces))] if agent.wishes.wants(REQUEST_BODY) else []

    def texts(self, agent: Agent) -> list[tuple[int, dict]]:
        """What is said to a language model."""
        said = [message["content"] for message in json.loads(self.body)["messages"]]
        return [(GUARDRAIL, {"correlation_id": self.id, "inspection_type": "prompt_injection", "content": self.body.decode() if agent.breaks("guardrail.texts") else text,
                             "categories": [], "metadata": {"index": str(index + agent.breaks("guardrail.indices"))}}) for index, text in enumerate(said)]  # fmt: skip

    def ask_response(self, agent: Agent, body: bytes) -> bool:
        """Whether it goes on."""
        if agent.breaks("responses.waits"):
            self.client.sendall(b"HTTP/1.1 200 x\r\n\r\n")
        self.pieces = self.cut(agent, body)
        chunks = [(RESPONSE_BODY, self.chunk(agent, RESPONSE_BODY, index)) for index in range(len(self.pieces))]
        events = [(RESPONSE_HEADERS, self.response_head(agent)), *chunks] if self.proxy.upstream is not None else []
        return self.ask(agent, [(kind, event) for kind, event in events if agent.wishes.wants(kind)])

    def ask(self, agent: Agent, events: list[tuple[int, dict]]) -> bool:
        """Asks about one after the other, or with event-reply about all at once; whether the exchange goes on."""
        if not agent.is_open and agent.overlooks_its_end:
            return True
        events = [event for event in events if event[0] not in self.proxy.unasked]
        together = [agent.put(self.id, *event) for event in events] if "event-reply" in agent.extensions else None
        for number, (kind, event) in enumerate(events):
            if not together:
                self.await_resume(agent, kind)
            if self.is_gone:
                raise Failure
            answer = self.wait(agent, together[number] if together else agent.put(self.id, kind, event))
            if not self.apply(agent, answer, kind, event):
                if agent.breaks("bodies.until-blocked") and kind == REQUEST_BODY and not event["is_last"]:
                    agent.send(*events[number + 1])
                return False
        return True

    def wait(self, agent: Agent, key: tuple) -> dict:
        try:
            return agent.get(key)
        except Failure:
            self.is_late = True
            raise

    def await_resume(self, agent: Agent, kind: int) -> None:
        while kind != REQUEST_HEADERS and self.id in agent.wishes.paused and agent.is_open:
            time.sleep(0.005)

    # ---- events

    def cut(self, agent: Agent, body: bytes) -> list[bytes]:
        size = agent.wishes.largest_chunk(self.id)
        return [body[at : at + size] for at in range(0, len(body), size)]

    def value(self, agent: Agent, text: str):
        data = text.encode("latin-1")
        try:
            return data.decode()
        except UnicodeDecodeError:
            is_raw = "raw-bytes" in agent.extensions and agent.encoding == "msgpack" and not agent.breaks("raw-bytes.values")
            return data if is_raw else data.decode("utf-8", "replace")

    def head(self, agent: Agent) -> dict:
        fields: dict[str, list] = {}
        for name, value in self.fields:
            if agent.breaks("heads.not-utf8") and not value.isascii():
                continue
            name = name if agent.breaks("heads.lower-case") else name.lower()
            fields.setdefault(name, []).append(self.value(agent, value))
            if agent.breaks("heads.every-value"):
                fields[name] = [value]
        address, port = self.client.getpeername()
        metadata = {
            "correlation_id": self.id, "request_id": self.id, "client_ip": f"{address}:{port}" if agent.breaks("heads.client-ip") else address,
            "client_port": 0 if agent.breaks("heads.client-port") else port, "server_name": None, "protocol": "HTTP" if agent.breaks("heads.protocol") else self.protocol,
            "tls_version": None, "tls_cipher": None, "route_id": None, "upstream_id": None,
            "timestamp": "yesterday" if agent.breaks("heads.timestamp") else datetime.now(timezone.utc).isoformat(),
        }  # fmt: skip
        if agent.breaks("heads.traceparent"):
            metadata["traceparent"] = None
        target = self.target.partition("?")[0] if agent.breaks("heads.uri") else self.target
        event = {"metadata": metadata, "method": "GET" if agent.breaks("heads.method") else self.method, "uri": target, "headers": fields}
        return event if agent.encoding == "msgpack" or agent.breaks("heads.id-twice") else event | {"correlation_id": self.id}

    def response_head(self, agent: Agent | None = None) -> dict:
        status, fields = self.answered
        headers: dict[str, list[str]] = {}
        for name, value in fields:
            headers.setdefault(name.lower(), []).append(value)
        if agent and agent.breaks("responses.fields"):
            headers = {}
        return {"correlation_id": "another" if agent and agent.breaks("responses.exchange") else self.id,
                "status": 200 if agent and agent.breaks("responses.status") else status, "headers": headers}  # fmt: skip

    def chunk(self, agent: Agent, kind: int, index: int) -> dict:
        theme, passed = ("bodies", "bytes_received") if kind == REQUEST_BODY else ("responses", "bytes_sent")
        pieces = self.pieces or [b""]
        data, size = pieces[index], sum(map(len, pieces))
        before = sum(map(len, pieces[:index]))
        if agent.breaks(f"{theme}.whole"):
            data = data[:-1]
        wrong_sum = agent.breaks(f"{theme}.received") or agent.breaks(f"{theme}.sent")
        is_bin = agent.breaks("bodies.text") or "raw-bytes" in agent.extensions and agent.encoding == "msgpack" and not agent.breaks("raw-bytes.data")
        return {
            "correlation_id": self.id, "data": data if is_bin else base64.b64encode(data).decode(),
            "is_last": index + 1 == len(pieces) or agent.breaks(f"{theme}.last"), "total_size": 7 if agent.breaks("bodies.total") else size,
            "chunk_index": index + agent.breaks(f"{theme}.indices"), passed: len(data) + 1 if wrong_sum else before + len(data),
        }  # fmt: skip

    def complete(self, agent: Agent) -> None:
        if agent.breaks("complete.blocked") or agent.breaks("answers.to-complete") or self.is_late and agent.breaks("cancel.completes"):
            return
        if agent.breaks("complete.undeclared") and not agent.wishes.wants(REQUEST_COMPLETE):
            return
        status = 200 if agent.breaks("complete.status") else self.status
        size = 0 if agent.breaks("complete.sizes") else len(self.body)
        event = {"correlation_id": self.id, "status": status, "duration_ms": 1, "request_body_size": size, "response_body_size": 0,
                 "upstream_attempts": 1, "error": None}  # fmt: skip
        try:
            if self.is_late and agent.breaks("cancel.last"):
                agent.send(REQUEST_BODY, self.chunk(agent, REQUEST_BODY, 0))
            for _ in range(2 if agent.breaks("complete.comes") else 1):
                agent.send(REQUEST_COMPLETE, event)
            if agent.breaks("complete.last"):
                agent.send(REQUEST_BODY, self.chunk(agent, REQUEST_BODY, 0))
            if agent.breaks("complete.one-way"):
                agent.socket.shutdown(socket.SHUT_RDWR)  # it waits in vain
        except OSError:
            pass

    # ---- what goes on

    def forward(self) -> tuple[tuple[int, list[tuple[str, str]]], bytes]:
        try:
            status, fields, body = origin.ask(self.proxy.upstream, origin.request_of(self.method, self.target, self.fields, b"".join(self.pieces)))
        except (OSError, ValueError, IndexError):
            raise Failure from None
        return (status, fields), body

    def respond(self, status: int, fields=(), body: bytes = b"") -> None:
        self.status = status
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.client.sendall(f"HTTP/1.1 {status} x\r\n{head}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body)
