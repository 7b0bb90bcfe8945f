"""A registry and a node that pulls from it, under one address for both and for engines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed.engine import ContainerEngine, podman_at, running_docker
from tests.testbed.gitops import Gitops
from tests.testbed.kube import ApiError
from tests.testbed.node import HOST, Node, running_node
from tests.testbed.registry import RealRegistry, running_registry


@dataclass
class Floor:
    """What runs; everything is ended together."""

    registry: RealRegistry
    node: Node
    docker: ContainerEngine
    podman: ContainerEngine

    @property
    def address(self) -> str:
        return f"{HOST}:{self.registry.address.rpartition(':')[2]}"

    def allow(self, gitops: Gitops) -> None:
        """Ask for plain HTTP, as a user has to for anything but this machine's own names."""
        config = gitops.home / "config" / "gitops" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f'[registry."{self.address}"]\ninsecure = true\n')

    def digests(self, environment: str, app: str) -> set[str]:
        """Return the digests of the images that ready pods run, as the node has pulled them."""
        return {
            status["imageID"].rpartition("@")[2]
            for pod in self.pods(environment, app)
            for status in pod["status"].get("containerStatuses", ())
            if status["ready"]
        }

    def log(self, environment: str, app: str) -> str:
        """Return what the only pod of an app has logged; nothing where there is no log yet."""
        try:
            [pod] = self.pods(environment, app)
            path = f"/api/v1/namespaces/{environment}/pods/{pod['metadata']['name']}/log"
            return str(self.node.kube.request("GET", path)).strip()
        except (ValueError, ApiError):  # none or two at the moment, or it has no container yet
            return ""

    def pods(self, environment: str, app: str) -> list[dict[str, Any]]:
        """Return the pods that are not on their way out."""
        pods = self.node.kube.pods(environment, app)
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]


@contextmanager
def running_floor(directory: Path, ports: Sequence[int] = ()) -> Iterator[Floor]:
    """Start everything; needs root and what tests/node/setup installs.

    Pods reach these ports of this machine, too, under node.HOST.
    """
    with ExitStack() as stack:
        docker = stack.enter_context(running_docker())
        podman = stack.enter_context(podman_at(directory))
        registry = stack.enter_context(running_registry(directory / "registry"))
        _image_of_pods(docker, registry, directory / "pause")
        port = int(registry.address.rpartition(":")[2])
        node = stack.enter_context(running_node(ports, registry=port))
        yield Floor(registry, node, docker, podman)


def _image_of_pods(docker: ContainerEngine, registry: RealRegistry, context: Path) -> None:
    """Push the image that holds each pod's namespaces, where the node looks for it."""
    context.mkdir()
    shutil.copy("/bin/busybox", context)
    (context / "Dockerfile").write_text(
        "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/sleep\nCOPY busybox /bin/wget\n"
        "ENV PATH=/bin\n"
        'CMD ["sh", "-c", "trap exit TERM; sleep 1000000000 & wait"]\n'
    )
    image = f"{registry.address}/test/busybox:1"
    docker("build", "-t", image, context)
    docker("push", image)
