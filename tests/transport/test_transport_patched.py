"""Locust monkey-patches the process: the same calls must work there, plain and with TLS."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from gevent import monkey
monkey.patch_all()
import socket, ssl, threading, time
from tokenswarm.errors import CallError
from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.endpoint import Endpoint, Timeouts
from tokenswarm.transport.http import HttpConnection
from tokenswarm.wire.dialect import Request
import trustme, sys

ca = trustme.CA()
ca.cert_pem.write_to_path(sys.argv[1])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ca.issue_cert("127.0.0.1").configure_cert(context)

def serve(tls):
    listener = socket.create_server(("127.0.0.1", 0))
    def run():
        sock, _ = listener.accept()
        if tls:
            sock = context.wrap_socket(sock, server_side=True)
        with sock, listener:
            for _ in range(2):
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
            sock.recv(65536)
            while sock.recv(65536):
                pass
    thread = threading.Thread(target=run)
    thread.start()
    return listener.getsockname()[1], thread

for scheme in ("http", "https"):
    port, thread = serve(scheme == "https")
    timeouts = Timeouts(20, 0.1, 20, 20)
    endpoint = Endpoint.build(f"{scheme}://127.0.0.1:{port}", ca_file=sys.argv[1], timeouts=timeouts)
    connection = HttpConnection(endpoint)
    for _ in range(2):
        connection.request(Request("/", b"hi"), CallRecord(0.0))
        while not connection.response.is_complete:
            connection.read()
        print(scheme, connection.response.status, connection.response.take_body().decode())
        connection.release()
    try:
        connection.request(Request("/", b"hi"), CallRecord(0.0))
    except CallError as failure:
        print(scheme, failure.outcome)
    connection.close()
    thread.join()
"""


def test_monkey_patched_process(tmp_path):
    """Calls, reuse and timeouts, with gevent's sockets and locks all around."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "ca.pem")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "http 200 ok",
        "http 200 ok",
        "http timeout_first_token",
        "https 200 ok",
        "https 200 ok",
        "https timeout_first_token",
    ]
