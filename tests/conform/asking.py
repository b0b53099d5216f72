"""What the small proxy asks on a connection, who waits for which answer, and how each rule about answers is broken."""

import queue
import time

import answers
from frame_types import CANCEL

CLIENT_DISCONNECT, TIMED_OUT = 0, 1
ANSWER_SECONDS = 1
# An answer that must be a failure, and is taken by the mutant.
BELIEVED = {"malformed.json", "malformed.no-decision", "malformed.noise", "malformed.nesting", "malformed.elements", "invalid.decision", "answers.two-ids",
            "forms.long", "forms.twice", "forms.float", "forms.negative", "forms.mark", "forms.surrogate", "forms.number"}  # fmt: skip
# An answer that the mutant cannot bear.
UNBEARABLE = {"answers.split", "answers.joined", "answers.crossing", "forms.map", "forms.numbers", "forms.list", "forms.short", "forms.unknown", "forms.wide",
              "forms.bin", "forms.trailing", "forms.allow-number", "forms.members"}  # fmt: skip
# An answer that names no exchange that waits for it: the mutant gives it to whoever waits.
GIVEN_AWAY = {"answers.unknown-id", "answers.late", "answers.over", "replies.unknown"}


class Failure(Exception):
    """The agent has failed: the client gets 503."""


class Asking:
    """Of a connection: it has `encoding`, `extensions`, `wishes`, the id of its `configuration`, `answers` by the event that they answer, and `breaks`."""

    def read_answer(self, payload: bytes) -> dict:
        answer = answers.answer(answers.decoded(payload, self.encoding), "event-reply" in self.extensions)
        if answer["id_within"] and answer["id_at_top"] and answer["id_within"] != answer["id_at_top"]:
            raise ValueError("two exchanges")
        if "event-reply" in self.extensions and not answer.get("reply_to") and not self.breaks("replies.missing"):
            raise ValueError("an answer to no event")
        return answer

    def take_answer(self, payload: bytes) -> None:
        try:
            answer = self.read_answer(payload)
        except (ValueError, KeyError, TypeError, AttributeError):
            if self.case in BELIEVED and self.breaks(self.case):
                return self.believe()
            if self.breaks("malformed.closes"):
                return
            raise ValueError from None
        name = answer["id_within"] or answer["id_at_top"]
        if self.breaks("answers.id-at-top"):
            name = answer["id_within"]
        if self.breaks("answers.id-in-audit"):
            name = answer["id_at_top"]
        if name == self.configuration:
            self.is_open = self.is_open or answer["decision"] == "allow" or self.breaks("configure.refused")
            return
        if self.case in UNBEARABLE and self.breaks(self.case):
            raise OSError("it cannot bear that")
        waiting = self.waiting_for(name, answer.get("reply_to") or {})
        if waiting:
            waiting.put(answer)

    def believe(self) -> None:
        for waiting in list(self.answers.values()):
            waiting.put({"version": 2, "decision": "allow"})

    def key(self, id_: str, kind: int | None, index: int | None) -> tuple:
        return (id_, kind, index) if "event-reply" in self.extensions else (id_, None, None)

    def waiting_for(self, name: str | None, reply_to: dict) -> queue.Queue | None:
        """Who waits for such an answer."""
        waiting = dict(self.answers)
        if self.breaks("answers.elsewhere"):
            waiting = {key: each for agent in self.proxy.agents for key, each in dict(agent.answers).items()} | waiting
        found = waiting.get(self.key(name, reply_to.get("type"), reply_to.get("index")))
        others = [each for key, each in waiting.items() if key[0] != name]
        if self.breaks("answers.of-others") and found and others:
            return others[0]
        if self.breaks("replies.by-event") or self.breaks("replies.missing") and not reply_to:
            return next((each for key, each in waiting.items() if key[0] == name), None)
        if self.breaks("replies.by-index"):
            return next((each for key, each in waiting.items() if key[:2] == (name, reply_to.get("type"))), None)
        if not found and (self.case in GIVEN_AWAY and self.breaks(self.case) or not name and self.breaks("answers.unnamed")):
            return next(iter(waiting.values()), None)
        return found

    # ---- exchanges

    def give_up(self, id_: str | None = None) -> None:
        """Nothing comes of what waits: of one exchange, or of all."""
        for key, waiting in list(self.answers.items()):
            if id_ in (None, key[0]):
                waiting.put(None)

    def put(self, id_: str, kind: int, event: dict) -> tuple:
        """Sends an event; get() has its answer. Raises Failure."""
        key = self.key(id_, kind, next((event[name] for name in ("chunk_index", "frame_index") if name in event), None))
        self.answers[key] = queue.Queue()
        try:
            self.send(kind, event)
        except OSError as error:
            raise Failure from error
        return key

    def get(self, key: tuple) -> dict:
        waiting = self.answers[key]
        try:
            if self.breaks("answers.second"):
                time.sleep(0.2)
                while waiting.qsize() > 1:
                    waiting.get()
            answer = waiting.get(timeout=ANSWER_SECONDS * self.wishes.multiplier)
        except queue.Empty:
            self.be_late(key[0])
            raise Failure from None
        finally:
            self.answers.pop(key, None)
        if answer is None:
            if self.overlooks_its_end:
                return {"version": 2, "decision": "allow"}
            raise Failure
        return answer

    def be_late(self, id_: str) -> None:
        if not self.breaks("cancel.late"):
            self.cancel(id_, TIMED_OUT)
        if not self.breaks("ping.late") and self.encoding != "protobuf":
            try:
                self.ping()
            except OSError:
                pass

    def cancel(self, id_: str, reason: int) -> None:
        try:
            self.send(CANCEL, {"correlation_id": id_, "reason": reason, "timestamp_ms": 1}, is_json=True)
        except OSError:
            pass
