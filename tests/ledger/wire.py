"""A way to a server on which a test can stop a client after any of its messages, and lose any piece of an answer.

Messages are those of PostgreSQL's protocol. Only a client's are counted, over all of its connections: their order is
the same whenever the same command does the same, and a server does nothing that no message asked for.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import get_args
from urllib.parse import quote

from minerva_promote.ledger.events import Kind
from tests.run.proxy import cut, server_socket
from tests.servers import PASSWORD, Database

PATIENCE = 60  # seconds


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the client, and the request that it belongs to."""

    kind: bytes  # b"Q", b"P", b"B", …; b"" for the one that opens a connection
    content: bytes  # all of it, as it goes over the wire
    statement: bytes  # the SQL that was last parsed on this connection, or is run here
    event: str  # the kind of the ledger's event that the request adds; "" for every other request

    @property
    def ends(self) -> bool:
        """Whether the server answers now: a request ends here."""
        return self.kind in (b"Q", b"S", b"")

    @property
    def commits(self) -> bool:
        """Whether it is the COMMIT of a transaction."""
        return self.kind == b"Q" and self.statement == b"commit"

    @property
    def stores(self) -> bool:
        """Whether it is the COMMIT of an event that has a transaction of its own, in the same request."""
        return self.kind == b"E" and self.statement == b"COMMIT" and bool(self.event)

    def __str__(self) -> str:
        what = " ".join(self.statement.decode("utf-8", "replace").split())[:60]
        return f"{self.kind.decode() or 'startup'} {self.event or what}"


KINDS = frozenset(kind.encode() for kind in get_args(Kind))
Where = Callable[[Message], bool]


@dataclass
class Stop:
    """Where the wire stops: at the first message that ``where`` is true of, or at number ``after``."""

    after: int = 0
    where: Where | None = None
    request: int | None = None  # bytes of that message that still arrive; None: all
    answer: int | None = None  # bytes of its answer that still arrive; None: all of it
    message: Message | None = None  # at which it stopped
    pid: int = 0  # of the server's process at that end
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


class _Line:
    """One connection."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.pid = 0
        self.left: int | None = None  # bytes of answers that may still pass
        self.asked = 0  # requests that arrived
        self.answered = 0
        self.over = False  # the server's side
        self.kept = False  # the server is not told that the client has gone

    def cut(self) -> None:
        """End both sides; what the server was sent is still read there."""
        cut(self.client)
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_WR)


class Wire:
    """Passes messages on, and stops where it was told. Of use for one command after another."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.messages: list[Message] = []  # that arrived at the server since the last arm()
        self.down = False  # refuse every new connection
        self.nameless = False  # sessions have no name of ours, as behind some poolers
        self._stop = Stop()
        self._turn = threading.Lock()
        self._lines: list[_Line] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, user: str | None = None) -> str:
        """The database, over this wire."""
        port = self._listener.getsockname()[1]
        params = self.database.server.params
        name, password = (user, PASSWORD) if user else (params.get("user", ""), params.get("password", ""))
        who = quote(name) + (f":{quote(password)}" if password else "")
        return f"postgresql://{who}@127.0.0.1:{port}/{quote(self.database.name)}?sslmode=disable&gssencmode=disable"

    def arm(self, stop: Stop | None = None) -> Stop:
        """Count from the beginning, and stop there; no stop: pass everything on. The command before has ended."""
        self._stop.released.set()
        until(lambda: all(line.over for line in self._lines))
        self._lines.clear()
        self.messages = []
        self._stop = stop or Stop()
        return self._stop

    def cut(self) -> None:
        """Break every connection; what the server has received is with it, and nothing else arrives."""
        for line in list(self._lines):  # not what the client opens meanwhile
            line.cut()
        self._stop.released.set()

    def desert(self) -> None:
        """Cut the client off, and leave the server waiting for it."""
        for line in list(self._lines):
            line.kept = True
            cut(line.client)
        self._stop.released.set()

    def settle(self) -> None:
        """Wait until the server has answered all that it was asked, or is gone."""
        until(lambda: all(line.over or line.answered >= line.asked for line in self._lines))

    def close(self) -> None:
        """The end."""
        cut(self._listener)
        self.cut()
        for line in self._lines:
            cut(line.server)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.down:
                    cut(client)
                    continue
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    line = _Line(client, server_socket(self.database))
                except OSError:  # the server is down
                    cut(client)
                    continue
                self._lines.append(line)
                threading.Thread(target=self._to_server, args=(line,), daemon=True).start()
                threading.Thread(target=self._to_client, args=(line,), daemon=True).start()

    def _to_server(self, line: _Line) -> None:
        with contextlib.suppress(OSError):
            for message in _messages(line.client):
                if not message.kind and self.nameless:
                    message = replace(message, content=message.content.replace(b"name\0promote", b"name\0pooled "))
                with self._turn:  # one client; its connections take turns
                    stop = self._stop
                    if stop.reached.is_set() and not stop.released.is_set():
                        stop.released.wait(PATIENCE)
                    self._pass_on(line, message, stop)
        if not line.kept:
            line.cut()

    def _pass_on(self, line: _Line, message: Message, stop: Stop) -> None:
        here = not stop.reached.is_set() and (
            len(self.messages) + 1 == stop.after or bool(stop.where and stop.where(message))
        )
        if here and stop.answer is not None:
            line.left = stop.answer
        if message.ends and not (here and stop.request is not None):
            line.asked += 1
        line.server.sendall(message.content[: stop.request] if here else message.content)
        self.messages.append(message)
        if here:
            stop.message, stop.pid = message, line.pid
            stop.reached.set()
            stop.released.wait(PATIENCE)

    def _to_client(self, line: _Line) -> None:
        with contextlib.suppress(OSError):
            for kind, content in _pieces(line.server, typed=True):
                if kind == b"K":
                    (line.pid,) = struct.unpack_from(">i", content, 5)
                passing = content if line.left is None else content[: line.left]
                if line.left is not None:
                    line.left -= len(passing)
                with contextlib.suppress(OSError):
                    line.client.sendall(passing)
                if kind == b"Z":
                    line.answered += 1
        line.over = True
        cut(line.client)
        cut(line.server)


