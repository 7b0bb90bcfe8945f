"""A change of recorded versions: before it is written (a plan) and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.change.draft import Draft, Verb, WriteOutcome, in_short
from gitops_cli.domain.change.plan import Action, Change
from gitops_cli.domain.text import one_line, plural
from gitops_cli.domain.version import SHORT, Version
from gitops_cli.render.gates import gate_document, gate_line
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View
from gitops_cli.render.waiting import review_fields, waiting_lines

COMMITS_LISTED = 10  # per service, for people; JSON has all that were read
AUTHORS_LISTED = 3

_KIND = {
    Verb.PROMOTE: "promotion",
    Verb.SET: "recording",
    Verb.REMOVE: "removal",
    Verb.APPROVE: "approval",
}
_COLUMNS = (
    Column("service"),
    Column("now"),
    Column("new"),
    Column("commits", flow=Flow.WRAP),
    Column("authors", flow=Flow.WRAP),
    Column("compare", wide=True),
)
_COMPARED = 3  # from this column on it is told how the versions lie to each other
RECORDS = Records(
    "changes",
    "environment service action from to relation ahead behind compare dry_run changed commit",
    "{environment}/{service}",
)
_SIGNS = {"added": "+", "changed": "~", "removed": "-"}
_OF_SEVERAL = RECORDS._replace(path="environments.changes")

if TYPE_CHECKING:
    from gitops_cli.domain.change.files import ManifestsPart
    from gitops_cli.domain.change.proposal import Edit
    from gitops_cli.domain.change.several import Drafts
    from gitops_cli.domain.past.ancestry import Changelog, SourceCommit

Changelogs = Mapping[Change, "Changelog"]


def plan_view(outcome: WriteOutcome, changelogs: Changelogs | None) -> View:
    """Return a plan for people to judge: one row per service, then its source commits.

    Without changelogs nobody looked how the versions lie to each other, and nothing is said of it.
    """
    draft = outcome.draft
    blocks = tuple(_plan(draft, changelogs))
    return View(_kind(draft), document(outcome, changelogs or {}), blocks, records=_records(draft))


def result_view(outcome: WriteOutcome, changelogs: Changelogs | None = None) -> View:
    """Return what was written, or that nothing had to be."""
    lines = tuple(_result(outcome))
    found = document(outcome, changelogs or {})
    return View(_kind(outcome.draft), found, lines, records=_records(outcome.draft))


def both_views(outcome: WriteOutcome, changelogs: Changelogs | None) -> View:
    """Return plan and result as one, for a report that nobody was asked about."""
    blocks = (*_plan(outcome.draft, changelogs), *_result(outcome))
    draft = outcome.draft
    found = document(outcome, changelogs or {})
    return View(_kind(draft), found, blocks, records=_records(draft))


def _kind(draft: Draft | Drafts) -> str:
    if not isinstance(draft, Draft):
        return "promotions"
    return _KIND.get(draft.verb, draft.verb.value)


def _records(draft: Draft | Drafts) -> Records:
    return RECORDS if isinstance(draft, Draft) else _OF_SEVERAL


def document(outcome: WriteOutcome, changelogs: Changelogs) -> dict[str, Any]:
    """Return the fields of all such results."""
    draft, written = outcome.draft, outcome.written
    shared = {
        "action": draft.parts[0].verb.value,
        "dry_run": outcome.dry_run,
        "changed": outcome.changed,
        "commit": written.commit if written else None,
        **review_fields(outcome.review),
        "reason": draft.parts[0].reason,
        "warnings": list(draft.warnings),
    }
    if not isinstance(draft, Draft):
        parts = [
            {"project": draft.project_of(part), **_of_one(part, changelogs)} for part in draft.parts
        ]
        return {**shared, "stage": draft.stage, "environments": parts}
    return {**shared, **_of_one(draft, changelogs), "held": list(draft.held)}


def _of_one(draft: Draft, changelogs: Changelogs) -> dict[str, Any]:
    """Return what is said of one environment."""
    return {
        "environment": draft.environment,
        "source": draft.source,
        "overrides": [override.value for override in draft.overrides],
        "changes": [_change(change, changelogs.get(change)) for change in draft.changes],
        "unchanged": [
            {"service": change.service, "version": _full(change.desired)}
            for change in draft.unchanged
        ],
        "manifests": _manifests(draft.manifests),
        "gates": [gate_document(report) for report in draft.gates],
    }


def _manifests(part: ManifestsPart | None) -> dict[str, Any] | None:
    if part is None:
        return None
    objects = None
    if part.objects is not None:
        from gitops_cli.render.objects import planned_document  # where there are some

        objects = [planned_document(fate) for fate in part.objects.fates if fate.differs]
    files = [{"path": edit.path, "action": _done(edit)} for edit in part.edits]
    return {"files": files, "objects": objects, "notes": list(part.notes)}


def _done(edit: Edit) -> str:
    if edit.old is None:
        return "added"
    return "removed" if edit.new is None else "changed"


def _change(change: Change, changelog: Changelog | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "service": change.service,
        "action": change.action.value,
        "from": _full(change.current),
        "to": _full(change.desired),
    }
    if changelog is None:
        return fields
    return fields | {
        "relation": changelog.distance.relation.value,
        "ahead": changelog.distance.ahead,
        "behind": changelog.distance.behind,
        "compare": changelog.link,
        "authors": list(changelog.authors),
        "commits": [_commit(commit) for commit in changelog.commits],
        "removed_commits": [_commit(commit) for commit in changelog.removed],
    }


def _commit(commit: SourceCommit) -> dict[str, str]:
    return {
        "hash": commit.hash,
        "author": commit.author,
        "at": commit.at.isoformat(),
        "subject": commit.subject,
    }


def _full(version: Version | None) -> str | None:
    return None if version is None else str(version)


def _plan(draft: Draft | Drafts, logs: Changelogs | None) -> Iterator[Table | Line]:
    if not draft.writes:
        return
    from gitops_cli.domain.past.ancestry import NO_CHANGELOG  # where versions change

    changelogs, columns = (logs, _COLUMNS) if logs is not None else ({}, _COLUMNS[:_COMPARED])

    rows: list[list[Cell | str]] = []
    lines: list[Line] = []
    gates: list[Line] = []
    project = [] if isinstance(draft, Draft) else [Column("project")]
    for part in draft.parts:
        place = [] if isinstance(draft, Draft) else [draft.project_of(part)]
        for change in part.changes:
            log = changelogs.get(change, NO_CHANGELOG)
            row = _row(change, log, back=part.verb is Verb.ROLLBACK)
            rows.append([*place, *row[: len(columns)]])
            lines += _source(" ".join([*place, change.service]), log)
        gates += [gate_line(" ".join([*place, report.service]), report) for report in part.gates]
    if rows:
        yield Table([*project, *columns], rows, _title(draft))
    yield from lines
    yield from gates
    for part in draft.parts:
        if part.manifests is not None:
            yield from _manifest_lines(part, part.manifests)


def _manifest_lines(draft: Draft, part: ManifestsPart) -> Iterator[Line]:
    yield Line(f"Manifests of {draft.environment}", Style.STRONG)
    for edit in part.edits:
        yield Line(f"  {_SIGNS[_done(edit)]} {one_line(edit.path)}")
    if part.objects is not None:
        from gitops_cli.render.objects import plan_lines  # where there are some

        yield from plan_lines(part.objects)
        if not any(fate.differs for fate in part.objects.fates):
            yield Line("  no object changes", Style.DIM)
    yield from (Line(f"  {note}", Style.DIM) for note in part.notes)


def _title(draft: Draft | Drafts) -> str:
    if not isinstance(draft, Draft):
        return f"Promote from {' and '.join(draft.sources)} to {draft.stage}"
    match draft.verb:
        case Verb.PROMOTE:
            return f"Promote from {draft.source} to {draft.environment}"
        case Verb.ROLLBACK:
            return f"Roll back {draft.environment}"
        case Verb.REMOVE:
            return f"Remove from {draft.environment}"
        case Verb.APPROVE:
            return f"Approve for {draft.environment}"
        case _:
            return f"Record in {draft.environment}"


def _row(change: Change, changelog: Changelog, *, back: bool) -> list[Cell | str]:
    names = changelog.authors[:AUTHORS_LISTED]
    more = len(changelog.authors) - len(names)
    authors = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    before, after = in_short(change.current, change.desired)
    old = Cell(before) if before else Cell("absent", Style.INFO)
    new = Cell(after) if after else Cell("removed", Style.WARN)
    commits = _distance(change, changelog, back=back)
    link = Cell(changelog.link or "", link=changelog.link)
    return [change.service, old, new, commits, authors, link]


def _short(version: Version) -> str:
    digest = f"@{version.digest[7 : 7 + SHORT]}" if version.digest else ""
    return version.short + digest


def _distance(change: Change, changelog: Changelog, *, back: bool) -> Cell:
    """Return how the versions lie to each other; `back`: losing commits is what is wanted."""
    if change.action is not Action.UPDATE:
        return Cell("")
    from gitops_cli.domain.past.ancestry import Relation

    alarm, style = ("", Style.PLAIN) if back else (" (downgrade!)", Style.BAD)
    match changelog.distance.relation:
        case Relation.AHEAD:
            return Cell(str(changelog.distance), Style.GOOD)
        case Relation.BEHIND:
            return Cell(f"{changelog.distance}{alarm}", style)
        case Relation.DIVERGED:
            return Cell(f"diverged: {changelog.distance}", style)
        case Relation.SAME:
            return Cell("same commit", Style.DIM)
        case Relation.UNKNOWN:
            return Cell("unknown", Style.DIM)


def _source(what: str, changelog: Changelog) -> Iterator[Line]:
    if not changelog.commits and not changelog.removed and not changelog.link:
        return
    link = f": {changelog.link}" if changelog.link else ""
    yield Line(f"{what}{link}", Style.STRONG, changelog.link)
    distance = changelog.distance
    yield from _listed("+", changelog.commits, distance.ahead)
    yield from _listed("-", changelog.removed, distance.behind)


def _listed(sign: str, commits: Sequence[SourceCommit], total: int | None) -> Iterator[Line]:
    for commit in commits[:COMMITS_LISTED]:
        what = f"{one_line(commit.subject)} ({one_line(commit.author)})"
        yield Line(f"  {sign} {commit.hash[:SHORT]} {what}")
    more = (total or len(commits)) - COMMITS_LISTED
    if more > 0:
        yield Line(f"  {sign} {plural(more, 'commit')} more", Style.DIM)


def _result(outcome: WriteOutcome) -> Iterator[Line]:
    draft, written = outcome.draft, outcome.written
    if outcome.review is not None and draft.writes:
        yield from waiting_lines(outcome.review, draft.proposal.subject, written)
    elif outcome.changed and written is not None and written.commit is not None:
        yield Line(f"{written.proposal.subject} ({written.commit[:SHORT]})", Style.GOOD)
    elif draft.writes:
        yield Line(f"would write: {draft.proposal.subject}", Style.INFO)
    else:
        yield Line(_nothing(draft), Style.DIM)


def _nothing(draft: Draft | Drafts) -> str:
    if not isinstance(draft, Draft):
        projects = ", ".join(draft.project_of(part) for part in draft.parts)
        services = plural(len(draft.unchanged), "service")
        same = " and ".join(draft.sources)
        return f"nothing to do: {draft.stage} is up to date with {same} in {projects} ({services})"
    if draft.verb is Verb.APPROVE:
        return f"nothing to do: {draft.environment} has it already, or you have approved it"
    if len(draft.unchanged) == 1:
        change = draft.unchanged[0]
        version = _short(change.desired) if change.desired else "absent"
        return f"nothing to do: {change.service} in {draft.environment} is {version} already"
    same = f" with {draft.source}" if draft.source else ""
    many = f" ({plural(len(draft.unchanged), 'service')})" if draft.unchanged else ""
    return f"nothing to do: {draft.environment} is up to date{same}{many}"
