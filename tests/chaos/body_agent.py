#!/usr/bin/env python3
"""An agent that allows every chunk of every body, in a process of its own: `body_agent.py SOCKET [LIE]`.

With a lie it answers the third chunk of each body so, and what follows honestly.
"""

import signal
import sys
from pathlib import Path

import wire
from agent import Agent, Event

KINDS = ("request_headers", "request_body", "response_headers", "response_body")


def mutation(event: Event, chunk: int) -> dict:
    direction = event.kind.split("_")[0]
    return wire.allow(**{f"{direction}_body_mutation": {"data": "bGll", "chunk_index": chunk}})


def answer(lie: str, event: Event) -> dict | None:
    """What is said of a chunk; None where nothing is."""
    if event.body["chunk_index"] != 2 or not lie:
        return wire.allow()
    if lie == "hang-up":
        event.connection.close()
    elif lie == "cut-off":  # in the middle of a frame
        event.connection.send(wire.frame(wire.AGENT_RESPONSE, wire.allow())[:20])
        event.connection.close()
    elif lie == "garbage":
        event.connection.send(b"\xff" * 64)
    elif lie == "of-the-past":  # a chunk that has gone on
        return mutation(event, 0)
    elif lie == "of-the-future":
        return mutation(event, 99)
    elif lie == "of-the-head":  # which has left
        return wire.allow(response_headers=[wire.put("x-late", "1")], request_headers=[wire.put("x-late", "1")])
    elif lie == "no-decision":
        return {"version": 2}
    return None


LIES = ("hang-up", "cut-off", "garbage", "of-the-past", "of-the-future", "of-the-head", "no-decision")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    path, lie = Path(sys.argv[1]), (sys.argv[2:] or [""])[0]
    chunks = {kind: lambda event: answer(lie, event) for kind in ("request_body", "response_body")}
    agent = Agent(path, KINDS, features={"streaming_body": True}, **chunks)
    print("serving", agent.path, flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
