"""`gitops agent run`: what the agent's pod executes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitops_cli import __version__
from gitops_cli.agent.cli.adapters import tip_reader
from gitops_cli.agent.cli.listening import Listening, listening
from gitops_cli.agent.model.figures import Tally
from gitops_cli.agent.model.outcome import Round
from gitops_cli.agent.model.spec import KEY_DIRECTORY, NOTIFY_DIRECTORY, STEPS_DIRECTORY
from gitops_cli.agent.model.stepped import parse_pin
from gitops_cli.agent.noticing import Postman
from gitops_cli.agent.running import Agent
from gitops_cli.agent.signers import Signers
from gitops_cli.agent.view import round_view, visit_line
from gitops_cli.cli.clusters import clusters_of
from gitops_cli.cli.command import command
from gitops_cli.cli.options import Context, Kubeconfig, duration
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ExitCode, UsageError
from gitops_cli.domain.names import parse_environment
from gitops_cli.web.patience import jitter

if TYPE_CHECKING:
    from gitops_cli.agent.stepping import AgentSteps
    from gitops_cli.agent.tip_reader import TipReader

_JITTER = 0.1  # of the interval: many agents must not ask the git server in step


@command
def run(
    session: Session,
    environments: Annotated[
        list[str],
        typer.Option(
            "--env", "-e", metavar="NAME", envvar="GITOPS_ENV", help="Namespace; may be repeated."
        ),
    ],
    branch: Annotated[
        str | None,
        typer.Option("--branch", metavar="NAME", help="Branch; default: the remote's own."),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            "--interval",
            parser=duration,
            metavar="DURATION",
            help="Go on for ever, one round each so often; default: one round.",
        ),
    ] = None,
    require_signed: Annotated[
        Path | None,
        typer.Option(
            "--require-signed",
            metavar="DIR",
            help="Follow signed commits only; DIR has allowed_signers, keyring.asc or both.",
            show_default=False,
        ),
    ] = None,
    keys: Annotated[
        Path, typer.Option("--keys", metavar="DIR", help="Deploy key and known_hosts.")
    ] = Path(KEY_DIRECTORY),
    metrics: Annotated[
        Listening | None,
        typer.Option(
            "--metrics",
            parser=listening,
            metavar="[HOST:]PORT",
            help="Serve Prometheus metrics there; HOST: 127.0.0.1. Needs --interval.",
            show_default=False,
        ),
    ] = None,
    images_only: Annotated[
        list[str] | None,
        typer.Option(
            "--images-only",
            metavar="NAME",
            help="Leave the manifests of this environment to others; may be repeated.",
        ),
    ] = None,
    notices: Annotated[
        Path,
        typer.Option("--notices", metavar="DIR", help="Addresses of [notify.NAME], a file each."),
    ] = Path(NOTIFY_DIRECTORY),
    steps: Annotated[
        list[str] | None,
        typer.Option(
            "--steps",
            metavar="NAME=DIGEST",
            help="Run the steps of this environment, if they are of this digest; may be repeated.",
        ),
    ] = None,
    step_variables: Annotated[
        Path,
        typer.Option(
            "--step-variables", metavar="DIR", help="Variables that steps name, a file each."
        ),
    ] = Path(STEPS_DIRECTORY),
    heartbeat: Annotated[
        Path | None,
        typer.Option(
            "--heartbeat", metavar="FILE", help="Touched after each environment.", hidden=True
        ),
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Look at the repository and make the cluster follow; inside a pod, with its own account.

    One connection asks for the tip; only when something is new one shallow fetch follows. What
    happened is written to the ConfigMap gitops-agent, which `gitops agent status` reads.

    Examples:
    gitops agent run -R git@example.com:acme/state.git -e shop-production
    gitops agent run -e shop-production --interval 1m  # GITOPS_REPO is set
    gitops agent run -e shop-production --interval 1m --metrics 0.0.0.0:9464
    """
    if session.options.repo is None:
        raise UsageError("which repository?", hint="pass --repo URL")
    if metrics is not None and interval is None:
        raise UsageError(
            "--metrics needs --interval: a single round is over before anybody asks",
            hint="`gitops metrics --textfile FILE` writes them once",
        )
    tips = tip_reader(session, session.options.repo, branch=branch, keys=keys)
    agent = Agent(
        tips,
        clusters_of(session, context, kubeconfig, warm=False),
        session.objects(context, kubeconfig),
        [parse_environment(name) for name in environments],
        now=session.now,
        version=__version__,
        interval=None if interval is None else max(1, int(interval)),
        signers=None if require_signed is None else Signers(require_signed),
        images_only=frozenset(map(parse_environment, images_only or ())),
        steps=_steps(session, tips, steps or (), step_variables),
    )
    stop = _stop_on_sigterm()
    postman = Postman(notices, os.environ, session.output.warn, session.now)
    if interval is None:
        result = agent.round(stop)
        postman.deliver(result)
        session.report(round_view(result))
        cut_short = len(result.visits) < len(environments)
        session.finish(ExitCode.INTERRUPTED if cut_short else result.exit_code)
        return
    tally = Tally()
    if metrics is not None:
        from gitops_cli.agent.metrics import agent_source, serve  # 40 ms, and few want them

        def asked() -> dict[str, int]:
            return {"cluster": session.asked_clusters, "git": tips.looks + tips.fetches}

        where = serve(agent_source(tally, asked), *metrics)
        session.output.say(f"metrics: {where}")

    def note(result: Round) -> None:
        tally.note(result)
        postman.deliver(result)

    keep_going(agent, interval, stop, heartbeat, session.output.say, note)


def _steps(
    session: Session, tips: TipReader, said: Sequence[str], variables: Path
) -> AgentSteps | None:
    """Return what runs steps; None where none are to be run."""
    if not said:
        return None
    from gitops_cli.agent.stepping import AgentSteps  # few agents run some

    pins = dict(map(parse_pin, said))
    return AgentSteps(tips, pins, variables, now=session.now, say=session.output.say)


def _stop_on_sigterm() -> threading.Event:
    """Return what is set by SIGTERM: what is being done ends, nothing further begins."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    return stop


def keep_going(
    agent: Agent,
    interval: float,
    stop: threading.Event,
    heartbeat: Path | None,
    say: Callable[[str], None],
    note: Callable[[Round], None] = lambda result: None,
) -> None:
    """Do round after round until told to stop; `interval` is in seconds, give or take a tenth.

    `note` hears of each.
    """
    said: dict[str, str] = {}
    beat = heartbeat.touch if heartbeat is not None else lambda: None
    while not stop.is_set():
        result = agent.round(stop, beat=beat)
        note(result)
        _report(result, said, say)
        stop.wait(interval * jitter(1 - _JITTER, 1 + _JITTER))
    say("told to stop; nothing was left half done")


def _report(result: Round, said: dict[str, str], say: Callable[[str], None]) -> None:
    """Log what is news: a controller of 200 environments would say the same for ever."""
    for visit in result.visits:
        line = visit_line(visit)
        if said.get(visit.status.environment) != line:
            say(line)
            said[visit.status.environment] = line
