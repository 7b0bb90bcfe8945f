"""Engines and registries of one module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.company import ACCOUNT, Company, company
from tests.testbed.engine import ContainerEngine, podman_at, running_docker
from tests.testbed.gitops import Gitops
from tests.testbed.registry import RealRegistry, running_registry


@pytest.fixture(scope="module")
def docker() -> Iterator[ContainerEngine]:
    with running_docker() as engine:
        yield engine


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerEngine]:
    with podman_at(tmp_path_factory.mktemp("podman")) as engine:
        yield engine


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> ContainerEngine:
    found: ContainerEngine = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with running_registry(tmp_path_factory.mktemp("plain")) as registry:
        yield registry


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with running_registry(tmp_path_factory.mktemp("closed"), account=ACCOUNT) as registry:
        yield registry


@pytest.fixture
def shop(tmp_path: Path, gitops: Gitops, engine: ContainerEngine, plain: RealRegistry) -> Company:
    return company(tmp_path, gitops, engine, plain)


@pytest.fixture
def docker_shop(
    tmp_path: Path, gitops: Gitops, docker: ContainerEngine, plain: RealRegistry
) -> Company:
    return company(tmp_path, gitops, docker, plain)
