"""A service's source, wherever it can be read: the checkout, a path, or the mirror of a URL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.forge_links import NO_HOSTS, ForgeHosts, Project, project_at
from gitops_cli.domain.git_url import same_repository
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.past.ancestry import (
    UNKNOWN,
    Changelog,
    Distance,
    Evidence,
    Relation,
    SourceCommit,
)
from gitops_cli.domain.recorded.resolution import is_source_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.discovery import git_around, is_bare
from gitops_cli.git.mirror import COMMITS, TREES, Holding
from gitops_cli.git.remote import HEADS, TAGS, from_anywhere
from gitops_cli.source.checkout import Checkout, address_of
from gitops_cli.source.commits import Commits, Named
from gitops_cli.source.upstream import SECONDS, Upstream

if TYPE_CHECKING:
    from gitops_cli.domain.progress import Watch

T = TypeVar("T")

_ADDS = (Relation.AHEAD, Relation.DIVERGED)
_REMOVES = (Relation.BEHIND, Relation.DIVERGED)
COMMITS_SHOWN = 50
_AMONG_FILES = "gitops.toml: [service.{}] source: `{}` lies among the files of another repository"
_WITHOUT_BASE = (
    "gitops.toml: [service.{}] source: `{}` starts from a checkout of the state repository, and "
    "there is none here"
)


class SourceRepository(NamedTuple):
    """One service's source. Nothing it cannot know is an error: it answers UNKNOWN or None.

    `places` are asked in order, the cheapest first; `remote` is what links are made from;
    `refusal` says why the source that was declared or stood in cannot be meant. `path` is the
    service's directory, if it shares the source with others: what lies between two versions are
    the commits that change it, whereas order is that of all commits. `forges` is what the user says
    of forges.
    """

    places: tuple[Commits, ...] = ()
    upstream: Upstream | None = None
    remote: str | None = None
    refusal: str | None = None
    path: str | None = None
    forges: ForgeHosts = NO_HOSTS

    @property
    def project(self) -> Project | None:
        """Return where a forge has it."""
        return project_at(self.remote, self.forges) if self.remote else None

    @property
    def is_known(self) -> bool:
        """Tell whether anybody says where the source is."""
        return bool(self.places) or self.upstream is not None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return what can be asked for the order of two commits, the first to be asked first."""
        complete = any(not place.is_cut for place in self.places)
        asked = (complete and Evidence.CHECKOUT, self.upstream is not None and Evidence.MIRROR)
        return tuple(evidence for evidence in asked if evidence)

    def distance(self, old: str, new: str) -> Distance:
        """Return how the commit `new` lies to `old`."""
        return self._asked(lambda place: _distance(place, old, new), old, new) or UNKNOWN

    def is_on(self, commit: str, branches: Iterable[str]) -> bool:
        """Tell whether one of the branches (globs) is known to hold a commit."""
        wanted = tuple(branches)
        if any(place.is_on(commit, wanted) for place in self.places):
            return True
        mirrored = self.upstream.ready_for(commit, anew=True) if self.upstream else None
        return mirrored is not None and bool(mirrored.is_on(commit, wanted))

    def lead(self, old: str, new: str) -> Distance:
        """Return the distance with the numbers of the service's own commits."""
        found, path = self.distance(old, new), self.path
        if path is None or found.relation in {Relation.SAME, Relation.UNKNOWN}:
            return found
        counted = self._asked(lambda place: place.counts(old, new, path), old, new)
        ahead, behind = counted or (None, None)
        return found._replace(ahead=ahead, behind=behind)

    def commit_time(self, commit: str) -> datetime | None:
        """Return when a commit was made; None if it is not known."""
        return self._asked(lambda place: place.time(commit), commit)

    def commit_times(self, hashes: Iterable[str]) -> dict[str, datetime]:
        """Return when commits were made, of those that are known."""
        left, found = list(dict.fromkeys(hashes)), dict[str, datetime]()
        for place in self.places:
            found |= place.times(left)
            left = [commit for commit in left if commit not in found]
        mirrored = self.upstream.ready_for(*left) if self.upstream and left else None
        return found if mirrored is None else found | mirrored.times(left)

    def changelog(self, old: str, new: str, *, limit: int = COMMITS_SHOWN) -> Changelog:
        """Return what lies between two versions."""
        found = self.lead(old, new)
        link = self.project.compare(old, new) if self.project else None
        return Changelog(
            found,
            self._commits(old, new, limit) if found.relation in _ADDS else (),
            self._commits(new, old, limit) if found.relation in _REMOVES else (),
            link,
        )

    def _commits(self, old: str, new: str, limit: int) -> tuple[SourceCommit, ...]:
        found = self._asked(lambda place: place.between(old, new, limit, self.path), old, new)
        return found or ()

    def expand(self, prefix: str) -> list[str]:
        """Return the commits here whose hash begins with `prefix`; the remote is not asked."""
        mirrored = self.upstream.here() if self.upstream else None
        for place in (*self.places, *([mirrored] if mirrored else [])):
            if fits := place.like(prefix):
                return fits
        return []

    def refs(self, name: str) -> list[str]:
        """Return the commits that the source's tag and branch of a name stand for.

        The remote says it. Where it cannot be asked, only the checkout's tags are believed: its
        branches are those of the day it was made, or a person's own.
        """
        places = (TAGS,) if self.upstream else (TAGS, HEADS)
        asked = self.upstream.refs(name) if self.upstream else None
        if asked is not None:
            return asked
        return next(filter(None, (place.refs(name, *places) for place in self.places)), [])

    def named(self, name: str) -> Named | None:
        """Return what a full hash names; None: it is not known."""
        return self._asked(lambda place: place.named(name), name)

    @property
    def trouble(self) -> str | None:
        """Return why the source could not be asked, if that was tried."""
        said = (place.trouble for place in self.places)
        of_remote = self.upstream.trouble if self.upstream else None
        return self.refusal or next(filter(None, said), None) or of_remote

    def _asked(self, question: Callable[[Commits], T | None], *hashes: str) -> T | None:
        for place in self.places:
            if (answer := question(place)) is not None:
                return answer
        mirrored = self.upstream.ready_for(*hashes) if self.upstream else None
        return None if mirrored is None else question(mirrored)


