"""One request of a client of the small proxy's: what the agent is asked about it, and what becomes of its verdicts."""

import base64
import queue
import socket
import threading
import time
from datetime import datetime, timezone

from connection import CLIENT_DISCONNECT, REQUEST_BODY, REQUEST_COMPLETE, REQUEST_HEADERS, Agent, Failure

CHUNK = 65536
FORBIDDEN = {"content-length", "transfer-encoding", "connection", "host"}


class Exchange:
    """One request of a client."""

    def __init__(self, proxy: "Proxy", client: socket.socket):
        self.proxy, self.client, self.id = proxy, client, f"exchange-{next(proxy.numbers)}"
        self.status, self.is_gone = 503, False

    def serve(self) -> None:
        try:
            self.read()
            agent = self.proxy.usable()
            if agent is None:
                self.respond(503)
            else:
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

    def inspect(self, agent: Agent) -> None:
        if agent.breaks("ids.fresh"):
            self.id = "exchange"
        if agent.breaks("ids.not-the-clients"):
            self.id = dict(self.fields).get("x-request-id", self.id)
        agent.answers[self.id] = queue.Queue()
        ended = threading.Event()
        threading.Thread(target=self.watch, args=(agent, ended), daemon=True).start()
        try:
            self.decide(agent)
        except Failure:
            if not self.is_gone:
                self.respond(503)
        finally:
            ended.set()
            self.complete(agent)
            agent.answers.pop(self.id, None)

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
            if answers := agent.answers.get(self.id):
                answers.put(None)

    def decide(self, agent: Agent) -> None:
        if agent.breaks("bodies.one-at-a-time"):
            threading.Thread(target=agent.send, args=(REQUEST_BODY, self.chunk(agent, 0, b"", True)), daemon=True).start()
            time.sleep(0.05)
        event = self.head(agent)
        if agent.breaks("heads.come"):
            agent.send(REQUEST_HEADERS, event)
        answer = agent.ask(self.id, REQUEST_HEADERS, event)
        if not self.apply(agent, answer):
            return
        pieces = [self.body[i : i + CHUNK] for i in range(0, len(self.body), CHUNK)]
        if agent.breaks("decisions.body"):
            for index, piece in enumerate(pieces):
                agent.ask(self.id, REQUEST_BODY, self.chunk(agent, index, piece, index + 1 == len(pieces)))
            pieces = []
        for index, piece in enumerate(pieces):
            answer = agent.ask(self.id, REQUEST_BODY, self.chunk(agent, index, piece, index + 1 == len(pieces)))
            if answer.get("needs_more") and index + 1 == len(pieces) and not agent.breaks("invalid.needs-more"):
                raise Failure
            if not self.apply(agent, answer):
                return
        self.respond(403 if agent.case in ("decisions.allow", "decisions.allow-null") and agent.breaks(agent.case) else 200)

    def head(self, agent: Agent) -> dict:
        fields: dict[str, list[str]] = {}
        for name, value in self.fields:
            name = name if agent.breaks("heads.lower-case") else name.lower()
            fields.setdefault(name, []).append(value)
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

    def chunk(self, agent: Agent, index: int, data: bytes, is_last: bool) -> dict:
        if agent.breaks("bodies.whole"):
            data = data[:-1]
        received = index * CHUNK + len(data)
        return {
            "correlation_id": self.id, "data": data if agent.breaks("bodies.text") else base64.b64encode(data).decode(), "is_last": is_last or agent.breaks("bodies.last"),
            "total_size": 7 if agent.breaks("bodies.total") else len(self.body), "chunk_index": index + agent.breaks("bodies.indices"),
            "bytes_received": len(data) + 1 if agent.breaks("bodies.received") else received,
        }  # fmt: skip

    def complete(self, agent: Agent) -> None:
        if agent.breaks("complete.blocked") or agent.breaks("answers.to-complete"):
            return
        status = 200 if agent.breaks("complete.status") else self.status
        event = {"correlation_id": self.id, "status": status, "duration_ms": 1, "request_body_size": len(self.body), "response_body_size": 0,
                 "upstream_attempts": 1, "error": None}  # fmt: skip
        try:
            for _ in range(2 if agent.breaks("complete.comes") else 1):
                agent.send(REQUEST_COMPLETE, event)
            if agent.breaks("complete.last"):
                agent.send(REQUEST_BODY, self.chunk(agent, 0, b"late", True))
        except OSError:
            pass

    # ---- verdicts

    def apply(self, agent: Agent, answer: dict) -> bool:
        """Whether the exchange goes on. Raises Failure for what no agent may say."""
        decision = answer["decision"]
        changes = answer.get("request_headers") or []
        if answer["version"] != 2 and not agent.breaks("invalid.version"):
            raise Failure
        if changes and not agent.breaks("invalid.framing") and any(operation_name(operation) in FORBIDDEN for operation in changes):
            raise Failure
        if decision == "allow" or "allow" in decision:
            return True
        kind, said = next(iter(decision.items()))
        said = dict(zip({"block": ("status", "body", "headers"), "redirect": ("url", "status"), "challenge": ("challenge_type", "params")}[kind], said)) if isinstance(said, list) else said
        {"block": self.block, "redirect": self.redirect, "challenge": self.challenge}[kind](agent, said, answer.get("response_headers") or [])
        return False

    def block(self, agent: Agent, said: dict, operations: list) -> None:
        fields = list((said.get("headers") or {}).items())
        for name, value in fields:
            if name in FORBIDDEN and not agent.breaks("invalid.length") or "\n" in value and not agent.breaks("invalid.split"):
                raise Failure
        if said["status"] == 99:
            if not agent.breaks("invalid.status"):
                raise Failure
            said["status"] = 200
        added = [] if agent.breaks("operations.response") else [added_field(operation) for operation in operations]
        status = 403 if agent.breaks("decisions.block") and said["status"] == 451 else said["status"]
        body = "" if agent.breaks("decisions.block-body") else said.get("body") or ""
        self.respond(status, [] if agent.breaks("decisions.block-fields") else fields + added, body)

    def redirect(self, agent: Agent, said: dict, _) -> None:
        if said["status"] not in (301, 302, 303, 307, 308) and not agent.breaks("invalid.redirect"):
            raise Failure
        self.respond(302 if agent.breaks("decisions.redirect") else said["status"], [("location", said["url"])])

    def challenge(self, agent: Agent, said: dict, _) -> None:
        params = ", ".join(f'{name}="{value}"' for name, value in said["params"].items())
        self.respond(403 if agent.breaks("decisions.challenge") else 401, [("www-authenticate", f"{said['challenge_type']} {params}")])

    def respond(self, status: int, fields=(), body: str = "") -> None:
        self.status = status
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.client.sendall(f"HTTP/1.1 {status} x\r\n{head}content-length: {len(body)}\r\n\r\n{body}".encode())


def operation_name(operation) -> str:
    kind, said = next(iter(operation.items()))
    return (said[0] if isinstance(said, list) else said["name"]).lower()


def added_field(operation) -> tuple[str, str]:
    said = next(iter(operation.values()))
    return (said[0], said[1]) if isinstance(said, list) else (said["name"], said["value"])
