"""Clients that come and go, or stay and say nothing. As a program:

  clients_of_tls.py PORT CA NAME full|resumed COUNT

makes COUNT connections one after the other, one GET on each, and prints how many of the handshakes were as wanted."""

import contextlib
import socket
import ssl
import sys

REQUEST = b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n"
REQUEST_AND_END = b"GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n"


def trusting(ca):
    return ssl.create_default_context(cafile=str(ca))


def answer_of(client, request):
    client.sendall(request)
    answer = client.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"answered {answer[:40]!r}")


@contextlib.contextmanager
def idle(port, count, ca, name):
    """So many connections that have had one answer each; over TLS where there is a CA."""
    context = trusting(ca) if ca else None
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=20)
            if context:
                client = context.wrap_socket(client, server_hostname=name)
            stack.enter_context(client)
            answer_of(client, REQUEST)
        yield


def come_and_go(port, ca, name, resumes, count):
    context = trusting(ca)
    session, as_wanted = None, 0
    for number in range(count + 1):  # the first one brings the session
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        with context.wrap_socket(plain, server_hostname=name, session=session) as client:
            answer_of(client, REQUEST_AND_END)
            as_wanted += number != 0 and client.session_reused == resumes
            if resumes and session is None:
                session = client.session
    return as_wanted


if __name__ == "__main__":
    print(come_and_go(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "resumed", int(sys.argv[5])))
