"""What `validate` finds beyond the structure: versions, kinds, locks and what a project lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot, VersionFile, service_at
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.stages import by_project, in_order
from gitops_cli.domain.recorded.team import VersionForm
from gitops_cli.domain.version import is_commit


class Subject(StrEnum):
    """What was looked at."""

    WORKING_TREE = "working-tree"
    INDEX = "index"
    COMMIT = "commit"


class Validation(NamedTuple):
    """All findings, by place; `commit` is None for the working tree and the index."""

    subject: Subject
    commit: str | None
    environments: int
    services: int
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings are of that severity."""
        return sum(finding.severity is severity for finding in self.findings)


_HEX = re.compile(r"[0-9a-fA-F]{4,64}\Z")
_FULL = 40
_ANY_TAG = 'or permit other tags in gitops.toml: [versions] form = "any"'


def validate(snapshot: Snapshot, *, now: datetime) -> tuple[Finding, ...]:
    """Return all findings of a repository whose gitops.toml could be read, by place."""
    team = snapshot.team
    found = [*snapshot.all_findings]
    for environment in snapshot.environments.values():
        for file in environment.files.values():
            found += _form(file, team.version_form)
        for lock in environment.locks.values():
            found += _lock(lock, environment, now)
    names = in_order(snapshot.environments, team)
    for project, siblings in by_project(names, team).items():
        environments = [snapshot.environments[name] for name in siblings]
        mentioned = {e.name: _mentioned(e) for e in environments} if project else {}
        for service, files in _by_service(environments).items():
            lacking = [name for name, services in mentioned.items() if service not in services]
            found += _across(service, files, lacking)
    return tuple(sorted(set(found)))


def _form(file: VersionFile, form: VersionForm) -> Iterator[Finding]:
    tag = file.version.tag
    if form is VersionForm.ANY or file.version.is_commit:
        return
    if is_commit(tag.lower()):
        message = f"`{tag}` has upper-case letters; registries and git tell them apart"
        yield Finding(file.path, 1, "version-case", message, f"write {tag.lower()}")
    elif _HEX.match(tag) and len(tag) > _FULL:
        message = f"`{tag}` has {len(tag)} digits; a commit hash has {_FULL}"
        yield Finding(file.path, 1, "version-form", message, f"write a full hash, {_ANY_TAG}")
    elif _HEX.match(tag):
        message = (
            f"`{tag}` has {len(tag)} of {_FULL} digits: a short hash can come to mean two commits"
        )
        hint = f"write what `git rev-parse {tag}` prints in the source, {_ANY_TAG}"
        yield Finding(file.path, 1, "version-short", message, hint)
    else:
        message = f"`{tag}` is not a commit hash"
        yield Finding(file.path, 1, "version-form", message, f"write a full hash, {_ANY_TAG}")


def _lock(lock: Lock, environment: Environment, now: datetime) -> Iterator[Finding]:
    if lock.until is not None and not lock.holds(now):
        message = f"the lock expired at {lock.until:%Y-%m-%d %H:%M %Z} and is ignored"
        hint = f"remove it: gitops unlock {lock.service or ''} -e {environment.name}"
        yield Finding(
            lock.path, 1, "lock-expired", message, " ".join(hint.split()), Severity.WARNING
        )
    if lock.service is not None and lock.service not in _mentioned(environment):
        message = f"locks `{lock.service}`, which {environment.name} does not have"
        yield Finding(lock.path, 1, "lock-orphan", message, severity=Severity.WARNING)


def _mentioned(environment: Environment) -> set[ServiceName | None]:
    """Return the services that have a version file, readable or not."""
    return {*environment.files, *(service_at(f.path) for f in environment.findings)}


def _by_service(environments: Iterable[Environment]) -> dict[ServiceName, list[VersionFile]]:
    """Return each service's file in each environment, in their order."""
    found: dict[ServiceName, list[VersionFile]] = {}
    for environment in environments:
        for service, file in environment.files.items():
            found.setdefault(service, []).append(file)
    return found


def _across(
    service: ServiceName, files: Iterable[VersionFile], lacking: Sequence[EnvironmentName]
) -> Iterator[Finding]:
    """Compare a service's files in the environments of one project."""
    first, *others = files
    if lacking:
        message = f"`{service}` is not in {', '.join(lacking)}"
        yield Finding(first.path, 1, "service-lacking", message, severity=Severity.WARNING)
    for file in others:
        if file.kind is not first.kind:
            message = f"`{service}` is a {file.kind} here and a {first.kind} in {first.path}"
            yield Finding(file.path, 1, "kind-differs", message, severity=Severity.WARNING)
        if _is_hex(file) and _is_hex(first) and len(file.version.tag) != len(first.version.tag):
            message = (
                f"{len(file.version.tag)} digits here, {len(first.version.tag)} in {first.path}: "
                "the same commit would look like two versions"
            )
            hint = "write full hashes everywhere"
            yield Finding(file.path, 1, "version-mixed", message, hint, Severity.WARNING)


def _is_hex(file: VersionFile) -> bool:
    return _HEX.match(file.version.tag) is not None
