"""The objects that the repository has for environments, rendered once per look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gitops_cli.domain.errors import ConfigurationError, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.recorded.manifests_place import manifests_place
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.web.parallel import attempt_all

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.objects import Manifest
    from gitops_cli.domain.manifests.rendered import Rendered
    from gitops_cli.state.repository import StateRepository

_AT_ONCE = 4


class Trees(Protocol):
    """The state repository as far as manifests are read from it: a clone's, or the agent's own."""

    def files_below(
        self, commit: str | None, directory: str, *, staged: bool = False
    ) -> Mapping[str, bytes]:
        """Return the files below a directory at a commit: path from the root → content."""
        ...


def rendered_manifests(
    state: Trees,
    snapshot: Snapshot,
    names: Iterable[EnvironmentName],
    *,
    staged: bool = False,
    keys: bool = True,
) -> dict[EnvironmentName, Rendered | GitOpsError]:
    """Return the objects of those environments that have some, or why there are none.

    Read from the snapshot's commit; from the working tree where it is of none, or the index.
    Without `keys` nothing is decrypted, and what is encrypted as a whole is left out.
    """
    team = snapshot.team
    places = {name: manifests_place(snapshot.environment(name), team) for name in names}
    waiting = [(name, place) for name, place in places.items() if place is not None]
    if not waiting:
        return {}
    from gitops_cli.manifests.rendering import ToRender, render  # with YAML, where there are some
    from gitops_cli.manifests.sops import decrypt

    reading = Lock()  # git answers one at a time; programs render side by side

    def read(directory: str) -> Mapping[str, bytes]:
        with reading:
            return state.files_below(snapshot.commit, directory, staged=staged)

    def rendered(item: tuple[EnvironmentName, str]) -> Rendered:
        place = place_of(item[0], team)
        wanted = ToRender.of_stage(place, item[1], team.stage(place.stage))
        return render(wanted, read, decrypt=decrypt if keys else None)

    answers = attempt_all(rendered, waiting, at_once=_AT_ONCE)
    return {name: answer for (name, _), answer in zip(waiting, answers, strict=True)}


class Opened(NamedTuple):
    """An environment's objects with their values; `failed` stay as they stand in the repository."""

    rendered: Rendered
    failed: tuple[tuple[Manifest, GitOpsError], ...] = ()


def opened_manifests(rendered: Rendered) -> Opened:
    """Decrypt what is encrypted of an environment's objects, whether it was applied or not."""
    if not any(one.closed for one in rendered.objects):
        return Opened(rendered)
    from gitops_cli.manifests.sealed import open_all

    pairs = list(zip(rendered.objects, open_all(rendered.objects), strict=True))
    objects = tuple(one if isinstance(found, GitOpsError) else found for one, found in pairs)
    failed = tuple((one, found) for one, found in pairs if isinstance(found, GitOpsError))
    return Opened(rendered._replace(objects=objects), failed)


def differing_manifests(
    state: StateRepository, snapshot: Snapshot, one: EnvironmentName, other: EnvironmentName
) -> list[str]:
    """Return the files in which the manifests of two environments differ, or that one lacks.

    Paths from their directories. Empty where both have the same directory, or one has none.
    """
    places = [manifests_place(snapshot.environment(name), snapshot.team) for name in (one, other)]
    if None in places or places[0] == places[1]:
        return []
    first, second = (
        {path.removeprefix(f"{place}/"): data for path, data in found.items()}
        for place in places
        if place is not None
        for found in [state.files_below(snapshot.commit, place)]
    )
    return sorted(p for p in first.keys() | second.keys() if first.get(p) != second.get(p))


def manifest_findings(
    state: StateRepository, snapshot: Snapshot, *, staged: bool, schema: bool = True
) -> Iterator[Finding]:
    """Find what is wrong with manifests: what cannot be read or rendered, and plain Secrets.

    `schema`: also fields that Kubernetes does not have, or has otherwise.
    """
    if any(not defect.key for defect in snapshot.team.defects):
        return  # a gitops.toml that is no TOML is a finding itself, and says where manifests stand
    found = rendered_manifests(state, snapshot, snapshot.environments, staged=staged, keys=False)
    for name, one in found.items():
        if isinstance(one, GitOpsError):
            place = manifests_place(snapshot.environment(name), snapshot.team) or name
            yield Finding(place, 1, "manifests", one.message, one.hint)
        else:
            yield from one.findings
            yield from _of_objects(snapshot, one)
            yield from _unsteady(state, snapshot, one, staged=staged)
            if schema:
                yield from _of_fields(state, snapshot, one, staged=staged)


def _unsteady(
    state: StateRepository, snapshot: Snapshot, rendered: Rendered, *, staged: bool
) -> Iterator[Finding]:
    from gitops_cli.domain.manifests.rendered import Form
    from gitops_cli.domain.manifests.steadiness import unsteady

    name = rendered.environment
    if rendered.form is Form.HELM:
        second = rendered_manifests(state, snapshot, [name], staged=staged, keys=False)[name]
        if not isinstance(second, GitOpsError):
            yield from unsteady(rendered, second)


def _of_fields(
    state: StateRepository, snapshot: Snapshot, rendered: Rendered, *, staged: bool
) -> Iterator[Finding]:
    from gitops_cli.domain.manifests.rendered import Form
    from gitops_cli.domain.manifests.schema import faults
    from gitops_cli.manifests.shipped import shipped_schema
    from gitops_cli.plain_yaml import line_of

    @cache
    def files() -> Mapping[str, bytes]:
        return state.files_below(snapshot.commit, rendered.directory, staged=staged)

    for one in rendered.objects:
        for fault in faults(one, shipped_schema()):
            line = None
            if rendered.form is Form.PLAIN and not one.path.endswith(".json"):
                line = line_of(files().get(one.path, b""), one.line, fault.path)
            message = f"{one.id}: {fault.field or 'it'}: {fault.message}"
            yield Finding(one.path, line or one.line, "schema", message, fault.hint, fault.severity)


def _of_objects(snapshot: Snapshot, rendered: Rendered) -> Iterator[Finding]:
    from gitops_cli.domain.manifests.images import service_images
    from gitops_cli.domain.manifests.objects import made_again, plain_secrets

    environment = snapshot.environment(rendered.environment)
    yield from plain_secrets(rendered.objects)
    yield from made_again(rendered.objects)
    for owned in service_images(environment, rendered.objects, snapshot.team.services).values():
        one = owned.manifest
        if isinstance(owned.error, ConfigurationError):
            message, hint = owned.error.message.partition(": ")[2], owned.error.hint
            yield Finding(one.path, one.line, "container", message, hint)
