"""diff, history, promote, sync and validate of 3 projects × 5 stages × 15 services."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_cli.domain.change.draft import Draft, Verb, WriteOutcome
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.proposal import Proposal
from gitops_cli.domain.change.several import Drafts
from gitops_cli.domain.cluster.comparison import Comparison, Diff, State
from gitops_cli.domain.cluster.sync import Deed, EnvironmentReport, RolloutVerdict, SyncReport
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import Changelog, distance
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.validation import Subject, Validation
from gitops_cli.domain.version import Version
from gitops_cli.render import history, validate
from gitops_cli.render.change import plan_view
from gitops_cli.render.diff import diff_view
from gitops_cli.render.sync import sync_view
from tests.render import test_other_screens as one
from tests.render.test_screens import NOW, SERVICES, STAGES, WIDTHS, held, screen

PROJECTS = ("shop", "crm", "warehouse")
ENVIRONMENTS = [EnvironmentName(f"{p}-{s}") for p in PROJECTS for s in STAGES]
WIDTH = pytest.mark.parametrize("width", WIDTHS)


def version(seed: int) -> Version:
    return Version(f"{seed * 2654435761 % 2**28:07x}" + "0" * 33)


@WIDTH
def test_diff(width: int) -> None:
    troubled = one.troubled().environments[0]
    calm = [row._replace(state=State.IN_SYNC, lock=None, reason=None) for row in troubled.rows]
    compared = [
        troubled
        if name == one.PROD
        else Comparison(name, tuple(row._replace(environment=name) for row in calm))
        for name in ENVIRONMENTS
    ]
    shown = screen(diff_view(Diff("c" * 40, tuple(compared), {})), width)
    held(f"company-diff-{width}", shown)


def changes() -> Iterator[one.PastChange]:
    for number, service in enumerate(SERVICES):
        name = ENVIRONMENTS[number]
        action = ("set", "promote", "rollback")[number % 3]
        why = "the login fails for every second customer" if action == "rollback" else ""
        yield one.change(7 * number, service, action, why, environment=name)


@WIDTH
def test_history(width: int) -> None:
    shown = screen(history.view(tuple(changes()), NOW), width)
    held(f"company-history-{width}", shown)


def promoted(project: str, seed: int) -> Draft:
    target = EnvironmentName(f"{project}-production")
    moved = tuple(
        Change(ServiceName(service), version(seed + at), version(seed + 20 + at))
        for at, service in enumerate(SERVICES)
    )
    source = EnvironmentName(f"{project}-preproduction")
    return Draft(Verb.PROMOTE, target, moved, (), Proposal((), "all"), source=source)


@WIDTH
def test_promote_of_all_projects(width: int) -> None:
    parts = tuple(promoted(project, 100 * at) for at, project in enumerate(PROJECTS))
    drafts = Drafts("production", ("preproduction",), parts, Proposal((), "all"))
    logs = {change: Changelog(distance(2, 0), ()) for part in parts for change in part.changes}
    shown = screen(plan_view(WriteOutcome(drafts), logs), width)
    held(f"company-promote-{width}", shown)


@WIDTH
def test_sync(width: int) -> None:
    reports = []
    for name in ENVIRONMENTS:
        verdicts = {"frontend": RolloutVerdict.FAILED if name == one.PROD else RolloutVerdict.READY}
        outcomes = tuple(
            one.outcome(
                service,
                Deed.PATCHED if service in verdicts else Deed.UNCHANGED,
                verdicts.get(service),
            )._replace(environment=name)
            for service in SERVICES
        )
        reports.append(EnvironmentReport(name, "prod-eu", outcomes))
    shown = screen(sync_view(SyncReport("c" * 40, tuple(reports))), width)
    held(f"company-sync-{width}", shown)


@WIDTH
def test_validate(width: int) -> None:
    findings = (
        Finding("gitops.toml", 7, "settings", "unknown key `protect`", "did you mean `protected`?"),
        *(
            Finding(
                f"{name}/{service}.deployment",
                1,
                "short-hash",
                "`36a03b3` is no full commit hash",
                "record all 40 digits",
                Severity.WARNING,
            )
            for name, service in zip(ENVIRONMENTS, SERVICES, strict=True)
        ),
    )
    found = Validation(Subject.WORKING_TREE, None, 15, 225, findings)
    shown = screen(validate.view(found), width)
    words = {word for line in validate.view(found).blocks for word in line.text.split()}
    assert words <= set(shown.split()), "none is broken"
    held(f"company-validate-{width}", shown)
