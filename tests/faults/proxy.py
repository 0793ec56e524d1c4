"""A TCP proxy before a PostgreSQL server that can go away, come back, and cut connections at their COMMIT."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field

COMMIT = b"COMMIT\0"
"""How libpq sends it: the text of a query message, which ends with a NUL."""


@dataclass(slots=True)
class Proxy:
    """Forwards to `host:port`. `cut_every` n > 0 cuts at each n-th COMMIT, in turn before and after the server gets it."""

    host: str
    port: int
    cut_every: int = 0
    cuts: dict[str, int] = field(default_factory=lambda: {"before": 0, "after": 0})
    away: bool = False
    _commits: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def start(self) -> int:
        """Return the port it listens on."""
        threading.Thread(target=self._accept, daemon=True).start()
        port: int = self._listener.getsockname()[1]
        return port

    def go_away(self) -> None:
        """Cut what is open and refuse what comes."""
        self.away = True
        with self._lock:
            for end in list(self._open):
                _close(end)

    def come_back(self) -> None:
        self.away = False

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self.away:
                _close(client)
                continue
            try:
                server = socket.create_connection((self.host, self.port))
            except OSError:
                _close(client)
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                cut = COMMIT in data and self._cut()
                if cut == "before":
                    break
                server.sendall(data)
                if cut == "after":
                    # the answer would tell that it is committed: the client never hears it
                    _close(client)
                    server.recv(65536)
                    break
        self._drop(client, server)

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        self._drop(source, sink)

    def _cut(self) -> str:
        with self._lock:
            self._commits += 1
            if not self.cut_every or self._commits % self.cut_every:
                return ""
            how = "before" if self.cuts["before"] <= self.cuts["after"] else "after"
            self.cuts[how] += 1
            return how

    def _drop(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
        for end in ends:
            _close(end)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
