"""Who changed what, when and why, and how long each version lived."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import UnknownEnvironment, UnknownService
from gitops_cli.domain.names import EnvironmentName, ServiceName, is_dns_label, is_service_name
from gitops_cli.domain.near import did_you_mean
from gitops_cli.domain.past.commits import FileChange, along
from gitops_cli.domain.recorded.approvals import Approval, parse_approval
from gitops_cli.domain.recorded.environment import KIND_OF_SUFFIX, Kind, Snapshot, service_at
from gitops_cli.domain.recorded.files import APPROVAL_SUFFIX, LOCK_SUFFIX, MANIFESTS
from gitops_cli.domain.recorded.locks import Lock, parse_lock
from gitops_cli.domain.recorded.manifests_place import has_manifests
from gitops_cli.domain.recorded.selection import Filter, advice, selected_environments
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import parse_version
from gitops_cli.operations.past_changes import HistorySpan, Kinds, PastChange, Recorded

if TYPE_CHECKING:
    from gitops_cli.operations.manifest_past import ManifestsPast
    from gitops_cli.state.repository import StateRepository

_KEPT = 1 << 14  # what the same contents and paths of thousands of changes are
MANY = 4  # files; from here on it pays to ask which of them changed last


EVERY_KIND = Kinds()


def read_history(
    state: StateRepository,
    snapshot: Snapshot,
    wanted: Filter,
    span: HistorySpan,
    kinds: Kinds = EVERY_KIND,
) -> Iterator[PastChange]:
    """Yield what happened to the wanted services, and the locks that held them, newest first.

    Reads no further than needed.

    Raises UnknownService for a service that never was there.
    """
    tip = snapshot.commit
    if tip is None:
        return iter(())
    environments = _environments(state, snapshot, wanted)
    paths = [*_paths(snapshot, environments, wanted), *_beside(snapshot, environments, wanted)]
    gone = _gone(state, snapshot, wanted, environments)
    files = [
        *(_File(path, state, tip, span) for path in paths),
        *(
            _File(path, state, tip, span, by, is_over=_is_over(path, snapshot))
            for path, by in gone.items()
        ),
    ]
    entries = _merged(state, tip, files, _manifests(state, snapshot, wanted, environments, span))

    def few(entries: Iterator[PastChange]) -> Iterator[PastChange]:
        return islice(filter(kinds.has, entries), span.limit)

    there = {
        s
        for name in environments
        if name in snapshot.environments
        for s in snapshot.environments[name].files
    }
    if not wanted.services or there & set(wanted.services):
        return few(entries)
    known = {service for e in snapshot.environments.values() for service in e.files}
    hints = [
        advice(service, snapshot) or did_you_mean(service, known) for service in wanted.services
    ]
    hint = next(filter(None, hints), "`gitops status` shows the services")
    return few(_known(entries, wanted.services, hint))


def _manifests(
    state: StateRepository,
    snapshot: Snapshot,
    wanted: Filter,
    environments: Iterable[EnvironmentName],
    span: HistorySpan,
) -> list[ManifestsPast]:
    """Return the pasts of the environments' manifests, unless services are named."""
    if wanted.services or _usual(snapshot, wanted) or snapshot.commit is None:
        return []
    gone = state.past.removed_files(tip=snapshot.commit)
    if not has_manifests(snapshot) and not any(f"/{MANIFESTS}/" in path for path in gone):
        return []
    from gitops_cli.operations.manifest_past import manifest_pasts  # where there are some

    return list(manifest_pasts(state, snapshot, environments, gone, span))


def _environments(
    state: StateRepository, snapshot: Snapshot, wanted: Filter
) -> list[EnvironmentName]:
    """Return the environments to look at; one that is gone goes by its full name."""
    try:
        return selected_environments(snapshot, wanted)
    except UnknownEnvironment:
        names = {path.partition("/")[0] for path in _files_gone(state, snapshot)}
        if not wanted.environments or not set(wanted.environments) <= names:
            raise
        return sorted(map(EnvironmentName, wanted.environments))


def _files_gone(state: StateRepository, snapshot: Snapshot) -> dict[str, str]:
    """Return the version files and locks that were there once, with who removed them."""
    gone = state.past.removed_files(tip=snapshot.commit) if snapshot.commit is not None else {}
    return {path: by for path, by in sorted(gone.items()) if is_told(path)}