def _distance(place: Commits, old: str, new: str) -> Distance | None:
    found = place.distance(old, new)
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
        deadline: float | None = None,
        refusal: str | None = None,
        watch: Watch | None = None,
        forges: ForgeHosts = NO_HOSTS,
    ) -> None:
        """`base` is what relative paths in gitops.toml start from: the state repository.

        `refusal` says why there is no checkout where one stands, if git does not read it.
        """
        self._team = team
        self._checkout = checkout
        self._base = base
        self._offline = offline
        self._timeout = timeout
        self._deadline = deadline
        self._refusal = refusal
        self._watch = watch
        self._forges = forges
        self._known: dict[ServiceName, SourceRepository] = {}
        self._lock = threading.Lock()
        self._upstreams: dict[tuple[str, Holding, Path | None], Upstream] = {}
        self._places: dict[tuple[Path, str], Commits] = {}

    def of(self, service: ServiceName) -> SourceRepository:
        """Return a service's source; one that knows nothing if nobody says where it is."""
        if service not in self._known:
            found, path = self._find(service), self._team.service(service).path
            self._known[service] = found._replace(path=path, forges=self._forges)
        return self._known[service]

    @property
    def troubles(self) -> Mapping[str, str]:
        """Return which sources could not be asked so far, and why; each once."""
        known = self._known.items()
        named = ((s.upstream.url if s.upstream else name, s.trouble) for name, s in known)
        return {name: trouble for name, trouble in named if trouble is not None}

    def _find(self, service: ServiceName) -> SourceRepository:
        source = self._team.service(service).source
        here = self._checkout
        is_here = here is not None and _is_of(here, service, source, self._team)
        # A checkout may hold its last commits only, and knows none that was pushed since it was
        # made; its origin has the others, and it knows the way there.
        holding = COMMITS if self._team.service(service).path is None else TREES
        own = self._origin(here, holding) if here is not None and is_here else None
        # The branches of a checkout are its own: what they are called, its user chose.
        places = (
            (self._place(here.root, branches="refs/remotes/origin/"),)
            if here is not None and is_here
            else ()
        )
        if source is None:
            if here is None or not is_here:
                return SourceRepository(refusal=self._refusal)
            return SourceRepository(places, own, here.address)
        path = self._local(service, source)
        if path is None:
            return SourceRepository(places, own or self._upstream(source, holding), source)
        if not path.is_absolute():
            return SourceRepository(places, refusal=_WITHOUT_BASE.format(service, source))
        if is_bare(path) and git_around(path, {}).directory != path:
            return SourceRepository(places, refusal=_AMONG_FILES.format(service, source))
        # Its own remote, if any, is what people look at.
        declared = self._place(path)
        remote = None if declared.trouble else address_of(path)
        return SourceRepository((*places, declared), None, remote)

    def _origin(self, here: Checkout, holding: Holding) -> Upstream | None:
        if here.remote is None:
            return None
        return self._upstream(from_anywhere(here.remote, here.root), holding, here.root)

    def _upstream(self, url: str, holding: Holding, clone: Path | None = None) -> Upstream:
        """Return the remote of a URL: one for all services that share it."""
        with self._lock:
            key = (url, holding, clone)
            if key not in self._upstreams:
                self._upstreams[key] = Upstream(
                    url,
                    timeout=self._timeout,
                    deadline=self._deadline,
                    offline=self._offline,
                    clone=clone,
                    watch=self._watch,
                    holding=holding,
                )
            return self._upstreams[key]

    def _place(self, directory: Path, *, branches: str = HEADS) -> Commits:
        with self._lock:
            key = (directory, branches)
            if key not in self._places:
                self._places[key] = Commits.around(directory, branches=branches)
            return self._places[key]

    def _local(self, service: ServiceName, source: str) -> Path | None:
        """Return the path of a source on this machine, None: it is a URL.

        A relative one starts from the state repository's checkout, and stays relative without
        any: it would mean whatever lies where somebody happens to stand. Raises
        ConfigurationError for one inside that checkout: who may push there may not choose what
        git obeys here.
        """
        if ":" in source and not source.startswith("file://"):
            return None
        is_url = source.startswith("file://")
        path = Path(unquote(source.removeprefix("file://")) if is_url else source)
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


def _is_of(here: Checkout, service: ServiceName, source: str | None, team: TeamSettings) -> bool:
    if source is not None:
        return any(same_repository(source, remote) for remote in here.remotes)
    return is_source_of(service, here.remotes, here.root.name, team)
