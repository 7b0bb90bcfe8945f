"""The pipelines that `init --ci` writes, judged by the linters of their systems."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gitops_cli.domain.recorded.blueprint import Pipelines
from gitops_cli.operations.recipes import FOLDER, recipe_files
from tests.testbed import golang
from tests.testbed.git import git, init_bare
from tests.testbed.gitops import Gitops

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "gitops_cli" / "recipes"
STATE = RECIPES / "state"
DELIVERY = ROOT / "examples" / "delivery"
WORKFLOWS = [RECIPES / "github.yml", *sorted(STATE.glob("github-*")), DELIVERY / "github.yml"]
OF_GITLAB = [RECIPES / "gitlab.yml", *sorted(STATE.glob("gitlab-*")), DELIVERY / "gitlab.yml"]
BIN = Path(sys.executable).parent
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def lint(*command: str | Path, cwd: Path | None = None) -> None:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # actionlint runs shellcheck
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_examples_are_what_init_writes() -> None:
    examples = {file.name: file.read_text() for file in (ROOT / "examples" / "ci").iterdir()}

    assert examples == {file.name: file.read_text() for file in RECIPES.iterdir() if file.is_file()}


def test_github_by_actionlint() -> None:
    go = golang.go_toolchain((ROOT / "tests" / "controlplane" / "go.mod").read_text())
    lint(go, "run", ACTIONLINT, "-no-color", *WORKFLOWS, cwd=RECIPES)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_github_by_zizmor(tmp_path: Path, file: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "release.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(file.read_text())

    lint(BIN / "zizmor", "--offline", "--no-progress", workflow)


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-workflows", WORKFLOWS), ("vendor.gitlab-ci", OF_GITLAB)],
    ids=["github", "gitlab"],
)
def test_yaml_by_its_systems_schema(schema: str, files: list[Path]) -> None:
    lint(BIN / "check-jsonschema", "--builtin-schema", schema, *files)


@pytest.mark.parametrize("file", OF_GITLAB, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_scripts_of_gitlab_by_shellcheck(tmp_path: Path, file: Path) -> None:
    for name, job in yaml.safe_load(file.read_text()).items():
        if lines := job.get("script"):
            script = tmp_path / re.sub(r"\W", "_", name)
            script.write_text("\n".join(["#!/bin/sh", *lines, ""]))
            lint(BIN / "shellcheck", "--severity=style", script)


def test_shell_by_shellcheck() -> None:
    lint(BIN / "shellcheck", "--severity=style", RECIPES / "release.sh")


@pytest.mark.parametrize("forge", [forge for forge in Pipelines if forge is not Pipelines.NONE])
def test_what_is_known_is_filled_in(forge: Pipelines) -> None:
    [(path, text)] = recipe_files(
        forge, repository="git@git.test:a/state.git", registry="r.test:5000", stage="test"
    ).items()

    assert path.startswith(f"{FOLDER}/")
    assert "git@git.test:a/state.git" in text
    assert "r.test:5000" in text
    assert "--env test" in text
    assert "example.com" not in text


def test_what_would_need_quotes_is_left_to_the_reader() -> None:
    [text] = recipe_files(Pipelines.SHELL, repository="/tmp/$(reboot)/state").values()

    assert "reboot" not in text


def test_there_is_none_for_nobody() -> None:
    assert recipe_files(Pipelines.NONE) == {}


def test_init_writes_the_recipe_of_the_system(gitops: Gitops, tmp_path: Path) -> None:
    remote = init_bare(tmp_path / "state.git")
    git(tmp_path, "clone", "-q", remote, "clone")

    gitops(
        *("init", "clone", "--project", "shop", "--images-path", "r.test:5000/{project}/"),
        *("--stage", "test,live", "--ci", "jenkins"),
    ).ok()

    text = git(tmp_path / "clone", "show", f"HEAD:{FOLDER}/Jenkinsfile")
    assert "REGISTRY = 'r.test:5000'" in text
    assert f"GITOPS_REPO = '{remote}'" in text
    assert "gitops release --env test" in text
