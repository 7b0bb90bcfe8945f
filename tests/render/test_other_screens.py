"""diff, sync, history and promote on terminals of 60, 80 and 120 columns, held as pictures."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from rich.console import Console

from gitops_cli.domain.change.draft import Draft, Verb, WriteOutcome
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.proposal import Actor, Proposal
from gitops_cli.domain.cluster.comparison import Comparison, Diff, Row, State
from gitops_cli.domain.cluster.rollout import Phase, Rollout
from gitops_cli.domain.cluster.sync import (
    Deed,
    EnvironmentReport,
    RolloutVerdict,
    SyncOutcome,
    SyncReport,
)
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import Changelog, SourceCommit, distance
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.version import Version
from gitops_cli.operations.past_changes import PastChange, Recorded
from gitops_cli.render import history
from gitops_cli.render.change import plan_view
from gitops_cli.render.console import print_view
from gitops_cli.render.diff import brief, diff_view
from gitops_cli.render.plain import plain_view
from gitops_cli.render.restore import restore_view
from gitops_cli.render.sync import summary_line, sync_view
from gitops_cli.render.view import View
from tests.render.test_screens import NOW, SERVICES, WIDTHS, held, screen

PROD = EnvironmentName("shop-production")
OLD, NEW = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2", "8f14e45fceea167a5a36dedd4bea2543ceea167a"
WIDTH = pytest.mark.parametrize("width", WIDTHS)


def image(service: str, version: str) -> str:
    return f"registry.example.com/shop/{service}:{version}"


def pull_failure(service: str) -> Trouble:
    named = image(service, NEW)
    back_off = f'Back-off pulling image "{named}": ErrImagePull: {named}: not found'
    return Trouble("ImagePullBackOff", back_off, f"{service}-5d9c-x7k2p", service)


CRASH = Trouble(
    "CrashLoopBackOff",
    "",
    "search-7b4d-q9zx4",
    "search",
    exit_code=1,
    restarts=5,
    log=("connecting to search-index:9200", "fatal: connection refused"),
)
PENDING = Trouble(
    "Unschedulable",
    "0/6 nodes are available: 2 Insufficient cpu, 4 node(s) had untolerated taint "
    "{node.kubernetes.io/unreachable: }. preemption: 0/6 nodes are available: 2 No preemption "
    "victims found for incoming pod, 4 Preemption is not helpful for scheduling.",
    "orders-66f8-l2m4c",
)
TROUBLES = {"frontend": pull_failure("frontend"), "search": CRASH, "orders": PENDING}


def troubled() -> Diff:
    """Return fifteen services of which three fail, one differs and one is rolling."""
    rows = []
    for service in SERVICES:
        trouble = TROUBLES.get(service)
        state = State.FAILED if trouble else State.IN_SYNC
        state = {"web": State.DIFFERS, "basket": State.ROLLING}.get(service, state)
        rollout = Rollout(Phase.PROGRESSING, "1 of 3 updated", trouble, (1, 3))
        reason = trouble.text if trouble else "1 of 3 updated" if service == "basket" else None
        rows.append(
            Row(
                PROD,
                ServiceName(service),
                Kind.DEPLOYMENT,
                state,
                service,
                wanted=parse_image(image(service, NEW)),
                recorded=parse_image(image(service, OLD if service == "web" else NEW)),
                lock=Lock("x", None, "Ada", reason="audit") if service == "web" else None,
                reason=reason,
                rollout=rollout if state is not State.IN_SYNC else None,
            )
        )
    return Diff("c" * 40, (Comparison(PROD, tuple(rows)),), {PROD: "prod-eu"})


def lines_of_reasons(shown: str) -> list[int]:
    """Return how many lines each failing row takes, its own included, in a screen of diff."""
    counts: list[int] = []
    for line in shown.splitlines()[2:]:
        if line.startswith("  ") and not line.startswith("    "):
            break
        if " failed" in line:
            counts.append(1)
        elif line.startswith("    ") and counts:
            counts[-1] += 1
    return counts


@WIDTH
def test_diff_of_fifteen_services_of_which_three_fail(width: int) -> None:
    shown = screen(diff_view(troubled()), width)
    held(f"diff-{width}", shown)
    failing = lines_of_reasons(shown)
    assert len(failing) == len(TROUBLES)
    assert max(failing) <= 1 + 2, "a reason has two lines at most"
    assert "gitops rollback frontend orders search -e shop-production" in shown.replace("\n", "")
    assert NEW not in shown.partition("kubectl")[0]


def test_wide_and_pipes_have_reasons_in_full() -> None:
    view = diff_view(troubled())
    assert "Preemption is not helpful for scheduling." in "\n".join(plain_view(view))
    assert "Preemption is not helpful for scheduling." in wide(view)
    assert image("frontend", NEW) in str(view.document), "documents shorten nothing"


def wide(view: View) -> str:
    file = io.StringIO()
    print_view(view, Console(file=file, width=200), wide=True)
    return " ".join(file.getvalue().split())


def test_a_reason_names_images_by_service_and_version_and_shortens_hashes() -> None:
    wanted = parse_image(f"{image('web', NEW)}@sha256:{'ab' * 32}")
    text = f"pull {wanted}: no sha256:{'cd' * 32}, {OLD} or 1234567890"
    assert brief(text, None, wanted) == "pull web:8f14e45: no sha256:cdcdcdc, 36a03b3 or 1234567890"


def outcome(service: str, deed: Deed, verdict: RolloutVerdict | None = None) -> SyncOutcome:
    trouble = TROUBLES.get(service)
    return SyncOutcome(
        PROD,
        ServiceName(service),
        Kind.DEPLOYMENT,
        deed,
        parse_image(image(service, NEW)),
        parse_image(image(service, OLD)),
        reason=trouble.text if trouble else None,
        verdict=verdict,
        rollout=Rollout(Phase.FAILED, "", trouble) if trouble else None,
    )


@WIDTH
def test_sync_of_which_one_rollout_fails(width: int) -> None:
    outcomes = (
        outcome("billing", Deed.PATCHED, RolloutVerdict.READY),
        outcome("frontend", Deed.PATCHED, RolloutVerdict.FAILED),
        outcome("web", Deed.UNCHANGED),
    )
    report = SyncReport("c" * 40, (EnvironmentReport(PROD, "prod-eu", outcomes),))
    shown = screen(sync_view(report), width)
    held(f"sync-{width}", shown)
    assert "gitops rollback frontend -e shop-production" in shown
    assert summary_line(report) == "2 patched, 1 unchanged, 1 rollout failed"


def test_a_rehearsal_names_no_way_back_where_nothing_is_recorded() -> None:
    outcomes = (outcome("frontend", Deed.PATCHED, RolloutVerdict.FAILED),)
    report = SyncReport("c" * 40, (EnvironmentReport(PROD, "prod-eu", outcomes),))

    assert "gitops rollback" in screen(restore_view(report, (), recorded=True), 120)
    assert "gitops rollback" not in screen(restore_view(report, (), recorded=False), 120)


def change(ago: int, service: str | None, action: str, why: str = "", **more: object) -> PastChange:
    at = NOW - timedelta(hours=ago)
    subject = f"{PROD}: {service}" + (f": {why}" if why else "")
    trailers = {"Gitops-Action": action, **({"Gitops-Reason": why} if why else {})}
    made = Commit("d" * 40, (), Actor("Ada Lovelace", "a@b.c"), at, at, subject, why, trailers)
    old, new = (Recorded(text, Version(text)) for text in (OLD, NEW))
    name = None if service is None else ServiceName(service)
    found = PastChange(PROD, name, f"{PROD}/x", old, new, "d" * 40, at, made, None)
    return found._replace(**more)  # type: ignore[arg-type]


@WIDTH
def test_history_of_versions_locks_and_overrides(width: int) -> None:
    lock = Lock(f"{PROD}/web.lock", ServiceName("web"), "Ada Lovelace", reason="audit")
    entries = (
        change(2, "web", "rollback", "the login fails for every second customer since noon"),
        change(5, "web", "lock", "audit", lock=lock, old=None, new=None),
        change(30, "authentication", "promote"),
        change(200, None, "unlock", lock=lock, unlocked=True, old=None, new=None),
    )
    held(f"history-{width}", screen(history.view(entries, NOW), width))


@WIDTH
def test_promote_of_two_services_of_which_one_would_go_back(width: int) -> None:
    ahead, back = (
        Change(ServiceName(name), Version(OLD), Version(NEW)) for name in ("authentication", "web")
    )
    commits = tuple(
        SourceCommit(f"{n:040x}", author, NOW, f"Change what {author} cares about most of all")
        for n, author in enumerate(("Ada Lovelace", "Ben Example", "Eve Example"), 1)
    )
    logs = {
        ahead: Changelog(distance(3, 0), commits, link="https://forge.example.com/compare/1...2"),
        back: Changelog(distance(0, 1), (), commits[:1]),
    }
    proposal = Proposal((), f"{PROD}: two")
    staging = EnvironmentName("shop-staging")
    draft = Draft(Verb.PROMOTE, PROD, (ahead, back), (), proposal, source=staging)
    shown = screen(plan_view(WriteOutcome(draft), logs), width)
    held(f"promote-{width}", shown)
    assert "NOW" in shown
    assert "downgrade!" in " ".join(shown.split())
