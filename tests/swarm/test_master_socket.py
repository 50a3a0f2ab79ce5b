"""The master's end of the wire, where somebody else has its port."""

from __future__ import annotations

import socket
import subprocess
import sys

# In a process of its own: importing Locust changes the one that does it.
LISTEN = "from tokenswarm.swarm.master_socket import MasterSocket; MasterSocket('127.0.0.1', {})"


def test_a_port_that_another_master_took_meanwhile_is_said() -> None:
    """Two that begin at the same time both found it free; one line and 104, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-c", LISTEN.format(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 104, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert f"the master can't listen at 127.0.0.1 port {port}: Address already in use" in line
