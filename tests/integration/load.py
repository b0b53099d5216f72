"""Requests that do not stop while a test changes something."""

import threading

from stage import Gateway


class Load:
    """Requests without a pause on connections of their own, until it is closed; remembers those that failed."""

    def __init__(self, gateway: Gateway, clients: int = 4):
        self.failed: list = []
        self.done = 0
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(gateway,)) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, gateway: Gateway) -> None:
        with gateway.client() as client:
            while not self._closing.is_set():
                answer = client.get("/load")
                self.done += 1
                if answer.status != 200:
                    self.failed.append((answer.status, answer.reason))

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()
