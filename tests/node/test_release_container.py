"""`release --image-from-container` on real engines: a container becomes a version."""

from __future__ import annotations

import pytest

from tests.node.company import DOCKERFILE, Company, release
from tests.testbed.engine import ContainerEngine
from tests.testbed.patience import eventually

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("engines")]


def running(engine: ContainerEngine, image: str) -> str:
    """Start a container that writes a file and stays; return its id."""
    seed = "echo seeded > /greeting; echo ready; exec sleep 600"
    words = ("run", "--detach", "--network=host", image, "/bin/busybox", "sh", "-c", seed)
    container = engine(*words)
    eventually(lambda: "ready" in engine("logs", container))
    return container


def test_a_running_container_becomes_a_version(shop: Company, engine: ContainerEngine) -> None:
    release(shop, engine).ok()
    container = running(engine, f"{shop.registry.address}/shop/web:{shop.head}")
    head = shop.commit("note", "seeded by hand\n")
    command = '/bin/busybox sh -c "cat /greeting; echo $HOME"'

    made = release(
        shop, engine, "--image-from-container", container, "--cmd", command, "--pin", "-o", "json"
    )

    engine("rm", "--force", container)
    said = made.ok().json()
    assert (said["image_is"], said["digest"]) == ("committed", shop.digest(head))
    assert shop.recorded() == f"{head}@{said['digest']}"
    image = f"{shop.registry.address}/shop/web:{head}"
    assert engine("run", "--rm", "--network=host", image).split()[0] == "seeded"
    config = engine.inspect(image)["Config"]
    assert config["Cmd"] == ["/bin/busybox", "sh", "-c", "cat /greeting; echo $HOME"]
    assert config["Labels"]["org.opencontainers.image.revision"] == head


@pytest.mark.parametrize("own", ['ENTRYPOINT ["/bin/busybox", "echo", "it says"]', ""])
def test_a_container_with_another_entrypoint_starts_the_command_as_its_image_would(
    shop: Company, engine: ContainerEngine, own: str
) -> None:
    text = DOCKERFILE.replace("CMD", f"{own}\nCMD")
    base = shop.commit("Dockerfile", text)
    release(shop, engine).ok()
    given = ("--env", "TOKEN=hunter2", "--volume", "/data", "--entrypoint", "/bin/busybox")
    image = f"{shop.registry.address}/shop/web:{base}"
    seed = "echo seeded > /greeting; echo ready; exec sleep 600"
    container = engine("run", "--detach", "--network=host", *given, image, "sh", "-c", seed)
    eventually(lambda: "ready" in engine("logs", container))
    head = shop.commit("note", "seeded by hand\n")

    done = release(
        shop, engine, "--image-from-container", container, "--cmd", "/bin/busybox cat /greeting"
    )

    engine("rm", "--force", "--volumes", container)
    assert "for everybody who may pull it: TOKEN\n" in done.ok().stderr
    assert "lacks what the container has in volumes and mounts: /data\n" in done.stderr
    assert "hunter2" not in str(done)
    made = f"{shop.registry.address}/shop/web:{head}"
    config = engine.inspect(made)["Config"]
    started = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    command = ["/bin/busybox", "cat", "/greeting"]
    assert started == (["/bin/busybox", "echo", "it says", *command] if own else command)
    said = engine("run", "--rm", "--network=host", made)
    assert said == ("it says /bin/busybox cat /greeting" if own else "seeded")


def test_a_container_that_seeds_itself_is_warned_of(shop: Company, engine: ContainerEngine) -> None:
    release(shop, engine).ok()
    container = running(engine, f"{shop.registry.address}/shop/web:{shop.head}")
    shop.commit("note", "seeded by hand\n")

    made = release(shop, engine, "--image-from-container", container)

    engine("rm", "--force", container)
    assert "every pod seeds itself again; --cmd says" in made.ok().stderr


def test_a_container_that_is_not_there(shop: Company, engine: ContainerEngine) -> None:
    done = release(shop, engine, "--image-from-container", "nobody")

    assert done.code == 1
    assert "nobody" in done.stderr
    assert shop.digest(shop.head) is None
