"""What a sync would do or did, as tables and as a document."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.cluster.advice import commands
from gitops_cli.domain.cluster.comparison import Row, State
from gitops_cli.domain.cluster.sync import (
    Deed,
    EnvironmentReport,
    RolloutVerdict,
    SyncOutcome,
    SyncReport,
)
from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.text import one_line, plural, spoken
from gitops_cli.render.diff import brief, problem_document, trouble_document, version, way_back
from gitops_cli.render.view import (
    Cell,
    Column,
    Flow,
    Line,
    Records,
    Style,
    Table,
    View,
    verbatim,
)

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.report import ObjectFate
    from gitops_cli.domain.names import ServiceName

_STYLES = {
    Deed.PATCHED: Style.GOOD,
    Deed.WOULD_PATCH: Style.INFO,
    Deed.UNCHANGED: Style.DIM,
    Deed.LEFT: Style.WARN,
    Deed.REVERTED: Style.WARN,
    Deed.NOT_TRIED: Style.WARN,
}
_VERDICTS = {
    RolloutVerdict.READY: Style.GOOD,
    RolloutVerdict.FAILED: Style.BAD,
    RolloutVerdict.TIMED_OUT: Style.BAD,
}

_RECORDS = Records(
    "environments.services",
    "environment=name context service kind workload action before wanted held rollout reason "
    "error=error.message",
    "{environment}/{service}",
)


def sync_view(report: SyncReport, *, verbose: bool = False, recorded: bool = True) -> View:
    """Return every service of every environment; for people only those with something to say.

    `verbose`: with all that steps said. `recorded`: the environments are of the repository, where
    versions can go back.
    """
    blocks: list[Table | Line] = []
    for environment in report.environments:
        blocks += _steps(environment, verbose=verbose)
        blocks += _blocks(environment)
        if recorded:
            blocks += way_back(environment.environment, _failed(environment))
        blocks += _object_lines(environment, dry_run=report.dry_run is not None)
    return View("sync", document(report), blocks, records=_RECORDS)


def document(report: SyncReport) -> dict[str, Any]:
    """Return the document of `gitops sync -o json`."""
    return {
        "commit": report.commit,
        "dry_run": report.dry_run.value if report.dry_run else None,
        "changed": report.changed,
        "exit_code": int(report.exit_code),
        "cluster_seconds": round(report.cluster_seconds, 3),
        "environments": [
            {
                "name": environment.environment,
                "context": environment.context,
                "services": [
                    outcome_document(outcome, environment.context)
                    for outcome in environment.outcomes
                ],
                **_objects_document(environment),
                **_steps_document(environment),
                "problems": [problem_document(problem) for problem in environment.problems],
                "notes": list(environment.notes),
            }
            for environment in report.environments
        ],
    }


def outcome_view(outcome: SyncOutcome, context: str | None) -> View:
    """Return one workload that was just patched, or was not, for streams of documents."""
    fields = {"environment": outcome.environment, "context": context}
    line = Line(outcome_line(outcome), _STYLES.get(outcome.done, Style.BAD))
    return View("patch", {**fields, "service": outcome_document(outcome, context)}, (line,))


def _objects_document(environment: EnvironmentReport) -> dict[str, Any]:
    if environment.objects is None:
        return {}
    from gitops_cli.render.objects import object_document  # environments without do without

    return {"objects": [object_document(f, done=True) for f in environment.objects.fates]}


def _steps_document(environment: EnvironmentReport) -> dict[str, Any]:
    if not environment.steps:
        return {}
    from gitops_cli.render.steps import step_document  # few environments have some

    return {"steps": [step_document(step) for step in environment.steps]}


def _steps(environment: EnvironmentReport, *, verbose: bool) -> list[Table | Line]:
    if not environment.steps:
        return []
    from gitops_cli.render.steps import step_blocks  # few environments have some

    return step_blocks(environment.steps, environment.environment, verbose=verbose)


def outcome_document(outcome: SyncOutcome, context: str | None) -> dict[str, Any]:
    """Return one service in full."""
    rollout = outcome.rollout
    return {
        "service": outcome.service,
        "kind": outcome.kind.value,
        "action": outcome.done.value,
        "workload": outcome.workload_name,
        "containers": list(outcome.containers),
        "replaces": [str(image) for image in outcome.images],
        "before": None if outcome.before is None else str(outcome.before),
        "wanted": None if outcome.wanted is None else str(outcome.wanted),
        "held": outcome.held,
        "reason": outcome.reason,
        "error": None if outcome.error is None else problem_document(outcome.error),
        "rollout": outcome.verdict.value if outcome.verdict else None,
        "trouble": trouble_document(rollout.trouble if rollout else None),
        "commands": list(_commands(outcome, context)),
    }


def _commands(outcome: SyncOutcome, context: str | None) -> tuple[str, ...]:
    if not _has_failed(outcome):
        return ()
    trouble = outcome.rollout.trouble if outcome.rollout else None
    return commands(outcome.environment, outcome.kind, outcome.workload_name, trouble, context)


def _blocks(environment: EnvironmentReport) -> list[Table | Line]:
    telling = [o for o in environment.outcomes if _tells(o)]
    where = f" ({environment.context})" if environment.context else ""
    title = f"{environment.environment}{where}"
    if any(step.error is not None for step in environment.steps):
        return [Line(f"{title}: not synced, as a step was not done", Style.WARN)]
    if not telling:
        if environment.objects is not None and environment.objects.tells:
            return [Line(title, Style.STRONG)]
        if environment.problems:
            return []
        counts = [plural(len(environment.outcomes), "service")]
        if environment.objects is not None:
            counts.append(plural(len(environment.objects.fates), "object"))
        return [Line(f"{title}: nothing to do ({', '.join(counts)})", Style.DIM)]
    waited = any(o.verdict is not None for o in telling)
    columns = [
        Column("service"),
        Column("kind", wide=len({o.kind for o in telling}) == 1),
        Column("container", wide=all(len(o.containers) < 2 for o in telling)),
        Column("from"),
        Column("to"),
        Column("action"),
        Column("rollout", wide=not waited),
        Column("reason", wide=not any(o.reason or o.error for o in telling), flow=Flow.BRIEF),
    ]
    rows = [_cells(part) for outcome in telling for part in _parts(outcome)]
    blocks: list[Table | Line] = [Table(columns, rows, title)]
    for outcome in telling:
        blocks += failure_blocks(outcome, environment.context)
    return blocks


def _failed(environment: EnvironmentReport) -> list[ServiceName]:
    return [o.service for o in environment.outcomes if o.verdict is RolloutVerdict.FAILED]


def _object_lines(environment: EnvironmentReport, *, dry_run: bool) -> list[Line]:
    if environment.objects is None:
        return []
    from gitops_cli.render.objects import done_lines  # environments without do without

    return list(done_lines(environment.objects, dry_run=dry_run))


def failure_blocks(outcome: SyncOutcome, context: str | None) -> list[Line]:
    """Return the last log lines of a rollout that failed, and the commands that show more."""
    trouble = outcome.rollout.trouble if outcome.rollout else None
    lines: list[Line] = []
    if _has_failed(outcome) and trouble is not None:
        who = f"{outcome.service}{'' if trouble.pod is None else ' ' + trouble.pod}"
        lines += [verbatim(f"  {who} | {text}", Style.DIM) for text in trouble.log]
    return lines + [verbatim(f"  {command}", Style.DIM) for command in _commands(outcome, context)]


def _has_failed(outcome: SyncOutcome) -> bool:
    late = outcome.verdict in (RolloutVerdict.FAILED, RolloutVerdict.TIMED_OUT)
    return late or (outcome.failed and outcome.verdict is None)


def _tells(outcome: SyncOutcome) -> bool:
    quiet = outcome.done is Deed.UNCHANGED and outcome.verdict in (None, RolloutVerdict.READY)
    return not quiet or outcome.reason is not None or outcome.error is not None


def _parts(outcome: SyncOutcome) -> list[SyncOutcome]:
    """Return an outcome for each container where they do not all change from the same image."""
    if len(set(outcome.images)) < 2:
        return [outcome]
    return [
        outcome._replace(containers=(container,), before=image)
        for container, image in zip(outcome.containers, outcome.images, strict=True)
    ]


def _cells(outcome: SyncOutcome) -> list[Cell | str]:
    reason = outcome.error.message if outcome.error is not None else outcome.reason or ""
    verdict = outcome.verdict
    return [
        outcome.service,
        outcome.kind.value,
        ", ".join(outcome.containers),
        version(outcome.before, outcome.wanted),
        version(outcome.wanted),
        Cell(spoken(outcome.done), _STYLES.get(outcome.done, Style.BAD)),
        Cell(spoken(verdict), _VERDICTS.get(verdict, Style.WARN)) if verdict else "",
        brief(reason, outcome.wanted, outcome.before),
    ]


def summary_line(report: SyncReport) -> str:
    """Return one line for stderr: what was changed."""
    steps = [step for e in report.environments for step in e.steps]
    if steps:
        from gitops_cli.render.steps import steps_summary

        if not any(e.outcomes or e.objects or e.problems for e in report.environments):
            return steps_summary(steps)
        without = tuple(e._replace(steps=()) for e in report.environments)
        return f"{steps_summary(steps)}; {summary_line(report._replace(environments=without))}"
    counts = Counter(o.done for o in report.outcomes)
    objects = _objects_line(report)
    if objects is not None:
        services = [f"{counts[done]} {spoken(done)}" for done in Deed if counts[done]]
        return "; ".join([*([", ".join(services)] if services else []), objects])
    if not counts and any(e.problems for e in report.environments):
        return "nothing was changed"
    if set(counts) <= {Deed.UNCHANGED}:
        said = f"nothing to do: {plural(counts[Deed.UNCHANGED], 'service')} as recorded"
        failed = sum(_has_failed(o) for o in report.outcomes)
        if failed:
            return f"{said}, {plural(failed, 'rollout')} failed"
        waiting = sum(not o.settled and o.verdict is None for o in report.outcomes)
        return f"{said}, {waiting} not rolled out: add --wait to see why" if waiting else said
    failed = sum(o.verdict is RolloutVerdict.FAILED for o in report.outcomes)
    parts = [f"{counts[done]} {spoken(done)}" for done in Deed if counts[done]]
    return ", ".join([*parts, *([f"{plural(failed, 'rollout')} failed"] if failed else [])])


def _objects_line(report: SyncReport) -> str | None:
    """Return what became of objects; None where none has anything to say."""
    found = [e.objects for e in report.environments if e.objects is not None]
    if not any(objects.tells for objects in found):
        return None
    counts = Counter(spoken(fate.done) for objects in found for fate in objects.fates)
    return f"objects: {', '.join(f'{count} {word}' for word, count in counts.items())}"


def object_line(environment: str, fate: ObjectFate) -> str:
    """Return one line of progress for an object that was applied, or not."""
    reason = fate.error.message if fate.error is not None else fate.reason
    said = f": {one_line(reason)}" if reason else ""
    return f"{environment} {fate.id} {spoken(fate.done)}{said}"


def place_of_row(row: Row | SyncOutcome) -> str:
    """Return what a line of progress is about; the next one about it takes its place."""
    return f"{row.environment} {row.kind.value} {row.service}"


def progress_line(what: Row | SyncOutcome) -> str:
    """Return one line of progress for what is waited for, or was patched or not."""
    return row_line(what) if isinstance(what, Row) else outcome_line(what)


def told_later(what: Row | SyncOutcome) -> str:
    """Return the same where an error will end the command and say why: it is told once."""
    fails = what.state is State.FAILED if isinstance(what, Row) else what.exit_code != ExitCode.OK
    if not fails:
        return progress_line(what)
    if isinstance(what, Row):
        return row_line(what._replace(reason=None))
    return outcome_line(what._replace(reason=None, error=None))


def row_line(row: Row) -> str:
    """Return one line of progress for a row of a rollout that is waited for."""
    done, wanted = row.rollout.counts if row.rollout is not None else (0, 0)
    count = f" {done}/{wanted}" if row.state is State.ROLLING and wanted else ""
    reason = f": {one_line(row.reason)}" if row.reason else ""
    return (
        f"{row.environment} {row.service} {version(row.wanted)} {spoken(row.state)}{count}{reason}"
    )


def _rolled_out(outcome: SyncOutcome) -> str:
    return "" if outcome.verdict is None else f", rollout {spoken(outcome.verdict)}"


def outcome_line(outcome: SyncOutcome) -> str:
    """Return one line of progress for a workload that was patched, or not."""
    reason = outcome.error.message if outcome.error is not None else outcome.reason
    said = f": {one_line(reason)}" if reason else ""
    before = version(outcome.before, outcome.wanted)
    return (
        f"{outcome.environment} {outcome.service} {before} → {version(outcome.wanted)} "
        f"{spoken(outcome.done)}{_rolled_out(outcome)}{said}"
    )