@lru_cache(_KEPT)
def _is_lock(path: str) -> bool:
    stem = path.rpartition("/")[2].removesuffix(LOCK_SUFFIX)
    return path.endswith(LOCK_SUFFIX) and (not stem or is_service_name(stem))


@lru_cache(_KEPT)
def _is_approval(path: str) -> bool:
    leaf = path.rpartition("/")[2]
    return leaf.endswith(APPROVAL_SUFFIX) and is_service_name(leaf.removesuffix(APPROVAL_SUFFIX))


def _is_beside(path: str) -> bool:
    """Tell whether a file says something of a version without being one."""
    return _is_lock(path) or _is_approval(path)


def is_told(path: str) -> bool:
    """Tell whether a path is one whose changes are part of the history.

    A directory that could never be a namespace is no environment that is gone: whoever may push
    could give it any text as a name.
    """
    directory, _, leaf = path.partition("/")
    if "/" in leaf or not is_dns_label(directory):
        return False
    return service_at(path) is not None or _is_beside(path)


def _subject(path: str) -> ServiceName | None:
    """Return the service of a version file or a lock; None: the whole environment."""
    stem = path.rpartition("/")[2].removesuffix(LOCK_SUFFIX).removesuffix(APPROVAL_SUFFIX)
    return ServiceName(stem) if stem and _is_beside(path) else service_at(path)


def _is_over(path: str, snapshot: Snapshot) -> bool:
    """Tell whether a lock is gone for good: only with its environment would it get a new name."""
    return _is_beside(path) and EnvironmentName(path.partition("/")[0]) in snapshot.environments


def _gone(
    state: StateRepository,
    snapshot: Snapshot,
    wanted: Filter,
    environments: Collection[EnvironmentName],
) -> dict[str, str]:
    """Return the removed files to follow: of these environments, or of any that is gone.

    Of services that are named only their locks: their files are followed whether there or not.
    """
    named = wanted.services or _usual(snapshot, wanted)

    def is_wanted(path: str) -> bool:
        name = EnvironmentName(path.partition("/")[0])
        if wanted.services and not _is_beside(path):
            return False
        if named and _subject(path) not in (None, *named):
            return False
        if name in environments:
            return True
        of_project = wanted.project in (None, place_of(name, snapshot.team).project)
        return not wanted.environments and name not in snapshot.environments and of_project

    return {p: by for p, by in _files_gone(state, snapshot).items() if is_wanted(p)}


def _known(
    entries: Iterator[PastChange], services: Collection[ServiceName], hint: str
) -> Iterator[PastChange]:
    """Yield the entries of services that are gone; raise UnknownService if there are none."""
    above: list[PastChange] = []  # locks of all their environment
    for entry in entries:
        above.append(entry)
        if entry.service is not None:
            break
    else:
        raise UnknownService(
            f"no change of {', '.join(services)} was found there",
            hint=hint,
        )
    yield from above
    yield from entries


def _paths(
    snapshot: Snapshot, environments: Iterable[EnvironmentName], wanted: Filter
) -> list[str]:
    """Return the version files to follow: those that are, and for named services that were."""
    paths: dict[str, None] = {}
    names = wanted.services or _usual(snapshot, wanted)
    kinds = {
        file.kind
        for environment in snapshot.environments.values()
        for service, file in environment.files.items()
        if service in names
    } or set(Kind)
    for name in environments:
        files = snapshot.environments[name].files if name in snapshot.environments else {}
        for service in names or files:
            if service in files:
                paths[files[service].path] = None
            elif wanted.services:
                suffixes = (suffix for suffix, kind in KIND_OF_SUFFIX.items() if kind in kinds)
                paths.update({f"{name}/{service}{suffix}": None for suffix in suffixes})
    return list(paths)


def _beside(
    snapshot: Snapshot, environments: Iterable[EnvironmentName], wanted: Filter
) -> list[str]:
    """Return the locks and approvals to follow: the services', and the whole environments'."""
    names = wanted.services or _usual(snapshot, wanted)
    found: list[Lock | Approval] = []
    for name in environments:
        if (here := snapshot.environments.get(name)) is not None:
            found += [*here.locks.values(), *here.approvals.values()]
    return [file.path for file in found if not names or file.service in (None, *names)]


