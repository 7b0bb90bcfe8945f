"""The files of an environment's manifests: where they stand, and what a write does to them."""

from __future__ import annotations

import pytest

from gitops_cli.domain.change.draft import Draft, Verb, written
from gitops_cli.domain.change.files import ManifestsPart, SettledFiles, edits_between, settle_files
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.domain.manifests.report import EnvironmentObjects
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import HeldFile
from gitops_cli.domain.recorded.manifests_place import (
    has_manifests,
    is_own_manifest,
    manifests_place,
)
from gitops_cli.domain.recorded.team import StageRules, TeamSettings
from gitops_cli.domain.version import Version

PROD, WEB, A = EnvironmentName("shop-production"), ServiceName("web"), Version("a" * 40)
OLD, NEW, OTHER = b"kind: A\n", b"kind: B\n", b"kind: C\n"


def test_a_write_of_manifests_is_named_and_taken_back() -> None:
    a, b = Edit("p/manifests/a.yaml", OLD, NEW, "100755"), Edit("p/manifests/b.yaml", None, NEW)
    both = ManifestsPart((a, b), EnvironmentObjects(), frozenset({WEB}), ("b is new",))

    assert ManifestsPart((a,)).what == "the manifest a.yaml"
    assert both.what == "2 manifests"
    assert both.reversed() == ManifestsPart(
        (Edit("p/manifests/a.yaml", NEW, OLD), Edit("p/manifests/b.yaml", NEW, None)),
        services=frozenset({WEB}),
    )


def test_edits_make_the_files_what_they_shall_be_and_leave_the_others() -> None:
    now = {
        "changed": HeldFile("100644", OLD),
        "gone": HeldFile("100755", OLD),
        "mode": HeldFile("100644", OLD),
        "same": HeldFile("100644", OLD),
        "not asked": HeldFile("100644", OLD),
    }
    wanted = {
        "changed": HeldFile("100755", NEW),
        "mode": HeldFile("100755", OLD),
        "new": HeldFile("120000", NEW),
        "same": HeldFile("100644", OLD),
    }

    found = edits_between(now, wanted, {"same", "new", "mode", "gone", "changed", "nowhere"})

    assert found == (
        Edit("changed", OLD, NEW, "100755"),
        Edit("gone", OLD, None, None),
        Edit("mode", OLD, OLD, "100755"),
        Edit("new", None, NEW, "120000"),
    )


def test_edits_are_held_against_what_the_files_are_now() -> None:
    moved = Edit("moved", OLD, NEW)
    edits = (
        moved,
        Edit("seen", OLD, NEW),
        Edit("done", OLD, NEW),
        Edit("new", None, NEW),
        Edit("gone", OLD, None),
        Edit("lost", OLD, NEW),
    )
    now = {"moved": OTHER, "seen": OLD, "done": NEW, "lost": None}
    held = {path: HeldFile("100644", data) for path, data in now.items() if data is not None}

    assert settle_files(edits, held) == SettledFiles((edits[1], edits[3]), ("moved", "lost"))


def draft(changes: int = 0, files: int | None = None) -> Draft:
    part = None if files is None else ManifestsPart((Edit("x", OLD, NEW),) * files)
    made = (Change(WEB, None, A),) * changes
    return Draft(Verb.PROMOTE, PROD, made, (), Proposal((), "x"), manifests=part)


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (draft(), "nothing"),
        (draft(1), "1 service"),
        (draft(0, 1), "1 manifest"),
        (draft(2, 0), "2 services"),
        (draft(2, 3), "2 services and 3 manifests"),
    ],
)
def test_how_much_is_written_is_said(of: Draft, says: str) -> None:
    assert written(of) == says


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("shop-qa/values.yaml", True),
        ("shop-qa/manifests/a.yaml", True),
        ("shop-qa/manifests", False),
        ("shop-qa/manifests.yaml", False),
        ("shop-qa/web.deployment", False),
        ("shop-qa2/values.yaml", False),
        ("shop-q/manifests/a.yaml", False),
    ],
)
def test_an_environment_has_its_values_and_its_directory(path: str, own: bool) -> None:
    assert is_own_manifest(path, "shop-qa") is own


@pytest.mark.parametrize(
    ("own", "named", "place"),
    [
        (True, "../base", "shop-production/manifests"),
        (False, None, None),
        (False, "../base", "base"),
        (False, "chart/./x/", "shop-production/chart/x"),
        (False, "../{stage}/{project}/{environment}", "production/shop/shop-production"),
    ],
)
def test_manifests_stand_where_the_environment_or_its_stage_has_them(
    own: bool, named: str | None, place: str | None
) -> None:
    rules = {"production": StageRules("production", manifests=named), "qa": StageRules("qa")}
    team = TeamSettings(stages=("qa", "production"), rules=rules)
    environment = Environment(PROD, "r/", {}, has_manifests=own)

    assert manifests_place(environment, team) == place
    assert has_manifests(Snapshot(None, {PROD: environment}, team=team)) is (place is not None)


def test_the_stage_is_the_one_that_the_team_declares() -> None:
    name = EnvironmentName("shop-live-eu")
    team = TeamSettings(("live-eu",), {"live-eu": StageRules("live-eu", manifests="../{stage}")})
    assert manifests_place(Environment(name, "r/", {}), team) == "live-eu"
