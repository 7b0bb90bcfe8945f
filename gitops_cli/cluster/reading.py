"""What a namespace holds: one LIST per kind, all at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from msgspec import ValidationError
from msgspec.json import Decoder

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import JOBS, NAMESPACES, PODS, RESOURCES, Api, Doing, Refused, Resource
from gitops_cli.cluster.decoding import Decodes, in_words
from gitops_cli.cluster.parse import job, pod, workload
from gitops_cli.domain.cluster.workload import Observed, Target
from gitops_cli.domain.errors import ClusterError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.web.parallel import attempt_all

R = TypeVar("R")
S = TypeVar("S")
V = TypeVar("V")

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

    @property
    def decoder(self) -> Decoder[Any]:
        """Return what decodes a LIST's answer."""
        if self.kind is not None:
            return schema.CRONJOBS if self.kind is Kind.CRONJOB else schema.WORKLOADS
        return schema.PODS if self.resource is PODS else schema.JOBS

    @property
    def item_decoder(self) -> Decoder[Any]:
        """Return what decodes one item of it."""
        if self.kind is not None:
            return schema.CRONJOB if self.kind is Kind.CRONJOB else schema.WORKLOAD
        return schema.POD if self.resource is PODS else schema.JOB

    def read(self, item: Any) -> tuple[str, Any]:
        """Return an item's name, and what it is as a domain value. Raises ValueError."""
        if self.kind is not None:
            value = workload(self.kind, item)
            if value.namespace != self.namespace:
                raise ValueError(f"it is one of {value.namespace}")
            return value.name, value
        return item.metadata.name, pod(item) if self.resource is PODS else job(item)


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
    return fetch_items(api, listing.doing, listing.decoder, listing.read, room)


def fetch_items(
    api: Api,
    doing: Doing,
    decoder: Decodes[Any],
    read: Callable[[Any], tuple[str, V]],
    room: Room | None = None,
) -> Listed:
    """Make one LIST, in pieces where it is long. Raises Denied, ClusterError."""
    pieces = _Pieces(api, doing, decoder, read, room or Room())
    try:
        return pieces.fetch({"limit": CHUNK})
    except Refused as refused:
        if refused.status != 410:  # the list was so slow that its pieces no longer fit together
            raise
    return pieces.fetch({})


class _Pieces(NamedTuple):
    """One LIST, of items that `read` makes values of."""

    api: Api
    doing: Doing
    decoder: Decodes[Any]
    read: Callable[[Any], tuple[str, Any]]
    room: Room

    def fetch(self, query: dict[str, str | int]) -> Listed:
        values: dict[str, Any] = {}
        seen: set[str] = set()
        while True:
            answer = self.api.ask(self.doing, self.decoder, path=self.doing.path("", **query))
            if not answer.kind.endswith("List"):
                raise self.api.strange(self.doing, f"a {answer.kind}, not a list")
            before = len(values)
            for item in answer.items or ():
                name, value = read_one(self.api, self.doing, item, self.read)
                values[name] = value
            self.room.take(self.doing, len(values) - before)
            following = answer.metadata.following
            if not following:
                return Listed(values, answer.metadata.resource_version)
            if following in seen or len(seen) >= MOST_PIECES:
                server = self.api.access.server
                raise ClusterError(f"cannot {self.doing}: {server} sends a list without end")
            seen.add(following)
            query = {**query, "continue": following}


def read_one(api: Api, doing: Doing, item: S, read: Callable[[S], R]) -> R:
    """Return what an object is as a value; raises ClusterError that names it."""
    try:
        return read(item)
    except (ValueError, OverflowError, RecursionError) as error:
        metadata = getattr(item, "metadata", None)  # what is not read yet has none
        name = f"{metadata.name}: " if metadata is not None else ""
        why = in_words(b"", error) if isinstance(error, ValidationError) else str(error)
        raise api.strange(doing, f"{name}{why}") from error


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
