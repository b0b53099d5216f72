"""How each rule of an agent is broken: a table for each place where an agent may go wrong."""

import json
import math

import msgpack

EVENTS = (0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17)
HEADS, BODIES, COMPLETE, CONFIGURE, CANCEL, PING, PONG = (0x10,), (0x11,), (0x14,), (0x17,), (0x40,), (0x41,), (0x42,)


def setting(path: str, value):
    """An answer to a handshake in which something is another value."""

    def mutate(answer, _):
        *folders, name = path.split(".")
        place = answer
        for folder in folders:
            place = place[folder]
        place[name] = value
        return answer

    return mutate


def without(path: str):
    def mutate(answer, _):
        *folders, name = path.split(".")
        place = answer
        for folder in folders:
            place = place[folder]
        del place[name]
        return answer

    return mutate


def refusing(answer, connection):
    return answer | {"success": False, "error": "no"}


def accepting(answer, connection):
    return answer | {"success": True, "error": None, "protocol_version": 2}


def changing_id(answer, connection):
    answer["capabilities"]["agent_id"] = f"peer-{id(connection)}"
    return answer


FLAGS = ("streaming-body", "websocket", "guardrails", "config-push", "metrics-export", "cancellation", "flow-control", "health-reporting")

HANDSHAKES = {
    "handshake.json": lambda answer, _: json.dumps([answer]).encode(),
    "handshake.version": setting("protocol_version", 1),
    "handshake.success": refusing,
    "handshake.no-error": setting("error", "all is well"),
    "handshake.version-among-others": setting("protocol_version", 3),
    "handshake.no-common-version": accepting,
    "handshake.no-version-at-all": accepting,
    "handshake.unknown-keys": refusing,
    "handshake.events": refusing,
    "handshake.white-space": refusing,
    "handshake.slow": refusing,
    "refusal.says-why": setting("error", None),
    "refusal.decodable": without("capabilities"),
    "refusal.version": setting("protocol_version", 2),
    "encoding.default": setting("encoding", "msgpack"),
    "encoding.empty": setting("encoding", "msgpack"),
    "encoding.offered": setting("encoding", "msgpack"),
    "encoding.known": setting("encoding", None),
    "extensions.none-offered": setting("extensions", ["raw-bytes"]),
    "extensions.offered": setting("extensions", ["event-reply", "raw-bytes"]),
    "extensions.unknown": setting("extensions", ["picket-conform-unknown"]),
    "capabilities.agent-id": without("capabilities.agent_id"),
    "capabilities.name": setting("capabilities.name", 7),
    "capabilities.version": setting("capabilities.version", ""),
    "capabilities.events": setting("capabilities.supported_events", ["request_headers"]),
    **{f"capabilities.{flag}": setting(f"capabilities.features.{flag.replace('-', '_')}", 1) for flag in FLAGS},
    "capabilities.concurrent-requests": setting("capabilities.features.concurrent_requests", 1 << 32),
    "capabilities.max-body-size": setting("capabilities.limits.max_body_size", -1),
    "capabilities.max-concurrency": setting("capabilities.limits.max_concurrency", 0),
    "capabilities.chunk-size": setting("capabilities.limits.preferred_chunk_size", 0),
    "capabilities.constant": changing_id,
}

# Whoever cannot bear something closes: by the types of frames that it closes at.
CLOSING = {
    **dict.fromkeys((
        "framing.split-header", "framing.byte-by-byte", "framing.split-anywhere", "framing.joined", "framing.and-a-half",
        "heads.no-fields", "heads.repeated", "heads.utf8", "heads.no-utf8", "heads.raw-bytes", "heads.many", "heads.long", "heads.all-optional",
        "heads.nothing-optional", "heads.unknown-keys", "heads.any-order", "heads.escapes", "heads.ipv6", "heads.methods",
        "interleaving.connections", "reply-to.in-flight", "connections.several", "connections.closed", "connections.reset",
        "connections.half-a-frame", "connections.half-closed", "connections.nothing-said", "connections.come-and-go",
        "slow.reader", "slow.writer", "slow.promise", "exchanges.left-open", "cancel.others", "cancel.all",
        "flood.cancels", "flood.pings",
    ), HEADS),
    **dict.fromkeys(("bodies.chunks", "bodies.empty-last", "bodies.empty", "bodies.binary", "bodies.base64", "bodies.raw-bytes", "bodies.preferred-size",
                     "bodies.total-size", "bodies.interleaved"), BODIES),
    **dict.fromkeys(("answers.complete-unknown", "cancel.then-complete", "ids.reused"), COMPLETE),
    **dict.fromkeys(("configure.answered", "configure.again", "configure.meanwhile"), CONFIGURE),
    **dict.fromkeys(("cancel.unknown", "cancel.answered", "cancel.reasons"), CANCEL),
    **dict.fromkeys(("ping.answered", "ping.among-events", "handshake.with-event"), PING),
    "pong.unasked": PONG,
}  # fmt: skip

# Whoever answers what should close the connection.
TOLERANT = {
    "framing.length-zero", "framing.too-long", "framing.endless", "framing.unknown-type", "framing.type-zero", "framing.wrong-direction",
    "framing.no-payload", "bodies.bad-base64", "malformed.cut", "malformed.noise", "malformed.missing", "malformed.no-metadata", "malformed.type",
    "malformed.null", "malformed.range", "malformed.negative", "malformed.list", "malformed.trailing", "malformed.utf8", "malformed.no-object",
    "nesting.refused",
}  # fmt: skip

ANSWERED_TWICE = {"answers.once", "flood.events"}


