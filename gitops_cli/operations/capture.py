"""Write what a running namespace has into the repository: an existing cluster is adopted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gitops_cli.domain.change.draft import Draft, Verb
from gitops_cli.domain.change.intent import Intent
from gitops_cli.domain.change.plan import Change, Plan
from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.cluster.capturing import Capture, Exported, captured
from gitops_cli.domain.cluster.workload import Presence, Target, Workload
from gitops_cli.domain.errors import ClusterError, Denied, InvalidState, UnknownKind, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import (
    IMAGES_PATH,
    Environment,
    Kind,
    Snapshot,
)
from gitops_cli.domain.recorded.files import MANIFESTS
from gitops_cli.domain.version import Version
from gitops_cli.operations.ports import Cluster
from gitops_cli.operations.writing import Terms, Wanted, draft_versions

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


def running_workloads(
    cluster: Cluster,
    namespace: EnvironmentName,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> tuple[tuple[Workload, ...], tuple[str, ...]]:
    """Return the workloads of a namespace that the globs let through, and notes.

    Kinds that may not be listed are a note, unless none may. Raises Denied, ClusterError.
    """
    observed = cluster.observe([Target(namespace, frozenset(Kind), pods=False)])[namespace]
    found = observed.errors.values()
    errors = [error for error in found if not isinstance(error, UnknownKind)]
    for error in errors:
        if not isinstance(error, Denied) or len(found) == len(Kind):
            raise error
    mine = tuple(
        w
        for w in observed.workloads
        if (not only or any(fnmatchcase(w.name, glob) for glob in only))
        and not any(fnmatchcase(w.name, glob) for glob in exclude)
    )
    if not mine and cluster.presence(namespace) is Presence.ABSENT:
        raise ClusterError(
            f"there is no namespace `{namespace}` at {cluster.server}",
            hint="`kubectl get namespaces` lists them; --context chooses another cluster",
        )
    return mine, tuple(f"{error.message}: left out" for error in errors)


def read_capture(
    snapshot: Snapshot,
    namespace: EnvironmentName,
    workloads: Sequence[Workload],
    *,
    images_path: str | None = None,
) -> Capture:
    """Return the namespace as versions; an environment's own images_path stands."""
    existing = snapshot.environments.get(namespace)
    recorded = existing.images_path if existing is not None else None
    if recorded is not None and images_path not in (None, recorded):
        raise UsageError(
            f"{namespace}/{IMAGES_PATH} says `{recorded}`, not `{images_path}`",
            hint="leave --images-path out, or change the file first",
        )
    rules = snapshot.team.services
    capture = captured(workloads, images_path=recorded or images_path, rules=rules)
    if capture is None:
        raise UsageError(
            f"nothing in {namespace} tells where its images are",
            hint="pass --images-path, for example --images-path registry.example.com/team/",
        )
    return capture


def draft_capture(
    snapshot: Snapshot,
    namespace: EnvironmentName,
    capture: Capture,
    *,
    seen: Snapshot,
    terms: Terms,
    state: StateRepository,
    now: datetime,
    manifests: Sequence[Edit] = (),
) -> Draft:
    """Return the commit that records a capture; what is not running stays recorded.

    `seen` is the repository when the namespace was read: what somebody recorded since is not
    taken back. Raises SourceMoved then, and whatever refuses a write.
    """
    environment = snapshot.environments.get(namespace) or Environment(namespace, None, {})
    kinds = {found.service: found.kind for found in capture.found}
    desired: dict[ServiceName, Version] = {f.service: f.version for f in capture.found}
    _check_kinds(environment, kinds)
    before = seen.environments.get(namespace) or Environment(namespace, None, {})
    current = {s: v for s, v in before.versions.items() if s in desired}
    # Of services that already are as they run, too: they may have been recorded anew.
    every = Plan(namespace, tuple(Change(s, current.get(s), v) for s, v in sorted(desired.items())))
    files = manifests
    if environment.images_path is None and capture.found:
        content = f"{capture.images_path}\n".encode()
        files = (Edit(f"{namespace}/{IMAGES_PATH}", None, content), *manifests)
    wanted = Wanted(Verb.CAPTURE, Intent(every, kinds), files=tuple(files))
    draft = draft_versions(snapshot, wanted, terms, state=state, now=now)
    return draft._replace(warnings=tuple(_warnings(capture)))


def manifest_edits(
    snapshot: Snapshot, namespace: EnvironmentName, exported: Exported, state: StateRepository
) -> tuple[Edit, ...]:
    """Return the manifests that are not in the repository as they are in the cluster."""
    prefix = f"{namespace}/{MANIFESTS}/"
    existing = state.contents(snapshot.commit, prefix) if snapshot.commit is not None else {}
    edits = (Edit(prefix + f, existing.get(prefix + f), c) for f, c in exported.files.items())
    return tuple(edit for edit in edits if edit.old != edit.new)


def _check_kinds(environment: Environment, kinds: dict[ServiceName, Kind]) -> None:
    for service, kind in kinds.items():
        file = environment.files.get(service)
        if file is not None and file.kind is not kind:
            raise InvalidState(
                f"{file.path}:1: the cluster has a {kind} `{service}`",
                hint=f"rename the file to {service}{kind.suffix}",
            )


def _warnings(capture: Capture) -> list[str]:
    tags = [f"{f.service} ({f.version.tag})" for f in capture.found if not f.version.is_commit]
    if not tags:
        return []
    said = f"not commit hashes: {', '.join(tags)}; `validate` reports them unless gitops.toml has"
    return [f'{said} [versions] form = "any"']
