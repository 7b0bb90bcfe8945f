"""Before an agent is installed its image is asked for as its pod will ask."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from gitops_cli.agent.model.spec import NAME
from tests.agent.world import installed_objects
from tests.registry.scripted import Reply, Request, Scripted, image_with, scripted
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.ports import free_port

pytestmark = pytest.mark.node

LOGIN = base64.b64encode(b"puller:s3cret").decode()


def private(request: Request) -> Reply:
    """Answer as a registry that gives one image to one user."""
    if request.headers.get("authorization") != f"Basic {LOGIN}":
        return Reply(401, {"WWW-Authenticate": 'Basic realm="registry"'})
    if request.path != "/v2/tools/gitops-cli/manifests/1":
        return Reply(404)
    return image_with("sha256:" + "0f" * 32)


@pytest.fixture
def guarded(reader: list[str]) -> Iterator[Scripted]:
    with scripted(private) as server:
        yield server


def command(environment: str, reader: list[str], host: str, tag: str = "1") -> list[str]:
    image = f"{host}/tools/gitops-cli:{tag}"
    return ["agent", "install", environment, *reader, "--image", image, "--yes"]


def pull_secret(kube: Kube, namespace: str, host: str, login: str = LOGIN) -> None:
    config = json.dumps({"auths": {host: {"auth": login}}})
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": "pull", "namespace": namespace},
            "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
        }
    )


def log_in(gitops: Gitops, host: str) -> None:
    file = gitops.home / ".docker/config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auths": {host: {"auth": LOGIN}}}))


def test_a_pull_secret_is_tried(
    cli: Gitops, kube: Kube, environment: str, reader: list[str], guarded: Scripted
) -> None:
    pull_secret(kube, environment, guarded.address)

    ran = cli(*command(environment, reader, guarded.address), "--pull-secret", "pull").ok()

    assert "--pull-secret" not in ran.stderr
    assert kube.exists("CronJob", environment, NAME)
    missing = cli(*command(environment, reader, guarded.address, "2"), "--pull-secret", "pull")
    assert missing.code == 6
    assert "no image" in missing.stderr


def test_a_pull_secret_that_is_refused_installs_nothing(
    cli: Gitops, kube: Kube, environment: str, reader: list[str], guarded: Scripted
) -> None:
    pull_secret(kube, environment, guarded.address, base64.b64encode(b"puller:old").decode())
    log_in(cli, guarded.address)

    ran = cli(*command(environment, reader, guarded.address), "--pull-secret", "pull")

    assert ran.code == 4, str(ran)
    assert f"to pull of {environment}" in ran.stderr
    assert "--no-verify-image" in ran.stderr
    assert installed_objects(kube, environment) == []


def test_what_only_the_user_may_pull_is_warned_of(
    cli: Gitops, kube: Kube, environment: str, reader: list[str], guarded: Scripted
) -> None:
    log_in(cli, guarded.address)

    ran = cli(*command(environment, reader, guarded.address)).ok()

    assert "the pod needs --pull-secret" in ran.stderr
    assert kube.exists("CronJob", environment, NAME)
    missing = cli(*command(environment, reader, guarded.address, "2"))
    assert missing.code == 6, str(missing)


def test_a_pull_secret_that_is_not_there_is_warned_of(
    cli: Gitops, kube: Kube, environment: str, baked: list[str]
) -> None:
    ran = cli("agent", "install", environment, *baked, "--pull-secret", "pull", "--yes").ok()

    assert f"{environment} has no Secret pull with registry credentials" in ran.stderr


def test_a_registry_that_does_not_answer_installs_nothing(
    cli: Gitops, kube: Kube, environment: str, reader: list[str]
) -> None:
    ran = cli(*command(environment, reader, f"127.0.0.1:{free_port()}"))

    assert ran.code == 5, str(ran)
    assert "could not ask for the agent's image" in ran.stderr
    assert "--no-verify-image" in ran.stderr
    assert installed_objects(kube, environment) == []
