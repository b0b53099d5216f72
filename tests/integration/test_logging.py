"""Nothing waits for a log: standard error and log files that nobody reads, that are full, that cannot be reopened."""

import fcntl
import itertools
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import wire
from agent import Agent
from client import Client, message
from processes import wait
from stage import BINARIES, Asked, Gateway, StageTest
from upstream import response
from wire import allow

F_SETPIPE_SZ = 1031
HOSTILE = ("){}(", "({})", "]{}[", '"{}"', "'{}'", "{}\nERROR forged", "\u00e9{}\U0001f600", "{}", "(((({}", "))))){}")
HEALTH = ({"status": "healthy"}, {"status": "degraded", "disabled_features": [], "timeout_multiplier": 1.0})


def hostile(number: int) -> str:
    """Another text for each number, with what might end a line, a bracket or a quote."""
    return HOSTILE[number % len(HOSTILE)].format(number)


class Piped:
    """A program whose standard error is a pipe of 4 KiB that is read when the test says so."""

    def __init__(self, *command):
        self.out, into = os.pipe()
        fcntl.fcntl(into, F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen(
            [BINARIES / command[0], *map(str, command[1:])], stdin=subprocess.DEVNULL, stdout=into, stderr=into
        )
        os.close(into)

    def fill(self) -> None:
        """Until no byte more fits: by the program's end of it, as the program itself would."""
        with open(f"/proc/{self.process.pid}/fd/2", "wb", buffering=0) as into:
            os.set_blocking(into.fileno(), False)
            while into.write(b"." * 4096) is not None:
                pass

    def end(self, seconds: float = 8) -> int:
        """Asks it to end; its exit code. Raises subprocess.TimeoutExpired where that has no effect."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.out)


class UnreadPipe(StageTest):
    def gateway(self, agent_path) -> tuple[Piped, Gateway]:
        gateway = self.stage.unstarted()
        keys = "timeout-ms 500; pool { connections 1; reconnect-interval-ms 10 }"
        gateway.write({"app": [self.stage.upstream().address]}, [Asked("a", agent_path, keys=keys)], drain_s=2)
        piped = Piped("picket", "run", gateway.file)
        self.addCleanup(lambda: piped.process.poll() is None and piped.end())
        wait("it serves", lambda: self.answers(gateway))
        return piped, gateway

    @staticmethod
    def answers(gateway) -> bool:
        try:
            return gateway.get().status == 200
        except (OSError, EOFError):
            return False

    def test_an_agent_that_toggles_its_health_before_a_full_pipe_stops_nobody(self):
        agent = self.stage.agent()
        piped, gateway = self.gateway(agent.path)
        piped.fill()
        connection = agent.expect("request_headers")[0].connection
        for i in range(4000):
            connection.send(wire.health(**HEALTH[i % 2]))
        self.assertEqual(gateway.get("/served").status, 200)
        self.assertEqual(piped.end(), 0)

    def test_an_agent_that_is_lost_before_a_full_pipe_stops_nobody(self):
        agent = self.stage.agent(
            request_headers=lambda event: event.connection.close() if event.body["uri"] == "/lost" else allow()
        )
        piped, gateway = self.gateway(agent.path)
        piped.fill()
        for _ in range(20):
            self.assertEqual(gateway.get("/lost").status, 503)
        wait("the agent is used again", lambda: self.answers(gateway))
        self.assertEqual(piped.end(), 0)

    def test_a_reload_of_a_wrong_file_before_a_full_pipe_stops_nobody(self):
        piped, gateway = self.gateway(self.stage.agent().path)
        piped.fill()
        gateway.file.write_text("nonsense\n" * 200)
        piped.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.assertEqual(gateway.get("/served").status, 200)
        self.assertEqual(piped.end(), 0)

    def test_repeated_lines_are_few_and_their_number_is_said(self):
        agent = self.stage.agent()
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", agent.path)])
        gateway.get()
        connection = agent.expect("request_headers")[0].connection
        for i in range(1000):
            connection.send(wire.health(**HEALTH[i % 2]))
        wait("the number is said", lambda: " more like this in 10 s]" in gateway.program.text(), 30)
        self.assertLess(gateway.program.text().count("says it is degraded"), 30)

    def test_words_of_an_agent_make_no_new_kinds_of_lines(self):
        agent = self.stage.agent()
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", agent.path)])
        gateway.get()
        connection = agent.expect("request_headers")[0].connection
        for i in range(3000):
            connection.send(wire.config_update(hostile(i)))
        wait("the number is said", lambda: " more like this in 10 s]" in gateway.program.text(), 30)
        self.assertLess(gateway.program.text().count("asks for a reload"), 30)

    def test_names_of_an_agent_that_comes_and_goes_make_no_new_kinds_of_lines(self):
        numbers = itertools.count()

        def named(_: dict) -> dict:
            words = hostile(next(numbers))
            capabilities = Agent.capabilities(["request_headers"])["capabilities"]
            return {"capabilities": capabilities | {"name": words, "version": words}}

        agent = self.stage.agent(handshake=named)
        keys = "pool { connections 1; reconnect-interval-ms 10 }"
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", agent.path, keys=keys)])
        for count in range(1, 41):
            wait("it is connected", lambda: len(agent.handshakes) >= count)
            gateway.expect_metric(1, "picket_agent_connections_ready")
            agent.connections[-1].close()
        wait("the number is said", lambda: " more like this in 10 s]" in gateway.program.text(), 30)
        self.assertLess(gateway.program.text().count("connected (worker 0) to "), 30)

    def test_words_of_a_proxy_make_no_new_kinds_of_lines(self):
        path = self.stage.path("served")
        program = self.stage.programs.start("served", "picket", "agent", "--listen", f"unix:{path}", says="serving on")
        for i in range(300):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(path))
                peer.sendall(struct.pack(">I", 2**31 + i))  # a length that no frame may have
                peer.settimeout(10)
                while peer.recv(4096):
                    pass
        wait("the number is said", lambda: " more like this in 10 s]" in program.text(), 30)
        self.assertLess(program.text().count("closed a proxy's connection"), 30)

    def test_agents_of_the_sdk_end_before_a_full_pipe(self):
        for program in (("picket", "agent"), ("picket-waf",)):
            with self.subTest(program[-1]):
                path = self.stage.path(program[-1])
                rules = () if program[0] == "picket" else ("--rules", self.rules())
                piped = Piped(*program, *rules, "--listen", f"unix:{path}")
                wait("it listens", lambda: self.connects(path))
                piped.fill()
                for _ in range(50):
                    with socket.socket(socket.AF_UNIX) as peer:  # each is a line: what it says is no frame
                        peer.connect(str(path))
                        peer.sendall(b"\xff" * 64)
                        peer.settimeout(5)
                        peer.recv(4096)  # its end, or the last words
                self.assertEqual(piped.end(), 0)

    def rules(self) -> Path:
        file = self.stage.folder / "rules.conf"
        file.write_text('SecRuleEngine On\nSecRule ARGS "@contains attack" "id:1,phase:2,deny"\n')
        return file

    @staticmethod
    def connects(path: Path) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(path)) == 0


class LogFiles(StageTest):
    def test_a_full_disk_is_said_once_and_counted(self):
        gateway = self.stage.gateway(self.stage.upstream(), logging='access-log { file "/dev/full" }')
        for _ in range(5):
            self.assertEqual(gateway.get().status, 200)
            time.sleep(0.06)
        gateway.expect_metric(5, "picket_log_lines_lost_total", log="access")
        self.assertEqual(gateway.program.text().count("cannot write the log '/dev/full': No space left on device"), 1)

    def test_a_log_that_cannot_be_reopened_is_said_and_the_old_file_goes_on(self):
        gateway = self.stage.unstarted()
        logs = gateway.folder / "logs"
        logs.mkdir()
        gateway.write({"app": [self.stage.upstream().address]}, logging='access-log { file "logs/access.jsonl" }')
        gateway.start()
        moved = gateway.folder / "moved"
        logs.rename(moved)
        gateway.program.signal(signal.SIGUSR1)
        gateway.said(f"cannot reopen the log '{logs}/access.jsonl': No such file or directory")
        gateway.get("/still")
        wait("the line is in the old file", lambda: "/still" in (moved / "access.jsonl").read_text())

    def test_an_access_log_that_is_a_pipe_which_nobody_reads_does_not_keep_it_from_ending(self):
        gateway = self.stage.unstarted()
        fifo = gateway.folder / "access.fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, F_SETPIPE_SZ, 4096)
        gateway.write({"app": [self.stage.upstream().address]}, logging='access-log { file "access.fifo" }')
        gateway.start()
        with Client(gateway.port) as client:
            for i in range(100):
                self.assertEqual(client.get(f"/{i}").status, 200)
        gateway.program.signal(signal.SIGTERM)
        self.assertEqual(gateway.program.wait(8), 0)


class SlowReader(StageTest):
    """An access log that is a pipe whose reader takes 4 KiB, then pauses: a megabyte would take it 20 s."""

    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        upstream = self.stage.upstream(self.respond)
        self.targets = {"app": [upstream.address]}
        self.gateway = self.stage.unstarted()
        fifo = self.gateway.folder / "access.fifo"
        os.mkfifo(fifo)
        self.reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.reader, F_SETPIPE_SZ, 4096)
        self.ended = threading.Event()
        thread = threading.Thread(target=self.read)
        thread.start()
        self.addCleanup(os.close, self.reader)
        self.addCleanup(thread.join)
        self.addCleanup(self.ended.set)
        self.addCleanup(self.release.set)
        logging = 'access-log { file "access.fifo" }; audit { file "audit.jsonl" }'
        agents = [Asked("a", self.stage.agent(request_headers=self.decide).path)]
        self.gateway.write(self.targets, agents, logging=logging, limits="max-header-size-bytes 16000", drain_s=2)
        self.gateway.start()
        with Client(self.gateway.port) as client:
            for _ in range(150):
                self.assertEqual(client.get("/" + "x" * 7000).status, 200)

    def read(self):
        while not self.ended.wait(0.08):
            try:
                os.read(self.reader, 4096)
            except BlockingIOError:
                pass

    def respond(self, request):
        if request.target == "/held":
            self.release.wait(30)
        return response()

    @staticmethod
    def decide(event) -> dict:
        return allow(audit={"tags": ["x" * 3000]}) if event.body["uri"] == "/tagged" else allow()

    def test_it_costs_no_line_of_the_audit_log(self):
        audit = self.gateway.folder / "audit.jsonl"
        with Client(self.gateway.port) as client:
            for _ in range(600):  # more than the queue of a worker holds
                self.assertEqual(client.get("/tagged").status, 200)
        wait("all audit lines are there", lambda: audit.read_text().count('"tags":["xxx') == 600)
        self.assertEqual(self.gateway.metric("picket_log_lines_lost_total", log="audit"), 0)

    def test_it_does_not_delay_the_end(self):
        self.gateway.program.signal(signal.SIGTERM)
        self.assertEqual(self.gateway.program.wait(10), 0)
        self.assertIn("access.fifo' ended before it could be written: ", self.gateway.program.text())

    def test_it_does_not_stop_a_worker_when_its_configuration_ends(self):
        held = self.gateway.client()
        held.send(message("/held"))
        wait("it is held", lambda: self.gateway.metric("picket_upstream_connects_total") >= 1)
        self.gateway.write(self.targets, logging='access-log { file "other.jsonl" }')
        self.gateway.program.signal(signal.SIGHUP)
        self.gateway.said("reloaded")
        for _ in range(20):
            self.gateway.program.signal(signal.SIGUSR1)
        self.release.set()
        self.assertEqual(held.response().status, 200)
        for _ in range(30):
            with Client(self.gateway.port, 8) as client:
                self.assertEqual(client.get().status, 200)
            time.sleep(0.05)
        self.gateway.said("access.fifo' ended before it could be written: ")
