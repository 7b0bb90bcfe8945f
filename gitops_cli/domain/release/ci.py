"""What a CI system says about the run: who, where, which branch. Pure: the variables are given."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.values import NamedTuple

# Compiled when first used (`re` keeps it): most commands never do.
_NO_ADDRESS = r"[^A-Za-z0-9.]+"
_QUEUES = ("gh-readonly-queue/", "gitlab-merge-train/", "mergify/merge-queue/")
_EMAIL = r"[^@\s<>]+@[^@\s<>]+\Z"


class CiRun(NamedTuple):
    """One run. `url` shows it; `branch` is whose tip was built.

    `branch` is None for a tag, for a request that is not merged yet (`request` then says which),
    and where the system does not say.
    """

    system: str
    actor: str | None = None
    email: str | None = None
    url: str | None = None
    branch: str | None = None
    request: str | None = None


class CiSystem(NamedTuple):
    """Which variables of a system say what; of several the first that is set.

    `marks` must all be set. While one of `request` or `tag` is set, what is built is no branch of
    the repository; so it is where `refuses` says what else runs.
    """

    name: str
    marks: tuple[str, ...]
    branch: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    actor: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    url: Callable[[Mapping[str, str]], str | None] | tuple[str, ...] = ()
    refuses: Callable[[Mapping[str, str]], str | None] = lambda environ: None


def _github_url(environ: Mapping[str, str]) -> str | None:
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    return f"{server}/{repository}/actions/runs/{run}" if repository and run else None


def _github_event(environ: Mapping[str, str]) -> str | None:
    """Return what runs beside a branch although the variables name one.

    A pull request, of a fork perhaps, starts these on the default branch and may be checked out.
    """
    event = environ.get("GITHUB_EVENT_NAME", "")
    beside = ("workflow_run", "issue_comment", "pull_request", "check_", "status", "discussion")
    return f"the event {event}" if event.startswith(beside) else None


def _azure_url(environ: Mapping[str, str]) -> str | None:
    base = environ.get("SYSTEM_COLLECTIONURI") or environ.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
    project, build = environ.get("SYSTEM_TEAMPROJECT"), environ.get("BUILD_BUILDID")
    if not (base and project and build):
        return None
    return f"{base}{quote(project)}/_build/results?buildId={build}"


def _bitbucket_url(environ: Mapping[str, str]) -> str | None:
    origin, number = (
        environ.get("BITBUCKET_GIT_HTTP_ORIGIN"),
        environ.get("BITBUCKET_BUILD_NUMBER"),
    )
    return f"{origin}/pipelines/results/{number}" if origin else None


def _event(name: str, environ: Mapping[str, str]) -> str | None:
    """Return which request a variable that names the event tells of."""
    event = environ.get(name, "")
    return event.replace("_", " ") if event.lower().startswith("pull") else None


# Asked in this order: a Woodpecker or Jenkins job may carry variables of others.
SYSTEMS: tuple[CiSystem, ...] = (
    CiSystem(
        "GitHub Actions",
        ("GITHUB_ACTIONS",),
        branch=("GITHUB_REF_NAME",),
        request=("GITHUB_HEAD_REF",),
        actor=("GITHUB_ACTOR",),
        url=_github_url,
        refuses=_github_event,
    ),
    CiSystem(
        "GitLab CI",
        ("GITLAB_CI",),
        branch=("CI_COMMIT_BRANCH",),
        request=("CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID"),
        tag=("CI_COMMIT_TAG",),
        actor=("GITLAB_USER_NAME", "GITLAB_USER_LOGIN"),
        email=("GITLAB_USER_EMAIL",),
        url=("CI_JOB_URL", "CI_PIPELINE_URL"),
    ),
    CiSystem(
        "Azure Pipelines",
        ("TF_BUILD",),
        branch=("BUILD_SOURCEBRANCH",),
        request=("SYSTEM_PULLREQUEST_PULLREQUESTID", "SYSTEM_PULLREQUEST_SOURCEBRANCH"),
        actor=("BUILD_REQUESTEDFOR",),
        email=("BUILD_REQUESTEDFOREMAIL",),
        url=_azure_url,
        refuses=functools.partial(_event, "BUILD_REASON"),
    ),
    CiSystem(
        "Bitbucket Pipelines",
        ("BITBUCKET_BUILD_NUMBER",),
        branch=("BITBUCKET_BRANCH",),
        request=("BITBUCKET_PR_ID",),
        tag=("BITBUCKET_TAG",),
        # Only an opaque id of the person is given; it says less than the run's page.
        url=_bitbucket_url,
    ),
    CiSystem(
        "CircleCI",
        ("CIRCLECI",),
        branch=("CIRCLE_BRANCH",),
        request=("CIRCLE_PR_NUMBER",),  # of forks only; CIRCLE_PULL_REQUEST is of branches, too
        tag=("CIRCLE_TAG",),
        actor=("CIRCLE_USERNAME",),
        url=("CIRCLE_BUILD_URL",),
    ),
    CiSystem(
        "Buildkite",
        ("BUILDKITE",),
        branch=("BUILDKITE_BRANCH",),
        request=("BUILDKITE_PULL_REQUEST",),
        tag=("BUILDKITE_TAG",),
        actor=("BUILDKITE_BUILD_CREATOR",),
        email=("BUILDKITE_BUILD_CREATOR_EMAIL",),
        url=("BUILDKITE_BUILD_URL",),
    ),
    CiSystem(
        "Drone",
        ("DRONE",),
        branch=("DRONE_BRANCH",),  # of a pull request: the one it goes into
        request=("DRONE_PULL_REQUEST",),
        tag=("DRONE_TAG",),
        actor=("DRONE_COMMIT_AUTHOR_NAME", "DRONE_COMMIT_AUTHOR"),
        email=("DRONE_COMMIT_AUTHOR_EMAIL",),
        url=("DRONE_BUILD_LINK",),
        refuses=functools.partial(_event, "DRONE_BUILD_EVENT"),
    ),
    CiSystem(
        "Woodpecker",
        ("CI_PIPELINE_EVENT", "CI_REPO"),
        branch=("CI_COMMIT_BRANCH",),  # as Drone's
        request=("CI_COMMIT_PULL_REQUEST",),
        tag=("CI_COMMIT_TAG",),
        actor=("CI_COMMIT_AUTHOR",),
        email=("CI_COMMIT_AUTHOR_EMAIL",),
        url=("CI_PIPELINE_URL", "CI_PIPELINE_FORGE_URL"),
        refuses=functools.partial(_event, "CI_PIPELINE_EVENT"),
    ),
    CiSystem(
        "Jenkins",
        ("JENKINS_URL", "BUILD_URL"),
        branch=("BRANCH_NAME", "GIT_BRANCH"),  # multibranch, else the git plugin: origin/develop
        request=("CHANGE_ID", "CHANGE_BRANCH", "ghprbPullId", "gitlabMergeRequestIid"),
        tag=("TAG_NAME",),
        actor=("BUILD_USER", "CHANGE_AUTHOR"),
        email=("BUILD_USER_EMAIL", "CHANGE_AUTHOR_EMAIL"),
        url=("BUILD_URL",),
    ),
    # These name no branch in the environment: their users hand GITOPS_BRANCH over.
    CiSystem("TeamCity", ("TEAMCITY_VERSION",), url=("BUILD_URL",)),
    CiSystem("Argo Workflows", ("ARGO_NODE_ID",)),
    CiSystem("Tekton", ("TEKTON_PIPELINE_RUN",)),
)


def ci_run(environ: Mapping[str, str]) -> CiRun | None:
    """Return the run that these variables describe; None outside CI.

    GITOPS_BRANCH says what is built where the system does not, or not as the team means it.
    """
    said = environ.get("GITOPS_BRANCH") or None
    system = next((s for s in SYSTEMS if all(environ.get(mark) for mark in s.marks)), None)
    if system is None:
        return CiRun("CI", branch=said) if environ.get("CI") or said else None
    run = _run_of(system, environ)
    return run if said is None else run._replace(branch=said, request=None)


def request_number(environ: Mapping[str, str]) -> int | None:
    """Return the number of the pull or merge request that a run is of; None: of none it says."""
    system = next((s for s in SYSTEMS if all(environ.get(mark) for mark in s.marks)), None)
    ref = re.match(r"refs/pull/(\d+)/", environ.get("GITHUB_REF", ""))
    said = (
        [ref[1]] if ref else [environ.get(name, "") for name in (system.request if system else ())]
    )
    return next((int(text) for text in said if text.isdecimal() and text.isascii()), None)


def _run_of(system: CiSystem, environ: Mapping[str, str]) -> CiRun:
    first = functools.partial(_first, environ)
    actor, address = first(system.actor), first(system.email)
    if system.name == "GitHub Actions" and actor:
        address = f"{actor}@users.noreply.github.com"
    ref = first(system.branch) or ""
    number = first(system.request)
    request = f"the request {number}" if number else system.refuses(environ) or _queue(ref)
    is_branch = not (request or first(system.tag) or environ.get("GITHUB_REF_TYPE") == "tag")
    url = first(system.url) if isinstance(system.url, tuple) else system.url(environ)
    branch = _branch(ref) if is_branch else None
    return CiRun(system.name, actor, _email(address), url, branch, request)


def _first(environ: Mapping[str, str], names: Iterable[str]) -> str | None:
    """Return the first variable that says something; `false` is how some say no."""
    found = (environ.get(name, "") for name in names)
    return next((text for text in found if text and text != "false"), None)


def _queue(ref: str) -> str | None:
    """Return which queue tries out a commit that is on no branch yet."""
    name = ref.removeprefix("refs/heads/")
    return f"the merge queue {name}" if name.startswith(_QUEUES) else None


def _branch(ref: str) -> str | None:
    """Return the branch of the repository that a ref is; None for tags, requests and forks."""
    if ref.startswith("refs/") and not ref.startswith("refs/heads/"):
        return None
    name = ref.removeprefix("refs/heads/").removeprefix("origin/")
    is_other = ":" in name or name.startswith(("pull/", "pull-requests/", "tags/"))
    return None if is_other or name in {"", "HEAD", "detached"} else name


def author(run: CiRun | None, environ: Mapping[str, str]) -> Actor | None:
    """Return who wrote what CI commits; None where git itself knows or must be asked."""
    if run is None or environ.get("GIT_AUTHOR_NAME"):
        return None
    name = run.actor or run.system
    return Actor(
        name, run.email or f"{re.sub(_NO_ADDRESS, '-', name).strip('-').lower()}@localhost"
    )


def _email(text: str | None) -> str | None:
    return text if text and re.match(_EMAIL, text) else None
