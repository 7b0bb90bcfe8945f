"""What we ask GitHub and Gitea, and what our stand-ins for them say, by their own descriptions."""

from __future__ import annotations

import json
import re

import pytest

from gitops_cli.forge.github import Gitea, GitHub
from tests.forge.conversation import conversation
from tests.forge.described import Description
from tests.forge.fakes import PROJECT
from tests.forge.hub import GiteaFake, GitHubFake
from tests.testbed import npm
from tests.testbed.gitea import module_folder

pytestmark = [pytest.mark.node, pytest.mark.programs]
OF_GITHUB = "generated/api.github.com.json"
# Gitea describes other names since 1.26 and takes both; Forgejo and those before know these only.
FORMER = ("field MergeTitleField", "field MergeMessageField")
MARKS = (("X-GitHub-Api-Version", "2022-11-28"),)


def github() -> Description:
    """Return GitHub's description, from the package in which it is published."""
    folder = npm.package("@octokit/openapi@23.0.2", only=OF_GITHUB)
    return Description(json.loads((folder / OF_GITHUB).read_text()), GitHubFake.prefix)


def gitea() -> Description:
    """Return the description that a Gitea serves, from its module."""
    text = (module_folder() / "templates" / "swagger" / "v1_json.tmpl").read_text()
    return Description(json.loads(re.sub(r"\{\{[^}]*\}\}", "x", text)), GiteaFake.prefix)


@pytest.mark.parametrize(
    ("kind", "fake", "described", "accept", "marks"),
    [
        (GitHub, GitHubFake, github, "application/vnd.github+json", MARKS),
        (Gitea, GiteaFake, gitea, "application/json", ()),
    ],
)
def test_all_that_is_asked_and_answered_is_described(kind, fake, described, accept, marks) -> None:
    description = described()

    exchanges = conversation(fake(), fake.prefix, lambda api: kind(api, PROJECT), accept, marks)

    faults = [
        fault
        for asked, said in exchanges
        if not asked.path.endswith("/graphql")
        for fault in description.faults(asked, said)
    ]
    assert len(exchanges) > 10
    assert sorted(each for each in set(faults) if not each.endswith(FORMER)) == []
