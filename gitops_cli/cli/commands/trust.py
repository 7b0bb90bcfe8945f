"""`gitops trust`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.options import Limit, Yes
from gitops_cli.cli.prompts import confirm, may_ask
from gitops_cli.cli.session import Session
from gitops_cli.cli.stepping import trust_store
from gitops_cli.cli.writing import show_before
from gitops_cli.domain.errors import ExitCode, UsageError
from gitops_cli.domain.steps.report import Untrusted
from gitops_cli.operations.trust import Programs, keep_trust, programs_of, text_differences
from gitops_cli.render.trust import done_line, list_view, trust_view
from gitops_cli.steps.trusted import TrustStore

_SHORTEST = 12


@command
def trust(
    session: Session,
    listed: Annotated[
        bool, typer.Option("--list", help="Show what is trusted on this machine.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Trust nothing of this repository any more.")
    ] = False,
    digest: Annotated[
        str | None,
        typer.Option(
            "--digest", metavar="DIGEST", help="What was seen, and is agreed to; --yes needs it."
        ),
    ] = None,
    yes: Yes = False,
    timeout: Limit = None,
) -> None:
    """Let the steps and checks of this repository run on this machine, exactly as they are now.

    Shows every program that gitops.toml declares and every file that it may read, with the
    difference from what was trusted before, and asks. Whatever changes afterwards must be trusted
    anew. Nothing in a repository can trust itself. With -o json it only looks: exit code 1 where
    this is not trusted.

    Examples:
    gitops trust
    gitops trust --yes --digest 3f9a2b7c41d0  # in a pipeline
    gitops trust --list
    gitops trust --remove
    """
    session.limits.begin(timeout)
    store = trust_store()
    if listed + remove + (digest is not None) > 1:
        raise UsageError("--list, --remove and --digest exclude each other")
    if listed:
        session.show(list_view(store.all()))
        return
    if remove:
        gone = store.remove(session.state.identity)
        session.output.say(f"{session.state.identity} is trusted {'no more' if gone else 'not'}")
        session.finish(ExitCode.OK if gone else ExitCode.NO)
        return
    found = programs_of(session.state, session.look(require_remote=True).snapshot, store)
    if not found.programs:
        raise UsageError(
            f"{found.repository} declares no steps and no checks that are commands",
            hint="docs/infrastructure.md says how",
        )
    _trust(session, store, found, digest, yes=yes)


def _trust(
    session: Session, store: TrustStore, found: Programs, digest: str | None, *, yes: bool
) -> None:
    differing = [*text_differences(found, session.state)]
    view = trust_view(found, differing, done=False)
    only_looks = digest is None and not yes and not session.output.for_people
    if found.is_trusted or only_looks:
        session.show(view)
        session.finish(ExitCode.OK if found.is_trusted else ExitCode.NO)
        return
    shown = show_before(session, view)
    if digest is None and (yes or not may_ask()):
        raise UsageError(
            "--yes trusts what somebody has looked at, and needs its digest",
            hint=f"read the files, then: gitops trust --yes --digest {found.digest[:_SHORTEST]}",
        )
    if digest is not None and (len(digest) < _SHORTEST or not found.digest.startswith(digest)):
        raise Untrusted(
            f"--digest {digest} is not what would be trusted, which is {found.digest}",
            hint="look at it again: gitops trust",
        )
    if not yes:
        confirm("Trust exactly this on this machine?", flag=f"--yes --digest {found.digest}")
    keep_trust(found, store, session.now())
    if shown:
        session.output.say(done_line(found))
    else:
        session.report(trust_view(found, differing, done=True))
