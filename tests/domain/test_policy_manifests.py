"""What refuses manifests, settings with a defect, and the bounds of the other rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.change.policy import (
    NeedsReview,
    Origin,
    Override,
    Refusal,
    Unconfirmed,
    frozen,
    locked,
    need_confirmation,
    needs_review,
    unapproved_manifests,
    unsettled,
    unsoaked_manifests,
    wrong_branch,
)
from gitops_cli.domain.errors import PolicyRefused
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.freeze import parse_freeze
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.recorded.team import Mode, StageRules, TeamSettings
from gitops_cli.domain.settings import BadSettings, Defect

PROD, STAGING = EnvironmentName("shop-production"), EnvironmentName("shop-staging")
PLACE, WEB, API = Place(PROD, "shop", "production"), ServiceName("web"), ServiceName("api")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = StageRules("production", lines={"approvals": 4, "soak": 5})
HOUR = timedelta(hours=1)


def said(found: Iterator[Refusal]) -> list[tuple[str, str | None, Override | None]]:
    return [(each.error.message, each.error.hint, each.override) for each in found]


@pytest.mark.parametrize(
    ("approvals", "reviewed", "refused"),
    [(0, False, False), (1, False, True), (2, False, True), (1, True, False), (0, True, False)],
)
def test_manifests_where_versions_want_approvals(
    approvals: int, reviewed: bool, refused: bool
) -> None:
    rules = RULES._replace(approvals=approvals)
    found = list(unapproved_manifests(PLACE, rules, reviewed=reviewed))
    assert (
        said(iter(found))
        == [
            (
                (
                    "gitops.toml:4: production wants approvals, which are of versions: "
                    "nobody can approve manifests that way"
                ),
                '--pr lets a request have them reviewed; or --override-policy -m "why"',
                Override.POLICY,
            )
        ]
        * refused
    )
    assert [type(each.error) for each in found] == [PolicyRefused] * refused


@pytest.mark.parametrize(
    ("soak", "ago", "told"),
    [
        (7200.0, HOUR, "1h00m"),
        (7200.0, 2 * HOUR - timedelta(seconds=1), "1h59m"),
        (7200.0, 2 * HOUR, None),
        (7200.0, 30 * HOUR, None),
        (7200.0, None, None),
        (0.0, -HOUR, None),
        (None, -HOUR, None),
        (7200.0, -HOUR, "0s"),
    ],
)
def test_manifests_that_changed_a_moment_ago(
    soak: float | None, ago: timedelta | None, told: str | None
) -> None:
    changed = None if ago is None else NOW - ago
    found = list(unsoaked_manifests(PLACE, RULES._replace(soak=soak), STAGING, changed, NOW))
    expected = (
        (
            "gitops.toml:5: production wants what was in shop-staging for 2h00m; "
            f"its manifests changed {told} ago"
        ),
        'wait, or --override-policy -m "why"',
        Override.POLICY,
    )
    assert said(iter(found)) == [expected] * (told is not None)
    assert {type(each.error) for each in found} <= {PolicyRefused}


def test_settings_in_which_something_is_wrong() -> None:
    mine = Defect("gitops.toml", 2, ("stage", "production", "soak"), "is no time", "write 2h")
    also = Defect("gitops.toml", 3, ("service", "web", "path"), "is no path")
    other = Defect("gitops.toml", 4, ("stage", "staging", "soak"), "is no time")
    team = TeamSettings(stages=("staging", "production"), defects=(mine, also, other))
    [refusal] = unsettled(PLACE, [WEB], team)
    assert type(refusal.error) is BadSettings
    assert refusal.error.defects == (mine, also)
    assert said(iter([refusal])) == [
        ("gitops.toml:2: is no time; gitops.toml:3: is no path", "write 2h", None)
    ]
    assert list(unsettled(PLACE, [WEB], team._replace(defects=(other,)))) == []


def lock(service: ServiceName | None, **more: object) -> Lock:
    return Lock(f"{PROD}/{service or ''}.lock", service)._replace(**more)  # type: ignore[arg-type]


def test_locks_are_told_the_environments_first_and_then_by_name() -> None:
    until = NOW + timedelta(seconds=1)
    held = {
        WEB: lock(WEB, by="A\x1bda", until=until),
        API: lock(API, reason="a\nb", problem="not TOML"),
        None: lock(None, reason="all\x1b"),
    }
    unlock = ('-e shop-production`, or --override-lock -m "why"', Override.LOCK)
    assert said(locked(Environment(PROD, "r/", {}, held), iter([WEB, API]), NOW)) == [
        (
            r"shop-production/.lock:1: all of shop-production is locked: all\x1b",
            *(f"`gitops unlock {unlock[0]}", unlock[1]),
        ),
        (
            (
                "shop-production/api.lock:1: api in shop-production is locked "
                "(the lock cannot be read: not TOML)"
            ),
            *(f"`gitops unlock api {unlock[0]}", unlock[1]),
        ),
        (
            (
                r"shop-production/web.lock:1: web in shop-production is locked by A\x1bda "
                "until Mon 2026-11-23 12:00 UTC"
            ),
            *(f"`gitops unlock web {unlock[0]}", unlock[1]),
        ),
    ]
    ended = {WEB: lock(WEB, until=NOW), None: lock(None, until=NOW)}
    assert list(locked(Environment(PROD, "r/", {}, ended), [WEB], NOW)) == []


@pytest.mark.parametrize(
    ("confirmed", "named"),
    [
        (PROD, True),
        (f"{STAGING},{PROD}", True),
        (f"{PROD},{STAGING}", True),
        (f"{STAGING}", False),
        (f"{STAGING} {PROD}", False),
        ("", False),
        (None, False),
    ],
)
def test_several_environments_are_confirmed_with_commas(confirmed: str | None, named: bool) -> None:
    rules = RULES._replace(protected=True)
    if named:
        need_confirmation(PROD, rules, confirmed=confirmed, reason="why")
        return
    with pytest.raises(Unconfirmed) as found:
        need_confirmation(PROD, rules, confirmed=confirmed, reason="why")
    assert (found.value.message, found.value.hint, found.value.environment) == (
        "shop-production is protected",
        '--confirm shop-production -m "why" confirms it',
        PROD,
    )


def test_nothing_is_known_of_commits_by_default() -> None:
    origin = Origin()
    assert (origin.branch, origin.request, origin.is_on(["main"])) == (None, None, False)
    [refusal] = needs_review(PLACE, RULES._replace(mode=Mode.PR))
    assert type(refusal.error) is NeedsReview
    assert refusal.error.message == "gitops.toml:1: production is changed by pull requests"


def test_each_window_that_is_open_refuses() -> None:
    windows = [
        "2026-11-22 00:00 - 2026-11-23 12:00 UTC",
        "2026-11-23 12:00 - 2026-11-23 13:00 UTC",
        "2026-11-24 00:00 - 2026-11-25 00:00 UTC",
        "2026-11-23 00:00 - 2026-11-24 00:00 UTC",
    ]
    rules = RULES._replace(freeze=tuple(map(parse_freeze, windows)))
    hint = 'wait, or --override-freeze -m "why"; `gitops rollback` is never frozen'
    start = "gitops.toml:1: production is frozen until"
    assert said(frozen(PLACE, rules, NOW)) == [
        (f"{start} Mon 2026-11-23 13:00 UTC (`{windows[1]}`)", hint, Override.FREEZE),
        (f"{start} Tue 2026-11-24 00:00 UTC (`{windows[3]}`)", hint, Override.FREEZE),
    ]


@pytest.mark.parametrize(
    ("branch", "request_", "held", "what"),
    [
        ("main", None, False, None),
        ("main", "request 7", False, None),
        ("release/1", None, False, None),
        (None, None, True, None),
        ("feature", None, True, "the branch `feature`"),
        ("MAIN", None, False, "the branch `MAIN`"),
        ("feature", "request\n7", True, "request 7, not merged yet"),
        (None, "request 7", True, "request 7, not merged yet"),
        (None, None, False, "a commit of which nobody knows that one of them holds it"),
    ],
)
def test_whose_commits_are_recorded(
    branch: str | None, request_: str | None, held: bool, what: str | None
) -> None:
    rules = RULES._replace(branches=("main", "release/*"), lines={"branches": 6})
    origin = Origin(branch, request_, lambda globs: held and globs == rules.branches)
    expected = (
        f"gitops.toml:6: shop-production records commits of main, release/*, this is {what}",
        'build that branch (GITOPS_BRANCH says what is built), or --override-policy -m "why"',
        Override.POLICY,
    )
    assert said(wrong_branch(origin, PLACE, rules)) == [expected] * (what is not None)
    assert said(wrong_branch(origin, PLACE, rules._replace(branches=()))) == []
