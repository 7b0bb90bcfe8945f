"""Who and where, from the variables of the CI systems."""

from __future__ import annotations

import pytest

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.release.ci import CiRun, author, ci_run, request_number

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


# As each system's documentation has its variables: a push to develop, a request, and a tag.
CIRCLE = {
    "CI": "true",
    "CIRCLECI": "true",
    "CIRCLE_BRANCH": "develop",
    "CIRCLE_BUILD_URL": "https://circleci.com/gh/acme/auth/7",
    "CIRCLE_USERNAME": "ada",
}
BUILDKITE = {
    "CI": "true",
    "BUILDKITE": "true",
    "BUILDKITE_BRANCH": "develop",
    "BUILDKITE_PULL_REQUEST": "false",
    "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/auth/builds/7",
    "BUILDKITE_BUILD_CREATOR": "Ada",
    "BUILDKITE_BUILD_CREATOR_EMAIL": "ada@acme.example",
    "BUILDKITE_TAG": "",
}
DRONE = {
    "CI": "true",
    "DRONE": "true",
    "DRONE_BUILD_EVENT": "push",
    "DRONE_BRANCH": "develop",
    "DRONE_BUILD_LINK": "https://drone.acme.example/acme/auth/7",
    "DRONE_COMMIT_AUTHOR_NAME": "Ada",
    "DRONE_COMMIT_AUTHOR_EMAIL": "ada@acme.example",
}
WOODPECKER = {
    "CI": "woodpecker",
    "CI_REPO": "acme/auth",
    "CI_PIPELINE_EVENT": "push",
    "CI_COMMIT_BRANCH": "develop",
    "CI_PIPELINE_URL": "https://ci.acme.example/repos/3/pipeline/7",
    "CI_COMMIT_AUTHOR": "ada",
    "CI_COMMIT_AUTHOR_EMAIL": "ada@acme.example",
}
TEAMCITY = {
    "TEAMCITY_VERSION": "2025.07",
    "BUILD_URL": "https://tc.acme.example/buildConfiguration/Auth/7",
    "GITOPS_BRANCH": "develop",  # env.GITOPS_BRANCH = %teamcity.build.branch%
}
ARGO = {"ARGO_NODE_ID": "auth-build-7-1", "GITOPS_BRANCH": "develop"}
TEKTON = {"TEKTON_PIPELINE_RUN": "auth-build-7", "GITOPS_BRANCH": "develop"}
PLAIN = {"GITOPS_BRANCH": "develop"}


@pytest.mark.parametrize(
    ("environ", "system", "actor", "url"),
    [
        (CIRCLE, "CircleCI", "ada", "https://circleci.com/gh/acme/auth/7"),
        (BUILDKITE, "Buildkite", "Ada", "https://buildkite.com/acme/auth/builds/7"),
        (DRONE, "Drone", "Ada", "https://drone.acme.example/acme/auth/7"),
        (WOODPECKER, "Woodpecker", "ada", "https://ci.acme.example/repos/3/pipeline/7"),
        (TEAMCITY, "TeamCity", None, "https://tc.acme.example/buildConfiguration/Auth/7"),
        (ARGO, "Argo Workflows", None, None),
        (TEKTON, "Tekton", None, None),
        (PLAIN, "CI", None, None),
    ],
    ids=["circle", "buildkite", "drone", "woodpecker", "teamcity", "argo", "tekton", "by hand"],
)
def test_a_push_to_a_branch_on_other_systems(environ, system, actor, url):
    run = ci_run(environ)

    assert run is not None
    assert (run.system, run.actor, run.url, run.branch) == (system, actor, url, "develop")


def on(environ: dict[str, str], **more: str) -> dict[str, str]:
    return {**environ, **more}


def without(environ: dict[str, str], name: str, **more: str) -> dict[str, str]:
    return {key: value for key, value in environ.items() if key != name} | more


