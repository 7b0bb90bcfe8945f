"""The rights that an agent needs for the manifests of environments, found by rendering them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from gitops_cli.agent.model.spec import ManifestRights
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.manifests.applyset import PARENT, GroupKind, kinds_of
from gitops_cli.domain.manifests.kinds import BUILT_IN, SECRET, usual_plural
from gitops_cli.domain.manifests.objects import defined_by
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.operations.manifests import Trees, rendered_manifests
from gitops_cli.operations.ports import Cluster

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.rendered import Rendered


def manifest_rights(
    state: Trees,
    snapshot: Snapshot,
    names: Sequence[EnvironmentName],
    cluster: Cluster | None = None,
    unread: Callable[[GitOpsError], None] = lambda error: None,
) -> dict[EnvironmentName, ManifestRights]:
    """Return what agents need in those environments that have manifests.

    Without a `cluster` kinds that are nobody's own are taken for kinds of namespaces, by their
    usual names. `unread` hears why an object cannot be read: its kind may be missing then. Raises
    what keeps manifests from being rendered; Denied, ClusterError.
    """
    found: dict[EnvironmentName, ManifestRights] = {}
    for name, rendered in rendered_manifests(state, snapshot, names, keys=False).items():
        if isinstance(rendered, GitOpsError):
            raise rendered
        for error in rendered.errors:
            unread(error)
        kinds = {one.id.type for one in rendered.objects} | _applied(name, cluster)
        kinds |= {SECRET} if rendered.hidden else set()
        prune = snapshot.team.stage(place_of(name, snapshot.team).stage).prune
        resources = _resources(sorted(kinds), rendered, cluster)
        found[name] = ManifestRights(frozenset(resources), prune)
    return found


def _applied(name: EnvironmentName, cluster: Cluster | None) -> frozenset[GroupKind]:
    """Return the kinds of what has been applied: they may have left the repository since."""
    if cluster is None:
        return frozenset()
    there = cluster.objects().get("ConfigMap", name, PARENT) or {}
    return kinds_of((there.get("metadata") or {}).get("annotations") or {})


def _resources(
    kinds: Iterable[GroupKind], rendered: Rendered, cluster: Cluster | None
) -> Iterable[tuple[str, str]]:
    strange = [kind for kind in kinds if kind not in BUILT_IN]
    store = cluster.manifests() if cluster is not None and strange else None
    plurals = store.plurals(strange) if store is not None else {}
    scopes = store.scopes(strange) if store is not None else {}
    brought = {
        (one.group, one.kind): one for one in map(defined_by, rendered.objects) if one is not None
    }
    for group, kind in kinds:
        known, own = BUILT_IN.get((group, kind)), brought.get((group, kind))
        if known is not None:
            namespaced, plural = known.namespaced, known.plural
        elif own is not None:
            namespaced, plural = own.namespaced, own.plural
        else:
            namespaced = scopes.get((group, kind), True)
            plural = plurals.get((group, kind)) or usual_plural(kind)
        if namespaced:
            yield group, plural
