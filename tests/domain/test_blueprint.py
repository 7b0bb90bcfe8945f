"""A new repository's files are a good state repository, whatever it is asked for."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.recorded.blueprint import Blueprint, Pipelines, checked, files_of
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.domain.recorded.team import DEFAULT_STAGES
from gitops_cli.domain.recorded.team_file import parse_team

IMAGES = "registry.example.com/{project}/"
LABELS = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,4})?", fullmatch=True)


def settings_of(files: dict[str, str]) -> RawFile:
    return RawFile("gitops.toml", files["gitops.toml"].encode())


@given(
    st.lists(LABELS, min_size=1, max_size=3, unique=True),
    st.lists(LABELS, min_size=1, max_size=4, unique=True),
)
def test_the_files_have_no_findings(projects: list[str], stages: list[str]) -> None:
    blueprint = checked(Blueprint(projects, stages, IMAGES))
    files = files_of(blueprint)
    snapshot = parse_snapshot(RawFile(path, text.encode()) for path, text in files.items())
    assert snapshot.all_findings == ()
    assert set(snapshot.environments) == set(blueprint.environments)
    assert parse_team(settings_of(files)).stages == tuple(stages)


def test_images_path_may_name_the_project() -> None:
    files = files_of(Blueprint(["shop", "blog"], ["prod"], IMAGES))
    assert files["shop-prod/images_path"] == "registry.example.com/shop/\n"
    assert files["blog-prod/images_path"] == "registry.example.com/blog/\n"


def test_every_commented_example_is_valid() -> None:
    """Whoever takes the `#` away gets settings that are accepted, with no key misspelt."""
    text = files_of(Blueprint(["shop"], DEFAULT_STAGES, IMAGES))["gitops.toml"]
    examples = re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", text)
    assert tomllib.loads(examples).keys() == {"stages", "stage", "service", "versions"}
    team = parse_team(RawFile("gitops.toml", examples.encode()))
    assert team.stage("production").protected
    assert team.stage("production").promote_from == ("staging",)


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (Pipelines.GITHUB, "`.github/workflows`"),
        (Pipelines.GITLAB, "`.gitlab-ci.yml`"),
        (Pipelines.NONE, "`gitops init --ci github`"),
        (Pipelines.JENKINS, "`gitops init --ci github`"),
    ],
)
def test_the_readme_says_what_pipelines_do(forge: Pipelines, said: str) -> None:
    files = files_of(Blueprint(["shop"], ["prod"], IMAGES, forge))

    assert said in files["README.md"].partition("## Checks")[2]
    assert yaml.safe_load(files[".pre-commit-config.yaml"])["repos"][0]["repo"] == "local"


@pytest.mark.parametrize(
    ("blueprint", "message"),
    [
        (Blueprint([], ["prod"], IMAGES), "no project"),
        (Blueprint(["shop"], [], IMAGES), "no stage"),
        (Blueprint(["shop", "shop"], ["prod"], IMAGES), "named twice"),
        (Blueprint(["../shop"], ["prod"], IMAGES), "not the name of a project"),
        (Blueprint(["shop"], ["Prod"], IMAGES), "not the name of a stage"),
        (Blueprint(["s" * 60], ["prod"], IMAGES), "not an environment name"),
        (Blueprint(["shop"], ["prod"], "registry.example.com"), "does not end with `/`"),
        (Blueprint(["shop"], ["prod"], "https://registry/"), "cannot begin the name"),
        (Blueprint(["shop"], ["prod"], "a/\nb/"), "more than one line"),
        (Blueprint(["shop"], ["prod"], " "), "empty"),
    ],
)
def test_what_would_not_work_is_refused(blueprint: Blueprint, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        checked(blueprint)
