"""List environments, add one, and copy one to open a new stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Verb, commit_of
from gitops_cli.domain.change.intent import selected_to_copy
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Refusal, enforce, unsettled
from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.domain.change.rules import REQUIRE, Case, obeyed
from gitops_cli.domain.errors import NoStateRepository, UnknownEnvironment, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.blueprint import images_path_of
from gitops_cli.domain.recorded.deployed_by import deployed_by
from gitops_cli.domain.recorded.environment import IMAGES_PATH, Environment, Snapshot
from gitops_cli.domain.recorded.files import MANIFESTS, SETTINGS, RawFile
from gitops_cli.domain.recorded.manifests_place import manifests_place
from gitops_cli.domain.recorded.reading import NOT_ENVIRONMENTS
from gitops_cli.domain.recorded.resolution import environment_for
from gitops_cli.domain.recorded.stages import Place, candidates, in_order, made_ambiguous, place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.operations.gates import Gates, nobody
from gitops_cli.operations.promote import Requires
from gitops_cli.operations.writing import Terms, check_confirmed, occasion_of

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class ListedEnvironment(NamedTuple):
    """An environment and where it belongs."""

    place: Place
    environment: Environment
    cluster: str | None


class NewEnvironment(NamedTuple):
    """What a new environment is made of. `source` is what it was copied from.

    `ambiguous` says which short name is no longer clear. `copied` are the versions that are new.
    """

    name: EnvironmentName
    source: EnvironmentName | None
    images_path: str
    services: tuple[ServiceName, ...]
    proposal: Proposal
    ambiguous: str | None = None
    copied: tuple[Change, ...] = ()
    reason: str | None = None


def changed_since(
    state: StateRepository, snapshot: Snapshot, commit: str
) -> Collection[EnvironmentName]:
    """Return the environments that are other than at a commit, or deployed in another way.

    Where another directory changed, or gitops.toml, these are all with manifests or steps, too:
    kustomizations may be made of it, and steps may read it.
    """
    if snapshot.commit is None:
        return ()
    changed = state.past.differing_at_top(commit, snapshot.commit)
    shared = any(
        name == SETTINGS or (is_directory and not name.startswith("."))
        for name, is_directory in changed.items()
        if name not in snapshot.environments and name not in NOT_ENVIRONMENTS
    )
    is_agreed = snapshot.settings is not None and SETTINGS not in changed
    before = snapshot.team if is_agreed else _agreed_at(state, commit)
    return [
        name
        for name, environment in snapshot.environments.items()
        if name in changed
        or (shared and _reads_others(environment, snapshot.team))
        or deployed_by(environment, before) != deployed_by(environment, snapshot.team)
    ]


def _agreed_at(state: StateRepository, commit: str) -> TeamSettings:
    content = state.past.file(commit, SETTINGS)
    return TeamSettings() if content is None else parse_team(RawFile(SETTINGS, content))


def _reads_others(environment: Environment, team: TeamSettings) -> bool:
    """Tell whether what is deployed may be of directories beside the environment's own."""
    place = place_of(environment.name, team)
    return manifests_place(environment, team) is not None or bool(team.stage(place.stage).steps)


class EnvironmentCopy(NamedTuple):
    """What to copy from where; `images_path` None: as in the source."""

    source: str
    target: EnvironmentName
    project: str | None = None
    only: Collection[str] = ()
    exclude: Collection[str] = ()
    images_path: str | None = None
    manifests: bool = False


def list_environments(
    snapshot: Snapshot, only: Collection[EnvironmentName] | None = None
) -> list[ListedEnvironment]:
    """Return the environments, by project and stage; `only`: of these."""
    team = snapshot.team
    names = in_order(snapshot.environments if only is None else only, team)
    places = [place_of(name, team) for name in names]
    return [
        ListedEnvironment(place, snapshot.environments[name], team.stage(place.stage).cluster)
        for name, place in zip(names, places, strict=True)
    ]


def need_absent(snapshot: Snapshot, name: EnvironmentName) -> None:
    """Raise UsageError for an environment that is there, before anything is asked about it."""
    if name in snapshot.environments:
        raise UsageError(f"{name} exists already", hint="`gitops env list` shows the environments")


def draft_addition(
    snapshot: Snapshot, name: EnvironmentName, images_path: str, terms: Terms
) -> NewEnvironment:
    """Return an environment without services; raises UsageError if there is another one already.

    Where nothing is yet, `init` makes the first ones, with all that belongs to them.
    """
    if snapshot.commit is None:
        raise NoStateRepository("there are no commits yet, so this is no state repository")
    content = images_path_of(name, images_path)
    check_name(name, snapshot)
    existing = snapshot.environments.get(name)
    if existing is not None and (existing.files or existing.images_path != content.strip()):
        raise UsageError(f"{name} exists already", hint="`gitops env list` shows the environments")
    edits = (
        Edit(
            f"{name}/{IMAGES_PATH}",
            None if existing is None else content.encode(),
            content.encode(),
        ),
    )
    team = snapshot.team
    enforce(unsettled(place_of(name, team), (), team))
    occasion = occasion_of(Verb.ENV, terms, team)
    proposal = commit_of(name, (), edits, occasion, "new environment")
    return NewEnvironment(
        name,
        None,
        content.strip(),
        (),
        proposal,
        _made_ambiguous(name, snapshot),
        reason=terms.reason,
    )


