"""A real sshd on 127.0.0.1 for git over ssh, with keys and configuration of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.testbed import reading
from tests.testbed.patience import eventually
from tests.testbed.ports import free_port
from tests.testbed.reading import Read

PROVIDED_BY = "apt-get install openssh-server openssh-client"


@dataclass
class Sshd:
    """The server. All but the port, the keys and the home is sshd's default, MaxStartups too.

    Use as a context manager. The user is the one who runs the tests; the home is empty.
    """

    directory: Path
    port: int = 0
    _process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> Sshd:
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        if not program or not shutil.which("ssh-keygen"):
            raise FileNotFoundError(f"no sshd on this machine: {PROVIDED_BY}")
        self.directory.mkdir(mode=0o700, parents=True)
        if (
            os.geteuid() == 0
        ):  # where sshd's unprivileged part lives; the package's service makes it
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._make_key("host")
        (self.directory / "authorized_keys").touch(0o600)
        self.add_key("client")
        self.port = free_port()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self._public('host')}")
        (self.directory / "home").mkdir()
        (self.directory / "config").write_text(self._config())
        with self.log.open("w") as log:
            command = [program, "-D", "-e", "-f", str(self.directory / "config")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            eventually(self._listens)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def pause(self) -> None:
        """Let nobody log in any more: connections are taken, but nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def git_ssh_command(self) -> str:
        """What GIT_SSH_COMMAND must be to log in with the first key."""
        return self.command_with(self.directory / "client")

    def command_with(self, key: Path) -> str:
        """Return a GIT_SSH_COMMAND for another key; nothing of the user's own is used."""
        options = {
            "UserKnownHostsFile": self.known_hosts,
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            # The default of OpenSSH 9, which quantum computers do not break, is another tenth of a
            # second of each login. Pods take it.
            "KexAlgorithms": "curve25519-sha256",
        }
        told = " ".join(f"-o {name}={value}" for name, value in options.items())
        return f"ssh -F /dev/null -i {key} {told}"

    def url(self, repository: Path) -> str:
        """Return the URL of a repository on this machine."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{repository.resolve()}"

    def add_key(self, name: str, options: str = "") -> Path:
        """Make a key that may log in, with options as in authorized_keys; return its file."""
        key = self._make_key(name)
        with (self.directory / "authorized_keys").open("a") as keys:
            keys.write(f"{options} {self._public(name)}".lstrip())
        return key

    def add_reader(self, name: str) -> Path:
        """Make a key that may fetch and not push, as a deploy key should be; return its file."""
        key = self._make_key(name)
        self.let_read(self._public(name))
        return key

    def let_read(self, public: str) -> None:
        """Let a key fetch and not push; what it fetches is counted under the key's comment."""
        comment = public.split()[2]
        command = f"{sys.executable} {reading.__file__} {self.directory / 'reads'} {comment}"
        with (self.directory / "authorized_keys").open("a") as keys:
            keys.write(f'restrict,command="{command}" {public.strip()}\n')

    def reads(self, comment: str | None = None) -> list[Read]:
        """Return what keys that may only read have fetched, all of them or those of a comment."""
        found = reading.reads(self.directory / "reads")
        return [read for read in found if comment in (None, read.label)]

    def fingerprint(self) -> str:
        """Return the host key's fingerprint, as ssh-keygen prints it."""
        said = subprocess.run(
            ["ssh-keygen", "-lf", self.directory / "host.pub"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return said.split()[1]

    def logins(self) -> int:
        """Return how many connections have logged in."""
        return self.log.read_text(errors="replace").count("Accepted publickey")

    def drops(self) -> int:
        """Return how many connections were dropped because too many were logging in."""
        return self.log.read_text(errors="replace").count("past MaxStartups")

    def _make_key(self, name: str) -> Path:
        key = self.directory / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True
        )
        return key

    def _public(self, name: str) -> str:
        return (self.directory / f"{name}.pub").read_text()

    def _config(self) -> str:
        return (
            f"ListenAddress 127.0.0.1:{self.port}\n"
            f"HostKey {self.directory / 'host'}\n"
            f"AuthorizedKeysFile {self.directory / 'authorized_keys'}\n"
            "PidFile none\n"
            "StrictModes no\n"  # the keys are below /tmp
            "UsePAM no\n"
            "PasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\n"
            "AcceptEnv GIT_PROTOCOL\n"  # git's protocol v2
            # bash reads ~/.bashrc for sshd too, and what stands there takes a tenth of a second of
            # each login on machines of people who use pyenv.
            f"SetEnv HOME={self.directory / 'home'}\n"
        )

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"sshd ended: {self.log.read_text()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
