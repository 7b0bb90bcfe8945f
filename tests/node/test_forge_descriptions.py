"""What we ask GitHub and Gitea, and what our stand-ins for them say, by their own descriptions."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from gitops_cli.domain.change.request import Extras, Wish
from gitops_cli.domain.forge_links import Forge
from gitops_cli.forge.client import connected, propose
from gitops_cli.forge.places import OnForge
from gitops_cli.forge.tokens import ForgeToken
from gitops_cli.web.address import parse_address
from tests.forge.described import Description
from tests.forge.fakes import PROJECT
from tests.forge.hub import GiteaFake, GitHubFake
from tests.registry.scripted import Reply, Request, scripted
from tests.testbed.gitea import module_folder
from tests.testbed.golang import cache_directory, locked
from tests.testbed.npm import npx

pytestmark = [pytest.mark.node, pytest.mark.programs]
GITHUB = "@octokit/openapi@23.0.2"
DRAFT = Extras(True, ("grace",), ("release",), ("grace",), True)


def github() -> Description:
    """Return GitHub's description, from the package in which it is published."""
    directory = cache_directory() / f"octokit-openapi-{GITHUB.rpartition('@')[2]}"
    file = directory / "package" / "generated" / "api.github.com.json"
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "lock"):
        if not file.exists():
            npm = Path(npx()).with_name("npm")
            said = subprocess.run(
                [npm, "pack", "--silent", GITHUB],
                cwd=directory,
                check=True,
                capture_output=True,
                text=True,
            )
            archive = directory / said.stdout.split()[-1]
            with tarfile.open(archive) as packed:
                packed.extract("package/generated/api.github.com.json", directory, filter="data")
            archive.unlink()
    return Description(json.loads(file.read_text()), GitHubFake.prefix)


def gitea() -> Description:
    """Return the description that a Gitea serves, from its module."""
    text = (module_folder() / "templates" / "swagger" / "v1_json.tmpl").read_text()
    return Description(json.loads(re.sub(r"\{\{[^}]*\}\}", "x", text)), GiteaFake.prefix)


@pytest.mark.parametrize(
    ("kind", "fake", "described"),
    [(Forge.GITHUB, GitHubFake, github), (Forge.GITEA, GiteaFake, gitea)],
)
def test_all_that_is_asked_and_answered_is_described(kind, fake, described) -> None:
    description, forge, faults = described(), fake(), []

    def answer(request: Request) -> Reply:
        said: Reply = forge.answer(request)
        if not request.path.endswith("/graphql"):
            faults.extend(description.faults(request, said))
        return said

    with scripted(answer) as server:
        forge.address = server.address
        api = parse_address(f"http://{server.address}{fake.prefix}")
        requests = connected(OnForge(kind, api, PROJECT, ForgeToken("tests", forge.authorization)))
        for title in ("first", "second"):
            assert propose(requests, Wish("a", "main", title, "text", DRAFT)).trouble is None
        assert [request.title for request in requests.opened()] == ["second"]
        requests.add_comment(1, "text")
        [comment] = requests.comments(1)
        requests.change_comment(1, comment, "another")
        requests.merge(requests.get(1))
        propose(requests, Wish("b", "main", "third", "text"))
        requests.close(requests.get(2))
        requests.close_connection()

    assert sorted(set(faults)) == []
    assert forge.wrong == []
