"""Take an environment out of the record, or give it another name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Occasion, Verb, commit_of
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.change.proposal import Edit, Move, Proposal
from gitops_cli.domain.change.rules import Case, obeyed
from gitops_cli.domain.errors import SourceMoved, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Environment, Snapshot, VersionFile
from gitops_cli.domain.recorded.stages import made_ambiguous, place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import plural
from gitops_cli.operations.env import check_name, copying, with_namespace
from gitops_cli.operations.gates import Gates, nobody
from gitops_cli.operations.promote import Requires
from gitops_cli.operations.writing import Terms, check_confirmed, occasion_of

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class EnvironmentMove(NamedTuple):
    """What becomes of an environment on one tip; `new` None: it leaves the record.

    `asks` are the names that a person confirms where their stages are protected.
    """

    environment: EnvironmentName
    new: EnvironmentName | None
    services: tuple[VersionFile, ...]
    has_manifests: bool
    proposal: Proposal
    reason: str | None = None
    overrides: tuple[Override, ...] = ()
    warnings: tuple[str, ...] = ()
    asks: tuple[EnvironmentName, ...] = ()


def draft_environment_removal(
    snapshot: Snapshot, name: EnvironmentName, terms: Terms, *, shown: Environment, now: datetime
) -> EnvironmentMove:
    """Return the removal of all that the environment is, its locks and manifests included.

    Raises SourceMoved where its versions are no longer those that were `shown`, Unconfirmed for a
    protected stage, and what refuses a write.
    """
    here = _there(snapshot, name)
    if here.versions != shown.versions:
        raise SourceMoved(
            f"{name} moved meanwhile, nothing was removed",
            hint="look at it again: gitops env show, then repeat the command",
        )
    used = _asked(snapshot, here, Verb.REMOVE, terms, now)
    what = f"remove the environment ({plural(len(here.files), 'service')})"
    body = "\n".join(f"{f.service} {f.version}" for _, f in sorted(here.files.items()))
    occasion = _occasion(snapshot, Verb.REMOVE, terms, used)
    proposal = commit_of(name, sorted(here.files), (), occasion, what, body)
    return _move(here, None, proposal._replace(moves=(Move(name, None),)), terms, used)


def draft_environment_renaming(
    snapshot: Snapshot,
    name: EnvironmentName,
    new: EnvironmentName,
    terms: Terms,
    *,
    state: StateRepository,
    requires: Callable[[TeamSettings], Requires],
    now: datetime,
) -> EnvironmentMove:
    """Return the environment under another name, with all that is in its directory.

    In its manifests the namespace is changed along. A name of another stage brings its versions
    there, and is asked what `env copy` is. Raises UsageError for a name that is taken,
    SourceMoved where the environment is gone, Unconfirmed for a protected stage, and what refuses
    a write.
    """
    here = _there(snapshot, name)
    if new in snapshot.environments:
        raise UsageError(f"{new} exists already", hint="`gitops env list` shows the environments")
    check_name(new, snapshot)
    used = _asked(snapshot, here, Verb.RENAME, terms, now)
    elsewhere = _stage(snapshot, new) != _stage(snapshot, name)
    if elsewhere and here.files:
        gates = Gates(
            state,
            snapshot,
            Environment(new, here.images_path, {}),
            name,
            terms.writer,
            now,
            [],
            terms.checking,
            terms.vouched or nobody,
        )
        more = _asked_there(snapshot, here, gates, requires, terms)
        used = tuple(sorted({*used, *more}))
    edits: tuple[Edit, ...] = ()
    if here.has_manifests:
        before = state.contents(snapshot.commit, f"{name}/")
        after = with_namespace(before, name, new)
        edits = tuple(
            Edit(path, None, content)
            for path, content in after.items()
            if content != before[f"{name}{path[len(new) :]}"]
        )
    occasion = _occasion(snapshot, Verb.RENAME, terms, used)
    proposal = commit_of(name, (), edits, occasion, f"rename the environment to {new}")
    moved = _move(here, new, proposal._replace(moves=(Move(name, new),)), terms, used)
    return moved._replace(
        warnings=_warnings(snapshot, name, new), asks=(name, new) if elsewhere else (name,)
    )


def _there(snapshot: Snapshot, name: EnvironmentName) -> Environment:
    if name not in snapshot.environments:
        raise SourceMoved(f"{name} is not there any more, nothing was written")
    return snapshot.environments[name]


def _asked(
    snapshot: Snapshot, here: Environment, verb: Verb, terms: Terms, now: datetime
) -> tuple[Override, ...]:
    """Return the overrides that it took; raises what refuses it."""
    changes = tuple(Change(s, version, None) for s, version in sorted(here.versions.items()))
    case = Case(verb, snapshot.team, here, changes, now, whole=True, reviewed=terms.reviewed)
    used = obeyed(case, terms.overrides)
    check_confirmed(here.name, case.stage, terms)
    return used


def _stage(snapshot: Snapshot, name: EnvironmentName) -> str:
    return place_of(name, snapshot.team).stage


def _asked_there(
    snapshot: Snapshot,
    here: Environment,
    gates: Gates,
    requires: Callable[[TeamSettings], Requires],
    terms: Terms,
) -> tuple[Override, ...]:
    """Return the overrides that the stage of the new name took; raises what refuses it there."""
    changes = tuple(Change(s, None, version) for s, version in sorted(here.versions.items()))
    case = copying(snapshot.team, here, gates.target, changes, requires, gates.now, gates)
    case = case._replace(reviewed=terms.reviewed)
    used = obeyed(case, terms.overrides)
    check_confirmed(gates.target.name, case.stage, terms)
    return used


def _occasion(snapshot: Snapshot, verb: Verb, terms: Terms, used: tuple[Override, ...]) -> Occasion:
    return occasion_of(verb, terms, snapshot.team)._replace(overrides=used)


def _move(
    here: Environment,
    new: EnvironmentName | None,
    proposal: Proposal,
    terms: Terms,
    used: tuple[Override, ...],
) -> EnvironmentMove:
    files = tuple(file for _, file in sorted(here.files.items()))
    return EnvironmentMove(
        here.name,
        new,
        files,
        here.has_manifests,
        proposal,
        terms.reason,
        used,
        asks=(here.name,),
    )


def _warnings(snapshot: Snapshot, name: EnvironmentName, new: EnvironmentName) -> tuple[str, ...]:
    """Return what the name says beside the namespace: its project and its stage."""
    team = snapshot.team
    before, after = place_of(name, team), place_of(new, team)
    found = []
    if before.project != after.project:
        found.append(f"it moves from project {before.project or '-'} to {after.project or '-'}")
    if before.stage != after.stage:
        rules = [f"[stage.{s}]" for s in (before.stage, after.stage) if s in team.rules]
        other = f": other rules hold, see {' and '.join(rules)} of gitops.toml" if rules else ""
        found.append(f"its stage is {after.stage} then, no longer {before.stage}{other}")
    ambiguous = made_ambiguous(new, team)
    return tuple(found) if ambiguous is None else (*found, ambiguous)
