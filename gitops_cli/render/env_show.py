"""One environment, for `gitops env show`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from gitops_cli.domain.change.policy import moment
from gitops_cli.domain.duration import age
from gitops_cli.domain.recorded.environment import VersionFile
from gitops_cli.domain.recorded.findings import Severity
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.team import Mode
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import SHORT
from gitops_cli.operations.env_show import ShownEnvironment
from gitops_cli.render.lock import lock_details
from gitops_cli.render.status import lock_document
from gitops_cli.render.view import Cell, Column, Flow, Line, Records, Style, Table, View

_RECORDS = Records(
    "services",
    "environment service kind version image changed_at changed_by commit",
    "{environment}/{service}",
)
_FACTS = (Column("what"), Column("is", flow=Flow.PROSE))
_SERVICES = (
    Column("service"),
    Column("version"),
    Column("since", right=True),
    Column("by"),
    Column("kind", wide=True),
    Column("lock", flow=Flow.PROSE),
    Column("image", wide=True),
)


def show_view(shown: ShownEnvironment) -> View:
    """Return what it is, then a row per service, then what is wrong with its files."""
    environment = shown.environment
    files = [file for _, file in sorted(environment.files.items())]
    blocks: list[Table | Line] = [
        Table(_FACTS, [[what, value] for what, value in _facts(shown)], environment.name)
    ]
    if files:
        blocks.append(Table(_SERVICES, [_service(file, shown) for file in files]))
    else:
        blocks.append(Line("it has no services", Style.DIM))
    blocks += [
        Line(f"{finding.where}: {finding.message}", Style.BAD)
        for finding in environment.findings
        if finding.severity is Severity.ERROR
    ]
    return View("environment-details", _document(shown), blocks, records=_RECORDS)


def _facts(shown: ShownEnvironment) -> Iterator[tuple[str, Cell | str]]:
    environment = shown.environment
    yield "project", shown.place.project or "-"
    yield "stage", shown.place.stage
    yield "images path", environment.images_path or Cell("unreadable", Style.BAD)
    yield "cluster", shown.rules.cluster or "not said: --context, or the current one"
    yield "agent", _agent(shown)
    if (whole := environment.locks.get(None)) is not None:
        yield "lock", _lock(whole, shown)
    yield from _rules(shown)
    if environment.has_manifests:
        yield "manifests", "yes"
    if shown.last is not None:
        commit = shown.last
        when = age(shown.now - commit.committed_at)
        what = f"{commit.hash[:SHORT]} {when} ago by {one_line(commit.author.name)}"
        yield "last change", f"{what}: {one_line(commit.subject)}"


def _rules(shown: ShownEnvironment) -> Iterator[tuple[str, Cell | str]]:
    """Yield what gitops.toml says of its stage, where it says something."""
    rules = shown.rules
    if shown.frozen is not None:
        window, end = shown.frozen
        yield "frozen", Cell(f"until {moment(end)} ({window.text})", Style.WARN)
    elif rules.freeze:
        yield "freeze windows", "; ".join(window.text for window in rules.freeze)
    if rules.protected:
        yield "protected", "changes are confirmed by its name, with a reason"
    if rules.mode is Mode.PR:
        yield "mode", "changed by pull requests"
    if rules.promote_from is not None:
        yield "promotions from", ", ".join(rules.promote_from) or "nowhere"
    if rules.require:
        yield "promotions require", ", ".join(sorted(rules.require))
    if rules.soak:
        yield "soak", f"{age(timedelta(seconds=rules.soak))} in the stage before"
    if rules.approvals:
        signed = ", signed" if rules.signed_approvals else ""
        yield "approvals", f"{rules.approvals} of others{signed}"
    if rules.branches:
        yield "branches", ", ".join(rules.branches)


def _agent(shown: ShownEnvironment) -> Cell | str:
    match shown.follower.followed:
        case True:
            return "follows it"
        case False:
            name = shown.environment.name
            return f"none: `gitops sync {name}` does it, or `gitops agent install {name}`"
        case None:
            return Cell(f"not known: {shown.follower.trouble}", Style.DIM)


def _lock(lock: Lock, shown: ShownEnvironment) -> Cell:
    if not lock.holds(shown.now):
        return Cell("expired", Style.DIM)
    return Cell(f"locked{lock_details(lock)}", Style.INFO)


def _service(file: VersionFile, shown: ShownEnvironment) -> list[Cell | str]:
    environment = shown.environment
    change, lock = shown.changes.get(file.path), environment.locks.get(file.service)
    image = "" if environment.images_path is None else str(environment.image(file.service))
    return [
        file.service,
        file.version.short,
        age(shown.now - change.committed_at) if change is not None else "",
        one_line(change.author.name) if change is not None else "",
        file.kind.value,
        "" if lock is None else _lock(lock, shown),
        image,
    ]


def _document(shown: ShownEnvironment) -> dict[str, Any]:
    environment, rules, last = shown.environment, shown.rules, shown.last
    return {
        "environment": environment.name,
        "project": shown.place.project,
        "stage": shown.place.stage,
        "revision": shown.commit,
        "images_path": environment.images_path,
        "manifests": environment.has_manifests,
        "cluster": rules.cluster,
        "agent": {"follows": shown.follower.followed, "trouble": shown.follower.trouble},
        "lock": lock_document(environment.locks.get(None), shown.now),
        "freeze": {
            "windows": [window.text for window in rules.freeze],
            "until": shown.frozen[1].isoformat() if shown.frozen is not None else None,
        },
        "protected": rules.protected,
        "mode": rules.mode.value,
        "promote_from": None if rules.promote_from is None else list(rules.promote_from),
        "require": sorted(requirement.value for requirement in rules.require),
        "soak": rules.soak,
        "approvals": rules.approvals,
        "branches": list(rules.branches),
        "last_change": None
        if last is None
        else {
            "commit": last.hash,
            "at": last.committed_at.isoformat(),
            "by": last.author.name,
            "subject": last.subject,
        },
        "services": [
            _service_document(file, shown) for _, file in sorted(environment.files.items())
        ],
        "errors": [
            f"{finding.where}: {finding.message}"
            for finding in environment.findings
            if finding.severity is Severity.ERROR
        ],
    }


def _service_document(file: VersionFile, shown: ShownEnvironment) -> dict[str, Any]:
    environment, change = shown.environment, shown.changes.get(file.path)
    return {
        "service": file.service,
        "kind": file.kind.value,
        "version": str(file.version),
        "image": None if environment.images_path is None else str(environment.image(file.service)),
        "changed_at": change.committed_at.isoformat() if change is not None else None,
        "changed_by": change.author.name if change is not None else None,
        "commit": change.commit if change is not None else None,
        "lock": lock_document(environment.locks.get(file.service), shown.now),
    }
