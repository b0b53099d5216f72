"""Programs under test: started into a folder, waited for, ended by their own process id.

Used by tools/demo.py, bench, tests/crs and tests/integration. Nothing here ends a process that it did not start.
"""

import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

# What a sanitizer writes when it found something; a program under one ends with a code of its own, too.
SANITIZER_REPORT = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:")
_LISTEN_PORTS = range(10_240, 32_000)  # below the ports that the kernel gives to outgoing connections
_reserved: list[socket.socket] = []


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, and that nobody else is given while this process lives."""
    while True:
        port = random.choice(_LISTEN_PORTS)
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.close()
            continue
        # From now on others may bind it if they say so, as servers do; another free_port() does not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _reserved.append(probe)
        return port


def connects(address) -> bool:
    """Whether somebody accepts connections at a (host, port) or at the path of a Unix socket."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(address) == 0


def wait(what: str, there, seconds: float = 30):
    """The first true value of there(). Raises TimeoutError naming `what`."""
    end = time.monotonic() + seconds
    while not (value := there()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not after {seconds:g} s")
        time.sleep(0.005)
    return value


class Program:
    """One running program. Both its outputs go to one file."""

    def __init__(self, name: str, command: list[str], output: Path, environment: dict[str, str]):
        self.name, self.output = name, output
        with open(output, "ab") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=os.environ | environment,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._killed = False

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Stops all of its threads, and returns when they stand still: on a busy machine one goes on for a moment."""
        self.signal(signal.SIGSTOP)
        wait(f"{self.name} is frozen", lambda: set(self._states()) == {"T"})

    def _states(self) -> list[str]:
        """Of each of its threads, as /proc has them: T stands still, by a signal."""
        states = []
        for task in Path(f"/proc/{self.pid}/task").glob("*/stat"):
            try:
                states.append(task.read_text().rpartition(")")[2].split()[0])
            except OSError:
                pass  # it has ended meanwhile
        return states

    def kill(self) -> None:
        """Ends it as a crash would; no ending well is expected of it."""
        self._killed = True
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float = 30) -> int:
        """Its exit code once it has ended by itself. Raises TimeoutError."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} does not end within {seconds:g} s") from None

    def end(self, seconds: float = 20) -> list[str]:
        """Asks it to end, forces it where it does not. Returns what did not go well."""
        wrong = []
        if self.running():
            if "T" in self._states():  # or a sanitizer that looks for leaks at its end would lose the stop that it waits for
                self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.wait(seconds)
            except TimeoutError as error:
                wrong.append(str(error))
                self.kill()
        if self._process.returncode != 0 and not self._killed:
            wrong.append(f"{self.name} ended with {self._process.returncode}")
        if report := SANITIZER_REPORT.search(self.text()):
            wrong.append(f"{self.name}: {report[0]}")
        return wrong


class Programs:
    """The programs of one run. Their outputs are <name>.out in its folder."""

    def __init__(self, folder: Path, binaries: Path | None = None):
        self.folder, self.binaries = folder, binaries
        self.all: list[Program] = []

    def start(
        self,
        name: str,
        *command,
        serves=None,
        says: str = "",
        environment: dict[str, str] | None = None,
        seconds: float = 60,
    ) -> Program:
        """Starts a command (a name without a slash is looked for among the binaries) and waits until it accepts
        connections at `serves` and its output holds `says`. Raises RuntimeError with its output where it does not."""
        first, *arguments = map(str, command)
        path = str(self.binaries / first) if self.binaries and "/" not in first else first
        output = self.folder / f"{name}.out"
        said = output.read_text(errors="replace").count(says) if says and output.exists() else 0  # by those of its name before it
        program = Program(name, [path, *arguments], output, environment or {})
        self.all.append(program)
        if serves is None and not says:
            return program

        def ready() -> bool:
            return (not says or program.text().count(says) > said) and (serves is None or connects(serves))

        try:
            wait(f"{name} serves", lambda: not program.running() or ready(), seconds)
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{program.text()}") from None
        if not program.running():
            raise RuntimeError(f"{name} ended with {program.wait()} before it served\n{program.text()}")
        return program

    def stop(self) -> list[str]:
        """Ends them, the last one first. Returns what did not go well."""
        return [wrong for program in reversed(self.all) for wrong in program.end()]

    def outputs(self) -> str:
        return "".join(f"--- {program.name}\n{program.text()}" for program in self.all)
