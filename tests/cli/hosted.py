"""A clone whose remote is on a forge, and the command with a token for it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.company import PROD
from tests.forge.fakes import TOKEN, FakeForge
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

PROPOSE = ("promote", "authentication", "--to", PROD, "--yes", "--pr")
VARIABLE = "TOKEN_OF_THE_TESTS"


def on(forge: FakeForge, company: Article, gitops: Gitops) -> Gitops:
    here = gitops.at(hosted(company, forge)).using(**{VARIABLE: TOKEN}, **forge.variables)
    user_config(here, forge.host, forge.kind)
    return here


def hosted(company: Article, forge: FakeForge) -> Path:
    """Return a clone whose remote's URL is the forge's; git itself goes to the bare repository."""
    clone, url = company.clone(), forge.remote
    git(clone, "remote", "set-url", "origin", url)
    git(clone, "config", f"url.file://{company.remote}.insteadOf", url)
    return clone


def user_config(gitops: Gitops, host: str, kind: str) -> None:
    for key, value in (("kind", kind), ("token", VARIABLE)):
        gitops("config", "set", f"forge.{host}.{key}", value).ok()
