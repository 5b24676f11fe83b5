"""A way to a server that a test can break at COMMIT, on either side of the server's answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import quote

from tests.servers import PASSWORD, Database

COMMIT = b"commit\0"  # as the driver sends it: a simple query


class Proxy:
    """Passes bytes on. ``at_commit`` says what happens once, when a client sends COMMIT:

    pass on; "lose the request": it never arrives, both sides are cut; "lose the answer": the server commits, and the
    client is cut off before it hears of it; "swallow": the client is cut off, and the server goes on waiting; "hold":
    it waits for ``released``. ``down`` refuses every new connection.
    """

    def __init__(self, database: Database, at_commit: str = "") -> None:
        self.database = database
        self.at_commit = at_commit
        self.down = False
        self.down_after_commit = False
        self.committing = threading.Event()
        self.released = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, user: str) -> str:
        """The database, through this proxy."""
        port = self._listener.getsockname()[1]
        return (
            f"postgresql://{quote(user)}:{PASSWORD}@127.0.0.1:{port}/{quote(self.database.name)}"
            "?sslmode=disable&gssencmode=disable"
        )

    def close(self) -> None:
        """Cut everything."""
        self.released.set()
        for connected in (self._listener, *self._open):
            cut(connected)

    def cut(self) -> None:
        """Cut what is open; whoever connects anew gets through."""
        for connected in self._open:
            cut(connected)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.down:
                    cut(client)
                    continue
                server = server_socket(self.database)
                self._open += [client, server]
                answer = threading.Event()  # set when the next answer is not to be passed on
                threading.Thread(target=self._to_server, args=(client, server, answer), daemon=True).start()
                threading.Thread(target=self._to_client, args=(client, server, answer), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, answer: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                if COMMIT in data and self.at_commit:
                    what, self.at_commit = self.at_commit, ""
                    self.down = self.down_after_commit
                    self.committing.set()
                    if what == "lose the request":
                        break
                    if what == "swallow":
                        cut(client)
                        self.released.wait(60)
                        break
                    if what == "lose the answer":
                        answer.set()
                    if what == "hold":
                        self.released.wait(60)
                server.sendall(data)
        cut(client)
        cut(server)

    def _to_client(self, client: socket.socket, server: socket.socket, answer: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                if answer.is_set():
                    break
                client.sendall(data)
        cut(client)
        cut(server)


def cut(connected: socket.socket) -> None:
    """Close a socket, whoever reads from it."""
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
    connected.close()


def server_socket(database: Database) -> socket.socket:
    """A new connection to the server of a database. Raises OSError when the server is down."""
    params = database.server.params
    host, port = params.get("host", "localhost"), int(params.get("port", 5432))
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        server.close()
        raise
    return server


@contextlib.contextmanager
def proxy_to(database: Database, at_commit: str = "") -> Iterator[Proxy]:
    """A proxy that is closed at the end."""
    proxy = Proxy(database, at_commit)
    try:
        yield proxy
    finally:
        proxy.close()
