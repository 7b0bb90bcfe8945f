"""What a namespace holds: one LIST per kind, all at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gitops_cli.cluster.api import JOBS, NAMESPACES, PODS, RESOURCES, Api, Doing, Refused, Resource
from gitops_cli.cluster.parse import job, parse_list, pod, workload
from gitops_cli.domain.cluster.workload import Observed, Target
from gitops_cli.domain.errors import ClusterError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.web.parallel import attempt_all

CHUNK = 500
# Values that one look may hold, about a kilobyte each: ten thousand workloads, their pods, and as
# many again. What goes on beyond is no cluster, and would eat all memory.
MOST_VALUES = 50_000
MOST_PIECES = 1_000


class Room:
    """How many values one look may still hold; shared by LISTs that are made at once."""

    def __init__(self) -> None:
        self._left = MOST_VALUES
        self._lock = threading.Lock()

    def take(self, doing: Doing, count: int) -> None:
        """Note that so many values came; raises ClusterError when there is no room for them."""
        with self._lock:
            self._left -= count
            if self._left < 0:
                raise ClusterError(f"cannot {doing}: more than {MOST_VALUES} objects")


class Listing(NamedTuple):
    """One LIST to make; `kind` is None for pods and jobs."""

    namespace: EnvironmentName
    resource: Resource
    kind: Kind | None = None

    @property
    def doing(self) -> Doing:
        """Return what it is for."""
        return Doing("list", self.resource, self.namespace)

    @property
    def watching(self) -> Doing:
        """Return what a watch is for."""
        return Doing("watch", self.resource, self.namespace)

    def read(self, item: Mapping[str, Any]) -> Any:
        """Return an item as a domain value."""
        if self.kind is not None:
            return workload(self.kind, item)
        return pod(item) if self.resource is PODS else job(item)


class Listed(NamedTuple):
    """A LIST's values by name, and the version from which a watch goes on."""

    values: Mapping[str, Any] = MappingProxyType({})
    version: str = ""


def listings(target: Target) -> list[Listing]:
    """Return the LISTs that a target needs."""
    space = target.namespace
    wanted = [Listing(space, RESOURCES[kind], kind) for kind in Kind if kind in target.kinds]
    if target.pods:
        wanted.append(Listing(space, PODS))
        if Kind.CRONJOB in target.kinds:
            wanted.append(Listing(space, JOBS))
    return wanted


def fetch(api: Api, listing: Listing, room: Room | None = None) -> Listed:
    """Make a target's LIST. Raises Denied, ClusterError."""
    return fetch_items(api, listing.doing, listing.read, room)


def fetch_items(
    api: Api,
    doing: Doing,
    read: Callable[[Mapping[str, Any]], Any],
    room: Room | None = None,
) -> Listed:
    """Make one LIST, in pieces where it is long. Raises Denied, ClusterError."""
    room = room or Room()
    try:
        return _pieces(api, doing, read, room, {"limit": CHUNK})
    except Refused as refused:
        if refused.status != 410:  # the list was so slow that its pieces no longer fit together
            raise
    return _pieces(api, doing, read, room, {})


def _pieces(
    api: Api,
    doing: Doing,
    read: Callable[[Mapping[str, Any]], Any],
    room: Room,
    query: dict[str, str | int],
) -> Listed:
    values: dict[str, Any] = {}
    seen: set[str] = set()
    while True:
        response = api.call(doing, path=doing.path("", **query))
        answer = _decoded(api, doing, response.body)
        before = len(values)
        for item in answer.get("items") or ():
            values[item["metadata"]["name"]] = read(item)
        room.take(doing, len(values) - before)
        metadata = answer.get("metadata") or {}
        following = metadata.get("continue")
        if not following:
            return Listed(values, metadata.get("resourceVersion", ""))
        if following in seen or len(seen) >= MOST_PIECES:
            raise ClusterError(f"cannot {doing}: {api.access.server} sends a list without end")
        seen.add(following)
        query = {**query, "continue": following}


def _decoded(api: Api, doing: Doing, body: bytes) -> Mapping[str, Any]:
    try:
        answer = parse_list(body)
    except ValueError:
        answer = api.decoded(doing, body)
    if not isinstance(answer, dict):
        raise ClusterError(f"cannot {doing}: {api.access.server} sent no list")
    return answer


def observe(api: Api, targets: Sequence[Target]) -> dict[EnvironmentName, Observed]:
    """Read all targets over the pool; what cannot be read is an error inside its namespace."""
    wanted = [listing for target in targets for listing in listings(target)]
    room = Room()
    results = attempt_all(lambda listing: fetch(api, listing, room), wanted)
    by_namespace: dict[EnvironmentName, list[tuple[Listing, Listed | GitOpsError]]] = {
        target.namespace: [] for target in targets
    }
    for listing, result in zip(wanted, results, strict=True):
        by_namespace[listing.namespace].append((listing, result))
    return {space: assembled(space, found) for space, found in by_namespace.items()}


def assembled(
    namespace: EnvironmentName, found: Iterable[tuple[Listing, Listed | GitOpsError]]
) -> Observed:
    """Put the LISTs of one namespace together.

    Pods and jobs may be denied: they explain, but are not needed. What breaks off is an error.
    """
    workloads: list[Any] = []
    optional: dict[str, tuple[Any, ...] | None] = {"pods": None, "jobs": None}
    errors: dict[Kind, GitOpsError] = {}
    notes: list[str] = []
    broken: GitOpsError | None = None
    kinds: list[Kind] = []
    for listing, result in found:
        if listing.kind is not None:
            kinds.append(listing.kind)
        match result:
            case Listed() if listing.kind is not None:
                workloads += result.values.values()
            case Listed():
                optional[listing.resource.plural] = tuple(result.values.values())
            case GitOpsError() if listing.kind is not None:
                errors[listing.kind] = result
            case Denied():
                notes.append(
                    f"{namespace}: not permitted to list {listing.resource}, so what runs in the "
                    f"pods is not shown"
                )
            case GitOpsError():
                broken = result
    if broken is not None:
        errors = {kind: errors.get(kind, broken) for kind in kinds}
    return Observed(
        namespace,
        tuple(workloads),
        optional["pods"],
        optional["jobs"],
        errors,
        tuple(notes),
    )


def has_namespace(api: Api, name: EnvironmentName) -> bool | None:
    """Tell whether there is such a namespace; None: not permitted to know."""
    try:
        api.call(Doing("get", NAMESPACES, name=name))
    except Refused as refused:
        if refused.status == 404:
            return False
        raise
    except Denied:
        return None
    return True
