"""What may be removed of the objects that have left the repository."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_cli.domain.manifests.kinds import CRD, NAMESPACE
from gitops_cli.domain.manifests.objects import ObjectId

KEEP = "gitops-cli/keep"
HELM_POLICY = "helm.sh/resource-policy"

# With these goes what no repository brings back.
_NEVER = {
    NAMESPACE: "namespaces are never removed",
    ("", "PersistentVolumeClaim"): "volumes are never removed",
    ("", "PersistentVolume"): "volumes are never removed",
}
_FEW = 3
_SHARE = 3


def reason_to_keep(
    one: ObjectId, annotations: Mapping[str, str], *, has_instances: bool = False
) -> str | None:
    """Return why an object that left the repository stays; None: it may be removed."""
    if one.type in _NEVER:
        return _NEVER[one.type]
    if one.type == CRD and has_instances:
        return "there are objects of its kind, which would go with it"
    if annotations.get(KEEP, "").lower() not in ("", "false"):
        return f"it is marked to stay: {KEEP}"
    if annotations.get(HELM_POLICY, "").strip().lower() == "keep":
        return f"it is marked to stay: {HELM_POLICY}: keep"
    return None


def reason_not_to_prune(wanted: int, *, unreadable: bool, failed: bool) -> str | None:
    """Return why nothing of an environment is removed, however it was asked for; None: it may.

    `wanted` is how many objects the repository has for it.
    """
    if unreadable:
        return "some of the manifests cannot be read, and what is in them is not known"
    if not wanted:
        return "there are no manifests, which is no order to remove everything"
    if failed:
        return "some objects could not be applied, and may need what would go"
    return None


def is_many(going: int, members: int) -> bool:
    """Tell whether removing so many of a set's objects needs a second word: beyond a third."""
    return going > max(_FEW, members // _SHARE)
