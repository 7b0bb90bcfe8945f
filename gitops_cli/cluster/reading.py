"""What a namespace holds: one LIST per kind, all at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from msgspec import ValidationError
from msgspec.json import Decoder

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import JOBS, NAMESPACES, PODS, RESOURCES, Api, Doing, Refused, Resource
from gitops_cli.cluster.decoding import Decodes, in_words
from gitops_cli.cluster.parse import job, pod, workload
from gitops_cli.domain.cluster.workload import Observed, Presence, Target
from gitops_cli.domain.errors import ClusterError, Denied, GitOpsError, UnknownKind
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.progress import HowFar, Watch
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

    def leave(self, count: int) -> None:
        """Note that so many of them are held no longer."""
        with self._lock:
            self._left += count


class Listing(NamedTuple):
    """One LIST to make; `kind` is None for pods and jobs.

    `names` are read one by one where only that is permitted.
    """

    namespace: EnvironmentName
    resource: Resource
    kind: Kind | None = None
    names: frozenset[str] = frozenset()

    @property
    def doing(self) -> Doing:
        """Return what it is for."""
        return Doing("list", self.resource, self.namespace)

    @property
    def watching(self) -> Doing:
        return Doing("watch", self.resource, self.namespace)

    @property
    def decoder(self) -> Decoder[Any]:
        """Return what decodes a LIST's answer."""
        if self.kind is not None:
            return schema.LISTS.get(self.kind.value, schema.WORKLOADS)
        return schema.PODS if self.resource is PODS else schema.JOBS

    @property
    def item_decoder(self) -> Decoder[Any]:
        """Return what decodes one item of it."""
        if self.kind is not None:
            return schema.ITEMS.get(self.kind.value, schema.WORKLOAD)
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
    """A LIST's values by name, and the version from which a watch goes on.

    Not `whole`: these few were read one by one, and no watch goes on from there.
    """

    values: Mapping[str, Any] = MappingProxyType({})
    version: str = ""
    whole: bool = True


def listings(target: Target) -> list[Listing]:
    """Return the LISTs that a target needs."""
    space = target.namespace
    named: dict[Kind, set[str]] = {kind: set() for kind in Kind if kind in target.kinds}
    for kind, name in target.names:
        named[kind].add(name)
    wanted = [
        Listing(space, RESOURCES[kind], kind, frozenset(names)) for kind, names in named.items()
    ]
    if target.pods:
        wanted.append(Listing(space, PODS))
        if Kind.CRONJOB in target.kinds:
            wanted.append(Listing(space, JOBS))
    return wanted


def fetch(api: Api, listing: Listing, room: Room | None = None) -> Listed:
    """Make a target's LIST. Raises Denied, UnknownKind, ClusterError."""
    try:
        return fetch_items(api, listing.doing, listing.decoder, listing.read, room)
    except Refused as refused:
        if refused.status != 404 or listing.kind is not Kind.ROLLOUT:
            raise
        raise UnknownKind(
            f"cannot {listing.doing}: {api.access.server} has no such kind of object",
            hint="is Argo Rollouts installed there?",
        ) from refused
    except Denied as denied:
        if not listing.names:
            raise
        return _fetch_named(api, listing, denied)


def _fetch_named(api: Api, listing: Listing, denied: Denied) -> Listed:
    """Read what a Role with resourceNames permits; raises `denied` if it is not even that."""
    names = sorted(listing.names)
    answers = attempt_all(lambda name: _get(api, listing, name), names)
    found: dict[str, Any] = {}
    for name, answer in zip(names, answers, strict=True):
        match answer:
            case Denied():
                raise denied
            case GitOpsError():
                raise answer
            case None:
                pass
            case _:
                found[name] = answer
    return Listed(found, whole=False)


def _get(api: Api, listing: Listing, name: str) -> Any:
    doing = listing.doing._replace(verb="get", name=name)
    item = api.find(doing, listing.item_decoder)
    return None if item is None else read_one(api, doing, item, listing.read)[1]


def fetch_items(
    api: Api,
    doing: Doing,
    decoder: Decodes[Any],
    read: Callable[[Any], tuple[str, V]],
    room: Room | None = None,
    *,
    accept: str = "application/json",
    labels: str = "",
) -> Listed:
    """Make one LIST, in pieces where it is long. Raises Denied, ClusterError."""
    pieces = _Pieces(api, doing, decoder, read, room or Room(), accept)
    query: dict[str, str | int] = {"labelSelector": labels} if labels else {}
    try:
        return pieces.fetch({"limit": CHUNK, **query})
    except Refused as refused:
        if refused.status != 410:  # the list was so slow that its pieces no longer fit together
            raise
    return pieces.fetch(query)


class _Pieces(NamedTuple):
    """One LIST, of items that `read` makes values of."""

    api: Api
    doing: Doing
    decoder: Decodes[Any]
    read: Callable[[Any], tuple[str, Any]]
    room: Room
    accept: str

    def fetch(self, query: dict[str, str | int]) -> Listed:
        values: dict[str, Any] = {}
        seen: set[str] = set()
        while True:
            path = self.doing.path("", **query)
            try:
                answer = self.api.ask(self.doing, self.decoder, path=path, accept=self.accept)
            except Refused:
                self.room.leave(len(values))
                raise
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


def observe(
    api: Api, targets: Sequence[Target], watch: Watch | None = None
) -> dict[EnvironmentName, Observed]:
    """Read all targets over the pool; what cannot be read is an error inside its namespace.

    `watch` hears how many of the LISTs are answered.
    """
    wanted = [listing for target in targets for listing in listings(target)]
    room = Room()
    with _telling(api, len(wanted), watch) as done:
        results = attempt_all(lambda listing: fetch(api, listing, room), wanted, done=done)
    by_namespace: dict[EnvironmentName, list[tuple[Listing, Listed | GitOpsError]]] = {
        target.namespace: [] for target in targets
    }
    for listing, result in zip(wanted, results, strict=True):
        by_namespace[listing.namespace].append((listing, result))
    return {space: assembled(space, found) for space, found in by_namespace.items()}


@contextmanager
def _telling(
    api: Api, total: int, watch: Watch | None
) -> Iterator[Callable[[object, object], None] | None]:
    """Yield what counts answers, where somebody watches."""
    if watch is None:
        yield None
        return
    doing = f"reading {api.access.context or api.access.server}"
    answered = count(1)
    watch(HowFar(doing, 0, total))
    try:
        yield lambda _asked, _answer: watch(HowFar(doing, next(answered), total))
    finally:
        watch(None)


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
                if not result.whole:
                    notes.append(
                        f"{namespace}: not permitted to list {listing.resource}: only what git "
                        f"records was looked at"
                    )
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


def presence(api: Api, name: EnvironmentName) -> Presence:
    """Tell whether there is such a namespace."""
    try:
        found = api.find(Doing("get", NAMESPACES, name=name), schema.NAMESPACE)
    except Denied:
        return Presence.UNKNOWN
    if found is None:
        return Presence.ABSENT
    is_ending = found.status is not None and found.status.phase == "Terminating"
    return Presence.ENDING if is_ending else Presence.THERE