def _usual(snapshot: Snapshot, wanted: Filter) -> Collection[ServiceName]:
    known = any(wanted.usual in e.files for e in snapshot.environments.values())
    return [wanted.usual] if wanted.usual and known else []


class _File(NamedTuple):
    """One file's part of the history; `removed_by` is the commit after which it was gone."""

    path: str
    state: StateRepository
    tip: str
    span: HistorySpan
    removed_by: str | None = None
    is_over: bool = False

    def entries(self) -> Iterator[PastChange]:
        """Yield its changes, newest first; none of a file that only got another name."""
        span = self.span
        by = None if self.is_over else self.removed_by
        if by is not None and self.state.past.is_renamed(self.path, by):
            return
        changes = self.state.past.file_history(
            self.path,
            start=self.tip,
            since=span.since,
            renames=True,
            in_bulk=span.limit is None,
        )
        replaced_at: datetime | None = None
        for change in changes:
            entry = entry_of(change, replaced_at)
            if entry is None:
                continue
            if entry.renamed_from is None:  # the version goes on, whatever its file is called
                replaced_at = entry.at
            if span.until is None or entry.at <= span.until:
                yield entry


def entry_of(change: FileChange, replaced_at: datetime | None) -> PastChange | None:
    """Return the change as an entry; None where only white space changed, or a lock's path."""
    is_renamed = change.source is not None and change.old == change.new
    if is_renamed and not service_at(change.path):
        return None
    if _is_lock(change.path):
        return _lock_entry(change, replaced_at)
    if _is_approval(change.path):
        return _approval_entry(change)
    old, new = _recorded(change.old), _recorded(change.new)
    service = service_at(change.path)
    if (old == new and not is_renamed) or service is None:
        return None
    return PastChange(
        EnvironmentName(change.path.partition("/")[0]),
        service,
        change.path,
        old,
        new,
        change.commit.hash,
        change.commit.committed_at,
        change.made_by,
        replaced_at,
        renamed_from=change.source if is_renamed else None,
    )


def _lock_entry(change: FileChange, replaced_at: datetime | None) -> PastChange:
    """Return that something was locked, or is no longer; the lock says who and until when."""
    service = _subject(change.path)
    content = change.old if change.new is None else change.new
    return PastChange(
        EnvironmentName(change.path.partition("/")[0]),
        service,
        change.path,
        None,
        None,
        change.commit.hash,
        change.commit.committed_at,
        change.made_by,
        replaced_at,
        parse_lock(change.path, service, content or b""),
        unlocked=change.new is None,
    )


def _approval_entry(change: FileChange) -> PastChange | None:
    """Return that somebody said yes; None for what ends it, which is another event's part."""
    service = _subject(change.path)
    if service is None or change.new is None:
        return None
    version = parse_approval(change.path, service, change.new).version
    return PastChange(
        EnvironmentName(change.path.partition("/")[0]),
        service,
        change.path,
        None,
        None if version is None else Recorded(str(version), version),
        change.commit.hash,
        change.commit.committed_at,
        change.made_by,
        None,
        approved=True,
    )


@lru_cache(_KEPT)
def _recorded(content: bytes | None) -> Recorded | None:
    if content is None:
        return None
    text = content.decode(errors="replace").strip()
    version = parse_version(text)
    return Recorded(text if version is not None else one_line(text)[:200], version)


def _merged(
    state: StateRepository, tip: str, files: list[_File], manifests: list[ManifestsPast]
) -> Iterator[PastChange]:
    """Merge in the branch's order, newest first; a file is opened when its last change is due."""
    there = [f.path for f in files if f.removed_by is None]
    last = state.past.last_changes(there, tip=tip) if len(there) > MANY else {}
    begins = {path: change.commit for path, change in last.items()}
    begins |= {f.path: f.removed_by for f in files if f.removed_by is not None}
    pasts = {file.path: file.entries() for file in files}
    pasts |= {past.path: past.entries() for past in manifests}
    for entries in along(state.past.branch_commits(tip), pasts, lambda entry: entry.commit, begins):
        yield from entries.values()
