"""Environments, and new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_cli.domain.change.proposal import Written
from gitops_cli.domain.recorded.environment import NO_ENVIRONMENTS
from gitops_cli.domain.recorded.findings import Severity
from gitops_cli.domain.text import plural
from gitops_cli.domain.version import SHORT
from gitops_cli.operations.env import ListedEnvironment, NewEnvironment
from gitops_cli.render.view import Cell, Column, Line, Records, Style, Table, View

_COLUMNS = (
    Column("environment"),
    Column("project"),
    Column("stage"),
    Column("services", right=True),
    Column("images path"),
    Column("cluster"),
    Column("manifests", wide=True),
)

_LISTED = Records(
    "environments",
    "environment project stage services images_path cluster manifests errors",
    "{environment}",
)
_MADE = Records(
    "",
    "environment source images_path services files dry_run changed commit",
    "{environment}",
)


def list_view(listed: Sequence[ListedEnvironment], *, empty: str = NO_ENVIRONMENTS) -> View:
    """Return a row per environment; `empty` is said where there is none."""
    document = {
        "environments": [
            {
                "environment": each.place.environment,
                "project": each.place.project,
                "stage": each.place.stage,
                "services": sorted(each.environment.files),
                "images_path": each.environment.images_path,
                "manifests": each.environment.has_manifests,
                "cluster": each.cluster,
                "errors": _errors(each),
            }
            for each in listed
        ]
    }
    if not listed:
        nothing = Line(empty, Style.DIM)
        return View("environments", document, (nothing,), records=_LISTED)
    table = Table(_COLUMNS, [_row(each) for each in listed])
    return View("environments", document, (table,), records=_LISTED)


def _errors(each: ListedEnvironment) -> int:
    return sum(f.severity is Severity.ERROR for f in each.environment.findings)


def _row(each: ListedEnvironment) -> list[Cell | str]:
    environment = each.environment
    return [
        Cell(environment.name, Style.BAD if _errors(each) else Style.PLAIN),
        each.place.project,
        each.place.stage,
        str(len(environment.files)),
        environment.images_path or Cell("unreadable", Style.BAD),
        each.cluster or "",
        "yes" if environment.has_manifests else "",
    ]


def new_plan(draft: NewEnvironment) -> View:
    """Return what would be made: a row for each version that is copied."""
    return View("environment", _new_document(draft, None), (_plan(draft),), records=_MADE)


def _plan(draft: NewEnvironment) -> Table:
    rows: list[list[Cell | str]] = [
        [change.service, change.desired.short if change.desired else ""] for change in draft.copied
    ]
    like = f", as {draft.source} is" if draft.source else ""
    title = f"{draft.name}{like} ({draft.images_path}…)"
    return Table((Column("service"), Column("version")), rows, title)


def new_view(draft: NewEnvironment, written: Written | None) -> View:
    """Return what was made; `written` is None for a dry run."""
    changed = written is not None and written.changed
    if written is None:
        line = Line(f"would write: {draft.proposal.subject}", Style.INFO)
    elif changed and written.commit:
        count = f", {plural(len(draft.services), 'service')}" if draft.source else ""
        line = Line(f"{draft.proposal.subject}{count} ({written.commit[:SHORT]})", Style.GOOD)
    else:
        line = Line(f"nothing to do: {draft.name} is so already", Style.DIM)
    blocks = (_plan(draft), line) if written is None and draft.copied else (line,)
    return View("environment", _new_document(draft, written), blocks, records=_MADE)


def _new_document(draft: NewEnvironment, written: Written | None) -> dict[str, Any]:
    return {
        "environment": draft.name,
        "source": draft.source,
        "images_path": draft.images_path,
        "services": list(draft.services),
        "files": [edit.path for edit in draft.proposal.edits],
        "dry_run": written is None,
        "changed": written is not None and written.changed,
        "commit": written.commit if written else None,
    }
