"""A state repository whose one environment is a namespace of the real API server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.kube import Kube
from tests.testbed.manifests import workload

OLD = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"
NEW = "8f14e45fceea167a5a36dedd4bea2543ceea167a"
ABSENT = "dead0" + "0" * 35  # no registry has it
CRASHING = "dead1" + "0" * 35
UNREADY = "dead2" + "0" * 35
FAILING = "dead3" + "0" * 35  # ends with an error, as a Job
IMAGES = "registry.example.com/shop/"


def image(service: str, version: str) -> str:
    """Return the image of a version."""
    return f"{IMAGES}{service}:{version}"


@dataclass
class Live:
    """The remote, a clone, the command, and the namespace that the environment is."""

    remote: Path
    clone: Path
    gitops: Gitops
    kube: Kube
    namespace: str
    seconds: int = 1_790_000_000

    def record(self, files: Mapping[str, str | None], *, environment: str = "") -> str:
        """Write files of an environment in one commit on the remote; `/x` is at the top."""
        space = environment or self.namespace
        content = {
            f"{space}/{name}" if "/" not in name else name.removeprefix("/"): (
                None if text is None else f"{text}\n"
            )
            for name, text in files.items()
        }
        self.seconds += 60
        [commit] = add_commits(self.remote, [Commit("change", content, self.seconds)])
        return commit

    def run(self, kind: str, service: str, version: str, **more: Any) -> None:
        """Create a workload that runs a version."""
        images = more.pop("images", None) or {service: image(service, version)}
        self.kube.create(workload(kind, service, images, **more), self.namespace)

    def running(self, service: str, version: str, **more: Any) -> None:
        """Create a Deployment and wait until it has rolled out."""
        self.run("Deployment", service, version, **more)
        self.kube.wait_rolled_out("Deployment", self.namespace, service)

    def image_of(self, service: str, kind: str = "Deployment") -> str:
        """Return the image that the workload's first container has now."""
        found = self.kube.get(kind, self.namespace, service)["spec"]
        found = found["jobTemplate"]["spec"] if kind == "CronJob" else found
        return str(found["template"]["spec"]["containers"][0]["image"])

    def rows(self, *arguments: str) -> dict[str, Any]:
        """Return the rows of `gitops diff -o json` by service (and container, if several)."""
        done = self.diff("-o", "json", *arguments)
        [environment] = done.json()["environments"]
        rows: dict[str, Any] = {}
        for row in environment["rows"]:
            key = row["service"]
            rows[f"{key}/{row['container']}" if key in rows else key] = row
        return rows

    def diff(self, *arguments: str) -> Ran:
        """Run `gitops diff` on the environment."""
        return self.gitops("diff", self.namespace, *arguments)

    def sync(self, *arguments: str) -> Ran:
        """Run `gitops sync` on the environment."""
        return self.gitops("sync", self.namespace, *arguments)


def make_live(directory: Path, gitops: Gitops, kube: Kube, namespace: str, config: Path) -> Live:
    """Make an environment with an images_path and nothing else."""
    remote = init_bare(directory / "environments-state.git")
    live = Live(remote, directory / "clone", gitops.using(KUBECONFIG=config), kube, namespace)
    live.record({"images_path": IMAGES})
    git(directory, "clone", "-q", "--template=", remote, live.clone)
    live.gitops = live.gitops.at(live.clone)
    return live


def line(table: str, service: str) -> str:
    """Return the line of a table that begins with a service."""
    [found] = [text for text in table.splitlines() if text.startswith(f"{service} ")]
    return found
