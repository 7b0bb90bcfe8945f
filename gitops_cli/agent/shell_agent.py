"""The article's own agent, a shell script and plain manifests, for the state repository."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

IMAGE = "docker.io/alpine/k8s:1.34.1"
"""A public image with git, ssh, kubectl and a shell."""
DIRECTORY = "sync-agent"


def shell_agent(
    environments: Iterable[str], repository: str, *, image: str = IMAGE
) -> dict[str, str]:
    """Return the files of the `sync-agent` directory by their paths in the repository.

    `repository` is the URL as the cluster reaches it. `sync.sh` needs no executable bit.
    """
    templates = files("gitops_cli.agent") / "shell"
    found = {
        f"{DIRECTORY}/{name}": (templates / name).read_text("utf-8")
        for name in ("README.md", "sync.sh")
    }
    template = (templates / "environment.yaml").read_text("utf-8")
    for environment in sorted(environments):
        text = template.replace("@ENVIRONMENT@", environment).replace("@IMAGE@", image)
        found[f"{DIRECTORY}/{environment}.yaml"] = text.replace("@REPOSITORY@", repository)
    return found
