"""Repositories and live environments that several commands are tested on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk, running_desk
from tests.cli.hosted import on
from tests.cli.live import NEW, OLD, Live, make_live
from tests.cli.stepped import SCRIPT, command, push, settings
from tests.forge.fakes import FakeForge, running_forge
from tests.testbed.article import Article, build
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube


@pytest.fixture
def company(tmp_path: Path) -> Article:
    """Return the article's repository: a bare remote, two projects, three stages."""
    return build(tmp_path / "article")


@pytest.fixture
def clone(company: Article, gitops: Gitops) -> Gitops:
    """Return the command in a clone of it."""
    return gitops.at(company.clone())


@pytest.fixture
def live(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    """Return an environment with a namespace of the real API server."""
    return make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)


@pytest.fixture
def behind(live: Live) -> Live:
    """Return an environment whose one service runs the old version while git has the new one."""
    live.record({"web.deployment": NEW})
    live.running("web", OLD)
    return live


@pytest.fixture
def desk(tmp_path: Path, gitops: Gitops) -> Iterator[Desk]:
    """Return a service's checkout, a state repository, a stand-in for docker and a registry."""
    with running_desk(tmp_path, gitops) as desk:
        yield desk


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the file of the machine that the step of `declared` keeps as it is wanted."""
    return tmp_path / "machine" / "target"


@pytest.fixture
def declared(live: Live, target: Path) -> Live:
    """Return an environment with one step, whose file is not there yet."""
    target.parent.mkdir()
    push(
        live,
        {
            "gitops.toml": settings(live, command(live, target)),
            "infra/dns/write.sh": SCRIPT,
            "infra/dns/wanted": "one\n",
        },
    )
    return live


@pytest.fixture
def serving(declared: Live) -> Live:
    """Return it with a service whose version is not what is recorded, either."""
    declared.record({"web.deployment": NEW})
    declared.running("web", OLD)
    return declared


# Of the six kinds the two that most people have are in every run.
_SWEPT = [
    pytest.param(name, marks=pytest.mark.sweep)
    for name in ("gitea", "bitbucket", "data center", "azure")
]


@pytest.fixture(params=["github", "gitlab", *_SWEPT])
def forge(request: pytest.FixtureRequest) -> Iterator[FakeForge]:
    """Return a forge of each kind."""
    with running_forge(request.param) as (forge, _):
        yield forge


@pytest.fixture
def github() -> Iterator[FakeForge]:
    with running_forge("github") as (forge, _):
        yield forge


@pytest.fixture
def member(company: Article, gitops: Gitops, forge: FakeForge) -> Gitops:
    """Return the command in a clone whose remote is on the forge."""
    return on(forge, company, gitops)
