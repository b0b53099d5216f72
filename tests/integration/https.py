"""For tests of HTTPS: a gateway with a certificate, clients that trust its authority."""

import contextlib
import signal
import socket
import ssl

from certificates import Authority, Issued
from client import Client
from processes import wait
from stage import Gateway, StageTest

HEAD_TIMEOUT = 10  # seconds that a client has for its handshake


class Https(StageTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.stage.folder)
        self.site = self.authority.issue("site", "DNS:site.test,DNS:example.test")
        self.app = self.stage.upstream()

    def listener(self, keys: str = "", port: int | None = None, name: str = "safe", listener_keys: str = "",
                 site: Issued | None = None) -> str:
        site = site or self.site
        return (f'listener "{name}" {{ address "127.0.0.1:{port or self.port}"; protocol "https"; {listener_keys}\n'
                f'  tls {{ cert-file "{site.certificate}"; key-file "{site.key}"; {keys} }} }}\n')

    def gateway(self, keys: str = "", *, more: str = "", listener_keys: str = "", agents=(), **settings) -> Gateway:
        gateway = self.stage.unstarted()
        self.port = gateway.port
        self.settings = {"agents": agents, **settings}
        gateway.write({"app": [self.app.address]}, listeners=self.listener(keys, listener_keys=listener_keys) + more, **self.settings)
        return gateway.start()

    def reload(self, gateway: Gateway, listeners: str, says: str = "reloaded") -> None:
        before = gateway.program.text().count(says)
        gateway.write({"app": [self.app.address]}, listeners=listeners, **self.settings)
        gateway.program.signal(signal.SIGHUP)
        wait(says, lambda: gateway.program.text().count(says) > before)

    def context(self, **settings) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.ca.certificate))
        context.check_hostname = False
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    def client(self, name: str | None = "site.test", context: ssl.SSLContext | None = None, port: int | None = None, **more) -> Client:
        client = Client(port or self.port, tls=context or self.context(), name=name, **more)
        self.stage.clients.append(client)
        return client

    def raw(self) -> socket.socket:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.addCleanup(raw.close)
        return raw

    def upstream_saw(self, name: str) -> list[str]:
        return self.app.requests[-1].values(name)


class HandMade:
    """A client's TLS whose bytes a test sends when it wants them: the handshake but for its last flight, which waits in `outgoing`."""

    def __init__(self, context: ssl.SSLContext, connected: socket.socket):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="site.test")
        self.socket = connected
        while True:
            try:
                return self.tls.do_handshake()
            except ssl.SSLWantReadError:
                connected.sendall(self.outgoing.read())
                self.incoming.write(connected.recv(65536))

    def all_until(self, text: bytes) -> bytes:
        """What comes up to there. Raises EOFError where the connection ends before, SSLZeroReturnError where its end is said, SSLError where it is refused."""
        got = b""
        while text not in got:
            try:
                part = self.tls.read(65536)
                if not part:
                    raise ssl.SSLZeroReturnError(f"close_notify came after {got!r}")
                got += part
            except ssl.SSLWantReadError:
                came = self.socket.recv(65536)
                if not came:
                    raise EOFError(f"the end came after {got!r}") from None
                self.incoming.write(came)
        return got


def client_hello() -> bytes:
    """One record, as Python's client begins."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="site.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()
