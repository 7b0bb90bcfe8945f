"""Whose commits may be deployed: ssh's allowed signers, and GPG's public keys."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitops_cli.agent.model.spec import GPG_SIGNERS, SSH_SIGNERS
from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line


class Signers(NamedTuple):
    """A directory with `allowed_signers` (ssh), `keyring.asc` (GPG), or both."""

    directory: Path

    @contextmanager
    def unpacked(self) -> Iterator[tuple[Path | None, Path | None]]:
        """Yield the allowed signers file and a GPG home; None for what there is none of.

        Read anew each time, as the ConfigMap may have changed. Raises ConfigurationError.
        """
        ssh, gpg = self.directory / SSH_SIGNERS, self.directory / GPG_SIGNERS
        if not ssh.exists() and not gpg.exists():
            raise ConfigurationError(
                f"{self.directory} has neither {SSH_SIGNERS} nor {GPG_SIGNERS}, so nobody's "
                "commits are trusted",
                hint="install the agent again with --allowed-signers FILE",
            )
        with tempfile.TemporaryDirectory(prefix="gitops-gpg-") as home:  # mode 0700, as gpg wants
            # An empty GPG home where there are no GPG keys: then no such signature is good.
            if gpg.exists():
                _import(Path(home), gpg)
            yield (ssh if ssh.exists() else None), Path(home)


def _import(home: Path, keys: Path) -> None:
    command = ["gpg", "--batch", "--quiet", "--no-autostart", "--homedir", str(home)]
    try:
        done = subprocess.run(
            [*command, "--import", "--", str(keys)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except FileNotFoundError as error:
        raise ConfigurationError("gpg is not installed", hint="the baked image has it") from error
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"gpg did not import {keys} in 30 s") from error
    if done.returncode != 0:
        raise ConfigurationError(f"{keys}: {one_line(done.stderr)}")


def read_signers(allowed: Path | None, keyring: Path | None) -> dict[str, str]:
    """Return the files of the signers' ConfigMap; raises ConfigurationError."""
    found: dict[str, str] = {}
    for name, file in ((SSH_SIGNERS, allowed), (GPG_SIGNERS, keyring)):
        if file is None:
            continue
        try:
            found[name] = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: {error}") from error
        if not found[name].strip():
            raise ConfigurationError(f"{file}: is empty, so nobody would be trusted")
        if "PRIVATE KEY" in found[name]:
            raise ConfigurationError(f"{file}: holds a private key; only public ones belong here")
    return found
