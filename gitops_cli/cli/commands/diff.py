"""`gitops diff`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitops_cli.cli.annex import agent_hooks
from gitops_cli.cli.baselines import known_drift
from gitops_cli.cli.clusters import (
    clusters_of,
    environments_named,
    meant,
    progress,
    report_problems,
    steps_wanted,
)
from gitops_cli.cli.command import command
from gitops_cli.cli.options import (
    At,
    Columns,
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
)
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ExitCode, GitOpsError, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.operations.desired import desired_state
from gitops_cli.operations.diff import diff as compare_all
from gitops_cli.operations.manifests import rendered_manifests
from gitops_cli.render.baseline import baseline_line, with_baseline
from gitops_cli.render.diff import diff_view, summary_line

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.rendered import Rendered

ExitCodeOption = Annotated[
    bool,
    typer.Option(
        "--exit-code/--no-exit-code", help="Let a difference be exit code 1; else it is 0."
    ),
]
Worktree = Annotated[
    bool, typer.Option("--worktree", help="Compare the uncommitted files of this checkout.")
]
TwoEnvironments = Annotated[
    bool, typer.Option("--envs", help="Compare what two environments record; ask no cluster.")
]
Steps = Annotated[
    bool,
    typer.Option("--steps", help="Plan the steps of infrastructure, too: see `gitops trust`."),
]
BaselineFile = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="Known drift: what stands there counts as no difference.",
        show_default=False,
    ),
]
WriteBaseline = Annotated[
    bool,
    typer.Option("--write-baseline", help="Let all that differs now be known from now on."),
]
AsAgent = Annotated[
    bool, typer.Option("--as-agent", help="Look with the rights of the environment's agent.")
]


@command
def diff(
    session: Session,
    environments: Environments = None,
    env: EnvToo = None,
    project: Project = None,
    only: Only = None,
    exclude: Exclude = None,
    worktree: Worktree = False,
    rev: Rev = None,
    at: At = None,
    exit_code: ExitCodeOption = True,
    as_agent: AsAgent = False,
    envs: TwoEnvironments = False,
    steps: Steps = False,
    baseline: BaselineFile = None,
    write_baseline: WriteBaseline = False,
    columns: Columns = None,
    timeout: Limit = None,
    report_file: ReportFile = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Compare what git records with what the live clusters run.

    One row per container: wanted in git, recorded in the workload, really running in the pods.
    Exit code 0: all as recorded; 1: something differs, is rolling or failed; 2 and above: it
    could not be told.

    Examples:
    gitops diff prod
    gitops diff && echo same  # all environments
    gitops diff prod --steps  # and infrastructure
    gitops diff --envs staging prod  # versions and manifests of the two
    """
    session.report_to(report_file)
    if steps and (as_agent or envs):
        raise UsageError("--steps run on this machine: not --as-agent, and not with --envs")
    known = known_drift(baseline, write=write_baseline, whole=not only and not exclude)
    if known is not None and envs:
        raise UsageError("--baseline is about clusters: not with --envs")
    session.limits.begin(timeout)
    words = [*(environments or ()), *(env or ())]
    if envs:
        desired = desired_state(session.state, rev=rev, at=at, worktree=worktree)
        _two(session, words, desired.snapshot, project=project, exit_code=exit_code)
        return
    if as_agent:
        clusters = agent_hooks().clusters(session, context, kubeconfig, words)
    else:
        clusters = clusters_of(session, context, kubeconfig)
    desired = desired_state(session.state, rev=rev, at=at, worktree=worktree)
    names, selection = meant(session, desired, words, project=project, only=only, exclude=exclude)
    looked = [] if as_agent else names  # the agent's own are told of with its rights
    stepper = steps_wanted(session, desired.snapshot, looked, wanted=steps)
    result = compare_all(
        desired,
        names,
        clusters,
        now=session.now(),
        selection=selection,
        rendered=_rendered(session, desired.snapshot, names, as_agent=as_agent),
    )
    if stepper is not None:
        from gitops_cli.operations.steps import diff_with_steps  # few repositories have some

        with progress(session) as say:
            result = diff_with_steps(result, stepper(say).plan())
    view = diff_view(result, verbose=session.options.verbose > 0)
    verdict = None if known is None else known.verdict(result)
    if verdict is not None:
        view = with_baseline(view, verdict)
    session.show(view, columns=columns)
    session.publish(view)
    report_problems(
        session,
        [problem for comparison in result.environments for problem in comparison.all_problems],
        [note for comparison in result.environments for note in comparison.notes],
    )
    session.output.say(summary_line(result))
    code = result.exit_code
    if known is not None and verdict is not None:
        session.output.say(baseline_line(verdict))
        code = known.finish(session, result, verdict)
    session.finish(ExitCode.OK if code is ExitCode.NO and not exit_code else code)


def _two(
    session: Session,
    words: Sequence[str],
    snapshot: Snapshot,
    *,
    project: str | None,
    exit_code: bool,
) -> None:
    if len(words) != 2:
        raise UsageError(
            "--envs compares two environments", hint="name them: gitops diff --envs staging prod"
        )
    from gitops_cli.operations.recorded_diff import recorded_diff  # the usual diff needs neither
    from gitops_cli.render.recorded_diff import recorded_diff_view

    names = environments_named(session, words, snapshot, project=project)
    if len(names) != 2:
        raise UsageError(f"{names[0]} cannot be compared with itself")
    one, other = names
    result = recorded_diff(session.state, snapshot, one, other)
    session.show(recorded_diff_view(result))
    report_problems(session, result.problems, ())
    code = result.exit_code
    session.finish(ExitCode.OK if code is ExitCode.NO and not exit_code else code)


def _rendered(
    session: Session, snapshot: Snapshot, names: Sequence[EnvironmentName], *, as_agent: bool
) -> dict[EnvironmentName, Rendered | GitOpsError]:
    """Return the manifests of environments; as their agent, without the whole cluster's."""
    found = rendered_manifests(session.state, snapshot, names)
    if not as_agent:
        return found
    return {
        name: one if isinstance(one, GitOpsError) else one._replace(only_namespaced=True)
        for name, one in found.items()
    }
