"""What a container was started with beside its image, and what that means for an image of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gitops_cli.domain.text import one_line

# What engines give every container.
_USUAL = frozenset({"PATH", "HOME", "HOSTNAME", "TERM", "container"})


class StartedWith(NamedTuple):
    """`entrypoint` is the image's own where the container has another one, else None.

    `variables` are names of the container's environment that its image lacks or has otherwise,
    `mounts` the places where something from outside of it is. `own_command`: what it runs is not
    what its image would.
    """

    entrypoint: Sequence[str] | None = None
    variables: Sequence[str] = ()
    mounts: Sequence[str] = ()
    own_command: bool = False

    @property
    def warnings(self) -> Iterator[str]:
        """Yield what whoever makes an image of the container should know."""
        if self.variables:
            yield (
                "the image keeps the variables that the container was started with, for everybody "
                f"who may pull it: {_listed(self.variables)}"
            )
        if self.mounts:
            yield (
                "the image lacks what the container has in volumes and mounts: "
                f"{_listed(self.mounts)}"
            )


def started_with(container: Mapping[str, Any], image: Mapping[str, Any]) -> StartedWith:
    """Compare a container with the configuration of its image, both as engines inspect them."""
    config = container.get("Config") or {}
    own = image.get("Entrypoint") or []
    replaced = _words(config.get("Entrypoint")) != _words(own)
    other = replaced or _words(config.get("Cmd")) != _words(image.get("Cmd"))
    known = set(image.get("Env") or ())
    names = {
        variable.partition("=")[0] for variable in config.get("Env") or () if variable not in known
    }
    mounts = {str(mount["Destination"]) for mount in container.get("Mounts") or ()}
    return StartedWith(
        tuple(own) if replaced else None,
        tuple(sorted(names - _USUAL)),
        tuple(sorted(mounts)),
        own_command=other,
    )


def _words(command: object) -> str:
    """Return an entrypoint or command as podman has entrypoints in containers: one text."""
    return " ".join(command) if isinstance(command, list) else str(command or "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(one_line(name) for name in names)
