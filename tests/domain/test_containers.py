"""What a container was started with beside its image, from what engines say of both."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.release.containers import StartedWith, started_with

IMAGE = {"Entrypoint": ["/docker-entrypoint.sh"], "Env": ["PATH=/bin", "NGINX_VERSION=1.29"]}


def container(**config: Any) -> dict[str, Any]:
    return {"Config": {"Entrypoint": ["/docker-entrypoint.sh"], **config}}


def test_a_container_as_its_image_is() -> None:
    variables = ["PATH=/bin", "NGINX_VERSION=1.29", "HOSTNAME=69cb502ab0d1", "container=podman"]

    assert started_with(container(Env=variables), IMAGE) == StartedWith()


@pytest.mark.parametrize("entrypoint", [["sh"], "sh", None, []], ids=str)
def test_another_entrypoint_than_the_images(entrypoint: list[str] | str | None) -> None:
    found = started_with(container(Entrypoint=entrypoint), IMAGE)

    assert found.entrypoint == ("/docker-entrypoint.sh",)


def test_podman_writes_a_containers_entrypoint_as_one_text() -> None:
    image = {"Entrypoint": ["tini", "--"]}

    assert started_with(container(Entrypoint="tini --"), image).entrypoint is None
    assert started_with(container(Entrypoint="sh"), {}).entrypoint == ()


def test_its_own_variables_and_mounts_are_named_and_no_values() -> None:
    given = container(Env=["TOKEN=hunter2", "NGINX_VERSION=other", "PATH=/bin"])
    given["Mounts"] = [{"Destination": "/data"}, {"Destination": "/content"}]

    found = started_with(given, IMAGE)

    assert found == StartedWith(None, ("NGINX_VERSION", "TOKEN"), ("/content", "/data"))
    variables, mounts = found.warnings
    assert variables.endswith("NGINX_VERSION, TOKEN")
    assert mounts.endswith("/content, /data")


def test_what_an_engine_leaves_out() -> None:
    assert started_with({}, {}) == StartedWith()
    assert started_with({"Config": None, "Mounts": None}, {"Env": None}) == StartedWith()


def test_another_command_than_the_images() -> None:
    image = IMAGE | {"Cmd": ["nginx", "-g", "daemon off;"]}

    assert not started_with(container(Cmd=["nginx", "-g", "daemon off;"]), image).own_command
    for command in (["nginx"], None, "nginx"):
        found = started_with(container(Cmd=command), image)
        assert (found.own_command, found.entrypoint) == (True, None)
    assert started_with(container(Entrypoint="sh", Cmd=image["Cmd"]), image).own_command
    assert started_with(container(Cmd=["sh"]), IMAGE).own_command


def test_a_variable_ends_at_its_first_equals_sign() -> None:
    assert started_with(container(Env=["A=b=c"]), {}).variables == ("A",)


def test_what_an_image_keeps_and_lacks_is_told_in_full() -> None:
    assert list(StartedWith(variables=("A", "B\x1b")).warnings) == [
        (
            "the image keeps the variables that the container was started with, for everybody "
            r"who may pull it: A, B\x1b"
        )
    ]
    assert list(StartedWith(mounts=("/a", "/b")).warnings) == [
        "the image lacks what the container has in volumes and mounts: /a, /b"
    ]
