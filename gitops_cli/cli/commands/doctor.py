"""`gitops doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli import __version__
from gitops_cli.cli.annex import agent_hooks
from gitops_cli.cli.clusters import clusters_of
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
    session.limit(timeout)
    found: list[Diagnosis] = [
        checks.check_gitops(__version__),
        checks.check_git(session.machine.git_version),
        *checks.check_config(session.config_defects),
        checks.attempt("repository", lambda: checks.check_repository(session.state)),
    ]
    if all(check.verdict is not Verdict.FAILED for check in found):
        found += _of_repository(session, cluster, registry, context, kubeconfig)
    session.show(view(found))
    if any(check.verdict is Verdict.FAILED for check in found):
        session.finish(ExitCode.NO)


def _of_repository(
    session: Session, cluster: bool, registry: bool, context: str | None, kubeconfig: Path | None
) -> Iterator[Diagnosis]:
    state = session.state
    yield checks.check_identity(session.person)
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
    if session.checkout is not None:
        yield from checks.check_checkout(session.checkout, snapshot, sources)
    elif session.unreadable is not None:
        unread = session.unreadable
        yield Diagnosis("service", Verdict.WARNING, unread.message, unread.hint)
    yield from checks.check_sources(snapshot, sources)
    if registry:
        yield from checks.check_registries(snapshot, session.registries)
    if not cluster:
        return
    clusters = clusters_of(session, context, kubeconfig, warm=False)
    agents = agent_hooks().checks(session)
    yield from checks.check_clusters(snapshot, clusters, agents, now=session.now)
