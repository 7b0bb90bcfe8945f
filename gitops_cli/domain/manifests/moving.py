"""The same objects in another namespace."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.manifests.objects import Manifest
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName


def moved(rendered: Rendered, target: EnvironmentName) -> Rendered:
    """Return an environment's objects for another namespace, wherever they name their own.

    Objects of the whole cluster are left out: it has each of them once, and they are somebody's.
    """
    source = rendered.environment
    mine = (one for one in rendered.objects if one.id.namespace is not None)
    return rendered._replace(
        environment=target, objects=tuple(_moved(one, source, target) for one in mine)
    )


def _moved(manifest: Manifest, source: str, target: str) -> Manifest:
    content = _renamed(manifest.content, source, target)
    return manifest._replace(id=manifest.id._replace(namespace=target), content=content)


def _renamed(value: Any, source: str, target: str) -> Any:
    """Return a value in which each `namespace` that is `source` is `target`."""
    if isinstance(value, list):
        return [_renamed(item, source, target) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: target if key == "namespace" and inner == source else _renamed(inner, source, target)
        for key, inner in value.items()
    }
