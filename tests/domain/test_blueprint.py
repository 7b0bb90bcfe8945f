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


SETTINGS = """\
# What the team agreed. Every key is optional, and `gitops help gitops.toml` has
# them all; `gitops validate` checks this file, and `gitops config list --show-origin`
# shows what is in force and why.

# From the first to the last: `gitops promote --to X` copies from the stage before X.
stages = ["qa", "live"]

# [stage.live]
# aliases = ["live"]                       # other names for it
# cluster = "prod-eu"                      # its kubeconfig context and no other
# promote_from = ["qa"]                    # nothing skips it
# protected = true                         # confirmed by name, with a reason
# freeze = ["Fri 16:00 - Mon 08:00 Europe/Warsaw"]
# require = ["image", "live-in-source"]    # what a promotion checks first
# mode = "pr"                              # changes go through a pull request

# [service.authentication]
# source = "git@example.com:acme/authentication.git"   # for changelogs and "3 behind"
# container = "app"                        # which gets the image; ["a", "b"]: several
# workload = "rel-authentication"          # its name in clusters, if it is another

# [versions]
# form = "any"                             # permit tags that are not commit hashes
# new_services = "allow"                   # CI may record new services
"""
COMMANDS = """\
```sh
gitops status                                    # what is recorded where
gitops set authentication=HASH -e qa -p shop     # CI does this after each build
gitops promote authentication --to live -p shop  # copies from the stage before
gitops diff                                      # recorded against running
gitops sync shop-qa                              # makes the cluster follow
gitops history authentication                    # who, when, from, to, why
gitops rollback authentication -e live -p shop   # a new commit with the version before
```
"""
TREE = """\
.
├── shop-qa/                       registry.example.com/shop/
├── shop-live/                     registry.example.com/shop/
├── blog-qa/                       registry.example.com/blog/
├── blog-live/                     registry.example.com/blog/
└── gitops.toml                    what the team agreed
"""


def test_the_files_of_a_new_repository_in_full() -> None:
    files = files_of(Blueprint(["shop", "blog"], ["qa", "live"], IMAGES))

    assert set(files) == {
        "shop-qa/images_path",
        "shop-live/images_path",
        "blog-qa/images_path",
        "blog-live/images_path",
        "gitops.toml",
        "README.md",
        ".gitattributes",
        ".pre-commit-config.yaml",
    }
    assert files["gitops.toml"] == SETTINGS
    assert COMMANDS in files["README.md"]
    assert TREE in files["README.md"]


def test_what_is_usual_is_commented_out_and_one_stage_has_none_before() -> None:
    usual = files_of(Blueprint(["shop"], DEFAULT_STAGES, IMAGES))
    assert '\n# stages = ["development", "staging", "production"]\n' in usual["gitops.toml"]
    assert '\n# promote_from = ["staging"]               # nothing' in usual["gitops.toml"]
    assert "gitops set authentication=HASH -e development " in usual["README.md"]
    assert " -p " not in usual["README.md"], "there is one project"

    alone = files_of(Blueprint(["shop"], ["live"], IMAGES))["gitops.toml"]
    without = [line for line in SETTINGS.splitlines(keepends=True) if "promote_from" not in line]
    assert alone == "".join(without).replace('["qa", "live"]', '["live"]')
    long = files_of(Blueprint(["shop"], ["a-stage-of-a-long-name", "live"], IMAGES))
    assert '# promote_from = ["a-stage-of-a-long-name"] # nothing' in long["gitops.toml"]


@pytest.mark.parametrize(
    ("blueprint", "message", "hint"),
    [
        (Blueprint([], ["qa"], IMAGES), "no project was named", "pass --project NAME"),
        (Blueprint(["a"], [], IMAGES), "no stage was named", "pass --stage NAME"),
        (Blueprint(["a", "b", "a"], ["qa"], IMAGES), "a project is named twice: a, b, a", None),
        (Blueprint(["a"], ["qa", "qa"], IMAGES), "a stage is named twice: qa, qa", None),
        (
            Blueprint(["A\x07"], ["qa"], IMAGES),
            "`A\\x07` is not the name of a project",
            "use lower-case letters, digits and `-`: it is part of a namespace's name",
        ),
        (
            Blueprint(["a"], ["qa"], "r/{project}"),
            ("--images-path: `r/a` does not end with `/`: the service's name would stick to it"),
            "write `r/a/`",
        ),
    ],
)
def test_what_no_repository_comes_of_is_refused(
    blueprint: Blueprint, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError) as refused:
        checked(blueprint)
    assert (refused.value.message, refused.value.hint) == (message, hint)
