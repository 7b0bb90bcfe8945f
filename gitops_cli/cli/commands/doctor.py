"""`gitops doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gitops_cli import __version__
from gitops_cli.cli.annex import agent_hooks
from gitops_cli.cli.clusters import clusters_of, progress
from gitops_cli.cli.command import command
from gitops_cli.cli.options import Context, Kubeconfig, Limit
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ExitCode, GitOpsError, NoStateRepository
from gitops_cli.domain.settings import BadSettings
from gitops_cli.operations import doctor as checks
from gitops_cli.operations.doctor import Diagnosis, Verdict
from gitops_cli.render.doctor import view


@command
def doctor(
    session: Session,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    cluster: Annotated[
        bool, typer.Option("--cluster/--no-cluster", help="Also look at clusters and agents.")
    ] = True,
    registry: Annotated[
        bool, typer.Option("--registry/--no-registry", help="Also ask image registries.")
    ] = True,
) -> None:
    """Check git, the remote, rights, sources, registries, clusters, agents and clocks.

    In a service's checkout also which service it is, where that is recorded, and whether ancestry
    can be asked when a build is recorded.

    Examples:
    gitops doctor
    gitops doctor -o json
    """
    session.limits.begin(timeout)
    wanted = _Wanted(cluster, registry, context, kubeconfig)
    found: list[Diagnosis] = []
    with progress(session) as say:
        lively = session.output.stderr.console is not None
        for check in _checks(session, lambda what: say("", f"asking: {what}"), wanted):
            found.append(check)
            if lively:  # a pipe has them in the table
                say(f"{len(found)}", f"{check.verdict}: {check.name}: {check.detail}")
    session.show(view(found))
    if any(check.verdict is Verdict.FAILED for check in found):
        session.finish(ExitCode.NO)


class _Wanted(NamedTuple):
    """What else is asked, beside the repository."""

    cluster: bool
    registry: bool
    context: str | None
    kubeconfig: Path | None


def _checks(session: Session, begin: Callable[[str], None], wanted: _Wanted) -> Iterator[Diagnosis]:
    """Yield what each check says, as it ends; `begin` hears what is asked that may take long."""
    first = [
        checks.check_gitops(__version__),
        checks.check_git(session.machine.git_version),
        *checks.check_config(session.config_defects),
        checks.attempt("repository", lambda: checks.check_repository(session.state)),
    ]
    yield from first
    if all(check.verdict is not Verdict.FAILED for check in first):
        yield from _of_repository(session, begin, wanted)


def _of_repository(
    session: Session, begin: Callable[[str], None], wanted: _Wanted
) -> Iterator[Diagnosis]:
    state = session.state
    yield checks.check_identity(session.person)
    begin("the remote")
    try:
        yield from checks.check_remote(state, session.now())
    except GitOpsError as error:
        yield Diagnosis("remote", Verdict.FAILED, error.message, error.hint)
    try:
        snapshot = state.snapshot(state.tip(require_remote=False).commit)
    except NoStateRepository as error:
        yield Diagnosis("files", Verdict.FAILED, error.message, error.hint)
        session.finish(ExitCode.USAGE)
        return
    except GitOpsError as error:
        yield Diagnosis("files", Verdict.SKIPPED, error.message)
        return
    yield checks.check_files(snapshot, session.now())
    team = snapshot.team
    if team.defects:
        wrong = BadSettings(*team.defects)
        yield Diagnosis("gitops.toml", Verdict.FAILED, wrong.message, wrong.hint)
    from gitops_cli.registry.signed import knows_identities  # `--help` needs no registry

    yield from checks.check_identities(team, knows_identities)
    sources = session.sources(team)
    if any(rules.source is not None for rules in team.services.values()):
        begin("the services' sources")
    if session.checkout is not None:
        yield from checks.check_checkout(session.checkout, snapshot, sources)
    elif session.unreadable is not None:
        unread = session.unreadable
        yield Diagnosis("service", Verdict.WARNING, unread.message, unread.hint)
    yield from checks.check_sources(snapshot, sources)
    if wanted.registry:
        begin("the registries")
        yield from checks.check_registries(snapshot, session.registries)
    if not wanted.cluster:
        return
    begin("the clusters")
    clusters = clusters_of(session, wanted.context, wanted.kubeconfig, warm=False)
    agents = agent_hooks().checks(session)
    yield from checks.check_clusters(snapshot, clusters, agents, now=session.now, begin=begin)
