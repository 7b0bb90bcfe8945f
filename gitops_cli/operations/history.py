"""Who changed what, when and why, and how long each version lived."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.commits import FileChange
from gitops_cli.domain.errors import UnknownService
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past import Entry, Recorded
from gitops_cli.domain.repository import KIND_OF_SUFFIX, Kind, Snapshot, service_at
from gitops_cli.domain.selection import Filter, advice, selected_environments
from gitops_cli.domain.team import Team
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import parse_version

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

MANY = 4  # files; from here on it pays to ask which of them changed last


class Span(NamedTuple):
    """Which part of the history; `limit` None: all of it."""

    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


def read_history(
    state: StateRepository, snapshot: Snapshot, team: Team, wanted: Filter, span: Span
) -> Iterator[Entry]:
    """Yield the changes of the wanted services, newest first, reading no further than needed.

    Raises UnknownService for a service that never was there.
    """
    tip = snapshot.commit
    if tip is None:
        return iter(())
    environments = selected_environments(snapshot, team, wanted)
    paths = _paths(snapshot, environments, wanted)
    histories = {path: _File(path, state, tip, span) for path in paths}
    entries = islice(_merged(state, tip, list(histories.values())), span.limit)
    there = {s for name in environments for s in snapshot.environments[name].files}
    if not wanted.services or there & set(wanted.services):
        return entries
    hints = [advice(service, snapshot, team) for service in wanted.services]
    hint = next(filter(None, hints), "`gitops status` shows the services")
    return _known(entries, wanted.services, hint)


def _known(
    entries: Iterator[Entry], services: Collection[ServiceName], hint: str
) -> Iterator[Entry]:
    """Yield the entries of services that are gone; raise UnknownService if there are none."""
    first = next(entries, None)
    if first is None:
        raise UnknownService(
            f"no change of {', '.join(services)} was found there",
            hint=hint,
        )
    yield first
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
    } | {Kind.DEPLOYMENT}
    for name in environments:
        files = snapshot.environments[name].files
        for service in names or files:
            if service in files:
                paths[files[service].path] = None
            elif wanted.services:
                suffixes = (suffix for suffix, kind in KIND_OF_SUFFIX.items() if kind in kinds)
                paths.update({f"{name}/{service}{suffix}": None for suffix in suffixes})
    return list(paths)


def _usual(snapshot: Snapshot, wanted: Filter) -> Collection[ServiceName]:
    known = any(wanted.usual in e.files for e in snapshot.environments.values())
    return [wanted.usual] if wanted.usual and known else []


class _File(NamedTuple):
    """One file's part of the history."""

    path: str
    state: StateRepository
    tip: str
    span: Span

    def entries(self) -> Iterator[Entry]:
        """Yield its changes, newest first."""
        span = self.span
        # What replaced the newest version before `until` came after it.
        limit = span.limit if span.until is None else None
        changes = self.state.file_history(self.path, start=self.tip, limit=limit, since=span.since)
        replaced_at: datetime | None = None
        for change in changes:
            entry = _entry(change, replaced_at)
            if entry is None:
                continue
            replaced_at = entry.at
            if span.until is None or entry.at <= span.until:
                yield entry


def _entry(change: FileChange, replaced_at: datetime | None) -> Entry | None:
    """Return the change as an entry; None where only white space changed."""
    old, new = _recorded(change.old), _recorded(change.new)
    service = service_at(change.path)
    if old == new or service is None:
        return None
    return Entry(
        EnvironmentName(change.path.partition("/")[0]),
        service,
        change.path,
        old,
        new,
        change.commit.hash,
        change.commit.committed_at,
        change.made_by,
        replaced_at,
    )


def _recorded(content: bytes | None) -> Recorded | None:
    if content is None:
        return None
    text = content.decode(errors="replace").strip()
    return Recorded(one_line(text)[:200], parse_version(text))


def _merged(state: StateRepository, tip: str, files: list[_File]) -> Iterator[Entry]:
    """Merge by time, newest first; a file is opened when its last change is due."""
    last = state.last_changes([f.path for f in files], tip=tip) if len(files) > MANY else {}
    # (minus the time, order) → an opened file's next entry, or a file that waits to be opened.
    heap: list[tuple[float, int, Entry | None]] = []
    opened: dict[int, Iterator[Entry]] = {}

    def push(index: int) -> None:
        entry = next(opened[index], None)
        if entry is not None:
            heapq.heappush(heap, (-entry.at.timestamp(), index, entry))

    for index, file in enumerate(files):
        if (change := last.get(file.path)) is not None:
            heapq.heappush(heap, (-change.committed_at.timestamp(), index, None))
        else:
            opened[index] = file.entries()
            push(index)
    while heap:
        _, index, entry = heapq.heappop(heap)
        if entry is None:
            opened[index] = files[index].entries()
        else:
            yield entry
        push(index)
