"""What is looked at before an agent is installed: namespace, and repository as its pod reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_cli.agent.model.spec import NAME
from tests.agent.world import installed_objects
from tests.state.http_remote import HttpRemote
from tests.testbed import controlplane
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

PASSWORD = "s3cret"


@pytest.fixture
def remote(article: Article, tmp_path: Path) -> Iterator[HttpRemote]:
    """Return the article's repository over https."""
    certificates = controlplane.make_certificates(tmp_path / "certificates")
    with HttpRemote(article.directory, certificates) as server:
        yield server


@pytest.fixture
def install(cli: Gitops, environment: str, remote: HttpRemote) -> Gitops:
    """Return the command for somebody who trusts the server's certificate."""
    assert remote.certificates is not None
    return cli.using(GIT_SSL_CAINFO=remote.certificates / "ca.crt")


def options(url: str) -> list[str]:
    return ["--agent-repo", url, "--image", "r.example.com/x:1", "--no-verify-image", "--yes"]


def configure(gitops: Gitops, text: str) -> None:
    with (gitops.home / ".gitconfig").open("a") as config:
        config.write(text)


def test_a_repository_that_everybody_may_read_is_good_enough(
    install: Gitops, kube: Kube, environment: str, remote: HttpRemote, article: Article
) -> None:
    url = remote.url(article.remote.name)

    install("agent", "install", environment, *options(url)).ok()

    assert kube.exists("CronJob", environment, NAME)


def test_a_namespace_that_is_not_there_is_named_and_nothing_is_installed(
    install: Gitops, kube: Kube, environment: str, remote: HttpRemote, article: Article
) -> None:
    other = article.environment("staging")

    ran = install("agent", "install", environment, other, *options(remote.url(article.remote.name)))

    assert ran.code == 2, str(ran)
    assert f"the cluster has no namespace {other}" in ran.stderr
    assert f"kubectl create namespace {other}" in ran.stderr
    assert installed_objects(kube, environment) == []


@pytest.mark.parametrize("known_by", ["a helper", "a netrc file", "a program that asks"])
def test_a_password_that_only_the_user_knows_installs_nothing(
    install: Gitops,
    kube: Kube,
    environment: str,
    remote: HttpRemote,
    article: Article,
    tmp_path: Path,
    known_by: str,
) -> None:
    remote.password = PASSWORD
    if known_by == "a helper":
        helper = f"!f() {{ echo username=ci; echo password={PASSWORD}; }}; f"
        configure(install, f'[credential]\n\thelper = "{helper}"\n')
    elif known_by == "a netrc file":
        file = install.home / ".netrc"
        file.write_text(f"machine 127.0.0.1 login ci password {PASSWORD}\n")
        file.chmod(0o600)
    else:
        program = tmp_path / "askpass"
        program.write_text(f"#!/bin/sh\ncase $1 in User*) echo ci;; *) echo {PASSWORD};; esac\n")
        program.chmod(0o755)
        install = install.using(GIT_ASKPASS=program)
    url = remote.url(article.remote.name)
    install("status", "-R", url).ok()  # the user knows it

    ran = install("agent", "install", environment, *options(url))

    assert ran.code == 4, str(ran)
    assert "--agent-repo with an ssh URL" in ran.stderr
    assert installed_objects(kube, environment) == []


def test_an_address_that_only_the_users_settings_lead_to_installs_nothing(
    install: Gitops, kube: Kube, environment: str, remote: HttpRemote, article: Article
) -> None:
    base = remote.url("")
    configure(install, f'[url "{base}"]\n\tinsteadOf = https://git.example.invalid/\n')
    url = f"https://git.example.invalid/{article.remote.name}"
    install("status", "-R", url).ok()

    ran = install("agent", "install", environment, *options(url))

    assert ran.code == 3, str(ran)
    assert "git.example.invalid" in ran.stderr
    assert installed_objects(kube, environment) == []
