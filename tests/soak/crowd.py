"""Many clients at once, and what is done meanwhile."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence


def crowd(clients: Sequence[threading.Thread], stop: threading.Event, during: Callable[[], None], patience: float) -> tuple[list[str], Counter]:
    """Lets clients come, who have `wrong` and `counts`, while `during` runs. Returns what went wrong, and what they got. `patience`: seconds, of each."""
    for client in clients:
        client.start()
    during()
    stop.set()
    for client in clients:
        client.join(patience)
    hanging = [f"{client.name} hangs" for client in clients if client.is_alive()]
    counts = sum((client.counts for client in clients), Counter())
    return hanging + [line for client in clients for line in client.wrong], counts
