"""`gitops remove`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_service
from gitops_cli.cli.options import (
    Confirm,
    DryRun,
    Env,
    Project,
    Reason,
    ReportFile,
    Timeout,
    Yes,
)
from gitops_cli.cli.overrides import OverrideFreeze, OverrideLock, OverridePolicy, overrides_of
from gitops_cli.cli.proposing import review_on
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.resolve import environment_among, environment_named
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import Offer, carry_out, terms_of
from gitops_cli.domain.change.draft import Draft, Verb, review_branch
from gitops_cli.domain.cluster.advice import at_home
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import parse_service
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.text import plural
from gitops_cli.operations.remove import Removal, draft_removal, plan_removal
from gitops_cli.operations.writing import Terms


@command
def remove(
    session: Session,
    services: Annotated[
        list[str],
        typer.Argument(metavar="SERVICE…", autocompletion=complete_service, show_default=False),
    ],
    env: Env = None,
    project: Project = None,
    message: Reason = None,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    request: RequestOptions = NO_REQUEST,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
    report_file: ReportFile = None,
) -> None:
    """Take services out of an environment's record.

    Their version files and locks go, in one commit. Nothing is deleted in the cluster: what runs
    goes on running, and the line that would delete it is printed. `gitops rollback SERVICE` brings
    a removed service back.

    Examples:
      gitops remove billing -e prod -m "replaced by payments"
      gitops remove billing ledger -e project1-staging --dry-run
    """
    session.report_to(report_file)
    overrides = overrides_of(
        message, lock=override_lock, freeze=override_freeze, policy=override_policy
    )
    snapshot = session.look(require_remote=True, timeout=timeout).snapshot
    team = snapshot.team
    words, env = environment_among(session, services, env, snapshot)
    names = tuple(dict.fromkeys(map(parse_service, words)))
    if not names:
        raise UsageError("remove which services?", hint=f"gitops remove SERVICE -e {env}")
    environment = environment_named(session, env, snapshot, project=project, services=names)
    proposes = request.proposes(environment, team, overrides)
    extras = request.extras(proposes=proposes)
    planned = plan_removal(snapshot, environment, names)
    terms = terms_of(session, message, overrides=overrides, confirmed=confirm)._replace(
        reviewed=proposes
    )
    branch = review_branch(environment, names, verb=Verb.REMOVE)
    shown = terms._replace(preview=True)

    def compute(snapshot: Snapshot, terms: Terms, planned: Removal = planned) -> Draft:
        return draft_removal(snapshot, planned, terms, state=session.state, now=session.now())

    offer = Offer(
        compute(snapshot, shown),
        compute,
        lambda now: compute(now, shown, plan_removal(now, environment, names)),
        f"Remove {plural(len(names), 'service')} from {environment}?",
        review_on(session, branch, extras) if proposes else None,
        may_go_back=True,
    )
    outcome = carry_out(session, offer, terms, team, dry_run=dry_run, yes=yes, timeout=timeout)
    if outcome.changed and not proposes:
        for service, kind in planned.kinds.items():
            workload = team.service(service).workload or service
            words = ["-n", environment, "delete", kind.lower(), workload]
            session.output.say(f"in the cluster it stays: {at_home(environment, team, *words)}")
