"""Which promotion is meant: by the command line, the checkout, or a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gitops_cli.cli.prompts import choose_several, may_ask
from gitops_cli.cli.resolve import (
    all_environments,
    choose_environment,
    environment_named,
    need_services,
    told_service_here,
)
from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import described
from gitops_cli.domain.change.intent import selected_to_copy, unreadable
from gitops_cli.domain.errors import (
    UnknownEnvironment,
    UnknownService,
    UsageError,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.resolution import stage_before
from gitops_cli.domain.recorded.stages import Ambiguous, candidates, place_of, the_one
from gitops_cli.operations.promote import Promotion, plan_promotion


class PromoteArguments(NamedTuple):
    """What the command line says; what it leaves open is found or asked."""

    services: tuple[ServiceName, ...]
    source: str | None
    target: str | None
    project: str | None
    everything: bool
    only: tuple[str, ...]
    exclude: tuple[str, ...]

    @property
    def says_which(self) -> bool:
        """Tell whether it is said which services are meant."""
        return bool(self.services or self.everything or self.only or self.exclude)


def planned_promotions(
    session: Session, words: PromoteArguments, snapshot: Snapshot
) -> tuple[Promotion, ...]:
    """Return the promotion that is meant; with --all to a stage, that of every project."""
    if words.everything and words.services:
        raise UsageError("--all and named services exclude each other")
    targets = _targets_of_projects(session, words, snapshot)
    if len(targets) > 1:
        return _of_projects(session, words, targets, snapshot)
    return (_planned_promotion(session, words, snapshot),)


def _targets_of_projects(
    session: Session, words: PromoteArguments, snapshot: Snapshot
) -> list[EnvironmentName]:
    """Return the environments of the stage that --all without a project means; none: one is."""
    if words.everything and words.project is None:
        session.need_config("project")  # else what is of one project would be of all
    one = words.project or session.user.project or words.source in snapshot.environments
    if not words.everything or words.target is None or one:
        return []
    fits = candidates(words.target, snapshot.environments, snapshot.team)
    is_stage = len({place_of(name, snapshot.team).stage for name in fits}) == 1
    return fits if is_stage else []


def _of_projects(
    session: Session,
    words: PromoteArguments,
    targets: Sequence[EnvironmentName],
    snapshot: Snapshot,
) -> tuple[Promotion, ...]:
    """Return a promotion for each project that has both stages; the others are told."""
    team = snapshot.team
    found: list[Promotion] = []
    missing: dict[EnvironmentName, UnknownEnvironment | UnknownService] = {}
    for target in targets:
        project = place_of(target, team).project
        try:
            source = (
                stage_before(target, snapshot.environments, team)
                if words.source is None
                else the_one(words.source, snapshot.environments, team, project=project)
            )
            services = selected_to_copy(
                snapshot.environment(source), only=words.only, exclude=words.exclude
            )
        except (UnknownEnvironment, UnknownService) as error:
            missing[target] = error
            continue
        found.append(plan_promotion(snapshot, source=source, target=target, services=services))
    if not found:
        errors = missing.values()
        raise next((e for e in errors if isinstance(e, UnknownService)), next(iter(errors)))
    for target, why in missing.items():
        session.output.note(f"left out: {target}: {why.message}")
    return tuple(found)


def _planned_promotion(session: Session, words: PromoteArguments, snapshot: Snapshot) -> Promotion:
    if not words.says_which and (here := told_service_here(session, snapshot)) is not None:
        words = words._replace(services=(here,))
    target = _target(session, words, snapshot)
    source = _source(session, words, target, snapshot)
    services, chosen = _services(session, words, source, target, snapshot)
    if chosen:
        session.answers.arguments = list(services)
        session.answers.options |= {"--from": source, "--to": target}
    return plan_promotion(snapshot, source=source, target=target, services=services)


def _target(session: Session, words: PromoteArguments, snapshot: Snapshot) -> EnvironmentName:
    team = snapshot.team
    project = words.project
    if project is None and words.source in snapshot.environments:
        project = place_of(EnvironmentName(str(words.source)), team).project
    if words.target is not None:
        return environment_named(
            session,
            words.target,
            snapshot,
            project=project,
            services=words.services,
            flag="--to",
        )
    need_services(words.services, snapshot, "--to")
    if not may_ask():
        raise UsageError("promote where to?", hint="pass --to, for example --to prod")
    choices = [
        name
        for name in all_environments(session, snapshot, project)
        if words.source is not None or _has_stage_before(name, snapshot)
    ]
    if not choices:
        raise UsageError("nothing can be promoted: no stage comes before another")
    return choose_environment(session, "Promote to?", choices, flag="--to")


def _has_stage_before(name: EnvironmentName, snapshot: Snapshot) -> bool:
    try:
        stage_before(name, snapshot.environments, snapshot.team)
    except Ambiguous:
        return True
    except UnknownEnvironment:
        return False
    return True


def _source(
    session: Session,
    words: PromoteArguments,
    target: EnvironmentName,
    snapshot: Snapshot,
) -> EnvironmentName:
    team = snapshot.team
    if words.source is not None:
        project = words.project or place_of(target, team).project or None
        return environment_named(session, words.source, snapshot, project=project, flag="--from")
    try:
        return stage_before(target, snapshot.environments, team)
    except Ambiguous as ambiguous:
        if not may_ask():
            raise
        question = f"Promote to {target} from?"
        return choose_environment(session, question, ambiguous.fits, flag="--from")


def _services(
    session: Session,
    words: PromoteArguments,
    source: EnvironmentName,
    target: EnvironmentName,
    snapshot: Snapshot,
) -> tuple[list[ServiceName], bool]:
    """Return the services to promote, and whether a person chose them just now."""
    environment = snapshot.environment(source)
    if words.says_which:
        chosen = selected_to_copy(
            environment, named=words.services, only=words.only, exclude=words.exclude
        )
        return chosen, False
    if not may_ask():
        raise UsageError("promote which services?", hint="name them, or pass --all")
    for finding in unreadable(environment):
        session.output.warn(f"left out: {finding.where}: {finding.message}")
    everything = plan_promotion(
        snapshot, source=source, target=target, services=list(environment.files)
    )
    changes = everything.intent.plan.changes
    if not changes:
        return sorted(environment.files), False
    choices = [(str(change.service), described(change)) for change in changes]
    picked = choose_several(f"Promote what from {source} to {target}?", choices, flag="--all")
    return [ServiceName(name) for name in picked], True
