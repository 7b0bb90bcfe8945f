"""Which writes a defect of gitops.toml stops."""

from __future__ import annotations

import pytest

from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.governing import is_foreign, misleading, stopping
from gitops_cli.domain.recorded.team_file import parse_team

PLACES = {"web to prod": ("production", ["web"]), "api to dev": ("development", ["api"])}
EVERYTHING, NOTHING = set(PLACES), set[str]()
WEB, PROD = {"web to prod"}, {"web to prod"}


@pytest.mark.parametrize(
    ("text", "writes", "syncs"),
    [
        ("x = [", EVERYTHING, EVERYTHING),
        ("stages = 1", EVERYTHING, EVERYTHING),
        ("stage = 1", EVERYTHING, EVERYTHING),
        ("[stage.production]\nmode = 1", PROD, NOTHING),
        ("[stage.production]\ncluster = 1", PROD, PROD),
        ("[stage.production]\nmanifests = 1", PROD, PROD),
        ("[stage.production]\nclustr = 'prod-eu'", PROD, PROD),
        ("[stage]\nproduction = 1", PROD, PROD),
        ("[stage.prod]\nprotected = true", EVERYTHING, EVERYTHING),
        ("[service.web]\nsource = 1", WEB, NOTHING),
        ("[service.web]\nworkload = 1", WEB, WEB),
        ("[service.web]\nworklod = 'x'", WEB, WEB),
        ('[service."Web"]', NOTHING, NOTHING),
        ("[versions]\nform = 1", EVERYTHING, NOTHING),
        ("[commit]\nskip_cy = true", EVERYTHING, NOTHING),
        ("[stag.production]\nprotected = true", EVERYTHING, EVERYTHING),
        ("[renovate]\nschedule = 'weekly'", NOTHING, NOTHING),
    ],
)
def test_a_section_stops_what_it_governs(text: str, writes: set[str], syncs: set[str]) -> None:
    team = parse_team(RawFile("gitops.toml", text.encode()))

    assert team.defects, "validate tells all of them"
    assert {name for name, place in PLACES.items() if [*stopping(team, *place)]} == writes
    assert {name for name, place in PLACES.items() if [*misleading(team, *place)]} == syncs


def test_all_defects_are_found_at_once_and_what_is_right_holds() -> None:
    text = "[stage.production]\nprotected = true\nmode = 1\n\n[commit]\nskip_ci = 2\n[x]\n"
    team = parse_team(RawFile("gitops.toml", text.encode()))

    assert [(d.line, d.key) for d in team.defects] == [
        (3, ("stage", "production", "mode")),
        (6, ("commit", "skip_ci")),
        (7, ("x",)),
    ]
    assert team.stage("production").protected
    assert [d.key for d in team.defects if is_foreign(d.key)] == [("x",)]


def test_a_protection_that_cannot_be_read_protects() -> None:
    team = parse_team(RawFile("gitops.toml", b"[stage.production]\nprotected = 'yes'\n"))

    assert team.stage("production").protected, "nothing else asks who rolls back"
