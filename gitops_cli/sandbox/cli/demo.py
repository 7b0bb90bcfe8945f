"""`gitops demo`: the main job, on a practice ground of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.cleanup import cleaned_up
from gitops_cli.cli.command import command
from gitops_cli.cli.options import Kubeconfig
from gitops_cli.cli.prompts import may_ask
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ClusterError, ExitCode, GitOpsError, UsageError
from gitops_cli.render.view import Style
from gitops_cli.sandbox.lifecycle import Sandbox, new_sandbox
from gitops_cli.sandbox.stories import Story, scenes_of
from gitops_cli.sandbox.story import Cast, Scene, clear, furnish, story

_WIDTH = 78
_STARTS = 120.0  # seconds for the first pods: their image may have to be pulled


@command
def demo(
    session: Session,
    chosen: Annotated[
        Story, typer.Option("--story", help="Which day: of which of the commands.")
    ] = Story.MAIN,
    kube_context: Annotated[
        str | None,
        typer.Option(
            "--context",
            metavar="NAME",
            help="Play on this cluster of yours, in new namespaces.",
            show_default="an emulated cluster",
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything up afterwards.")] = False,
    no_pause: Annotated[
        bool, typer.Option("--no-pause", "--yes", "-y", help="Do not wait for Enter.")
    ] = False,
) -> None:
    """Show promote, diff, sync, a failing rollout and a rollback: real commands, step by step.

    Examples:
    gitops demo
    gitops demo --story rollback  # or adopt, ci, agent
    gitops demo --no-pause --keep  # play it through, and leave it up
    gitops demo --context kind-kind  # in new namespaces of a cluster of yours
    """
    if kubeconfig is not None and kube_context is None:
        raise UsageError("--kubeconfig alone does not choose a cluster", hint="add --context NAME")
    if kube_context is not None and chosen is not Story.MAIN:
        raise UsageError(f"the story `{chosen}` is played on an emulated cluster only")
    ground = new_sandbox()
    pause = may_ask() and not no_pause
    if kube_context is None:
        _on_emulated_cluster(session, ground, chosen, keep=keep, pause=pause)
    else:
        _on_real_cluster(session, ground, kube_context, kubeconfig, keep=keep, pause=pause)


def _on_emulated_cluster(
    session: Session, ground: Sandbox, chosen: Story, *, keep: bool, pause: bool
) -> None:
    told = "That was the main job." if chosen is Story.MAIN else "That was the story."
    with cleaned_up(ground.down, keep=keep):
        ground.up(owner=None if keep else os.getpid())
        variables = ground.place.own_environment | ground.environment
        if chosen is Story.ADOPT:
            del variables["GITOPS_REPO"]  # it makes one of its own
        _play(session, ground, scenes_of(chosen, ground), variables, pause=pause)
    if not keep:
        _say(session, f"{told} Nothing of it is left on this machine.", Style.GOOD)
        return
    option = f"--dir {shlex.quote(str(ground.place.directory))}"
    _say(session, f"{told} The practice ground is still up:", Style.GOOD)
    _say(session, f'  eval "$(gitops sandbox env {option})"\n  gitops sandbox down {option}')


def _on_real_cluster(
    session: Session,
    ground: Sandbox,
    context: str,
    kubeconfig: Path | None,
    *,
    keep: bool,
    pause: bool,
) -> None:
    objects = session.objects(context, kubeconfig)
    repository = {"GITOPS_REPO": str(ground.place.state), "GITOPS_CONTEXT": context}
    cluster = {} if kubeconfig is None else {"KUBECONFIG": str(kubeconfig.absolute())}
    with cleaned_up(ground.down, keep=keep):
        borrowed = ground.borrow(context)
        project = borrowed.project
        selector = f"{borrowed.label}={project}"

        def clean() -> None:
            try:
                names = clear(objects, borrowed.manifests)
            except GitOpsError:
                session.output.warn(f"run `kubectl delete namespace -l {selector}` yourself")
                raise
            _say(session, f"Deleted {', '.join(names) or 'no namespace'} on {context}.")

        with cleaned_up(clean, keep=keep):
            _say(session, f"Three namespaces {project}-… on {context}: waiting for their pods.\n")
            furnish(objects, borrowed.manifests, timeout=_STARTS)
            cast = Cast(
                borrowed.service, borrowed.service, ground.broken_version, f"{project}-production"
            )
            _play(
                session,
                ground,
                story(cast),
                ground.place.own_environment | repository | cluster,
                pause=pause,
            )
    _say(session, "That was the main job.", Style.GOOD)
    if keep:
        _say(session, f"  export GITOPS_REPO={shlex.quote(str(ground.place.state))}")
        _say(session, f"  kubectl delete namespace -l {selector} --context {shlex.quote(context)}")
        _say(session, f"  gitops sandbox down --dir {shlex.quote(str(ground.place.directory))}")


def _play(
    session: Session,
    ground: Sandbox,
    steps: Sequence[Scene],
    environment: Mapping[str, str],
    *,
    pause: bool,
) -> None:
    """Run the steps, each after its reason; raises ClusterError where one ends otherwise."""
    for number, step in enumerate(steps):
        if number and pause:
            _wait_for_enter(session)
        width = min(_WIDTH, shutil.get_terminal_size().columns - 1)
        for line in textwrap.wrap(f"[{number + 1}/{len(steps)}] {step.why}", max(width, 1)):
            _say(session, line, Style.INFO)
        where = f"{step.directory} " if step.directory else ""
        _say(session, f"{where}$ {_shown(step)}", Style.STRONG)
        sys.stdout.flush()
        ours = [sys.executable, "-m", "gitops_cli"] if step.program == "gitops" else [step.program]
        done = subprocess.run(
            [*ours, *step.arguments],
            env={**environment, "GIT_PAGER": "cat"},  # a play goes on by itself
            cwd=ground.place.directory / step.directory,
            check=False,
        )
        if done.returncode == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if done.returncode != step.ends:
            raise ClusterError(
                f"`{_shown(step)}` ended with {done.returncode} instead of {step.ends.value}",
                hint="please report this with the output above",
            )
        if step.ends is not ExitCode.OK:
            meaning = step.ends.meaning.partition(":")[0]
            _say(session, f"exit code {step.ends.value}: {meaning}", Style.DIM)
        _say(session)


def _shown(step: Scene) -> str:
    return shlex.join((step.program, *step.arguments))


def _say(session: Session, text: str = "", style: Style = Style.PLAIN) -> None:
    session.output.stdout.line(text, style)


def _wait_for_enter(session: Session) -> None:
    session.output.stderr.line("Press Enter to go on.", Style.DIM)
    console = session.output.stderr.console
    if sys.stdin.readline() and console is not None:
        from rich.control import Control
        from rich.segment import ControlType

        # Two lines down by now, ours and the person's: back, and erase.
        console.control(Control.move(0, -2), Control((ControlType.ERASE_IN_LINE, 2)))
