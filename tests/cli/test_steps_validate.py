"""`gitops validate` tells of steps and checks whose files are not there, or lead elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

STEP = """[stage.production.step.dns]
plan = ["{program}", "plan"]
apply = ["{program}", "apply"]
directory = "infra/dns"
files = [{files}]
"""
TOFU = '[stage.production.step.net]\ntofu = "infra/{project}"\nvars = ["infra/{stage}.tfvars"]\n'
ANSIBLE = '[stage.production.step.hosts]\nansible = "infra/dns/site.yml"\ninventory = "hosts"\n'
CHECK = '[stage.production.check.smoke]\ncommand = ["./smoke.sh"]\ndirectory = "checks"\n'
HERE = {"infra/dns/dns.sh": "#!/bin/sh\n", "infra/lib/all.sh": "#!/bin/sh\n"}


def step(program: str = "./dns.sh", files: str = "") -> str:
    return STEP.format(program=program, files=files)


def findings(
    article: Article, gitops: Gitops, settings: str, files: dict[str, str], *options: str
) -> list[tuple[int, str]]:
    """Return lines and messages of what is found of steps in a clone with these files."""
    clone = article.clone()
    for name, text in {**files, "gitops.toml": settings}.items():
        place = clone / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            place.symlink_to(text.removeprefix("-> "))
        else:
            place.write_text(text)
    if options:
        git(clone, "add", "-A")
    ran = gitops.at(clone)("validate", "-o", "json", *options)
    found = [one for one in ran.json()["findings"] if one["rule"] == "step-files"]
    assert ran.code == (1 if found else 0), str(ran)
    assert all(one["path"] == "gitops.toml" for one in found)
    return [(one["line"], one["message"]) for one in found]


@pytest.mark.parametrize(
    ("settings", "line", "said"),
    [
        (step(files='"infra/more"'), 1, "`infra/more` is not there"),
        (step("./other.sh"), 1, "`infra/dns/other.sh` is not there"),
        (step("../../../etc/run"), 1, "the program `../etc/run` is outside of the repository"),
        (step("../lib/all.sh"), 1, "`infra/lib/all.sh` is not among the files that it reads"),
        (f"# how\n{TOFU}", 2, "-project1` is not there"),
        (TOFU, 1, "`infra/production.tfvars` is not there"),
        (ANSIBLE, 1, "`infra/dns/site.yml` is not there"),
        (ANSIBLE, 1, "`hosts` is not there"),
        (CHECK, 1, "`checks` is not there"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--staged",)], ids=["the files", "what is staged"])
def test_what_a_program_names_must_be_there(
    article: Article, gitops: Gitops, settings: str, line: int, said: str, options: tuple[str, ...]
) -> None:
    found = findings(article, gitops, settings, HERE, *options)

    assert any(at == line and said in message for at, message in found), found
    assert all(message.startswith("[stage.production.") for _, message in found)


def test_a_link_out_of_the_repository_is_told(article: Article, gitops: Gitops) -> None:
    files = {**HERE, "infra/dns/passwd": "-> /etc/passwd"}

    [(line, message)] = findings(article, gitops, step(), files)

    assert line == 1
    assert "a symbolic link to `/etc/passwd`, which is no file of this repository" in message


@pytest.mark.parametrize(
    "settings",
    [
        step(),
        step("sh"),
        step("/usr/bin/env"),
        step("../lib/all.sh", '"infra/lib"'),
        step("./dns.sh", '"hosts", "infra/lib/all.sh"'),
    ],
)
def test_what_is_there_or_the_machines_own_is_right(
    article: Article, gitops: Gitops, settings: str
) -> None:
    assert findings(article, gitops, settings, {**HERE, "hosts": "localhost\n"}) == []


def test_a_commit_is_judged_as_files_are(article: Article, gitops: Gitops, tmp_path: Path) -> None:
    findings(article, gitops, step("./other.sh"), HERE)
    clone = article.directory / "clone"
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Declare a step")
    git(clone, "push", "-q", "origin", "HEAD:main")

    ran = gitops.at(tmp_path)("validate", "-R", str(article.remote), "-o", "json")

    said = [one["message"] for one in ran.json()["findings"] if one["rule"] == "step-files"]
    assert any("`infra/dns/other.sh` is not there" in message for message in said)
