"""Compare what two environments record: versions and manifests. No cluster is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops_cli.domain.errors import ExitCode, GitOpsError
from gitops_cli.domain.manifests.changes import ObjectChange, bare, redacted
from gitops_cli.domain.manifests.kinds import NAMESPACE, SECRET
from gitops_cli.domain.manifests.objects import Manifest
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.manifests.report import EnvironmentObjects, Fate, ObjectFate
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.version import Version
from gitops_cli.operations.manifests import opened_manifests, rendered_manifests

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

_SPACE = "NAMESPACE"


class RecordedVersion(NamedTuple):
    """One service in both environments; None: it is not there."""

    service: ServiceName
    before: Version | None
    after: Version | None

    @property
    def differs(self) -> bool:
        """Tell whether they record the same."""
        return self.before != self.after


class RecordedDiff(NamedTuple):
    """Two environments at a commit; `objects` go from the first's to the second's.

    An object that only one has is missing, or extra, in the second.
    """

    commit: str | None
    one: EnvironmentName
    other: EnvironmentName
    services: tuple[RecordedVersion, ...]
    objects: EnvironmentObjects
    problems: tuple[GitOpsError, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Return the code: 1 where anything differs."""
        if self.problems:
            return self.problems[0].exit_code
        differs = any(service.differs for service in self.services)
        return ExitCode.NO if differs or self.objects.tells else ExitCode.OK


def recorded_diff(
    state: StateRepository, snapshot: Snapshot, one: EnvironmentName, other: EnvironmentName
) -> RecordedDiff:
    """Compare versions and objects; the hash files' images are not put into the objects."""
    first, second = (snapshot.environment(name).versions for name in (one, other))
    services = tuple(
        RecordedVersion(service, first.get(service), second.get(service))
        for service in sorted(first.keys() | second.keys())
    )
    rendered = rendered_manifests(state, snapshot, (one, other))
    problems: list[GitOpsError] = []
    for name, found in rendered.items():
        if isinstance(found, GitOpsError):
            problems.append(found)
        else:
            opened = opened_manifests(found)
            rendered[name] = opened.rendered
            problems += [*found.errors, *(error for _, error in opened.failed)]
    objects = compared_objects(rendered.get(one), rendered.get(other))
    return RecordedDiff(snapshot.commit, one, other, services, objects, tuple(problems))


def compared_objects(
    one: Rendered | GitOpsError | None, other: Rendered | GitOpsError | None
) -> EnvironmentObjects:
    """Return how recorded objects go from the first's to the second's."""
    mine, theirs = _by_name(one), _by_name(other)
    return EnvironmentObjects(
        tuple(_fate(mine.get(key), theirs.get(key)) for key in sorted({**mine, **theirs}))
    )


def _by_name(rendered: Rendered | GitOpsError | None) -> Mapping[tuple[str, str, str], Manifest]:
    """Return the objects by what they are called whatever the environment is."""
    if not isinstance(rendered, Rendered):
        return {}
    return {
        (*one.id.type, _SPACE if one.id.type == NAMESPACE else one.id.name): one
        for one in rendered.objects
    }


def _fate(one: Manifest | None, other: Manifest | None) -> ObjectFate:
    known = other or one
    assert known is not None
    found = ObjectChange(_plain(one), _plain(other))
    where = None if other is None else other.where
    if found.is_empty:
        return ObjectFate(known.id, where, Fate.SAME)
    fate = Fate.EXTRA if one is None else Fate.CREATED if other is None else Fate.CHANGED
    return ObjectFate(known.id, where or known.where, fate, found)


def _plain(manifest: Manifest | None) -> Mapping[str, Any] | None:
    """Return an object without its namespace, and without a Secret's values."""
    if manifest is None:
        return None
    content = bare(manifest.content)
    metadata = {k: v for k, v in content["metadata"].items() if k != "namespace"}
    if manifest.id.type == NAMESPACE:
        metadata["name"] = _SPACE
    plain = {**content, "metadata": metadata}
    return redacted(plain) if manifest.id.type == SECRET else plain
