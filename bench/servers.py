"""Programs that are measured while they serve: each on cores of its own, each with its CPU time known."""

from pathlib import Path

from places import on_core, stop
from processes import Program, Programs  # tools/processes.py, shared with the tests


def _threads_of(pid):
    """The threads of a process and of its children, as folders of /proc."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield thread
        for child in (thread / "children").read_text(encoding="ascii").split():
            yield from _threads_of(child)


class Servers(Programs):
    """The servers of one table, ended when its `with` block is left. Their outputs are files of the folder."""

    def __init__(self, folder):
        super().__init__(Path(folder))
        self.named: dict[str, Program] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def serve(self, name, core, command, at):
        """Starts a command on a core, or a tuple of them, and waits until it accepts connections `at` a port of this
        machine or the path of a Unix socket. Where it does not, the run ends."""
        address = ("127.0.0.1", at) if isinstance(at, int) else str(at)
        try:
            self.named[name] = self.start(name, *on_core(core, command), serves=address, seconds=20)
        except RuntimeError as error:
            stop(str(error))

    def cpu_us(self, *names):
        """CPU time in microseconds that these have used so far, with their children; taskset has become the server."""
        return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0])
                   for name in names for thread in _threads_of(self.named[name].pid)) / 1000
