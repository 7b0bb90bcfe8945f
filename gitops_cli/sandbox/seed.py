"""What runs in a new emulated cluster: all that the repository records, rolled out long ago."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.git.failures import failure
from gitops_cli.sandbox.agent import manifests, written
from gitops_cli.sandbox.emulator.api import ApiAnswer, ApiRequest, handle
from gitops_cli.sandbox.emulator.controllers import Controllers
from gitops_cli.sandbox.emulator.resources import RESOURCES
from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.repositories import sandbox_git
from gitops_cli.sandbox.samples import FOLLOWED

_AGE = 4 * 86400.0  # seconds
_STEP = 5.0  # seconds; longer than a pod takes to start
_REPLICAS = {"production": 3, "staging": 2}


def seed(controllers: Controllers, place: SandboxPlace) -> None:
    """Create a namespace per environment and a Deployment per service, and let them settle.

    One project's environments get an agent, as `gitops agent install` would make it.
    """
    store = controllers.store
    environments = recorded(place).environments.values()
    followed = [e.name for e in environments if e.name.startswith(f"{FOLLOWED}-")]
    agents = manifests(place, followed)
    began = time.time() - _AGE
    store.clock = _stopped_at(began)
    for name in ("default", "kube-system"):
        _create(controllers, "/api/v1/namespaces", {"metadata": {"name": name}})
    for environment in environments:
        _create(controllers, "/api/v1/namespaces", {"metadata": {"name": environment.name}})
        path = f"/apis/apps/v1/namespaces/{environment.name}/deployments"
        for manifest in _deployments(environment):
            _create(controllers, path, manifest)
    for manifest in written(agents):
        _create(controllers, _collection_of(manifest), manifest)
    for step in range(2):
        store.clock = _stopped_at(began + step * _STEP)
        controllers.settle()
    store.clock = time.time


def _stopped_at(moment: float) -> Callable[[], float]:
    return lambda: moment


def recorded(place: SandboxPlace) -> Snapshot:
    """Return the tip of the bare state repository; raises GitError."""
    done = sandbox_git(place.remote).run("archive", "--format=tar", "main")
    if done.code != 0:
        raise failure(done, f"{place.remote} cannot be read")
    with tarfile.open(fileobj=io.BytesIO(done.out)) as archive:
        return parse_snapshot(_files(archive))


def _files(archive: tarfile.TarFile) -> Iterator[RawFile]:
    for member in archive:
        content = archive.extractfile(member) if member.isfile() else None
        if content is not None:
            yield RawFile(member.name, content.read())


def _deployments(environment: Environment) -> Iterator[dict[str, Any]]:
    stage = environment.name.rpartition("-")[2]
    for service in environment.files:
        labels = {"app": service}
        container = {"name": service, "image": str(environment.image(service))}
        yield {
            "metadata": {"name": service, "labels": labels},
            "spec": {
                "replicas": _REPLICAS.get(stage, 1),
                "progressDeadlineSeconds": 60,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }


def _collection_of(manifest: dict[str, Any]) -> str:
    """Return where an object of a namespace is made."""
    resource = next(r for r in RESOURCES if r.kind == manifest["kind"])
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.api_version}"
    return f"{root}/namespaces/{manifest['metadata']['namespace']}/{resource.plural}"


def _create(controllers: Controllers, path: str, manifest: dict[str, Any]) -> None:
    request = ApiRequest("POST", path, {}, json.dumps(manifest).encode())
    answer = handle(controllers.store, request)
    if not isinstance(answer, ApiAnswer) or answer.code != 201:
        raise AssertionError(f"{path}: {answer}")
