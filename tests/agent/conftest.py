"""What the agent's tests start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.world import World, build_world
from tests.testbed.article import Article, deploy
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube


@pytest.fixture
def cli(article: Article, gitops: Gitops, control_plane: ControlPlane) -> Gitops:
    """Return the command with the article's repository and cluster."""
    return gitops.using(GITOPS_REPO=article.remote, KUBECONFIG=control_plane.kubeconfig)


@pytest.fixture
def environment(article: Article, kube: Kube) -> str:
    """Return the article's development environment, deployed and without an agent."""
    name = article.environment("development")
    deploy(kube, article, environments=[name])
    return name


@pytest.fixture
def world(
    control_plane: ControlPlane, kube: Kube, article: Article, gitops: Gitops, tmp_path: Path
) -> World:
    """Return the article's development environment with an agent."""
    return build_world(control_plane, kube, article, gitops, tmp_path)
