"""Who and where, from the variables of the CI systems."""

from __future__ import annotations

import pytest

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.release.ci import CiRun, author, ci_run

GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/auth",
    "GITHUB_RUN_ID": "7",
    "GITHUB_REF_NAME": "develop",
    "GITHUB_REF_TYPE": "branch",
}
GITLAB = {
    "CI": "true",
    "GITLAB_CI": "true",
    "GITLAB_USER_NAME": "Ada",
    "GITLAB_USER_EMAIL": "ada@acme.example",
    "CI_JOB_URL": "https://gitlab.com/acme/auth/-/jobs/7",
    "CI_COMMIT_BRANCH": "develop",
}
JENKINS = {
    "JENKINS_URL": "https://ci.acme.example/",
    "BUILD_URL": "https://ci.acme.example/job/auth/7/",
    "GIT_BRANCH": "origin/develop",
    "BUILD_USER": "Ada",
}
AZURE = {
    "TF_BUILD": "True",
    "BUILD_REQUESTEDFOR": "Ada",
    "BUILD_REQUESTEDFOREMAIL": "ada@acme.example",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
    "SYSTEM_TEAMPROJECT": "my shop",
    "BUILD_BUILDID": "7",
    "BUILD_SOURCEBRANCH": "refs/heads/develop",
}
BITBUCKET = {
    "CI": "true",
    "BITBUCKET_BUILD_NUMBER": "7",
    "BITBUCKET_GIT_HTTP_ORIGIN": "https://bitbucket.org/acme/auth",
    "BITBUCKET_BRANCH": "develop",
}


@pytest.mark.parametrize(
    ("environ", "actor", "url"),
    [
        pytest.param(GITHUB, "ada", "https://github.com/acme/auth/actions/runs/7", id="github"),
        pytest.param(GITLAB, "Ada", "https://gitlab.com/acme/auth/-/jobs/7", id="gitlab"),
        pytest.param(JENKINS, "Ada", "https://ci.acme.example/job/auth/7/", id="jenkins"),
        pytest.param(
            AZURE,
            "Ada",
            "https://dev.azure.com/acme/my%20shop/_build/results?buildId=7",
            id="azure",
        ),
        pytest.param(
            BITBUCKET,
            None,
            "https://bitbucket.org/acme/auth/pipelines/results/7",
            id="bitbucket",
        ),
    ],
)
def test_each_system_says_who_where_and_which_branch(environ, actor, url):
    run = ci_run(environ)

    assert run is not None
    assert (run.actor, run.url, run.branch) == (actor, url, "develop")


@pytest.mark.parametrize(
    ("environ", "branch"),
    [
        pytest.param(
            {**GITHUB, "GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "fix/x"},
            "fix/x",
            id="github pull request",
        ),
        pytest.param(
            {**GITHUB, "GITHUB_REF_NAME": "v1", "GITHUB_REF_TYPE": "tag"}, None, id="github tag"
        ),
        pytest.param({**AZURE, "BUILD_SOURCEBRANCH": "refs/tags/v1"}, None, id="azure tag"),
        pytest.param(
            {**JENKINS, "BRANCH_NAME": "feature/y"}, "feature/y", id="jenkins multibranch"
        ),
        pytest.param(
            {
                k: v
                for k, v in {**GITLAB, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix/z"}.items()
                if k != "CI_COMMIT_BRANCH"
            },
            "fix/z",
            id="gitlab merge request",
        ),
    ],
)
def test_the_branch_is_the_one_that_was_built(environ, branch):
    run = ci_run(environ)

    assert run is not None
    assert run.branch == branch


def test_outside_ci_there_is_no_run():
    assert ci_run({}) is None
    assert ci_run({"CI": ""}) is None


def test_an_unknown_system_is_just_ci():
    assert ci_run({"CI": "1"}) == CiRun("CI")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, None, id="a person: git knows"),
        pytest.param(GITHUB, Actor("ada", "ada@users.noreply.github.com"), id="github"),
        pytest.param(GITLAB, Actor("Ada", "ada@acme.example"), id="gitlab"),
        pytest.param(
            BITBUCKET, Actor("Bitbucket Pipelines", "bitbucket-pipelines@localhost"), id="nobody"
        ),
        pytest.param({**GITHUB, "GIT_AUTHOR_NAME": "Bot"}, None, id="said outright"),
    ],
)
def test_the_author_in_ci_is_its_actor(environ, expected):
    assert author(ci_run(environ), environ) == expected


