"""`gitops exec`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_service
from gitops_cli.cli.inside import ContainerOption, PodOption, look
from gitops_cli.cli.options import Context, Env, Kubeconfig, Limit, Project
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.advice import debugger, execution, typed
from gitops_cli.domain.cluster.inside import Asked
from gitops_cli.domain.errors import UsageError
from gitops_cli.operations.inside import not_running

SHELL = ("sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")
_NO_SHELL = (126, 127)


@command
def exec_(
    session: Session,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="SERVICE [ENV] [-- COMMAND…]",
            help="Without a command: a shell.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ],
    env: Env = None,
    project: Project = None,
    container: ContainerOption = None,
    pod: PodOption = None,
    stdin: Annotated[
        bool,
        typer.Option("--stdin", "-i", help="Pass our input on, where it is no terminal, too."),
    ] = False,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Run a command, or a shell, in the container that matters.

    kubectl runs it, and its exit code is ours. The container is chosen as `gitops logs` does; one
    that does not run has nothing to run a command in, and the line is shown that debugs it.
    --timeout is for finding it: the command itself may run as long as it likes.

    Examples:
    gitops exec billing -e prod
    gitops exec billing -e prod -- env
    gitops exec billing -e prod -i -- psql < query.sql
    """
    if not session.output.for_people:
        raise UsageError("`exec` has no document: stdout is the command's", hint="leave out -o")
    service, *rest = words
    if env is None and rest:
        env, *rest = rest
    tty = sys.stdin.isatty() and sys.stdout.isatty()
    if not rest and not tty and not stdin:
        raise UsageError(
            "which command? A shell needs a terminal", hint="gitops exec SERVICE -e ENV -- COMMAND"
        )
    session.limits.begin(timeout)
    looked = look(
        session,
        service,
        env,
        Asked(container, pod),
        project=project,
        context=context,
        kubeconfig=kubeconfig,
        acts=True,
    )
    [spot] = looked.spots
    if not spot.runs:
        raise not_running(looked.inside, spot, looked.cluster.context, "process")
    given = tuple(rest) or (SHELL if tty else ("sh",))
    call = execution(looked.where, spot, given, stdin=stdin or tty, tty=tty)
    session.output.note(typed(call))
    code = session.machine.kubectl(call)
    if code in _NO_SHELL and not rest:
        session.output.note(f"no shell in the image? {debugger(looked.where, spot)}")
    if code:
        raise typer.Exit(code)
