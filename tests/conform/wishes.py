"""What an agent has said of itself, as the small proxy keeps it: how it is, how much it wants to be sent, what it can bear."""

import threading
import time

KINDS = {0x10: 1, 0x11: 2, 0x12: 3, 0x13: 4, 0x14: 5, 0x15: 6, 0x16: 7}  # an event's number, by its frame's type
NAMES = {"request_body_chunk": 0x11, "response_headers": 0x12, "response_body_chunk": 0x13}
STATES = ("healthy", "degraded", "draining", "unhealthy")
ACTIONS = ("pause", "resume", "update_capacity")
CHUNK, LEAST = 65536, 1024
PAUSE_SECONDS = 30


class Wishes:
    """`breaks`: whether a rule is broken now."""

    def __init__(self, breaks):
        self.breaks = breaks
        self.is_suspect = False
        self.paused_until = 0.0
        self.paused: set[str] = set()  # exchanges
        self.capacities: dict[str, int] = {}  # of exchanges
        self.capacity = self.body = self.chunk = 1 << 62
        self.unwell_until = 0.0
        self.multiplier = 1.0
        self.disabled: set[int] = set()
        self.kinds = None  # all
        self.places = threading.Semaphore(100)

    def declare(self, capabilities: dict, is_exact: bool) -> None:
        limits = capabilities["limits"]
        if not self.breaks("limits.body"):
            self.body = limits["max_body_size"]
        if not self.breaks("limits.chunk"):
            self.chunk = limits["preferred_chunk_size"]
        if not self.breaks("limits.concurrency"):
            self.places = threading.Semaphore(limits["max_concurrency"])
        if is_exact and not self.breaks("events.declared"):
            self.kinds = set(capabilities["supported_events"]) or (None if self.breaks("events.empty-list") else {1})
        if 99 in capabilities["supported_events"] and self.breaks("events.unknown-numbers"):
            raise OSError("it cannot bear that")

    def take_health(self, status: dict) -> None:
        state = status["state"]
        said = status | state if isinstance(state, dict) else status | {"status": STATES[state - 1]}
        is_unwell = said["status"] in ("draining", "unhealthy") and not self.breaks(f"health.{said['status']}")
        if self.breaks("health.recovered") and self.unwell_until:
            return
        valid = said.get("valid_until_ms")
        seconds = 60.0 if valid is None or self.breaks("health.valid-until") else (valid - said["timestamp_ms"]) / 1000
        self.unwell_until = time.monotonic() + seconds if is_unwell else 0.0
        self.multiplier = 1.0 if self.breaks("health.multiplier") else min(max(said.get("timeout_multiplier") or 1.0, 1.0), 10.0)
        self.disabled = set() if self.breaks("health.disabled") else {NAMES[name] for name in said.get("disabled_features") or () if name in NAMES}

    def take_flow(self, signal: dict) -> None:
        action, exchange = signal["action"], signal.get("correlation_id")
        said = signal | action if isinstance(action, dict) else signal | {"type": ACTIONS[action - 1]}
        pauses = said["type"] == "pause" or said["type"] == "update_capacity" and not said.get("buffer_available") and not self.breaks("flow.no-capacity")
        if exchange and self.breaks("flow.exchange"):
            return
        if exchange and not pauses and said["type"] == "update_capacity" and not self.breaks("flow.exchange-capacity"):
            self.capacities[exchange] = max(said["buffer_available"], LEAST)
        if exchange and not self.breaks("flow.others"):
            (self.paused.add if pauses else self.paused.discard)(exchange)
            return
        if said["type"] == "update_capacity" and not self.breaks("flow.capacity"):
            self.capacity = max(said.get("buffer_available") or 0, LEAST)
        seconds = 1e9 if self.breaks("flow.ends") else PAUSE_SECONDS
        self.paused_until = time.monotonic() + seconds if pauses and not self.breaks("flow.pause") else 0.0

    @property
    def takes_new(self) -> bool:
        return not self.is_suspect and time.monotonic() >= max(self.unwell_until, self.paused_until)

    def largest_chunk(self, exchange: str) -> int:
        return max(1, min(CHUNK, self.chunk, self.capacity, self.capacities.get(exchange, CHUNK)))

    def wants(self, kind: int) -> bool:
        return kind not in self.disabled and (self.kinds is None or KINDS[kind] in self.kinds)
