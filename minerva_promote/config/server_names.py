"""Whether two connection URLs lead to one server, as far as their texts tell."""

from __future__ import annotations

from minerva_promote.config.connection_url import Target

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_PORT = "5432"


def server_names(target: Target) -> frozenset[str]:
    """The names of its server; "embedded" for the embedded server, "" for this machine, however it is addressed."""
    if target.embedded:
        return frozenset({"embedded"})
    names = f"{target.params.get('host', '')},{target.params.get('hostaddr', '')}".lower().split(",")
    named = {name for name in names if name} or {""}
    return frozenset("" if name in _HERE or name.startswith(("/", "@")) else name for name in named)


def may_be_one_server(one: Target, other: Target) -> bool:
    """Whether both name the same host and port."""
    ports = [{*target.params.get("port", _PORT).split(",")} for target in (one, other)]
    return bool(server_names(one) & server_names(other)) and (one.embedded or bool(ports[0] & ports[1]))