FORK = "main"  # how a fork's branch may be called
REQUESTS = {
    "github": on(
        GITHUB,
        GITHUB_EVENT_NAME="pull_request",
        GITHUB_REF_NAME="12/merge",
        GITHUB_HEAD_REF=FORK,
    ),
    "github target": on(
        GITHUB,
        GITHUB_EVENT_NAME="pull_request_target",
        GITHUB_REF_NAME="main",
        GITHUB_HEAD_REF=FORK,
    ),
    "github run after a request": on(GITHUB, GITHUB_EVENT_NAME="workflow_run"),
    "github comment": on(GITHUB, GITHUB_EVENT_NAME="issue_comment"),
    "github merge queue": on(
        GITHUB,
        GITHUB_EVENT_NAME="merge_group",
        GITHUB_REF_NAME=f"gh-readonly-queue/main/pr-12-{'a' * 40}",
    ),
    "gitlab": without(
        GITLAB,
        "CI_COMMIT_BRANCH",
        CI_MERGE_REQUEST_IID="12",
        CI_MERGE_REQUEST_SOURCE_BRANCH_NAME=FORK,
    ),
    "gitlab of another forge": on(GITLAB, CI_EXTERNAL_PULL_REQUEST_IID="12"),
    "jenkins multibranch": on(JENKINS, BRANCH_NAME="PR-12", CHANGE_ID="12", CHANGE_BRANCH=FORK),
    "jenkins plugin": on(JENKINS, ghprbPullId="12"),
    "azure": on(
        AZURE,
        BUILD_REASON="PullRequest",
        BUILD_SOURCEBRANCH="refs/pull/12/merge",
        SYSTEM_PULLREQUEST_SOURCEBRANCH="refs/heads/main",
    ),
    "bitbucket": on(BITBUCKET, BITBUCKET_BRANCH=FORK, BITBUCKET_PR_ID="12"),
    "circle, of a fork": on(CIRCLE, CIRCLE_BRANCH="pull/12", CIRCLE_PR_NUMBER="12"),
    "buildkite": on(BUILDKITE, BUILDKITE_BRANCH=FORK, BUILDKITE_PULL_REQUEST="12"),
    "buildkite merge queue": on(BUILDKITE, BUILDKITE_BRANCH="gh-readonly-queue/main/pr-1-abc"),
    "drone": on(DRONE, DRONE_BUILD_EVENT="pull_request", DRONE_PULL_REQUEST="12"),
    "woodpecker": on(WOODPECKER, CI_PIPELINE_EVENT="pull_request", CI_COMMIT_PULL_REQUEST="12"),
}
TAGS = {
    "github": on(GITHUB, GITHUB_REF_NAME="v1", GITHUB_REF_TYPE="tag"),
    "gitlab": without(GITLAB, "CI_COMMIT_BRANCH", CI_COMMIT_TAG="v1"),
    "jenkins": on(JENKINS, BRANCH_NAME="v1", TAG_NAME="v1"),
    "azure": on(AZURE, BUILD_SOURCEBRANCH="refs/tags/v1"),
    "bitbucket": without(BITBUCKET, "BITBUCKET_BRANCH", BITBUCKET_TAG="v1"),
    "circle": without(CIRCLE, "CIRCLE_BRANCH", CIRCLE_TAG="v1"),
    "buildkite": on(BUILDKITE, BUILDKITE_BRANCH="v1", BUILDKITE_TAG="v1"),
    "drone": on(DRONE, DRONE_BUILD_EVENT="tag", DRONE_TAG="v1"),
    "woodpecker": on(WOODPECKER, CI_PIPELINE_EVENT="tag", CI_COMMIT_TAG="v1"),
    "jenkins, detached": on(JENKINS, GIT_BRANCH="detached"),
}


