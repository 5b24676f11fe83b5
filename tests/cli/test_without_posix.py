"""Commands against remote servers in a Python as Windows has it: without fcntl, pwd, grp, resource, and os.geteuid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.material import REPOSITORY
from tests.servers import ProjectCopy

# What Windows lacks, of which one name in one import stops every command. The standard library is imported first: it
# has its own ways there.
WITHOUT = """
    import asyncio, getpass, json, multiprocessing, os, pathlib, pkgutil, shutil, signal, socket, subprocess, sys
    import tempfile, traceback
    for name in ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"):
        sys.modules[name] = None
    for name in ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"):
        delattr(signal, name)
    for name in (
        "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "WNOHANG", "chown", "fchmod", "fchown", "fork", "getegid",
        "geteuid", "getgid", "getgroups", "getloadavg", "getpgid", "getuid", "initgroups", "killpg", "mkfifo", "nice",
        "posix_fadvise", "posix_spawn", "setegid", "seteuid", "setgid", "setsid", "setuid", "sysconf",
    ):
        if hasattr(os, name):
            delattr(os, name)
"""
MODULES = """
    import minerva_promote
    names = [module.name for module in pkgutil.walk_packages(minerva_promote.__path__, "minerva_promote.")]
    for name in names:
        if not name.endswith("__main__"):
            __import__(name)
    print(len(names))
"""
COMMANDS = """
    from minerva_promote.cli.main import main
    for command in json.loads(sys.argv[1]):
        try:
            main(command)
        except SystemExit as stop:
            print("exit", stop.code, *command, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
"""


def run_without_posix(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(WITHOUT) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_every_module_can_be_imported(tmp_path: Path) -> None:
    done = run_without_posix(MODULES, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 250


def test_commands_against_a_remote_server(project: ProjectCopy) -> None:
    database = project.database("test-prod")
    text = (project.root / "environments" / "test-prod.yaml").read_text("utf-8")
    roles = text[text.index("\npublic:") :]
    urls = f"url: {database.url(project.name('minerva_api'))}\nadmin_url: {database.url()}\nkind: production\n"
    project.write("environments/remote.yaml", urls + roles)
    file = str(REPOSITORY / "examples" / "bread.sql")
    remote = ("--env", "remote")
    commands = [
        ["env", "list"],
        ["validate", file],
        ["setup", *remote],
        ["env", "ping", "--env", "remote"],
        ["plan", *remote, "--file", file],
        ["run", *remote, "--file", file],
        ["check", *remote],
        ["history", *remote],
        ["grants", *remote],
        ["schema", "diff", "--from", "alembic/snapshot.yaml", "--to", "remote"],
        ["index", *remote],
    ]
    done = run_without_posix(COMMANDS, json.dumps(commands), cwd=project.root)
    ended = [line for line in done.stderr.splitlines() if line.startswith("exit ")]
    assert ended == [" ".join(["exit 0", *command]) for command in commands], done.stdout + done.stderr


def test_what_needs_the_embedded_server_says_so(project: ProjectCopy) -> None:
    done = run_without_posix(
        COMMANDS, json.dumps([["env", "ping", "--env", "test-prod"], ["server", "start"]]), cwd=project.root
    )
    assert "exit 3 env ping" in done.stderr
    assert "exit 3 server start" in done.stderr
    assert done.stderr.count("error: the embedded server needs Linux or macOS\n") == 2
    assert "Traceback" not in done.stderr