def naming(id_):
    """An answer that names another exchange."""

    def mutate(answer, kind, event):
        name = id_(event["id"])
        answer["audit"] = {"custom": {"correlation_id": name}}
        return answer | ({"correlation_id": name} if "correlation_id" in answer else {})

    return mutate


def saying(**members):
    return lambda answer, kind, event: answer | members


def saying_to(kind_: int, **members):
    """Only in the answers to one kind of event."""
    return lambda answer, kind, event: answer | members if kind == kind_ else answer


def leaving_out(name: str):
    return lambda answer, kind, event: {key: value for key, value in answer.items() if key != name}


def replying_to(**members):
    return lambda answer, kind, event: answer | {"reply_to": answer["reply_to"] | members}


NOBODY = naming(lambda _: "nobody")
REPLACED = {"data": "", "chunk_index": 0}

ANSWERS = {
    "answers.request-headers": NOBODY,
    "answers.request-body": NOBODY,
    "answers.response-headers": NOBODY,
    "answers.response-body": NOBODY,
    "answers.websocket": NOBODY,
    "answers.guardrail": NOBODY,
    "answers.complete": NOBODY,
    "answers.named-in-audit": lambda answer, kind, event: answer | {"audit": {}, "correlation_id": event["id"]},
    "answers.names-agree": saying(correlation_id="nobody"),
    "answers.version": saying(version=1),
    "answers.object": leaving_out("version"),
    "answers.ten-elements": lambda answer, kind, event: [*answer.values(), None],
    "answers.no-reply-to": saying(reply_to={"type": 0x10}),
    "reply-to.head": leaving_out("reply_to"),
    "reply-to.body": replying_to(index=7),
    "reply-to.response": replying_to(type=0x10),
    "reply-to.websocket": replying_to(client_to_server=True),
    "reply-to.guardrail": replying_to(index=None),
    "interleaving.exchanges": naming(lambda id_: id_[:-4] + "0000"),
    "ids.exact": naming(lambda id_: id_.replace('"', "'")),
    "ids.similar": naming(str.lower),
    "bodies.needs-more-at-end": saying_to(0x11, needs_more=True),
    "bodies.mutation-of-heads": saying_to(0x10, request_body_mutation=REPLACED),
    "bodies.mutation-direction": saying_to(0x11, response_body_mutation=REPLACED),
    "bodies.mutation-index": saying_to(0x11, request_body_mutation={"data": "", "chunk_index": 9}),
    "decisions.known": saying(decision={"perhaps": {}}),
    "decisions.block-status": saying(decision={"block": {"status": 99}}),
    "decisions.block-fields": saying(decision={"block": {"status": 403, "headers": {"content-length": "1"}}}),
    "decisions.redirect-status": saying(decision={"redirect": {"url": "/", "status": 200}}),
    "decisions.redirect-url": saying(decision={"redirect": {"url": "/\r\nx: y", "status": 302}}),
    "decisions.challenge": saying(decision={"challenge": {"challenge_type": "", "params": {}}}),
    "operations.names": saying(request_headers=[{"set": {"name": "two words", "value": "v"}}]),
    "operations.values": saying(response_headers=[{"add": {"name": "x-a", "value": "v\nw"}}]),
    "operations.framing": saying(request_headers=[{"remove": {"name": "Transfer-Encoding"}}]),
    "audit.confidence": lambda answer, kind, event: answer | {"audit": answer["audit"] | {"confidence": 1.5}},
}

# What the agent decides where what it decides is looked at.
SETS = {"request_headers": [{"set": {"name": "x-seen", "value": "yes"}}]}
DECISIONS = {
    "decisions.block-status": {"decision": {"block": {"status": 403}}},
    "decisions.block-fields": {"decision": {"block": {"status": 403, "headers": {"x-why": "rule 1"}}}},
    "decisions.redirect-status": {"decision": {"redirect": {"url": "/login", "status": 302}}},
    "decisions.redirect-url": {"decision": {"redirect": {"url": "/login", "status": 302}}},
    "decisions.challenge": {"decision": {"challenge": {"challenge_type": "basic", "params": {"realm": "a"}}}},
    "operations.names": SETS,
    "operations.values": SETS,
    "operations.framing": SETS,
}


def pong(**changes):
    return lambda ping, _: json.dumps({key: changes.get(key, lambda value: value)(value) for key, value in ping.items()}).encode()


def one_behind(ping, connection):
    connection.pongs.append(json.dumps(ping).encode())
    return connection.pongs[max(len(connection.pongs) - 2, 0)]


PONGS = {
    "ping.echoed": pong(sequence=lambda value: value + 1),
    "ping.largest": pong(timestamp_ms=lambda value: math.trunc(float(value)) % (1 << 53)),
    "ping.order": one_behind,
    "ping.json": lambda ping, _: msgpack.pack(ping),
}

# Agents that dial.
# Broken before the proxy has said which rule it tests.
WRONG_REGISTRATIONS = {
    "registration.version": {"protocol_version": 1},
    "registration.agent-id": {"agent_id": ""},
    "registration.token": {"auth_token": "another"},
    "registration.encodings": {"supported_encodings": "json"},
    "registration.extensions": {"extensions": [7]},
}
# Whoever cannot bear an answer closes.
FASTIDIOUS = {"registration.plain", "registration.unknown-keys", "registration.white-space", "registration.events", "registration.slow", "registration.with-event"}
# What all rules need, or what another mutant hides: broken alone, and not with all others.
NEEDED = {"registration.comes", "registration.constant", "registration.waits", "registration.encodings", "registration.extensions", "registration.wanted"}
