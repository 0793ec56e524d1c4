"""Tell systemd how this process is (sd_notify): ready, alive, stopping. Nothing happens where nobody listens.

The protocol is a datagram to the socket that NOTIFY_SOCKET names, see sd_notify(3).
"""

from __future__ import annotations

import contextlib
import os
import socket

_socket: socket.socket | None = None


def tell(state: str) -> None:
    global _socket  # noqa: PLW0603 -- one socket a process
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if _socket is None:
        _socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        _socket.setblocking(False)  # a full buffer must not hold up the watch
    with contextlib.suppress(OSError):
        _socket.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