def test_an_address_that_git_would_choke_on_is_not_taken():
    run = ci_run({**GITLAB, "GITLAB_USER_EMAIL": "Ada <ada@acme.example>"})

    assert author(run, {}) == Actor("Ada", "ada@localhost")


def test_each_system_in_full() -> None:
    assert ci_run(GITHUB) == CiRun(
        "GitHub Actions",
        "ada",
        "ada@users.noreply.github.com",
        "https://github.com/acme/auth/actions/runs/7",
        "develop",
    )
    assert ci_run(GITLAB) == CiRun(
        "GitLab CI",
        "Ada",
        "ada@acme.example",
        "https://gitlab.com/acme/auth/-/jobs/7",
        "develop",
    )
    assert ci_run(AZURE) == CiRun(
        "Azure Pipelines",
        "Ada",
        "ada@acme.example",
        "https://dev.azure.com/acme/my%20shop/_build/results?buildId=7",
        "develop",
    )
    assert ci_run(JENKINS | {"BUILD_USER_EMAIL": "ada@acme.example"}) == CiRun(
        "Jenkins", "Ada", "ada@acme.example", "https://ci.acme.example/job/auth/7/", "develop"
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GITHUB_ACTIONS": "true"}, CiRun("GitHub Actions")),
        ({"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "a/b"}, CiRun("GitHub Actions")),
        ({"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "7"}, CiRun("GitHub Actions")),
        (
            {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            CiRun("GitHub Actions", url="https://github.com/a/b/actions/runs/7"),
        ),
        (
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_SERVER_URL": "https://git.acme.example",
                "GITHUB_REPOSITORY": "a/b",
                "GITHUB_RUN_ID": "7",
                "GITHUB_REF_NAME": "main",
            },
            CiRun(
                "GitHub Actions",
                url="https://git.acme.example/a/b/actions/runs/7",
                branch="main",
            ),
        ),
        ({"GITLAB_CI": "true"}, CiRun("GitLab CI")),
        (
            {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "ada", "CI_PIPELINE_URL": "p"},
            CiRun("GitLab CI", "ada", url="p"),
        ),
        ({"TF_BUILD": "True"}, CiRun("Azure Pipelines")),
        (
            {
                "TF_BUILD": "True",
                "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://tfs/",
                "SYSTEM_TEAMPROJECT": "p",
                "BUILD_BUILDID": "7",
                "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/topic",
                "BUILD_SOURCEBRANCH": "refs/pull/1/merge",
            },
            CiRun(
                "Azure Pipelines",
                url="https://tfs/p/_build/results?buildId=7",
                branch="topic",
            ),
        ),
        *(
            (
                AZURE | {name: ""},
                CiRun("Azure Pipelines", "Ada", "ada@acme.example", None, "develop"),
            )
            for name in ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID")
        ),
        ({"BITBUCKET_BUILD_NUMBER": "7"}, CiRun("Bitbucket Pipelines")),
        ({"JENKINS_URL": "j", "BUILD_URL": "b"}, CiRun("Jenkins", url="b")),
        (
            {
                "JENKINS_URL": "j",
                "BUILD_URL": "b",
                "CHANGE_BRANCH": "topic",
                "BRANCH_NAME": "PR-1",
                "CHANGE_AUTHOR": "Ben",
                "CHANGE_AUTHOR_EMAIL": "ben@acme.example",
            },
            CiRun("Jenkins", "Ben", "ben@acme.example", "b", "topic"),
        ),
        ({"JENKINS_URL": "j"}, None),
        ({"BUILD_URL": "b", "CI": "true"}, CiRun("CI")),
        ({}, None),
    ],
)
def test_what_a_system_does_not_say_is_not_made_up(environ, expected):
    assert ci_run(environ) == expected


def test_a_name_becomes_an_address_of_this_machine() -> None:
    assert author(CiRun("CI", "-Ada & Ben.C-"), {}) == Actor("-Ada & Ben.C-", "ada-ben.c@localhost")
    assert author(CiRun("CI", "X.Y"), {}) == Actor("X.Y", "x.y@localhost")
