"""Kinds that a cluster has beside Kubernetes' own, and whether a namespace has some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import RESOURCES, Api, Doing, Resource
from gitops_cli.cluster.manifests import HELD_LIST, MANY, Manifests
from gitops_cli.domain.errors import GitOpsError, UsageError
from gitops_cli.domain.manifests.kinds import BUILT_IN
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.text import one_line
from gitops_cli.web.parallel import attempt_all

# Of the API server itself, or of what is asked through it: nothing of theirs is kept anywhere.
_SERVERS = {
    *(group for group, _ in BUILT_IN),
    *(f"{name}.k8s.io" for name in ("authentication", "authorization", "certificates", "events")),
    *(f"{name}.k8s.io" for name in ("metrics", "custom.metrics", "external.metrics")),
    *(f"{name}.k8s.io" for name in ("resource", "storagemigration", "flowcontrol.apiserver")),
}


class OwnKind(NamedTuple):
    """A kind of objects in namespaces that a definition brought; `name` as kubectl takes it."""

    name: str
    kind: str
    resource: Resource


def chosen_kinds(api: Api, names: Collection[str]) -> tuple[list[OwnKind], list[OwnKind]]:
    """Return the kinds of these names, and the others. Raises UsageError for one there is not.

    Where the server does not tell its kinds, and none is asked for, there are none.
    """
    try:
        found = list(_own_kinds(Manifests(api)))
    except GitOpsError:
        if names:
            raise
        return [], []
    known = {one.name: one for one in found}
    for name in names:
        if name not in known:
            raise UsageError(
                f"--kind {one_line(name)}: {api.access.server} has no such kind of its own",
                hint=f"it has {', '.join(sorted(known)) or 'none'}",
            )
    return [known[name] for name in names], [one for one in found if one.name not in names]


def _own_kinds(manifests: Manifests) -> Iterator[OwnKind]:
    workloads = {(resource.group, resource.plural) for resource in RESOURCES.values()}
    for (group, kind), (version, scope) in sorted(manifests.kinds().items()):
        theirs = group in _SERVERS or (group, scope.plural) in workloads
        if scope.namespaced and not theirs:
            resource = Resource(f"/apis/{group}/{version}", scope.plural)
            yield OwnKind(f"{scope.plural}.{group}", kind, resource)


def present(api: Api, namespace: EnvironmentName, kinds: Collection[OwnKind]) -> list[str]:
    """Return the names of those kinds of which a namespace has some, as far as one may look."""

    def look(one: OwnKind) -> bool:
        doing = Doing("list", one.resource, namespace)
        answer: schema.ListOf[schema.Held] = api.ask(
            doing, HELD_LIST, path=doing.path(limit=1), accept=MANY
        )
        return bool(answer.items)

    answers = attempt_all(look, list(kinds))
    return [one.name for one, there in zip(kinds, answers, strict=True) if there is True]
