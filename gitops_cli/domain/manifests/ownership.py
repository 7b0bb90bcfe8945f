"""Whether an object is as we applied it, told from `managedFields` alone.

A field that somebody changes by an update, or takes by force, leaves the set of fields of whoever
had it (https://kubernetes.io/docs/reference/using-api/server-side-apply/). So what we still own
still has the value that we gave it, or that admission made of it, and would again. Neither values,
nor defaults, nor how a server writes a quantity need to be known for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gitops_cli.domain.cluster.writers import FIELD_MANAGER

APPLIED = "gitops-cli/applied"
"""The annotation that has the digest of what was applied last."""


class ManagerEntry(NamedTuple):
    """One entry of `managedFields`: `fields` is its fieldsV1, decoded."""

    manager: str
    operation: str
    subresource: str
    fields: Mapping[str, Any]


class Live(NamedTuple):
    """What is known of an object that exists, without its content.

    `controlled`: another object made it. `ending`: it is being deleted.
    """

    name: str
    uid: str
    version: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    entries: Sequence[ManagerEntry] = ()
    controlled: bool = False
    ending: bool = False

    @property
    def ours(self) -> Mapping[str, Any] | None:
        """Return the fields that we applied and still own; None: nothing was applied by us."""
        for entry in self.entries:
            if (entry.manager, entry.operation) == (FIELD_MANAGER, "Apply"):
                return entry.fields
        return None

    @property
    def scaler(self) -> str | None:
        """Return who sets its replicas through `/scale`, such as an autoscaler's controller."""
        return scaler_of(self.entries)


def scaler_of(entries: Iterable[ManagerEntry]) -> str | None:
    """Return who of the managers of an object sets its replicas through `/scale`.

    A person with kubectl is none: what they scaled is to be put back.
    """
    for entry in entries:
        spec = entry.fields.get("f:spec")
        replicas = isinstance(spec, dict) and "f:replicas" in spec
        by_scale = replicas and entry.subresource == "scale"
        if by_scale and not entry.manager.startswith("kubectl"):
            return entry.manager
    return None


def is_as_applied(live: Live, content: Mapping[str, Any], digest: str) -> bool:
    """Tell whether applying a content of this digest would provably change nothing."""
    ours = live.ours
    if ours is None or live.annotations.get(APPLIED) != digest:
        return False
    return _covers(ours, _ownable(content))


def without_replicas(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a workload whose replicas somebody else sets."""
    spec = content.get("spec")
    if not isinstance(spec, dict) or "replicas" not in spec:
        return content
    return {**content, "spec": {key: v for key, v in spec.items() if key != "replicas"}}


# Of an object's own metadata nobody can own more.
_OWNABLE_METADATA = frozenset({"labels", "annotations", "finalizers", "ownerReferences"})


def _ownable(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an object that a manager can own; empty metadata nobody does."""
    metadata = {k: v for k, v in content["metadata"].items() if k in _OWNABLE_METADATA and v}
    rest = {k: v for k, v in content.items() if k not in {"apiVersion", "kind", "metadata"}}
    return rest | ({"metadata": metadata} if metadata else {})


def _covers(fields: Any, value: Any) -> bool:
    """Tell whether a set of fields has every leaf of a value; one without parts is owned whole."""
    if not isinstance(fields, dict) or not fields:
        return True
    if isinstance(value, dict):
        return all(_has(fields, key, inner) for key, inner in value.items())
    if isinstance(value, list):
        keyed = [(json.loads(k[2:]), below) for k, below in fields.items() if k.startswith("k:")]
        return all(_has_item(fields, keyed, item) for item in value)
    return True


def _has(fields: Mapping[str, Any], key: str, value: Any) -> bool:
    # What is empty is owned as well: a Role without rules is no longer ours once it has some.
    below = fields.get(f"f:{key}")
    return below is not None and _covers(below, value)


def _has_item(
    fields: Mapping[str, Any], keyed: Sequence[tuple[Mapping[str, Any], Any]], item: Any
) -> bool:
    if not isinstance(item, dict):
        return f"v:{json.dumps(item, ensure_ascii=False)}" in fields
    # A key that the item leaves out has its default in the server's key, as a port's protocol.
    return any(
        all(item.get(name, said) == said for name, said in key.items()) and _covers(below, item)
        for key, below in keyed
    )
