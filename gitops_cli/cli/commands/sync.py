"""`gitops sync`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gitops_cli.cli.applying import apply_and_wait
from gitops_cli.cli.clusters import (
    clusters_of,
    meant,
    notice_sync,
    progress,
    report_sync_problems,
    steps_wanted,
)
from gitops_cli.cli.command import command
from gitops_cli.cli.following import need_wait
from gitops_cli.cli.options import (
    At,
    Confirm,
    Context,
    Environments,
    EnvToo,
    Exclude,
    Kubeconfig,
    Limit,
    Only,
    Project,
    ReportFile,
    Rev,
    RollbackOnFailure,
    Yes,
)
from gitops_cli.cli.parsing import Command
from gitops_cli.cli.prompts import confirm, may_ask
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.sync import DryRun, SyncReport
from gitops_cli.domain.errors import GitOpsError, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.text import plural
from gitops_cli.operations.desired import desired_state
from gitops_cli.operations.manifests import rendered_manifests
from gitops_cli.operations.sync import Manifested, SyncPlan, plan_sync
from gitops_cli.operations.waiting import SECONDS
from gitops_cli.render.sync import summary_line, sync_view

if TYPE_CHECKING:
    from gitops_cli.operations.steps import Reports, Stepping

_SERVER = "--server-dry-run"
_GONE = "--wait-gone"
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what would be done, and stop; --dry-run=server lets the API server check it.",
    ),
]
WaitOption = Annotated[
    bool,
    typer.Option(
        "--wait/--no-wait",
        help="Wait until it is rolled out; --wait=gone also until the old pods are gone.",
    ),
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Begin no further patch once something has failed.")
]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Remove objects that have left the manifests; see --prune-many."),
]
PruneMany = Annotated[
    bool,
    typer.Option("--prune-many", help="Also where that is more than a third of what is there."),
]
TakeOwnership = Annotated[
    bool,
    typer.Option("--take-ownership", help="Apply fields, too, that other managers have."),
]
Steps = Annotated[
    bool,
    typer.Option(
        "--steps", help="Plan the steps of infrastructure and apply what changes, before all else."
    ),
]
All = Annotated[bool, typer.Option("--all", help="All environments, without asking.")]


class _Command(Command):
    """Takes `--dry-run=server`, as kubectl has it, and `--wait=gone`: values may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spell such options as Typer takes them."""
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [*map(_spelled, args[:end]), *args[end:]])


def _spelled(argument: str) -> str:
    return _SPELLED.get(argument, argument)


_SPELLED = {"--dry-run=server": _SERVER, "--dry-run=client": "--dry-run", "--wait=gone": _GONE}

sync = typer.Typer(add_completion=False)


@sync.command("sync", cls=_Command)
@command
def run(
    session: Session,
    environments: Environments = None,
    env: EnvToo = None,
    project: Project = None,
    everything: All = False,
    only: Only = None,
    exclude: Exclude = None,
    wait: WaitOption = False,
    wait_gone: Annotated[bool, typer.Option(_GONE, hidden=True)] = False,
    rollback_on_failure: RollbackOnFailure = False,
    timeout: Limit = None,
    report_file: ReportFile = None,
    dry_run: DryRunOption = False,
    server_dry_run: Annotated[bool, typer.Option(_SERVER, hidden=True)] = False,
    fail_fast: FailFast = False,
    prune: Prune = False,
    prune_many: PruneMany = False,
    take_ownership: TakeOwnership = False,
    steps: Steps = False,
    rev: Rev = None,
    at: At = None,
    yes: Yes = False,
    confirm: Confirm = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Make the live clusters follow what git records.

    Patches the images that differ, and nothing else. An environment with manifests gets its
    objects, too; nothing is deleted unless --prune says so. Named environments
    are synced at once. Without a name the plan for all of them is shown and confirmed; a script
    says --all or --yes. A workload that records a newer state commit is left alone.
    --steps runs the steps of infrastructure first; an environment whose step fails is not synced.
    --wait waits 5m unless --timeout says how long all of it may take.

    Examples:
    gitops sync prod --dry-run=server
    gitops sync prod --wait  # until it is rolled out
    gitops sync prod --wait --rollback-on-failure
    gitops sync --all --only 'front*'
    """
    session.report_to(report_file)
    words = [*(environments or ()), *(env or ())]
    mode = DryRun.SERVER if server_dry_run else DryRun.CLIENT if dry_run else None
    if not words and not (everything or yes or mode or may_ask()):
        raise UsageError(
            "sync which environments?", hint="name them, or pass --all (or --yes) for all of them"
        )
    need_wait(rollback_on_failure=rollback_on_failure, wait=wait or wait_gone)
    session.limits.begin(timeout)
    clusters = clusters_of(session, context, kubeconfig, warm=not steps, acts=True)
    desired = desired_state(session.state, rev=rev, at=at)
    names, selection = meant(
        session, desired, words, project=project, only=only, exclude=exclude, only_read=False
    )
    go_back = None
    if rollback_on_failure and mode is None:
        from gitops_cli.cli.taking_back import going_back  # most syncs need not load it

        how = (context, kubeconfig)
        go_back = going_back(session, names, desired.snapshot, confirm, timeout=timeout, sync=how)
    asks = not words and not (everything or yes or mode)
    stepped = _Stepped(session, desired.snapshot, names, wanted=steps)
    stepped.run(apply=not asks and mode is None)

    def planned(names: list[EnvironmentName]) -> SyncPlan:
        return plan_sync(
            desired,
            names,
            clusters,
            session.state,
            now=session.now(),
            actor=lambda: session.person if mode is None else None,
            selection=selection,
            manifests=Manifested(
                rendered_manifests(session.state, desired.snapshot, names),
                tries=asks or mode is DryRun.CLIENT,
                take=take_ownership,
                prune=prune or prune_many,
                many=prune_many,
            ),
        )

    names = stepped.left
    with stepped.reminding():
        plan = planned(names)
    if asks:
        _agree(session, plan, stepped)
        stepped.run(apply=True)
        if stepped.left != names:  # a step was not done after all
            with stepped.reminding():
                plan = planned(stepped.left)
    with progress(session) as say:
        report = apply_and_wait(
            session,
            plan,
            say,
            lambda: session.limits.left(SECONDS),
            wait=wait,
            gone=wait_gone,
            dry_run=mode,
            fail_fast=fail_fast,
        )
    report = stepped.told(report)
    notice_sync(session, report, desired.snapshot.team)
    _show(session, report, done=mode is None)
    if go_back is not None:
        go_back(report)


