"""A service's source, wherever it can be read: the checkout, a path, or the mirror of a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.forge_links import project_at, same_remote
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.past.ancestry import UNKNOWN, Changelog, Distance, Relation, SourceCommit
from gitops_cli.domain.recorded.resolution import service_of_remote
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.source import history
from gitops_cli.source.checkout import Checkout, remote_of
from gitops_cli.source.mirror import Mirror, mirror_of

T = TypeVar("T")

_ADDS = (Relation.AHEAD, Relation.DIVERGED)
_REMOVES = (Relation.BEHIND, Relation.DIVERGED)
COMMITS_SHOWN = 50
SECONDS = 30.0  # for one connection to a source's remote
_WITHOUT_BASE = (
    "gitops.toml: [service.{}] source: `{}` starts from a checkout of the state repository, and "
    "there is none here"
)


class SourceRepository(NamedTuple):
    """One service's source. Nothing it cannot know is an error: it answers UNKNOWN or None.

    `places` are asked in order, the cheapest first; `remote` is what links are made from;
    `refusal` says why the declared source cannot be meant.
    """

    places: tuple[Path, ...] = ()
    mirror: Mirror | None = None
    remote: str | None = None
    refusal: str | None = None

    @property
    def is_known(self) -> bool:
        """Tell whether anybody says where the source is."""
        return bool(self.places) or self.mirror is not None

    def distance(self, old: str, new: str) -> Distance:
        """Return how the commit `new` lies to `old`."""
        return self._asked(lambda place: _distance(place, old, new), old, new) or UNKNOWN

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Tell whether `newer` contains `older`; None: cannot tell."""
        return self._asked(lambda place: history.is_ancestor(place, older, newer), older, newer)

    def commit_time(self, commit: str) -> datetime | None:
        """Return when a commit was made; None if it is not known."""
        return self._asked(lambda place: history.commit_time(place, commit), commit)

    def changelog(self, old: str, new: str, *, limit: int = COMMITS_SHOWN) -> Changelog:
        """Return what lies between two versions."""
        found = self.distance(old, new)
        project = project_at(self.remote) if self.remote else None
        link = project.compare(old, new) if project else None
        return Changelog(
            found,
            self._commits(old, new, limit) if found.relation in _ADDS else (),
            self._commits(new, old, limit) if found.relation in _REMOVES else (),
            link,
        )

    def _commits(self, old: str, new: str, limit: int) -> tuple[SourceCommit, ...]:
        found = self._asked(lambda place: history.commits_between(place, old, new, limit), old, new)
        return found or ()

    def expand(self, prefix: str) -> list[str]:
        """Return the commits here whose hash begins with `prefix`; the remote is not asked."""
        for place in (*self.places, *self._mirrored()):
            if fits := history.commits_like(place, prefix):
                return fits
        return []

    @property
    def trouble(self) -> str | None:
        """Return why the source could not be asked, if that was tried."""
        return self.mirror.trouble if self.mirror else self.refusal

    def _mirrored(self) -> tuple[Path, ...]:
        here = self.mirror is not None and self.mirror.directory.is_dir()
        return (self.mirror.directory,) if here and self.mirror else ()

    def _asked(self, question: Callable[[Path], T | None], *hashes: str) -> T | None:
        for place in self.places:
            if (answer := question(place)) is not None:
                return answer
        mirrored = self.mirror.ready_for(*hashes) if self.mirror else None
        return None if mirrored is None else question(mirrored)


def _distance(place: Path, old: str, new: str) -> Distance | None:
    found = history.distance_between(place, old, new)
    return None if found.relation is Relation.UNKNOWN else found


class Sources:
    """The sources of all services: found by gitops.toml and the checkout we are in."""

    def __init__(
        self,
        team: TeamSettings,
        *,
        checkout: Checkout | None = None,
        base: Path | None = None,
        offline: bool = False,
        timeout: float = SECONDS,
    ) -> None:
        """`base` is what relative paths in gitops.toml start from: the state repository."""
        self._team = team
        self._checkout = checkout
        self._base = base
        self._offline = offline
        self._timeout = timeout
        self._known: dict[ServiceName, SourceRepository] = {}

    def of(self, service: ServiceName) -> SourceRepository:
        """Return a service's source; one that knows nothing if nobody says where it is."""
        if service not in self._known:
            self._known[service] = self._find(service)
        return self._known[service]

    @property
    def troubles(self) -> Mapping[str, str]:
        """Return which sources could not be asked so far, and why; each once."""
        named = ((s.mirror.url if s.mirror else name, s.trouble) for name, s in self._known.items())
        return {name: trouble for name, trouble in named if trouble is not None}

    def _find(self, service: ServiceName) -> SourceRepository:
        source = self._team.service(service).source
        here = self._checkout
        remote = here.remote if here else None
        is_here = here is not None and _is_of(here, service, source, self._team)
        places = (here.root,) if here is not None and is_here else ()
        if source is None:
            if here is None or not is_here:
                return SourceRepository()
            # A checkout may hold its last commits only, and knows none that was pushed since it was
            # made; its origin has the others.
            mirror = self._mirror(_from_anywhere(remote, here.root)) if remote else None
            return SourceRepository(places, mirror, remote)
        path = self._local(service, source)
        if path is not None and not path.is_absolute():
            return SourceRepository(places, refusal=_WITHOUT_BASE.format(service, source))
        if path is not None:
            # Its own remote, if any, is what people look at.
            its_checkout_remote = remote_of(path) if path.is_dir() else None
            return SourceRepository((*places, path), None, its_checkout_remote)
        return SourceRepository(places, self._mirror(source), source)

    def _mirror(self, url: str) -> Mirror:
        return mirror_of(url, timeout=self._timeout, offline=self._offline)

    def _local(self, service: ServiceName, source: str) -> Path | None:
        """Return the path of a source on this machine, None: it is a URL.

        A relative one starts from the state repository's checkout, and stays relative without
        any: it would mean whatever lies where somebody happens to stand. Raises
        ConfigurationError for one inside that checkout: who may push there may not choose what
        git obeys here.
        """
        if ":" in source and not source.startswith("file://"):
            return None
        path = Path(source.removeprefix("file://"))
        if self._base is None:
            return path
        path, base = (self._base / path).resolve(), self._base.resolve()
        if path.is_relative_to(base):
            raise ConfigurationError(
                f"gitops.toml: [service.{service}] source: `{source}` lies inside the state "
                "repository itself",
                hint="name a repository outside of it, by its URL or path",
            )
        return path


def _from_anywhere(remote: str, root: Path) -> str:
    """Return a checkout's remote as other directories reach it: git takes a path from the root."""
    is_path = ":" not in remote.partition("/")[0]
    return str(root / remote) if is_path else remote


def _is_of(here: Checkout, service: ServiceName, source: str | None, team: TeamSettings) -> bool:
    if source is not None:
        return here.remote is not None and same_remote(source, here.remote)
    try:
        return service_of_remote(here.remote, here.root.name, team) == service
    except UsageError:
        return False
