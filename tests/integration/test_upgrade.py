"""A gateway that gives way to its program anew: listening sockets are handed over, nobody outside notices."""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from certificates import Authority
from client import Client
from processes import free_port, wait
from stage import BINARIES, Asked, Gateway, StageTest
from upstream import response


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def descendants(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return children + [each for child in children for each in descendants(child)]


class Load:
    """Clients that come, ask a few times, and go; remembers what was not answered with 200."""

    def __init__(self, gateway: Gateway, clients: int = 3):
        self.wrong, self.done = [], 0
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(gateway,)) for _ in range(clients)]

    def _run(self, gateway: Gateway) -> None:
        while not self._closing.is_set():
            try:
                with Client(gateway.port) as client:
                    for _ in range(5):
                        answer = client.get("/load")
                        self.done += 1
                        if answer.status != 200:
                            self.wrong.append(answer.head)
                        if answer.value("connection") == "close":
                            break
                        self._closing.wait(0.003)
            except (OSError, EOFError) as error:
                self.wrong.append(repr(error))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()


class Upgrade(StageTest):
    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        self.addCleanup(self.release.set)
        self.upstream = self.stage.upstream(self.respond)
        self.pid_file = self.stage.folder / "picket.pid"

    def respond(self, request):
        if request.target == "/slow":
            self.release.wait(60)
        return response(b"ok")

    def tearDown(self):
        """What took the place of the process that the stage knows is ended first."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(self.pid_file.read_text())
            if pid not in [program.pid for program in self.stage.programs.all]:
                os.kill(pid, signal.SIGTERM)
                wait("the last process ends", lambda: not is_running(pid))
        super().tearDown()

    def write(self, gateway: Gateway, *, workers: int = 2, system: str = "", **keys) -> None:
        gateway.write({"app": [self.upstream.address]}, workers=workers, system=f'pid-file "{self.pid_file}"; {system}', **keys)

    def play(self, **keys) -> Gateway:
        gateway = self.stage.unstarted()
        self.write(gateway, **keys)
        return gateway.start()

    def serving(self) -> int:
        return int(self.pid_file.read_text())

    def upgrade(self, gateway: Gateway) -> int:
        before = self.serving()
        os.kill(before, signal.SIGUSR2)
        wait("another process serves", lambda: self.serving() != before)
        gateway.said(f"process {self.serving()} serves in place of this one")
        return before

    def test_under_load_refuses_and_cuts_nobody_and_again(self):
        gateway = self.play()
        with Load(gateway) as load:
            for _ in range(3):
                old = self.upgrade(gateway)
                wait("the old one ends", lambda: not is_running(old))
                done = load.done
                wait("requests go on", lambda: load.done > done + 30)
        self.assertEqual(load.wrong, [])
        self.assertEqual(gateway.program.wait(), 0)
        self.assertGreater(gateway.metric("picket_requests_total"), 0, "the new one's")

    def test_leaves_a_process_that_is_nobodys_child_but_inits(self):
        gateway = self.play()
        old = self.upgrade(gateway)
        # Else systemd would not wait for its end, and kill it as soon as it is told to stop.
        status = Path(f"/proc/{self.serving()}/stat").read_text()
        parent = int(status.rpartition(")")[2].split()[1])
        self.assertNotEqual(parent, old)
        self.assertNotIn("picket run", Path(f"/proc/{parent}/cmdline").read_text().replace("\0", " "))

    def test_leaves_requests_under_way_to_the_old_process(self):
        gateway = self.play()
        with gateway.client() as slow:
            slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            wait("it is under way", lambda: len(self.upstream.requests) == 1)
            old = self.upgrade(gateway)
            self.assertEqual(gateway.get("/x").status, 200)
            self.assertTrue(is_running(old))
            self.release.set()
            self.assertEqual(slow.response().status, 200)
        wait("the old one ends", lambda: not is_running(old))

    def test_waits_longer_for_what_is_under_way_than_a_stop_does(self):
        gateway = self.play(system="graceful-upgrade-timeout-secs 60", drain_s=1)
        with Client(gateway.port) as slow:
            slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            wait("it is under way", lambda: len(self.upstream.requests) == 1)
            old = self.upgrade(gateway)
            time.sleep(2)
            self.assertTrue(is_running(old))
            os.kill(old, signal.SIGTERM)
            wait("it ends as a stop does", lambda: not is_running(old))
            with self.assertRaises((EOFError, ConnectionResetError)):
                slow.response()

    def test_leaves_the_old_process_hearing_that_its_logs_were_rotated(self):
        gateway = self.play()
        log = gateway.file.parent / "access.jsonl"
        with Client(gateway.port) as slow:
            slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            wait("it is under way", lambda: len(self.upstream.requests) == 1)
            old = self.upgrade(gateway)
            log.rename(log.with_suffix(".1"))
            os.kill(old, signal.SIGUSR1)
            wait("there is a new one", log.exists)
            self.release.set()
            self.assertEqual(slow.response().status, 200)
        wait("its line stands there", lambda: '"/slow"' in log.read_text())

    def test_goes_on_when_logs_are_rotated_meanwhile(self):
        gateway = self.play()
        old = self.serving()
        os.kill(old, signal.SIGUSR2)
        told = []

        def is_replaced() -> bool:
            for pid in descendants(old):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGUSR1)
                    told.append(pid)
            return self.serving() != old

        wait("another process serves", is_replaced)
        self.assertGreater(len(told), 0)
        gateway.said(f"process {self.serving()} serves in place of this one")
        self.assertEqual(gateway.get().status, 200)

    def test_that_fails_leaves_the_old_process_serving(self):
        gateway = self.play()
        old = self.serving()
        gateway.file.write_text(gateway.file.read_text() + "nonsense\n")
        os.kill(old, signal.SIGUSR2)
        gateway.said("it ended with 2; this one serves on")
        self.assertEqual((gateway.get().status, self.serving()), (200, old))
        self.write(gateway)
        self.upgrade(gateway)
        self.assertEqual(gateway.get().status, 200)

    def test_that_fails_late_leaves_files_of_sockets_and_the_pid_file_as_they_were(self):
        path = self.stage.path("dial")
        gateway = self.stage.unstarted()
        keys = {"reverse": f'path "{path}"'}
        self.write(gateway, **keys)
        gateway.start()
        old = self.serving()
        agents = [Asked("waf", "edge", transport="reverse")]
        gateway.write({"app": [self.upstream.address]}, agents, system=f'pid-file "{self.stage.folder}"', **keys)
        os.kill(old, signal.SIGUSR2)
        gateway.said("it ended with 1; this one serves on")
        self.assertTrue(path.exists())
        self.assertEqual((gateway.get().status, self.serving()), (200, old))

    def test_follows_the_link_by_which_the_program_was_started(self):
        folder = self.stage.folder
        for version in ("v1", "v2"):
            (folder / version).mkdir()
            os.link(BINARIES / "picket", folder / version / "picket") if os.stat(BINARIES).st_dev == os.stat(folder).st_dev else shutil.copy(BINARIES / "picket", folder / version)
        (folder / "current").symlink_to("v1")
        gateway = self.stage.unstarted()
        self.write(gateway)
        program = self.stage.programs.start("linked", folder / "current" / "picket", "run", gateway.file, says="metrics at http")
        gateway.program = program
        (folder / "current").unlink()
        (folder / "current").symlink_to("v2")
        os.unlink(folder / "v1" / "picket")
        old = self.upgrade(gateway)
        wait("the old one ends", lambda: not is_running(old))
        self.assertEqual(os.readlink(f"/proc/{self.serving()}/exe"), str(folder / "v2" / "picket"))

    def test_at_an_address_in_a_long_spelling(self):
        gateway = self.stage.unstarted()
        self.write(gateway, listeners=f'listener "web" {{ address "127.0.0.1:{gateway.port}" }}; listener "six" {{ address "[0:0:0:0:0:0:0:1]:{free_port()}" }}')
        gateway.start()
        self.upgrade(gateway)
        self.assertEqual(gateway.get().status, 200)

    def test_is_given_up_where_the_process_is_to_end(self):
        gateway = self.play()
        old = self.serving()
        os.kill(old, signal.SIGUSR2)
        os.kill(old, signal.SIGTERM)
        self.assertEqual(gateway.program.wait(), 0)

        def is_settled() -> bool:
            try:
                return self.serving() != old and is_running(self.serving())
            except FileNotFoundError:
                return True

        wait("another serves already and goes on, or it is gone, and so is the file", is_settled)

    def test_to_fewer_workers_and_to_more_accepts_from_every_socket(self):
        gateway = self.play(workers=4)
        for workers in (1, 3):
            self.write(gateway, workers=workers)
            self.upgrade(gateway)
            for _ in range(40):
                self.assertEqual(gateway.get().status, 200)

    def test_keeps_max_connections_for_both_together(self):
        gateway = self.play(workers=1, system="max-connections 3")
        slow = [gateway.client() for _ in range(2)]
        for client in slow:
            client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait("they are under way", lambda: len(self.upstream.requests) == 2)
        old = self.upgrade(gateway)

        def statuses() -> int:
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(Client(gateway.port, timeout=1)) for _ in range(2)]
                for client in clients:
                    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
                with contextlib.suppress(TimeoutError):
                    return clients[1].response().status
            return 0

        wait("the new one has one place", lambda: statuses() == 503)
        self.release.set()
        for client in slow:
            self.assertEqual(client.response().status, 200)
            client.close()
        wait("the old one ends", lambda: not is_running(old))
        wait("all places are the new one's", lambda: statuses() == 200)

    def test_keeps_tls_sessions(self):
        authority = Authority(self.stage.folder)
        shown = authority.issue("site", "DNS:site.test")
        trusting = ssl.create_default_context(cafile=str(authority.ca.certificate))
        gateway = self.stage.unstarted()
        tls = f'tls {{ cert-file "{shown.certificate}"; key-file "{shown.key}" }}'
        self.write(gateway, listeners=f'listener "safe" {{ address "127.0.0.1:{gateway.port}"; protocol "https"; {tls} }}')
        gateway.start()
        with Client(gateway.port, tls=trusting, name="site.test") as client:
            self.assertEqual(client.get().status, 200)
            session = client.socket.session
        self.upgrade(gateway)
        with Client(gateway.port, tls=trusting, name="site.test", session=session) as client:
            self.assertEqual(client.get().status, 200)
            self.assertTrue(client.socket.session_reused)

    def test_takes_agents_along_that_dial(self):
        path = self.stage.path("dial")
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.upstream.address]}, [Asked("waf", "edge", transport="reverse")], system=f'pid-file "{self.pid_file}"', reverse=f'path "{path}"')
        gateway.start()
        self.stage.programs.start("edge", "picket", "agent", "--agent-id", "edge", "--dial", f"unix:{path}", "--block-if", "x-block=yes")
        wait("the agent decides", lambda: gateway.get(headers="x-block: yes\r\n").status == 403)
        old = self.upgrade(gateway)
        # Until then it may be the old one that has taken the request.
        wait("the old one ends", lambda: not is_running(old))
        wait("it decides there, too", lambda: gateway.get(headers="x-block: yes\r\n").status == 403)
        self.assertEqual(gateway.get(headers="x-block: yes\r\n").status, 403)
        self.assertTrue(path.exists())

    def command(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run([str(BINARIES / "picket"), "upgrade", *map(str, arguments)], capture_output=True, text=True, timeout=120)

    def test_by_the_command_says_what_came_of_it(self):
        gateway = self.play()
        before = self.serving()
        done = self.command(gateway.file)
        self.assertEqual((done.returncode, done.stdout), (0, f"process {self.serving()} serves; process {before} ends with its last connection\n"), done.stderr)
        gateway.file.write_text(gateway.file.read_text().replace(f'pid-file "{self.pid_file}"', "busy-polling #false"))
        refused = self.command(gateway.file)
        self.assertEqual(refused.returncode, 2)
        self.assertIn('add system { pid-file "/run/picket/gateway.pid" }', refused.stderr)

    def test_by_the_command_of_nobody_says_so(self):
        gateway = self.stage.unstarted()
        self.write(gateway)
        innocent = subprocess.Popen(["sleep", "60"])
        self.addCleanup(innocent.wait)
        self.addCleanup(innocent.kill)
        for text, says in (("", "cannot read the pid file"), ("x", "names no process"), (str(innocent.pid), "is gone")):
            with self.subTest(text):
                if text:
                    self.pid_file.write_text(text)
                refused = self.command(gateway.file)
                self.assertEqual(refused.returncode, 1)
                self.assertIn(says, refused.stderr)
        self.assertIsNone(innocent.poll())
        self.pid_file.unlink()


class Activation(StageTest):
    def test_one_socket_of_systemd_serves_all_workers(self):
        upstream = self.stage.upstream()
        gateway = self.stage.unstarted()
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(str(self.stage.folder / "notify"))
        notices.settimeout(60)
        self.addCleanup(notices.close)
        with socket.create_server(("127.0.0.1", gateway.port)) as made, contextlib.closing(socket.create_connection(("127.0.0.1", gateway.port))) as early:
            gateway.write({"app": [upstream.address]}, workers=3)
            activate = (
                "import os, sys; fd = int(sys.argv[1]); os.dup2(fd, 3); os.set_inheritable(3, True); "
                "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])"
            )
            made.set_inheritable(True)
            command = [sys.executable, "-c", activate, str(made.fileno()), str(BINARIES / "picket"), "run", str(gateway.file)]
            log = open(self.stage.folder / "activated.out", "wb")
            self.addCleanup(log.close)
            process = subprocess.Popen(command, pass_fds=[made.fileno()], stderr=log, env=os.environ | {"NOTIFY_SOCKET": str(self.stage.folder / "notify")})
            self.addCleanup(process.wait, 60)
            self.addCleanup(process.terminate)
            self.assertEqual(notices.recv(100), b"READY=1")
            made.close()
            early.sendall(b"GET /early HTTP/1.1\r\nHost: a\r\n\r\n")
            early.settimeout(30)
            self.assertTrue(early.recv(100).startswith(b"HTTP/1.1 200"), "who came before the gateway")
            for _ in range(30):
                self.assertEqual(gateway.get().status, 200)
            served = gateway.file.read_text()
            gateway.file.write_text(served + "\nlistener {")
            process.send_signal(signal.SIGHUP)
            self.assertRegex(notices.recv(500), rb"^STATUS=reload failed: .* has errors; the configuration before it is served on$")
            gateway.file.write_text(served)
            process.send_signal(signal.SIGHUP)
            self.assertEqual(notices.recv(500), b"STATUS=")

    def test_systemd_no_longer_hears_of_a_failed_reload_once_another_process_serves(self):
        gateway = self.stage.unstarted()
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(str(self.stage.folder / "notify"))
        notices.settimeout(60)
        self.addCleanup(notices.close)
        pid_file = self.stage.folder / "picket.pid"
        gateway.write({"app": [self.stage.upstream().address]}, system=f'pid-file "{pid_file}"')
        with open(self.stage.folder / "told.out", "wb") as log:
            command = [BINARIES / "picket", "run", gateway.file]
            process = subprocess.Popen(command, stderr=log, env=os.environ | {"NOTIFY_SOCKET": str(self.stage.folder / "notify")})
        self.addCleanup(process.wait, 60)
        self.addCleanup(process.terminate)
        self.assertEqual(notices.recv(500), b"READY=1")
        served = gateway.file.read_text()
        gateway.file.write_text(served + "\nlistener {")
        process.send_signal(signal.SIGHUP)
        self.assertTrue(notices.recv(500).startswith(b"STATUS=reload failed: "))
        gateway.file.write_text(served)
        process.send_signal(signal.SIGUSR2)
        # The old process says it, in one word with who follows it: systemd hears nobody but the main process.
        heard = {notices.recv(500), notices.recv(500)}
        new = int(pid_file.read_text())
        self.addCleanup(wait, "the new process ends", lambda: not is_running(new))
        self.addCleanup(os.kill, new, signal.SIGTERM)
        self.assertEqual(heard, {b"READY=1", f"MAINPID={new}\nSTATUS=".encode()})
