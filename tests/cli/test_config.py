"""`gitops config list`: every value and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.testbed.git import git
from tests.testbed.gitops import Gitops

SETTINGS = """\
stages = ["dev", "prod"]

[stage.prod]
protected = true
freeze = ["Fri 16:00 - Mon 08:00 UTC"]

[service.web]
source = "https://user:s3cret@example.com/web.git"
"""


@pytest.fixture
def state(gitops: Gitops, tmp_path: Path) -> Gitops:
    git(tmp_path, "init", "-q", "state")
    (tmp_path / "state/gitops.toml").write_text(SETTINGS)
    git(tmp_path / "state", "add", ".")
    git(tmp_path / "state", "commit", "-q", "-m", "x")
    return gitops.at(tmp_path / "state")


def listed(state: Gitops) -> dict[str, tuple[Any, str]]:
    found = state("config", "list", "-o", "json").ok().json()["settings"]
    return {setting["key"]: (setting["value"], setting["origin"]) for setting in found}


def configure(gitops: Gitops, text: str) -> Path:
    path = gitops.home / "config/gitops/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_team_settings_with_their_lines_and_defaults(state: Gitops) -> None:
    found = listed(state)
    assert found["stages"] == (["dev", "prod"], "gitops.toml:1")
    assert found["stage.prod.protected"] == (True, "gitops.toml:4")
    assert found["stage.prod.freeze"] == (["Fri 16:00 - Mon 08:00 UTC"], "gitops.toml:5")
    assert found["versions.form"] == ("commit", "default")


def test_variables_before_the_users_config_before_defaults(state: Gitops) -> None:
    assert listed(state)["output"] == ("table", "default")
    path = configure(state, '# mine\noutput = "wide"\nproject = "shop"\n')
    assert listed(state)["output"] == ("wide", f"{path}:2")
    found = listed(state.using(GITOPS_OUTPUT="json", GITOPS_PROJECT="", GITOPS_ENV="dev"))
    assert found["output"] == ("json", "GITOPS_OUTPUT")
    assert found["project"] == ("shop", f"{path}:3")
    assert found["env"] == ("dev", "GITOPS_ENV")


def test_origins_are_shown_if_asked(state: Gitops) -> None:
    assert "gitops.toml:4" not in state("config", "list").ok().stdout
    assert "gitops.toml:4" in state("config", "list", "--show-origin").ok().stdout


def test_secrets_in_urls_are_not_shown(state: Gitops) -> None:
    inside = state.using(GITOPS_REPO=None)
    configure(inside, 'repo = "https://me:t0ken@example.com/state.git"\n')
    for form in ("table", "json", "yaml"):
        ran = inside("config", "list", "-o", form).ok()
        assert "s3cret" not in ran.stdout + ran.stderr
        assert "t0ken" not in ran.stdout + ran.stderr
        assert "https://***@example.com/web.git" in ran.stdout


def test_outside_of_a_repository(gitops: Gitops, tmp_path: Path) -> None:
    ran = gitops.at(tmp_path)("config", "list", "--show-origin").ok()
    assert ran.stdout.split() == ["KEY", "VALUE", "ORIGIN", "output", "table", "default"]
    assert "no team settings" in ran.stderr


def test_bad_settings_are_told_with_their_line(state: Gitops) -> None:
    (state.directory / "gitops.toml").write_text("\nstages = 5\n")
    git(state.directory, "commit", "-q", "-a", "-m", "y")
    ran = state("config", "list").ok()
    assert "gitops.toml:2: stages: must be a list of texts" in ran.stderr
    assert listed(state)["stages"] == (["development", "staging", "production"], "default")
    path = configure(state, "outptu = 1\n")
    ran = state("config", "list").ok()
    assert "outptu" not in ran.stdout
    assert f"{path}:1: outptu: unknown key" in ran.stderr
    assert "`output`" in ran.stderr


def test_the_users_repository_in_place_of_a_named_directory_is_said(
    state: Gitops, tmp_path: Path
) -> None:
    configure(state, f'repo = "{state.directory}"\n')
    elsewhere = state.at(tmp_path)

    assert elsewhere("status").ok().stderr == ""
    named = elsewhere("-C", tmp_path, "status").ok()
    assert named.stderr == f"{tmp_path} is no state repository; using {state.directory}\n"