def draft_copy(
    snapshot: Snapshot,
    wanted: EnvironmentCopy,
    terms: Terms,
    *,
    state: StateRepository,
    requires: Callable[[TeamSettings], Requires],
    now: datetime,
) -> NewEnvironment:
    """Return a copy of an environment: images path, versions, manifests if asked; no locks.

    What refuses a promotion refuses this too: it brings versions into a stage. Raises Unconfirmed
    for a protected one, but for a preview.
    """
    team = snapshot.team
    target = wanted.target
    check_name(target, snapshot)
    found = environment_for(wanted.source, snapshot, project=wanted.project)
    source = snapshot.environment(found)
    services = selected_to_copy(source, only=wanted.only, exclude=wanted.exclude)
    images_path = wanted.images_path or source.checked_images_path()
    files = {f"{target}/{IMAGES_PATH}": images_path_of(target, images_path).encode()}
    for file in (source.files[service] for service in services):
        files[f"{target}/{file.service}{file.kind.suffix}"] = f"{file.version}\n".encode()
    if wanted.manifests:
        files |= with_namespace(
            state.contents(snapshot.commit, f"{source.name}/"), source.name, target
        )
    there = state.contents(snapshot.commit, f"{target}/")
    is_new = any(there.get(path) != content for path, content in files.items())
    if target in snapshot.environments and is_new:
        raise UsageError(
            f"{target} exists already, with other content",
            hint=f"`gitops promote --all --from {source.name} --to {target}` copies versions",
        )
    edits = tuple(Edit(path, there.get(path), content) for path, content in files.items())
    changes = [Change(s, None, source.files[s].version) for s in services] if is_new else []
    into = Environment(target, images_path.strip(), {})
    asking = (terms.checking, terms.vouched or nobody)
    gates = Gates(state, snapshot, into, source.name, terms.writer, now, [], *asking)
    case = copying(team, source, into, tuple(changes), requires, now, gates)
    case = case._replace(reviewed=terms.reviewed)
    used = obeyed(case, terms.overrides)
    if changes:
        check_confirmed(target, team.stage(place_of(target, team).stage), terms)
    occasion = occasion_of(Verb.ENV, terms, team)._replace(source=source.name, overrides=used)
    proposal = commit_of(target, (), edits, occasion, f"copy of {source.name}")
    return NewEnvironment(
        target,
        source.name,
        images_path.strip(),
        tuple(services),
        proposal,
        _made_ambiguous(target, snapshot),
        tuple(changes),
        terms.reason,
    )


def _made_ambiguous(name: EnvironmentName, snapshot: Snapshot) -> str | None:
    """Return which short name the environment makes unclear, unless it is there already."""
    return None if name in snapshot.environments else made_ambiguous(name, snapshot.team)


def copying(
    team: TeamSettings,
    source: Environment,
    into: Environment,
    changes: tuple[Change, ...],
    requires: Callable[[TeamSettings], Requires],
    now: datetime,
    gates: Gates,
) -> Case:
    """Return what is asked of a copy: what a promotion is.

    To be asked it too is whatever else brings all of an environment into a stage.
    """

    def required(changes: Sequence[Change]) -> Iterable[Refusal]:
        stage = team.stage(place_of(into.name, team).stage)
        return requires(team)(stage, source, into, changes) if stage.require or stage.soak else ()

    return Case(
        Verb.ENV,
        team,
        into,
        changes,
        now,
        wanted={c.service: c.desired for c in changes if c.desired is not None},
        source=source.name,
        asked={**gates.asked(), REQUIRE: required},
    )


def check_name(name: EnvironmentName, snapshot: Snapshot) -> None:
    """Raise UsageError for a name that a new environment cannot have."""
    if name in NOT_ENVIRONMENTS:
        raise UsageError(f"`{name}` is a directory with a meaning of its own")
    if name in snapshot.environments:
        return
    with suppress(UnknownEnvironment):
        meant = candidates(name, snapshot.environments, snapshot.team)
        raise UsageError(
            f"`{name}` already means {', '.join(meant)}, and would then mean the new one",
            hint="write a full name, such as PROJECT-STAGE",
        )


def with_namespace(
    content: Mapping[str, bytes], source: EnvironmentName, target: EnvironmentName
) -> dict[str, bytes]:
    """Return an environment's manifests as another's: below its name, with the namespace changed
    wherever it is written on a line.
    """
    named = re.compile(
        rb"""(?m)^(\s*(?:-\s+)?["']?namespace["']?:\s*["']?)"""
        + re.escape(source.encode())
        + rb"""(["']?,?\s*)$"""
    )
    return {
        f"{target}{path[len(source) :]}": named.sub(rb"\g<1>" + target.encode() + rb"\g<2>", text)
        for path, text in content.items()
        if path.startswith(f"{source}/{MANIFESTS}/")
    }
