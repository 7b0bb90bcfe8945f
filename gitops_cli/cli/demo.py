"""`gitops demo`: the main job, on a practice ground of its own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.control import Control
from rich.segment import ControlType

from gitops_cli.cli.command import command
from gitops_cli.cli.prompts import may_ask
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ClusterError, ExitCode
from gitops_cli.operations.demo import Cast, Step, story
from gitops_cli.render.console import print_line
from gitops_cli.render.view import Style

if TYPE_CHECKING:
    from gitops_cli.sandbox.lifecycle import Sandbox

_WIDTH = 78
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@command
def demo(
    session: Session,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the practice ground up afterwards.")
    ] = False,
    no_pause: Annotated[
        bool, typer.Option("--no-pause", "--yes", "-y", help="Do not wait for Enter.")
    ] = False,
) -> None:
    """Show promote, diff, sync, a failing rollout and a rollback on an emulated cluster."""
    ground = session.new_sandbox()
    with _cleaned_up(ground, keep=keep):
        ground.up()
        cast = Cast("authentication", "frontend", ground.broken_version, "project1-production")
        _play(
            session,
            story(cast),
            environment=_environment(ground.environment, ground.place.home),
            pause=may_ask() and not no_pause,
        )
    _say(session, *_ending(ground, keep=keep))


@contextmanager
def _cleaned_up(ground: Sandbox, *, keep: bool) -> Iterator[None]:
    """Take the ground down at the end, also after Ctrl-C or a signal that asks to stop."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
    try:
        yield
    except BaseException:
        keep = False
        raise
    finally:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one
        if not keep:
            ground.down()
        for number, handler in {**before, signal.SIGINT: interrupt}.items():
            signal.signal(number, handler)


def _environment(variables: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment in which no setting of the user's changes the story."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GITOPS_")}
    own = {"XDG_CACHE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {**kept, **own, **git, **variables}


def _play(
    session: Session, steps: Sequence[Step], *, environment: Mapping[str, str], pause: bool
) -> None:
    """Run the steps, each after its reason; raises ClusterError where one ends otherwise."""
    for number, step in enumerate(steps):
        if number and pause:
            _wait_for_enter(session)
        for line in textwrap.wrap(step.why, _WIDTH):
            _say(session, line)
        _say(session, f"$ {_shown(step)}", Style.STRONG)
        sys.stdout.flush()
        done = subprocess.run(
            [sys.executable, "-m", "gitops_cli", *step.arguments], env=environment, check=False
        )
        if done.returncode == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if done.returncode != step.ends:
            raise ClusterError(
                f"`{_shown(step)}` ended with {done.returncode} instead of {step.ends.value}",
                hint="please report this with the output above",
            )
        if step.ends is not ExitCode.OK:
            _say(session, f"exit code {step.ends.value}: {step.ends.meaning}", Style.DIM)
        _say(session)


def _shown(step: Step) -> str:
    return shlex.join(("gitops", *step.arguments))


def _ending(ground: Sandbox, *, keep: bool) -> tuple[str, Style]:
    if not keep:
        return "That was the main job. Nothing of it is left on this machine.", Style.GOOD
    option = f"--dir {shlex.quote(str(ground.place.directory))}"
    return (
        "That was the main job. The practice ground is still up:\n"
        f'  eval "$(gitops sandbox env {option})"\n'
        f"  gitops sandbox down {option}"
    ), Style.GOOD


def _say(session: Session, text: str = "", style: Style = Style.PLAIN) -> None:
    print_line(session.output.stdout, text, style)


def _wait_for_enter(session: Session) -> None:
    print_line(session.output.stderr, "Press Enter to go on.", Style.DIM)
    if sys.stdin.readline():  # the person's line feed went down one line: back, and erase
        session.output.stderr.control(Control.move(0, -1), Control((ControlType.ERASE_IN_LINE, 2)))
