"""Git's own settings hold for gitops too: logins, ssh, rewritten URLs, signatures."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from tests.cli.company import DEV
from tests.node.watching import command_lines, traced
from tests.state.http_remote import HttpRemote
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import AUTHOR, EMAIL, Gitops
from tests.testbed.sshd import Sshd

NEW = "b" * 40
PASSWORD = "correct-horse"
where = pytest.mark.parametrize("where", ["clone", "mirror"])


def configure(gitops: Gitops, **settings: str | Path) -> None:
    """Set options in the user's own configuration; `__` stands for a dot."""
    for name, value in settings.items():
        key = name.replace("__", ".")
        git(gitops.home, "config", "--file", gitops.home / ".gitconfig", key, str(value))


def reached(gitops: Gitops, company: Article, where: str, url: str) -> Gitops:
    """Return the command in a clone with that remote, or elsewhere with the URL alone."""
    if where == "mirror":
        return gitops.using(GITOPS_REPO=url)
    clone = company.clone()
    git(clone, "remote", "set-url", "origin", url)
    return gitops.at(clone)


def records(gitops: Gitops, company: Article) -> str:
    """Record a version, see that it arrived, and return what was said."""
    done = gitops("set", f"authentication={NEW}", "-e", DEV).ok()
    assert company.recorded(DEV)["authentication"] == NEW
    return done.stdout + done.stderr


@where
def test_a_credential_helper_logs_in(company: Article, gitops: Gitops, where: str) -> None:
    git(company.remote, "config", "http.receivepack", "true")
    with HttpRemote(company.directory, password=PASSWORD) as http:
        url, stored = http.url(company.remote.name), gitops.home / "stored"
        stored.write_text(http.url("", f"ci:{PASSWORD}@"))
        command = reached(gitops, company, where, url)
        assert command("set", f"authentication={NEW}", "-e", DEV).code == 4
        configure(gitops, credential__helper=f"store --file={stored}")

        assert PASSWORD not in records(command, company)


@pytest.mark.node
@where
def test_credentials_of_a_url_are_no_programs_argument(
    company: Article, gitops: Gitops, where: str, tmp_path: Path
) -> None:
    """As many CI systems clone: https://user:token@host/… in GITOPS_REPO, or as `origin`."""
    git(company.remote, "config", "http.receivepack", "true")
    log = tmp_path / "programs"
    with HttpRemote(company.directory, password=PASSWORD) as http:
        url = http.url(company.remote.name, f"ci:{PASSWORD}@")
        command = reached(gitops, company, where, url).under(*traced(log))

        said = records(command, company)
        command("history", "authentication", "-e", DEV).ok()

    assert PASSWORD not in said
    ran = command_lines(log)
    assert [line for line in ran if "remote-http" in line], "which git starts with the URL"
    assert not [line for line in ran if PASSWORD in line]


@where
def test_urls_are_rewritten(company: Article, gitops: Gitops, where: str) -> None:
    configure(gitops, **{f"url.file://{company.directory}/__insteadOf": "company:"})

    records(reached(gitops, company, where, f"company:{company.remote.name}"), company)


@pytest.mark.node
@where
def test_the_ssh_command_is_gits(company: Article, gitops: Gitops, sshd: Sshd, where: str) -> None:
    configure(gitops, core__sshCommand=sshd.git_ssh_command)

    records(reached(gitops, company, where, sshd.url(company.remote)), company)

    assert sshd.logins() > 0


@pytest.fixture
def standing(company: Article, gitops: Gitops) -> Gitops:
    """Return the command with a URL, started in a checkout with settings of its own."""
    return gitops.at(company.checkout("billing")).using(GITOPS_REPO=f"file://{company.remote}")


def test_who_somebody_is_in_another_repository_is_not_who_they_are_here(
    company: Article, standing: Gitops
) -> None:
    (standing.home / ".gitconfig").write_text("")
    git(standing.directory, "config", "user.name", "bot")
    git(standing.directory, "config", "user.email", "bot@example.org")
    words = ("set", f"authentication={NEW}", "-e", DEV)

    assert standing(*words).code == 2, "nobody, for a person"
    standing.using(CI="true", GITHUB_ACTIONS="true", GITHUB_ACTOR="octo")(*words).ok()

    shown = git(company.remote, "log", "-1", "--format=%an %cn", "main")
    assert shown == "octo octo"


def test_a_lock_is_by_who_somebody_is_here(company: Article, standing: Gitops) -> None:
    git(standing.directory, "config", "user.name", "bot")

    standing("lock", "billing", "-e", DEV, "-m", "why").ok()

    assert f'by = "{AUTHOR}"' in git(company.remote, "show", f"main:{DEV}/billing.lock")


def test_another_repositorys_signing_is_not_the_states(
    company: Article, standing: Gitops, ssh_signer: None
) -> None:
    git(standing.directory, "config", "commit.gpgSign", "false")

    standing("set", f"authentication={NEW}", "-e", DEV).ok()

    assert "gpgsig" in git(company.remote, "cat-file", "commit", "main")


def test_another_repositorys_ssh_command_is_not_the_states(
    standing: Gitops, tmp_path: Path
) -> None:
    """Its deploy key would be offered to the state's server."""
    log = tmp_path / "log"
    ssh = standing.home / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexit 255\n')
    ssh.chmod(0o755)
    path = f"{standing.home}:{standing.environment['PATH']}"
    git(standing.directory, "config", "core.sshCommand", "ssh -i /services-key")
    there = standing.using(GITOPS_REPO="git@git.example.com:acme/state.git", PATH=path)

    assert there("status").code == 3

    assert "git@git.example.com" in log.read_text()
    assert "/services-key" not in log.read_text()


@pytest.fixture
def ssh_signer(gitops: Gitops, tmp_path: Path) -> None:
    """Let the user sign with an ssh key."""
    assert which("ssh-keygen"), "apt-get install openssh-client"
    key, allowed = tmp_path / "key", tmp_path / "allowed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed.write_text(f"{EMAIL} {key.with_suffix('.pub').read_text()}")
    configure(gitops, gpg__format="ssh", user__signingKey=key)
    configure(gitops, gpg__ssh__allowedSignersFile=allowed, commit__gpgSign="true")


@pytest.fixture
def gpg_signer(gitops: Gitops) -> Iterator[None]:
    """Let the user sign with gpg; its agent's socket needs a short path."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        wrapper = gitops.home / "gpg"
        wrapper.write_text(f'#!/bin/sh\nexec gpg --homedir {home} "$@"\n')
        wrapper.chmod(0o755)
        unlocked = ("--batch", "--pinentry-mode=loopback", "--passphrase=")
        words = (*unlocked, "--quick-gen-key", EMAIL, "ed25519", "sign")
        subprocess.run([wrapper, *words], check=True, capture_output=True)
        configure(gitops, gpg__program=wrapper, user__signingKey=EMAIL, commit__gpgSign="true")
        try:
            yield
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=True)


@where
@pytest.mark.parametrize(
    "signer", ["ssh_signer", pytest.param("gpg_signer", marks=pytest.mark.node)]
)
def test_commits_are_signed(
    company: Article, gitops: Gitops, where: str, signer: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(signer)

    records(reached(gitops, company, where, f"file://{company.remote}"), company)

    log = ["git", "log", "-1", "--format=%G? %GS", "main"]
    shown = subprocess.run(
        log, cwd=company.remote, env=gitops.environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()[0] in ("G", "U"), shown
    assert EMAIL in shown.stdout
