"""Menus of 60, 80 and 120 columns, in a repository of 3 projects × 5 stages × 15 services."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.render.test_screens import SERVICES, STAGES, WIDTHS, held
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops

WIDTH = pytest.mark.parametrize("width", WIDTHS)
PROJECTS = ("shop", "crm", "warehouse")
ENVIRONMENTS = [f"{project}-{stage}" for project in PROJECTS for stage in STAGES]


def version(seed: int) -> str:
    return f"{seed * 2654435761 % 2**28:07x}" + "0" * 33


@pytest.fixture
def company(gitops: Gitops, tmp_path: Path) -> Gitops:
    remote = init_bare(tmp_path / "state.git")
    order = ", ".join(f'"{stage}"' for stage in STAGES)
    files = {"gitops.toml": f"stages = [{order}]\n"}
    for place, name in enumerate(ENVIRONMENTS):
        files[f"{name}/images_path"] = f"registry.example.com/{name.split('-')[0]}/\n"
        for at, service in enumerate(SERVICES):
            files[f"{name}/{service}.deployment"] = version(place * 20 + at) + "\n"
    again = {name: text for name, text in files.items() if name.startswith("shop-production/")}
    for number, name in enumerate(again):
        again[name] = again[name] if "images" in name else version(1000 + number) + "\n"
    add_commits(
        remote, [Commit("begin", files, 1_790_000_000), Commit("all", again, 1_791_000_000)]
    )
    git(tmp_path, "clone", "-q", remote, "clone")
    return gitops.at(tmp_path / "clone")


@WIDTH
def test_a_menu_of_services_that_is_searched(company: Gitops, width: int) -> None:
    words = ("promote", "--from", "shop-preproduction", "--to", "shop-production")
    with company.terminal(*words, rows=24, columns=width) as terminal:
        terminal.wait_for("web")
        held(f"menu-{width}", terminal.screen)
        terminal.type("in")
        terminal.wait_for("/ in...")
        held(f"menu-searched-{width}", terminal.screen)
        terminal.press("ctrl-c")
        assert terminal.finish() == 130


@WIDTH
def test_a_change_of_many_services_takes_three_lines_of_a_menu(company: Gitops, width: int) -> None:
    with company.terminal("rollback", "-e", "shop-production", columns=width) as terminal:
        terminal.wait_for("new →")
        shown = terminal.screen
        terminal.press("ctrl-c")
        assert terminal.finish() == 130

    first = shown[shown.index(" » ") : shown.index(" new →")].splitlines()[:3]
    assert len(first) == 3, shown
    assert "accounts 1560750 → 6ead519" in first[0]
    assert first[-1].endswith(" …")
    assert max(map(len, first)) < width
