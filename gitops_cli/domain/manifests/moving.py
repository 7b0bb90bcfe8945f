"""The same objects in another namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gitops_cli.domain.manifests.kinds import SECRET
from gitops_cli.domain.manifests.objects import Manifest
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName

# Where a field's value, or each item of its list, is the name of a namespace: metadata and
# references, an affinity's terms, a monitor's `namespaceSelector`, a selector of namespaces.
_NAMING = frozenset({"namespace", "namespaces", "matchNames", "kubernetes.io/metadata.name"})


def moved(rendered: Rendered, target: EnvironmentName) -> Rendered:
    """Return an environment's objects for another namespace, wherever they name their own.

    Objects of the whole cluster are left out: it has each of them once, and they are somebody's.
    """
    source = rendered.environment
    mine = (one for one in rendered.objects if one.id.namespace is not None)
    objects = tuple(_moved(one, source, target) for one in mine)
    return rendered._replace(environment=target, objects=objects, only_namespaced=True)


def still_naming(rendered: Rendered, source: str) -> Iterator[str]:
    """Yield what names a namespace in a text yet, as `db.shop-production.svc` does.

    `PATH:LINE: KIND/NAME`; a Secret's values are not looked through.
    """
    name = re.compile(rf"(?<![a-z0-9-]){re.escape(source)}(?![a-z0-9-])")
    for one in rendered.objects:
        skipped = {"data"} if one.id.type == SECRET else set()
        content = {k: v for k, v in one.content.items() if k not in skipped}
        if any(name.search(text) for text in _texts(content)):
            yield f"{one.where}: {one.id}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _moved(manifest: Manifest, source: str, target: str) -> Manifest:
    content = _renamed(manifest.content, source, target)
    return manifest._replace(id=manifest.id._replace(namespace=target), content=content)


def _renamed(value: Any, source: str, target: str, *, naming: bool = False) -> Any:
    """Return a value in which each field that names the namespace `source` names `target`."""
    if isinstance(value, list):
        return [_renamed(item, source, target, naming=naming) for item in value]
    if isinstance(value, dict):
        return {
            key: _renamed(inner, source, target, naming=key in _NAMING)
            for key, inner in value.items()
        }
    return target if naming and value == source else value
