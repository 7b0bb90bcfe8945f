"""--require-signed: an unsigned tip is refused, the newest trusted commit is followed instead."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.world import World
from tests.testbed.git import git

SIGNED = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
UNSIGNED = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"


class Signer:
    """A person who signs commits with ssh or GPG, in a clone of the state repository."""

    def __init__(self, world: World, directory: Path, form: str) -> None:
        self.world = world
        self.clone = world.article.clone(f"signer-{form}")
        self.signers = directory / "signers"
        self.signers.mkdir(exist_ok=True)
        options = {"gpg.format": form, "user.email": "ada@example.com", "user.name": "Ada"}
        if form == "ssh":
            key = directory / "signing"
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
            public = key.with_suffix(".pub").read_text()
            (self.signers / "allowed_signers").write_text(f"ada@example.com {public}")
            options["user.signingKey"] = str(key)
        else:
            home = directory / "gnupg"
            home.mkdir(mode=0o700)
            batch = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback"]
            identity = "Ada <ada@example.com>"
            _run(*batch, "--passphrase", "", "--quick-gen-key", identity, "ed25519", "sign")
            public = _run(*batch, "--armor", "--export", "ada@example.com")
            (self.signers / "keyring.asc").write_text(public)
            wrapper = directory / "gpg"
            wrapper.write_text(f'#!/bin/sh\nexec gpg --homedir {home} "$@"\n')
            wrapper.chmod(0o755)
            options |= {"gpg.program": str(wrapper), "user.signingKey": "ada@example.com"}
        for name, value in options.items():
            git(self.clone, "config", name, value)

    def record(self, version: str, *, sign: bool) -> str:
        """Commit a version and push it; return the commit."""
        git(self.clone, "pull", "-q", "--rebase=false")
        file = self.clone / self.world.environment / "authentication.deployment"
        file.write_text(f"{version}\n")
        git(self.clone, "commit", "-qam", f"Record {version[:7]}", *(["-S"] if sign else []))
        git(self.clone, "push", "-q", "origin", "HEAD:main")
        return git(self.clone, "rev-parse", "HEAD").strip()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Path]:
    """Return a directory for keys; the agent that gpg started for them ends with the test."""
    yield tmp_path
    if (home := tmp_path / "gnupg").exists():
        _run("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")


@pytest.mark.parametrize("form", ["ssh", "openpgp"])
def test_an_unsigned_tip_is_refused_and_the_newest_trusted_commit_followed(
    world: World, keys: Path, form: str
) -> None:
    signer = Signer(world, keys, form)
    trusted = f"--require-signed={signer.signers}"
    before = world.images()

    ran = world.run(trusted)
    assert ran.code == 6
    assert world.images() == before
    assert "no commit" in world.status()["error"]

    good = signer.record(SIGNED, sign=True)
    world.run(trusted).ok()
    assert world.images()["authentication"].endswith(SIGNED)
    assert world.status()["commit"] == good

    bad = signer.record(UNSIGNED, sign=False)
    ran = world.run(trusted)
    assert ran.code == 6
    assert world.images()["authentication"].endswith(SIGNED)
    status = world.status()
    assert status["tip"] == bad
    assert status["commit"] == good
    assert f"{bad[:7]} is not signed" in status["error"]
    assert good[:7] in status["error"]

    world.kube.set_image(
        "Deployment",
        world.environment,
        "authentication",
        "authentication",
        world.images()["authentication"].replace(SIGNED, UNSIGNED),
    )
    assert world.run(trusted).code == 6
    assert world.images()["authentication"].endswith(SIGNED)

    again = signer.record("5" * 40, sign=True)
    world.run(trusted).ok()
    assert world.images()["authentication"].endswith("5" * 40)
    assert world.status()["commit"] == again


def test_somebody_elses_signature_is_not_trusted(world: World, tmp_path: Path) -> None:
    signer = Signer(world, tmp_path, "ssh")
    other = tmp_path / "other"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    git(signer.clone, "config", "user.signingKey", str(other))
    signer.record(SIGNED, sign=True)

    ran = world.run(f"--require-signed={signer.signers}")

    assert ran.code == 6
    assert not world.images()["authentication"].endswith(SIGNED)


def test_an_empty_directory_trusts_nobody(world: World, tmp_path: Path) -> None:
    ran = world.run(f"--require-signed={tmp_path}")

    assert ran.code == 2
    assert "nobody's commits are trusted" in ran.stdout
