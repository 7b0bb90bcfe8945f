"""Signed commits for the tests of trust."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.testbed.git import git


class Signer:
    """A person who signs commits, in a clone of the state repository.

    `form` is git's: ssh or openpgp. Keys are below `directory`, the public ones in `signers`.
    """

    def __init__(self, clone: Path, directory: Path, form: str) -> None:
        self.clone = clone
        self.signers = directory / "signers"
        self.signers.mkdir(exist_ok=True)
        options = {"gpg.format": form, "user.email": "ada@example.com", "user.name": "Ada"}
        if form == "ssh":
            key = directory / "signing"
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
            public = key.with_suffix(".pub").read_text()
            (self.signers / "allowed_signers").write_text(f"ada@example.com {public}")
            options["user.signingKey"] = str(key)
        else:
            home = directory / "gnupg"
            home.mkdir(mode=0o700)
            batch = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback"]
            identity = "Ada <ada@example.com>"
            run(*batch, "--passphrase", "", "--quick-gen-key", identity, "ed25519", "sign")
            public = run(*batch, "--armor", "--export", "ada@example.com")
            (self.signers / "keyring.asc").write_text(public)
            wrapper = directory / "gpg"
            wrapper.write_text(f'#!/bin/sh\nexec gpg --homedir {home} "$@"\n')
            wrapper.chmod(0o755)
            options |= {"gpg.program": str(wrapper), "user.signingKey": "ada@example.com"}
        self.options = options

    def record(self, file: str, version: str, *, sign: bool) -> str:
        """Commit a version and push it; return the commit."""
        git(self.clone, "pull", "-q", "--rebase=false")
        (self.clone / file).write_text(f"{version}\n")
        signed = ["-S"] if sign else []
        options = [word for pair in self.options.items() for word in ("-c", "=".join(pair))]
        git(self.clone, *options, "commit", "-qam", f"Record {version[:7]}", *signed)
        git(self.clone, "push", "-q", "origin", "HEAD:main")
        return git(self.clone, "rev-parse", "HEAD").strip()


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def keys_of_signers() -> Iterator[Path]:
    """Give a directory for keys; its path is short, as the socket of gpg's agent needs it.

    The agent that gpg starts for the keys ends with it.
    """
    with tempfile.TemporaryDirectory(prefix="signers-") as directory:
        try:
            yield Path(directory)
        finally:
            home = Path(directory) / "gnupg"
            if home.exists():
                run("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")
