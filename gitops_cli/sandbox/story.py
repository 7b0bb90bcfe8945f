"""The demo: its story, and what it needs on a cluster of the user's."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops_cli.domain.errors import ExitCode, TimedOut

if TYPE_CHECKING:
    from gitops_cli.operations.ports import Objects


class Scene(NamedTuple):
    """One command; `why` is said before it, and `ends` with what it should end.

    `directory` is where it runs, below that of the sandbox.
    """

    why: str
    arguments: tuple[str, ...]
    ends: ExitCode = ExitCode.OK
    program: str = "gitops"
    directory: str = ""


class Cast(NamedTuple):
    """With what the story is played.

    `service` is promoted to `production`; `fragile` then gets the version `broken`, whose image
    does not exist.
    """

    service: str
    fragile: str
    broken: str
    production: str


def story(cast: Cast) -> Sequence[Scene]:
    """Return the steps: promote, diff, sync, a failing rollout, rollback."""
    production = cast.production
    return (
        Scene(
            "A state repository says which commit of each service runs where. Development is "
            "ahead of staging, and staging of production.",
            ("status",),
        ),
        Scene(
            f"{cast.service} has been tested in development. Promote it: one commit in the "
            "state repository, nothing else.",
            ("promote", cast.service, "--from", "dev", "--to", "prod", "--yes"),
        ),
        Scene(
            "The cluster still runs the old version.",
            ("diff", production),
            ExitCode.NO,
        ),
        Scene(
            "Make the cluster follow, and wait until the new version is rolled out.",
            ("sync", production, "--wait"),
        ),
        Scene(
            f"Now somebody records a hotfix of {cast.fragile} whose image was never pushed.",
            ("set", f"{cast.fragile}={cast.broken}", "-e", "prod", "-m", "hotfix"),
        ),
        Scene(
            "The rollout fails, and sync says why. The old pods go on serving.",
            ("sync", production, "--wait"),
            ExitCode.ROLLOUT_FAILED,
        ),
        Scene(
            "Back to the version before: again a commit, with its reason.",
            ("rollback", cast.fragile, "-e", "prod", "--yes", "-m", "its image was never pushed"),
        ),
        Scene("The cluster follows once more.", ("sync", production, "--wait")),
        Scene(
            "Who changed what, when and why is the history of the repository.",
            ("history", cast.fragile, "-e", "prod"),
        ),
    )


def furnish(objects: Objects, manifests: Sequence[Mapping[str, Any]], *, timeout: float) -> None:
    """Make the demo's objects on a cluster and wait until the Deployments run.

    Raises Denied, ClusterError, TimedOut.
    """
    for manifest in manifests:
        objects.apply(manifest, dry_run=False)
    deadline = time.monotonic() + timeout
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            _wait_available(objects, manifest["metadata"], deadline)


def _wait_available(objects: Objects, metadata: Mapping[str, Any], deadline: float) -> None:
    namespace, name = metadata["namespace"], metadata["name"]
    while True:
        found = objects.get("Deployment", namespace, name) or {}
        if (found.get("status") or {}).get("availableReplicas"):
            return
        if time.monotonic() > deadline:
            raise TimedOut(
                f"{name} did not start in {namespace}",
                hint=f"kubectl describe pods -n {namespace} says why; the demo needs its image",
            )
        time.sleep(0.2)


def clear(objects: Objects, manifests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Delete the demo's namespaces and all in them, if they still carry its labels; name them."""
    ours = [manifest for manifest in manifests if manifest["kind"] == "Namespace"]
    deleted = []
    for manifest in ours:
        name, labels = manifest["metadata"]["name"], manifest["metadata"]["labels"]
        found = objects.get("Namespace", None, name) or {"metadata": {}}
        if labels.items() <= (found["metadata"].get("labels") or {}).items():
            objects.delete(manifest)
            deleted.append(str(name))
    return deleted