def _pieces(one: socket.socket, *, typed: bool) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each message that arrives; the first of a client has no kind."""
    waiting = b""
    while True:
        head = 1 if typed else 0
        while len(waiting) < head + 4 or len(waiting) < head + struct.unpack_from(">i", waiting, head)[0]:
            data = one.recv(1 << 16)
            if not data:
                return
            waiting += data
        length = head + struct.unpack_from(">i", waiting, head)[0]
        yield waiting[:head], waiting[:length]
        waiting, typed = waiting[length:], True


def _messages(client: socket.socket) -> Iterator[Message]:
    """What the client sends, message by message."""
    statement, event, ended = b"", "", False
    for kind, content in _pieces(client, typed=False):
        body = content[len(kind) + 4 :]
        if ended:
            event = ""
        if kind in (b"Q", b"P"):
            statement = body.split(b"\0")[0 if kind == b"Q" else 1].strip()
        if kind == b"B" and b"into promote.events" in statement:
            event = _kind(body)
        yield Message(kind, content, statement, event)
        ended = kind in (b"Q", b"S")


def _kind(bind: bytes) -> str:
    """The kind of event among the parameters of a Bind message."""
    at = bind.index(b"\0") + 1
    at = bind.index(b"\0", at) + 1
    (formats,) = struct.unpack_from(">h", bind, at)
    at += 2 + 2 * formats
    (count,) = struct.unpack_from(">h", bind, at)
    at += 2
    for _ in range(count):
        (length,) = struct.unpack_from(">i", bind, at)
        value = bind[at + 4 : at + 4 + max(length, 0)]
        if value in KINDS:
            return value.decode()
        at += 4 + max(length, 0)
    return ""


def event(kind: str) -> Where:
    """The end of the request that adds such an event."""
    return lambda message: message.ends and message.event == kind


def storing(kind: str) -> Where:
    """What stores such an event: the COMMIT in its own request, or the request's end within a longer transaction."""
    return lambda message: message.event == kind and (message.ends if kind == "committed" else message.stores)


def commit(message: Message) -> bool:
    """The COMMIT."""
    return message.commits


@contextlib.contextmanager
def wire_to(database: Database) -> Iterator[Wire]:
    """A wire that is closed at the end."""
    wire = Wire(database)
    try:
        yield wire
    finally:
        wire.close()


def until(reached: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)
