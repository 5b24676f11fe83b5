"""`promote server`: start, stop, inspect and delete the embedded server; each function returns lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.database.embedded.server import EmbeddedServer, ServerInfo, databases

_KEEPS_RUNNING = "it goes on running after this command; stop it with: promote server stop"


def start(server: EmbeddedServer) -> list[str]:
    """Start the server unless it runs; initialises its data directory on first use."""
    info = server.ensure_running()
    return [f"{_title(info)} {'started' if info.started else 'was running already'}", _KEEPS_RUNNING]


def stop(server: EmbeddedServer) -> list[str]:
    """Stop the server; open transactions are rolled back."""
    return ["the embedded server is stopped" if server.stop() else "the embedded server was not running"]


def status(server: EmbeddedServer) -> Iterator[str]:
    """Whether the server runs, its data directory, its socket and its databases. Never starts it."""
    info = server.status()
    if info is None:
        yield "the embedded server is not running"
        yield _aligned("data", str(server.data) if server.data.exists() else f"{server.data} (made on first use)")
        return
    yield f"{_title(info)} is running"
    yield _aligned("data", str(info.data))
    yield _aligned("socket", f"{info.host} (port {info.port}, user {info.superuser})")
    for name, size in databases(info).items():
        yield _aligned(f"database {name}", f"{size / 1_000_000:,.1f} MB")
    yield _KEEPS_RUNNING


def reset(server: EmbeddedServer) -> list[str]:
    """Stop the server and delete its data: every database, every role, every ledger in it."""
    if not server.data.exists():
        server.stop()
        return [f"nothing to delete: there is no {server.data}"]
    server.reset()
    return [f"deleted {server.data}; the next command that needs it makes it anew"]


def _title(info: ServerInfo) -> str:
    return f"the embedded server (PostgreSQL {info.version}, process {info.pid})"


def _aligned(name: str, value: str) -> str:
    return f"  {name} ".ljust(32, ".") + f" {value}"
