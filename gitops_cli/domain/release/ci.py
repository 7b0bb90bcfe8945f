"""What a CI system says about the run: who, where, which branch. Pure: the variables are given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from gitops_cli.domain.change.proposal import Actor

# Compiled when first used (`re` keeps it): most commands never do.
_NO_ADDRESS = r"[^A-Za-z0-9.]+"
_EMAIL = r"[^@\s<>]+@[^@\s<>]+\Z"


class CiRun(NamedTuple):
    """One run. `url` shows it; `branch` is what was built, None for a tag or unknown."""

    system: str
    actor: str | None = None
    email: str | None = None
    url: str | None = None
    branch: str | None = None


def ci_run(environ: Mapping[str, str]) -> CiRun | None:
    """Return the run that these variables describe; None outside CI."""
    if environ.get("GITHUB_ACTIONS"):
        return _github(environ)
    if environ.get("GITLAB_CI"):
        return _gitlab(environ)
    if environ.get("TF_BUILD"):
        return _azure(environ)
    if environ.get("BITBUCKET_BUILD_NUMBER"):
        return _bitbucket(environ)
    if environ.get("JENKINS_URL") and environ.get("BUILD_URL"):
        return _jenkins(environ)
    return CiRun("CI") if environ.get("CI") else None


def author(run: CiRun | None, environ: Mapping[str, str]) -> Actor | None:
    """Return who wrote what CI commits; None where git itself knows or must be asked."""
    if run is None or environ.get("GIT_AUTHOR_NAME"):
        return None
    name = run.actor or run.system
    return Actor(
        name, run.email or f"{re.sub(_NO_ADDRESS, '-', name).strip('-').lower()}@localhost"
    )


def _github(environ: Mapping[str, str]) -> CiRun:
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    # GITHUB_HEAD_REF is set for pull requests only, where REF_NAME is `12/merge`.
    is_branch = environ.get("GITHUB_REF_TYPE", "branch") == "branch"
    branch = environ.get("GITHUB_HEAD_REF") or (environ.get("GITHUB_REF_NAME") if is_branch else "")
    actor = environ.get("GITHUB_ACTOR") or None
    return CiRun(
        "GitHub Actions",
        actor,
        f"{actor}@users.noreply.github.com" if actor else None,
        f"{server}/{repository}/actions/runs/{run}" if repository and run else None,
        branch or None,
    )


def _gitlab(environ: Mapping[str, str]) -> CiRun:
    branch = environ.get("CI_COMMIT_BRANCH") or environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
    return CiRun(
        "GitLab CI",
        environ.get("GITLAB_USER_NAME") or environ.get("GITLAB_USER_LOGIN") or None,
        _email(environ.get("GITLAB_USER_EMAIL")),
        environ.get("CI_JOB_URL") or environ.get("CI_PIPELINE_URL") or None,
        branch or None,
    )


def _azure(environ: Mapping[str, str]) -> CiRun:
    base = environ.get("SYSTEM_COLLECTIONURI") or environ.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
    project, build = environ.get("SYSTEM_TEAMPROJECT"), environ.get("BUILD_BUILDID")
    complete = base and project and build
    url = f"{base}{quote(project or '')}/_build/results?buildId={build}" if complete else None
    ref = environ.get("SYSTEM_PULLREQUEST_SOURCEBRANCH") or environ.get("BUILD_SOURCEBRANCH", "")
    return CiRun(
        "Azure Pipelines",
        environ.get("BUILD_REQUESTEDFOR") or None,
        _email(environ.get("BUILD_REQUESTEDFOREMAIL")),
        url,
        ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None,
    )


def _bitbucket(environ: Mapping[str, str]) -> CiRun:
    origin = environ.get("BITBUCKET_GIT_HTTP_ORIGIN")
    number = environ["BITBUCKET_BUILD_NUMBER"]
    return CiRun(
        "Bitbucket Pipelines",
        # Only an opaque id of the person is given; it says less than the run's page.
        url=f"{origin}/pipelines/results/{number}" if origin else None,
        branch=environ.get("BITBUCKET_BRANCH") or None,
    )


def _jenkins(environ: Mapping[str, str]) -> CiRun:
    ref = environ.get("CHANGE_BRANCH") or environ.get("BRANCH_NAME")
    if not ref:  # the git plugin's, outside multibranch: `origin/develop`
        ref = environ.get("GIT_BRANCH", "").removeprefix("origin/")
    return CiRun(
        "Jenkins",
        environ.get("BUILD_USER") or environ.get("CHANGE_AUTHOR") or None,
        _email(environ.get("BUILD_USER_EMAIL") or environ.get("CHANGE_AUTHOR_EMAIL")),
        environ["BUILD_URL"],
        ref or None,
    )


def _email(text: str | None) -> str | None:
    return text if text and re.match(_EMAIL, text) else None
