"""What the commands that look at clusters share: which environments, which state, which cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.cli.resolve import all_environments, environment_named
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.comparison import Row
from gitops_cli.domain.cluster.sync import SyncOutcome, SyncReport
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import of_one_stage
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.desired import Desired, Selection
from gitops_cli.operations.placement import Clusters, Placed
from gitops_cli.render.sync import object_line, outcome_view, place_of_row, progress_line

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.report import ObjectFate
    from gitops_cli.operations.steps import Stepping


def clusters_of(
    session: Session,
    context: str | None,
    kubeconfig: Path | None,
    *,
    warm: bool = True,
    acts: bool = False,
) -> Clusters:
    """Return the clusters; `warm` connects to the likely one while git is asked.

    Who `acts` there does so in no cluster that is only guessed: raises BadSettings where the
    user's config may name another one, in a way that cannot be read.
    """
    if acts and context is None:
        session.need_config("context")
    clusters = Clusters(
        lambda name, declared: session.cluster(name, kubeconfig, declared=declared),
        said=context,
        usual=session.user.context,
    )
    session.at_end(clusters.close)
    if warm:
        clusters.warm_up()
    return clusters


def placed(
    clusters: Clusters, names: Sequence[EnvironmentName], team: TeamSettings
) -> list[Placed]:
    """Return environments by cluster, for what is done in all of them or not at all.

    Raises what keeps one of them from having its cluster: WrongCluster, ConfigurationError, Denied.
    """
    places, errors = clusters.place(names, team)
    for error in errors.values():
        raise error
    return places


def environments_named(
    session: Session,
    words: Sequence[str],
    snapshot: Snapshot,
    *,
    project: str | None,
    only_read: bool = False,
) -> list[EnvironmentName]:
    """Return the named environments, or all of them (of the project), in the order of stages.

    `only_read`: the name of a stage means that stage of every project.
    """
    if words and only_read:
        names = snapshot.environments.keys()
        stages = (of_one_stage(word, names, snapshot.team, project=project) for word in words)
        return list(dict.fromkeys(name for names in stages for name in names))
    if words:
        named = (
            environment_named(session, word, snapshot, project=project, flag="ENV")
            for word in words
        )
        return list(dict.fromkeys(named))
    return all_environments(session, snapshot, project)


def meant(
    session: Session,
    desired: Desired,
    words: Sequence[str],
    *,
    project: str | None,
    only: Sequence[str] | None,
    exclude: Sequence[str] | None,
    only_read: bool = True,
) -> tuple[list[EnvironmentName], Selection]:
    """Return the environments that are meant, and which of their services.

    Says by the way why the state is not the remote's. Raises UsageError where no service is left.
    """
    if desired.note:
        session.output.note(desired.note)
    snapshot = desired.snapshot
    names = environments_named(session, words, snapshot, project=project, only_read=only_read)
    selection = Selection(tuple(only or ()), tuple(exclude or ()))
    selection.check(snapshot.environment(name) for name in names)
    return names, selection


def steps_wanted(
    session: Session, snapshot: Snapshot, names: Sequence[EnvironmentName], *, wanted: bool
) -> Callable[[Callable[[str, str], None]], Stepping] | None:
    """Return what gives the steps of environments to whoever hears of them; None: not wanted.

    A note says then which steps nobody looks at. Raises Untrusted.
    """
    if not wanted and all(not rules.steps for rules in snapshot.team.rules.values()):
        return None
    from gitops_cli.cli.stepping import note_steps, stepping  # few repositories have some

    if not wanted:
        note_steps(session, snapshot, names)
        return None
    return stepping(session, snapshot, names)


def report_problems(
    session: Session, problems: Iterable[GitOpsError], notes: Iterable[str]
) -> None:
    """Write what could not be told to stderr, each once; a hint after the last it is good for."""
    for note in dict.fromkeys(notes):
        session.output.note(note)
    distinct = list({problem.message: problem for problem in problems}.values())
    for problem, following in zip_longest(distinct, distinct[1:]):
        repeated = following is not None and following.hint == problem.hint
        session.output.error(problem, hint=not repeated)


Tell = Callable[[Row | SyncOutcome], str]


def rows_heard(
    session: Session,
    say: Callable[[str, str], None],
    report: SyncReport | None = None,
    tell: Tell = progress_line,
) -> Callable[[Row], None]:
    """Return what tells how a row is now: a line of progress, or a document of its own."""
    contexts = _contexts(report)

    def heard(row: Row) -> None:
        say(place_of_row(row), tell(row))
        if session.output.streams:
            from gitops_cli.render.watch import change_view  # it needs Rich

            session.output.event(change_view(row, contexts.get(row.environment)))

    return heard


def outcomes_heard(
    session: Session,
    say: Callable[[str, str], None],
    report: SyncReport,
    tell: Tell = progress_line,
) -> Callable[[SyncOutcome], None]:
    """Return what tells that a workload was patched, or was not, likewise."""
    contexts = _contexts(report)

    def heard(outcome: SyncOutcome) -> None:
        say(place_of_row(outcome), tell(outcome))
        session.output.event(outcome_view(outcome, contexts.get(outcome.environment)))

    return heard


def objects_heard(
    say: Callable[[str, str], None],
) -> Callable[[EnvironmentName, ObjectFate], None]:
    """Return what tells what became of an object, as a line of progress."""
    return lambda name, fate: say(f"{name} {fate.id}", object_line(name, fate))


def _contexts(report: SyncReport | None) -> Mapping[EnvironmentName, str | None]:
    return {e.environment: e.context for e in report.environments} if report else {}


def report_sync_problems(session: Session, report: SyncReport) -> None:
    """Write what kept a sync, or the wait for one, from what it was to do."""
    problems = [
        *(problem for e in report.environments for problem in e.all_problems),
        *(o.error for o in report.outcomes if o.error is not None),
    ]
    report_problems(session, problems, (note for e in report.environments for note in e.notes))


def notice_sync(session: Session, report: SyncReport, team: TeamSettings) -> None:
    """Tell the team's targets what a sync, or the wait for one, came to."""
    directory = session.machine.notices
    if directory is not None and report.dry_run is None:
        from gitops_cli.cli.noticing import tell_synced  # most machines have no targets

        tell_synced(session, report, team, directory)


@contextmanager
def progress(session: Session) -> Iterator[Callable[[str, str], None]]:
    """Yield what takes progress: of what it is, and the line that says how it is now.

    In a pipe the lines stay. On a terminal each thing has one line that changes, and they make
    way for the result, which has the same in full; what breaks off leaves them. A machine's
    result is not accompanied.
    """
    output = session.output
    if not output.for_people or output.quiet:
        yield lambda what, line: None
    elif output.stdout.console is None or output.stderr.console is None:
        yield lambda what, line: output.note(line)
    else:
        from gitops_cli.cli.progress import on_terminal  # a pipe does not need it

        with on_terminal(output.stderr.console) as say:
            yield say