class _Stepped:
    """The steps that come before a sync, if they are wanted."""

    def __init__(
        self,
        session: Session,
        snapshot: Snapshot,
        names: list[EnvironmentName],
        *,
        wanted: bool,
    ) -> None:
        self._session = session
        self._snapshot = snapshot
        self._names = names
        self._ready = steps_wanted(session, snapshot, names, wanted=wanted)
        self._stepping: Stepping | None = None
        self.reports: Reports = {}

    def run(self, *, apply: bool) -> None:
        """Plan the steps, or apply what they change: what was planned before, if it was."""
        if self._ready is None:
            return
        with progress(self._session) as say:
            self._stepping = self._stepping or self._ready(say)
            if apply:
                done = self._stepping.apply(self._snapshot, self._session.now())
            else:
                done = self._stepping.plan()
        from gitops_cli.operations.steps import with_shared  # few repositories have some

        self.reports = with_shared(done, self._snapshot, self._names)

    @property
    def left(self) -> list[EnvironmentName]:
        """Return the environments that no step keeps from being synced."""
        kept = {n for n, steps in self.reports.items() if any(s.error is not None for s in steps)}
        return [name for name in self._names if name not in kept]

    @contextmanager
    def reminding(self) -> Iterator[None]:
        """Say what has been applied, should something fail before that is shown."""
        try:
            yield
        except GitOpsError:
            done = [
                f"{step.name} ({name})"
                for name, steps in self.reports.items()
                for step in steps
                if step.is_applied
            ]
            if done:
                self._session.output.warn(f"steps were applied before that: {', '.join(done)}")
            raise

    @property
    def changing(self) -> int:
        """Return how many steps would change something."""
        found = [step for steps in self.reports.values() for step in steps]
        return sum(step.state == "changes" for step in found)

    def told(self, report: SyncReport) -> SyncReport:
        """Return the report of a sync with its steps."""
        if self._ready is None:
            return report
        from gitops_cli.operations.steps import with_steps

        return with_steps(report, self.reports, self._names)


def _agree(session: Session, plan: SyncPlan, stepped: _Stepped) -> None:
    if plan.is_empty and not stepped.changing:
        return
    report = stepped.told(plan.report)
    if session.output.for_people:
        session.show(sync_view(report, verbose=session.options.verbose > 0))
    contexts = {e.context or "this pod's cluster" for e in plan.report.environments}
    counts = [plural(stepped.changing, "step")] if stepped.changing else []
    counts += [plural(len(plan.patches), "service")] if plan.patches else []
    counts += [plural(plan.written, "object")] if plan.written else []
    confirm(f"Change {' and '.join(counts)} in {', '.join(sorted(contexts))}?", flag="--all")
    more = " --steps" if stepped.changing else ""
    session.output.note(f"the same without questions: gitops sync --all{more}")


def _show(session: Session, report: SyncReport, *, done: bool) -> None:
    show = session.report if done else session.show
    view = sync_view(report, verbose=session.options.verbose > 0)
    show(view)
    session.publish(view)
    report_sync_problems(session, report)
    session.output.say(summary_line(report))
    session.finish(report.exit_code)