@pytest.mark.parametrize("environ", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_no_branch_whatever_its_head_is_called(environ):
    run = ci_run(environ)

    assert run is not None
    assert run.branch is None
    assert run.request is not None


@pytest.mark.parametrize("environ", TAGS.values(), ids=TAGS)
def test_a_tag_is_no_branch_and_no_request(environ):
    run = ci_run(environ)

    assert run is not None
    assert (run.branch, run.request) == (None, None)


@pytest.mark.parametrize("environ", [*REQUESTS.values(), *TAGS.values()])
def test_what_is_said_to_be_built_counts(environ):
    run = ci_run({**environ, "GITOPS_BRANCH": "develop"})

    assert run is not None
    assert (run.branch, run.request) == ("develop", None)


@pytest.mark.parametrize(
    ("environ", "branch"),
    [
        (on(JENKINS, BRANCH_NAME="feature/y"), "feature/y"),
        (on(BUILDKITE, BUILDKITE_BRANCH="ada:main"), None),  # a fork's
        (on(CIRCLE, CIRCLE_PULL_REQUEST="https://github.com/acme/auth/pull/12"), "develop"),
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
                request="the request refs/heads/topic",
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
            CiRun("Jenkins", "Ben", "ben@acme.example", "b", request="the request topic"),
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


@pytest.mark.parametrize(
    ("environ", "number"),
    [
        ({}, None),
        ({"CI": "true", "CI_MERGE_REQUEST_IID": "5"}, None),
        (GITHUB, None),
        (GITHUB | {"GITHUB_REF": "refs/pull/12/merge", "GITHUB_HEAD_REF": "7"}, 12),
        (GITHUB | {"GITHUB_REF": "refs/heads/refs/pull/12/merge"}, None),
        (GITHUB | {"GITHUB_REF": "refs/pull/12x/merge", "GITHUB_HEAD_REF": "fix"}, None),
        ({"GITHUB_REF": "refs/pull/12/merge"}, 12),
        (GITLAB | {"CI_MERGE_REQUEST_IID": "5", "CI_EXTERNAL_PULL_REQUEST_IID": "6"}, 5),
        (GITLAB | {"CI_EXTERNAL_PULL_REQUEST_IID": "6"}, 6),
        (JENKINS | {"CHANGE_ID": "PR-3", "CHANGE_BRANCH": "fix", "ghprbPullId": "8"}, 8),
        (JENKINS | {"CHANGE_ID": "\u0663"}, None),
        (JENKINS | {"CHANGE_ID": "\u00b2"}, None),
        ({"BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "false"}, None),
    ],
)
def test_the_number_of_a_request_is_what_the_system_says(environ, number):
    assert request_number(environ) == number


@pytest.mark.parametrize(
    ("event", "beside"),
    [
        ("workflow_run", True),
        ("issue_comment", True),
        ("pull_request_target", True),
        ("check_suite", True),
        ("status", True),
        ("discussion_comment", True),
        ("push", False),
        ("schedule", False),
    ],
)
def test_what_runs_beside_a_branch_is_not_of_it(event, beside):
    found = ci_run(GITHUB | {"GITHUB_EVENT_NAME": event})
    assert found is not None
    assert (found.branch, found.request) == (
        (None, f"the event {event}") if beside else ("develop", None)
    )


def test_an_event_that_is_a_request_is_said_in_words():
    found = ci_run({"DRONE": "true", "DRONE_BRANCH": "main", "DRONE_BUILD_EVENT": "pull_request"})
    assert found == CiRun("Drone", request="pull request")


@pytest.mark.parametrize("name", ["tags/v1", "pull/3/head", "pull-requests/3", "ada:main"])
def test_what_only_looks_like_a_branch_is_none(name):
    found = ci_run(JENKINS | {"GIT_BRANCH": f"origin/{name}"})
    assert found is not None
    assert found.branch is None


@pytest.mark.parametrize(
    "queue", ["gh-readonly-queue/main/pr-1", "refs/heads/gitlab-merge-train/1"]
)
def test_a_queue_that_tries_out_a_commit_is_named(queue):
    found = ci_run(GITLAB | {"CI_COMMIT_BRANCH": queue})
    assert found is not None
    name = queue.removeprefix("refs/heads/")
    assert (found.branch, found.request) == (None, f"the merge queue {name}")
