"""A real Gitea on 127.0.0.1, for node tests: it runs as root, as they do."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed import golang
from tests.testbed.patience import PATIENCE
from tests.testbed.ports import free_port
from tests.testbed.programs import MODULES, program

MODULE = "code.gitea.io/gitea"
PASSWORD = "correct horse battery staple"
_SETTINGS = """\
RUN_USER = root
RUN_MODE = prod
WORK_PATH = {directory}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {static}
OFFLINE_MODE = true
DISABLE_SSH = true
[database]
DB_TYPE = sqlite3
[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2_v1
[indexer]
ISSUE_INDEXER_TYPE = db
[actions]
ENABLED = false
[log]
LEVEL = Warn
"""


@dataclass(frozen=True, slots=True)
class RealGitea:
    """A server; `tokens` has one of each of its people, `ada` is its administrator."""

    address: str
    tokens: dict[str, str]

    def ask(self, method: str, path: str, content: object = None, *, by: str = "ada") -> Any:
        """Ask its API, and return the document; fails for a refusal."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        headers = {
            "Authorization": f"token {self.tokens[by]}",
            "Content-Type": "application/json",
        }
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, f"/api/v1{path}", body, headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {said.decode()}"
        return json.loads(said) if said else None


@contextmanager
def running_gitea(directory: Path) -> Iterator[RealGitea]:
    """Run a server with ada and grace in an empty directory."""
    binary, port = program("gitea"), free_port()
    file = directory / "app.ini"
    file.write_text(_SETTINGS.format(directory=directory, port=port, static=module_folder()))
    command = [str(binary), "--config", str(file)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory)}
    log = directory / "log"
    with log.open("wb") as stream:
        server = subprocess.Popen([*command, "web"], env=environment, stdout=stream, stderr=stream)
        try:
            _await(server, f"127.0.0.1:{port}", log)
            tokens = {name: _person(command, environment, name) for name in ("ada", "grace")}
            yield RealGitea(f"127.0.0.1:{port}", tokens)
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE)


def module_folder() -> Path:
    """Return the folder of Gitea's module, where its templates are."""
    module = MODULES / "gitea"
    go = golang.go_toolchain((module / "go.mod").read_text())
    done = subprocess.run(
        [go, "mod", "download", "-json", MODULE],
        cwd=module,
        env={**os.environ, **golang.FLAGS},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(json.loads(done.stdout)["Dir"])


def _await(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        connection = http.client.HTTPConnection(address, timeout=5)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", "/api/healthz")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"Gitea did not start:\n{log.read_text()[-4000:]}")


def _person(command: list[str], environment: dict[str, str], name: str) -> str:
    """Make a user, and return an access token of theirs."""
    words = ["--username", name, "--password", PASSWORD, "--email", f"{name}@example.com"]
    done = subprocess.run(
        [*command, "admin", "user", "create", *words, "--must-change-password=false"]
        + (["--admin"] if name == "ada" else [])
        + ["--access-token", "--access-token-scopes", "all"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    [token] = re.findall(r"created\.\.\. ([0-9a-f]{40})", done.stdout)
    return str(token)
