"""The article's own agent, a shell script and plain manifests, for the state repository."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

IMAGE = "docker.io/alpine/k8s:1.34.1"
"""A public image with git, ssh, kubectl and a shell."""
DIRECTORY = "sync-agent"
_FOLDER = Path(__file__).parents[1] / "recipes" / DIRECTORY


def shell_agent(
    environments: Iterable[str], repository: str, *, image: str = IMAGE
) -> dict[str, str]:
    """Return the files of the `sync-agent` directory by their paths in the repository.

    `repository` is the URL as the cluster reaches it. `sync.sh` needs no executable bit.
    """
    found = {
        f"{DIRECTORY}/{name}": (_FOLDER / name).read_text("utf-8")
        for name in ("README.md", "sync.sh")
    }
    template = (_FOLDER / "environment.yaml").read_text("utf-8")
    for environment in sorted(environments):
        text = template.replace("@ENVIRONMENT@", environment).replace("@IMAGE@", image)
        found[f"{DIRECTORY}/{environment}.yaml"] = text.replace("@REPOSITORY@", repository)
    return found
