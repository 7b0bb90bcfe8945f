"""What the agent's tests start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.agent.stepped import Stepped
from tests.agent.world import UNSEEN, World, build_world
from tests.cli.live import OLD, make_live
from tests.registry.scripted import Reply, Request, Scripted, image_with, scripted
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.sshd import Sshd


@pytest.fixture
def cli(article: Article, gitops: Gitops, control_plane: ControlPlane) -> Gitops:
    """Return the command with the article's repository and cluster."""
    return gitops.using(GITOPS_REPO=article.remote, KUBECONFIG=control_plane.kubeconfig)


@pytest.fixture
def environment(article: Article, kube: Kube) -> str:
    """Return the article's development environment, deployed and without an agent."""
    name = article.environment("development")
    deploy(kube, article, environments=[name], without_pods=UNSEEN)
    return name


@pytest.fixture
def world(
    control_plane: ControlPlane, kube: Kube, article: Article, gitops: Gitops, tmp_path: Path
) -> World:
    """Return the article's development environment with an agent."""
    return build_world(control_plane, kube, article, gitops, tmp_path)


@dataclass
class Images:
    """The paths of manifests that the registry has."""

    paths: set[str] = field(default_factory=lambda: {"/v2/tools/gitops-cli/manifests/1"})

    def __call__(self, request: Request) -> Reply:
        here = image_with("sha256:" + "0f" * 32)
        return here if request.path in self.paths else Reply(404)


@pytest.fixture
def images() -> Images:
    return Images()


@pytest.fixture
def registry(images: Images) -> Iterator[Scripted]:
    with scripted(images) as server:
        yield server


@pytest.fixture
def reader(article: Article, sshd: Sshd) -> list[str]:
    """Return options for an agent that reads the repository with a key that may only do that."""
    return [
        *("--agent-repo", sshd.url(article.remote)),
        *("--key", str(sshd.add_reader("reader"))),
        *("--known-hosts", str(sshd.known_hosts)),
    ]


@pytest.fixture
def baked(registry: Scripted, reader: list[str]) -> list[str]:
    """Return the options of an installation that works."""
    return [*reader, "--image", f"{registry.address}/tools/gitops-cli:1"]


@pytest.fixture
def stepped(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Stepped:
    live = make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)
    live.record({"web.deployment": OLD})
    live.running("web", OLD)
    variables = tmp_path / "machine" / "variables"
    variables.mkdir(parents=True)
    made = Stepped(live, tmp_path / "machine" / "target", variables, control_plane)
    made.declare()
    return made
