"""Which objects are an environment's: the ApplySet convention of kubectl (KEP-3659).

Each object has a label with the set's id; a ConfigMap in the namespace stands for the set and
names the kinds that are in it, so that `kubectl get -l` finds all of them, and we know what to
look for once an object has left the repository.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from gitops_cli.domain.names import EnvironmentName

PARENT = "gitops-manifests"
"""The name of the ConfigMap that stands for an environment's set."""

ID = "applyset.kubernetes.io/id"
PART_OF = "applyset.kubernetes.io/part-of"
TOOLING = "applyset.kubernetes.io/tooling"
CONTAINS = "applyset.kubernetes.io/contains-group-kinds"
TOOL = "gitops-cli/v1"

GroupKind = tuple[str, str]


def set_id(environment: EnvironmentName) -> str:
    """Return the id of an environment's set: `applyset-HASH-v1`, of its parent's place."""
    parent = f"{PARENT}.{environment}.ConfigMap."  # NAME.NAMESPACE.KIND.GROUP
    hashed = hashlib.sha256(parent.encode()).digest()
    return f"applyset-{urlsafe_b64encode(hashed).decode().rstrip('=')}-v1"


def parent(environment: EnvironmentName, kinds: Iterable[GroupKind]) -> dict[str, Any]:
    """Return the ConfigMap that stands for the set, which has objects of these kinds."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": PARENT,
            "namespace": environment,
            "labels": {ID: set_id(environment)},
            "annotations": {TOOLING: TOOL, CONTAINS: _written(kinds)},
        },
    }


def stands_for(
    environment: EnvironmentName, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> bool:
    """Tell whether an object of these says that it stands for the environment's set, by us."""
    return labels.get(ID) == set_id(environment) and annotations.get(TOOLING) == TOOL


def kinds_of(annotations: Mapping[str, str]) -> frozenset[GroupKind]:
    """Return the kinds that a parent names."""
    words = annotations.get(CONTAINS, "").split(",")
    named = (word.strip().partition(".") for word in words if word.strip())
    return frozenset((group, kind) for kind, _, group in named)


def _written(kinds: Iterable[GroupKind]) -> str:
    return ",".join(sorted(f"{kind}.{group}" if group else kind for group, kind in kinds))
